#!/usr/bin/env python3
"""The hub's image: the program and the libraries it is loaded with, the CAs of the Internet, and nothing else.

    hub_image.py build/release/bin/edge-hub --archive edge-hub.tar     for `ctr images import`
    hub_image.py build/release/bin/edge-hub --push 127.0.0.1:5000/edge-hub:1
"""
import argparse
import subprocess
import tempfile

import oci
import program

USER = 13623  # whose the storage is, and who the hub becomes
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
STORAGE = "/var/lib/edge-hub"


def stripped(path):
    """A copy of the program without symbols, as a path in a folder that goes with the process."""
    copy = tempfile.NamedTemporaryFile(prefix="edge-hub-")
    subprocess.run(["strip", "--strip-all", "-o", copy.name, path], check=True)
    return copy


def files(binary):
    with stripped(binary) as copy:
        found = program.files(copy.name, "/usr/bin/edge-hub")
    with open(AUTHORITIES, "rb") as file:
        found[AUTHORITIES] = file.read()
    found["/etc/passwd"] = f"root:x:0:0::/:\nedge-hub:x:{USER}:{USER}::/:\n".encode()
    found["/etc/group"] = f"root:x:0:\nedge-hub:x:{USER}:\n".encode()
    found[STORAGE] = oci.Folder(0o700)
    found["/tmp"] = oci.Folder(0o1777)
    return program.with_folders(found)


def image(binary):
    return oci.Image([oci.layer(files(binary))], {
        "Entrypoint": ["/usr/bin/edge-hub"],
        "Env": [f"EDGEHUBUSER_ID={USER}", f"SSL_CERT_FILE={AUTHORITIES}"],
        "ExposedPorts": {"8883/tcp": {}, "5671/tcp": {}, "443/tcp": {}},
        "WorkingDir": "/",
        "StopSignal": "SIGTERM",
    })


def sizes(made, binary):
    """What is in it, for people: one line each, largest first."""
    found = {path: len(value[0] if isinstance(value, tuple) else value)
             for path, value in files(binary).items() if isinstance(value, (tuple, bytes))}
    lines = [f"{size / 1024:9.0f} KiB  {path}" for path, size in sorted(found.items(), key=lambda item: -item[1])]
    return lines + [f"{sum(found.values()) / 1024:9.0f} KiB  unpacked", f"{made.size() / 1024:9.0f} KiB  in a registry"]


def main():
    parser = argparse.ArgumentParser(description="make the image of edge-hub")
    parser.add_argument("binary")
    parser.add_argument("--archive", help="a tar file to write")
    parser.add_argument("--reference", default="edge-hub:latest", help="the name inside the archive")
    parser.add_argument("--push", help="host:port/name:tag")
    wanted = parser.parse_args()
    made = image(wanted.binary)
    if wanted.archive:
        made.archive(wanted.archive, wanted.reference)
    if wanted.push:
        print(f"{wanted.push}@{oci.push(made, wanted.push)}")
    print("\n".join(sizes(made, wanted.binary)))


if __name__ == "__main__":
    main()
