"""Programs for every processor, from one package."""

import os
import subprocess
import tempfile
import unittest

import bed
from chroot import Userland
from machine import CERTIFICATE, Machine

TOOLS = os.path.join(bed.ROOT, "target", "portable-tools")
EMULATOR = os.path.join(TOOLS, "emulator", "usr", "bin")
CHECK = os.path.join(bed.ROOT, "scripts", "portable-check.sh")
GLIBC = "2.17"


class Processors(unittest.TestCase):
    """`package` and `azure` are set by run.py."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = Machine(folder.name, self.azure, self.package)

    def run_aarch64(self, *words):
        """A program of the package on an emulated processor, in a root with an aarch64 C library."""
        program = os.path.join(self.machine.unpack("aarch64"), words[0])
        seen = [*self.machine.seen, (EMULATOR, "/emulator")]
        inside = Userland(os.path.join(TOOLS, "aarch64"), self.machine.over, seen)
        return subprocess.run(
            inside.enter("/emulator/qemu-aarch64-static", program, *words[1:]),
            env={"PATH": os.environ["PATH"], **self.machine.environment()},
            capture_output=True,
            text=True,
        )

    def test_aarch64_gets_certificates(self):
        done = self.run_aarch64("akvvm_service", "sync", "--settings", self.machine.settings_file())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(CERTIFICATE, done.stdout)
        self.assertIn("PRIVATE KEY", self.machine.installed())

    def test_all_programs_name_the_same_version_and_commit(self):
        folder = self.machine.unpack()
        versions = set()
        for name in ("akvvm_handler", "akvvm_service"):
            own = subprocess.run(
                [os.path.join(folder, name), "--version"], capture_output=True, text=True
            )
            for done in (own, self.run_aarch64(name, "--version")):
                self.assertEqual(done.returncode, 0, done.stderr)
                program, _, version = done.stdout.strip().partition(" ")
                self.assertEqual(program, name)
                versions.add(version)
        self.assertEqual(len(versions), 1, versions)
        number = os.path.basename(self.package)[: -len(".zip")].rpartition("-")[2]
        self.assertRegex(versions.pop(), rf"^{number} \([0-9a-f]{{12}}(-changed)?\)$")

    def test_the_shim_starts_the_program_for_the_processor_or_says_that_there_is_none(self):
        programs = self.machine.unpack()
        package = os.path.dirname(os.path.dirname(programs))
        tools = os.path.join(self.machine.folder, "tools")
        os.mkdir(tools)

        def shim(cpu):
            uname = os.path.join(tools, "uname")
            with open(uname, "w") as file:
                file.write(f"#!/bin/sh\necho {cpu}\n")
            os.chmod(uname, 0o755)
            return subprocess.run(
                [os.path.join(package, "bin", "handler"), "enable", "now"],
                env={"PATH": f"{tools}:/usr/bin:/bin"},
                capture_output=True,
                text=True,
            )

        for cpu in ("x86_64", "aarch64"):
            stand_in = os.path.join(package, "bin", cpu, "akvvm_handler")
            with open(stand_in, "w") as file:
                file.write(f'#!/bin/sh\necho "{cpu}: $*"\nexit 3\n')
            done = shim(cpu)
            self.assertEqual((done.returncode, done.stdout), (3, f"{cpu}: enable now\n"))
        done = shim("riscv64")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no program for riscv64 processors", done.stderr)

    def test_every_program_runs_with_an_old_c_library(self):
        for cpu in ("x86_64", "aarch64"):
            for name in ("akvvm_handler", "akvvm_service"):
                program = os.path.join(self.machine.unpack(cpu), name)
                subprocess.run([CHECK, cpu, GLIBC, program], check=True)

    def test_the_check_of_symbols_can_fail(self):
        complaints = {
            ("x86_64", GLIBC, "/usr/bin/python3"): "needs ",
            ("aarch64", GLIBC, "/usr/bin/python3"): "not for aarch64",
            ("x86_64", GLIBC, CHECK): "not a program",
            # What this machine's own C library gives to whatever is linked here.
            ("x86_64", GLIBC, "/bin/true"): "promised is 2.17",
        }
        for words, complaint in complaints.items():
            done = subprocess.run([CHECK, *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(complaint, done.stderr)
