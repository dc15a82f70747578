#!/bin/bash
# The unmodified clients from npm, into build/npm (node_modules there; NODE_PATH points at it). Does
# nothing, and needs no network, when what package-lock.json names is there already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=$here/../../../build/npm
stamp=$to/.installed
if [ -e "$stamp" ] && cmp -s "$stamp" "$here/package-lock.json"; then
    exit 0
fi
mkdir -p "$to"
rm -f "$stamp"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$to/"
echo "install: npm packages into build/npm"
(cd "$to" && npm ci --ignore-scripts --no-progress --loglevel=error >&2)
cp "$here/package-lock.json" "$stamp"
