#!/usr/bin/python3 -B
"""Tests of the packages as they are shipped, on other Linux userlands and processors than this
machine's.

    tests/distributions/run.py --dist FOLDER --fake-azure PROGRAM [NAME]...
    tests/distributions/run.py --possible

With names, only the tests whose names have one of them in it. Ends with 77 where the machine
cannot make or enter userlands, and says why; --possible finds out just that.
"""

import argparse
import glob
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "scripts")]

import bed  # noqa: E402
import chroot  # noqa: E402
import machine  # noqa: E402
import test_life  # noqa: E402
import test_origin  # noqa: E402
import test_packages  # noqa: E402
import test_processors  # noqa: E402

CANNOT = 77
CASES = (
    test_life.Life,
    test_life.Bare,
    test_origin.Origin,
    test_packages.Contents,
    test_packages.Rpm,
    test_processors.Processors,
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--possible", action="store_true")
    parser.add_argument("--dist")
    parser.add_argument("--fake-azure")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if not options.possible and not (options.dist and options.fake_azure):
        parser.error("either --possible, or --dist and --fake-azure")
    return options


def suite(names):
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in names] or None
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in CASES)


def prepare():
    """Downloads what is entered, where it is not there yet, and enters it."""
    with tempfile.TemporaryDirectory() as over:
        for name in chroot.TREES:
            done = chroot.Userland(name, over).run("true")
            if done.returncode:
                raise chroot.Unavailable(f"{name} cannot be entered: {done.stderr[-2000:]}")
    tools = os.path.join(ROOT, "scripts", "portable-tools.sh")
    if subprocess.run([tools, "emulator"]).returncode:
        raise chroot.Unavailable("no emulator for aarch64")


def run(options):
    dist = os.path.abspath(options.dist)
    with tempfile.TemporaryDirectory() as folder:
        azure = bed.Azure(options.fake_azure, folder, machine.SCENARIO)
        for case in CASES:
            case.dist, case.azure = dist, azure
            (case.package,) = glob.glob(os.path.join(dist, "*.zip"))
        try:
            tests = suite(options.names)
            return unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful()
        finally:
            azure.stop()


def main():
    options = arguments()
    try:
        prepare()
    except chroot.Unavailable as reason:
        print(f"test-dist: not possible on this machine: {reason}", file=sys.stderr)
        sys.exit(CANNOT)
    sys.exit(0 if options.possible or run(options) else 1)


if __name__ == "__main__":
    main()
