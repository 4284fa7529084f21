"""Cached equals fresh: values, places and reports of errors, of every language test and of random programs."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from snowsnake.cli.evaluate import OPTIONS, session_of
from snowsnake.cli.options import parse
from snowsnake.cli.output import Reporter
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter

TESTS = Path(__file__).resolve().parent.parent
FEATURES = sorted(path.parent.name for path in (TESTS / "lang").glob("*/in.nix"))
LIMITS = {"depth_limit": 20_000, "memory_limit_bytes": 512 << 20}
PROGRAMS = 250


def outcome(load) -> tuple[str, bytes | str]:
    """The result of a program: its value as text and with its places, or the whole report of its error."""
    try:
        value = load()
        text = value.to_nix(strict=True)
    except EvaluationError as error:
        return error.code, error.render(show_trace=True)
    try:
        return "value", text + value.to_xml()
    except EvaluationError as error:
        return "value without XML", text.decode("utf-8", "replace") + error.render(show_trace=True)


@pytest.mark.parametrize("level", ["0", "1"])
def test_the_language_tests_are_the_same_with_a_cache(level, tmp_path, monkeypatch):
    for name in FEATURES:
        monkeypatch.chdir(TESTS / "lang" / name)
        options = Path("options.txt")
        words = shlex.split(options.read_text()) if options.exists() else []
        words += ["--optimise", level, "--depth-limit", str(LIMITS["depth_limit"])]
        found = []
        for more in (["--no-cache"], ["--cache-dir", str(tmp_path)], ["--cache-dir", str(tmp_path)]):
            session = session_of(parse(words + more, OPTIONS), Reporter())
            found.append((outcome(lambda session=session: session.file("in.nix")), session.evaluator.records()))
        assert found[0] == found[1] == found[2], name
        numbers = session.evaluator.statistics()
        # Files in the goldens of syntax errors do not compile; everything else must come from the cache now.
        assert numbers["files_to_cache"] == 0 and (numbers["files_from_cache"] > 0 or found[0][0][0] != "value"), name


def told(found):
    """The kind of an outcome and its value or message, without the lines of a trace."""
    kind, text = found
    return kind, text.rsplit("\n\n", 1)[-1] if isinstance(text, str) else text


def test_random_programs_are_the_same_with_a_cache(tmp_path):
    """Each group goes through an evaluator without a cache, one that fills it, and two that find everything there."""
    sys.path.insert(0, str(TESTS / "fuzz"))
    from fuzz import corpus, program_of

    sources, cache = corpus(), os.fsencode(tmp_path / "cache")
    paths = []
    for seed in range(PROGRAMS):
        for kind in ("programs", "bytes"):
            path = tmp_path / f"{kind}-{seed}.nix"
            path.write_bytes(program_of(seed, kind, sources))
            paths.append(str(path))
    for start in range(0, len(paths), 100):
        group = paths[start : start + 100]
        found = []
        for options in ({}, {"cache": cache}, {"cache": cache}, {"cache": cache, "stress": True}):
            machine = Interpreter(**LIMITS, **options)
            found.append([outcome(lambda path=path, machine=machine: machine.evaluate_file(path)) for path in group])
            numbers = machine.statistics()
            if len(found) > 2:
                assert numbers["files_to_cache"] == 0 and numbers["files_from_cache"] > 0
        for path, *each in zip(group, *found, strict=True):
            assert each[0] == each[1] == each[2], Path(path).read_bytes()
            # Under stress, memory or depth may run out elsewhere, and a trace may have fewer lines, because a collection removes
            # thunks that only refer to others.  Values and messages do not change.
            assert told(each[3]) == told(each[0]) or each[0][0] in ("memory", "depth", "infinite-recursion"), Path(path).read_bytes()
