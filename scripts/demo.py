#!/usr/bin/python3 -B
"""Shows the extension at work, on this machine alone.

The guest agent's own code installs and enables the package that `make package` made; the
certificates come from an imagined Azure on the loopback address. Everything is written below one
temporary folder, and every process that was started has ended when this ends.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import bed

FAKE_AZURE = os.path.join(bed.ROOT, "target", "debug", "fake-azure")
SCENARIO = os.path.join(bed.ROOT, "crates", "fake-azure", "scenarios", "demo.json")
# Vault and certificate; the first is the one that is rotated.
CERTIFICATES = (("contoso", "web-frontend"), ("contoso", "api-gateway"), ("fabrikam", "mail"))
# One vault is busy at first, so that the first sync can be watched.
BUSY = {"when": {"vault": "fabrikam"}, "times": 2, "then": {"answer": {"status": 503}}}


class Stage:
    """What the audience sees."""

    def __init__(self):
        self._started = time.monotonic()
        self._colour = sys.stdout.isatty()
        self._acts = 0

    def act(self, title):
        self._acts += 1
        self._print("1", f"\n{self._acts}. {title}")

    def say(self, text):
        seconds = time.monotonic() - self._started
        print(f"   {seconds:5.1f} s  {text}", flush=True)

    def shell(self, command):
        """A command that anybody could type, and what it prints."""
        self._print("36", f"   $ {command}")
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(
            command, shell=True, env=environment, capture_output=True, text=True
        )
        for line in (done.stdout + done.stderr).splitlines():
            if line:
                print("     " + line, flush=True)

    def _print(self, style, text):
        print(f"\033[{style}m{text}\033[0m" if self._colour else text, flush=True)


class Demo:
    def __init__(self, folder, package):
        self.stage = Stage()
        self._package = package
        name = os.path.basename(package)[: -len(".zip")]
        self._handler, _, self._version = name.rpartition("-")
        self._store = os.path.join(folder, "store")
        self._directories = bed.directories(folder)
        with open(SCENARIO) as file:
            scenario = json.load(file)
        self.azure = bed.Azure(FAKE_AZURE, folder, {**scenario, "faults": [BUSY]})
        # On a real machine systemd looks after the worker; here nothing is installed.
        environment = {"AKVVM_SUPERVISOR": "detached", **self.azure.for_programs()}
        self.agent = bed.GuestAgent(folder, {**environment, **self._directories})

    def introduce(self):
        self.stage.act("Two vaults with three certificates, and a machine's guest agent")
        for vault, name in CERTIFICATES:
            self.stage.say(url(vault, name))
        self.stage.say(f"guest agent {self.agent.version}, {os.path.basename(self._package)}")

    def install(self):
        self.stage.act("The guest agent installs and enables the extension")
        answer = self._goal_state("enabled")
        shown = None
        while shown is None or shown[0] != "success":
            shown = self._show_status(answer, shown)
            answer = self.agent.ask("report")
            time.sleep(0.1)

    def show_store(self):
        self.stage.act("The certificates are on disk")
        self.stage.shell(f"ls -l {self._store}")
        for vault, name in CERTIFICATES:
            self._subjects(self._link(vault, name))

    def rotate(self):
        vault, name = CERTIFICATES[0]
        self.stage.act(f"The vault gets a new version of {name}")
        link = self._link(vault, name)
        before = os.readlink(link)
        self.stage.shell(f"readlink {link}")
        self._serial(link)
        self.azure.rotate(vault, name)
        self.stage.say("rotated in the vault; the next poll is at most two seconds away")
        bed.until(lambda: os.readlink(link) != before, "the link moves")
        self.stage.say("the link has moved")
        self.stage.shell(f"readlink {link}")
        self._serial(link)

    def remove(self):
        self.stage.act("The guest agent disables and uninstalls the extension")
        self._goal_state("disabled")
        self._goal_state("uninstall")
        left = "a worker still runs" if self._worker() else "no process is left"
        self.stage.say(f"{left}; the certificates stay, for those who use them")
        self.stage.shell(f"ls {self._store}")

    def stop(self):
        """Ends what is left, each by its process number."""
        self.agent.stop()
        worker = self._worker()
        if worker:
            os.kill(worker, 15)
        self.azure.stop()

    def _goal_state(self, state):
        extension = {
            "handler": self._handler,
            "version": self._version,
            "package": self._package,
            "state": state,
            "sequence_number": 0,
            "public_settings": self._settings(),
        }
        answer = self.agent.ask("goal_state", extensions=[extension])
        for command in answer["commands"]:
            failure = f" failed: {command['failure']}" if command["failure"] else ""
            self.stage.say(f"{command['command']}, {command['seconds']:.1f} s{failure}")
        return answer

    def _settings(self):
        observed = [
            {"url": url(vault, name), "certificateStoreLocation": self._store}
            for vault, name in CERTIFICATES
        ]
        return {
            "secretsManagementSettings": {
                "pollingIntervalInS": "2",
                "requireInitialSync": True,
                "observedCertificates": observed,
            },
            "authenticationSettings": {"msiEndpoint": self.azure.identity_endpoint()},
        }

    def _show_status(self, answer, shown):
        """What the agent reports of the extension, if it is news."""
        for handler in answer["handlers"] or []:
            status = handler["extension"] or {}
            news = (status.get("status"), status.get("message"))
            if news != shown:
                self.stage.say(f"{news[0]}: {news[1]}")
                shown = news
            if news[0] == "error":
                sys.exit("demo: the extension reports an error")
        return shown

    def _subjects(self, link):
        bundle = f"openssl crl2pkcs7 -nocrl -certfile {link}"
        self.stage.shell(f"{bundle} | openssl pkcs7 -print_certs -noout")

    def _serial(self, link):
        self.stage.shell(f"openssl x509 -noout -serial -enddate -in {link}")

    def _link(self, vault, name):
        return os.path.join(self._store, f"{vault}.{name}")

    def _worker(self):
        """The process number of the worker, if one runs."""
        try:
            with open(os.path.join(self._directories["RUNTIME_DIRECTORY"], "worker.json")) as file:
                number = json.load(file)["process"]["pid"]
            program = os.readlink(f"/proc/{number}/exe")
        except OSError:
            return None
        return number if "akvvm_service" in program else None


def url(vault, name):
    return f"https://{vault}.vault.azure.net/secrets/{name}"


def main():
    with tempfile.TemporaryDirectory(prefix="akvvm-demo-") as folder:
        demo = Demo(folder, bed.package())
        try:
            demo.introduce()
            demo.install()
            demo.show_store()
            demo.rotate()
            demo.remove()
        finally:
            demo.stop()


if __name__ == "__main__":
    main()
