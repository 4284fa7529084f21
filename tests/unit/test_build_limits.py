"""Messages about builds that end at a limit, and about all builds with `--quiet`: those of 2.34.8, line for line."""

import re

import pytest

PACKAGES = """
let make = name: script: derivation { inherit name; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin"; args = [ "-c" script ]; };
in {
  partial = make "partial" "echo whole; printf abc; sleep 1000";
  loud = make "loud" "while true; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done";
  one-line = make "one-line" "while true; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done";
  ignores = make "ignores" "trap '' TERM HUP INT; while true; do sleep 1; done";
  ok = make "ok" "echo hi; echo > $out";
}
"""
PLAN = ["this derivation will be built:", "  DRV", "building 'DRV'..."]
KEPT = 'note: keeping build directory "FOLDER"'
TOO_LONG = "error: building derivation 'DRV' killed after writing more than 5000 bytes of log output"


@pytest.mark.parametrize(
    "attribute, options, code, lines",
    [
        ("partial", ["--timeout", "1"], 101, [*PLAN, "whole", "error: timed out after 1 seconds"]),
        ("partial", ["--max-silent-time", "1", "-K"], 101, [*PLAN, "whole", KEPT, "error: timed out after 1 seconds"]),
        ("ignores", ["--timeout", "1"], 101, [*PLAN, "error: timed out after 1 seconds"]),
        ("loud", ["--option", "max-build-log-size", "5000", "-K"], 1, [*PLAN, "x" * 53, KEPT, TOO_LONG]),
        ("one-line", ["--option", "max-build-log-size", "5000"], 1, [*PLAN, TOO_LONG]),
        ("ok", ["--quiet"], 0, ["hi"]),
        ("ok", ["--quiet", "-Q"], 0, []),
        ("ok", ["--quiet", "--dry-run"], 0, []),
        ("ok", [], 0, [*PLAN, "hi"]),
    ],
)
def test_a_build_at_its_limit_says_what_nix_says(run_command, tmp_path, attribute, options, code, lines):
    (tmp_path / "packages.nix").write_text(PACKAGES)
    done = run_command(
        "old.build", "packages.nix", "-A", attribute, "--no-out-link", *options, NIX_STORE_DIR=f"{tmp_path}/store", NIX_STATE_DIR=f"{tmp_path}/state",
        NIX_LOG_DIR=f"{tmp_path}/log", HOME=str(tmp_path), NIX_CONFIG="sandbox = false\nbuild-users-group =\nsubstituters =\n",
    )  # fmt: skip
    said = re.sub(r"/[^ '\"]*\.drv(?=['\n])", "DRV", done.stderr.decode())
    said = re.sub(r'directory "[^"]*"', 'directory "FOLDER"', said)
    assert list(dict.fromkeys(said.splitlines())) == lines
    assert done.returncode == code
