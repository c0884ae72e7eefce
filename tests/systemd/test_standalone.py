"""The worker without any agent, as docs/standalone.md has it."""

import json
import os
import subprocess
import tempfile
import unittest
import zipfile

import bed
from machine import CERTIFICATES, STORE, UNIT, VAULT
from test_sandbox import WORST_EXPOSURE, exposure

OTHER_STORE = "/etc/contoso/certificates"
INSTALLED_UNIT = f"/usr/local/lib/systemd/system/{UNIT}"


class Standalone(unittest.TestCase):
    """`machine` is set by run.py; all tests share it."""

    def setUp(self):
        self.machine.forget()
        self.make("install")

    def tearDown(self):
        self.machine.container.run("systemctl", "disable", "--now", UNIT)
        self.make("uninstall")
        self.machine.container.run("systemctl", "daemon-reload")

    def make(self, target):
        """A target of the Makefile, with the package's programs, for the container."""
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(self.machine.package) as package:
                package.extractall(folder)
            built = os.path.join(folder, "bin", os.uname().machine)
            os.chmod(os.path.join(built, "akvvm_service"), 0o755)
            words = [f"BUILT={built}", f"DESTDIR={self.machine.container.root}"]
            subprocess.run(["make", "--silent", target, *words], cwd=bed.ROOT, check=True)

    def configure(self, settings):
        self.machine.write("/etc/akvvm/settings.json", json.dumps(settings), 0o600)

    def start(self):
        self.machine.container.output("systemctl", "daemon-reload")
        self.machine.container.output("systemctl", "enable", "--now", UNIT)

    def test_it_serves_the_settings_file_now_and_after_a_boot(self):
        machine = self.machine
        self.configure(machine.settings())
        self.start()
        # Ready means that they are there.
        self.assertTrue(all(machine.link(name) for name in CERTIFICATES))
        before = machine.link("web")
        machine.container.stop()
        machine.azure.rotate(VAULT, "web")
        machine.container.boot()
        bed.until(lambda: machine.link("web") != before, "the rotation is seen after the boot")
        self.assertEqual(machine.active(), "active")

    def test_a_reload_serves_changed_settings_and_keeps_the_former_ones_if_they_are_wrong(self):
        machine = self.machine
        self.configure(machine.settings())
        self.start()
        worker, before = machine.process(), machine.link("web")
        self.configure({"secretsManagementSettings": {}})
        machine.container.output("systemctl", "reload", UNIT)
        bed.until(lambda: "the settings in force stay" in machine.journal(), "a complaint")
        machine.azure.rotate(VAULT, "web")
        self.configure(machine.settings(retainVersions=3))
        machine.container.output("systemctl", "reload", UNIT)
        bed.until(lambda: machine.link("web") != before, "the link moves")
        self.assertEqual((machine.process(), machine.active()), (worker, "active"))

    def test_a_new_store_needs_a_new_sandbox_and_gets_it_by_itself(self):
        machine = self.machine
        self.configure(machine.settings())
        self.start()
        worker = machine.process()
        self.assertEqual(machine.container.shown(UNIT, "ProtectSystem"), "strict")
        self.assertLessEqual(exposure(machine), WORST_EXPOSURE)
        self.configure(machine.settings(OTHER_STORE))
        machine.container.output("systemctl", "reload", UNIT)
        machine.wait_for_certificates(OTHER_STORE)
        machine.wait_until_active()
        self.assertNotEqual(machine.process(), worker)
        self.assertEqual(machine.container.shown(UNIT, "Result"), "success")

    def test_the_journal_has_priorities(self):
        machine = self.machine
        self.configure(machine.settings())
        self.start()
        lines = lambda *words: machine.container.output(
            "journalctl", "--boot", "--no-pager", "-o", "cat", "-u", UNIT, *words
        ).splitlines()
        program = "_COMM=akvvm_service"
        informed = f"{VAULT}.web: installed: "
        bed.until(lambda: any(line.startswith(informed) for line in lines(program)), informed)
        self.configure({})
        machine.container.output("systemctl", "reload", UNIT)
        complaint = "the settings in force stay"
        bed.until(lambda: complaint in "".join(lines("-p", "err", program)), complaint)
        self.assertNotIn(informed, "".join(lines("-p", "warning", program)))

    def test_wrong_settings_end_it_once(self):
        machine = self.machine
        self.configure({"secretsManagementSettings": {}})
        machine.container.output("systemctl", "daemon-reload")
        self.assertNotEqual(machine.container.run("systemctl", "start", UNIT).returncode, 0)
        self.assertEqual(machine.active(), "failed")
        self.assertEqual(machine.container.shown(UNIT, "NRestarts"), "0")
        self.assertIn("observedCertificates", machine.container.shown(UNIT, "StatusText"))

    def test_what_others_could_have_written_is_not_served(self):
        machine = self.machine
        machine.container.output("systemctl", "daemon-reload")
        for path in ("settings.json", "environment"):
            with self.subTest(path):
                self.configure(machine.settings())
                machine.container.output("chmod", "0666", f"/etc/akvvm/{path}")
                self.assertNotEqual(machine.container.run("systemctl", "start", UNIT).returncode, 0)
                machine.container.output("systemctl", "stop", UNIT)
                fix = f"chown root /etc/akvvm/{path} && chmod 0600 /etc/akvvm/{path}"
                self.assertIn(fix, machine.journal())
                machine.container.output("sh", "-c", fix)
                self.configure(machine.settings())
                machine.container.output("systemctl", "start", UNIT)
                machine.container.output("systemctl", "stop", UNIT)

    def test_another_user_is_told_what_helps_where_root_alone_reads_the_environment(self):
        machine = self.machine
        store, home = "/srv/nobody/store", "/srv/nobody"
        machine.write("/srv/nobody/settings.json", json.dumps(machine.settings(store)))
        machine.container.output("chown", "-R", "nobody:", home)
        self.addCleanup(machine.container.run, "rm", "-r", home)
        words = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        program = "/usr/local/bin/akvvm_service"
        words += [program, "sync", "--settings", f"{home}/settings.json"]
        sync = lambda: machine.container.run(*words, environment={"HOME": home})
        refused = sync()
        self.assertEqual(refused.returncode, 2)
        self.assertIn("let others read the file (mode 0644)", refused.stderr)
        machine.container.output("chmod", "0644", "/etc/akvvm/environment")
        done = sync()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(all(machine.link(name, store) for name in CERTIFICATES))

    def test_the_extension_is_refused_beside_it(self):
        machine = self.machine
        self.configure(machine.settings())
        self.start()
        folder = machine.unpack("1.0.0")
        machine.give(folder, machine.settings())
        done = machine.command(folder, "install")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{INSTALLED_UNIT} belongs to another product", done.stderr)
        machine.do(folder, "disable", "uninstall")
        self.assertEqual(machine.active(), "active")
        self.assertTrue(machine.exists(f"{STORE}/{VAULT}.web"))
