#!/bin/sh
# Run a test program where it can do no harm: own network, mounts, processes and /run, a temporary
# folder in TEST_DIR, and a control group of its own in TEST_CGROUP. Everything goes with it.
# usage: private_host.sh program [argument …]
set -eu

if [ "${PRIVATE_HOST:-}" = inside ]; then
    mount -t tmpfs -o mode=755 tmpfs /run
    ip link set lo up
    exec "$@"
fi

if [ "$(id -u)" != 0 ]; then
    echo "private_host.sh: needs root, for namespaces and mounts" >&2
    exit 1
fi

TEST_DIR=$(mktemp -d)
TEST_CGROUP=/edge-test-$$
export TEST_DIR TEST_CGROUP

clean_up() {
    # of ours alone: another test's name may begin like it
    find /sys/fs/cgroup -depth -type d \( -path "*$TEST_CGROUP" -o -path "*$TEST_CGROUP/*" \) -exec rmdir {} + 2>/dev/null || true
    rm -rf --one-file-system "$TEST_DIR"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

PRIVATE_HOST=inside unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
