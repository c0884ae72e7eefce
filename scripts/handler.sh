#!/bin/sh
# Entry of all five commands in HandlerManifest.json; bin/handler in the package.
# Starts the program for this machine's processor. A script, because the manifest can name
# only one file and the guest agent's unpacking turns links into plain files.
bin=$(cd "$(dirname "$0")" && pwd) || exit 1
program=$bin/$(uname -m)/akvvm_handler
if [ ! -f "$program" ]; then
    echo "this package has no program for $(uname -m) processors" >&2
    exit 1
fi
exec "$program" "$@"
