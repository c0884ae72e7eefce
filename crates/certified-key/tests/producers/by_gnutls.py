"""Files by GnuTLS's certtool, which knows the null password and puts each issuer into a safe."""

from concurrent.futures import ThreadPoolExecutor

from cases import run

# Names of files, with options for a file that can be read.
READABLE = {
    "null-3des": ("rsa2048", "--null-password", "--pkcs-cipher", "3des"),
    "null-aes-128": ("p256", "--null-password", "--pkcs-cipher", "aes-128"),
    "null-aes-192": ("p384", "--null-password", "--pkcs-cipher", "aes-192"),
    "null-aes-256": ("p521", "--null-password", "--pkcs-cipher", "aes-256"),
    "null-rc2-40": ("rsa3072", "--null-password", "--pkcs-cipher", "rc2-40"),
    "empty-3des": ("rsa2048", "--empty-password", "--pkcs-cipher", "3des"),
    "empty-aes-256": ("ed25519", "--empty-password", "--pkcs-cipher", "aes-256"),
    "empty-rc2-40": ("rsa4096", "--empty-password", "--pkcs-cipher", "rc2-40"),
    "mac-sha512": ("p256", "--null-password", "--pkcs-cipher", "aes-256", "--hash", "sha512"),
}

# The same for files that must be refused, with words of the sentence.
REFUSED = {
    "rc4": ("encryption RC4 is not supported", "--null-password", "--pkcs-cipher", "arcfour"),
    "password": ("protected by a password", "--password=secret"),
    "gost": ("encryption GOST", "--null-password", "--pkcs-cipher", "gost28147-cpa"),
}


def make(cases, pki):
    jobs = [lambda case=case: readable(cases, pki, case) for case in READABLE]
    jobs += [lambda case=case: refused(cases, pki, case) for case in REFUSED]
    jobs += [lambda: no_key(cases, pki)]
    # 600,000 iterations take a while.
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(job) for job in jobs]:
            job.result()


def certtool(path, *options):
    run("certtool", "--to-p12", "--outder", "--p12-name", "a name", "--outfile", path, *options)


def readable(cases, pki, case):
    leaf, *options = READABLE[case]
    path = cases.new_file("gnutls", f"{case}.p12")
    parts = ("--load-privkey", pki.key(leaf), "--load-certificate", certificates(pki, leaf))
    certtool(path, *parts, *options)
    cases.decodes(path, pki.chain(leaf), pki.pkcs8(leaf))


def certificates(pki, leaf):
    """All in one file, which certtool takes in any order."""
    path = pki.folder / f"{leaf}-chain.pem"
    path.write_bytes(pki.pem(leaf).read_bytes() + (pki.folder / "issuers.pem").read_bytes())
    return path


def refused(cases, pki, case):
    words, *options = REFUSED[case]
    path = cases.new_file("gnutls", f"{case}.p12")
    parts = ("--load-privkey", pki.key("rsa2048"), "--load-certificate", pki.pem("rsa2048"))
    certtool(path, *parts, *options)
    cases.refused(path, words)


def no_key(cases, pki):
    path = cases.new_file("gnutls", "no-key.p12")
    certtool(path, "--load-certificate", pki.pem("p256"), "--null-password")
    cases.refused(path, "no private key for CN=p256")
