#!/bin/sh
# Prints which commit this tree is, and when that was made (seconds since 1970): what git says of
# a work tree, with "-changed" behind the commit where files differ from it, else what git archive
# has put in here. Nothing where nobody knows.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
archived='$Format:%H %ct$'

# A tree that was unpacked inside somebody else's repository is not that repository's commit.
if [ "$(git -C "$root" rev-parse --show-toplevel 2>/dev/null)" = "$root" ]; then
    commit=$(git -C "$root" rev-parse --short=12 HEAD)
    [ -z "$(git -C "$root" status --porcelain)" ] || commit=$commit-changed
    echo "$commit $(git -C "$root" log -1 --format=%ct)"
else
    case $archived in
    \$*) ;;
    *) echo "$archived" | sed 's/^\(.\{12\}\)[^ ]*/\1/' ;;
    esac
fi
