"""clang-tidy over our own files of a build's compile_commands.json.

    tests/checks/tidy.py build/dev          (EDGE_VERBOSE=1: the paths that lead there, and times)

A file whose text, headers of ours, compile command and .clang-tidy are those of an earlier clean run
is not looked at again: results are kept in build/tidy/ by their hash.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEPT = os.path.join(TOP, "build", "tidy")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def closure(path, seen=None):
    """The file and every header of ours it reaches."""
    seen = {} if seen is None else seen
    if path in seen or not os.path.isfile(path):
        return seen
    seen[path] = read(path)
    for name in INCLUDE.findall(seen[path].decode(errors="replace")):
        closure(os.path.join(TOP, name), seen)
    return seen


def key_of(entry, common):
    total = hashlib.sha256(common)
    total.update(entry["command"].encode())
    for path, text in sorted(closure(entry["file"]).items()):
        total.update(os.path.relpath(path, TOP).encode() + hashlib.sha256(text).digest())
    return total.hexdigest()


def entries(build):
    """One compile command for each file of the product and of the emulator, which is written like it;
    generated code is not ours, and what tests do to memory the sanitizers see."""
    with open(os.path.join(build, "compile_commands.json")) as file:
        found = {os.path.normpath(entry["file"]): entry for entry in json.load(file)}
    others = tuple(os.path.join(TOP, folder) + os.sep for folder in ("build", "tests"))
    emulator = os.path.join(TOP, "tests", "emulator") + os.sep
    return [dict(entry, file=path) for path, entry in sorted(found.items())
            if path.startswith(emulator) or not path.startswith(others)]


def tidy(build, path):
    """(path, complaints, seconds)"""
    began = time.monotonic()
    headers = f"^{re.escape(TOP)}/(agent|common|deploy|hub|tests/emulator)/"
    done = subprocess.run(["clang-tidy", "-p", build, "--quiet", f"--header-filter={headers}",
                           "--extra-arg=-Wno-unknown-warning-option", path], capture_output=True, text=True)
    text = done.stdout if done.returncode != 0 else ""
    if not os.environ.get("EDGE_VERBOSE"):
        text = "".join(re.findall(r"^\S+: error: .*\n(?:.*\n){0,2}", text, re.M))
    if done.returncode != 0 and not text.strip():
        text = done.stdout + done.stderr
    return path, text, time.monotonic() - began


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "build", "dev"))
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    common = version + read(os.path.join(TOP, ".clang-tidy"))
    os.makedirs(KEPT, exist_ok=True)
    keys = {entry["file"]: key_of(entry, common) for entry in entries(build)}
    due = [path for path, key in keys.items() if not os.path.exists(os.path.join(KEPT, key))]
    print(f"      {len(keys)} files, {len(keys) - len(due)} known to be clean")
    bad = 0
    slow = []
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("EDGE_JOBS") or os.cpu_count())) as pool:
        for path, text, seconds in pool.map(lambda path: tidy(build, path), due):
            slow.append((seconds, os.path.relpath(path, TOP)))
            if text:
                print(text)
                bad += 1
            else:
                open(os.path.join(KEPT, keys[path]), "w").close()
    if os.environ.get("EDGE_VERBOSE"):
        for seconds, path in sorted(slow, reverse=True)[:10]:
            print(f"      {seconds:5.1f} s  {path}")
    sys.exit(1 if bad or not keys else 0)


if __name__ == "__main__":
    main()
