#!/usr/bin/python3 -B
"""Measures the programs that `make package` built, against the tools that people use instead.

Both sides fetch the same certificates from the same imagined vault in turns, so that whatever
else the machine does meets both. The numbers compare the two sides of one run; they are no
statement about any other machine.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

import bed

FAKE_AZURE = os.path.join(bed.ROOT, "target", "release", "fake-azure")
LOOP = os.path.join(bed.ROOT, "scripts", "bench-loop.sh")
COUNT = 100
ROUNDS = 3
VAULT = "bench"
VAULT_URL = f"https://{VAULT}.vault.azure.net"
NAMES = [f"certificate-{number}" for number in range(1, COUNT + 1)]
SERIES = {
    "prefix": "certificate-",
    "count": COUNT,
    "spec": {"key": "rsa2048", "chain": 3, "format": "pkcs12"},
}
SCENARIO = {"vaults": {VAULT: {"series": [SERIES]}}}
# The agent looks every second whether a command has ended, and then sleeps for one more.
AGENTS_OWN_WAIT = 2.0


class Measured:
    """What one run of a command took, its children included."""

    def __init__(self, command, environment):
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        errors = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"bench: {command[0]} failed: {errors}")
        self.seconds = time.monotonic() - started
        self.processor = usage.ru_utime + usage.ru_stime


class Bench:
    def __init__(self, folder):
        self._folder = folder
        self._programs = unpacked(bed.package(), os.path.join(folder, "package"))
        self.azure = bed.Azure(FAKE_AZURE, folder, SCENARIO)

    def sync(self, name):
        """One pass by our program, into a store and with a state of this name."""
        command = [self._programs["akvvm_service"], "sync", "--settings", self._settings(name)]
        return Measured(command, self._environment(name))

    def loop(self, name):
        store = os.path.join(self._folder, name, "store")
        command = [LOOP, self.azure.identity_endpoint(), VAULT_URL, store, *NAMES]
        environment = {"PATH": os.environ["PATH"], **self.azure.for_programs()}
        environment["CURL_CA_BUNDLE"] = environment["SSL_CERT_FILE"]
        return Measured(command, environment)

    def check(self, ours, theirs):
        """Both sides have done the same work."""
        for name in NAMES:
            link = os.path.join(self._folder, ours, "store", f"{VAULT}.{name}")
            bundle = os.path.join(self._folder, theirs, "store", name)
            if public_key(link) != public_key(bundle):
                sys.exit(f"bench: {name} differs")

    def worker_memory(self):
        """Resident megabytes of a worker that has finished its first pass: now, and at most."""
        environment = self._environment("worker")
        command = [self._programs["akvvm_service"], "run", "--settings", self._settings("worker")]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            last = os.path.join(self._folder, "worker", "store", f"{VAULT}.{NAMES[-1]}")
            report = os.path.join(environment["STATE_DIRECTORY"], "report.json")
            bed.until(lambda: os.path.exists(last) and os.path.exists(report), "the first pass")
            time.sleep(1)
            with open(f"/proc/{process.pid}/status") as file:
                status = dict(line.split(":", 1) for line in file)
            return [int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]
        finally:
            process.terminate()
            process.wait()

    def enable(self):
        """Seconds of `enable` under the guest agent, without the agent's own waiting."""
        folder = os.path.join(self._folder, "agent")
        environment = {"AKVVM_SUPERVISOR": "detached", **self._environment("agent")}
        agent = bed.GuestAgent(folder, environment)
        with open(self._settings("agent")) as file:
            settings = json.load(file)
        package = bed.package()
        handler, _, version = os.path.basename(package)[: -len(".zip")].rpartition("-")
        extension = {"handler": handler, "version": version, "package": package}
        extension.update(sequence_number=0, public_settings=settings)
        try:
            ran = agent.ask("goal_state", extensions=[extension])["commands"]
            agent.ask("goal_state", extensions=[{**extension, "state": "uninstall"}])
        finally:
            agent.stop()
        seconds = [one["seconds"] for one in ran if one["command"].endswith(" enable")]
        return seconds[0] - AGENTS_OWN_WAIT

    def _environment(self, name):
        folder = os.path.join(self._folder, name)
        os.makedirs(folder, exist_ok=True)
        return {"PATH": os.environ["PATH"], **self.azure.for_programs(), **bed.directories(folder)}

    def _settings(self, name):
        folder = os.path.join(self._folder, name)
        os.makedirs(folder, exist_ok=True)
        observed = [
            {"url": f"{VAULT_URL}/secrets/{one}", "certificateStoreLocation": f"{folder}/store"}
            for one in NAMES
        ]
        document = {
            "secretsManagementSettings": {"observedCertificates": observed},
            "authenticationSettings": {"msiEndpoint": self.azure.identity_endpoint()},
        }
        path = os.path.join(folder, "settings.json")
        with open(path, "w") as file:
            json.dump(document, file)
        return path


def unpacked(package, folder):
    """The two programs as they are shipped."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    programs = os.path.join(folder, "bin", platform.machine())
    for name in os.listdir(programs):
        os.chmod(os.path.join(programs, name), 0o755)
    return {name: os.path.join(programs, name) for name in os.listdir(programs)}


def public_key(path):
    command = ["openssl", "pkey", "-in", path, "-pubout"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def row(what, runs):
    seconds = statistics.median(run.seconds for run in runs)
    processor = statistics.median(run.processor for run in runs)
    print(f"{what:<34} {seconds:8.2f} s {processor:8.2f} s", flush=True)
    return seconds


def compare(bench):
    print(f"{COUNT} RSA certificates, median of {ROUNDS} runs in turns\n")
    print("{:<34} {:>10} {:>10}".format("", "time", "processor"))
    ours, again, theirs = [], [], []
    for number in range(ROUNDS):
        theirs.append(bench.loop(f"loop-{number}"))
        ours.append(bench.sync(f"sync-{number}"))
        again.append(bench.sync(f"sync-{number}"))
        bench.check(f"sync-{number}", f"loop-{number}")
    loop = row("curl + base64 + openssl, a loop", theirs)
    first = row("akvvm_service sync, empty store", ours)
    unchanged = row("akvvm_service sync, nothing new", again)
    print(f"\n{loop / first:.1f} times as fast as the loop; {loop / unchanged:.1f} if nothing is new")


def main():
    with tempfile.TemporaryDirectory(prefix="akvvm-bench-") as folder:
        bench = Bench(folder)
        try:
            compare(bench)
            resident, peak = bench.worker_memory()
            print(f"worker after its first pass: {resident:.1f} MiB resident, {peak:.1f} at most")
            print(f"handler enable: {bench.enable():.2f} s beside the guest agent's own waiting")
        finally:
            bench.azure.stop()


if __name__ == "__main__":
    main()
