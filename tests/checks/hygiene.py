"""What no file of the project may hold, and how large functions and files may grow."""
import json
import re
import statistics
import subprocess
import sys

MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE = re.compile(r"/wor[k]/(wt|main|shared)\b|(?<!\x22)/home/[a-z]+/")
# Unbounded, or so easily misused that a safer call stands beside each.
BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca|mktemp|tmpnam"
                    r"|system|popen|fork|vfork|sleep|usleep|localtime|gmtime|ctime|asctime)\s*\(")
FUNCTION_LINES = 120
MEDIAN_LINES = 22
P90_LINES = 65
FILE_LINES = 700


def files(*patterns):
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
                          capture_output=True, text=True, check=True)
    return done.stdout.split()


def without_comments(text):
    """C text whose comments and strings are blanked, line numbers kept."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_text(path, complain):
    try:
        text = lines_of(path)
    except UnicodeDecodeError:
        return
    if text and not text.endswith("\n"):
        complain(f"{path}: no newline at the end")
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE.search(line):
            complain(f"{path}:{number}: a path of one machine: {line.strip()}")
        if line != line.rstrip() and not path.endswith(".md"):
            complain(f"{path}:{number}: blanks at the end of the line")
        if MARKS.search(line):
            complain(f"{path}:{number}: leftover mark: {line.strip()}")


def check_code(path, complain):
    text = lines_of(path)
    count = text.count("\n")
    if count > FILE_LINES:
        complain(f"{path}: {count} lines: split it by idea (limit {FILE_LINES})")
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        found = None if path.startswith("tests/") else BANNED.search(line)
        if found:
            complain(f"{path}:{number}: {found.group(1)}() is not used here")


def function_sizes(paths):
    """[(lines, path, name)] of every C function, by universal-ctags."""
    done = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f", "-f", "-", *paths],
                          capture_output=True, text=True, check=True)
    tags = [json.loads(line) for line in done.stdout.splitlines()]
    return sorted((tag["end"] - tag["line"] + 1, tag["path"], tag["name"]) for tag in tags if "end" in tag)


def check_sizes(complain):
    product = [path for path in files("*.c") if not path.startswith("tests/")]
    sizes = function_sizes(product)
    if not sizes:
        complain("no C functions found")
        return
    lengths = [size for size, _, _ in sizes]
    median, p90 = statistics.median(lengths), lengths[int(0.9 * len(lengths))]
    print(f"      {len(sizes)} functions: median {median:g} lines, p90 {p90}, longest {lengths[-1]} "
          f"({sizes[-1][2]} in {sizes[-1][1]})")
    if median > MEDIAN_LINES or p90 > P90_LINES:
        complain(f"functions have grown: median {median:g} (limit {MEDIAN_LINES}), p90 {p90} (limit {P90_LINES})")
    for size, path, name in sizes + function_sizes([path for path in files("*.c") if path not in product]):
        if size > FUNCTION_LINES:
            complain(f"{path}: {name} has {size} lines (limit {FUNCTION_LINES})")


def main():
    complaints = []
    for path in files():
        if "/corpus/" not in path and "/data/" not in path:
            check_text(path, complaints.append)
    for path in files("*.c", "*.h"):
        check_code(path, complaints.append)
    check_sizes(complaints.append)
    for text in complaints:
        print("hygiene:", text)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
