"""What the house has once stays once: loops of tables and sorts, names of classes.

The lists of exceptions only shrink: an entry that is not needed any more fails as well.
"""

import collections
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src/snowsnake"
PROBING = re.compile(r"\b(\w+) = \(\1 \+ 1\) & ")
# The index of the pack may be damaged: those loops count their steps (cache/layout.pxd).
PROBES_BY_HAND = {"cache/pack.pyx", "cache/writing.pyx", "foundation/probing.pxd"}
CLASS = re.compile(r"^(?:cdef )?(?:class|struct) ([A-Z]\w+)", re.MULTILINE)
# `Context` is Nix's word for what a string refers to (machine) and the word of compilers for the chunk under construction (compiler): no module
# imports both, and each is the word that a reader of its room expects.
SHARED = {"Context"}


# Whole numbers from text are read by foundation/digits.py.  A start with a nix.conf reads those of settings, for which it imports nothing more;
# names of Python, of `/proc` and of parts of paths are not numbers that are calculated with.
DIGITS = re.compile(r"\.is(?:digit|decimal|numeric)\(")
DIGITS_BY_HAND = {"foundation/digits.py", "settings/kinds.py", "cli/options.py", "cli/jobs.py"}


def sources(*endings: str) -> list[Path]:
    return sorted(path for ending in endings for path in PACKAGE.rglob(f"*{ending}"))


def test_tables_are_probed_in_one_place() -> None:
    found = {str(path.relative_to(PACKAGE)) for path in sources(".pyx", ".pxd") if PROBING.search(path.read_text(encoding="utf-8"))}
    assert found == PROBES_BY_HAND


def test_two_things_share_no_name() -> None:
    """A name of a compiled class or struct belongs to one module (a `.pyx` and its `.pxd` are one), unless it is known to be shared."""
    homes = collections.defaultdict(set)
    for path in sources(".pyx", ".pxd"):
        for name in CLASS.findall(path.read_text(encoding="utf-8")):
            homes[name].add(path.relative_to(PACKAGE).with_suffix(""))
    shared = {name for name, modules in homes.items() if len(modules) > 1}
    assert shared - SHARED == set(), {name: homes[name] for name in shared - SHARED}
    assert SHARED - shared == set()


def test_whole_numbers_of_users_are_read_in_one_place() -> None:
    rooms = ("cli", "settings", "flake", "lock", "foundation")
    found = {str(path.relative_to(PACKAGE)) for room in rooms for path in (PACKAGE / room).rglob("*.py") if DIGITS.search(path.read_text(encoding="utf-8"))}
    assert found == DIGITS_BY_HAND
