#!/usr/bin/python3 -B
"""Starts many machines' workers at once, as `make package` built them, against one vault that throttles:
a thundering herd of real processes. Then as many programs with Microsoft's SDKs, with the retries that
those have by themselves.

Key Vault's limit, 4,000 transactions in 10 seconds, is scaled to the number of machines as 10,000 machines
with 4 certificates have it: ten windows' worth of requests, so that nine windows, 90 seconds, are the
least that it can take. Both rules that a vault may have are tried (crates/fake-azure/README.md).
"""

import argparse
import os
import subprocess
import tempfile
import time

import bed
from bench import PREFIX, VAULT, Bench

WINDOW = 10
# As many windows as the requests of 10,000 machines with 4 certificates fill.
WINDOWS = 10
# After so many times the least time, whoever is not current is not waited for.
PATIENCE = 5
RULES = {
    "fixed": "windows that follow one another, refused requests free",
    "sliding": "a sliding window, refused requests count",
}


class Machine:
    """One process with files of its own."""

    def __init__(self, folder, names, start):
        command, environment = start(folder)
        os.makedirs(folder, exist_ok=True)
        self._wanted = [os.path.join(folder, name) for name in names]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.current = None

    def look(self, now):
        """Notes when everything is there; whether it still may come."""
        if self.current is None and all(os.path.exists(path) for path in self._wanted):
            self.current = now
        return self.current is None and self._process.poll() is None

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()


class Herd:
    """Machines of one kind before one vault."""

    def __init__(self, folder, programs, asked, rule):
        self._folder = folder
        self._asked = asked
        requests = asked.machines * asked.certificates
        limit = max(1, requests // WINDOWS)
        # Windows that are used up before the last begins.
        self.floor = (-(-requests // limit) - 1) * WINDOW
        throttle = {"limit": limit, "seconds": WINDOW, "window": rule}
        self._bench = Bench(folder, programs, asked.certificates, 0, "rsa2048", throttle=throttle)

    def sides(self):
        """What is started, by name: how, and where it puts what."""
        numbers = range(1, self._asked.certificates + 1)
        plain = [f"{PREFIX}{number}" for number in numbers]
        links = [os.path.join("store", f"{VAULT}.{name}") for name in plain]
        return {
            "worker": (self._worker, links),
            "Rust SDK": (lambda folder: self._bench.rust_sdk(folder, 1), plain),
            "Python SDK": (lambda folder: self._bench.python_sdk(folder, 1), plain),
        }

    def _worker(self, folder):
        command, environment = self._bench.sync(folder)
        return [command[0], "run", *command[2:]], environment

    def run(self, side):
        """Seconds after which each machine was current, and all and refused requests."""
        start, names = self.sides()[side]
        self._bench.azure.forget()
        place = lambda number: os.path.join(self._folder, side.replace(" ", "-"), str(number))
        began = time.monotonic()
        machines = [Machine(place(n), names, start) for n in range(self._asked.machines)]
        try:
            passed = 0.0
            while passed < PATIENCE * self.floor:
                passed = time.monotonic() - began
                if not sum(machine.look(passed) for machine in machines):
                    break
                time.sleep(0.1)
        finally:
            for machine in machines:
                machine.stop()
        asked = [one for one in self._bench.azure.requests() if one["place"] == "vault"]
        refused = [one for one in asked if one["status"] == 429]
        counted = [one for one in asked if one["status"] in (200, 429)]
        current = [machine.current for machine in machines if machine.current is not None]
        return current, len(counted), len(refused)

    def stop(self):
        self._bench.azure.stop()


def tell(side, herd, machines, result):
    current, asked, refused = result
    last = f"{max(current):.0f} s = {max(current) / herd.floor:.2f} floors" if current else "-"
    print(
        f"  {side:<12}{len(current):>4} of {machines} current, the last after {last:<22}"
        f"{asked:>6} requests, {refused / max(asked, 1):.0%} refused",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    listed = lambda text: text.split(",")
    parser.add_argument("--machines", type=int, default=50)
    parser.add_argument("--certificates", type=int, default=4)
    parser.add_argument("--rules", type=listed, default=list(RULES))
    left_out = "what the names of sides begin with that are left out, such as Python,Rust"
    parser.add_argument("--without", type=listed, default=[], help=left_out)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="akvvm-herd-") as folder:
        programs = bed.unpacked(bed.package(), os.path.join(folder, "package"))
        for rule in asked.rules:
            herd = Herd(os.path.join(folder, rule), programs, asked, rule)
            print(f"{RULES[rule]}: at least {herd.floor} s", flush=True)
            try:
                for side in herd.sides():
                    if side.startswith(tuple(asked.without)):
                        continue
                    # What one side has used up of a window is no matter for the next.
                    time.sleep(WINDOW)
                    tell(side, herd, asked.machines, herd.run(side))
            finally:
                herd.stop()


if __name__ == "__main__":
    main()
