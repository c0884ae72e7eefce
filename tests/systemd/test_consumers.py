"""The pages for services that use certificates, with these services: every file is the page's, and
stands where the page says; every command is run. tests/tests/consumers has what needs no service."""

import json
import os
import re
import shutil
import subprocess
import unittest

import bed
from machine import VAULT

REACT = "/srv/react"
FOLDER = os.path.join(bed.ROOT, "docs", "consumers")
PAGES = ("nginx", "haproxy", "apache", "postgresql", "systemd-credentials")
NAME = "www.contoso.com"
CANDIDATES = "/var/lib/contoso/candidates"
# Where the container's Debian has what a page names.
SERVICES = ("nginx", "haproxy", "apache2", "postgresql@15-main", "contoso")


class Page:
    """What a page shows."""

    def __init__(self, name):
        with open(os.path.join(FOLDER, f"{name}.md")) as file:
            text = file.read()
        block = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
        blocks = block.findall(text)
        self.files = {path: text for _, path, text in blocks if path}
        self.commands = [text for kind, path, text in blocks if kind == "sh" and not path]
        self.settings = json.loads(next(text for kind, _, text in blocks if kind == "json"))
        self.entry = self.settings["secretsManagementSettings"]["observedCertificates"][0]

    def action(self):
        action = self.entry["onRenewal"][0]
        return action["action"], action["unit"]

    def outputs(self):
        """Path, form, owner and mode of each file."""
        for output in self.entry["outputs"]:
            for file in output.get("files", [output]):
                path = file.get("path") or f"{output['directory']}/{file['name']}"
                owner = output.get("owner", "root")
                yield path, file["form"], owner, file.get("mode", "0600")


