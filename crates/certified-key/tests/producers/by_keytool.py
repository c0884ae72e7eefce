"""Files by Java's keytool.

keytool makes no file with an empty password, but it changes one that has it: each file begins as
openssl's, gets its entry from keytool, which writes all of it anew, and loses openssl's entry.
"""

from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cases import run

EMPTY = ("-storetype", "PKCS12", "-storepass", "")
# Java starts sooner without its better compiler.
QUICK = "-J-XX:TieredStopAtLevel=1"
BEGINNING = "beginning"
ENTRY = "entry"

KEYS = {
    "rsa": ("-keyalg", "RSA", "-keysize", "2048"),
    "p256": ("-keyalg", "EC", "-groupname", "secp256r1"),
    "p384": ("-keyalg", "EC", "-groupname", "secp384r1"),
    "p521": ("-keyalg", "EC", "-groupname", "secp521r1"),
    "ed25519": ("-keyalg", "Ed25519"),
}


def make(cases, pki):
    path = cases.new_file("keytool", "beginning.p12")
    run("openssl", "pkcs12", "-export", "-inkey", pki.key("p256"), "-in", pki.pem("p256"),
        "-name", BEGINNING, "-passout", "pass:", "-out", path)
    beginning = path.read_bytes()
    jobs = [lambda kind=kind: own_key(cases, beginning, kind) for kind in KEYS]
    jobs += [
        lambda: legacy(cases, pki, beginning),
        lambda: imported(cases, pki, beginning),
        lambda: trusted(cases, pki, beginning),
        lambda: secret_key(cases, pki, beginning),
        lambda: two_entries(cases, beginning),
        lambda: with_password(cases),
    ]
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(job) for job in jobs]:
            job.result()


def keytool(command, store, *options):
    run("keytool", command, "-keystore", store, "-noprompt", QUICK, *options)


def begin(cases, case, beginning):
    path = cases.new_file("keytool", f"{case}.p12")
    path.write_bytes(beginning)
    return path


def end(path):
    keytool("-delete", path, *EMPTY, "-alias", BEGINNING)


def generate(path, alias, key, *options):
    keytool("-genkeypair", path, *EMPTY, "-alias", alias, "-dname", f"CN={alias}",
            "-validity", "9000", *key, *options)


def decodes(cases, path):
    """What openssl finds in the file is what must come out."""
    text = run("openssl", "pkcs12", "-in", path, "-passin", "pass:", "-nodes")
    pem = path.with_suffix(".pem")
    pem.write_bytes(text)
    certificate, key = path.with_suffix(".der"), path.with_suffix(".pkcs8")
    run("openssl", "x509", "-in", pem, "-outform", "DER", "-out", certificate)
    # Java leaves out the public half of an EC key, and openssl does not add it.
    private = load_pem_private_key(text, None)
    key.write_bytes(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    cases.decodes(path, [certificate], key)


def own_key(cases, beginning, kind):
    path = begin(cases, f"own-{kind}", beginning)
    generate(path, ENTRY, KEYS[kind])
    end(path)
    decodes(cases, path)


def legacy(cases, pki, beginning):
    """With the algorithms of Java 8."""
    path = begin(cases, "legacy", beginning)
    option = "-J-Dkeystore.pkcs12.legacy=true"
    import_chain(cases, pki, path, option)
    keytool("-delete", path, *EMPTY, "-alias", BEGINNING, option)
    cases.decodes(path, pki.chain("p384"), pki.pkcs8("p384"))


def imported(cases, pki, beginning):
    path = begin(cases, "imported-chain", beginning)
    import_chain(cases, pki, path)
    end(path)
    cases.decodes(path, pki.chain("p384"), pki.pkcs8("p384"))


def import_chain(cases, pki, path, *options):
    source = path.with_suffix(".source")
    run("openssl", "pkcs12", "-export", "-inkey", pki.key("p384"), "-in", pki.pem("p384"),
        "-certfile", pki.folder / "issuers.pem", "-passout", "pass:changeit", "-out", source)
    run("keytool", "-importkeystore", QUICK, "-srckeystore", source, "-srcstorepass", "changeit",
        "-destkeystore", path, "-deststorepass", "", "-noprompt", *options)


def trusted(cases, pki, beginning):
    """With an authority's certificate beside, which has nothing to do with the key."""
    path = begin(cases, "trusted-certificate", beginning)
    import_chain(cases, pki, path)
    keytool("-importcert", path, *EMPTY, "-alias", "other", "-file", pki.pem("namesake"))
    end(path)
    cases.decodes(path, pki.chain("p384"), pki.pkcs8("p384"), notes=1)


def secret_key(cases, pki, beginning):
    """With an AES key, in a bag of a kind of its own."""
    path = begin(cases, "secret-key", beginning)
    keytool("-genseckey", path, *EMPTY, "-alias", "aes", "-keyalg", "AES", "-keysize", "256")
    cases.decodes(path, pki.chain("p256")[:1], pki.pkcs8("p256"), notes=1)


def two_entries(cases, beginning):
    path = begin(cases, "two-entries", beginning)
    generate(path, ENTRY, KEYS["p256"])
    cases.refused(path, "2 private keys, each with a certificate of its own")


def with_password(cases):
    path = cases.new_file("keytool", "password.p12")
    keytool("-genkeypair", path, "-storetype", "PKCS12", "-storepass", "changeit", "-alias", ENTRY,
            "-dname", "CN=x", *KEYS["p256"])
    cases.refused(path, "protected by a password")
