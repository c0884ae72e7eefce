"""PKCS#12 files written byte by byte after RFC 7292, for what no tool at hand writes.

The derivation, the MAC and the cipher come from Python's standard library and from Python
cryptography.
"""

import hashlib
import hmac

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes

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

NULL = b""
EMPTY = b"\0\0"
SALT = bytes(range(8))
ITERATIONS = 2000

PKCS7 = "1.2.840.113549.1.7"
BAGS = "1.2.840.113549.1.12.10.1"
TRIPLE_DES = "1.2.840.113549.1.12.1.3"
SHA1 = "1.3.14.3.2.26"


def make(cases, pki):
    for maker in (passwords, unusual, misplaced, damaged, hostile):
        for name, file, *expected in maker(pki):
            path = cases.new_file("by-hand", f"{name}.pfx")
            path.write_bytes(file)
            if expected:
                cases.refused(path, *expected)
            else:
                cases.decodes(path, pki.chain("rsa2048"), pki.pkcs8("rsa2048"),
                              notes=NOTES.get(name, 0))


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


def unusual(pki):
    """What RFC 7292 and its friends allow, and hardly anybody does."""
    everything = [key_bag(pki), *certificates(pki)]
    content = safes(data(*everything))
    yield "pbmac1", file(content, pbmac1(content))
    nested = safes(data(bag("6", sequence(*certificates(pki))), bag("6", sequence(key_bag(pki)))))
    yield "nested-safes", file(nested, mac(nested, NULL))
    others = [
        bag("4", sequence(oid("1.2.840.113549.1.9.23.1"), explicit(0, octets(b"crl")))),
        bag("5", sequence(oid("1.2.3"), explicit(0, octets(b"secret")))),
        bag("77", null()),
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
    yield "signed", sequence(integer(3), signed), f"protection {PKCS7}.2 is not supported"
    enveloped = safes(sequence(oid(f"{PKCS7}.3"), explicit(0, sequence())))
    yield "enveloped", file(enveloped), f"safe of kind {PKCS7}.3 is not supported"


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


# The parts of a file, from the outside to the inside.


def file(content, *verified):
    return sequence(integer(3), data_of(content), *verified)


def safes(*parts):
    return sequence(*parts)


def data(*bags):
    return data_of(sequence(*bags))


def data_of(content):
    return sequence(oid(f"{PKCS7}.1"), explicit(0, octets(content)))


def encrypted(password, *bags):
    text = encrypt(password, sequence(*bags))
    info = sequence(oid(f"{PKCS7}.1"), algorithm(ITERATIONS), element(0x80, text))
    return sequence(oid(f"{PKCS7}.6"), explicit(0, sequence(integer(0), info)))


def bag(kind, value, *attributes):
    last = [set_of(*attributes)] if attributes else []
    return sequence(oid(f"{BAGS}.{kind}"), explicit(0, value), *last)


def attribute(kind, *values):
    return sequence(oid(kind), set_of(*values))


def key_bag(pki, key="rsa2048"):
    return bag("1", pki.pkcs8(key).read_bytes())


def shrouded(pki, password, claimed=ITERATIONS):
    text = encrypt(password, pki.pkcs8("rsa2048").read_bytes())
    return bag("2", sequence(algorithm(claimed), octets(text)))


def certificates(pki):
    return [certificate_bag(part.read_bytes()) for part in reversed(pki.chain("rsa2048"))]


def certificate_bag(certificate):
    x509 = sequence(oid("1.2.840.113549.1.9.22.1"), explicit(0, octets(certificate)))
    return bag("3", x509)


# Passwords at work.


def algorithm(iterations):
    return sequence(oid(TRIPLE_DES), sequence(octets(SALT), integer(iterations)))


def encrypt(password, text):
    key = derive(1, password, SALT, ITERATIONS, 24)
    cipher = Cipher(TripleDES(key), modes.CBC(derive(2, password, SALT, ITERATIONS, 8)))
    padder = padding.PKCS7(64).padder()
    encryptor = cipher.encryptor()
    return encryptor.update(padder.update(text) + padder.finalize()) + encryptor.finalize()


def mac(content, password, iterations=ITERATIONS, claimed=None):
    key = derive(3, password, SALT, iterations, 20)
    digest = hmac.digest(key, content, "sha1")
    # One iteration is what is meant where no number stands.
    number = [integer(claimed or iterations)] if (claimed or iterations) > 1 else []
    info = sequence(sequence(oid(SHA1), null()), octets(digest))
    return sequence(info, octets(SALT), *number)


def pbmac1(content):
    """RFC 9579 with PBKDF2 and HMAC-SHA-256."""
    hmac_sha256 = sequence(oid("1.2.840.113549.2.9"), null())
    parameters = sequence(octets(SALT), integer(ITERATIONS), integer(32), hmac_sha256)
    derivation = sequence(oid("1.2.840.113549.1.5.12"), parameters)
    scheme = sequence(oid("1.2.840.113549.1.5.14"), sequence(derivation, hmac_sha256))
    key = hashlib.pbkdf2_hmac("sha256", b"", SALT, ITERATIONS, 32)
    digest = hmac.digest(key, content, "sha256")
    return sequence(sequence(scheme, octets(digest)), octets(b"not used"), integer(1))


def derive(purpose, password, salt, iterations, length):
    """RFC 7292 appendix B.2 with SHA-1."""
    diversifier = bytes([purpose]) * 64
    blocks = fill(salt) + fill(password)
    output = b""
    while len(output) < length:
        digest = diversifier + blocks
        for _ in range(iterations):
            digest = hashlib.sha1(digest).digest()
        output += digest
        addend = int.from_bytes(fill(digest)[:64], "big") + 1
        blocks = b"".join(
            ((int.from_bytes(blocks[at : at + 64], "big") + addend) % 2**512).to_bytes(64, "big")
            for at in range(0, len(blocks), 64)
        )
    return output[:length]


def fill(text):
    size = -(-len(text) // 64) * 64
    return (text * 64)[:size]
