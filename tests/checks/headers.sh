#!/bin/bash
# Every header compiles alone, with gcc and with clang, under flags stricter than the code's.
cd "$(dirname "$0")/../.." || exit 1
# Inner headers of agent/containerd include what is made from proto/ (build/dev).
flags=(-std=c17 -fsyntax-only -x c -I. -Ibuild/dev -D_GNU_SOURCE -DEDGE_VERSION='"0"' -Wall -Wextra -Wpedantic -Wshadow
    -Wconversion -Wsign-conversion -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
    -Wredundant-decls -Wwrite-strings -Werror)
bad=0
while read -r header; do
    # Twice: the second time its guard must hold.
    text=$(printf '#include "%s"\n#include "%s"\nint edge_header_check;\n' "$header" "$header")
    for compiler in gcc clang; do
        printf '%s\n' "$text" | "$compiler" "${flags[@]}" - || { echo "headers: $header, $compiler"; bad=1; }
    done
done < <(git ls-files --cached --others --exclude-standard '*.h')
exit $bad
