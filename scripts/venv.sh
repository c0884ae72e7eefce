#!/bin/sh
# Makes a Python environment of what a file of requirements lists: venv.sh FOLDER REQUIREMENTS
# [OPTION OF PIP]... Does nothing if it is there already.
set -eu

environment=$1
wanted=$2
shift 2
# Written last: its content says that all of it is installed.
installed=$environment/requirements.txt

if cmp -s "$wanted" "$installed"; then
    exit 0
fi
if ! python3 -c 'import ensurepip' 2>/dev/null; then
    echo "venv: python3-venv is missing; on Debian: apt-get install python3-venv" >&2
    exit 1
fi
echo "venv: installing $(grep -c == "$wanted") packages into $environment" >&2
python3 -m venv --clear "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$@" \
    --requirement "$wanted" >&2
cp "$wanted" "$installed"
