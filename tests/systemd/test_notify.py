"""What systemd hears from the worker."""

import json
import shutil
import unittest

import bed
from machine import CERTIFICATES, UNIT, VAULT

CONSUMER = "akvvm-consumer.service"
UNITS = "/etc/systemd/system"
# Fails where the certificates are not there when it starts.
CONSUMER_UNIT = f"""[Unit]
Wants={UNIT}
After={UNIT}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/openssl x509 -noout -in /var/lib/contoso/certificates/{VAULT}.web
[Install]
WantedBy=multi-user.target
"""


class Notify(unittest.TestCase):
    """`machine` is set by run.py; all tests share it."""

    def setUp(self):
        self.machine.forget()

    def tearDown(self):
        self.machine.container.run("systemctl", "disable", "--now", CONSUMER)
        self.machine.container.run("rm", "-f", f"{UNITS}/{CONSUMER}")

    def test_the_status_text_says_how_the_certificates_stand(self):
        self.machine.install()
        self.machine.wait_until_active()
        count = f"{len(CERTIFICATES)} of {len(CERTIFICATES)} certificates installed"
        bed.until(lambda: count in self.machine.container.shown(UNIT, "StatusText"), count)

    def test_whoever_comes_after_the_unit_at_boot_finds_the_certificates(self):
        machine = self.machine
        machine.write(f"{UNITS}/{CONSUMER}", CONSUMER_UNIT)
        machine.container.output("systemctl", "enable", CONSUMER)
        machine.install()
        machine.wait_until_active()
        machine.container.stop()
        shutil.rmtree(machine.container.path("/var/lib/contoso"))
        machine.container.boot()
        self.assertEqual(machine.container.shown(CONSUMER, "ActiveState"), "active")

    def test_a_dead_vault_blocks_no_boot(self):
        machine = self.machine
        machine.install()
        machine.wait_until_active()
        machine.container.stop()
        shutil.rmtree(machine.container.path("/var/lib/contoso"))
        # Connections are taken and nothing is ever answered.
        machine.azure.tell("fault", json.dumps({"when": {"vault": VAULT}, "then": "hang"}))
        machine.container.boot()
        self.assertEqual(machine.active(), "active")
        self.assertIsNone(machine.link("web"))

    def test_certificates_that_are_there_make_it_ready_at_once_however_the_vault_is(self):
        machine = self.machine
        machine.install()
        machine.wait_until_active()
        machine.container.stop()
        machine.azure.tell("fault", json.dumps({"when": {"vault": VAULT}, "then": "hang"}))
        machine.container.boot()
        self.assertEqual(machine.active(), "active")
        moment = lambda name: int(machine.container.shown(UNIT, f"{name}TimestampMonotonic"))
        # Without them it would be after 30 s.
        self.assertLess(moment("ActiveEnter") - moment("ExecMainStart"), 15_000_000)

    def test_a_worker_that_hangs_is_replaced_and_one_that_works_is_not(self):
        machine = self.machine
        machine.write(f"{UNITS}/{UNIT}.d/test.conf", "[Service]\nWatchdogSec=3\nRestartSec=0\n")
        machine.install()
        machine.wait_until_active()
        worker = machine.process()
        machine.container.output("sleep", "7")
        self.assertEqual(machine.process(), worker)
        machine.container.output("kill", "-STOP", str(worker))
        bed.until(lambda: machine.process() not in (0, worker), "another worker")
        machine.wait_until_active()

    def test_a_worker_without_anything_to_serve_has_not_failed(self):
        machine = self.machine
        folder = machine.install()
        machine.wait_until_active()
        # An image that was captured of another machine: the order is there, its extension is not.
        machine.container.output("systemctl", "stop", UNIT)
        machine.container.output("mv", f"{folder}/bin", "/srv/bin")
        machine.container.output("rm", "-rf", folder)
        program = machine.container.output("sh", "-c", "echo /srv/bin/$(uname -m)/akvvm_service")
        override = f"[Unit]\nConditionPathExists=\n[Service]\nExecStart=\nExecStart={program} run\n"
        machine.write(f"{UNITS}/{UNIT}.d/test.conf", override)
        machine.container.output("systemctl", "daemon-reload")
        machine.container.output("systemctl", "start", UNIT)
        bed.until(lambda: machine.active() == "inactive", "it ends")
        self.assertEqual(machine.container.shown(UNIT, "Result"), "success")
        self.assertEqual(machine.container.shown(UNIT, "NRestarts"), "0")
        self.assertIn(f"{folder}: the extension that gave this machine", machine.journal())
        machine.container.output("rm", "-rf", "/srv/bin")
