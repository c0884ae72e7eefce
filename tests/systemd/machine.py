"""A machine with systemd on which the extension is installed by hand, as the guest agent does it."""

import json
import os
import zipfile

import bed
import systemd_container
from systemd_container import AZURE, Container

UNIT = "akvvm_service.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
HANDLER = "OpenKeyVault.KeyVaultForLinux"
VAULT = "contoso"
CERTIFICATES = ("web", "mail")
STORE = "/var/lib/contoso/certificates"
REPORT = "/var/lib/akvvm/report.json"


class Machine:
    """The machine, its imagined Azure, and the commands that the agent would run on it."""

    def __init__(self, folder, package, fake_azure):
        certificates = {name: {"key": "ec-p256", "chain": 2} for name in CERTIFICATES}
        scenario = {
            "identities": [{"system_assigned": "container"}],
            "vaults": {VAULT: {"certificates": certificates}},
        }
        network = systemd_container.own_network
        self.azure = bed.Azure(fake_azure, folder, scenario, network)
        try:
            root = os.path.join(folder, "root")
            self.container = Container(root, self.azure.process, self.azure.folder)
        except BaseException:
            self.azure.stop()
            raise
        self.package = package
        self._way_to_azure()

    def stop(self):
        self.container.stop()
        self.azure.stop()

    def boot_again(self):
        self.container.stop()
        self.container.boot()

    def write(self, path, text, mode=0o644):
        outside = self.container.path(path)
        os.makedirs(os.path.dirname(outside), exist_ok=True)
        with open(outside, "w") as file:
            file.write(text)
        os.chmod(outside, mode)

    def exists(self, path):
        return os.path.lexists(self.container.path(path))

    def read(self, path):
        with open(self.container.path(path)) as file:
            return file.read()

    def settings(self, store=STORE, **secrets_management):
        """Settings that ask a vault once an hour, so that what comes sooner was asked for."""
        observed = [
            {
                "url": f"https://{VAULT}.vault.azure.net/secrets/{name}",
                "certificateStoreLocation": store,
            }
            for name in CERTIFICATES
        ]
        return {
            "secretsManagementSettings": {
                "pollingIntervalInS": "3600",
                "observedCertificates": observed,
                **secrets_management,
            },
            "authenticationSettings": {"msiEndpoint": self.azure.identity_endpoint()},
        }

    def unpack(self, version):
        """The package as the guest agent would have it on the disk."""
        folder = f"/var/lib/waagent/{HANDLER}-{version}"
        with zipfile.ZipFile(self.package) as package:
            package.extractall(self.container.path(folder))
        for parent, _, files in os.walk(self.container.path(folder)):
            for name in files:
                os.chmod(os.path.join(parent, name), 0o744)
        places = {
            "logFolder": f"/var/log/azure/{HANDLER}",
            "configFolder": f"{folder}/config",
            "statusFolder": f"{folder}/status",
            "heartbeatFile": f"{folder}/heartbeat.log",
        }
        for name in ("logFolder", "configFolder", "statusFolder"):
            os.makedirs(self.container.path(places[name]), exist_ok=True)
        document = json.dumps([{"version": 1.0, "handlerEnvironment": places}])
        self.write(f"{folder}/HandlerEnvironment.json", document)
        return folder

    def give(self, folder, settings, number=0):
        handler = {"handlerSettings": {"publicSettings": settings}}
        document = json.dumps({"runtimeSettings": [handler]})
        self.write(f"{folder}/config/{number}.settings", document, 0o600)

    def command(self, folder, name, number=0, **variables):
        """Runs a command of the handler as the agent does."""
        environment = {
            "AZURE_GUEST_AGENT_EXTENSION_PATH": folder,
            "AZURE_GUEST_AGENT_EXTENSION_VERSION": folder.rpartition("-")[2],
            "ConfigSequenceNumber": str(number),
            **variables,
        }
        program = f"{folder}/bin/handler"
        return self.container.run(program, name, environment=environment, folder=folder)

    def do(self, folder, *names, **variables):
        for name in names:
            done = self.command(folder, name, **variables)
            if done.returncode:
                raise AssertionError(f"{name}: {done.stdout}{done.stderr}\n{self.journal()}")

    def install(self, version="1.0.0", settings=None):
        folder = self.unpack(version)
        self.give(folder, settings or self.settings())
        self.do(folder, "install", "enable")
        return folder

    def forget(self):
        """As it was before any extension, whatever a test left."""
        self.container.run("systemctl", "stop", UNIT)
        self.container.run("systemctl", "disable", UNIT)
        for path in (UNIT_FILE, f"{UNIT_FILE}.d"):
            self.container.run("rm", "-rf", path)
        self.container.run("systemctl", "daemon-reload")
        self.container.run("systemctl", "reset-failed")
        gone = ["/run/akvvm", "/var/lib/akvvm", "/var/lib/waagent", "/var/lib/contoso"]
        self.container.run("rm", "-rf", "/etc/akvvm", "/etc/contoso", *gone)
        self.azure.tell("allow", VAULT)
        self.azure.tell("fault", "--clear")
        self._way_to_azure()

    def journal(self):
        return self.container.run("journalctl", "--no-pager", "-n", "40", "-u", UNIT).stdout

    def link(self, name, store=STORE):
        """Where a certificate's link leads; none where there is none."""
        try:
            return os.readlink(self.container.path(f"{store}/{VAULT}.{name}"))
        except FileNotFoundError:
            return None

    def wait_for_certificates(self, store=STORE):
        there = lambda: all(self.link(name, store) for name in CERTIFICATES)
        bed.until(there, f"certificates in {store}")

    def active(self):
        return self.container.shown(UNIT, "ActiveState")

    def wait_until_active(self):
        bed.until(lambda: self.active() == "active", "the unit is active")

    def process(self):
        return int(self.container.shown(UNIT, "MainPID"))

    def status(self, folder, number=0):
        return json.loads(self.read(f"{folder}/status/{number}.status"))[0]["status"]

    def _way_to_azure(self):
        environment = {**self.azure.for_programs(), "SSL_CERT_FILE": f"{AZURE}/ca.pem"}
        lines = "".join(f"{name}={value}\n" for name, value in environment.items())
        self.write("/etc/akvvm/environment", lines, 0o600)
