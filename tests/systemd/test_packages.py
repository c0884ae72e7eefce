"""The worker from the .deb and from the VM application: installed, updated and removed."""

import glob
import json
import os
import re
import shutil
import tempfile
import unittest

import bed
import dist
import package
from machine import CERTIFICATES, STORE, UNIT, VAULT

SETTINGS = "/etc/akvvm/settings.json"
STATE = "/var/lib/akvvm/report.json"
NEXT = "99.0.0"


class Packaged(unittest.TestCase):
    """`machine` is set by run.py; all tests share it."""

    def setUp(self):
        self.machine.forget()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def pack(self, version):
        """What makes the packages of this version from the programs under test."""
        scratch = tempfile.mkdtemp(dir=self.folder)
        return dist.Dist(self.machine.package, version, scratch, scratch)

    def bring(self, path, inside):
        target = self.machine.container.path(inside)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(path, target)
        return inside

    def configure(self):
        self.machine.write(SETTINGS, json.dumps(self.machine.settings()), 0o600)

    def enabled(self):
        return self.machine.container.run("systemctl", "is-enabled", UNIT).stdout.strip()

    def assert_certificates(self):
        self.assertTrue(all(self.machine.link(name, STORE) for name in CERTIFICATES))

    def assert_refused(self, done):
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("belongs to the Key Vault VM extension", done.stdout + done.stderr)


class Deb(Packaged):
    def tearDown(self):
        self.machine.container.run("dpkg", "--purge", "akvvm")
        super().tearDown()

    def deb(self, version=package.workspace_version()):
        path = self.pack(version).deb(os.uname().machine)
        return self.bring(path, f"/root/{os.path.basename(path)}")

    def dpkg(self, *words):
        return self.machine.container.run("dpkg", "--force-confold", *words)

    def install(self, deb):
        done = self.dpkg("--install", deb)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def serve(self):
        """Settings that are there before the installation are served by it."""
        self.configure()
        self.install(self.deb())
        self.machine.wait_until_active()
        self.machine.wait_for_certificates()
        bed.until(lambda: self.machine.exists(STATE), "the first report")

    def test_without_settings_it_says_what_to_do_and_starts_nothing(self):
        said = self.install(self.deb())
        self.assertIn(f"write your settings into {SETTINGS}", said)
        self.assertEqual((self.machine.active(), self.enabled()), ("inactive", "disabled"))
        self.configure()
        self.machine.container.output("systemctl", "enable", "--now", UNIT)
        self.assert_certificates()

    def test_the_pages_that_come_with_it_lead_to_pages_that_are_there(self):
        self.install(self.deb())
        top = self.machine.container.path("/usr/share/doc/akvvm")
        pages = glob.glob(f"{top}/**/*.md", recursive=True)
        leads_to = []
        for page in pages:
            with open(page) as file:
                links = re.findall(r"\]\(([^)#:]+\.md)[)#]", file.read())
            leads_to += [os.path.normpath(f"{os.path.dirname(page)}/{link}") for link in links]
        # The repository's other files stay there.
        inside = {page for page in leads_to if page.startswith(f"{top}/")}
        self.assertIn(f"{top}/status-codes.md", inside)
        self.assertEqual(inside - set(pages), set())

    def test_an_upgrade_keeps_settings_and_goes_on_with_the_new_program(self):
        self.serve()
        before = self.machine.process()
        self.install(self.deb(NEXT))
        bed.until(lambda: self.machine.process() not in (0, before), "the worker is a new one")
        self.machine.wait_until_active()
        self.assertEqual(json.loads(self.machine.read(SETTINGS)), self.machine.settings())
        self.assertEqual(self.enabled(), "enabled")

    def test_an_upgrade_starts_nothing_that_was_stopped(self):
        self.serve()
        self.machine.container.output("systemctl", "disable", "--now", UNIT)
        self.install(self.deb(NEXT))
        self.assertEqual((self.machine.active(), self.enabled()), ("inactive", "disabled"))

    def test_after_a_removal_all_but_the_program_is_there_and_a_new_installation_goes_on(self):
        self.serve()
        self.assertEqual(self.dpkg("--remove", "akvvm").returncode, 0)
        self.assertEqual(self.machine.active(), "inactive")
        self.assertFalse(self.machine.exists("/usr/bin/akvvm_service"))
        self.assertTrue(self.machine.exists(SETTINGS) and self.machine.exists(STATE))
        self.assert_certificates()
        self.install(self.deb())
        self.machine.wait_until_active()
        self.assertEqual(self.enabled(), "enabled")

    def test_a_purge_leaves_nothing_but_certificates(self):
        self.serve()
        self.assertEqual(self.dpkg("--purge", "akvvm").returncode, 0)
        # The administrator's own file.
        self.assertEqual(os.listdir(self.machine.container.path("/etc/akvvm")), ["environment"])
        for path in ("/var/lib/akvvm", "/var/log/akvvm", f"/etc/systemd/system/{UNIT}.d"):
            self.assertFalse(self.machine.exists(path), path)
        self.assertNotEqual(self.machine.container.run("test", "-e", "/run/akvvm").returncode, 0)
        self.assert_certificates()

    def test_it_refuses_beside_the_extension(self):
        self.machine.install(settings=self.machine.settings())
        self.machine.wait_for_certificates()
        worker = self.machine.process()
        self.assert_refused(self.dpkg("--install", self.deb()))
        self.assertFalse(self.machine.exists("/usr/bin/akvvm_service"))
        self.assertEqual(self.machine.process(), worker)

    def test_the_extension_refuses_beside_it(self):
        self.serve()
        folder = self.machine.unpack("1.0.0")
        self.machine.give(folder, self.machine.settings())
        done = self.machine.command(folder, "install")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"systemd/system/{UNIT} belongs to another product", done.stderr)
        self.assertEqual(self.machine.active(), "active")

    def test_a_late_purge_leaves_the_extension_its_state(self):
        self.serve()
        self.assertEqual(self.dpkg("--remove", "akvvm").returncode, 0)
        self.machine.install(settings=self.machine.settings())
        self.machine.wait_until_active()
        self.assertEqual(self.dpkg("--purge", "akvvm").returncode, 0)
        self.assertTrue(self.machine.exists("/var/lib/akvvm/assignment.json"))
        self.assertEqual(self.machine.active(), "active")


