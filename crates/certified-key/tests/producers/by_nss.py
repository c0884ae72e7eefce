"""Files by the pk12util of NSS, Firefox's and Red Hat's library."""

from cases import run

OLD = ("-C", "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC")

# Options of pk12util for a file that can be read, by the name of the file.
READABLE = {
    "3des-rc2-40": (*OLD, "-c", "PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC"),
    "3des-rc2-128": (*OLD, "-c", "PKCS #12 V2 PBE With SHA-1 And 128 Bit RC2 CBC"),
    "aes-128-mac-sha1": ("-C", "AES-128-CBC", "-c", "AES-256-CBC", "-M", "SHA-1"),
    "mac-sha384": ("-M", "SHA-384"),
}
# NSS takes no Ed25519 key.
LEAVES = ("rsa2048", "p256", "p384", "p521")
DATABASE = ("-K", "")


def make(cases, pki):
    database = f"sql:{pki.folder / 'nss'}"
    (pki.folder / "nss").mkdir()
    run("certutil", "-N", "--empty-password", "-d", database)
    for leaf in LEAVES:
        fill(pki, database, leaf)
    for leaf in LEAVES:
        path = cases.new_file("nss", f"{leaf}.p12")
        export(database, leaf, path, "-W", "")
        cases.decodes(path, pki.chain(leaf), pki.pkcs8(leaf))
    for case, options in READABLE.items():
        path = cases.new_file("nss", f"{case}.p12")
        export(database, "rsa2048", path, "-W", "", *options)
        cases.decodes(path, pki.chain("rsa2048"), pki.pkcs8("rsa2048"))
    path = cases.new_file("nss", "password.p12")
    export(database, "p256", path, "-W", "secret")
    cases.refused(path, "protected by a password")
    path = cases.new_file("nss", "rc4.p12")
    rc4 = "PKCS #12 V2 PBE With SHA-1 And 128 Bit RC4"
    export(database, "p256", path, "-W", "", "-C", rc4)
    cases.refused(path, "encryption RC4 is not supported")


def fill(pki, database, leaf):
    path = pki.folder / f"{leaf}-for-nss.p12"
    run("openssl", "pkcs12", "-export", "-inkey", pki.key(leaf), "-in", pki.pem(leaf),
        "-certfile", pki.folder / "issuers.pem", "-name", leaf, "-passout", "pass:x", "-out", path)
    run("pk12util", "-i", path, "-d", database, "-W", "x", *DATABASE)


def export(database, leaf, path, *options):
    run("pk12util", "-o", path, "-n", leaf, "-d", database, *DATABASE, *options)
