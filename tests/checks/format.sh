#!/bin/bash
# Every C file has the form clang-format gives it (.clang-format).
cd "$(dirname "$0")/../.." || exit 1
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
[ ${#files[@]} -gt 0 ] || exit 1
clang-format --dry-run -Werror --ferror-limit=3 "${files[@]}"
