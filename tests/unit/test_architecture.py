"""docs/architecture.md names every part of the package, and its layers in the order that tools/check_imports.py checks."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "src/snowsnake"
# The package itself, and what the machinery of packages needs.
UNNAMED = {"__init__", "__main__", "_native"}


def test_the_layers_are_those_that_are_checked() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from check_imports import LAYERS
    finally:
        sys.path.pop(0)
    wanted = [layer for names in LAYERS if (layer := sorted(set(names) - UNNAMED - {"+"}))]
    shown = re.search(r"exceptions included:\n\n(.*?)\n\n", PAGE, re.DOTALL)
    assert shown is not None
    assert [sorted(layer.split()) for layer in shown[1].split("→")] == wanted


def test_every_part_is_named() -> None:
    table = PAGE.split("Imports run one way")[0]
    parts = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    parts |= {path.stem for path in PACKAGE.iterdir() if path.suffix in (".py", ".pyx")} - UNNAMED
    assert {part for part in parts if not re.search(rf"`{part}(?:/|\.pyx?)`", table)} == set()
