#!/usr/bin/python3 -B
"""Measures the worker that `make package` built against a ceiling and against what people use
instead, in turns, so that whatever else the machine does meets all of them.

The numbers compare the sides of one run; they are no statement about any other machine. What each
side does is said in docs/benchmarks.md. The ceiling and the peers are in benches/.
"""

import argparse
import itertools
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit

import bed

BENCHES = os.path.join(bed.ROOT, "benches")
BUILT = os.path.join(bed.ROOT, "target", "benches", "release")
FAKE_AZURE = os.path.join(bed.ROOT, "target", "release", "fake-azure")
PYTHON = os.path.join(bed.ROOT, "target", "python-env", "bin", "python")
VAULT = "bench"
VAULT_HOST = f"{VAULT}.vault.azure.net"
VAULT_URL = f"https://{VAULT_HOST}"
PREFIX = "certificate-"
WORKER = "worker, first sync"
AGAIN = "worker, nothing new"
CEILING = "ceiling"
# So many certificates at once take a slow peer minutes: it has one turn.
MANY = 1000
# So often the SDKs' clients ask for everything once more.
SDK_POLLS = 20
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
            sys.exit(f"bench: {command} failed: {errors}")
        self.seconds = time.monotonic() - started
        self.processor = usage.ru_utime + usage.ru_stime
        # Of the largest of its processes, and of this one, from which it was made.
        self.memory = usage.ru_maxrss / 1024


class Bench:
    """An imagined Azure with so many certificates of one kind, so many milliseconds away."""

    def __init__(self, folder, programs, count, distance, key, network=None, **more):
        self._folder = folder
        self._programs = programs
        self._count = count
        os.makedirs(folder)
        spec = {"key": key, "chain": 3, "format": "pkcs12"}
        series = {"prefix": PREFIX, "count": count, "spec": spec}
        scenario = {"latency_ms": distance, "vaults": {VAULT: {"series": [series]}}, **more}
        self.azure = bed.Azure(FAKE_AZURE, folder, scenario, network)

    def sides(self):
        """What is measured, by name: a function from a folder to a command and its environment."""
        return {
            CEILING: lambda folder: self._ceiling(folder, 16),
            WORKER: self.sync,
            AGAIN: self.sync,
            "Python SDK, one at a time": lambda folder: self.python_sdk(folder, 1),
            "Python SDK, 16 threads": lambda folder: self.python_sdk(folder, 16),
            "Rust SDK, one at a time": lambda folder: self.rust_sdk(folder, 1),
            "Rust SDK, 16 in flight": lambda folder: self.rust_sdk(folder, 16),
            "curl + openssl, a loop": self._loop,
            "curl --parallel, not decoded": self._curl_parallel,
        }

    def sync(self, folder):
        """One pass by our program, with its state in this folder."""
        command = [self._programs["akvvm_service"], "sync", "--settings", self.settings(folder)]
        return command, self.environment(folder)

    def _ceiling(self, folder, connections):
        environment = self.azure.for_programs()
        identity = urlsplit(self.azure.identity_endpoint()).netloc
        proxy = urlsplit(environment["HTTPS_PROXY"]).netloc
        certificates = environment["SSL_CERT_FILE"]
        command = [os.path.join(BUILT, "ceiling"), identity, VAULT_HOST, proxy, certificates]
        return [*command, folder, str(connections), PREFIX, str(self._count)], {}

    def rust_sdk(self, folder, in_flight, polls=0):
        identity = urlsplit(self.azure.identity_endpoint()).netloc
        command = [os.path.join(BUILT, "rust_sdk"), identity, VAULT_URL, folder, str(in_flight)]
        return [*command, PREFIX, str(self._count), str(polls)], self.azure.for_programs()

    def python_sdk(self, folder, threads, polls=0):
        command = [PYTHON, os.path.join(BENCHES, "python_sdk.py"), VAULT_URL, folder, str(threads)]
        environment = dict(self.azure.environment)
        environment["REQUESTS_CA_BUNDLE"] = environment["SSL_CERT_FILE"]
        return [*command, PREFIX, str(self._count), str(polls)], environment

    def _loop(self, folder):
        names = [f"{PREFIX}{number}" for number in range(1, self._count + 1)]
        command = [os.path.join(BENCHES, "curl_openssl.sh"), self.azure.identity_endpoint()]
        return [*command, VAULT_URL, folder, *names], self._for_curl()

    def _curl_parallel(self, folder):
        command = [os.path.join(BENCHES, "curl_parallel.sh"), self.azure.identity_endpoint()]
        return [*command, VAULT_URL, folder, PREFIX, str(self._count)], self._for_curl()

    def _for_curl(self):
        environment = {"PATH": os.environ["PATH"], **self.azure.for_programs()}
        environment["CURL_CA_BUNDLE"] = environment["SSL_CERT_FILE"]
        return environment

    def environment(self, folder):
        return {
            "PATH": os.environ["PATH"],
            **self.azure.for_programs(),
            **bed.directories(folder),
        }

    def settings(self, folder, entry=(), logging=None, **more):
        os.makedirs(folder, exist_ok=True)
        store = os.path.join(folder, "store")
        observed = [
            {
                "url": f"{VAULT_URL}/secrets/{PREFIX}{number}",
                "certificateStoreLocation": store,
                **dict(entry),
            }
            for number in range(1, self._count + 1)
        ]
        document = {
            "secretsManagementSettings": {"observedCertificates": observed, **more},
            "authenticationSettings": {"msiEndpoint": self.azure.identity_endpoint()},
            **({"loggingSettings": logging} if logging else {}),
        }
        path = os.path.join(folder, "settings.json")
        with open(path, "w") as file:
            json.dump(document, file)
        return path

    def sdk_polls(self, folder):
        """Processor seconds in which clients of the SDKs that stay ask for every secret once more
        and do nothing with the answers, by name."""
        clients = {"Rust SDK": self.rust_sdk, "Python SDK": self.python_sdk}

        def spent(client, polls):
            return Measured(*client(os.path.join(folder, "polls"), 1, polls)).processor

        return {
            name: (spent(client, SDK_POLLS) - spent(client, 0)) / SDK_POLLS
            for name, client in clients.items()
        }

    def worker(self, folder):
        """A worker that polls: resident megabytes after its first pass, at most, and the processor
        seconds of one poll that finds nothing new."""
        command = [self._programs["akvvm_service"], "run", "--settings"]
        command.append(self.settings(folder, pollingIntervalInS=5))
        environment = {**self.environment(folder), **unit_environment()}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        report = os.path.join(environment["STATE_DIRECTORY"], "report.json")

        def passes():
            try:
                with open(report) as file:
                    return json.load(file)["passes"]
            except FileNotFoundError:
                return 0

        try:
            patience = bed.PATIENCE + self._count // 20
            bed.until(lambda: passes() > 0, "the first pass", patience)
            time.sleep(1)
            with open(f"/proc/{process.pid}/status") as file:
                status = dict(line.split(":", 1) for line in file)
            memory = [int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]
            # A first poll reads every file; those after it read what was touched.
            bed.until(lambda: passes() > 1, "the first poll", patience)
            before, spent = passes(), processor(process.pid)
            bed.until(lambda: passes() >= before + 3, "three polls", patience)
            return [*memory, (processor(process.pid) - spent) / (passes() - before)]
        finally:
            process.terminate()
            process.wait()


