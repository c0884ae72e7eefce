#!/bin/sh
# Fuzzes every target for so many seconds each, as many at a time as there are processors:
# scripts/fuzz.sh [SECONDS]. Fails if one of them crashes, and says which input did it. Needs no
# nightly compiler: without sanitizers, cargo-fuzz works on a stable one.
# The seeds are those of fuzz/seeds, the files that the tests of certified-key made, the examples of
# settings, and those of a run before.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/fuzz"

# One target, called by the rest of this script.
if [ "${1:-}" = one ]; then
    target=$2
    seconds=$3
    log=target/$target.log
    # One input gets 30 seconds and 1 GiB.
    if ! cargo fuzz run -s none "$target" -- "-max_total_time=$seconds" -timeout=30 \
        -rss_limit_mb=1024 -max_len=30000 -print_final_stats=1 >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        echo "fuzz: $target failed, see above and fuzz/artifacts/$target" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target: $runs runs, no crash" >&2
    exit 0
fi

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: cargo-fuzz is missing: scripts/prerequisites.sh fuzz installs it" >&2
    exit 1
fi

# seed TARGET FILE...: puts the files into the target's corpus, under names of one part
seed() {
    corpus=$root/fuzz/corpus/$1
    shift
    mkdir -p "$corpus"
    for file; do
        if [ -f "$file" ]; then
            cp "$file" "$corpus/$(basename "$(dirname "$file")")-$(basename "$file")"
        fi
    done
}

for folder in "$root"/fuzz/seeds/*; do
    seed "$(basename "$folder")" "$folder"/*
done
for folder in "$root"/target/tmp/producers-*; do
    seed pem "$folder"/openssl/*.pem "$folder"/cryptography/*.pem "$folder"/signature/*.pem
    # Those of GnuTLS and NSS are left out: their 600,000 iterations leave no time for anything.
    for producer in by-hand cryptography keytool openssl; do
        seed pkcs12 "$folder/$producer"/*.pfx "$folder/$producer"/*.p12
    done
done
seed pkcs12 "$root"/crates/certified-key/tests/fixtures/*.pfx
seed settings "$root"/crates/extension-settings/examples/*.json

cargo fuzz build -s none
for file in fuzz_targets/*.rs; do basename "$file" .rs; done |
    xargs -P "$(nproc)" -I TARGET "$root/scripts/fuzz.sh" one TARGET "${1:-30}"
