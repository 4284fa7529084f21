"""Whole reports of errors in functions that were called in tail position, as 2.34.8 prints them (tools/record_tail_calls.py), with `--show-trace` and without.

Such a call takes its caller's place.  The trace comes from a second evaluation, which keeps all frames (cli/second_look.py).
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from report_form import ENVIRONMENT
from tail_cases import expressions

from snowsnake.cli.instantiate import main

RECORDED: dict[str, list[str]] = json.loads((Path(__file__).parent / "tail_calls.json").read_text(encoding="utf-8"))
CASES = list(RECORDED)
# In most of these, C++ Nix computes the names behind the one that fails, too, to show them; in the others, JSON is made of sets that have a text.
KNOWN = frozenset((Path(__file__).parent / "tail_calls_known.txt").read_text(encoding="utf-8").splitlines())
CHUNK = 100
COMMAND = [sys.executable, "-m", "snowsnake.cli.instantiate", "--eval", "--strict"]


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("cases", [CASES[i : i + CHUNK] for i in range(0, len(CASES), CHUNK)], ids=lambda cases: cases[0])
def test_reports_are_those_of_nix(cases, capfd) -> None:
    for expression in cases:
        found = []
        for flags, expected in zip(([], ["--show-trace"]), RECORDED[expression], strict=True):
            succeeds = main(["--eval", "--strict", *flags, "-E", expression]) == 0
            assert succeeds == (expected == ""), (flags, expression)
            # Only ours says which values need each other.
            found.append(re.sub("^       note: .*\n", "", capfd.readouterr().err, flags=re.MULTILINE))
        if expression in KNOWN:
            assert found != RECORDED[expression], f"no difference any more: {expression}"
        else:
            assert found == RECORDED[expression], expression


def test_the_record_is_of_these_cases() -> None:
    assert CASES == list(dict.fromkeys(expressions()))


def run(*words: str, **more: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *words], text=True, capture_output=True, **more)


FAILS = 'let f = { a }: a; g = x: f x; in g (builtins.trace "once" { })'


def test_nothing_is_printed_twice() -> None:
    done = run("--xml", "-E", f"[ 1 ({FAILS}) ]")
    assert done.stderr.count("trace: once") == 1 and done.stderr.count("from call site") == 1
    assert done.stdout.count("<expr>") == 1


def test_a_program_that_can_be_read_once_keeps_the_first_report() -> None:
    done = run("-", input="let f = x: g x; g = x: throw x; in f ''text''")
    assert done.returncode == 1 and done.stderr.endswith("error: text\n")


def test_a_second_look_writes_no_derivation(tmp_path) -> None:
    text = 'let f = x: throw x; in f (derivation { name = "n"; system = "s"; builder = "b"; }).drvPath'
    done = run("--read-write-mode", "--store", str(tmp_path / "store"), "-E", text)
    assert done.returncode == 1 and ".drv" in done.stderr


def test_a_build_has_the_report_of_an_evaluation(tmp_path) -> None:
    text = "(x: let f = ({ a }: a); in f x) { }"
    words = [sys.executable, "-m", "snowsnake.cli.old.build", "--store", str(tmp_path / "store"), "-E", text]
    done = subprocess.run(words, text=True, capture_output=True)
    assert done.returncode == 1 and done.stderr == run("-E", text).stderr
    assert "«string»:1:28" in done.stderr
