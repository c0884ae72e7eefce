#!/usr/bin/python3 -B
"""Tests of what systemd has to do with, in a container that is booted for them.

    tests/systemd/run.py --package ZIP --fake-azure PROGRAM [NAME]...

With names, only the tests whose names have one of them in it. Ends with 77 where the machine
cannot run containers.
"""

import argparse
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "scripts")]

import systemd_container  # noqa: E402
import test_extension  # noqa: E402
import test_notify  # noqa: E402
import test_standalone  # noqa: E402
from machine import Machine  # noqa: E402

CANNOT = 77
CASES = (test_extension.Extension, test_notify.Notify, test_standalone.Standalone)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", required=True)
    parser.add_argument("--fake-azure", required=True)
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def suite(names):
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in names] or None
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in CASES)


def run(options, folder):
    machine = Machine(folder, options.package, options.fake_azure)
    try:
        machine.container.boot()
        for case in CASES:
            case.machine = machine
        tests = suite(options.names)
        return unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful()
    finally:
        machine.stop()


def main():
    options = arguments()
    try:
        tree = systemd_container.make_tree()
        # Beside the tree, so that copying is cheap where the file system can share blocks.
        with tempfile.TemporaryDirectory(prefix="run-", dir=os.path.dirname(tree)) as folder:
            passed = run(options, folder)
    except systemd_container.Unavailable as reason:
        print(f"test-systemd: no test was run: {reason}", file=sys.stderr)
        sys.exit(CANNOT)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
