"""The table of heap objects is the only place that knows their layout: a new row changes only the table and the files that are generated from it."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snowsnake.interpreter import Interpreter
from snowsnake.machine.object_table import KINDS, MARKS, NAMES

ROOT = Path(__file__).resolve().parents[2]
MACHINE = ROOT / "src/snowsnake/machine"
ROW = '    ObjectKind("probe", "box", "two words", "words", size="two more", first=2, end="size", untagged="raw"),\n'
GENERATED = ("KIND_PROBE", "object_words", "followed_words", "untagged_kind", "fits_tag")


def test_a_kind_is_one_row(tmp_path: Path) -> None:
    for name in ("src", "tools", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c", "*.tmp"))
    before = {path: path.read_bytes() for path in (tmp_path / "src").rglob("*.p[yx]*")}
    table = tmp_path / "src/snowsnake/machine/object_table.py"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace(")  # fmt: skip\n", ROW + ")  # fmt: skip\n", 1), encoding="utf-8")
    done = subprocess.run([sys.executable, "tools/generate.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed == {"object_table.py", "word.pxd"}
    header = (table.parent / "word.pxd").read_text(encoding="utf-8")
    for place in GENERATED[1:]:
        body = header.partition(f" {place}(")[2].partition("\ncdef ")[0]
        assert "KIND_PROBE" in body, place


def test_what_follows_objects_names_no_kinds() -> None:
    """Thunks and closures have states and codes; all other kinds are known to the collector and the checks only through the table."""
    for name, known in (("collector.pyx", {"KIND_THUNK", "KIND_CLOSURE"}), ("checks.pyx", set())):
        assert set(re.findall(r"KIND_[A-Z_]+", (MACHINE / name).read_text(encoding="utf-8"))) == known, name


def test_the_census_has_every_kind() -> None:
    counted = Interpreter().census()
    assert set(NAMES) <= set(counted)
    assert counted["builtin"][0] > 100 and counted["builtin"][1] == 8 * counted["builtin"][0]


@pytest.mark.parametrize("old, new", [('("JOINED", 11, ("list", "string")', '("JOINED", 9, ("list",)'), ('("JOINED", 11, ("list", "string")', '("JOINED", 8, ("thunk",)')])
def test_marks_of_a_kind_share_no_bit(tmp_path: Path, old: str, new: str) -> None:
    text = (MACHINE / "object_table.py").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "object_table.py").write_text(text.replace(old, new), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("object_table", tmp_path / "object_table.py")
    assert spec is not None and spec.loader is not None
    with pytest.raises(ValueError, match="mark JOINED"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_every_kind_fits_a_header() -> None:
    assert len(KINDS) < 32 and all(8 <= bit <= 11 for _, bit, _, _ in MARKS)
