"""Files by the openssl command line."""

import base64

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cases import run
from der import integer, octets, oid, sequence
from pki import LEAF_KEYS

PASSWORD = ("-passout", "pass:")

# Options of `openssl pkcs12 -export` for a file that can be read, by the name of the file.
READABLE = {
    "legacy-3des-rc2-40": ("-legacy",),
    "as-key-vault": (
        *("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES"),
        *("-macalg", "sha1", "-iter", "2000", "-keyex", "-LMK", "-name", "{7B1C0C7F-A0}"),
        *("-CSP", "Microsoft Software Key Storage Provider"),
    ),
    "double-des": ("-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES"),
    "rc2-128": ("-legacy", "-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-128"),
    "rc2-40": ("-legacy", "-keypbe", "PBE-SHA1-RC2-40", "-certpbe", "PBE-SHA1-RC2-40"),
    "aes-128": ("-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"),
    "aes-192": ("-keypbe", "AES-192-CBC", "-certpbe", "AES-192-CBC"),
    "aes-256": ("-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC"),
    "pbes2-3des": ("-keypbe", "DES-EDE3-CBC", "-certpbe", "DES-EDE3-CBC"),
    "plain-key": ("-keypbe", "NONE"),
    "plain-certificates": ("-certpbe", "NONE"),
    "plain": ("-keypbe", "NONE", "-certpbe", "NONE"),
    "plain-without-mac": ("-keypbe", "NONE", "-certpbe", "NONE", "-nomac"),
    "without-mac": ("-nomac",),
    "legacy-without-mac": ("-legacy", "-nomac"),
    "mac-sha1": ("-macalg", "sha1"),
    "mac-sha224": ("-macalg", "sha224"),
    "mac-sha384": ("-macalg", "sha384"),
    "mac-sha512": ("-macalg", "sha512"),
    "mac-not-iterated": ("-nomaciter",),
    "not-iterated": ("-noiter", "-nomaciter"),
    "iterated-200000": ("-iter", "200000"),
    "friendly-names": ("-name", "Zertifikat für münchen", "-caname", "Wurzel", "-caname", "日本"),
}

# The same for files that must be refused, with words of the sentence.
REFUSED = {
    "rc4-128": (("-legacy", "-keypbe", "PBE-SHA1-RC4-128"), "encryption RC4 is not supported"),
    "rc4-40": (("-legacy", "-certpbe", "PBE-SHA1-RC4-40"), "encryption RC4 is not supported"),
    "des": (("-legacy", "-keypbe", "PBE-MD5-DES"), "encryption pbeWithMD5AndDES-CBC is not supported"),
    "mac-md5": (("-macalg", "md5"), "MAC MD5 is not supported"),
    "mac-sha3": (("-macalg", "sha3-256"), "MAC SHA3-256 is not supported"),
    "iterated-2000000": (("-iter", "2000000"), "fewer iterations"),
}


def make(cases, pki):
    for leaf in LEAF_KEYS:
        path = cases.new_file("openssl", f"{leaf}.pfx")
        export(pki, leaf, path, *PASSWORD)
        cases.decodes(path, pki.chain(leaf), pki.pkcs8(leaf))
    for number, (case, options) in enumerate(READABLE.items()):
        leaf = ("rsa2048", "p256", "p384")[number % 3]
        path = cases.new_file("openssl", f"{case}.pfx")
        export(pki, leaf, path, *PASSWORD, *options)
        cases.decodes(path, pki.chain(leaf), pki.pkcs8(leaf))
    for case, (options, words) in REFUSED.items():
        path = cases.new_file("openssl", f"{case}.pfx")
        export(pki, "rsa2048", path, *PASSWORD, *options)
        cases.refused(path, words)
    with_password(cases, pki)
    incomplete(cases, pki)
    for leaf in LEAF_KEYS:
        if leaf != "ed25519":  # which has no old form
            pem(cases, pki, leaf)
    odd_pem(cases, pki)
    in_pkcs7(cases, pki)
    for_pss_only(cases, pki)


def export(pki, leaf, path, *options):
    parts = ("-inkey", pki.key(leaf), "-in", pki.pem(leaf))
    issuers = ("-certfile", pki.folder / "issuers.pem")
    run("openssl", "pkcs12", "-export", *parts, *issuers, "-out", path, *options)


