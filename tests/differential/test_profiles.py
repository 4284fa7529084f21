"""Calls of functions as `eval-profiler` and `trace-function-calls` see them, beside what C++ Nix 2.34.8 recorded (tools/record_profiles.py)."""

import json
import subprocess
import sys

import pytest
from profile_world import FOLDER, calls

COMMAND = [sys.executable, "-m", "snowsnake.cli.instantiate"]
RECORDED = [json.loads(line) for line in (FOLDER / "recorded.jsonl").read_text().splitlines()]
# Expressions whose calls differ, and why.
KNOWN = {
    "derivation": "there, `derivation` is written in Nix, and its own calls are seen",
    "mapAttrs (n": "there, a call of two arguments is two unevaluated ones",
    "(n - 1)": "arithmetic that cannot fail is done before it is needed",
    "(x - 1); g": "likewise",
    "foldl' (f 1)": "there, a function of several arguments that got one is the inner function",
}


@pytest.mark.parametrize("case", RECORDED, ids=[case["expression"][:40] for case in RECORDED])
def test_calls_are_those_of_nix(case) -> None:
    found = calls(COMMAND, case["expression"])
    differs = any(part in case["expression"] for part in KNOWN) and "Strict" not in case["expression"]
    assert (found == (case["stacks"], case["lines"])) is not differs, found


@pytest.mark.parametrize("case", RECORDED[::3], ids=[case["expression"][:40] for case in RECORDED[::3]])
def test_collections_do_not_change_a_profile(case, tmp_path) -> None:
    """The collector moves the frames and values that are watched at most safepoints."""
    profiles = []
    for more in ((), ("--stress",)):
        words = ["eval", "--strict", "-E", case["expression"], "--profile", str(tmp_path / "p"), "--option", "eval-profiler-frequency", "0"]
        subprocess.run([sys.executable, "-m", "snowsnake", *words, *more], capture_output=True)
        profiles.append((tmp_path / "p").read_bytes())
    assert profiles[0] and profiles[0] == profiles[1]


def test_samples_are_where_the_time_goes(tmp_path) -> None:
    """Most samples of a long evaluation are in the function that takes the time; deep recursion has a deep stack."""
    program = tmp_path / "a.nix"
    program.write_text(
        "let slow = n: builtins.foldl' (a: b: if b == 0 then a else a + b) 0 (builtins.genList (x: x) n); quick = x: x;"
        " deep = n: if n == 0 then slow 600000 else 1 + deep (n - 1); in quick (deep 2000)"
    )
    profile = tmp_path / "profile"
    done = subprocess.run([sys.executable, "-m", "snowsnake", "eval", str(program), "--profile", str(profile)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    stacks = [line.rpartition(" ") for line in profile.read_text().splitlines()]
    assert stacks and all(int(count) > 0 for _, _, count in stacks)
    in_slow = sum(int(count) for stack, _, count in stacks if ":slow;" in stack)
    assert in_slow * 2 > sum(int(count) for _, _, count in stacks)
    assert max(stack.count(":deep") for stack, _, _ in stacks) > 1000


def test_failures_and_flakes_have_a_profile(tmp_path) -> None:
    (tmp_path / "flake.nix").write_text("{ outputs = _: { a = (x: x) 1; b = (x: throw x) \"no\"; }; }")
    profile = tmp_path / "profile"
    nix = [sys.executable, "-m", "snowsnake.cli.nix.main", "--extra-experimental-features", "nix-command flakes", "eval", "--no-write-lock-file"]
    nix += ["--eval-profiler", "flamegraph", "--eval-profiler-frequency", "0", "--eval-profile-file", str(profile)]
    # The second time, the answer must not be known already: it would have no calls.
    for _ in range(2):
        subprocess.run([*nix, f"path:{tmp_path}#a"], check=True, capture_output=True)
        assert any("flake.nix:1:22 1" in line for line in profile.read_text().splitlines())
    assert subprocess.run([*nix, f"path:{tmp_path}#b"], capture_output=True).returncode == 1
    assert any(line.endswith("primop throw 1") for line in profile.read_text().splitlines())


def test_a_profile_that_cannot_be_written_is_an_error(tmp_path) -> None:
    done = subprocess.run(
        [*COMMAND, "--eval", "-E", "1", "--eval-profiler", "flamegraph", "--eval-profile-file", str(tmp_path / "no" / "p")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f'error: opening file "{tmp_path}/no/p": No such file or directory\n')
