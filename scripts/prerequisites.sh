#!/bin/sh
# Installs what building, testing and the demo need on a Debian-like machine.
# Asks for each thing itself, not for its package, so that a machine that has it from
# elsewhere is left alone, and a second run is over in a moment.
# With a word, what this needs beside that: "systemd" make test-systemd, "fuzz" make fuzz, "bench" make
# bench, "instructions" make instructions, "portable" make package PORTABLE=1, "release" make dist and
# make test-dist.
set -eu

missing=""

# need PACKAGE COMMAND...: the package is missing if the command fails
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

has() { command -v "$1"; }

containers() {
    need debootstrap has debootstrap
    need systemd-container has systemd-nspawn
    need util-linux has nsenter
    need iproute2 has ip
}

# The build: the TLS library's C and assembly.
need gcc has cc
need libc6-dev test -e /usr/include/stdio.h
# The scripts, and the guest agent's own code, which asks for the distribution's name.
need python3 test -x /usr/bin/python3
need python3-distro /usr/bin/python3 -c 'import distro'
need python3-venv /usr/bin/python3 -c 'import ensurepip'
# The tests: certificates made and read by somebody else's tools, and the package unpacked.
need openssl has openssl
need default-jre-headless has keytool
need gnutls-bin has certtool
need libnss3-tools has pk12util
need ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
need curl has curl
need nodejs has node
need npm has npm
need zip has zip
need unzip has unzip
need acl has getfacl
need libnss-extrausers test -d /var/lib/extrausers
need util-linux has nsenter
need mount has mount
need faketime has faketime
# Services that use certificates, started by the tests by hand.
need nginx test -x /usr/sbin/nginx
need haproxy test -x /usr/sbin/haproxy
need postgresql sh -c 'ls /usr/lib/postgresql/*/bin/postgres'
need util-linux has setpriv
case ${1:-} in
systemd) containers ;;
instructions) need valgrind has valgrind ;;
bench)
    # The peer in Rust decodes with OpenSSL.
    need libssl-dev test -e /usr/include/openssl/ssl.h
    need pkg-config has pkg-config
    ;;
portable)
    # Debian's compiler that has standard libraries for other processors, of one release each.
    need rustc-web dpkg -s rustc-web
    need cargo-web dpkg -s cargo-web
    need binutils has readelf
    ;;
release)
    containers
    need rpm has rpmbuild
    need dpkg has dpkg-deb
    need git has git
    ;;
esac

if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null; then
        echo "prerequisites: install by hand what these Debian packages hold:$missing" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "prerequisites: run as root: apt-get install$missing" >&2
        exit 1
    fi
    echo "prerequisites: installing$missing" >&2
    # Nothing that is installed for tests is started, unless the machine says otherwise by itself.
    policy=/usr/sbin/policy-rc.d
    if ! [ -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    # The names are words; shellcheck would have them quoted.
    # shellcheck disable=SC2086
    apt-get install -q -y --no-remove --no-install-recommends $missing >&2
fi

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
found=$(cargo --version 2>/dev/null | cut -d ' ' -f 2)
if [ "$(printf '%s\n%s\n' "$wanted" "${found:-0}" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "prerequisites: Rust $wanted or later is needed (found: ${found:-none}); see https://rustup.rs" >&2
    exit 1
fi

# What make fuzz calls; this release is known to work on a stable compiler.
if [ "${1:-}" = fuzz ] && ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install --quiet --locked --version 0.13.2 cargo-fuzz >&2
fi
