"""Files by Python cryptography."""

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from pki import LEAF_KEYS


def make(cases, pki):
    for leaf in LEAF_KEYS:
        path = cases.new_file("cryptography", f"{leaf}.pfx")
        path.write_bytes(serialize(pki, leaf, leaf.encode(), NoEncryption()))
        cases.decodes(path, pki.chain(leaf), pki.pkcs8(leaf))
        pem(cases, pki, leaf)
    path = cases.new_file("cryptography", "no-name.pfx")
    path.write_bytes(serialize(pki, "p256", None, NoEncryption()))
    cases.decodes(path, pki.chain("p256"), pki.pkcs8("p256"))
    friendly_issuers(cases, pki)
    with_namesake(cases, pki)
    with_password(cases, pki)


def serialize(pki, leaf, friendly_name, encryption):
    parts = (pki.keys[leaf], pki.certificates[leaf], pki.issuers())
    return pkcs12.serialize_key_and_certificates(friendly_name, *parts, encryption)


def pem(cases, pki, leaf):
    """Certificates first, the key last."""
    path = cases.new_file("cryptography", f"{leaf}.pem")
    certificates = [*pki.issuers(), pki.certificates[leaf]]
    text = b"".join(part.public_bytes(Encoding.PEM) for part in certificates)
    key = pki.keys[leaf].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(text + key)
    cases.decodes(path, pki.chain(leaf), pki.pkcs8(leaf))


def friendly_issuers(cases, pki):
    path = cases.new_file("cryptography", "named-issuers.pfx")
    issuers = [
        pkcs12.PKCS12Certificate(issuer, f"Aussteller für {number} 🔑".encode())
        for number, issuer in enumerate(pki.issuers())
    ]
    parts = ("Schlüssel".encode(), pki.keys["p384"], pki.certificates["p384"], issuers)
    path.write_bytes(pkcs12.serialize_key_and_certificates(*parts, NoEncryption()))
    cases.decodes(path, pki.chain("p384"), pki.pkcs8("p384"))


def with_namesake(cases, pki):
    """An authority of the same name and another key comes first, and everything is there twice."""
    path = cases.new_file("cryptography", "namesake-and-duplicates.pfx")
    issuers = [pki.certificates["namesake"], *pki.issuers(), *pki.issuers()]
    parts = (b"x", pki.keys["p521"], pki.certificates["p521"], issuers)
    path.write_bytes(pkcs12.serialize_key_and_certificates(*parts, NoEncryption()))
    cases.decodes(path, pki.chain("p521"), pki.pkcs8("p521"), notes=1)


def with_password(cases, pki):
    old = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .build(b"secret")
    )
    for case, encryption in {"": BestAvailableEncryption(b"secret"), "-old": old}.items():
        path = cases.new_file("cryptography", f"password{case}.pfx")
        path.write_bytes(serialize(pki, "rsa2048", None, encryption))
        cases.refused(path, "protected by a password")