def with_password(cases, pki):
    for case, options in {"": (), "-legacy": ("-legacy",), "-without-mac": ("-nomac",)}.items():
        path = cases.new_file("openssl", f"password{case}.pfx")
        export(pki, "p256", path, "-passout", "pass:secret", *options)
        cases.refused(path, "protected by a password")


def incomplete(cases, pki):
    path = cases.new_file("openssl", "no-key.pfx")
    export(pki, "p256", path, *PASSWORD, "-nokeys")
    cases.refused(path, "no private key for CN=p256")
    path = cases.new_file("openssl", "no-certificate.pfx")
    run("openssl", "pkcs12", "-export", "-nocerts", "-inkey", pki.key("p256"), *PASSWORD,
        "-out", path)
    cases.refused(path, "a private key but no certificate")
    path = cases.new_file("openssl", "no-issuers.pfx")
    run("openssl", "pkcs12", "-export", "-inkey", pki.key("p256"), "-in", pki.pem("p256"),
        *PASSWORD, "-out", path)
    cases.decodes(path, pki.chain("p256")[:1], pki.pkcs8("p256"))


def pem(cases, pki, leaf):
    """A key in its old form, before the certificates."""
    path = cases.new_file("openssl", f"{leaf}.pem")
    old = run("openssl", "pkey", "-traditional", "-in", pki.key(leaf))
    path.write_bytes(old + pki.pem(leaf).read_bytes() + (pki.folder / "issuers.pem").read_bytes())
    cases.decodes(path, pki.chain(leaf), pki.pkcs8(leaf))


def odd_pem(cases, pki):
    for case, options in {
        "ec-with-parameters": ("ec", "-in", pki.key("p384")),
        "ec-without-public-half": ("ec", "-in", pki.key("p384"), "-no_public"),
        "ec-compressed": ("ec", "-in", pki.key("p384"), "-conv_form", "compressed"),
        "ec-hybrid": ("ec", "-in", pki.key("p384"), "-conv_form", "hybrid"),
    }.items():
        path = cases.new_file("openssl", f"{case}.pem")
        parameters = run("openssl", "ecparam", "-name", "secp384r1")
        path.write_bytes(parameters + run("openssl", *options) + pki.pem("p384").read_bytes())
        cases.decodes(path, pki.chain("p384")[:1], pki.pkcs8("p384"))
    path = cases.new_file("openssl", "ec-explicit-parameters.pem")
    key = run("openssl", "ec", "-in", pki.key("p384"), "-param_enc", "explicit")
    path.write_bytes(key + pki.pem("p384").read_bytes())
    words = "on a curve without a name, which is not supported; `openssl ec -param_enc named_curve`"
    cases.refused(path, words)
    explicit = pki.key("explicit")
    explicit.write_bytes(key)
    certificate = run("openssl", "req", "-x509", "-key", explicit, "-subj", "/CN=explicit",
                      "-days", "9000")
    path = cases.new_file("openssl", "ec-explicit-certificate.pem")
    path.write_bytes(pki.key("p384").read_bytes() + certificate)
    cases.refused(path, "the certificate spells out its key's curve instead of naming it")
    path = cases.new_file("openssl", "ec-explicit-certificate-of-another.pem")
    path.write_bytes(pki.key("p256").read_bytes() + certificate)
    cases.refused(path, "the private key does not belong to the certificate")
    for case, options in {
        "encrypted-old": ("rsa", "-traditional", "-aes256"),
        "encrypted-new": ("pkcs8", "-topk8"),
    }.items():
        path = cases.new_file("openssl", f"{case}.pem")
        key = run("openssl", *options, "-in", pki.key("rsa2048"), "-passout", "pass:secret")
        path.write_bytes(key + pki.pem("rsa2048").read_bytes())
        cases.refused(path, "the PEM private key is encrypted")
    refused_keys(cases, pki)


def in_pkcs7(cases, pki):
    """Certificates as a CA sends them for Windows (.p7b), beside the key."""
    key = pki.key("p256").read_bytes()
    block = run("openssl", "crl2pkcs7", "-nocrl", "-certfile", pki.pem("p256"))
    path = cases.new_file("openssl", "pkcs7.pem")
    path.write_bytes(key + block)
    cases.refused(path, "the certificates are in a PKCS#7 block")
    path = cases.new_file("openssl", "pkcs7-too.pem")
    path.write_bytes(key + block + pki.pem("p256").read_bytes())
    cases.decodes(path, pki.chain("p256")[:1], pki.pkcs8("p256"), notes=1)


