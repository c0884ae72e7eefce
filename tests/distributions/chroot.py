"""Other Linux userlands than this machine's: Debian's trees, each command in a fresh copy.

The trees are made once by debootstrap and kept in target/userlands. A command sees one through an
overlay in memory, so that it may change what it likes, and has the machine's loopback network.
"""

import os
import shutil
import subprocess
import sys

import bed

FOLDER = os.path.join(bed.ROOT, "target", "userlands")
# Python is the guest agent's, not ours. extrausers: users that only NSS modules know.
PACKAGES = "python3,python3-distro,acl,libnss-extrausers"
# The oldest glibc that debootstrap reaches from here, and the newest.
TREES = {"bullseye": PACKAGES, "trixie": f"{PACKAGES},waagent,rpm"}
TOOLS = ("debootstrap", "unshare", "chroot", "mount")
ENTER = r"""
set -e
over=$1 tree=$2 tmp=$3
shift 3
mount -t tmpfs tmpfs "$over"
mkdir "$over/changes" "$over/work" "$over/root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$over/changes,workdir=$over/work" "$over/root"
cd "$over/root"
mkdir -p proc dev tmp
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o "$tmp" tmpfs tmp
# Each pair: a place of this machine, and where it is seen from inside.
while [ "$1" != -- ]; do
    mkdir -p ".$2"
    mount --bind "$1" ".$2"
    shift 2
done
shift
status=0
chroot . "$@" || status=$?
exit $status
"""


class Unavailable(Exception):
    """This machine cannot make or enter such trees."""


def tree(suite):
    """The suite's tree, downloaded where it is not there yet."""
    if os.geteuid() != 0:
        raise Unavailable("only root can enter another userland")
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise Unavailable(f"missing: {', '.join(missing)}")
    path = os.path.join(FOLDER, suite)
    if not os.path.isdir(path):
        print(f"userlands: making {suite}", file=sys.stderr)
        unfinished = f"{path}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        os.makedirs(FOLDER, exist_ok=True)
        words = ["--variant=minbase", f"--include={TREES[suite]}", suite, unfinished]
        made = subprocess.run(
            ["debootstrap", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if made.returncode:
            raise Unavailable(f"debootstrap failed: {made.stdout[-2000:]}")
        os.rename(unfinished, path)
    return path


class Userland:
    """A tree, by its suite's name or its path, as it is entered: with these folders of the machine
    seen inside, `over` an empty folder of this machine's."""

    def __init__(self, suite, over, seen=(), tmp="mode=1777"):
        self._suite = suite
        self._over = over
        self._seen = [word for pair in seen for word in pair]
        self._tmp = tmp

    def enter(self, *words):
        """The command line that runs a command in a fresh copy. All that it starts ends with it."""
        path = self._suite if os.path.isabs(self._suite) else tree(self._suite)
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh"]
        return [*enter, self._over, path, self._tmp, *self._seen, "--", *words]

    def command(self, *words, environment=None):
        """The same, with an environment of its own."""
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **(environment or {})}
        variables = [f"{name}={value}" for name, value in clean.items()]
        return self.enter("env", "-i", *variables, *words)

    def run(self, *words, environment=None):
        """Runs it to its end."""
        command = self.command(*words, environment=environment)
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
