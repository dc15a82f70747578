"""A function that only its own file uses is static: what a header shows is shared.

    tests/checks/shared.py build/dev

It reads the objects of a build that is up to date. What tests alone use is shared with them.
"""
import json
import os
import shlex
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFINED = "TDBR"  # functions and variables; W and V belong to everybody


def objects(build):
    """{object: our file it is made of}"""
    with open(os.path.join(build, "compile_commands.json")) as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        words = shlex.split(entry["command"])
        path = os.path.join(entry["directory"], words[words.index("-o") + 1])
        found[path] = os.path.relpath(os.path.normpath(entry["file"]), TOP)
    return found


def symbols(paths):
    """(object, kind, name) of everything that a linker sees."""
    done = subprocess.run(["nm", "-A", "-g", *paths], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        path, rest = line.split(":", 1)
        *_, kind, name = rest.split()
        yield path, kind, name


def is_written_here(path):
    return not path.startswith(("build/", "tests/")) or path.startswith("tests/emulator/")


def main(build):
    files = objects(build)
    missing = [path for path in files if not os.path.exists(path)]
    if missing:
        sys.exit(f"{missing[0]} is not built, and {len(missing) - 1} more")
    defined, used = {}, set()
    for path, kind, name in symbols(files):
        if kind == "U":
            used.add(name)
        elif kind in DEFINED and is_written_here(files[path]):
            defined[name] = files[path]
    alone = sorted((path, name) for name, path in defined.items() if name != "main" and name not in used)
    for path, name in alone:
        print(f"{path}: {name} is used nowhere else: static, or not at all")
    print(f"{len(defined)} functions and variables are shared")
    return 1 if alone else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
