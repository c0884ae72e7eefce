#!/usr/bin/python3 -B
"""Makes what a release has beside the extension's zip, from the programs in it: .deb and .rpm for
each processor, the Azure VM application, SBOM, licences, the tools' versions, and SHA256SUMS.

    scripts/dist.py --zip ZIP --output DIR

dpkg-deb, rpmbuild and tar do the packing; here stands what goes where. The same zip and the same
SOURCE_DATE_EPOCH give the same bytes.
"""

import argparse
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile

import licences
import package

ROOT = package.ROOT
NAME = "akvvm"
# As uname, Debian and RPM name processors.
PROCESSORS = {"x86_64": ("amd64", "x86_64"), "aarch64": ("arm64", "aarch64")}
PROGRAM = "/usr/bin/akvvm_service"
# Also where /usr cannot be written.
APPLICATION_PROGRAM = "/opt/akvvm/bin/akvvm_service"
UNIT = "akvvm_service.service"


def sources(*path):
    return os.path.join(ROOT, "packaging", *path)


def filled(template, path, **places):
    """A file of packaging/ with its places filled in."""
    with open(sources("service.sh")) as file:
        service = file.read().replace("@PROGRAM@", path).rstrip("\n")
    with open(template) as file:
        text = file.read()
    for name, value in {**places, "SERVICE": service}.items():
        text = text.replace(f"@{name}@", value)
    return text


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def copy(source, path, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copyfile(source, path)
    os.chmod(path, mode)


def pages():
    """All pages of the documents, below docs: they lead to one another."""
    folder = os.path.join(ROOT, "docs")
    found = glob.glob(os.path.join(folder, "**", "*.md"), recursive=True)
    return sorted(os.path.relpath(page, folder) for page in found if "SUMMARY" not in page)


def unit(path, by):
    command = [os.path.join(ROOT, "scripts", "standalone-unit.sh"), path, by]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def run(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)


def epoch():
    """How old all files are, in seconds since 1970."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))


def same_time(tree):
    """For packers that have no option for it."""
    time = epoch()
    for folder, _, files in os.walk(tree):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            os.utime(path, (time, time), follow_symlinks=False)


class Dist:
    """Packs what the zip has into `output`, by way of files in `scratch`."""

    def __init__(self, path, version, output, scratch):
        self._version = version
        self._output = output
        self._scratch = scratch
        with zipfile.ZipFile(path) as zipped:
            names = zipped.namelist()
            self.processors = [cpu for cpu in PROCESSORS if f"bin/{cpu}/akvvm_service" in names]
            zipped.extractall(os.path.join(scratch, "zip"))

    def _unzipped(self, *name):
        return os.path.join(self._scratch, "zip", *name)

    def _program(self, cpu):
        return self._unzipped("bin", cpu, "akvvm_service")

    def tree(self, cpu):
        """What .deb and .rpm put on a machine."""
        tree = os.path.join(self._scratch, "tree", cpu)
        copy(self._program(cpu), tree + PROGRAM, 0o755)
        write(f"{tree}/usr/lib/systemd/system/{UNIT}", unit(PROGRAM, "the package akvvm"))
        copy(sources("settings.json"), f"{tree}/etc/akvvm/settings.json", 0o600)
        documents = f"{tree}/usr/share/doc/{NAME}"
        copy(self._unzipped("LICENSE"), f"{documents}/copyright")
        copy(self._unzipped(licences.FILE), f"{documents}/{licences.FILE}")
        for page in pages():
            copy(os.path.join(ROOT, "docs", page), f"{documents}/{page}")
        return tree

    def deb(self, cpu):
        debian, _ = PROCESSORS[cpu]
        tree = os.path.join(self._scratch, "deb", cpu)
        shutil.copytree(self.tree(cpu), tree)
        places = {"VERSION": self._version, "ARCHITECTURE": debian}
        for name in ("control", "preinst", "postinst", "prerm", "postrm"):
            mode = 0o644 if name == "control" else 0o755
            write(f"{tree}/DEBIAN/{name}", filled(sources("deb", name), PROGRAM, **places), mode)
        write(f"{tree}/DEBIAN/conffiles", "/etc/akvvm/settings.json\n")
        same_time(tree)
        path = os.path.join(self._output, f"{NAME}_{self._version}_{debian}.deb")
        # xz: dpkg reads zstd only since 1.21.18.
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
        options = ["-Zxz", "--root-owner-group", "--build"]
        run("dpkg-deb", *options, tree, path, env=environment)
        return path

    def rpm(self, cpu):
        _, name = PROCESSORS[cpu]
        tree = self.tree(cpu)
        same_time(tree)
        top = os.path.join(self._scratch, "rpm", cpu)
        spec = os.path.join(top, f"{NAME}.spec")
        write(spec, filled(sources("rpm", f"{NAME}.spec"), PROGRAM, VERSION=self._version))
        defined = [f"_topdir {top}", f"tree {tree}", f"_rpmdir {top}/made"]
        options = [word for it in defined for word in ("--define", it)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
        run("rpmbuild", "-bb", "--quiet", "--target", name, *options, spec, env=environment)
        file = f"{NAME}-{self._version}-1.{name}.rpm"
        path = os.path.join(self._output, file)
        shutil.move(os.path.join(top, "made", name, file), path)
        return path

    def application(self):
        """An archive for every processor: the gallery knows one file for each version."""
        tree = os.path.join(self._scratch, "application")
        inside = os.path.join(tree, f"{NAME}-vm-application")
        for cpu in self.processors:
            copy(self._program(cpu), f"{inside}/bin/{cpu}/akvvm_service", 0o755)
        for name in ("install.sh", "remove.sh"):
            text = filled(sources("vm-application", name), APPLICATION_PROGRAM)
            write(f"{inside}/{name}", text, 0o755)
        write(f"{inside}/{UNIT}", unit(APPLICATION_PROGRAM, "the VM application akvvm"))
        copy(sources("settings.json"), f"{inside}/settings.json")
        for name in ("LICENSE", licences.FILE):
            copy(self._unzipped(name), f"{inside}/{name}")
        path = os.path.join(self._output, f"{NAME}-vm-application-{self._version}.tar.gz")
        traceless = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]
        time = f"--mtime=@{epoch()}"
        packed = ["tar", "-c", *traceless, time, "-C", tree, os.path.basename(inside)]
        with open(path, "wb") as file:
            tar = subprocess.Popen(packed, stdout=subprocess.PIPE)
            subprocess.run(["gzip", "-9n"], stdin=tar.stdout, stdout=file, check=True)
            if tar.wait():
                raise SystemExit("dist: tar failed")
        return path


def sbom():
    """By a script that needs CycloneDX's library."""
    python = os.path.join(ROOT, "target", "portable-tools", "python", "bin", "python")
    command = [python, "-B", os.path.join(ROOT, "scripts", "sbom.py")]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def record():
    """What had a hand in the bytes, for whoever wants the same ones."""
    tools = ("rustc-web", "cargo-web", "dpkg", "rpm", "tar", "xz-utils", "gzip", "zlib1g", "python3")
    versions = [["/usr/bin/rustc", "--version"], ["dpkg-query", "-W", *tools]]
    lines = [f"version {package.workspace_version()}"]
    lines += [f"commit {os.environ.get('AKVVM_COMMIT', 'unknown')}", f"time {epoch()}"]
    for command in versions:
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        lines += done.stdout.splitlines()
    with open(sources("requirements.txt")) as file:
        lines += [line for line in file.read().splitlines() if "==" in line]
    return "\n".join(lines) + "\n"


def sums(folder):
    """SHA256SUMS over everything else in the folder, as sha256sum --check reads it."""
    lines = []
    for name in sorted(set(os.listdir(folder)) - {"SHA256SUMS"}):
        with open(os.path.join(folder, name), "rb") as file:
            lines.append(f"{hashlib.sha256(file.read()).hexdigest()}  {name}\n")
    write(os.path.join(folder, "SHA256SUMS"), "".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zip", required=True, help="the extension's package")
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    output = os.path.abspath(options.output)
    shutil.rmtree(output, ignore_errors=True)
    os.makedirs(output)
    os.umask(0o022)
    shutil.copy(options.zip, output)
    with tempfile.TemporaryDirectory() as scratch:
        dist = Dist(options.zip, package.workspace_version(), output, scratch)
        for cpu in dist.processors:
            dist.deb(cpu)
            dist.rpm(cpu)
        dist.application()
    write(os.path.join(output, licences.FILE), licences.text())
    write(os.path.join(output, "BUILD.txt"), record())
    write(os.path.join(output, f"{NAME}-{package.workspace_version()}.cdx.json"), sbom())
    sums(output)
    print(output)


if __name__ == "__main__":
    main()
