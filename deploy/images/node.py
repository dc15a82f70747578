"""An image with this machine's Node.js and packages of npm, for the tests: what a module's author would build.

    node.image({"/app/main.js": b"…"}, ["azure-iot-device", "azure-iot-device-mqtt"], modules)
"""
import json
import os
import shutil

import busybox
import oci
import program
from program import content, with_folders


def builtins():
    """Debian's node has some of its own modules outside: every .js of the packages that it is linked to."""
    files = {}
    for name in ("acorn", "acorn-walk", "busboy", "cjs-module-lexer", "streamsearch", "undici"):
        for path, _, leaves in os.walk(os.path.join("/usr/share/nodejs", name)):
            files.update({os.path.join(path, leaf): content(os.path.join(path, leaf)) for leaf in leaves if leaf.endswith((".js", ".json"))})
    return files


def runtime():
    """node and its libraries; where busybox has a folder, it is not named again."""
    files = program.files(shutil.which("node"), "/usr/bin/node")
    files.update(builtins())
    return with_folders(files)


def closure(names, modules):
    """The packages and everything they depend on, as folders of node_modules."""
    found, todo = set(), [(name, modules) for name in names]
    while todo:
        name, base = todo.pop()
        here = os.path.join(base, name)
        while not os.path.isdir(here):  # looked for as node does: nearest first
            parent = os.path.dirname(os.path.dirname(base))
            if not parent.startswith(os.path.dirname(modules)):
                here = None
                break
            base = os.path.join(parent, "node_modules") if os.path.basename(parent) != "node_modules" else parent
            here = os.path.join(base, name)
        here = here or os.path.join(modules, name)
        if here in found or not os.path.isdir(here):
            continue
        found.add(here)
        with open(os.path.join(here, "package.json"), encoding="utf-8") as file:
            wanted = json.load(file).get("dependencies", {})
        todo += [(other, os.path.join(here, "node_modules")) for other in wanted]
    return found


def packages(names, modules):
    """A layer's files: these packages with all they need, below /app/node_modules."""
    files = {}
    for folder in closure(names, modules):
        for path, folders, leaves in os.walk(folder):
            folders[:] = [name for name in folders if name not in ("test", "tests", "docs", "node_modules")]
            for leaf in leaves:
                if leaf.endswith((".js", ".json", ".cjs", ".mjs", ".node")):
                    source = os.path.join(path, leaf)
                    with open(source, "rb") as file:
                        files["/app/node_modules/" + os.path.relpath(source, modules)] = file.read()
    return with_folders(files)


def image(app, names, modules, main="/app/main.js"):
    layers = [oci.layer(busybox.root_files()), oci.layer(runtime()), oci.layer(packages(names, modules)),
              oci.layer(with_folders(dict(app)))]
    return oci.Image(layers, {"Env": ["PATH=/bin:/usr/bin"], "Cmd": ["node", main], "WorkingDir": "/app"})
