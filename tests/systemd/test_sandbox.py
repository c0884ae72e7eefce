"""The worker's sandbox: tight, and never in the way of what settings ask for."""

import re
import unittest

import bed
from machine import CERTIFICATES, STORE, UNIT, UNIT_FILE, VAULT

WORST_EXPOSURE = 2.5
SANDBOX = f"{UNIT_FILE}.d/akvvm-sandbox.conf"
ODD_STORE = "/srv/a \"b\" 100%n $HOME ${X} é;#"
STORES = (
    "/etc/contoso/certificates",
    "/var/lib/contoso/a/b/c",
    "/opt/contoso",
    "/srv/contoso/certificates",
    "/root/certificates",
    "/home/contoso/certificates",
    "/tmp/contoso",
    "/var/tmp/contoso",
    "/run/contoso/certificates",
    "/dev/shm/contoso",
    "/usr/local/share/contoso",
    ODD_STORE,
    "/srv/it's",
)
# No version of systemd reads these as another one does, so that the directory above is opened.
UNSAYABLE = ("/mnt/back\\slash/certificates", "/media/both'\"quotes")


def exposure(machine):
    """As systemd rates the unit that is loaded: from 0, closed, to 10, open."""
    rated = machine.container.output("systemd-analyze", "security", "--no-pager", UNIT)
    return float(re.search(r"exposure level for .*: ([0-9.]+)", rated).group(1))


