#!/bin/bash
# The README's test command (and the site) with other Pythons: for each a clone of HEAD, with an environment and a build of its own.
#
# usage: tools/other_pythons.sh [PYTHON]…
#   PYTHON   an interpreter (default: python3.11 … python3.14t of this machine, on the PATH or pyenv's, that can make environments and build, but for
#            `python3` itself)
# JOBS=N is handed on.  TESTS="tests/unit …" are these tests only, without the site.  Exit code 1: a suite did not pass; 75: none failed, but there is no
# other Python, or for one of them nothing could be built (packages for it are missing here).
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
probe='import ensurepip, os, sys, sysconfig, venv
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))'

pythons=("$@")
if [ $# -eq 0 ]; then
  usual=$(python3 -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}")')
  for name in python3.11 python3.12 python3.13 python3.14 python3.14t; do
    [ "$name" != "$usual" ] || continue
    for python in "$name" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/"$name"; do
      "$python" -c "$probe" 2>/dev/null && pythons+=("$python") && break
    done
  done
fi
[ ${#pythons[@]} -gt 0 ] || { echo "other Pythons: none here" >&2; exit 75; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=()
unbuilt=()
for python in "${pythons[@]}"; do
  echo "== $("$python" --version)"
  git clone --quiet "$here" "$work/tree" || exit 1
  if ! make -C "$work/tree" PYTHON="$python" build; then
    unbuilt+=("$python")
  elif [ -n "${TESTS-}" ]; then
    # shellcheck disable=SC2086  # several tests
    (cd "$work/tree" && .venv/bin/python -m pytest -n "${JOBS:-$(nproc)}" $TESTS) || failed+=("$python")
  else
    make -C "$work/tree" PYTHON="$python" ${JOBS:+JOBS="$JOBS"} docs test || failed+=("$python")
  fi
  rm -rf "$work/tree"
done
[ ${#unbuilt[@]} -eq 0 ] || echo "not built: ${unbuilt[*]}"
[ ${#failed[@]} -eq 0 ] || { echo "did not pass: ${failed[*]}"; exit 1; }
[ ${#unbuilt[@]} -eq 0 ] || exit 75
