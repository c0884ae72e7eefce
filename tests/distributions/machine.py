"""What a test has: a folder that every userland sees under the same path, and an imagined Azure."""

import json
import os
import zipfile

import bed

VAULT = "contoso"
NAME = "web"
CERTIFICATE = f"{VAULT}.{NAME}"
SCENARIO = {"vaults": {VAULT: {"certificates": {NAME: {"key": "rsa2048", "chain": 2}}}}}


class Machine:
    """`over` is where a userland is put together, `seen` what is bound into it."""

    def __init__(self, folder, azure, package):
        self.folder = os.path.join(folder, "machine")
        self.over = os.path.join(folder, "over")
        for made in (self.folder, self.over):
            os.mkdir(made)
        self.store = os.path.join(self.folder, "store")
        self.package = package
        self._azure = azure
        shared = [self.folder, azure.folder, os.path.dirname(package)]
        self.seen = [(path, path) for path in shared]

    def environment(self):
        """Where our programs keep their files, and the way to Azure."""
        return {**bed.directories(self.folder), **self._azure.for_programs()}

    def settings(self):
        observed = {
            "url": f"https://{VAULT}.vault.azure.net/secrets/{NAME}",
            "certificateStoreLocation": self.store,
        }
        return {
            "secretsManagementSettings": {
                "pollingIntervalInS": "3600",
                "observedCertificates": [observed],
            },
            "authenticationSettings": {"msiEndpoint": self._azure.identity_endpoint()},
        }

    def settings_file(self):
        path = os.path.join(self.folder, "settings.json")
        with open(path, "w") as file:
            json.dump(self.settings(), file)
        return path

    def extension(self):
        """The goal state's extension."""
        name = os.path.basename(self.package)[: -len(".zip")]
        handler, _, version = name.rpartition("-")
        settings = {"sequence_number": 0, "public_settings": self.settings()}
        return {"handler": handler, "version": version, "package": self.package, **settings}

    def unpack(self, cpu=os.uname().machine):
        """The folder with a processor's programs, the whole package around it."""
        folder = os.path.join(self.folder, "package")
        with zipfile.ZipFile(self.package) as package:
            package.extractall(folder)
        for parent, _, files in os.walk(folder):
            for name in files:
                os.chmod(os.path.join(parent, name), 0o744)
        return os.path.join(folder, "bin", cpu)

    def installed(self):
        """What the certificate's link leads to."""
        with open(os.path.join(self.store, CERTIFICATE)) as file:
            return file.read()
