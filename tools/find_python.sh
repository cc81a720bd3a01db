#!/bin/sh
# Prints the path of a Python 3.12 that can make virtual environments: from PATH, pyenv or uv.
usable() {
  [ -x "$1" ] && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null
}
for name in python3.12 python3 python; do
  found=$(command -v "$name" 2>/dev/null) && usable "$found" && exec "$found" -c 'import sys; print(sys.executable)'
done
for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3.12; do
  usable "$found" && echo "$found" && exit 0
done
if command -v uv >/dev/null 2>&1; then
  found=$(uv python find --no-python-downloads 3.12 2>/dev/null) && usable "$found" && echo "$found" && exit 0
fi
echo "churn-api needs Python 3.12 with venv, and none was found on PATH, in pyenv or in uv; install one, for example: uv python install 3.12" >&2
exit 1
