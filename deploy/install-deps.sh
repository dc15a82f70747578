#!/bin/bash
# Install what this project needs on a bare Debian 12, from deploy/packages/debian.txt.
#   deploy/install-deps.sh [build] [run] [quickstart] [test]     (all when none is named)
# A second word on a line is a program: where there is one already, from wherever, the package is not needed.
# Does nothing, and needs no network, when everything is already there.
set -euo pipefail

list=$(dirname "$0")/packages/debian.txt
sections=("$@")
[ ${#sections[@]} -gt 0 ] || sections=(build run quickstart test)

packages_of() {
    awk -v want="[$1]" '/^\[/ { on = ($1 == want); next } on && NF && $1 !~ /^#/ { print $1 ":" $2 }' "$list"
}

missing=()
for section in "${sections[@]}"; do
    names=$(packages_of "$section")
    [ -n "$names" ] || { echo "install-deps: no section [$section] in $list" >&2; exit 2; }
    for line in $names; do
        name=${line%%:*} program=${line#*:}
        [ -n "$program" ] && command -v "$program" >/dev/null && continue
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || { echo "install-deps: needs root to install: ${missing[*]}" >&2; exit 1; }
echo "install-deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Debian starts a service with its package; the tests and the quickstart start their own instead.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
