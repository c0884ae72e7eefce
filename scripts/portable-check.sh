#!/bin/sh
# Fails where a program could not run on every Linux that we promise:
#
#   portable-check.sh CPU GLIBC PROGRAM     for example: x86_64 2.17 target/…/akvvm_service
#
# That is where it is for another processor, needs symbols of a newer C library than GLIBC, needs
# libraries that are not the C library's, or carries what unwinding needs (scripts/portable.ld).
set -eu

cpu=$1 glibc=$2 program=$3

fail() {
    echo "portable-check: $program: $*" >&2
    exit 1
}

header=$(LC_ALL=C readelf -h "$program") || fail "not a program"
case $cpu in
x86_64) machine=X86-64 ;;
*) machine=AArch64 ;;
esac
echo "$header" | grep -q "Machine:.*$machine" || fail "not for $cpu"

needed=$(LC_ALL=C readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ -n "$needed" ] || fail "linked statically, so users of name services would be unknown to it"
for library in $needed; do
    case $library in
    libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | libutil.so.1 | ld-linux-*) ;;
    *) fail "needs $library, which not every Linux has" ;;
    esac
done

versions=$(LC_ALL=C readelf --version-info --wide "$program" | grep -o 'GLIBC_[0-9.]*' | sort -uV)
newest=$(printf '%s\n' "$versions" "GLIBC_$glibc" | sort -V | tail -n 1)
[ "$newest" = "GLIBC_$glibc" ] || fail "needs $newest; promised is $glibc"

# A table without what it points to would be worse than both or none.
parts=$(LC_ALL=C readelf --sections --segments --wide "$program")
case $parts in
*.eh_frame* | *.gcc_except_table* | *GNU_EH_FRAME*) fail "has tables for unwinding" ;;
esac
