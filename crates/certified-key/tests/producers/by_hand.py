"""PKCS#12 files written byte by byte after RFC 7292, for what no tool at hand writes."""

from cryptography.hazmat.primitives import hashes

from der import (
    element,
    explicit,
    in_pieces,
    indefinite,
    integer,
    null,
    octets,
    oid,
    sequence,
    set_of,
)
from pki import certify
from rfc7292 import (
    AES,
    BAGS,
    EMPTY,
    HMACS,
    ITERATIONS,
    NULL,
    PKCS7,
    SALT,
    algorithm,
    attribute,
    bag,
    bmp,
    certificate_bag,
    certificates,
    data,
    encrypt,
    encrypted,
    file,
    hmac_with,
    key_bag,
    mac,
    pbes2,
    pbkdf2,
    pbmac1,
    safes,
    shrouded,
    shrouded_by_aes,
)


def make(cases, pki):
    for maker in (passwords, derivations, windows, unusual, misplaced, damaged, hostile):
        for name, file, *expected in maker(pki):
            path = cases.new_file("by-hand", f"{name}.pfx")
            path.write_bytes(file)
            if expected:
                cases.refused(path, *expected)
            else:
                cases.decodes(path, pki.chain("rsa2048"), pki.pkcs8("rsa2048"),
                              notes=NOTES.get(name, 0))
    renewed(cases, pki)


# Files from which something is left out, and how many notes say so.
NOTES = {"other-bags": 3, "damaged-extra-certificate": 1, "damaged-extra-bag": 1, "extra-key": 0}


def passwords(pki):
    """Both forms of no password, with and without a MAC."""
    for name, password in {"null": NULL, "empty": EMPTY}.items():
        content = safes(
            data(shrouded(pki, password)), encrypted(password, *certificates(pki))
        )
        yield f"{name}-password", file(content, mac(content, password))
        yield f"{name}-password-without-mac", file(content)
        yield f"{name}-password-mac-iterations-left-out", file(content, mac(content, password, 1))


    mixed = {"null-around-empty": (NULL, EMPTY), "empty-around-null": (EMPTY, NULL)}
    for name, (outer, inner) in mixed.items():
        content = safes(data(shrouded(pki, inner)), encrypted(inner, *certificates(pki)))
        yield name, file(content, mac(content, outer))
    content = safes(data(shrouded(pki, NULL)), encrypted(EMPTY, *certificates(pki)))
    yield "null-beside-empty-without-mac", file(content)


def renewed(cases, pki):
    """A certificate beside its renewal with the same key: PKCS#12's number tells which is meant."""
    own = pki.keys["rsa2048"]
    pki.write("renewed", certify("renewed", own, "renewed", own, False, hashes.SHA256(), year=2025))
    new = pki.der("renewed")
    number = attribute("1.2.840.113549.1.9.21", octets(b"key"))
    pkcs8, old = pki.pkcs8("rsa2048").read_bytes(), pki.der("rsa2048").read_bytes()
    key, numbered_key = bag("1", pkcs8), bag("1", pkcs8, number)
    numbered_old = certificate_bag(old, number)
    numbered_new = certificate_bag(new.read_bytes(), number)
    old, new_bag = certificate_bag(old), certificate_bag(new.read_bytes())
    for case, chain, *bags in (
        ("renewed", new, key, old, new_bag),
        ("renewed-number-of-none", new, numbered_key, old, new_bag),
        ("renewed-number-without-key", new, key, old, numbered_new),
        ("renewed-number-of-old", pki.der("rsa2048"), numbered_key, numbered_old, new_bag),
        ("renewed-number-of-copy", pki.der("rsa2048"), numbered_key, old, numbered_old, new_bag),
    ):
        path = cases.new_file("by-hand", f"{case}.pfx")
        path.write_bytes(file(safes(data(*bags))))
        cases.decodes(path, [chain], pki.pkcs8("rsa2048"), notes=1)


