"""The extension's life under systemd."""

import json
import os
import re
import time
import unittest

import bed
from machine import CERTIFICATES, HANDLER, STORE, UNIT, UNIT_FILE, VAULT

OTHER_STORE = "/etc/contoso/certificates"


def known_since():
    """Directives, and which systemd brought them, as docs/systemd.md has it."""
    with open(os.path.join(bed.ROOT, "docs/systemd.md")) as page:
        rows = re.findall(r"^\| (`\w+=`.*?) \| (\d+) \|", page.read(), re.MULTILINE)
    return {name: int(since) for names, since in rows for name in re.findall(r"`(\w+)=`", names)}


def as_seen_by_219(unit):
    """The lines of a unit that systemd 219 does not pass over, and none of its journal's stream."""
    since = known_since()
    lines = []
    for line in unit.splitlines():
        name, is_directive, value = line.partition("=")
        if name == "SystemCallFilter":
            # Groups were unknown, but the list was one of denied calls all the same.
            line = "SystemCallFilter=~swapon" if value.startswith("~") else line
        elif name == "ExecStart":
            lines.append("UnsetEnvironment=JOURNAL_STREAM")
        elif is_directive and not line.startswith("#") and since[name] > 219:
            continue
        lines.append(line)
    return "\n".join(lines) + "\n"


