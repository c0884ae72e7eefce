#!/usr/bin/env python3
"""Reads certificates with Microsoft's SDK for Python, as people write it: one client, each secret
decoded by the package cryptography, written, renamed.

python_sdk.py VAULT_URL STORE THREADS PREFIX COUNT POLLS

POLLS times it then asks for every secret once more, and does nothing with the answers.
"""

import base64
import concurrent.futures
import os
import sys

from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

PEM = serialization.Encoding.PEM


def main():
    vault, store, threads, prefix, count, polls = sys.argv[1:]
    os.makedirs(store, exist_ok=True)
    client = SecretClient(vault, ManagedIdentityCredential())

    def one(name):
        der = base64.b64decode(client.get_secret(name).value)
        key, leaf, issuers = pkcs12.load_key_and_certificates(der, None)
        pem = b"".join(one.public_bytes(PEM) for one in [leaf, *issuers]) + key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = os.path.join(store, name)
        with open(path + ".new", "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(pem)
        os.replace(path + ".new", path)

    names = [f"{prefix}{number}" for number in range(1, int(count) + 1)]
    if threads == "1":
        for name in names:
            one(name)
    else:
        with concurrent.futures.ThreadPoolExecutor(int(threads)) as pool:
            list(pool.map(one, names))
    for name in names * int(polls):
        client.get_secret(name)


if __name__ == "__main__":
    main()
