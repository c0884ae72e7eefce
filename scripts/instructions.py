#!/usr/bin/python3 -B
"""Counts the processor's instructions in five hot paths of the worker that `make package` built, with
callgrind, and compares them with benches/instructions/counts.json: twice the work is seen here, where
times only waver.

What goes in is fixed (benches/instructions). callgrind shows programs a processor with AVX2 and without
SHA instructions, whatever the real one has; another compiler, callgrind or kind of processor than
the counts were recorded with makes other counts, so then nothing is compared. --record writes them
down anew.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile

import bed

INPUTS = os.path.join(bed.ROOT, "benches", "instructions")
RECORD = os.path.join(INPUTS, "counts.json")
FAKE_AZURE = os.path.join(bed.ROOT, "target", "debug", "fake-azure")
# Twice what runs have differed by: which thread comes first, and random keys of connections.
TOLERANCE = 0.05
VAULT = "counted"
MANY = 1000
FEW = (2, 12)


def of_its_own(number):
    """The vault of one of a few certificates. Each is asked over one connection then; how many
    connections would be shared at one vault is chance, and the costliest part of it."""
    return f"{VAULT}-{number}"


class Bed:
    """A vault whose secrets are all the same, and a folder for the worker's files."""

    def __init__(self, folder):
        self._folder = folder
        programs = bed.unpacked(bed.package(), os.path.join(folder, "package"))
        self._worker = programs["akvvm_service"]
        kinds = {
            "opened": ("pkcs12.txt", "application/x-pkcs12"),
            "ordered": ("chain.pem", "application/x-pem-file"),
        }
        secrets, of_few = {}, {}
        for name, (file, content_type) in kinds.items():
            with open(os.path.join(INPUTS, file)) as value:
                value = value.read()
            value = value.replace("\n", "") if content_type.endswith("pkcs12") else value
            secret = {"value": value, "content_type": content_type}
            secrets.update({f"{name}-{number}": secret for number in range(MANY)})
            for number in range(max(FEW)):
                vault = of_few.setdefault(of_its_own(number), {"secrets": {}})
                vault["secrets"][f"{name}-{number}"] = secret
        scenario = {"vaults": {VAULT: {"secrets": secrets}, **of_few}}
        self.azure = bed.Azure(FAKE_AZURE, folder, scenario)

    def command(self, what, name, count):
        """One of the worker's commands for so many of these certificates, and its environment."""
        place = os.path.join(self._folder, f"{name}-{count}")
        os.makedirs(place, exist_ok=True)
        store = {"certificateStoreLocation": os.path.join(place, "store")}
        observed = []
        for number in range(count):
            vault = of_its_own(number) if count in FEW else VAULT
            url = f"https://{vault}.vault.azure.net/secrets/{name}-{number}"
            observed.append({"url": url, **store})
        settings = {
            "secretsManagementSettings": {"observedCertificates": observed},
            "authenticationSettings": {"msiEndpoint": self.azure.identity_endpoint()},
        }
        document = os.path.join(place, "settings.json")
        with open(document, "w") as file:
            json.dump(settings, file)
        command = [self._worker, what, "--json"]
        if what != "status":
            command += ["--settings", document]
        environment = {"PATH": "/usr/bin:/bin", **self.azure.for_programs()}
        return command, {**environment, **bed.directories(place)}

    def run(self, what, name, count):
        command, environment = self.command(what, name, count)
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

    def count(self, what, name, count):
        """The instructions of such a command."""
        command, environment = self.command(what, name, count)
        counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
        ran = subprocess.run(
            counted, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        collected = re.search(r"Collected : (\d+)", ran.stderr)
        if ran.returncode != 0 or not collected:
            sys.exit(f"instructions: {' '.join(counted)}: {ran.stderr}")
        return int(collected[1])

    def each(self, what, name):
        """The instructions of one certificate more."""
        fewer, more = FEW
        return (self.count(what, name, more) - self.count(what, name, fewer)) // (more - fewer)


def counts():
    """Instructions by hot path."""
    with tempfile.TemporaryDirectory(prefix="akvvm-instructions-") as folder:
        worker = Bed(folder)
        try:
            worker.run("sync", "opened", MANY)
            return {
                "open a PKCS#12 file": worker.each("plan", "opened"),
                "order a chain of 20": worker.each("plan", "ordered"),
                f"poll of {MANY}, nothing new": worker.count("sync", "opened", MANY),
                f"plan for {MANY}": worker.count("plan", "opened", MANY),
                f"status of {MANY}": worker.count("status", "opened", MANY),
            }
        finally:
            worker.azure.stop()


def surroundings():
    """What counts depend on beside the code."""

    def version(program):
        ran = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True)
        return ran.stdout.strip()

    with open("/proc/cpuinfo") as file:
        wide = "avx2" in file.read()
    return {
        "compiler": version("rustc"),
        "callgrind": version("valgrind"),
        "processor": platform.machine() + (", AVX2" if wide else ""),
    }


def compare(recorded, now):
    """Prints each path; those with more instructions than the tolerance has room for."""
    more = []
    for path, count in now.items():
        before = recorded[path]
        print(f"{path:<26}{before:>14,} recorded{count:>14,} now{count / before - 1:>+8.1%}")
        if count > before * (1 + TOLERANCE):
            more.append(f"{path}: {before:,} before, {count:,} now")
    return more


def main():
    here = surroundings()
    if sys.argv[1:] == ["--record"]:
        with open(RECORD, "w") as file:
            json.dump({**here, "counts": counts()}, file, indent=2)
            file.write("\n")
        return
    with open(RECORD) as file:
        record = json.load(file)
    recorded = {name: record[name] for name in here}
    if recorded != here:
        print(f"instructions: not compared: recorded with {recorded}, this is {here}")
        return
    more = compare(record["counts"], counts())
    if more:
        accept = "if that is worth it: make instructions RECORD=--record, and commit the file"
        sys.exit("\n".join([f"instructions: more than {TOLERANCE:.0%} above", *more, accept]))


if __name__ == "__main__":
    main()
