"""The extension's life in other userlands, led by the guest agent's own code there."""

import os
import subprocess
import tempfile
import unittest

import bed
from chroot import Userland, tree
from machine import CERTIFICATE, Machine

# Where a userland's own agent is, else the code that the other tests use.
OWN_AGENT = {"trixie": "/usr/lib/python3/dist-packages"}
UMASK = ("sh", "-c", 'umask 077; exec "$@"', "sh")


class Agent(bed.GuestAgent):
    """The agent inside a userland, its sandbox and our repository seen from there."""

    def __init__(self, machine, suite, before=(), **options):
        code = OWN_AGENT.get(suite)
        seen = [*machine.seen, (os.path.join(bed.ROOT, "tests"), "/repository/tests")]
        if not code:
            script = os.path.join(bed.ROOT, "scripts", "guest-agent.sh")
            found = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout
            code = "/agent-code"
            seen.append((found.strip(), code))
        inside = Userland(suite, machine.over, seen, **options)
        environment = {"AKVVM_SUPERVISOR": "", **machine.environment()}
        driver = ["/repository/tests/guest-agent/driver.py", "--agent", code]
        driver += ["--sandbox", f"{machine.folder}/agent"]
        driver += [word for name in environment for word in ("--pass", name)]
        command = [*before, "/usr/bin/python3", "-B", *driver]
        self._process = subprocess.Popen(
            inside.command(*command, environment=environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version = self._answer()["agent"]


class Life(unittest.TestCase):
    """`package` and `azure` are set by run.py."""

    def live(self, suite, **options):
        """Installed, enabled, synced and removed; nothing of it asks systemd, which is not there."""
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder, self.azure, self.package)
            agent = Agent(machine, suite, **options)
            try:
                self.lead(machine, agent)
            finally:
                agent.stop()

    def lead(self, machine, agent):
        extension = machine.extension()
        handler = extension["handler"]
        agent.ask("goal_state", extensions=[extension])
        answer = agent.ask("wait", handler=handler, status="success", seconds=bed.PATIENCE)
        self.assertTrue(answer["reached"], answer)
        self.assertIn("PRIVATE KEY", machine.installed())
        answer = agent.ask("goal_state", extensions=[{**extension, "state": "uninstall"}])
        self.assertEqual([one["failure"] for one in answer["commands"]], [None, None], answer)
        self.assertTrue(machine.installed(), "certificates stay")
        self.assertFalse(os.path.exists(f"{machine.folder}/state/lease"), "the state goes")

    def test_the_oldest_userland(self):
        self.live("bullseye")

    def test_the_newest_userland(self):
        self.live("trixie")

    def test_nothing_can_be_run_from_tmp_and_the_agents_umask_is_narrow(self):
        self.live("bullseye", before=UMASK, tmp="mode=1777,noexec,nosuid,nodev")


class Bare(unittest.TestCase):
    """A userland in which much is missing. `package` and `azure` are set by run.py."""

    def in_bare(self, script, environment=None, suite="bullseye"):
        """Runs a script with the program's folder as its first word."""
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder, self.azure, self.package)
            programs = machine.unpack()
            inside = Userland(suite, machine.over, machine.seen)
            variables = machine.environment() if environment is None else environment(machine)
            command = ["sh", "-euc", script, "sh", programs, machine.settings_file()]
            return machine, inside.run(*command, environment=variables)

    def test_neither_python_nor_getent_nor_openssl_is_needed(self):
        gone = "/usr/bin/python3* /usr/bin/getent /usr/bin/openssl /usr/bin/curl /usr/bin/perl"
        script = f"rm -f {gone}; for tool in python3 getent perl; do ! command -v $tool; done; "
        _, done = self.in_bare(script + '"$1/akvvm_service" sync --settings "$2"')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(CERTIFICATE, done.stdout)

    def test_the_agents_commands_need_no_more_than_a_shell(self):
        gone = "/usr/bin/python3* /usr/bin/getent /usr/bin/perl /usr/bin/systemctl /bin/systemctl"
        script = f"rm -f {gone}; cd \"$1/../..\"; mkdir -p config status log; " + r"""
            here=$PWD
            printf '[{"handlerEnvironment": {"logFolder": "%s/log", "configFolder": "%s/config",
                "statusFolder": "%s/status", "heartbeatFile": "%s/heartbeat.log"}}]' \
                "$here" "$here" "$here" "$here" >HandlerEnvironment.json
            printf '{"runtimeSettings": [{"handlerSettings": {"publicSettings": %s}}]}' \
                "$(cat "$2")" >config/0.settings
            export ConfigSequenceNumber=0
            for command in install enable; do bin/handler $command; done
            until grep -q '"success"' status/0.status; do sleep 0.1; done
            for command in disable uninstall; do bin/handler $command; done
        """
        _, done = self.in_bare(script)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_missing_certificate_authorities_are_named(self):
        blind = lambda machine: {
            name: value for name, value in machine.environment().items() if name != "SSL_CERT_FILE"
        }
        script = 'rm -rf /etc/ssl; "$1/akvvm_service" sync --settings "$2"'
        _, done = self.in_bare(script, blind)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("ca-certificates", done.stdout + done.stderr)

    def test_users_that_only_a_name_service_knows_get_their_access(self):
        script = r"""
            sed -i 's/^\(passwd\|group\):.*/& extrausers/' /etc/nsswitch.conf
            mkdir -p /var/lib/extrausers
            echo 'directory-user:x:4711:4711::/:/bin/sh' >/var/lib/extrausers/passwd
            echo 'directory-user:x:4711:' >/var/lib/extrausers/group
            sed 's/"certificateStoreLocation"/"acls": [{"user": "directory-user"}], &/' "$2" >/tmp/s
            "$1/akvvm_service" sync --settings /tmp/s
            getfacl --numeric --absolute-names "$STORE"/*
        """
        for suite in ("bullseye", "trixie"):
            store = lambda machine: {**machine.environment(), "STORE": machine.store}
            _, done = self.in_bare(script, store, suite)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("user:4711:r--", done.stdout)
