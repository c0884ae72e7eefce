"""Keys and certificates that the files are made of, by Python cryptography.

    root (RSA) -> upper (P-521, signed with RSA-PSS) -> lower (P-256, signed by P-521)
        -> leaves, one for each kind of key
"""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from cases import run

LEAF_KEYS = {
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa4096": lambda: rsa.generate_private_key(3, 4096),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "p256k": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certify(issuer, issuer_key, subject, key, is_ca, digest, rsa_padding=None, days=9000, year=2024,
            identified=True):
    """A certificate, with key identifiers if it is to be identified. The issuer is a name, as is the subject."""
    public = key.public_key()
    start = datetime.datetime(year, 1, 1)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .issuer_name(name(issuer))
        .subject_name(name(subject))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    )
    if identified:
        own = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = builder.add_extension(own, critical=False).add_extension(authority, False)
    if rsa_padding:
        return builder.sign(issuer_key, digest, rsa_padding=rsa_padding)
    return builder.sign(issuer_key, digest)


class Pki:
    """Everything as objects, and as files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.keys = {leaf: make() for leaf, make in LEAF_KEYS.items()}
        root = rsa.generate_private_key(65537, 2048)
        upper = ec.generate_private_key(ec.SECP521R1())
        lower = ec.generate_private_key(ec.SECP256R1())
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        self.certificates = {
            "root": certify("root", root, "root", root, True, hashes.SHA256()),
            "upper": certify("root", root, "upper", upper, True, hashes.SHA256(), pss),
            "lower": certify("upper", upper, "lower", lower, True, hashes.SHA512()),
            # The same name as lower with another key.
            "namesake": certify("lower", root, "lower", root, True, hashes.SHA256()),
        }
        for leaf, key in self.keys.items():
            certificate = certify("lower", lower, leaf, key, False, hashes.SHA256())
            self.certificates[leaf] = certificate
        for part, certificate in self.certificates.items():
            self.write(part, certificate)
        for leaf, key in self.keys.items():
            self.write_key(leaf, key)
        issuers = [self.pem(part).read_text() for part in ("root", "lower", "upper")]
        (folder / "issuers.pem").write_text("".join(issuers))

    def chain(self, leaf):
        """What must come out for a leaf: its DER and its issuers'."""
        return [self.der(part) for part in (leaf, "lower", "upper", "root")]

    def issuers(self):
        """The issuers as objects, not in order."""
        return [self.certificates[part] for part in ("root", "lower", "upper")]

    def pem(self, part):
        return self.folder / f"{part}.pem"

    def der(self, part):
        return self.folder / f"{part}.der"

    def key(self, leaf):
        return self.folder / f"{leaf}.key"

    def pkcs8(self, leaf):
        """The key as openssl writes it, which is what must come out."""
        return self.folder / f"{leaf}.pkcs8"

    def write(self, part, certificate):
        self.pem(part).write_bytes(certificate.public_bytes(Encoding.PEM))
        self.der(part).write_bytes(certificate.public_bytes(Encoding.DER))

    def write_key(self, leaf, key):
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.key(leaf).write_bytes(text)
        self.write_pkcs8(self.key(leaf), self.pkcs8(leaf))

    @staticmethod
    def write_pkcs8(key, pkcs8):
        command = ("openssl", "pkcs8", "-topk8", "-nocrypt", "-outform", "DER")
        run(*command, "-in", key, "-out", pkcs8)
