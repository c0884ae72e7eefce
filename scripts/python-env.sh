#!/bin/sh
# Makes target/python-env, the Python environment of the tests: Microsoft's own clients, which
# prove the fake Azure, another reader of certificates, and readers of the templates in deploy/.
# Does nothing if it is there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
wanted=$root/tests/python/requirements.txt
environment=$root/target/python-env
# Written last: its content says that all of it is installed.
installed=$environment/requirements.txt

if cmp -s "$wanted" "$installed"; then
    exit 0
fi
echo "python-env: installing $(grep -c == "$wanted") packages into $environment" >&2
python3 -m venv --clear "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement "$wanted" >&2
cp "$wanted" "$installed"
