#!/bin/sh
# Prints the path of an mdbook: the one in PATH, else that of target/docs-env, which is made where
# it is not there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
environment=$root/target/docs-env

if command -v mdbook; then
    exit 0
fi
"$root/scripts/venv.sh" "$environment" "$root/docs/requirements.txt" \
    --require-hashes --only-binary :all:
echo "$environment/bin/mdbook"
