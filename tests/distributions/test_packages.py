"""What is in the packages, and how an rpm lives in a root of its own. How the .deb and the VM
application live on a machine is tested under systemd (tests/systemd). Here is no distribution
whose packages are rpms: rpm itself is Debian's, and runs the scripts without a systemd."""

import filecmp
import glob
import json
import os
import re
import subprocess
import tempfile
import unittest
import zipfile

import bed
import dist
import package
from chroot import Userland

CPUS = ("x86_64", "aarch64")
# Packs once more: scripts' folder, zip, version, processor, where to.
PACK = """
import sys
sys.path.insert(0, sys.argv[1])
import dist
made = dist.Dist(sys.argv[2], sys.argv[3], sys.argv[5], sys.argv[5])
made.deb(sys.argv[4]), made.rpm(sys.argv[4]), made.application()
"""


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


class Contents(unittest.TestCase):
    """`dist` and `package` are set by run.py."""

    def file(self, pattern):
        (found,) = glob.glob(os.path.join(self.dist, pattern))
        return found

    def test_the_sums_are_right_and_name_every_file(self):
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=self.dist, check=True)
        with open(self.file("SHA256SUMS")) as file:
            named = {line.split()[1] for line in file}
        self.assertEqual(named | {"SHA256SUMS"}, set(os.listdir(self.dist)))

    def test_the_zip_is_sorted_and_without_the_time_of_its_making(self):
        with zipfile.ZipFile(self.package) as package:
            entries = package.infolist()
        names = [entry.filename for entry in entries]
        self.assertEqual(names, sorted(names))
        self.assertEqual({entry.date_time for entry in entries}, {(1980, 1, 1, 0, 0, 0)})
        for cpu in CPUS:
            self.assertIn(f"bin/{cpu}/akvvm_service", names)

    def test_licences_of_dependencies_are_in_every_package(self):
        name = "THIRD-PARTY-LICENSES.txt"
        with zipfile.ZipFile(self.package) as package:
            text = package.read(name).decode()
        for linked in ("ring ", "rustls ", "ureq ", "serde "):
            self.assertRegex(text, rf"(?m)^{linked}\d")
        self.assertIn("Permission is hereby granted", text)
        # For tests only, so not passed on.
        for beside in ("hyper ", "proptest ", "p12 "):
            self.assertNotRegex(text, rf"(?m)^{beside}\d")
        self.assertIn(name, output("dpkg-deb", "-c", self.file("*_amd64.deb")))
        self.assertIn(name, output("rpm", "-qlp", self.file("*.x86_64.rpm")))
        self.assertIn(name, output("tar", "-tf", self.file("*.tar.gz")))

    def test_the_sbom_names_what_is_linked_and_no_place_of_this_machine(self):
        with open(self.file("*.cdx.json")) as file:
            text = file.read()
        document = json.loads(text)
        self.assertEqual(document["bomFormat"], "CycloneDX")
        named = {component["name"]: component for component in document["components"]}
        for linked in ("akvvm-service", "ring", "rustls"):
            self.assertIn(linked, named)
        self.assertNotIn("hyper", named)
        self.assertTrue(named["ring"]["hashes"])
        needs = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
        self.assertEqual(len(needs["akvvm"]), 2)
        self.assertNotIn(bed.ROOT, text)

    def test_the_day_on_which_they_are_packed_leaves_no_trace(self):
        with open(self.file("BUILD.txt")) as file:
            time = re.search(r"(?m)^time (\d+)$", file.read()).group(1)
        scripts = os.path.join(bed.ROOT, "scripts")
        later = {"SOURCE_DATE_EPOCH": time, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with tempfile.TemporaryDirectory() as folder:
            words = [scripts, self.package, package.workspace_version(), "x86_64", folder]
            subprocess.run(
                ["faketime", "-f", "+40d", "/usr/bin/python3", "-B", "-c", PACK, *words],
                env={**os.environ, **later},
                check=True,
            )
            made = [name for name in os.listdir(folder) if name.startswith("akvvm")]
            self.assertEqual(len(made), 3)
            for name in made:
                same = filecmp.cmp(os.path.join(folder, name), self.file(name), shallow=False)
                self.assertTrue(same, name)

    def test_the_build_is_on_record(self):
        with open(self.file("BUILD.txt")) as file:
            text = file.read()
        for line in (r"version \d", r"commit [0-9a-f]{12}", r"rustc \d", r"ziglang==\d"):
            self.assertRegex(text, f"(?m)^{line}")

    def test_debs_say_what_they_are(self):
        for cpu in ("amd64", "arm64"):
            deb = self.file(f"*_{cpu}.deb")
            fields = output("dpkg-deb", "-f", deb, "Package", "Architecture", "Depends")
            self.assertIn(f"Architecture: {cpu}", fields)
            self.assertIn("libc6 (>= 2.17)", fields)
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run(["dpkg-deb", "-e", deb, folder], check=True)
                with open(os.path.join(folder, "conffiles")) as file:
                    self.assertEqual(file.read(), "/etc/akvvm/settings.json\n")
                for name in ("preinst", "postinst", "prerm", "postrm"):
                    subprocess.run(["sh", "-n", os.path.join(folder, name)], check=True)

    def test_rpms_say_what_they_are(self):
        for cpu in CPUS:
            rpm = self.file(f"*.{cpu}.rpm")
            ask = lambda *words: output("rpm", "-qp", *words, rpm)
            self.assertEqual(ask("--queryformat", "%{arch} %{os}"), f"{cpu} linux")
            self.assertEqual(ask("--configfiles"), "/etc/akvvm/settings.json\n")
            self.assertIn("libc.so.6(GLIBC_2.17)(64bit)", ask("--requires"))
            # What rpm 4.11 of RHEL 7 can read.
            self.assertNotRegex(ask("--requires"), "Zstd")
            self.assertEqual(ask("--queryformat", "%{buildhost}"), "reproducible")
            scripts = ask("--scripts")
            for when in ("preinstall", "postinstall", "preuninstall", "postuninstall"):
                self.assertRegex(scripts, rf"(?m)^{when} scriptlet \(using /bin/sh\)")
            self.assertFalse(re.search(r"@[A-Z]+@", scripts))


class Rpm(unittest.TestCase):
    """`dist` and `package` are set by run.py."""

    def in_root(self, script, seen=()):
        rpm = glob.glob(os.path.join(self.dist, "*.x86_64.rpm"))
        with tempfile.TemporaryDirectory() as over:
            inside = Userland("trixie", over, [(self.dist, "/dist"), *seen])
            # Its requirements are known to dpkg there, not to rpm.
            words = f'install="rpm -i --nodeps /dist/{os.path.basename(rpm[0])}"; '
            return inside.run("sh", "-euc", words + script)

    def test_it_is_installed_and_erased(self):
        done = self.in_root(
            r"""
            $install
            rpm -V --nodeps akvvm
            akvvm_service --version
            stat -c '%a %n' /etc/akvvm/settings.json
            rpm -e akvvm
            ! test -e /usr/bin/akvvm_service
            ! test -e /usr/lib/systemd/system/akvvm_service.service
            ! test -e /etc/akvvm/settings.json
            """
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("600 /etc/akvvm/settings.json", done.stdout)
        self.assertIn("write your settings into /etc/akvvm/settings.json", done.stdout)

    def test_changed_settings_and_all_state_survive(self):
        done = self.in_root(
            r"""
            $install
            echo changed >/etc/akvvm/settings.json
            mkdir -p /var/lib/akvvm
            echo state >/var/lib/akvvm/report.json
            $install --replacepkgs
            cat /etc/akvvm/settings.json
            rpm -e akvvm
            cat /etc/akvvm/settings.json.rpmsave /var/lib/akvvm/report.json
            """
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith("changed\nchanged\nstate\n"), done.stdout)

    def test_an_upgrade_restarts_what_runs_and_a_removal_ends_it(self):
        with tempfile.TemporaryDirectory() as folder:
            following = dist.Dist(self.package, "99.0.0", folder, folder).rpm("x86_64")
            # A systemd that runs and only notes what it is told.
            done = self.in_root(
                rf"""
                mkdir -p /run/systemd/system
                rm -f /usr/bin/systemctl
                printf '#!/bin/sh\necho "systemctl $*"\n' >/usr/bin/systemctl
                chmod 755 /usr/bin/systemctl
                $install >/dev/null
                echo changed >/etc/akvvm/settings.json
                rpm -U --nodeps /following/{os.path.basename(following)}
                rpm -q akvvm
                cat /etc/akvvm/settings.json
                akvvm_service --version >/dev/null
                rpm -e akvvm
                """,
                [(folder, "/following")],
            )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        upgrade, _, removal = done.stdout.partition("akvvm-99.0.0-1.x86_64\nchanged\n")
        unit = "akvvm_service.service"
        reload = "systemctl daemon-reload"
        self.assertEqual(
            upgrade.splitlines(), [reload, f"systemctl try-restart --no-block {unit}"]
        )
        self.assertEqual(
            removal.splitlines(), [f"systemctl stop {unit}", f"systemctl disable {unit}", reload]
        )

    def test_it_refuses_beside_the_vm_extension(self):
        done = self.in_root(
            r"""
            mkdir -p /etc/systemd/system
            echo '# Written by akvvm_handler, x' >/etc/systemd/system/akvvm_service.service
            if $install; then exit 9; fi
            ! test -e /usr/bin/akvvm_service
            """
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("belongs to the Key Vault VM extension", done.stderr)
