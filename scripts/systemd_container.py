"""A machine with systemd, for tests: a container with a Debian of its own.

The tree is made once by debootstrap and apt-get and kept in target/systemd, under a name that
changes with what is in it; every container gets a copy. Each
process that is started here is ended by its own number, also where the caller is killed.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time

import bed

SUITE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,acl,procps,ca-certificates,openssl"
# Services that use certificates. Off until a test starts one: they want the same ports.
SERVICES = ("nginx-light", "haproxy", "apache2", "postgresql")
UNITS = ("nginx", "haproxy", "apache2", "apache-htcacheclean", "postgresql")
TREE = os.path.join(bed.ROOT, "target", "systemd", f"{SUITE}-with-services")
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter", "unshare", "setpriv", "ip")
# Where a container finds the imagined Azure's files.
AZURE = "/srv/azure"
PATIENCE = 60


class Unavailable(Exception):
    """This machine cannot run such containers."""


def make_tree():
    """The Debian that containers are copies of, downloaded where it is not there yet."""
    if os.geteuid() != 0:
        raise Unavailable("only root can run containers")
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise Unavailable(
            f"missing: {', '.join(missing)}; on Debian: "
            "apt-get install debootstrap systemd-container util-linux iproute2"
        )
    if os.path.isdir(TREE):
        return TREE
    unfinished = f"{TREE}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(os.path.dirname(TREE), exist_ok=True)
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, unfinished]
    make(command)
    add_services(unfinished)
    # Empty: every boot is that of the same machine, and not its first one.
    with open(os.path.join(unfinished, "etc", "machine-id"), "w") as file:
        file.write("0123456789abcdef0123456789abcdef\n")
    os.rename(unfinished, TREE)
    return TREE


def add_services(tree):
    """Installs services, of which none is started: not on this machine while they are installed
    (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt), nor at boot."""
    policy = os.path.join(tree, "usr", "sbin", "policy-rc.d")
    with open(policy, "w") as file:
        file.write("#!/bin/sh\nexit 101\n")
    os.chmod(policy, 0o755)
    inside = ["chroot", tree, "env", "DEBIAN_FRONTEND=noninteractive"]
    make([*inside, "apt-get", "-q", "update"])
    make([*inside, "apt-get", "-q", "-y", "--no-install-recommends", "install", *SERVICES])
    make([*inside, "systemctl", "disable", *UNITS])
    make([*inside, "sh", "-c", "apt-get clean && rm -rf /var/lib/apt/lists/*"])
    os.remove(policy)


def make(command):
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        raise Unavailable(f"{command[0]} failed: {made.stdout[-2000:]}")


def one_at_a_time():
    """Waits until no other container of ours runs, for as long as the answer is kept: all of them
    would share one place among the machine's control groups."""
    lock = open(os.path.join(tempfile.gettempdir(), "akvvm-systemd-container.lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def own_network(command):
    """The command, run in a network where only it and its containers are."""
    return mortal(["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command])


def mortal(command):
    """The command, ended when the process that starts it is killed."""
    return ["setpriv", "--pdeathsig", "TERM", *command]


class Container:
    """A copy of the tree at `root`, in the network of another process. Off until it is booted."""

    def __init__(self, root, network, azure):
        self.root = root
        self._network = network
        self._azure = azure
        self._process = None
        self._init = None
        subprocess.run(["cp", "-a", "--reflink=auto", make_tree(), root], check=True)

    def path(self, inside):
        """Where a file of the container lies, seen from outside; /run and /tmp are not there."""
        return os.path.join(self.root, inside.lstrip("/"))

    def boot(self):
        """Starts it and waits until systemd says that it runs."""
        command = [
            "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--boot",
            f"--network-namespace-path=/proc/{self._network}/ns/net",
            f"--bind-ro={self._azure}:{AZURE}", "--machine=akvvm-test", f"--directory={self.root}",
        ]  # fmt: skip
        with open(f"{self.root}.console", "a") as console:
            self._process = subprocess.Popen(
                mortal(command),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        try:
            bed.until(self._runs, "the container boots")
        except SystemExit:
            self.stop()
            with open(f"{self.root}.console") as console:
                raise Unavailable(f"the container does not boot: {console.read()[-2000:]}")

    def stop(self):
        """Shuts it down as a machine is, else by force."""
        if not self._process:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = self._init = None

    def run(self, *command, environment=None, folder="/"):
        """Runs a command to its end."""
        enter = ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-n", "-p", "--"]
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **(environment or {})}
        words = ["env", "-i", "-C", folder, *(f"{name}={value}" for name, value in clean.items())]
        return subprocess.run(
            [*enter, *words, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def output(self, *command):
        """What a command prints, which has to succeed."""
        done = self.run(*command)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    def shown(self, unit, name):
        """A property of a unit."""
        return self.output("systemctl", "show", "--value", f"--property={name}", unit)

    def _runs(self):
        if self._process.poll() is not None:
            raise SystemExit
        # Its first child only makes the place for the next one, which becomes init.
        children = f"/proc/{self._process.pid}/task/{self._process.pid}/children"
        with open(children) as file:
            self._init = (file.read().split() or [None])[-1]
        if not self._init:
            return False
        time.sleep(0.2)
        # Degraded: some unit of the distribution's failed, which is none of ours.
        state = self.run("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")
