"""Checks that compiled code looks at the result of every allocation.

usage: python tools/check_allocations.py [FOLDER]        (default: src/snowsnake); exit code 1 and a line for each fault

foundation/allocate.pxd says what a caller does when there is no memory.  This tool checks that it asks at all: the result of one of ALLOCATING must be
returned, compared, or assigned to a name that the next LOOKED_AT lines of the function compare with NULL or use as a condition.
"""

import re
import sys
from pathlib import Path

ALLOCATING = ("allocate_items", "allocate_zeros", "resize_items", "copy_bytes", "copy_text", "scratch_entries")
# So many lines are looked at, including that of the call.
LOOKED_AT = 14

CALL = re.compile(rf"\b(?:{'|'.join(ALLOCATING)})\(")
TARGET = re.compile(r"^\s*(?:cdef\s+(?:const\s+)?[\w.]+\**\s+)?(?P<name>[\w.\[\]\-+* ]*?[\w\]])\s*=\s*[^=]")
FUNCTION = re.compile(r"^(?:cdef|cpdef|def|class)\b")


def is_looked_at(name: str, lines: list[str]) -> bool:
    """Whether these lines test a name: `name == NULL`, `if name:`, `not name`, `name and …`."""
    text = re.escape(name)
    asked = re.compile(rf"(?<![\w.]){text}\s*(?:==|!=|is)\s|\b(?:if|not|and|or|while|return)\s+\(?(?:not\s+)?{text}(?![\w.\[(])|(?<![\w.]){text}\s+(?:if|and|or)\b")
    return any(asked.search(line) for line in lines)


def faults(path: Path) -> list[tuple[int, str]]:
    found = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines):
        code = line.split("#")[0]
        if not CALL.search(code) or FUNCTION.match(code) or "cimport" in code:
            continue
        if re.search(r"\breturn\b|==|!=|\bif\b|\bnot\b", code.split(CALL.search(code)[0])[0]) or re.search(r"\)\s*(==|!=)", code):
            continue
        following = lines[number : number + LOOKED_AT]
        for end in range(1, len(following)):
            if FUNCTION.match(following[end]):
                following = following[:end]
                break
        target = TARGET.match(code)
        if target is None:
            found.append((number + 1, "goes on unseen: " + code.strip()))
        elif not is_looked_at(target["name"].strip().lstrip("*").strip(), following[1:] or following):
            found.append((number + 1, f"{target['name'].strip()} is not looked at"))
    return found


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "src/snowsnake")
    count = 0
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".pyx", ".pxd", ".pxi")):
        if path.name in ("allocate.pyx", "allocate.pxd"):
            continue
        for line, what in faults(path):
            count += 1
            print(f"{path}:{line}: {what}")
    print(f"{count} allocations that nobody looks at" if count else "every allocation is looked at")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
