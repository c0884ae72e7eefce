"""One authority for each way of signing, with a leaf, by Python cryptography and openssl.

Beside each authority stands another of the same name with another key, so that the name alone
leads nowhere. Key identifiers decide where signatures cannot be checked, and stand only there.
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from cases import run
from pki import certify

SHA2 = {
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
CURVES = {
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "p256k": ec.SECP256K1(),
    # Not carried as a key, but it may sign.
    "brainpool": ec.BrainpoolP256R1(),
}
# The ways of signing that are not checked.
UNCHECKED = {
    *("rsa-sha224", "rsa1024-sha224", "rsa1024-sha384", "pss-sha224", "pss-odd-salt", "ed448"),
    *("rsa-large-exponent", "rsa-md5", "pss-odd-mask"),
    *(f"ecdsa-brainpool-{digest}" for digest in SHA2),
}


def make(cases, pki):
    small, large = (rsa.generate_private_key(65537, bits) for bits in (1024, 2048))
    for digest, algorithm in SHA2.items():
        add(cases, pki, f"rsa-{digest}", large, algorithm)
        add(cases, pki, f"rsa1024-{digest}", small, algorithm)
        pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        add(cases, pki, f"pss-{digest}", large, algorithm, pss)
        for curve, group in CURVES.items():
            key = ec.generate_private_key(group)
            add(cases, pki, f"ecdsa-{curve}-{digest}", key, algorithm)
    odd = padding.PSS(padding.MGF1(hashes.SHA256()), 11)
    add(cases, pki, "pss-odd-salt", large, hashes.SHA256(), odd)
    add(cases, pki, "ed25519", ed25519.Ed25519PrivateKey.generate(), None)
    add(cases, pki, "ed448", ed448.Ed448PrivateKey.generate(), None)
    add(cases, pki, "rsa-large-exponent", large_exponent(), hashes.SHA256())
    by_openssl(cases, pki, large)


def add(cases, pki, case, key, digest, rsa_padding=None):
    identified = case in UNCHECKED
    leaf = certify(
        case, key, "leaf", pki.keys["p256"], False, digest, rsa_padding, identified=identified
    )
    write(cases, pki, case, key, digest, leaf.public_bytes(Encoding.PEM))


def large_exponent():
    """An RSA key whose exponent has 65 bits, which is more than the checker takes."""
    exponent = f"rsa_keygen_pubexp:{2**64 + 13}"
    key = run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", exponent)
    return load_pem_private_key(key, None)


def by_openssl(cases, pki, key):
    """What Python cryptography does not sign with (any more)."""
    pki.write_key("authority", key)
    odd_mask = ("rsa_padding_mode:pss", "rsa_pss_saltlen:32", "rsa_mgf1_md:sha1")
    for case, digest, options in (
        ("rsa-sha1", "sha1", ()),
        ("rsa-md5", "md5", ()),
        ("pss-odd-mask", "sha256", odd_mask),
    ):
        options = [word for option in options for word in ("-sigopt", option)]
        authority = certify(case, key, case, key, True, hashes.SHA256())
        pki.write(f"authority-{case}", authority)
        leaf = run(
            *("openssl", "x509", "-req", "-days", "9000", f"-{digest}", "-CAcreateserial"),
            *("-in", request(pki), "-CA", pki.pem(f"authority-{case}"), *options),
            *("-CAkey", pki.key("authority"), "-extfile", extensions(pki)),
        )
        write(cases, pki, case, key, hashes.SHA256(), leaf)
    compressed(cases, pki)


def compressed(cases, pki):
    """An authority whose certificate has its point compressed."""
    path = pki.folder / "compressed.key"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-out", path)
    run("openssl", "ec", "-in", path, "-conv_form", "compressed", "-out", path)
    authority = pki.folder / "compressed.pem"
    run("openssl", "req", "-x509", "-key", path, "-subj", "/CN=ecdsa-compressed",
        "-days", "9000", "-out", authority)
    leaf = run(
        *("openssl", "x509", "-req", "-days", "9000", "-CAcreateserial"),
        *("-in", request(pki), "-CA", authority, "-CAkey", path, "-extfile", extensions(pki)),
    )
    authority = load_pem_x509_certificate(authority.read_bytes())
    write_with(cases, pki, "ecdsa-compressed", authority, leaf)


def request(pki):
    path = pki.folder / "request.pem"
    run("openssl", "req", "-new", "-key", pki.key("p256"), "-subj", "/CN=leaf", "-out", path)
    return path


def extensions(pki):
    path = pki.folder / "extensions"
    path.write_text("authorityKeyIdentifier=keyid\n")
    return path


def write(cases, pki, case, key, digest, leaf):
    identified = case in UNCHECKED
    authority = certify(case, key, case, key, True, digest, identified=identified)
    write_with(cases, pki, case, authority, leaf)


def write_with(cases, pki, case, authority, leaf):
    other_key = ec.generate_private_key(ec.SECP256R1())
    other = certify(case, other_key, case, other_key, True, hashes.SHA256())
    pki.write(f"{case}-authority", authority)
    path = cases.new_file("signature", f"{case}.pem")
    text = other.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM) + leaf
    path.write_bytes(text + pki.key("p256").read_bytes())
    leaf_der = path.with_suffix(".der")
    leaf_pem = path.with_suffix(".leaf")
    leaf_pem.write_bytes(leaf)
    run("openssl", "x509", "-in", leaf_pem, "-outform", "DER", "-out", leaf_der)
    cases.decodes(path, [leaf_der, pki.der(f"{case}-authority")], pki.pkcs8("p256"), notes=1)
