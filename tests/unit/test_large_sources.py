"""Large sources, whose trees are freed while they are compiled, have the same values and errors, and need less memory."""

import random
import subprocess
import sys

import pytest

import snowsnake
from snowsnake import EvaluationError

COUNT = 40_000
PIECE = 1000
ELEMENTS = [
    lambda i: f'"text {i} with \\n escape \\" and ${{toString {i}}}"',
    lambda i: f'"plain {i}"',
    lambda i: f'"escaped\\n{i}"',
    lambda i: f'{{ a = {i}; b = "x\\t{i}"; }}',
    lambda i: f'{{ a.b.c = {i}; a.b.d = "q"; }}',
    lambda i: f"{{ a = {{ b = {i}; }}; a.c = 2; }}",
    lambda i: f'[ {i} [ "n\\n" {i} ] ]',
    lambda i: f"''\n  indented ${{toString {i}}}\n  ''",
    lambda i: f"{{ inherit (builtins) true; k{i % 50} = {i}; }}",
    lambda i: f"rec {{ x = {i}; y = x; z{i} = y; }}",
    lambda i: f"(let q = {i}; in q + 1)",
    lambda i: f"(({{ a, b ? {i} }}: a + b) {{ a = 1; }})",
    lambda i: f"(with {{ v = {i}; }}; v)",
    lambda i: "{ " + " ".join(f"m{j} = {i};" for j in range(i % 30)) + " }",
    lambda i: f"./p{i}",
    lambda i: f"{i}.5",
    lambda i: "(-3)",
    lambda i: "null",
]


def elements(seed: int) -> list[str]:
    choose = random.Random(seed)
    return [choose.choice(ELEMENTS)(i) for i in range(COUNT)]


def text_of(path, source: str) -> str:
    path.write_text(source)
    return snowsnake.Evaluator().evaluate_file(path).to_nix(strict=True)


@pytest.mark.parametrize("odd", ["", '{ "a\\nb" = 1; }'], ids=["freed", "a name with an escape: not freed"])
def test_a_long_list_is_that_of_its_pieces(odd, tmp_path):
    parts = [*elements(1), *([odd] if odd else [])]
    pieces = [text_of(tmp_path / "piece.nix", f"[ {' '.join(parts[i : i + PIECE])} ]")[1:-1].strip() for i in range(0, len(parts), PIECE)]
    assert text_of(tmp_path / "whole.nix", f"[ {' '.join(parts)} ]") == f"[ {' '.join(pieces)} ]"


@pytest.mark.parametrize("form", ["{{ l = {}; m = 2; }}", "let z = 1; in {}", "rec {{ l = {}; }}", "(x: {}) 1", '[ "${{toString {}}}\\n" ]'])
def test_large_sources_with_any_root_have_their_value(form):
    source = f"[ {' '.join(element for element in elements(2) if './' not in element and 'rec' not in element and '{' not in element)} ]"
    other = snowsnake.evaluate(f"let same = {source}; in {form.format('same')}")
    assert snowsnake.evaluate(form.format(source)).to_nix(strict=True) == other.to_nix(strict=True)


def test_the_first_of_several_late_faults_is_named(tmp_path):
    with pytest.raises(EvaluationError, match="undefined variable 'first'"):
        text_of(tmp_path / "faults.nix", f"[ {' '.join(elements(3))} [ first second ] third ]")


@pytest.mark.parametrize("more, message", [("a.yy = 2;", ""), ("a.n7 = 2;", "attribute 'a.n7' already defined"), ("a.n7.x = 2;", "attribute 'a.n7' already defined")])
def test_a_large_set_may_get_more_names_later(more, message):
    source = "{ a = { " + " ".join(f"n{i} = {i};" for i in range(300_000)) + f" }}; a.zz = 1; {more} }}"
    if message:
        with pytest.raises(EvaluationError, match=message):
            snowsnake.evaluate(source)
    else:
        assert len(snowsnake.evaluate(source)["a"]) == 300_002


LARGE = {
    "texts": ("[ ", '"text number {} of a long source of data" ', "]", 5),
    "long texts": ("[ ", '"{} ' + "0123456789abcdef" * 60 + '" ', "]", 3),
    "sets": ("[ ", '{{ name = "n{0}"; value = {0}; }} ', "]", 14),
    "named sets": ("{ ", 'n{0} = {{ a = {0}; b = "x{0}"; }};\n', "}", 24),
}
PROGRAM = """
import re, sys, snowsnake
def status(field):
    return int(re.search(field + r":\\s*(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
nix = snowsnake.Evaluator()
before = status("VmRSS")
nix.evaluate_file(sys.argv[1]).force()
print(status("VmHWM") - before)
"""


@pytest.mark.parametrize("name", LARGE)
def test_the_memory_of_a_large_source(name, tmp_path):
    """The peak, less that of an evaluator at rest, is a multiple of the size of the source."""
    head, piece, tail, most = LARGE[name]
    size, count = 12_000_000, 0
    with open(tmp_path / "large.nix", "w") as file:
        file.write(head)
        while file.tell() < size:
            file.write("".join(piece.format(i) for i in range(count, count + 1000)))
            count += 1000
        file.write(tail)
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path / "large.nix")], capture_output=True, text=True, check=True)
    assert int(done.stdout) < most * size
