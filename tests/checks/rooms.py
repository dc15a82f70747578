"""The arrows between rooms: who may include whom, and which room alone knows a foreign library."""
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# header of a library -> the folders that may include it (tests may use any)
LIBRARIES = {
    r"grpc/": ["agent/containerd/"],
    r"protobuf-c/|proto/.*\.pb-c\.h": ["agent/containerd/", "proto/"],
    r"sqlite3": ["agent/state/", "hub/store/"],  # the local cloud of the tests has its own room: tests/emulator/store
    r"mosquitto": ["agent/cloud/"],
    r"proton/": ["hub/amqp/", "hub/cloud/amqp/"],
    r"wslay/": ["common/net/"],
    r"p11-kit/": ["agent/security/keys/"],
    r"seccomp\.h|sys/capability": ["agent/security/confine/"],
    r"pcre2|archive": ["agent/methods/"],
    r"yaml\.h": ["agent/config/"],
    r"json-c/|json\.h$": ["common/json/"],
    r"uv\.h|uv/": ["common/loop/", "common/net/"],
    r"curl/": ["common/http/"],
    r"openssl/": ["common/crypto/", "common/tls/", "common/net/"],
    r"zlib\.h": ["agent/logs/", "agent/methods/"],
}
# folder -> folders whose headers it may not include
WALLS = {
    "common/": ["agent/", "hub/", "tests/"],
    "proto/": ["agent/", "common/", "tests/"],
    "agent/": ["hub/", "tests/"],
    "hub/": ["agent/", "tests/"],
    "deploy/": ["agent/", "tests/"],
    "hub/core/": ["hub/mqtt/", "hub/amqp/", "hub/http/", "hub/cloud/"],
    "hub/mqtt/": ["hub/amqp/"],
    "hub/amqp/": ["hub/mqtt/"],
    "agent/desired/": ["agent/containerd/", "agent/module/", "common/loop/", "common/http/"],
    "agent/plan/": ["agent/containerd/", "agent/module/", "common/loop/", "common/http/"],
    "agent/spec/": ["agent/containerd/", "agent/module/", "common/loop/", "common/http/"],
    "agent/cli/": ["agent/containerd/", "agent/module/", "agent/state/", "agent/network/"],
}


def includes():
    """(file, kind of quote, header) of every #include in the tree."""
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h"],
                          capture_output=True, text=True, check=True)
    for path in done.stdout.split():
        with open(path, encoding="utf-8") as file:
            for quote, header in INCLUDE.findall(file.read()):
                yield path, quote, header


def complaint(path, quote, header):
    """Why this #include breaks a rule, or None."""
    if path.startswith("tests/"):
        return None
    if quote == "<" or ".pb-c.h" in header:
        for library, rooms in LIBRARIES.items():
            if re.match(library, header) and not path.startswith(tuple(rooms)):
                return f"only {', '.join(rooms)} may include it"
    for folder, forbidden in WALLS.items():
        if quote == '"' and path.startswith(folder) and header.startswith(tuple(forbidden)):
            return f"{folder} may not include {header[:header.rindex('/') + 1]}"
    return None


def main():
    found = 0
    for path, quote, header in includes():
        why = complaint(path, quote, header)
        if why:
            print(f"rooms: {path} includes {header}: {why}")
            found += 1
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