def derivations(pki):
    """PBES2 with everything that PBKDF2 can be told, PBMAC1, and what is not read."""
    for digest, number in HMACS.items():
        prf = hmac_with(number)
        for size in (16, 24, 32):
            content = safes(data(shrouded_by_aes(pki, digest, size, prf), *certificates(pki)))
            yield f"pbkdf2-{digest}-aes-{size * 8}", file(content, mac(content, NULL))
        content = safes(data(key_bag(pki), *certificates(pki)))
        for size in (20, 32, 64):
            yield f"pbmac1-{digest}-{size}", file(content, pbmac1(content, digest, prf, size))
    key = shrouded_by_aes(pki, "sha1", 32)
    yield "pbkdf2-default-prf", file(safes(data(key, *certificates(pki))))
    key = shrouded_by_aes(pki, "sha256", 32, hmac_with(9), integer(32))
    yield "pbkdf2-key-length", file(safes(data(key, *certificates(pki))))
    content = safes(data(key_bag(pki)))
    giant = pbmac1(content, "sha256", hmac_with(9), 4000)
    yield "pbmac1-giant-key", file(content, giant), "its MAC key is too long"
    unknown = hmac_with(13)
    key = shrouded_by_aes(pki, "sha256", 32, unknown)
    yield "pbkdf2-sha512-256", file(safes(data(key))), "HMAC with SHA-512/256 is not supported"
    parameters = sequence(octets(SALT), integer(16384), integer(8), integer(1))
    scrypt = sequence(oid("1.3.6.1.4.1.11591.4.11"), parameters)
    aes = sequence(oid(AES[32]), octets(bytes(16)))
    key = bag("2", sequence(pbes2(scrypt, aes), octets(bytes(64))))
    yield "scrypt", file(safes(data(key))), "key derivation scrypt is not supported"
    ciphers = {"aes-256-gcm": "2.16.840.1.101.3.4.1.46", "rc2-cbc": "1.2.840.113549.3.2"}
    for name, number in ciphers.items():
        scheme = sequence(oid(number), octets(bytes(16)))
        key = bag("2", sequence(pbes2(pbkdf2(), scheme), octets(bytes(64))))
        yield name, file(safes(data(key))), f"encryption {name.upper()} is not supported"


def windows(pki):
    """As PFXExportCertStoreEx: a safe for each purpose, and Windows' attributes on the key."""
    key = shrouded(pki, NULL, attributes=[
        attribute("1.2.840.113549.1.9.21", octets(bytes([1, 0, 0, 0]))),
        attribute("1.2.840.113549.1.9.20", bmp("te-3f9a1c52-6a5e-4c0e-9d5f-1d4b8a3e7c11")),
        attribute("1.3.6.1.4.1.311.17.1", bmp("Microsoft Software Key Storage Provider")),
        attribute("1.3.6.1.4.1.311.17.2", null()),
    ])
    own, *issuers = reversed(certificates(pki))
    own = certificate_bag(
        pki.chain("rsa2048")[0].read_bytes(),
        attribute("1.2.840.113549.1.9.21", octets(bytes([1, 0, 0, 0]))),
        attribute("1.3.6.1.4.1.311.17.3.20", octets(bytes(20))),
    )
    several = [encrypted(NULL, own), data(key), *[encrypted(NULL, issuer) for issuer in issuers]]
    content = safes(*several)
    yield "windows-several-safes", file(content, mac(content, NULL))
    content = safes(data(key), data(own), data(), encrypted(NULL), data(*issuers))
    yield "windows-empty-safes", file(content, mac(content, NULL))
    names = {
        "utf8": element(0x0C, "Schlüssel 🔑".encode()),
        "printable": element(0x13, b"name"),
        "teletex": element(0x14, b"\xfcmlaut"),
        "universal": element(0x1C, "x".encode("utf-32-be")),
        "odd-length": element(0x1E, b"odd"),
        "empty": element(0x1E),
        "long": bmp("x" * 30_000),
    }
    for name, value in names.items():
        friendly = attribute("1.2.840.113549.1.9.20", value)
        local = attribute("1.2.840.113549.1.9.21", octets(b"key"))
        bags = [bag("1", pki.pkcs8("rsa2048").read_bytes(), friendly, local), *certificates(pki)]
        content = safes(data(*bags))
        yield f"friendly-name-{name}", file(content, mac(content, EMPTY))


def unusual(pki):
    """What RFC 7292 and its friends allow, and hardly anybody does."""
    everything = [key_bag(pki), *certificates(pki)]
    nested = safes(data(bag("6", sequence(*certificates(pki))), bag("6", sequence(key_bag(pki)))))
    yield "nested-safes", file(nested, mac(nested, NULL))
    others = [
        bag("4", sequence(oid("1.2.840.113549.1.9.23.1"), explicit(0, octets(b"crl")))),
        bag("5", sequence(oid("1.2.3"), explicit(0, octets(b"secret")))),
        bag("77", null()),
        bag("3", sequence(oid("1.2.840.113549.1.9.22.2"), explicit(0, element(0x16, b"SDSI")))),
    ]
    content = safes(data(*others, *everything))
    yield "other-bags", file(content, mac(content, NULL))
    attributes = [
        attribute("1.3.6.1.4.1.311.17.1", element(0x1E, "Provider".encode("utf-16-be"))),
        attribute("1.2.840.113549.1.9.20", element(0x1E, b"\xd8\x00odd")),
        sequence(oid("1.3.6.1.4.1.311.17.2"), set_of()),
        attribute("1.2.840.113549.1.9.21", octets(bytes([1, 0, 0, 0]))),
        element(0x04, b"no attribute at all"),
    ]
    key = bag("1", pki.pkcs8("rsa2048").read_bytes(), *attributes)
    content = safes(data(key, *certificates(pki)))
    yield "odd-attributes", file(content, mac(content, NULL))
    yield "ber", ber(pki)