class Extension(unittest.TestCase):
    """`machine` is set by run.py; all tests share it."""

    def setUp(self):
        self.machine.forget()

    def test_enable_starts_an_enabled_unit_that_brings_the_certificates(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_for_certificates()
        machine.wait_until_active()
        enabled = machine.container.output("systemctl", "is-enabled", UNIT)
        self.assertEqual(enabled, "enabled")
        self.assertIn(f'ExecStart="{folder}/bin/', machine.read(UNIT_FILE))
        bed.until(lambda: machine.status(folder)["status"] == "success", "success")
        machine.container.output("openssl", "x509", "-noout", "-in", f"{STORE}/{VAULT}.web")

    def test_an_enable_of_what_is_served_touches_nothing(self):
        machine = self.machine
        folder = machine.install()
        before = machine.process()
        machine.do(folder, "enable")
        self.assertEqual(machine.process(), before)

    def test_new_settings_are_served_by_another_worker_and_wrong_ones_by_none(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_for_certificates()
        first = machine.process()
        machine.give(folder, {"secretsManagementSettings": {}}, number=1)
        self.assertNotEqual(machine.command(folder, "enable", number=1).returncode, 0)
        self.assertEqual(machine.process(), first)
        self.assertEqual(machine.status(folder, 1)["status"], "error")
        machine.give(folder, machine.settings(OTHER_STORE), number=2)
        self.assertEqual(machine.command(folder, "enable", number=2).returncode, 0)
        machine.wait_for_certificates(OTHER_STORE)
        self.assertNotEqual(machine.process(), first)

    def test_enable_does_not_wait_for_a_vault_that_does_not_answer(self):
        machine = self.machine
        machine.azure.tell("fault", json.dumps({"when": {"vault": VAULT}, "then": "hang"}))
        begun = time.monotonic()
        folder = machine.install()
        self.assertLess(time.monotonic() - begun, 15)
        self.assertEqual(machine.active(), "activating")
        machine.do(folder, "disable")
        self.assertEqual(machine.active(), "inactive")

    def test_systemd_reads_odd_paths_as_they_were_meant(self):
        machine = self.machine
        folder = machine.unpack("1.0.0")
        machine.give(folder, machine.settings())
        odd = {"STATE_DIRECTORY": "/var/lib/contoso/a \"b\" 'c' \\x41 100%n $HOME ${X} é;#"}
        machine.do(folder, "install", "enable", **odd)
        machine.wait_until_active()
        environment = machine.container.output("cat", f"/proc/{machine.process()}/environ")
        self.assertIn(f"STATE_DIRECTORY={odd['STATE_DIRECTORY']}", environment.split("\0"))
        self.assertTrue(machine.exists(f"{odd['STATE_DIRECTORY']}/report.json"))
        machine.do(folder, "disable", "uninstall", **odd)
        self.assertFalse(machine.exists(odd["STATE_DIRECTORY"]))

    def test_reload_looks_anew(self):
        machine = self.machine
        machine.install()
        machine.wait_for_certificates()
        worker, before = machine.process(), machine.link("web")
        machine.azure.rotate(VAULT, "web")
        machine.container.output("systemctl", "reload", UNIT)
        bed.until(lambda: machine.link("web") != before, "the link moves")
        self.assertEqual(machine.process(), worker)

    def test_a_killed_worker_is_started_again(self):
        machine = self.machine
        machine.install()
        machine.wait_for_certificates()
        worker, before = machine.process(), machine.link("web")
        machine.azure.rotate(VAULT, "web")
        machine.container.output("kill", "-9", str(worker))
        bed.until(lambda: machine.process() not in (0, worker), "another worker")
        machine.wait_until_active()
        bed.until(lambda: machine.link("web") != before, "the new worker looks")

    def test_the_worker_serves_after_a_boot_without_an_enable(self):
        machine = self.machine
        machine.install()
        machine.wait_for_certificates()
        before = machine.link("web")
        machine.container.stop()
        machine.azure.rotate(VAULT, "web")
        machine.container.boot()
        bed.until(lambda: machine.link("web") != before, "the rotation is seen after the boot")
        machine.wait_until_active()

    def test_after_disable_nothing_runs_and_nothing_starts_at_boot(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_for_certificates()
        machine.do(folder, "disable")
        self.assertEqual(machine.active(), "inactive")
        machine.boot_again()
        self.assertEqual(machine.active(), "inactive")
        self.assertEqual(machine.container.run("systemctl", "is-enabled", UNIT).stdout, "disabled\n")
        self.assertTrue(machine.link("web"), "the certificates stay")
        machine.do(folder, "enable")
        machine.wait_until_active()

    def test_an_update_leads_the_unit_to_the_new_version(self):
        machine = self.machine
        old = machine.install("1.0.0")
        machine.wait_for_certificates()
        links = [machine.link(name) for name in CERTIFICATES]
        new = machine.unpack("1.1.0")
        machine.give(new, machine.settings())
        # As the agent does it (WALinuxAgent 2.15, ga/exthandlers.py:857-923).
        machine.do(old, "disable")
        machine.do(new, "update", VERSION="1.1.0")
        machine.do(old, "uninstall")
        self.assertTrue(machine.exists("/var/lib/akvvm/records"), "the state stays")
        machine.container.output("rm", "-rf", old)
        machine.do(new, "install", "enable")
        machine.wait_until_active()
        program = machine.container.output("readlink", f"/proc/{machine.process()}/exe")
        self.assertTrue(program.startswith(f"{new}/bin/"), program)
        self.assertNotIn(old, machine.read(UNIT_FILE))
        self.assertEqual([machine.link(name) for name in CERTIFICATES], links)

    def test_without_its_folder_it_rests_until_an_extension_is_installed_again(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_for_certificates()
        worker = machine.process()
        # The agent deletes an extension that its goal state has forgotten, and calls nothing.
        machine.container.output("rm", "-rf", folder)
        machine.azure.rotate(VAULT, "web")
        before = machine.link("web")
        machine.container.output("systemctl", "reload", UNIT)
        bed.until(lambda: machine.link("web") != before, "it goes on while it runs")
        self.assertEqual(machine.process(), worker)
        machine.container.output("kill", "-9", str(worker))
        bed.until(lambda: machine.active() == "inactive", "it rests after a kill")
        # A captured image boots, which brings an order of another machine along.
        machine.boot_again()
        self.assertEqual(machine.active(), "inactive")
        self.assertEqual(machine.container.shown(UNIT, "NRestarts"), "0")
        self.assertIn(f"ConditionPathExists={folder}/bin/", machine.journal())
        new = machine.install("1.1.0")
        machine.wait_until_active()
        self.assertIn(f"{new}/bin/", machine.read(UNIT_FILE))
        bed.until(lambda: machine.status(new)["status"] == "success", "success")

    def test_what_219_knows_of_the_unit_is_enough(self):
        machine = self.machine
        folder = machine.install()
        machine.container.output("systemctl", "stop", UNIT)
        machine.container.output("rm", "-rf", STORE, f"{UNIT_FILE}.d")
        machine.write(UNIT_FILE, as_seen_by_219(machine.read(UNIT_FILE)))
        machine.container.output("systemctl", "daemon-reload")
        machine.container.output("systemctl", "start", UNIT)
        machine.wait_for_certificates()
        self.assertEqual(machine.container.shown(UNIT, "ProtectSystem"), "no")
        self.assertFalse(machine.exists(f"{UNIT_FILE}.d"))
        self.assertIn("certificates installed", machine.container.shown(UNIT, "StatusText"))
        self.assertIn("Successfully started", machine.journal())
        worker, before = machine.process(), machine.link("web")
        machine.azure.rotate(VAULT, "web")
        machine.container.output("systemctl", "reload", UNIT)
        bed.until(lambda: machine.link("web") != before, "the link moves")
        machine.container.output("kill", "-9", str(worker))
        bed.until(lambda: machine.process() not in (0, worker), "another worker")
        machine.wait_until_active()
        machine.do(folder, "enable", "disable", "uninstall")
        self.assertFalse(machine.exists(UNIT_FILE))

    def test_a_real_uninstall_leaves_certificates_and_logs_only(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_for_certificates()
        machine.do(folder, "disable", "uninstall")
        self.assertFalse(machine.exists(UNIT_FILE))
        self.assertFalse(machine.exists(f"{UNIT_FILE}.d"))
        self.assertFalse(machine.exists(f"/etc/systemd/system/multi-user.target.wants/{UNIT}"))
        self.assertFalse(machine.exists("/var/lib/akvvm"))
        self.assertEqual(machine.container.run("ls", "/run/akvvm").returncode, 2)
        self.assertEqual(machine.container.shown(UNIT, "LoadState"), "not-found")
        self.assertTrue(all(machine.link(name) for name in CERTIFICATES))
        self.assertTrue(machine.exists(f"/var/log/azure/{HANDLER}/akvvm_service.log"))

    def test_a_unit_of_another_product_is_refused_and_left_alone(self):
        machine = self.machine
        foreign = "[Service]\nExecStart=/bin/sleep 1000\n"
        machine.write(UNIT_FILE, foreign)
        folder = machine.unpack("1.0.0")
        machine.give(folder, machine.settings())
        for name in ("install", "enable"):
            done = machine.command(folder, name)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("belongs to another product", done.stderr)
        status = machine.status(folder)
        self.assertEqual((status["status"], status["code"]), ("error", 3))
        machine.do(folder, "disable", "uninstall")
        self.assertEqual(machine.read(UNIT_FILE), foreign)