def refused_keys(cases, pki):
    """Keys of kinds that are not carried, in PEM and, where openssl does it, in PKCS#12."""
    for kind in ("Ed448", "X25519", "X448"):
        key = run("openssl", "genpkey", "-algorithm", kind)
        beside_certificate(cases, pki, kind.lower(), key, f"of algorithm {kind}, which is not")
    key = run("openssl", "genrsa", "-primes", "3", "2048")
    beside_certificate(cases, pki, "rsa-three-primes", key, "RSA with more than two primes")
    parameters = pki.folder / "dsa-parameters.pem"
    run("openssl", "dsaparam", "-out", parameters, "1024")
    dsa = pki.key("dsa")
    run("openssl", "gendsa", "-out", dsa, parameters)
    beside_certificate(cases, pki, "dsa", dsa.read_bytes(), "of algorithm DSA, which is not")
    old = run("openssl", "dsa", "-in", dsa)
    old = run("openssl", "pkey", "-traditional", "-in", dsa) if b"BEGIN PRIVATE" in old else old
    beside_certificate(cases, pki, "dsa-old", old, 'in the form "DSA PRIVATE KEY", which is not')
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1")
    key = run("openssl", "genpkey", *curve)
    beside_certificate(cases, pki, "brainpool", key, "on the curve brainpoolP256r1, which is not")
    for kind, options in {
        "ed448": ("-algorithm", "Ed448"),
        "brainpool": curve,
    }.items():
        run("openssl", "genpkey", *options, "-out", pki.key(kind))
        run("openssl", "req", "-x509", "-key", pki.key(kind), "-subj", f"/CN={kind}",
            "-days", "9000", "-out", pki.pem(kind))
        path = cases.new_file("openssl", f"{kind}.pfx")
        export(pki, kind, path, *PASSWORD)
        cases.refused(path, "which is not supported")


def beside_certificate(cases, pki, case, key, words):
    path = cases.new_file("openssl", f"{case}.pem")
    path.write_bytes(key + pki.pem("p256").read_bytes())
    cases.refused(path, words)


def for_pss_only(cases, pki):
    """An RSA key whose algorithm says that it is for RSASSA-PSS only."""
    run("openssl", "genpkey", "-algorithm", "rsa-pss", "-out", pki.key("pss"))
    run("openssl", "req", "-x509", "-key", pki.key("pss"), "-subj", "/CN=pss", "-days", "9000",
        "-out", pki.pem("pss"))
    run("openssl", "x509", "-in", pki.pem("pss"), "-outform", "DER", "-out", pki.der("pss"))
    pki.write_pkcs8(pki.key("pss"), pki.pkcs8("pss"))
    path = cases.new_file("openssl", "for-pss-only.pfx")
    export(pki, "pss", path, *PASSWORD, "-nomac")
    cases.decodes(path, [pki.der("pss")], pki.pkcs8("pss"), notes=3)
    other_kind(cases, pki)


def other_kind(cases, pki):
    """Keys that call themselves another kind of RSA key than their certificate: openssl's servers
    take them only in the certificate's kind, and some readers want it written exactly so."""
    inner = {
        leaf: load_pem_private_key(pki.key(leaf).read_bytes(), None).private_bytes(
            Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        )
        for leaf in ("pss", "rsa2048")
    }
    anything, pss_only = oid("1.2.840.113549.1.1.1"), oid("1.2.840.113549.1.1.10")
    for case, leaf, *algorithm in (
        ("any-rsa-beside-pss", "pss", anything),
        ("pss-beside-any-rsa", "rsa2048", pss_only),
        ("rsa-without-null", "rsa2048", anything),
        ("rsa-with-odd-parameters", "rsa2048", anything, octets(b"odd")),
    ):
        key = sequence(integer(0), sequence(*algorithm), octets(inner[leaf]))
        text = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(key)
        path = cases.new_file("openssl", f"{case}.pem")
        path.write_bytes(text + b"-----END PRIVATE KEY-----\n" + pki.pem(leaf).read_bytes())
        cases.decodes(path, [pki.der(leaf)], pki.pkcs8(leaf))