def misplaced(pki):
    certificate = certificate_bag(pki.der("p256").read_bytes())
    content = safes(data(key_bag(pki), certificate))
    yield "wrong-key", file(content, mac(content, NULL)), "does not belong to the certificate"
    content = safes(data(key_bag(pki), key_bag(pki, "p384"), certificate))
    yield "two-wrong-keys", file(content), "none of the 2 private keys"
    content = safes(data(key_bag(pki, "p384"), key_bag(pki), *certificates(pki)))
    yield "extra-key", file(content)
    pairs = [key_bag(pki, "p256"), certificate, key_bag(pki), *certificates(pki)]
    content = safes(data(*pairs))
    yield "two-pairs", file(content), "2 private keys, each with a certificate"
    content = safes()
    yield "nothing", file(content, mac(content, NULL)), "neither a certificate nor a private key"


def damaged(pki):
    everything = [key_bag(pki), *certificates(pki)]
    content = safes(data(certificate_bag(b"\x30\x03no!"), *everything))
    yield "damaged-extra-certificate", file(content, mac(content, NULL))
    content = safes(data(*everything, sequence(oid(f"{BAGS}.3"), integer(1))))
    yield "damaged-extra-bag", file(content, mac(content, NULL))
    content = safes(data(key_bag(pki), certificate_bag(b"\x30\x03no!")))
    yield "damaged-certificate", file(content), "not readable X.509"
    content = safes(data(*everything))
    whole = file(content, mac(content, NULL))
    yield "trailing-bytes", whole + b"\0", "something follows its end"
    yield "cut-off", whole[:-20], "it is cut off"
    yield "wrong-mac", file(content, mac(content[:-1], NULL)), "(or is damaged)"
    signed = sequence(oid(f"{PKCS7}.2"), explicit(0, sequence()))
    yield "signed", sequence(integer(3), signed), "protection signedData is not supported"
    enveloped = safes(sequence(oid(f"{PKCS7}.3"), explicit(0, sequence())))
    yield "enveloped", file(enveloped), "safe of kind envelopedData is not supported"


def hostile(pki):
    content = safes(data(key_bag(pki)))
    for iterations in (1_000_001, 2**31, 2**80):
        verified = mac(content, NULL, 1, claimed=iterations)
        yield f"mac-bomb-{iterations}", file(content, verified), "fewer iterations"
    shrouds = [shrouded(pki, NULL, claimed=900_000) for _ in range(10)]
    yield "sum-bomb", file(safes(data(*shrouds))), "fewer iterations"
    yield "nesting-bomb", b"\x30\x80" * 10_000, "nested too deeply"
    deep = sequence(key_bag(pki))
    for _ in range(8):
        deep = sequence(bag("6", deep))
    content = safes(data(bag("6", deep)))
    yield "deep-safes", file(content), "nested too deeply"
    crowd = safes(data(*[certificate_bag(pki.der("p256").read_bytes())] * 400))
    yield "crowd", file(crowd), "more than 256 certificates"
    yield "keys", file(safes(data(*[key_bag(pki)] * 17))), "more than 16 private keys"
    yield "giant-length", b"\x30\x84\xff\xff\xff\xff\x02\x01\x03", "cut off"


def ber(pki):
    """As Bouncy Castle's default: no length is told, and strings are in pieces."""
    text = encrypt(NULL, indefinite(0x30, *certificates(pki)))
    info = indefinite(
        0x30, oid(f"{PKCS7}.1"), algorithm(ITERATIONS), in_pieces(0xA0, text)
    )
    certificate_safe = indefinite(
        0x30, oid(f"{PKCS7}.6"), indefinite(0xA0, indefinite(0x30, integer(0), info))
    )
    keys = indefinite(0x30, shrouded(pki, NULL))
    key_safe = indefinite(0x30, oid(f"{PKCS7}.1"), indefinite(0xA0, in_pieces(0x24, keys)))
    content = indefinite(0x30, key_safe, certificate_safe)
    outer = indefinite(0x30, oid(f"{PKCS7}.1"), indefinite(0xA0, in_pieces(0x24, content)))
    return indefinite(0x30, integer(3), outer, mac(content, NULL))
