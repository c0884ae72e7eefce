#!/bin/sh
# Makes target/portable-tools, what scripts/portable-build.sh builds with beside Debian's rustc-web
# and cargo-web: zig in a Python environment, and the aarch64 standard library of that very
# compiler. With the word "emulator": what runs aarch64 programs on this machine, for tests.
# Debian's packages are unpacked, not installed. Does nothing where all of it is there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/target/portable-tools
wanted=$root/packaging/requirements.txt

# apt COMMAND...: with lists of its own, so that the machine need not become one of two
# architectures.
apt() {
    mkdir -p "$tools/apt/lists/partial" "$tools/apt/cache/archives/partial"
    apt-get -q -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 \
        -o APT::Sandbox::User=root -o "Dir::State::lists=$tools/apt/lists" \
        -o "Dir::Cache=$tools/apt/cache" "$@" >&2
}

# unpack FOLDER PACKAGE...: downloads and unpacks, whole or not at all
unpack() (
    folder=$tools/$1
    shift
    unfinished=$(mktemp -d "$tools/unfinished.XXXXXX")
    trap 'rm -rf "$unfinished"' EXIT
    cd "$unfinished"
    apt download "$@" || { apt update && apt download "$@"; } || {
        echo "portable-tools: Debian does not offer $*; has it a newer compiler by now? Then:" \
            "apt-get update && apt-get install rustc-web cargo-web" >&2
        exit 1
    }
    for package in ./*.deb; do
        dpkg -x "$package" root
    done
    rm -rf "$folder"
    mv root "$folder"
)

mkdir -p "$tools"
if [ "${1:-}" = emulator ]; then
    [ -d "$tools/emulator" ] || unpack emulator qemu-user-static
    [ -d "$tools/aarch64" ] || unpack aarch64 libc6:arm64 libgcc-s1:arm64
    exit 0
fi

# The standard library must be the compiler's own, to the letter.
compiler=$(dpkg-query -W -f '${Version}' rustc-web 2>/dev/null) || {
    echo "portable-tools: rustc-web is missing: run scripts/prerequisites.sh portable" >&2
    exit 1
}
[ -d "$tools/rust-$compiler" ] ||
    unpack "rust-$compiler" "libstd-rust-web-dev:arm64=$compiler"
# Without the version, for the build.
ln -sfn "rust-$compiler" "$tools/rust"

"$root/scripts/venv.sh" "$tools/python" "$wanted"
