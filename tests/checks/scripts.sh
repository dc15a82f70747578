#!/bin/bash
# Shell scripts pass shellcheck; Python compiles.
cd "$(dirname "$0")/../.." || exit 1
bad=0
mapfile -t shell < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)
shellcheck -S warning "${shell[@]}" || bad=1
for script in "${shell[@]}"; do
    [ -x "$script" ] || { echo "scripts: $script is not executable"; bad=1; }
done
mapfile -t python < <(git ls-files --cached --others --exclude-standard '*.py')
python3 - "${python[@]}" <<'END' || bad=1
import sys
for path in sys.argv[1:]:
    with open(path) as file:
        compile(file.read(), path, "exec")
END
exit $bad
