"""A program of this machine as files of an image: itself, and the libraries it is loaded with.

    files = program.files("/usr/bin/x", {"build/bin/x": "/usr/bin/x"})
"""
import os
import re
import subprocess

import oci


def libraries(program):
    """The shared objects a program is loaded with, their loader included."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    missing = re.findall(r"(\S+) => not found", text)
    if missing:
        raise OSError(f"{program}: {', '.join(missing)} not found")
    return sorted(set(re.findall(r"(?:=> )?(/\S+) \(0x", text)))


def with_folders(files):
    """The same with every parent folder named."""
    for path in list(files):
        parent = os.path.dirname(path)
        while parent not in ("", "/") and parent not in files:
            files[parent] = oci.Folder(0o755)
            parent = os.path.dirname(parent)
    return files


def content(path):
    """An executable file of this machine, for a layer."""
    with open(os.path.realpath(path), "rb") as file:
        return file.read(), 0o755


def files(source, target):
    """The program at `source` as `target`, and its libraries where its loader looks for them."""
    return {target: content(source), **{path: content(path) for path in libraries(source)}}
