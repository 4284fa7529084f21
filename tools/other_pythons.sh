#!/bin/bash
# The README's test command (and the site) with other Pythons: for each a clone of HEAD, with an environment and a build of its own.
#
# usage: tools/other_pythons.sh [PYTHON]…
#   PYTHON   an interpreter (default: python3.11 … python3.14t of this machine that can make environments and build, but for `python3` itself)
# JOBS=N is handed on.  Exit code 75: there is no other Python; 1: a suite did not pass.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
probe='import ensurepip, os, sys, sysconfig, venv
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))'

pythons=("$@")
if [ $# -eq 0 ]; then
  usual=$(python3 -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}")')
  for name in python3.11 python3.12 python3.13 python3.14 python3.14t; do
    [ "$name" != "$usual" ] && "$name" -c "$probe" 2>/dev/null && pythons+=("$name")
  done
fi
[ ${#pythons[@]} -gt 0 ] || { echo "other Pythons: none here" >&2; exit 75; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=()
for python in "${pythons[@]}"; do
  echo "== $("$python" --version)"
  git clone --quiet "$here" "$work/tree" || exit 1
  make -C "$work/tree" PYTHON="$python" ${JOBS:+JOBS="$JOBS"} docs test || failed+=("$python")
  rm -rf "$work/tree"
done
[ ${#failed[@]} -eq 0 ] || { echo "did not pass: ${failed[*]}"; exit 1; }
