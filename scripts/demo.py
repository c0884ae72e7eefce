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

    def shell(self, command, folder):
        """A command that anybody could type in a folder, and what it prints."""
        self._print("36", f"   $ {command}")
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
        )
        for line in (done.stdout + done.stderr).splitlines():
            if line:
                print("     " + line, flush=True)

    def _print(self, style, text):
        print(f"\033[{style}m{text}\033[0m" if self._colour else text, flush=True)


class Demo:
    def __init__(self, folder, package):
        self._stage = Stage()
        self._package = package
        name = os.path.basename(package)[: -len(".zip")]
        self._handler, _, self._version = name.rpartition("-")
        self._folder = folder
        self._store = os.path.join(folder, "store")
        self._directories = bed.directories(folder)
        self._azure = None
        self._agent = None

    def set_the_scene(self):
        self._stage.act("An imagined Azure: two vaults with three certificates")
        with open(SCENARIO) as file:
            scenario = json.load(file)
        self._azure = bed.Azure(FAKE_AZURE, self._folder, {**scenario, "faults": [BUSY]})
        for vault, name in CERTIFICATES:
            self._stage.say(url(vault, name))
        self._stage.act("The guest agent's own code, with our package to install")
        # On a real machine systemd looks after the worker; here nothing is installed.
        environment = {"AKVVM_SUPERVISOR": "detached", **self._azure.for_programs()}
        self._agent = bed.GuestAgent(self._folder, {**environment, **self._directories})
        self._stage.say(f"Azure Linux Agent {self._agent.version}")
        self._stage.say(os.path.basename(self._package))

    def install(self):
        self._stage.act("The guest agent installs and enables the extension")
        shown = self._show_status(self._goal_state("enabled"), None)

        def succeeded():
            nonlocal shown
            shown = self._show_status(self._agent.ask("report"), shown)
            return shown is not None and shown[0] == "success"

        bed.until(succeeded, "the extension reports success")

    def show_store(self):
        self._stage.act(f"The certificates are on disk, in {self._store}")
        self._shell("ls -l")
        for vault, name in CERTIFICATES:
            bundle = f"openssl crl2pkcs7 -nocrl -certfile {vault}.{name}"
            self._shell(f"{bundle} | openssl pkcs7 -print_certs -noout")

    def rotate(self):
        vault, name = CERTIFICATES[0]
        link = f"{vault}.{name}"
        self._stage.act(f"{vault} gets a new version of {name}")
        leads_to = lambda: os.readlink(os.path.join(self._store, link))
        before = leads_to()
        self._show_version(link)
        self._azure.rotate(vault, name)
        self._stage.say("rotated in the vault; the worker looks every two seconds")
        bed.until(lambda: leads_to() != before, "the link moves")
        self._stage.say("the link has moved")
        self._show_version(link)

    def remove(self):
        self._stage.act("The guest agent disables and uninstalls the extension")
        self._goal_state("disabled")
        self._goal_state("uninstall")
        left = "a worker still runs" if self._worker() else "no process is left"
        self._stage.say(f"{left}; the certificates stay, for those who use them")
        self._shell("ls")

    def stop(self):
        """Ends what is left, each by its process number."""
        if self._agent:
            self._agent.stop()
        worker = self._worker()
        if worker:
            os.kill(worker, 15)
        if self._azure:
            self._azure.stop()

    def _goal_state(self, state):
        extension = {
            "handler": self._handler,
            "version": self._version,
            "package": self._package,
            "state": state,
            "sequence_number": 0,
            "public_settings": self._settings(),
        }
        answer = self._agent.ask("goal_state", extensions=[extension])
        for command in answer["commands"]:
            failure = f" failed: {command['failure']}" if command["failure"] else ""
            self._stage.say(f"{command['command']}, {command['seconds']:.1f} s{failure}")
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
            "authenticationSettings": {"msiEndpoint": self._azure.identity_endpoint()},
        }

    def _show_status(self, answer, shown):
        """What the agent reports of the extension, if it is news."""
        for handler in answer["handlers"] or []:
            status = handler["extension"] or {}
            news = (status.get("status"), status.get("message"))
            if news != shown:
                self._stage.say(f"{news[0]}: {news[1]}")
                shown = news
            if news[0] == "error":
                sys.exit("demo: the extension reports an error")
        return shown

    def _show_version(self, link):
        self._shell(f"readlink {link}")
        self._shell(f"openssl x509 -noout -serial -in {link}")

    def _shell(self, command):
        self._stage.shell(command, self._store)

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
            demo.set_the_scene()
            demo.install()
            demo.show_store()
            demo.rotate()
            demo.remove()
        finally:
            demo.stop()
    print("\nThat was all: no process and no file is left.")


if __name__ == "__main__":
    main()
