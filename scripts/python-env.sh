#!/bin/sh
# Makes target/python-env, the Python environment of the tests: Microsoft's own clients, which
# prove the fake Azure, another reader of certificates, and readers of the templates in deploy/.
# Does nothing if it is there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
exec "$root/scripts/venv.sh" "$root/target/python-env" "$root/tests/python/requirements.txt"
