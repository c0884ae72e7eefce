"""Makes files with certificates and keys, each with the tool it is named after.

    make.py FOLDER

The folder appears when all of it is done. Its manifest.json says of each file what must come out
of it: the chain and the key as other tools see them, or words of the refusal.
"""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import by_cryptography
import by_gnutls
import by_hand
import by_keytool
import by_nss
import by_openssl
import by_signature
from cases import Cases
from pki import Pki

# What the tests call, and the Debian package that has it.
TOOLS = {
    "openssl": "openssl",
    "keytool": "default-jre-headless",
    "certtool": "gnutls-bin",
    "pk12util": "libnss3-tools",
}


def main():
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing; install it (apt-get install {package}) and try again")
    folder = Path(sys.argv[1])
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    pki = Pki(unfinished / "pki")
    cases = Cases(unfinished)
    makers = [
        by_keytool,
        by_nss,
        by_gnutls,
        by_openssl,
        by_cryptography,
        by_hand,
        by_signature,
    ]
    # Most of the time goes into other processes.
    with ThreadPoolExecutor(4) as pool:
        for made in [pool.submit(maker.make, cases, pki) for maker in makers]:
            made.result()
    (unfinished / "manifest.json").write_text(json.dumps(cases.sorted(), indent=1))
    # What older scripts made is of no use any more.
    for old in folder.parent.glob(folder.name.split("-")[0] + "-*"):
        if old != unfinished:
            shutil.rmtree(old, ignore_errors=True)
    unfinished.rename(folder)


main()