def unit_environment():
    """What the systemd unit sets for every worker."""
    with open(os.path.join(bed.ROOT, "scripts", "akvvm_service.service.in")) as file:
        lines = [line.rstrip().split("=", 2) for line in file if line.startswith("Environment=")]
    return {name: value for _, name, value in lines}


def processor(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def enable(folder, package):
    """Seconds of `enable` under the guest agent, without the agent's own waiting."""
    bench = Bench(folder, {}, 1, 0, "rsa2048")
    environment = {"AKVVM_SUPERVISOR": "detached", **bench.environment(folder)}
    agent = bed.GuestAgent(folder, environment)
    with open(bench.settings(folder)) as file:
        settings = json.load(file)
    handler, _, version = os.path.basename(package)[: -len(".zip")].rpartition("-")
    extension = {"handler": handler, "version": version, "package": package}
    extension.update(sequence_number=0, public_settings=settings)
    try:
        ran = agent.ask("goal_state", extensions=[extension])["commands"]
        agent.ask("goal_state", extensions=[{**extension, "state": "uninstall"}])
    finally:
        agent.stop()
        bench.azure.stop()
    seconds = [one["seconds"] for one in ran if one["command"].endswith(" enable")]
    return seconds[0] - AGENTS_OWN_WAIT


def public_key(path):
    command = ["openssl", "pkey", "-in", path, "-pubout"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def check(ours, ceiling, count):
    """Both sides have done the same work."""
    for number in {1, count}:
        name = f"{VAULT}.{PREFIX}{number}"
        if public_key(os.path.join(ours, "store", name)) != public_key(os.path.join(ceiling, name)):
            sys.exit(f"bench: {name} differs")


def in_turns(bench, folder, count, rounds, without):
    """Every side's runs; a side that is slow where there are many has one."""
    runs = {}
    for number in range(rounds):
        for name, side in bench.sides().items():
            slow = name not in (CEILING, WORKER, AGAIN) and count >= MANY
            if name.startswith(tuple(without)) or (slow and number > 0):
                continue
            key = WORKER if name == AGAIN else name
            place = os.path.join(folder, f"{key.replace(' ', '-')}-{number}")
            bench.azure.forget()
            run = Measured(*side(place))
            run.requests = len(bench.azure.requests())
            runs.setdefault(name, []).append(run)
        ours, least = (
            os.path.join(folder, f"{side.replace(' ', '-')}-{number}") for side in (WORKER, CEILING)
        )
        check(ours, least, count)
    return runs


def tell(runs):
    print(f"{'':<30}{'time':>10}{'processor':>12}{'memory':>12}   in ceilings: time, processor")
    for name, measured in runs.items():
        medians = [
            statistics.median(getattr(run, what) for run in measured)
            for what in ("seconds", "processor", "memory")
        ]
        pairs = list(zip(measured, runs[CEILING]))
        ratios = [
            statistics.median(getattr(run, what) / getattr(least, what) for run, least in pairs)
            for what in ("seconds", "processor")
        ]
        print(
            f"{name:<30}{medians[0]:>8.3f} s{medians[1]:>10.3f} s{memory(medians[2]):>12}"
            f"{ratios[0]:>18.2f}{ratios[1]:>11.2f}",
            flush=True,
        )


def memory(most):
    """In mebibytes, where it is more than this program's own, which is counted with it."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{most:.1f} MiB" if most > own else f"<{own:.0f} MiB"


def growth(what, runs):
    """Prints to which power of the number of certificates the worker's time and work grow, where
    there are so many that starting does not count."""
    counts = [count for count in runs if count >= 100]
    few, most = min(counts, default=1), max(counts, default=1)
    if few == most:
        return
    for side in (WORKER, AGAIN):
        powers = [
            math.log(least(runs[most][side], figure) / least(runs[few][side], figure))
            / math.log(most / few)
            for figure in ("seconds", "processor", "requests")
        ]
        print(
            f"{what}: {side}, {few} to {most} certificates: time ^{powers[0]:.2f},"
            f" processor ^{powers[1]:.2f}, requests ^{powers[2]:.2f}"
        )


def least(measured, what):
    """The smallest figure: what else the machine did can only add to it."""
    return min(getattr(run, what) for run in measured)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    listed = lambda kind: lambda text: [kind(one) for one in text.split(",")]
    parser.add_argument("--counts", type=listed(int), default=[1, 100])
    parser.add_argument("--distances", type=listed(int), default=[0, 30], help="milliseconds")
    parser.add_argument("--keys", type=listed(str), default=["rsa2048", "ec-p256"])
    parser.add_argument("--rounds", type=int, default=5)
    left_out = "what the names of sides begin with that are left out, such as Python,Rust,curl"
    parser.add_argument("--without", type=listed(str), default=[], help=left_out)
    asked = parser.parse_args()
    package = bed.package()
    with tempfile.TemporaryDirectory(prefix="akvvm-bench-") as folder:
        programs = bed.unpacked(package, os.path.join(folder, "package"))
        every = itertools.product(asked.keys, asked.distances, asked.counts)
        grown = {}
        for turn, (key, distance, count) in enumerate(every):
            place = os.path.join(folder, str(turn))
            bench = Bench(place, programs, count, distance, key)
            try:
                print(f"\n{count} certificates, {key}, {distance} ms away, {asked.rounds} rounds")
                runs = in_turns(bench, place, count, asked.rounds, asked.without)
                tell(runs)
                grown.setdefault((key, distance), {})[count] = runs
                if distance == 0 and 1 < count < MANY:
                    for name, poll in bench.sdk_polls(place).items():
                        print(f"{name}, a client that stays, asks once more: {poll:.3f} s")
                if distance == 0:
                    resident, most, poll = bench.worker(os.path.join(place, "worker"))
                    print(f"worker: {resident:.1f} MiB resident, {most:.1f} at most")
                    print(f"a poll that finds nothing new: {poll:.3f} s of processor time")
            finally:
                bench.azure.stop()
        for (key, distance), runs in grown.items():
            growth(f"{key}, {distance} ms away", runs)
        seconds = enable(os.path.join(folder, "agent"), package)
        print(f"\nhandler enable: {seconds:.2f} s beside the guest agent's own waiting")


if __name__ == "__main__":
    main()
