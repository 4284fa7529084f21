"""CONTRIBUTING.md, followed as it is written: a builtin and an operation are added on a copy of the tree, and thrown away.

The edits are those of the page, which says in comments where each block goes.  With SNOWSNAKE_ALL_TESTS the copy is compiled, too.
In a tree whose author followed the page already, the builtin gets the next free name: `sum2`.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snowsnake.builtins.table import TABLE
from snowsnake.bytecode.effects import EFFECTS, _pictured
from snowsnake.bytecode.instructions import INSTRUCTIONS, Op, Operand

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEP = re.compile(r"<!-- (edit|create) (\S+?)(?: before: (.*?))? -->\n```\w*\n(.*?)```\n", re.DOTALL)
MOST_FILES = 3


def section(heading: str) -> str:
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def follow(tree: Path, text: str) -> set[str]:
    """Makes the edits of a walk-through; returns the files that they touch."""
    touched = set()
    for what, name, before, block in STEP.findall(text):
        path = tree / name
        touched.add(name)
        if what == "create":
            path.parent.mkdir(parents=True)
            path.write_text(block, encoding="utf-8")
            continue
        source = path.read_text(encoding="utf-8")
        anchor = before.replace("\\n", "\n")
        assert source.count(anchor) == 1, f"{name}: {anchor!r} is not there once"
        gap = "\n\n" if block.startswith("cdef") else ""
        # An import may be there already.
        if block not in source:
            path.write_text(source.replace(anchor, block + gap + anchor), encoding="utf-8")
    return touched


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "PYTHONPATH": str(tree / "src"), "SNOWSNAKE_NO_CACHE": "1"}
    return subprocess.run([sys.executable, *words], cwd=tree, env=surroundings, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    is_built = "SNOWSNAKE_ALL_TESTS" in os.environ
    left_out = ["__pycache__", "*.tmp"] + ([] if is_built else ["*.c"])
    for name in ("src", "tools", "docs") + (("build",) if is_built else ()):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns(*left_out, "debug", "sanitized", "headers"))
    return tmp_path


def generated(tree: Path) -> set[str]:
    """Runs the generator on a copy; returns all files that differ from ours."""
    done = run(tree, "tools/generate.py")
    assert done.returncode == 0, done.stderr
    return {
        str(path.relative_to(tree))
        for folder in ("src", "docs")
        for path in (tree / folder).rglob("*")
        if path.suffix in (".pxd", ".pyx", ".py", ".md") and path.read_bytes() != (ROOT / path.relative_to(tree)).read_bytes()
    }


def evaluated(tree: Path, expression: str) -> tuple[int, str]:
    done = run(tree, "-m", "snowsnake", "eval", "--strict", "-E", expression)
    return done.returncode, done.stdout + done.stderr


def test_walk_throughs_touch_three_files(tree: Path) -> None:
    builtin = next(name for name in ("sum", "sum2", "sum3") if name not in TABLE)
    touched = follow(tree, re.sub(r"\bsum(?=_?\b)", builtin, section("Add a builtin")))
    assert len(touched) <= MOST_FILES, touched
    assert generated(tree) - touched == {
        "docs/builtins.md", "src/snowsnake/builtins/signature_table.pxd", "src/snowsnake/syntax/global_table.pxd", "src/snowsnake/traces/phrases.py",
    }  # fmt: skip
    assert f'{{"{builtin}", {len(builtin)}, ' in (tree / "src/snowsnake/syntax/global_table.pxd").read_text()
    before = generated(tree)
    if "IsNull" not in {op.name for op in INSTRUCTIONS}:
        added = follow(tree, section("Add an operation"))
        # The fourth is its test.
        assert len(added) == MOST_FILES + 1
        assert generated(tree) - before - added == {
            "docs/bytecode.md", "src/snowsnake/bytecode/encodings.pxd", "src/snowsnake/bytecode/opcode_numbers.py", "src/snowsnake/bytecode/opcodes.pxd",
        }  # fmt: skip
    done = run(tree, "-c", "import snowsnake.bytecode.effects")
    assert done.returncode == 0, done.stderr
    if "SNOWSNAKE_ALL_TESTS" in os.environ:
        done = run(tree, "tools/build.py")
        assert done.returncode == 0, done.stdout + done.stderr
        assert evaluated(tree, f"builtins.{builtin} [ 1 2 3.5 ]") == (0, "6.5\n")
        for argument, words in (('"x"', "the first argument passed to"), ('[ 1 "2" ]', "an element of the list passed to")):
            code, text = evaluated(tree, f"builtins.{builtin} {argument}")
            assert code == 1 and f"while evaluating {words} builtins.{builtin}" in text
        program = (tree / "tests/lang/compare-with-null/in.nix").read_text()
        assert evaluated(tree, program) == (0, "[ true false ]\n")
        assert "OpIsNull" in run(tree, "-m", "snowsnake", "disassemble", "-E", program).stdout


def test_other_walk_throughs_name_what_is_there() -> None:
    """Every file and make target that the page names exists."""
    for name in re.findall(r"`((?:src/snowsnake|tools|tests|docs|benchmarks)/[\w./-]+\.\w+)`", PAGE):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`((?:machine|bytecode|traces|syntax|compiler|builtins)/[\w./-]+\.\w+)`", PAGE):
        assert (ROOT / "src/snowsnake" / name).exists(), name
    commands = re.findall(r"make ([a-z-]+)", PAGE)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert commands and set(commands) <= targets | {"try"}


def test_an_operation_touches_its_row_its_case_and_its_emission() -> None:
    """Any other hand-written file that names an operation treats it specially, which an ordinary operation does not need."""
    package = ROOT / "src/snowsnake"
    texts = {
        path.relative_to(package).as_posix(): re.sub(r"^from \S+ cimport (\([^)]*\)|.*)", "", text, flags=re.MULTILINE)
        for path in package.rglob("*")
        if path.suffix in (".py", ".pyx", ".pxd") and "GENERATED" not in (text := path.read_text(encoding="utf-8"))[:40]
    }
    assert set(EFFECTS) == {op.name for op in INSTRUCTIONS}
    three = set()
    # The last five are the machine's own.
    for op in INSTRUCTIONS[:-5]:
        constant = "OP_" + re.sub(r"(?<!^)(?=[A-Z])", "_", op.name).upper()
        named = {name for name, text in texts.items() if re.search(rf"\b{constant}\b|\"{op.name}\"", text)}
        assert {"bytecode/instructions.py", "machine/loop.pyx"} <= named, op.name
        # No operation has to be in short_calls.pyx, which leaves unknown ones to the loop, or in calls.pyx, which watches calls.
        others = named - {"bytecode/instructions.py", "machine/loop.pyx", "machine/short_calls.pyx", "observe/calls.pyx"}
        if all(name.startswith("compiler/") for name in others):
            three.add(op.name)
    assert {"Negate", "List", "AssertBool", "Concatenate", "AssertEqual"} <= three
    # The picture of a new operation is enough for the verifier, or it says that it is not.
    _pictured(Op("Probe", (), "~a ~b -- c", ""))
    for picture, operands in (("~a -- b | ", ()), ("-- *", ()), ("~a -- b", (Operand.U16, Operand.SLOT))):
        with pytest.raises(ValueError, match="does not say everything"):
            _pictured(Op("Probe", operands, picture, ""))
