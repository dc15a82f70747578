#!/usr/bin/env python3
"""Images made of Debian's static busybox, for the quickstart and the tests.

    deploy/images/busybox.py 127.0.0.1:5000/hello:1 --cmd '["echo", "hello"]'

As a module: busybox.image(config={"Cmd": [...]}) gives an oci.Image to push.
"""
import argparse
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oci

BUSYBOX = "/bin/busybox"
PT_INTERP = 3


def is_static(data):
    """Whether an ELF program asks for no dynamic loader (32 and 64 bits, this machine's byte order)."""
    if data[:4] != b"\x7fELF":
        return False
    wide = data[4] == 2
    offset = struct.unpack_from("Q" if wide else "I", data, 32 if wide else 28)[0]
    size, count = struct.unpack_from("HH", data, 54 if wide else 42)
    kinds = [struct.unpack_from("I", data, offset + i * size)[0] for i in range(count)]
    return PT_INTERP not in kinds


def root_files():
    """The file system of the base layer: busybox under every name it answers to."""
    with open(BUSYBOX, "rb") as file:
        program = file.read()
    if not is_static(program):
        sys.exit(f"{BUSYBOX} is not static: apt-get install busybox-static")
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    files = {f"/{name}": oci.Folder(0o755) for name in ("bin", "etc", "home", "proc", "sys", "dev", "var")}
    files["/tmp"] = oci.Folder(0o1777)
    files["/root"] = oci.Folder(0o700)
    files["/bin/busybox"] = (program, 0o755)
    files.update({f"/bin/{name}": oci.Link("busybox") for name in names if name != "busybox"})
    files["/etc/passwd"] = (b"root:x:0:0:root:/root:/bin/sh\n"
                            b"daemon:x:1:1:daemon:/:/bin/false\n"
                            b"app:x:1000:1000:app:/home:/bin/sh\n")
    files["/etc/group"] = b"root:x:0:\ndaemon:x:1:\nvideo:x:44:app\napp:x:1000:\n"
    return files


def image(config=None, extra=(), **options):
    """busybox, then one layer for each dictionary of `extra` (see oci.layer).

    config     members of the image's config: Cmd, Entrypoint, Env, User, Volumes, StopSignal, …
    options    those of oci.Image
    """
    settings = {"Env": ["PATH=/bin"], "Cmd": ["sh"], **(config or {})}
    return oci.Image([oci.layer(root_files())] + [oci.layer(files) for files in extra], settings, **options)


def padding(size, seed=1):
    """A layer's files: `size` bytes that do not compress, in files of 1 MiB."""
    import random
    source = random.Random(seed)
    files = {"/data": oci.Folder(0o755)}
    for number, start in enumerate(range(0, size, 1 << 20)):
        files[f"/data/{number}"] = source.randbytes(min(1 << 20, size - start))
    return files


def arguments():
    parser = argparse.ArgumentParser(description="push a busybox image to a registry")
    parser.add_argument("reference", help="host:port/name:tag")
    for name in ("cmd", "entrypoint", "healthcheck"):
        parser.add_argument("--" + name, type=json.loads, help="as JSON")
    parser.add_argument("--env", action="append", default=[], help="NAME=VALUE, any number")
    parser.add_argument("--user")
    parser.add_argument("--volume", action="append", default=[], help="a path, any number")
    parser.add_argument("--stop-signal")
    parser.add_argument("--file", action="append", default=[], help="IN-IMAGE=FILE, each a layer's file")
    parser.add_argument("--padding", type=int, default=0, help="a layer of that many MiB of noise")
    parser.add_argument("--compression", choices=["", "gzip", "zstd"], default="gzip")
    parser.add_argument("--docker", action="store_true", help="Docker's media types instead of OCI's")
    parser.add_argument("--index", action="store_true", help="put an index over the image")
    parser.add_argument("--ca", help="PEM file: the registry speaks TLS")
    parser.add_argument("--login", help="user:password")
    return parser.parse_args()


def config_of(wanted):
    config = {"Env": ["PATH=/bin"] + wanted.env}
    for key, value in (("Cmd", wanted.cmd), ("Entrypoint", wanted.entrypoint), ("User", wanted.user),
                       ("Healthcheck", wanted.healthcheck), ("StopSignal", wanted.stop_signal)):
        if value is not None:
            config[key] = value
    if wanted.volume:
        config["Volumes"] = {path: {} for path in wanted.volume}
    return config


def extra_layers(wanted):
    layers = []
    if wanted.file:
        files = {}
        for pair in wanted.file:
            target, _, source = pair.partition("=")
            with open(source, "rb") as file:
                files[target] = (file.read(), 0o755)
        layers.append(files)
    if wanted.padding:
        layers.append(padding(wanted.padding << 20))
    return layers


def main():
    wanted = arguments()
    address, _, path = wanted.reference.partition("/")
    name, _, tag = path.rpartition(":")
    if not name:
        sys.exit(f"{wanted.reference}: write host:port/name:tag")
    made = image(config_of(wanted), extra_layers(wanted), compression=wanted.compression,
                 types=oci.DOCKER if wanted.docker else oci.OCI)
    login = tuple(wanted.login.split(":", 1)) if wanted.login else None
    registry = oci.Registry(address, ca=wanted.ca, login=login)
    digest = registry.push_index([made], name, tag) if wanted.index else registry.push(made, name, tag)
    print(f"{wanted.reference}@{digest}")


if __name__ == "__main__":
    main()