class Sandbox(unittest.TestCase):
    """`machine` is set by run.py; all tests share it."""

    def setUp(self):
        self.machine.forget()
        self._remove_stores()

    def tearDown(self):
        self._remove_stores()

    def _remove_stores(self):
        tops = ["/etc/contoso", "/opt/contoso", "/root/certificates", "/home/contoso"]
        tops += ["/tmp/contoso", "/var/tmp/contoso", "/run/contoso", "/dev/shm/contoso"]
        self.machine.container.run("rm", "-rf", *tops, "/usr/local/share/contoso")
        self.machine.container.run("sh", "-c", "umount /mnt/other; rm -rf /mnt/* /media/*")
        self.machine.container.run("sh", "-c", "rm -rf /srv/[!a]* /srv/a\\ *")

    def inside(self, *command):
        """Runs a command among the worker's mounts."""
        enter = ["nsenter", "-t", str(self.machine.process()), "-m", "--"]
        return self.machine.container.run(*enter, *command)

    def there(self, path):
        return self.machine.container.run("test", "-s", path).returncode == 0

    def stored(self, *stores):
        """Settings for one certificate in each of these stores."""
        settings = self.machine.settings()
        url = f"https://{VAULT}.vault.azure.net/secrets/web"
        observed = [{"url": url, "certificateStoreLocation": store} for store in stores]
        settings["secretsManagementSettings"]["observedCertificates"] = observed
        return settings

    def wait_for(self, *stores):
        missing = lambda: [s for s in stores if not self.there(f"{s}/{VAULT}.web")]
        try:
            bed.until(lambda: not missing(), "certificates")
        except SystemExit:
            self.fail(f"nothing in {missing()}: {self.machine.journal()}")

    def problem(self, folder):
        return " ".join(
            substatus["formattedMessage"]["message"]
            for substatus in self.machine.status(folder)["substatus"]
        )

    def test_the_unit_is_closed_as_far_as_it_can_be(self):
        machine = self.machine
        machine.install()
        machine.wait_for_certificates()
        self.assertEqual(machine.container.shown(UNIT, "ProtectSystem"), "strict")
        self.assertLessEqual(exposure(machine), WORST_EXPOSURE)
        self.assertNotIn("could not be switched off", machine.journal())

    def test_the_worker_can_write_to_its_stores_and_nowhere_else(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_for_certificates()
        for path in ("/etc", "/usr", "/root", "/var/lib", "/tmp", f"{folder}/bin"):
            refused = self.inside("touch", f"{path}/akvvm-test")
            self.assertIn("Read-only file system", refused.stderr, path)
        for path in (STORE, "/var/lib/akvvm", f"{folder}/status"):
            self.assertEqual(self.inside("touch", f"{path}/akvvm-test").returncode, 0, path)

    def test_stores_can_lie_anywhere(self):
        machine = self.machine
        machine.install(settings=self.stored(*STORES, *UNSAYABLE))
        self.wait_for(*STORES, *UNSAYABLE)
        self.assertEqual(machine.container.shown(UNIT, "ProtectSystem"), "strict")
        self.assertEqual(machine.container.shown(UNIT, "NRestarts"), "0")
        text = machine.read(SANDBOX)
        self.assertIn("\nReadWritePaths='-/srv/a \"b\" 100%%n $HOME ${X} é;#'\n", text)

    def test_a_store_behind_a_link_and_one_on_another_disk(self):
        machine = self.machine
        run = machine.container.output
        run("mkdir", "-p", "/mnt/other", "/srv/real")
        run("mount", "-t", "tmpfs", "tmpfs", "/mnt/other")
        run("ln", "-s", "/srv/real", "/srv/link")
        stores = ("/mnt/other/certificates", "/srv/link/certificates")
        machine.install(settings=self.stored(*stores))
        self.wait_for(*stores)
        self.assertTrue(self.there(f"/srv/real/certificates/{VAULT}.web"))

    def test_a_store_that_is_removed_or_replaced_behind_the_sandbox_is_filled_again(self):
        machine = self.machine
        machine.install()
        machine.wait_for_certificates()
        worker = machine.process()
        for damage in (
            f"rm -r {STORE}",
            "rm -r /var/lib/contoso",
            f"rm -r {STORE} && mkdir {STORE}",
            f"mv {STORE} /srv/before && ln -s /srv/elsewhere {STORE} && mkdir /srv/elsewhere",
        ):
            machine.container.output("sh", "-c", damage)
            self.assertIsNone(machine.link("web"))
            machine.container.output("systemctl", "reload", UNIT)
            self.wait_for(STORE)
            machine.wait_until_active()
        self.assertNotEqual(machine.process(), worker)
        self.assertEqual(machine.container.shown(UNIT, "ProtectSystem"), "strict")

    def test_state_that_is_removed_while_the_worker_runs_is_begun_anew(self):
        machine = self.machine
        machine.install()
        machine.wait_for_certificates()
        assignment = machine.read("/var/lib/akvvm/assignment.json")
        machine.container.output("rm", "-r", "/run/akvvm", "/var/lib/akvvm")
        machine.container.output("mkdir", "-m", "700", "/var/lib/akvvm")
        machine.write("/var/lib/akvvm/assignment.json", assignment, 0o600)
        machine.container.output("systemctl", "reload", UNIT)
        bed.until(lambda: machine.exists("/var/lib/akvvm/report.json"), "a report")
        machine.wait_until_active()
        machine.container.output("test", "-s", "/run/akvvm/worker.json")

    def test_an_extension_folder_that_the_agent_makes_anew_is_written_to(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_for_certificates()
        machine.container.output("mv", folder, "/srv/before")
        machine.container.output("cp", "-a", "/srv/before", folder)
        machine.container.output("rm", f"{folder}/status/0.status", f"{folder}/heartbeat.log")
        machine.do(folder, "enable")
        self.assertTrue(machine.exists(f"{folder}/heartbeat.log"))
        self.assertEqual(machine.status(folder)["status"], "success")

    def test_directories_above_a_store_are_opened_to_whom_settings_grant_access(self):
        machine = self.machine
        settings = self.stored("/srv/contoso/a/b")
        observed = settings["secretsManagementSettings"]["observedCertificates"]
        observed[0]["acls"] = [{"user": "nobody"}]
        machine.install(settings=settings)
        self.wait_for("/srv/contoso/a/b")
        path = f"/srv/contoso/a/b/{VAULT}.web"
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        self.assertEqual(machine.container.run(*as_nobody, "cat", path).returncode, 0)

    def test_an_administrator_may_have_directories_opened_that_are_not_the_extensions(self):
        machine = self.machine
        machine.container.output("mkdir", "-p", "-m", "700", "/srv/contoso")
        environment = machine.read("/etc/akvvm/environment")
        machine.write("/etc/akvvm/environment", f"{environment}AKVVM_GRANT_ANCESTORS=yes\n", 0o600)
        settings = self.stored("/srv/contoso/a")
        observed = settings["secretsManagementSettings"]["observedCertificates"]
        observed[0]["acls"] = [{"user": "nobody"}]
        machine.install(settings=settings)
        self.wait_for("/srv/contoso/a")
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        path = f"/srv/contoso/a/{VAULT}.web"
        self.assertEqual(machine.container.run(*as_nobody, "cat", path).returncode, 0)

    def test_a_store_that_an_administrator_hides_is_an_error_that_names_the_directive(self):
        machine = self.machine
        for directive, value, store in (
            ("ProtectHome", "yes", "/home/contoso/certificates"),
            ("ProtectHome", "tmpfs", "/home/contoso/certificates"),
            ("PrivateTmp", "yes", "/tmp/contoso"),
            ("InaccessiblePaths", "/opt", "/opt/contoso"),
            ("ReadOnlyPaths", "/srv/contoso/certificates", "/srv/contoso/certificates"),
        ):
            with self.subTest(f"{directive}={value}"):
                machine.forget()
                text = f"[Service]\n{directive}={value}\n"
                machine.write(f"{UNIT_FILE}.d/zz-test.conf", text)
                folder = machine.install(settings=self.stored(store))
                named = lambda: f"{directive}=" in self.problem(folder)
                bed.until(named, f"an error that names {directive}=")
                machine.wait_until_active()
                self.assertIsNone(machine.link("web", store))

    def test_programs_in_the_sandbox_can_ask_systemd_for_things(self):
        machine = self.machine
        asked = "/usr/bin/systemd-run --quiet --collect --wait /bin/touch /srv/ran"
        again = "/usr/bin/systemctl reload-or-restart dbus.service"
        text = f"[Service]\nExecStartPost={asked}\nExecStartPost={again}\n"
        machine.write(f"{UNIT_FILE}.d/zz-test.conf", text)
        machine.install()
        machine.wait_until_active()
        self.assertTrue(machine.exists("/srv/ran"))

    def test_without_a_drop_in_the_worker_runs_all_the_same(self):
        machine = self.machine
        machine.write(SANDBOX, "[Service]\n")
        machine.install()
        machine.wait_for_certificates()
        self.assertEqual(machine.read(SANDBOX), "[Service]\n")
        self.assertIn("is not ours", machine.journal())
