"""The worker as a process of its own, on kernels that know no process descriptors.

RHEL 7, SLES 12 and Ubuntu 18.04 have none (they came with Linux 5.3). Here systemd's filter of
system calls denies them with the error that those kernels give.
"""

import json
import unittest

import bed
from machine import CERTIFICATES

FILTER = (
    "--property=SystemCallFilter=~pidfd_open pidfd_send_signal",
    "--property=SystemCallErrorNumber=ENOSYS",
)
PRESENCE = "/run/akvvm/worker.json"


class Detached(unittest.TestCase):
    """`machine` is set by run.py; all tests share it."""

    def setUp(self):
        self.machine.forget()
        self.folder = self.machine.unpack("1.0.0")
        self.machine.give(self.folder, self.machine.settings())

    def tearDown(self):
        self.command("disable")

    def command(self, name, number=0):
        """A command of the handler; what it leaves behind stays."""
        variables = {
            "AKVVM_SUPERVISOR": "detached",
            "AZURE_GUEST_AGENT_EXTENSION_PATH": self.folder,
            "AZURE_GUEST_AGENT_EXTENSION_VERSION": "1.0.0",
            "ConfigSequenceNumber": str(number),
        }
        words = [f"--setenv={name}={value}" for name, value in variables.items()]
        run = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--property=KillMode=process"]
        done = self.machine.container.run(*run, *FILTER, *words, f"{self.folder}/bin/handler", name)
        return done

    def do(self, name, number=0):
        done = self.command(name, number)
        self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}{done.stderr}")

    def worker(self):
        return json.loads(self.machine.container.output("cat", PRESENCE))["process"]["pid"]

    def lives(self, process):
        return self.machine.container.run("test", "-d", f"/proc/{process}").returncode == 0

    def test_workers_are_replaced_and_ended_by_their_numbers(self):
        machine = self.machine
        self.do("install")
        self.do("enable")
        machine.wait_for_certificates()
        first = self.worker()
        status = machine.container.output("cat", f"/proc/{first}/status")
        self.assertIn("Seccomp:\t2", status, "the filter is in force")
        self.assertFalse(machine.exists("/etc/systemd/system/akvvm_service.service"))
        machine.give(self.folder, machine.settings(retainVersions=3), number=1)
        self.do("enable", 1)
        second = self.worker()
        self.assertNotEqual(second, first)
        bed.until(lambda: not self.lives(first), "the end of the first worker")
        self.do("disable", 1)
        bed.until(lambda: not self.lives(second), "the end of the second worker")
        self.assertTrue(all(machine.link(name) for name in CERTIFICATES))

    def test_a_later_process_with_a_dead_workers_number_is_left_alone(self):
        machine = self.machine
        self.do("enable")
        machine.wait_for_certificates()
        dead = json.loads(machine.container.output("cat", PRESENCE))
        machine.container.output("kill", "-9", str(dead["process"]["pid"]))
        run = ["systemd-run", "--quiet", "--collect", "--unit=stranger", "sleep", "600"]
        machine.container.output(*run)
        try:
            stranger = int(machine.container.shown("stranger.service", "MainPID"))
            dead["process"]["pid"] = stranger
            script = f"cat >{PRESENCE} <<'END'\n{json.dumps(dead)}\nEND"
            machine.container.output("sh", "-c", script)
            machine.give(self.folder, machine.settings(retainVersions=4), number=2)
            self.do("enable", 2)
            self.do("disable", 2)
            self.assertTrue(self.lives(stranger))
        finally:
            machine.container.run("systemctl", "stop", "stranger.service")

    def test_a_worker_is_in_a_process_group_of_its_own(self):
        self.do("enable")
        self.machine.wait_for_certificates()
        worker = self.worker()
        stat = self.machine.container.output("cat", f"/proc/{worker}/stat")
        group = int(stat.rsplit(")", 1)[1].split()[2])
        self.assertEqual(group, worker)
