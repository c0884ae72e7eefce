"""What follows a new certificate, where systemd runs."""

import os
import shutil
import unittest

import bed

REACT = "/srv/react"
SERVICE = "contoso-web.service"
UNITS = "/etc/systemd/system"
LOG = "/var/lib/contoso/log"
# Writes down what it is told.
SERVICE_UNIT = f"""[Service]
ExecStart=/bin/sh -c 'trap "echo USR1 >>{LOG}" USR1; echo started >>{LOG}; \
    while :; do sleep 0.05; done'
ExecReload=/bin/sh -c 'echo reloaded >>{LOG}'
"""
# Does something as the worker does it: in the sandbox of the worker's unit, and some more.
SANDBOXED = "contoso-sandboxed.service"
UNIT_TEMPLATE = os.path.join(bed.ROOT, "scripts", "akvvm_service.service.in")
WALLS = ("Capability", "Device", "Keyring", "Lock", "Memory", "NoNew", "Private", "Proc", "Protect")
WALLS += ("Restrict", "SystemCall", "UMask")
MORE_WALLS = "ProtectSystem=strict\nPrivateTmp=yes\nNoNewPrivileges=yes\n"


class Reaction(unittest.TestCase):
    """`machine` and `react`, the example program, are set by run.py; all tests share them."""

    def setUp(self):
        self.machine.forget()
        shutil.copy(self.react, self.machine.container.path(REACT))
        self.machine.write(f"{UNITS}/{SERVICE}", SERVICE_UNIT)
        self.machine.write(LOG, "")
        self.container.output("systemctl", "daemon-reload")

    def tearDown(self):
        self.container.run("systemctl", "kill", "--signal=KILL", SERVICE)
        self.container.run("systemctl", "stop", SERVICE)
        for unit in (SERVICE, SANDBOXED):
            self.container.run("rm", "-f", f"{UNITS}/{unit}")
        self.container.run("rm", "-f", REACT)
        self.container.run("systemctl", "daemon-reload")
        self.container.run("systemctl", "reset-failed")

    @property
    def container(self):
        return self.machine.container

    def succeeds(self, *words):
        done = self.container.run(REACT, *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def fails(self, *words):
        done = self.container.run(REACT, *words)
        self.assertEqual(done.returncode, 1)
        return done.stderr.rstrip("\n")

    def log(self):
        return self.machine.read(LOG).split()

    def start(self):
        self.container.output("systemctl", "start", SERVICE)
        self.container.output("sh", "-c", f"until grep -q started {LOG}; do sleep 0.05; done")

    def no_unit_is_left(self):
        listed = self.container.output("systemctl", "list-units", "--all", "--plain", "--no-legend",
                                       "akvvm-command-*")  # fmt: skip
        self.assertEqual(listed, "")

    def test_a_running_unit_reloads_and_restarts(self):
        self.start()
        self.succeeds("reload", "contoso-web")
        self.succeeds("try-reload-or-restart", SERVICE)
        self.assertEqual(self.log(), ["started", "reloaded", "reloaded"])
        before = self.container.shown(SERVICE, "MainPID")
        self.succeeds("restart", SERVICE)
        self.assertNotEqual(self.container.shown(SERVICE, "MainPID"), before)

    def test_a_unit_that_cannot_reload_restarts_if_it_may(self):
        self.machine.write(f"{UNITS}/{SERVICE}", SERVICE_UNIT.partition("ExecReload")[0])
        self.container.output("systemctl", "daemon-reload")
        self.start()
        before = self.container.shown(SERVICE, "MainPID")
        self.succeeds("try-reload-or-restart", SERVICE)
        self.assertNotEqual(self.container.shown(SERVICE, "MainPID"), before)
        said = self.fails("reload", SERVICE)
        self.assertIn(f"reload {SERVICE} failed: systemctl: exit status: ", said)
        self.assertIn("Job type reload is not applicable", said)

    def test_a_unit_that_does_not_run_is_left_alone_unless_it_is_restarted(self):
        for word in ("reload", "try-reload-or-restart", "SIGUSR1"):
            self.succeeds(word, SERVICE)
        self.assertEqual(self.container.shown(SERVICE, "ActiveState"), "inactive")
        self.succeeds("restart", SERVICE)
        self.assertEqual(self.container.shown(SERVICE, "ActiveState"), "active")

    def test_unknown_and_masked_units_are_failures(self):
        said = self.fails("reload", "ngnix")
        self.assertIn("ngnix.service is no unit that systemd can use (not-found)", said)
        self.container.output("systemctl", "mask", "--runtime", "contoso-masked.service")
        said = self.fails("restart", "contoso-masked")
        self.container.output("systemctl", "unmask", "--runtime", "contoso-masked.service")
        self.assertIn("(masked)", said)

    def test_a_reload_that_fails_is_told(self):
        unit = SERVICE_UNIT.partition("ExecReload")[0] + "ExecReload=/bin/false\n"
        self.machine.write(f"{UNITS}/{SERVICE}", unit)
        self.container.output("systemctl", "daemon-reload")
        self.start()
        said = self.fails("reload", SERVICE)
        self.assertIn(f"reload {SERVICE} failed: systemctl: exit status: 1: Job for", said)

    def test_the_main_process_gets_the_signal(self):
        self.start()
        before = self.container.shown(SERVICE, "MainPID")
        self.succeeds("SIGUSR1", SERVICE)
        self.container.output("sh", "-c", f"until grep -q USR1 {LOG}; do sleep 0.05; done")
        self.assertEqual(self.container.shown(SERVICE, "MainPID"), before)

    def test_the_process_of_a_pid_file_gets_the_signal(self):
        self.start()
        number = self.container.shown(SERVICE, "MainPID")
        self.container.output("sh", "-c", f"echo {number} >/run/contoso.pid")
        self.succeeds("USR1", "/run/contoso.pid")
        self.container.output("sh", "-c", f"until grep -q USR1 {LOG}; do sleep 0.05; done")
        self.container.output("chmod", "g+w", "/run/contoso.pid")
        self.assertIn("can be written by others", self.fails("USR1", "/run/contoso.pid"))
        self.container.output("rm", "/run/contoso.pid")

    def in_the_sandbox(self, *lines):
        with open(UNIT_TEMPLATE) as file:
            walls = [line for line in file if line.startswith(WALLS)]
        unit = "[Service]\nType=oneshot\n" + "".join(walls) + MORE_WALLS
        commands = "".join(f"ExecStart={line}\n" for line in lines)
        self.machine.write(f"{UNITS}/{SANDBOXED}", unit + commands)
        self.container.output("systemctl", "daemon-reload")
        started = self.container.run("systemctl", "start", SANDBOXED)
        said = self.container.run("journalctl", "-n", "20", "-u", SANDBOXED).stdout
        self.assertEqual(started.returncode, 0, f"{unit}\n{said}")

    def test_a_command_is_outside_the_sandbox_of_whoever_asks_for_it(self):
        script = "echo outside >/etc/contoso-outside; echo $$ >/tmp/contoso-outside"
        self.in_the_sandbox("/bin/sh -c '! touch /etc/inside'", f"{REACT} /bin/sh -c '{script}'")
        self.assertEqual(self.machine.read("/etc/contoso-outside"), "outside\n")
        self.container.output("cat", "/tmp/contoso-outside")
        self.container.output("rm", "/etc/contoso-outside", "/tmp/contoso-outside")
        self.no_unit_is_left()

    def test_a_sandbox_keeps_nobody_from_units_and_signals(self):
        self.start()
        number = self.container.shown(SERVICE, "MainPID")
        self.container.output("sh", "-c", f"echo {number} >/run/contoso.pid")
        self.in_the_sandbox(f"{REACT} reload {SERVICE}", f"{REACT} SIGUSR1 {SERVICE}",
                            f"{REACT} SIGUSR1 /run/contoso.pid")  # fmt: skip
        self.assertIn("reloaded", self.log())
        self.container.output("rm", "/run/contoso.pid")

    def test_arguments_and_environment_arrive_as_they_are(self):
        odd = ["two words", "line\nbreak", "$HOME", "${HOME}", "$$", "$(id)", "%n", "'\"", "", "-x"]
        script = 'printf "<%s>" "$@"; exit 3'
        said = self.fails("/bin/sh", "-c", script, "sh", *odd)
        self.assertTrue(said.endswith(": " + "".join(f"<{word}>" for word in odd)), said)
        self.assertIn("failed: exit-code: code=exited", said)
        script = 'echo "$AKVVM_CERTIFICATE $AKVVM_VERSION $AKVVM_REASON $AKVVM_PATHS $PATH"; exit 3'
        said = self.fails("/bin/sh", "-c", script)
        words = "example 1 requested /srv/example.pem /usr/local/sbin:/usr/local/bin:/usr/sbin"
        self.assertIn(words, said)
        self.no_unit_is_left()

    def test_a_command_that_fails_is_told_from_one_that_is_killed(self):
        said = self.fails("/bin/sh", "-c", "echo no such alias >&2; exit 4")
        self.assertIn("exit-code: code=exited", said)
        self.assertTrue(said.endswith(": no such alias"), said)
        self.assertIn("failed: signal: code=killed", self.fails("/bin/sh", "-c", "kill -KILL $$"))
        self.assertIn("does not exist", self.fails("/usr/bin/no-such-program"))
        self.succeeds("/bin/true")
        self.no_unit_is_left()

    def test_at_the_time_limit_everything_that_was_started_ends(self):
        script = f"setsid sleep 1000 & echo $! >{LOG}; sleep 1000"
        said = self.fails("--within", "700", "/bin/sh", "-c", script)
        self.assertTrue(said.endswith("did not end within 0.7 s and was ended"), said)
        self.assertNotEqual(self.container.run("kill", "-0", *self.log()).returncode, 0)
        self.no_unit_is_left()

    def test_a_command_runs_as_another_user(self):
        self.assertTrue(self.fails("--as", "nobody", "/bin/sh", "-c", "id -un; exit 1").endswith(
            ": nobody"))  # fmt: skip
        self.assertIn("no such user", self.fails("--as", "no-such-user", "/bin/true"))

    def test_a_file_that_is_no_program_is_told(self):
        self.assertIn("is it executable?", self.fails("/etc/passwd"))

    def test_a_command_writes_files_for_its_user_alone(self):
        self.succeeds("/bin/sh", "-c", f"rm -f {LOG}; echo >{LOG}")
        self.assertEqual(self.container.output("stat", "-c", "%a", LOG), "600")
