#!/bin/sh
# Builds this commit once more, at another path and as if on another day, and compares the files
# byte for byte: reproduce.sh FOLDER, with what was built first. All differences are listed.
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
mkdir "$copy/target"
cp -a "$root/target/portable-tools" "$copy/target/"
find "$copy" -name target -prune -o -exec touch -h -d '2001-02-03 04:05:06' {} +

make -C "$copy" --silent --no-print-directory dist
diff -rq "$first" "$copy/target/dist" >&2 && echo "reproduce: all files are the same" >&2
