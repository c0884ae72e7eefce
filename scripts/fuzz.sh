#!/bin/sh
# Fuzzes every target for so many seconds each: scripts/fuzz.sh [SECONDS]. Needs no nightly
# compiler: without sanitizers, cargo-fuzz works on a stable one.
# The seeds are the files that the tests of certified-key made, the examples of settings, and those
# of a run before.
set -eu

seconds=${1:-30}
root=$(cd "$(dirname "$0")/.." && pwd)

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: cargo-fuzz is missing: cargo install cargo-fuzz" >&2
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

for folder in "$root"/target/tmp/producers-*; do
    seed pem "$folder"/openssl/*.pem "$folder"/cryptography/*.pem "$folder"/signature/*.pem
    seed pkcs12 "$folder"/*/*.pfx "$folder"/*/*.p12
done
seed pkcs12 "$root"/crates/certified-key/tests/fixtures/*.pfx
seed settings "$root"/crates/extension-settings/examples/*.json

cd "$root/fuzz"
for file in fuzz_targets/*.rs; do
    target=$(basename "$file" .rs)
    echo "fuzz: $target for $seconds seconds" >&2
    # One input gets 30 seconds and 1 GiB.
    cargo fuzz run -s none "$target" -- \
        "-max_total_time=$seconds" -timeout=30 -rss_limit_mb=1024 -max_len=30000 -print_final_stats=1
done
