"""The parts of a PKCS#12 file after RFC 7292, from the outside to the inside, and its passwords.

The derivation and the MAC come from Python's standard library, the ciphers from Python
cryptography.
"""

import hashlib
import hmac

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES as AESKey

from der import element, explicit, integer, null, octets, oid, sequence, set_of

NULL = b""
EMPTY = b"\0\0"
SALT = bytes(range(8))
ITERATIONS = 2000

PKCS7 = "1.2.840.113549.1.7"
BAGS = "1.2.840.113549.1.12.10.1"
TRIPLE_DES = "1.2.840.113549.1.12.1.3"
SHA1 = "1.3.14.3.2.26"
PBES2 = "1.2.840.113549.1.5.13"
AES = {
    16: "2.16.840.1.101.3.4.1.2",
    24: "2.16.840.1.101.3.4.1.22",
    32: "2.16.840.1.101.3.4.1.42",
}
HMACS = {"sha1": 7, "sha224": 8, "sha256": 9, "sha384": 10, "sha512": 11}


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


def shrouded(pki, password, claimed=ITERATIONS, attributes=()):
    text = encrypt(password, pki.pkcs8("rsa2048").read_bytes())
    return bag("2", sequence(algorithm(claimed), octets(text)), *attributes)


def shrouded_by_aes(pki, digest, size, prf=b"", length=b""):
    """PBES2; what is not given is left out."""
    key, iv = hashlib.pbkdf2_hmac(digest, b"", SALT, ITERATIONS, size), bytes(range(16))
    text = encrypted_by(AESKey(key), iv, pki.pkcs8("rsa2048").read_bytes())
    scheme = sequence(oid(AES[size]), octets(iv))
    return bag("2", sequence(pbes2(pbkdf2(length, prf), scheme), octets(text)))


def certificates(pki):
    return [certificate_bag(part.read_bytes()) for part in reversed(pki.chain("rsa2048"))]


def certificate_bag(certificate, *attributes):
    x509 = sequence(oid("1.2.840.113549.1.9.22.1"), explicit(0, octets(certificate)))
    return bag("3", x509, *attributes)


def bmp(text):
    return element(0x1E, text.encode("utf-16-be"))


# Passwords at work.


def algorithm(iterations):
    return sequence(oid(TRIPLE_DES), sequence(octets(SALT), integer(iterations)))


def encrypt(password, text):
    key = derive(1, password, SALT, ITERATIONS, 24)
    return encrypted_by(TripleDES(key), derive(2, password, SALT, ITERATIONS, 8), text)


def encrypted_by(cipher, iv, text):
    padder = padding.PKCS7(cipher.block_size).padder()
    encryptor = Cipher(cipher, modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(text) + padder.finalize()) + encryptor.finalize()


def pbes2(derivation, scheme):
    return sequence(oid(PBES2), sequence(derivation, scheme))


def hmac_with(number):
    """An algorithm of RFC 8018 appendix B.1."""
    return sequence(oid(f"1.2.840.113549.2.{number}"), null())


def pbkdf2(length=b"", prf=b""):
    parameters = sequence(octets(SALT), integer(ITERATIONS), length, prf)
    return sequence(oid("1.2.840.113549.1.5.12"), parameters)


def mac(content, password, iterations=ITERATIONS, claimed=None):
    key = derive(3, password, SALT, iterations, 20)
    digest = hmac.digest(key, content, "sha1")
    # One iteration is what is meant where no number stands.
    number = [integer(claimed or iterations)] if (claimed or iterations) > 1 else []
    info = sequence(sequence(oid(SHA1), null()), octets(digest))
    return sequence(info, octets(SALT), *number)


def pbmac1(content, digest, scheme, size):
    """RFC 9579, with one digest for both purposes and a key of some size."""
    parameters = sequence(pbkdf2(integer(size), scheme), scheme)
    algorithm = sequence(oid("1.2.840.113549.1.5.14"), parameters)
    key = hashlib.pbkdf2_hmac(digest, b"", SALT, ITERATIONS, size)
    verified = sequence(algorithm, octets(hmac.digest(key, content, digest)))
    return sequence(verified, octets(b"not used"), integer(1))


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