class Consumers(unittest.TestCase):
    """`machine` and `react`, the example program, are set by run.py; all tests share them."""

    def setUp(self):
        self.machine.forget()
        shutil.copy(self.react, self.machine.container.path(REACT))
        self.kept = self.machine.read("/etc/haproxy/haproxy.cfg")

    def tearDown(self):
        for service in SERVICES:
            self.container.run("systemctl", "stop", service)
        owners = ("nginx", "haproxy", "apache2", "postgresql", "contoso")
        gone = [f"/etc/{owner}/tls" for owner in owners]
        gone += [path for name in PAGES for path in Page(name).files]
        self.container.run("rm", "-rf", REACT, *gone)
        # The page adds to the distribution's.
        self.machine.write("/etc/haproxy/haproxy.cfg", self.kept)
        self.container.run("systemctl", "daemon-reload")
        self.container.run("systemctl", "reset-failed")

    @property
    def container(self):
        return self.machine.container

    def install(self, page):
        """The page's files, in addition to what the distribution has there, and its commands."""
        for command in page.commands:
            self.container.output("sh", "-ec", command)
        for path, text in page.files.items():
            before = self.machine.read(path) if self.machine.exists(path) else ""
            mode = 0o755 if path.startswith("/usr/local/sbin/") else 0o644
            self.machine.write(path, before + text, mode)

    def certificate(self, serial):
        """Chain and key."""
        command = f"""openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -subj /CN={NAME} -set_serial {serial} -keyout - 2>/dev/null"""
        both = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
        key, begin, rest = both.stdout.partition("-----BEGIN CERTIFICATE-----")
        return begin + rest, key

    def write(self, certificate, form, path, owner, mode):
        chain, key = certificate
        text = {"fullChain": chain, "privateKey": key, "combined": chain + key}[form]
        # Beside it and then in its place, as the worker does.
        self.machine.write(f"{path}.new", text, int(mode, 8))
        self.container.output("chown", f"{owner}:", f"{path}.new")
        self.container.output("mv", "-f", f"{path}.new", path)

    def switch(self, page, certificate):
        for path, form, owner, mode in page.outputs():
            self.write(certificate, form, path, owner, mode)

    def check(self, page, certificate):
        """Runs the page's check on candidates."""
        variables = {"AKVVM_CANDIDATE_DIR": CANDIDATES}
        for output in page.entry["outputs"]:
            place = output.get("directory") or output["path"]
            candidate = f"{CANDIDATES}/{os.path.basename(place)}"
            name = re.sub(r"[^A-Z0-9]", "_", os.path.basename(place).upper())
            variables[f"AKVVM_CANDIDATE_{name}"] = candidate
            for file in output.get("files", []):
                self.write(certificate, file["form"], f"{candidate}/{file['name']}", "root", "0600")
            if "path" in output:
                self.write(certificate, output["form"], candidate, "root", "0600")
        program = page.entry["check"]["command"]
        return self.container.run(*program, environment=variables).returncode

    def react_as(self, page):
        verb, unit = page.action()
        return self.container.run(REACT, verb, unit)

    def served(self, page):
        """The serial number that the page's service shows; none where it shows nothing."""
        asked = ["openssl", "x509", "-noout", "-serial"]
        shown = self.shown(page)
        done = subprocess.run(asked, input=shown, capture_output=True, text=True)
        return int(done.stdout.partition("=")[2], 16) if done.returncode == 0 else None

    def shown(self, page):
        """The certificate that it shows, as PEM; an empty text where it shows none."""
        verify = page.entry["verify"]
        words = ["openssl", "s_client", "-connect", verify["address"]]
        words += ["-servername", verify["serverName"]] if "serverName" in verify else []
        words += ["-starttls", verify["startTls"]] if "startTls" in verify else []
        return self.first_of(self.container.run(*words).stdout)

    def first_of(self, text):
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        return begin + text.split(begin)[1].split(end)[0] + end if begin in text else ""

    def shows(self, page, serial):
        bed.until(lambda: self.served(page) == serial, f"serial number {serial} is served")

    def start(self, page):
        self.install(page)
        self.switch(page, self.certificate(1))
        _, unit = page.action()
        self.container.output("systemctl", "daemon-reload")
        self.container.output("systemctl", "start", unit)
        self.shows(page, 1)

    def is_taken_up(self, page):
        self.switch(page, self.certificate(2))
        self.assertEqual(self.served(page), 1)
        reacted = self.react_as(page)
        self.assertEqual((reacted.returncode, reacted.stderr), (0, ""))
        self.shows(page, 2)

    def checks_the_candidates(self, page):
        """Also while the files in use are fine, and before there are any."""
        before = self.temporary()
        mixed = self.certificate(4)[0], self.certificate(5)[1]
        self.install(page)
        self.assertEqual(self.check(page, self.certificate(3)), 0)
        self.assertNotEqual(self.check(page, mixed), 0)
        self.switch(page, self.certificate(1))
        self.assertEqual(self.check(page, self.certificate(3)), 0)
        self.assertNotEqual(self.check(page, mixed), 0)
        # What is in use was not touched, and nothing was left.
        self.switch(page, mixed)
        self.assertEqual(self.check(page, self.certificate(3)), 0)
        self.assertEqual(self.temporary(), before)

    def leaves_what_links_lead_to(self, page):
        """Part of the configuration is kept somewhere else, and something is gone from there."""
        place = next(path for path in page.files if path.startswith("/etc/"))
        folder, elsewhere = os.path.dirname(place), "/srv/configuration"
        dangling = f"{os.path.dirname(folder)}/gone"
        self.install(page)
        shell = lambda command: self.container.output("sh", "-ec", command)
        back = f"rm -r {folder} {dangling} {elsewhere}; mv {folder}.kept {folder}; rm {place}"
        self.addCleanup(shell, back)
        shell(f"cp -RL {folder} {elsewhere}; mv {folder} {folder}.kept")
        shell(f"ln -s {elsewhere} {folder}; ln -s /nowhere {dangling}")
        before = shell(f"cat {elsewhere}/*")
        mixed = self.certificate(4)[0], self.certificate(5)[1]
        self.assertEqual(self.check(page, self.certificate(3)), 0)
        self.assertNotEqual(self.check(page, mixed), 0)
        self.assertEqual(shell(f"cat {elsewhere}/*"), before)

    def temporary(self):
        return self.container.output("ls", "-A", "/tmp")

    def is_brought_by_the_worker(self, page):
        """From the vault to whoever connects to the service, by the page's settings as they are."""
        machine = self.machine
        self.install(page)
        variables = machine.read("/etc/akvvm/environment") + "AKVVM_REACTIONS=commands\n"
        machine.write("/etc/akvvm/environment", variables, 0o600)
        endpoint = {"msiEndpoint": machine.azure.identity_endpoint()}
        folder = machine.install(settings={**page.settings, "authenticationSettings": endpoint})
        path = next(path for path, form, _, _ in page.outputs() if form != "privateKey")
        bed.until(lambda: machine.exists(path), path)
        # It could not start before its certificate was there.
        self.container.output("systemctl", "daemon-reload")
        self.container.output("systemctl", "start", page.action()[1])
        self.sync(folder)
        before = self.shown(page)
        self.assertEqual(before, self.first_of(self.container.output("cat", path)))
        machine.azure.rotate(VAULT, "web")
        self.sync(folder)
        after = self.shown(page)
        self.assertNotEqual(after, before)
        self.assertEqual(after, self.first_of(self.container.output("cat", path)))

    def sync(self, folder):
        program = f"{folder}/bin/{os.uname().machine}/akvvm_service"
        done = self.container.run(program, "sync")
        said = f"{done.stdout}{done.stderr}{self.machine.journal()}"
        self.assertEqual(done.returncode, 0, said)

    def spoil(self, page):
        """A key that is not the certificate's comes into use, against all checks."""
        self.switch(page, (self.certificate(2)[0], self.certificate(3)[1]))
        return self.react_as(page)

    def test_nginx_takes_up_a_new_certificate(self):
        page = Page("nginx")
        self.start(page)
        self.is_taken_up(page)

    def test_nginx_refuses_to_reload_where_the_new_key_is_wrong_and_goes_on_with_the_old_one(self):
        page = Page("nginx")
        self.start(page)
        self.assertIn("reload nginx.service failed", self.spoil(page).stderr)
        self.assertEqual(self.served(page), 1)

    def test_nginx_says_nothing_of_a_wrong_key_to_whoever_signals_it(self):
        page = Page("nginx")
        self.start(page)
        self.spoil(page)
        self.assertEqual(self.container.run(REACT, "SIGHUP", "/run/nginx.pid").returncode, 0)
        self.assertEqual(self.served(page), 1)

    def test_nginxs_check_tries_the_candidates(self):
        self.checks_the_candidates(Page("nginx"))

    def test_nginxs_check_leaves_what_links_lead_to_as_it_is(self):
        self.leaves_what_links_lead_to(Page("nginx"))

    def test_haproxy_takes_up_a_new_certificate(self):
        page = Page("haproxy")
        self.start(page)
        self.is_taken_up(page)

    def test_haproxy_refuses_to_reload_where_the_new_key_is_wrong(self):
        page = Page("haproxy")
        self.start(page)
        self.assertIn("reload haproxy.service failed", self.spoil(page).stderr)
        self.assertEqual(self.served(page), 1)

    def test_haproxys_check_tries_the_candidates(self):
        self.checks_the_candidates(Page("haproxy"))

    def test_apache_takes_up_a_new_certificate(self):
        page = Page("apache")
        self.start(page)
        self.is_taken_up(page)

    def test_apache_ends_where_the_new_key_is_wrong(self):
        page = Page("apache")
        self.start(page)
        self.spoil(page)
        bed.until(lambda: self.served(page) is None, "Apache ends")

    def test_apaches_check_tries_the_candidates(self):
        self.checks_the_candidates(Page("apache"))

    def test_apaches_check_leaves_what_links_lead_to_as_it_is(self):
        self.leaves_what_links_lead_to(Page("apache"))

    def test_postgresql_takes_up_a_new_certificate(self):
        page = Page("postgresql")
        self.start(page)
        self.is_taken_up(page)

    def test_postgresql_goes_on_with_the_old_certificate_where_the_new_key_is_wrong(self):
        page = Page("postgresql")
        self.start(page)
        self.assertEqual(self.spoil(page).returncode, 0)
        self.assertEqual(self.served(page), 1)

    def test_a_service_with_credentials_takes_up_a_new_certificate(self):
        page = Page("systemd-credentials")
        self.start(page)
        self.is_taken_up(page)

    def test_the_worker_brings_a_new_certificate_to_nginx(self):
        self.is_brought_by_the_worker(Page("nginx"))

    def test_the_worker_brings_a_new_certificate_to_haproxy(self):
        self.is_brought_by_the_worker(Page("haproxy"))

    def test_the_worker_brings_a_new_certificate_to_apache(self):
        self.is_brought_by_the_worker(Page("apache"))

    def test_the_worker_brings_a_new_certificate_to_postgresql(self):
        self.is_brought_by_the_worker(Page("postgresql"))

    def test_the_worker_brings_a_new_certificate_to_a_service_with_credentials(self):
        self.is_brought_by_the_worker(Page("systemd-credentials"))
