#!/bin/sh
# Makes target/node-env, with the Fluentd receiver of the tests: somebody else's implementation of
# the forward protocol. Does nothing if it is there already.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
receiver=@fluent-org/logger@1.0.10
environment=$root/target/node-env
# Written last: its content says that all of it is installed.
installed=$environment/installed

if [ -f "$installed" ] && [ "$(cat "$installed")" = "$receiver" ]; then
    exit 0
fi
echo "node-env: installing $receiver into $environment" >&2
mkdir -p "$environment"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$environment" "$receiver" >&2
printf %s "$receiver" >"$installed"
