#!/usr/bin/python3 -B
"""Packs the extension: a zip as the guest agent wants it, from programs that are built already.

    scripts/package.py [--publisher P] [--type T] [--version V] [--output DIR]
                       [--programs CPU=DIR]...

Prints the zip's path. The same programs give the same bytes. Nothing in it depends on modes or links:
the agent loses both when it unpacks (WALinuxAgent 2.15, ga/exthandlers.py:1488, every file 0744).
"""

import argparse
import os
import platform
import re
import sys
import zipfile

import licences

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = ("akvvm_handler", "akvvm_service")
FILES = {
    "HandlerManifest.json": "HandlerManifest.json",
    "LICENSE": "LICENSE",
    "bin/handler": "scripts/handler.sh",
}
# The earliest date a zip can hold.
DATE = (1980, 1, 1, 0, 0, 0)


def workspace_version():
    with open(os.path.join(ROOT, "Cargo.toml")) as file:
        package = file.read().partition("[workspace.package]")[2]
    return re.search(r'^version = "([^"]+)"', package, re.MULTILINE).group(1)


def cpu_and_folder(text):
    cpu, equals, folder = text.partition("=")
    if not (cpu and equals and folder):
        raise argparse.ArgumentTypeError("expected CPU=DIR, such as x86_64=target/release")
    return cpu, folder


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--publisher", default="OpenKeyVault")
    parser.add_argument("--type", default="KeyVaultForLinux")
    parser.add_argument("--version", default=workspace_version())
    parser.add_argument("--output", default=os.path.join(ROOT, "target", "package"))
    parser.add_argument(
        "--programs",
        type=cpu_and_folder,
        action="append",
        metavar="CPU=DIR",
        help="where the programs for a processor are, as uname -m names it (default: this "
        "machine's in target/release)",
    )
    options = parser.parse_args()
    options.programs = options.programs or [
        (platform.machine(), os.path.join(ROOT, "target", "release"))
    ]
    return options


def contents(programs):
    """Name in the zip -> what is in it."""
    files = {name: os.path.join(ROOT, path) for name, path in FILES.items()}
    for cpu, folder in programs:
        files.update({f"bin/{cpu}/{name}": os.path.join(folder, name) for name in PROGRAMS})
    missing = [path for path in files.values() if not os.path.isfile(path)]
    if missing:
        sys.exit("package: missing: " + ", ".join(missing))
    read = {}
    for name, path in files.items():
        with open(path, "rb") as file:
            read[name] = file.read()
    return {**read, licences.FILE: licences.text().encode()}


def write(path, files):
    """Beside its place first, so that nobody reads half a package."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    unfinished = f"{path}.{os.getpid()}"
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o755 if name.startswith("bin/") else 0o644) << 16
            package.writestr(entry, content)
    os.replace(unfinished, path)


def main():
    options = arguments()
    name = f"{options.publisher}.{options.type}-{options.version}.zip"
    path = os.path.abspath(os.path.join(options.output, name))
    write(path, contents(options.programs))
    print(path)


if __name__ == "__main__":
    main()
