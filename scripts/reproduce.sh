#!/bin/sh
# Builds this commit once more and compares the files byte for byte: reproduce.sh FOLDER, with what
# was built first. All differences are listed. What is another the second time: the tree's path,
# cargo's home, the files' times, and no compiler's cache.
#
# CPUS: which processors' programs are built again (both); what is not is left out of the zip.
set -eu

first=$(cd "${1:?usage: reproduce.sh FOLDER}" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
: "${AKVVM_COMMIT:?}" "${SOURCE_DATE_EPOCH:?}"

second=$(mktemp -d)
trap 'rm -rf "$second"' EXIT
copy=$second/another/path
mkdir -p "$copy"
tar -C "$root" --exclude=./target --exclude=./.git --exclude=./.cache -cf - . | tar -C "$copy" -xf -
# The same tools. Everything that is compiled is compiled again.
mkdir -p "$copy/target/portable-tools"
tar -C "$root/target/portable-tools" --exclude=./apt --exclude='./zig*-cache' -cf - . |
    tar -C "$copy/target/portable-tools" -xf -
find "$copy" -name target -prune -o -exec touch -h -d '2001-02-03 04:05:06' {} +

# The same archives of packages, unpacked elsewhere.
home=${CARGO_HOME:-$HOME/.cargo}
export CARGO_HOME="$second/cargo"
mkdir -p "$CARGO_HOME/registry"
cp -a "$home/registry/index" "$home/registry/cache" "$CARGO_HOME/registry/"
for settings in "$home"/config "$home"/config.toml; do
    [ ! -f "$settings" ] || cp "$settings" "$CARGO_HOME/"
done

make -C "$copy" --silent --no-print-directory dist >/dev/null
diff -rq "$first" "$copy/target/dist" >&2 && echo "reproduce: all files are the same" >&2
