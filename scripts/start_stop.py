#!/usr/bin/python3 -B
"""Measures how soon the worker that `make package` built answers `--version`, and how soon it has ended
after SIGTERM, whatever it is doing: each case is brought about anew for every turn.

Cases that need a network or files of their own (a name server that never answers, a permission for
commands) take root, and are left out without it.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import bed
from bench import Bench

ANSWERS = 200
# A name server that tells of each question, and answers none.
SILENT_RESOLVER = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("bound", flush=True)
while server.recv(512):
    print("asked", flush=True)
"""
# A network and /etc of its own: $0 is a folder, the rest a command.
ALONE = """ip link set lo up; mkdir -p "$0/etc/akvvm"; cp -a /etc/. "$0/etc"
rm -f "$0/etc/resolv.conf"; echo nameserver 127.0.0.1 >"$0/etc/resolv.conf"
echo AKVVM_REACTIONS=commands >"$0/etc/akvvm/environment"
mount --bind "$0/etc" /etc; exec "$@" """


def version(program):
    """Milliseconds of `--version`, from before the process is made until it has ended."""

    def once(command):
        began = time.monotonic()
        process = os.posix_spawn(command[0], command, {}, file_actions=quiet)
        os.waitpid(process, 0)
        return (time.monotonic() - began) * 1000

    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    commands = {"akvvm_service --version": [program, "--version"], "true": ["/bin/true"]}
    # In turns, so that whatever else the machine does meets both.
    took = [[once(command) for command in commands.values()] for _ in range(ANSWERS)]
    for name, times in zip(commands, zip(*took)):
        print(f"{name}: median {statistics.median(times):.2f} ms, least {min(times):.2f}")


