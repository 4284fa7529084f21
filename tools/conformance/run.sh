#!/bin/bash
# Nix's own language tests against an evaluator with the command line of nix-instantiate.
# usage: run.sh COMMAND [SUITE_FOLDER]     the suites are fetched into SUITE_FOLDER (.cache/suites) unless they are there
# The last line is "N passed, N failed" over both suites; exit code 0 if none failed, 75 if they could not be fetched.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
command=${1:?usage: run.sh COMMAND [SUITE_FOLDER]}
folder=${2:-$root/.cache/suites}
if ! "$here/get_suite.sh" "$folder" >&2; then
  echo "the source packages of nix could not be fetched: the suites are skipped" >&2
  exit 75
fi
passed=0 failed=0
for suite in 2.26.3/tests/functional/lang 2.8.0/tests/lang; do
  version=${suite%%/*}
  echo "== Nix $version"
  output=$(python3 "$here/run_suite.py" --cmd "$command" -j "${JOBS:-2}" --fail-mode kind --timeout 60 \
    --exclude "@$here/exclude/deb-$version.txt" --exclude "@$here/exclude/known.txt" "$folder/$suite" 2>&1)
  echo "$output"
  last=$(echo "$output" | tail -1)
  passed=$((passed + $(echo "$last" | grep -oE '[0-9]+ passed' | grep -oE '[0-9]+' || echo 0)))
  failed=$((failed + $(echo "$last" | grep -oE '[0-9]+ failed' | grep -oE '[0-9]+' || echo 1)))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
