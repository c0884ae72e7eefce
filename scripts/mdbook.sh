#!/bin/sh
# Prints the path of an mdbook: the one in PATH, else that of target/docs-env, which is made where
# it is not there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
wanted=$root/docs/requirements.txt
environment=$root/target/docs-env
# Written last: its content says that all of it is installed.
installed=$environment/requirements.txt

if command -v mdbook; then
    exit 0
fi
if ! cmp -s "$wanted" "$installed"; then
    if ! python3 -c 'import ensurepip' 2>/dev/null; then
        echo "mdbook: python3-venv is missing; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
    echo "mdbook: installing it into $environment" >&2
    python3 -m venv --clear "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement "$wanted" >&2
    cp "$wanted" "$installed"
fi
echo "$environment/bin/mdbook"