class VmApplication(Packaged):
    """Each version has a folder where the guest agent's VM application extension puts the archive
    and runs the commands (https://learn.microsoft.com/azure/virtual-machines/vm-applications)."""

    INSTALL = "tar -xzf akvvm.tar.gz && akvvm-vm-application/install.sh"
    REMOVE = "akvvm-vm-application/remove.sh"

    def tearDown(self):
        self.machine.container.run("rm", "-rf", "/opt/akvvm")
        super().tearDown()

    def application(self, version, settings=None):
        """The folder of a version."""
        folder = f"/var/lib/waagent/applications/akvvm/{version}"
        self.bring(self.pack(version).application(), f"{folder}/akvvm.tar.gz")
        if settings:
            self.machine.write(f"{folder}/settings.json", json.dumps(settings), 0o600)
        return folder

    def command(self, folder, command):
        return self.machine.container.run("sh", "-c", command, folder=folder)

    def do(self, folder, command):
        done = self.command(folder, command)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_it_is_installed_with_settings_updated_and_removed(self):
        machine = self.machine
        first = self.application("1.0.0", machine.settings())
        self.do(first, self.INSTALL)
        machine.wait_until_active()
        machine.wait_for_certificates()
        self.assertEqual(self.enabled(), "enabled")
        before = machine.process()
        self.do(self.application("1.1.0"), self.INSTALL)
        bed.until(lambda: machine.process() not in (0, before), "the worker is a new one")
        self.assertEqual(json.loads(machine.read(SETTINGS)), machine.settings())
        self.do(first.replace("1.0.0", "1.1.0"), self.REMOVE)
        self.assertEqual(machine.active(), "inactive")
        self.assertFalse(machine.exists(f"/etc/systemd/system/{UNIT}"))
        self.assertFalse(machine.exists("/opt/akvvm"))
        self.assertTrue(machine.exists(SETTINGS))
        self.assert_certificates()

    def test_without_settings_it_says_what_to_do(self):
        said = self.do(self.application("1.0.0"), self.INSTALL)
        self.assertIn(f"write your settings into {SETTINGS}", said)
        self.assertEqual(self.machine.active(), "inactive")

    def test_it_refuses_beside_the_extension_and_its_removal_leaves_that_alone(self):
        self.machine.install(settings=self.machine.settings())
        folder = self.application("1.0.0", self.machine.settings())
        self.assert_refused(self.command(folder, self.INSTALL))
        self.command(folder, self.REMOVE)
        self.machine.wait_until_active()
        self.assertTrue(self.machine.exists(f"/etc/systemd/system/{UNIT}"))
