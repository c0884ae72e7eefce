"""The list of files, and what is expected of each."""

import subprocess


class Cases:
    """Collects files below a folder. Threads may add to it at the same time."""

    def __init__(self, folder):
        self.folder = folder
        self._cases = []

    def new_file(self, producer, name):
        """Where a producer shall put a file."""
        path = self.folder / producer / name
        path.parent.mkdir(exist_ok=True)
        return path

    def decodes(self, path, chain, key, notes=0):
        """The file holds this chain (paths of DER) and this key (path of PKCS#8 DER)."""
        chain = [str(part.relative_to(self.folder)) for part in chain]
        key = str(key.relative_to(self.folder))
        self._add(path, {"chain": chain, "key": key, "notes": notes})

    def refused(self, path, words):
        """The file is refused with a sentence that has these words in it."""
        self._add(path, {"refused": words})

    def sorted(self):
        return sorted(self._cases, key=lambda case: case["file"])

    def _add(self, path, expected):
        case = {"file": str(path.relative_to(self.folder)), "producer": path.parent.name}
        self._cases.append(case | expected)


def run(*command):
    """Runs a tool; what it says is shown only if it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise RuntimeError(f"{' '.join(command)}\n{said}")
    return done.stdout
