#!/bin/sh
# Run the full-disk tests of a Python file inside mounts of their own, which go with them:
#   small_disk.sh FILE.py PROGRAM
set -eu
disk=$(mktemp -d)
trap 'rmdir "$disk"' EXIT
unshare --mount --fork --kill-child sh -eu -c '
    mount -t tmpfs -o size=256k tmpfs "$1"
    TEST_SMALL_DISK=$1 python3 "$2" "$3" FullDiskTest
' sh "$disk" "$1" "$2"
