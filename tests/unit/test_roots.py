"""The roots that the collector follows: every root holds a word at every safepoint.

`make debug` and `make test-sanitized` run other tests in builds that check it; the programs here once put something else into a root.
"""

import subprocess
import sys

import pytest

import snowsnake
from snowsnake.interpreter import Interpreter
from snowsnake.machine.checks import is_checked


def evaluated(program: str, folder) -> bytes:
    """The value of a program, with a collection at most safepoints."""
    return Interpreter(stress=True).evaluate(program.encode(), str(folder)).to_nix(strict=True)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        # The coercion of the argument allocates; the number of the argument was in a root meanwhile, and a number is not a word.
        ("scopedImport { } { outPath = builtins.seq (count 300) ./seven.nix; }", b"7"),
        ("import { outPath = builtins.seq (count 300) ./seven.nix; }", b"7"),
        ("builtins.readFile { outPath = builtins.seq (count 300) ./seven.nix; }", b'"7"'),
        ('builtins.substring 0 1 { outPath = builtins.seq (count 300) "abc"; }', b'"a"'),
        ('builtins.hashString "md5" (toString { __toString = s: builtins.seq (count 300) "x"; })', b'"9dd4e461268c8034f5c8564e155c67a6"'),
        ('builtins.findFile [ { prefix = ""; path = builtins.seq (count 300) ./.; } ] "seven.nix" == ./seven.nix', b"true"),
        ('builtins.concatStringsSep { outPath = builtins.seq (count 300) ","; } [ "a" "b" ]', None),
    ],
)
def test_coercions_that_collect_keep_words_in_roots(tmp_path, program, expected):
    (tmp_path / "seven.nix").write_text("7")
    program = "let count = n: if n == 0 then [ ] else [ n ] ++ count (n - 1); in " + program
    if expected is None:
        with pytest.raises(snowsnake.EvaluationError):
            evaluated(program, tmp_path)
    else:
        assert evaluated(program, tmp_path) == expected


def test_the_variant_is_the_one_that_was_asked_for():
    assert is_checked() == ("/build/" in snowsnake.__file__)


@pytest.mark.skipif(not is_checked(), reason="of a checked build")
@pytest.mark.parametrize("word", [1, 0x1001, 0x57, 5], ids=hex)
def test_what_is_no_word_stops_a_checked_build(word):
    code = f"from snowsnake.interpreter import Interpreter; from snowsnake.machine.checks import look; e = Interpreter(); look(e.machine_address(), {word})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode < 0 and "an error of its own" in done.stderr
