#!/usr/bin/python3 -B
"""Tests of the packages as they are shipped, on other Linux userlands and processors than this
machine's.

    tests/distributions/run.py --dist FOLDER --fake-azure PROGRAM [NAME]...

With names, only the tests whose names have one of them in it. As root, on Debian.
"""

import argparse
import glob
import os
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
    parser.add_argument("--dist", required=True)
    parser.add_argument("--fake-azure", required=True)
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def suite(names):
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in names] or None
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in CASES)


def main():
    options = arguments()
    for name in chroot.TREES:
        chroot.tree(name)
    dist = os.path.abspath(options.dist)
    with tempfile.TemporaryDirectory() as folder:
        azure = bed.Azure(options.fake_azure, folder, machine.SCENARIO)
        for case in CASES:
            case.dist, case.azure = dist, azure
            (case.package,) = glob.glob(os.path.join(dist, "*.zip"))
        try:
            passed = unittest.TextTestRunner(verbosity=2).run(suite(options.names)).wasSuccessful()
        finally:
            azure.stop()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
