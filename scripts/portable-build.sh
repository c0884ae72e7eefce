#!/bin/sh
# Builds the two programs for every Linux with glibc 2.17 or later, and checks that it is so:
#
#   portable-build.sh CPU...     into target/portable/CPU-unknown-linux-gnu/release
#
# Debian's Rust compiler (rustc-web has a standard library for other processors), zig as linker and
# C compiler. Neither this tree's path nor the caller's environment leaves a trace in the programs.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
scripts/portable-tools.sh
tools=$root/target/portable-tools
glibc=2.17

for name in $(env | sed -n 's/^\(CARGO_[A-Z_]*\|RUST[A-Z_]*\|[A-Z_]*FLAGS\|CC\|AR\|CARGO\)=.*/\1/p'); do
    [ "$name" = CARGO_HOME ] || unset "$name"
done
export PATH="$tools/python/bin:/usr/bin:/bin" LC_ALL=C TZ=UTC
export ZIG_GLOBAL_CACHE_DIR="$tools/zig-cache" CARGO_ZIGBUILD_CACHE_DIR="$tools/zigbuild-cache"

/usr/bin/cargo fetch --quiet --locked
traceless="--remap-path-prefix=$root=/akvvm"
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    traceless="$traceless --remap-path-prefix=$registry=/crates"
done
# By a path that is the same in every tree: cargo makes the names of symbols from these flags.
traceless="$traceless -Clink-arg=-Wl,-T,scripts/portable.ld"
# Build scripts and macros are for this machine: cargo gives these only to what is shipped.
CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS=$traceless
CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--sysroot=$tools/rust/usr $traceless"
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS

for cpu; do
    target=$cpu-unknown-linux-gnu
    /usr/bin/cargo zigbuild --quiet --release --locked --target-dir "$root/target/portable" \
        --target "$target.$glibc" -p akvvm-handler -p akvvm-service
    for program in akvvm_handler akvvm_service; do
        scripts/portable-check.sh "$cpu" "$glibc" "$root/target/portable/$target/release/$program"
    done
done
