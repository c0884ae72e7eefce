#!/usr/bin/python3 -B
"""Tests of what systemd has to do with, in a container that is booted for them.

    tests/systemd/run.py --package ZIP --fake-azure PROGRAM --react PROGRAM [NAME]...
    tests/systemd/run.py --possible

With names, only the tests whose names have one of them in it. Ends with 77 where the machine
cannot run containers, and says why; --possible finds out just that.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "scripts")]

import systemd_container  # noqa: E402
import test_consumers  # noqa: E402
import test_detached  # noqa: E402
import test_extension  # noqa: E402
import test_notify  # noqa: E402
import test_packages  # noqa: E402
import test_reaction  # noqa: E402
import test_sandbox  # noqa: E402
import test_standalone  # noqa: E402
from machine import Machine  # noqa: E402

CANNOT = 77
CASES = (
    test_consumers.Consumers,
    test_detached.Detached,
    test_extension.Extension,
    test_notify.Notify,
    test_packages.Deb,
    test_packages.VmApplication,
    test_reaction.Reaction,
    test_sandbox.Sandbox,
    test_standalone.Standalone,
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--possible", action="store_true")
    parser.add_argument("--package")
    parser.add_argument("--fake-azure")
    parser.add_argument("--react", help="the example program of crates/reaction")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    needed = (options.package, options.fake_azure, options.react)
    if not options.possible and not all(needed):
        parser.error("either --possible, or --package, --fake-azure and --react")
    return options


def suite(names):
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in names] or None
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in CASES)


def possible(folder):
    """Boots a container and shuts it down."""
    network = subprocess.Popen(systemd_container.own_network(["sleep", "infinity"]))
    container = systemd_container.Container(os.path.join(folder, "root"), network.pid, folder)
    try:
        container.boot()
        return True
    finally:
        container.stop()
        network.terminate()
        network.wait()


def run(options, folder):
    machine = Machine(folder, options.package, options.fake_azure)
    try:
        machine.container.boot()
        for case in CASES:
            case.machine = machine
            case.react = options.react
        tests = suite(options.names)
        return unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful()
    finally:
        machine.stop()


def main():
    options = arguments()
    try:
        tree = systemd_container.make_tree()
        # Beside the tree, so that copying is cheap where the file system can share blocks.
        folder = tempfile.TemporaryDirectory(prefix="run-", dir=os.path.dirname(tree))
        with systemd_container.one_at_a_time(), folder as folder:
            passed = possible(folder) if options.possible else run(options, folder)
    except systemd_container.Unavailable as reason:
        print(f"test-systemd: not possible on this machine: {reason}", file=sys.stderr)
        sys.exit(CANNOT)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
