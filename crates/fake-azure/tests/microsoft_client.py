"""Reads secrets with Microsoft's own client, as a virtual machine would.

Each line of standard input is a JSON list: "get", vault URL, name, version or null; "versions",
vault URL, name; "identity", client id or null (for the requests that follow). Each answer is one
line of JSON: what the client made of it, or {"error": class, "status": ..., "code": ..., ...}.
"""

import json
import logging
import sys

from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

# One try each: what a single answer means is the question here.
OPTIONS = {"retry_total": 0}


class Reader:
    def __init__(self):
        self.credential = ManagedIdentityCredential(**OPTIONS)
        self.clients = {}

    def identity(self, client_id):
        self.credential = ManagedIdentityCredential(client_id=client_id, **OPTIONS)
        self.clients = {}

    def client(self, vault):
        if vault not in self.clients:
            self.clients[vault] = SecretClient(vault, self.credential, **OPTIONS)
        return self.clients[vault]

    def get(self, vault, name, version):
        secret = self.client(vault).get_secret(name, version)
        return {"value": secret.value, **described(secret.properties)}

    def versions(self, vault, name):
        listed = self.client(vault).list_properties_of_secret_versions(name)
        return [described(properties) for properties in listed]


def described(properties):
    return {
        "id": properties.id,
        "name": properties.name,
        "version": properties.version,
        "content_type": properties.content_type,
        "enabled": properties.enabled,
        "managed": properties.managed,
        "key_id": properties.key_id,
        "not_before": seconds(properties.not_before),
        "expires_on": seconds(properties.expires_on),
        "created_on": seconds(properties.created_on),
        "updated_on": seconds(properties.updated_on),
        "recoverable_days": properties.recoverable_days,
        "vault_url": properties.vault_url,
    }


def seconds(time):
    return None if time is None else int(time.timestamp())


def failed(error):
    inner = getattr(getattr(error, "error", None), "innererror", None)
    headers = getattr(getattr(error, "response", None), "headers", {})
    return {
        "error": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": getattr(getattr(error, "error", None), "code", None),
        "inner": (inner or {}).get("code"),
        "request": headers.get("x-ms-request-id"),
        "message": str(error),
    }


def main():
    # What goes wrong is in the answers.
    logging.disable(logging.CRITICAL)
    reader = Reader()
    for line in sys.stdin:
        operation, *arguments = json.loads(line)
        try:
            answer = getattr(reader, operation)(*arguments)
        except AzureError as error:
            answer = failed(error)
        print(json.dumps(answer), flush=True)


main()