class Cases:
    """What a worker can be in the middle of."""

    def __init__(self, folder, programs):
        self._folder = folder
        self._programs = programs
        self._turns = 0

    def every(self):
        """By name, what measures the milliseconds of one turn."""
        cases = {
            "waiting for its next poll": lambda: self._turn(1, until=looked),
            "a vault that never answers": lambda: self._turn(4, ["hang"], until=asked("vault", 2)),
            "many requests under way, none answered": lambda: self._turn(
                1000, ["hang"], skip=200, until=asked("vault", 210)
            ),
            "decoding and writing 1,000 certificates": lambda: self._turn(1000, until=links(200)),
            "an identity endpoint that never answers": lambda: self._turn(
                1, ["hang"], place="imds", until=asked("imds", 1)
            ),
            "waiting out a 429": lambda: self._turn(4, [throttled()], until=looked),
            "a poll of 1,000 certificates": self._poll,
            "a Fluentd receiver that never answers": self._deaf_receiver,
        }
        if os.geteuid() == 0:
            cases["a name server that never answers"] = self._silent_resolver
            cases["a check that runs for long"] = self._check
        return cases

    def _place(self):
        self._turns += 1
        return os.path.join(self._folder, str(self._turns))

    def _turn(self, count, then=(), skip=0, place="vault", until=None, **settings):
        faults = [{"when": {"place": place}, "skip": skip, "then": action} for action in then]
        bench = Bench(self._place(), self._programs, count, 0, "ec-p256", faults=faults)
        try:
            return self._stop(bench, os.path.join(bench.azure.folder, "worker"), until, **settings)
        finally:
            bench.azure.stop()

    def _stop(self, bench, folder, until, around=(), environment=None, **settings):
        """Starts a worker, waits until it is where it is wanted, and ends it."""
        command = [*around, self._programs["akvvm_service"], "run", "--settings"]
        command.append(bench.settings(folder, **settings))
        environment = environment or bench.environment(folder)
        with open(os.path.join(folder, "said"), "w") as said:
            process = subprocess.Popen(command, env=environment, stderr=said)
        try:
            bed.until(lambda: until(bench, folder), "the worker is where it is wanted")
            if process.poll() is not None:
                sys.exit(f"the worker has ended by itself, see {folder}")
            return ended(process)
        finally:
            process.kill()
            process.wait()

    def _poll(self):
        """In the middle of the second pass: so many more requests than the first has taken."""
        return self._turn(1000, until=asked("vault", 1300), pollingIntervalInS=1)

    def _deaf_receiver(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            kept = []
            accept = lambda: kept.append(listening.accept())
            threading.Thread(target=accept, daemon=True).start()
            logging = {"logger": "fluentd", "format": "forward", "servicename": "worker"}
            logging["endpoint"] = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
            connected = lambda bench, folder: looked(bench, folder) and kept
            return self._turn(1, until=connected, logging=logging)

    def _silent_resolver(self):
        folder = self._place()
        os.makedirs(folder)
        alone = ["unshare", "--net", "--mount", "--", "sh", "-ec", ALONE, folder]
        network = lambda command: [*alone, *command]
        place = os.path.join(folder, "azure")
        bench = Bench(place, self._programs, 1, 0, "ec-p256", network=network)
        enter = ["nsenter", "-t", str(bench.azure.process), "--net", "--mount"]
        silent = [*enter, sys.executable, "-c", SILENT_RESOLVER]
        resolver = subprocess.Popen(silent, stdout=subprocess.PIPE)
        try:
            resolver.stdout.readline()
            worker = os.path.join(folder, "worker")
            environment = bench.environment(worker)
            del environment["HTTPS_PROXY"]
            is_asked = lambda *_: resolver.stdout.readline()
            return self._stop(bench, worker, is_asked, enter, environment)
        finally:
            resolver.kill()
            resolver.wait()
            bench.azure.stop()

    def _check(self):
        """Commands must be root's alone, hence below /run."""
        with tempfile.TemporaryDirectory(prefix="akvvm-stop-", dir="/run") as folder:
            os.chmod(folder, 0o755)
            ran = os.path.join(folder, "ran")
            script = os.path.join(folder, "check")
            with open(script, "w") as file:
                # It ends soon after this turn: nobody ends it with the worker.
                file.write(f"#!/bin/sh\ntouch {ran}\nsleep 3\n")
            os.chmod(script, 0o755)
            bench = Bench(os.path.join(folder, "azure"), self._programs, 1, 0, "ec-p256")
            alone = ["unshare", "--mount", "--", "sh", "-ec", ALONE, folder]
            environment = bench.environment(os.path.join(folder, "worker"))
            environment["AKVVM_SUPERVISOR"] = "detached"
            runs = lambda bench, folder: os.path.exists(ran)
            check = {"check": {"command": [script]}}
            try:
                worker = os.path.join(folder, "worker")
                return self._stop(bench, worker, runs, alone, environment, entry=check)
            finally:
                bench.azure.stop()


def ended(process):
    """Milliseconds from SIGTERM until the process has ended."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait()
    return (time.monotonic() - began) * 1000


def looked(_, folder):
    """The first pass is over."""
    return os.path.exists(os.path.join(folder, "state", "report.json"))


def asked(place, number):
    def so_many(bench, _):
        return sum(one["place"] == place for one in bench.azure.requests()) >= number

    return so_many


def links(number):
    def so_many(_, folder):
        store = os.path.join(folder, "store")
        return os.path.isdir(store) and len(os.listdir(store)) >= 2 * number

    return so_many


def throttled():
    return {"answer": {"status": 429, "headers": {"Retry-After": "60"}}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory(prefix="akvvm-stop-") as folder:
        programs = bed.unpacked(bed.package(), os.path.join(folder, "package"))
        version(programs["akvvm_service"])
        print(f"\nmilliseconds from SIGTERM to the end, {turns} turns{'':<6}median    most")
        for name, case in Cases(folder, programs).every().items():
            times = [case() for _ in range(turns)]
            print(f"{name:<50}{statistics.median(times):>8.1f}{max(times):>8.1f}", flush=True)


if __name__ == "__main__":
    main()
