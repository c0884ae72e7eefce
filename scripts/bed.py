"""What the demo and the benchmark run the extension in: an imagined Azure and the guest agent,
each a process of its own."""

import json
import os
import platform
import subprocess
import sys
import time
import urllib.request
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATIENCE = 60


def until(reached, what, patience=PATIENCE):
    """Looks until it is so; its last answer."""
    deadline = time.monotonic() + patience
    while True:
        answer = reached()
        if answer:
            return answer
        if time.monotonic() > deadline:
            sys.exit(f"not within {patience} s: {what}")
        time.sleep(0.05)


class Azure:
    """The program of crates/fake-azure, serving a scenario until it is stopped.

    With `network`, a function from a command to the same in a network of its own, it is alone
    there, and `process` is the number by which that network is entered."""

    def __init__(self, program, folder, scenario, network=None):
        self._program = program
        self.folder = os.path.join(folder, "azure")
        os.makedirs(self.folder)
        document = os.path.join(self.folder, "scenario.json")
        with open(document, "w") as file:
            json.dump(scenario, file)
        serve = [program, "serve", "--directory", self.folder, "--scenario", document]
        command = network(serve) if network else serve
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.process = self._process.pid
        self._enter = ["nsenter", "-t", str(self.process), "-n"] if network else []
        self.environment = until(self._announced, "the imagined Azure starts")

    def for_programs(self):
        """What leads a program's requests here."""
        return {name: self.environment[name] for name in ("HTTPS_PROXY", "SSL_CERT_FILE")}

    def identity_endpoint(self):
        return self.environment["FAKE_AZURE_IMDS"]

    def rotate(self, vault, certificate):
        self.tell("rotate", vault, certificate)

    def tell(self, *words):
        """One of the program's commands to a server, such as `deny VAULT REFUSAL`."""
        command = [*self._enter, self._program, *words, "--directory", self.folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def requests(self):
        """What was asked since the log was emptied, each as crates/fake-azure/README.md has it."""
        return json.loads(self._log("GET"))

    def forget(self):
        """Empties the log of requests."""
        self._log("DELETE")

    def _log(self, method):
        address = self.environment["FAKE_AZURE_ADMIN"] + "/requests"
        with urllib.request.urlopen(urllib.request.Request(address, method=method)) as answer:
            return answer.read()

    def stop(self):
        self._process.terminate()
        self._process.wait()

    def _announced(self):
        """The file is there once everything is."""
        if self._process.poll() is not None:
            sys.exit("the imagined Azure did not start")
        try:
            with open(os.path.join(self.folder, "environment")) as file:
                return dict(line.rstrip("\n").split("=", 1) for line in file)
        except FileNotFoundError:
            return None


class GuestAgent:
    """The guest agent's own code, driven by tests/guest-agent/driver.py."""

    def __init__(self, folder, environment):
        script = os.path.join(ROOT, "scripts", "guest-agent.sh")
        code = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout
        driver = os.path.join(ROOT, "tests", "guest-agent", "driver.py")
        command = [driver, "--agent", code.strip(), "--sandbox", os.path.join(folder, "agent")]
        command += [word for name in environment for word in ("--pass", name)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.version = self._answer()["agent"]

    def ask(self, what, **fields):
        self._process.stdin.write(json.dumps({"ask": what, **fields}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def stop(self):
        self._process.kill()
        self._process.wait()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            sys.exit("the guest agent's driver ended")
        return json.loads(line)


def package():
    """The zip that `make package` made last."""
    folder = os.path.join(ROOT, "target", "package")
    zips = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".zip")]
    return max(zips, key=os.path.getmtime)


def unpacked(package, folder):
    """The two programs as they are shipped, by name."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    programs = os.path.join(folder, "bin", platform.machine())
    for name in os.listdir(programs):
        os.chmod(os.path.join(programs, name), 0o755)
    return {name: os.path.join(programs, name) for name in os.listdir(programs)}


def directories(folder):
    """Where our programs keep their files, below a folder."""
    names = {"STATE_DIRECTORY": "state", "RUNTIME_DIRECTORY": "run", "LOGS_DIRECTORY": "log"}
    return {variable: os.path.join(folder, name) for variable, name in names.items()}
