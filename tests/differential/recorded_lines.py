"""Command lines, and what 2.34.8 does in each of them: a file of JSON beside a test, and how it is recorded again."""

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def record(place: Path, lines: Iterable[str], run: Callable[[Path, str, str], object], commands: str, is_kept: Callable[[str], bool]) -> None:
    """Run, with the *commands* in a folder, the lines that *place* does not have, and those of which it is not to keep what it has."""
    known = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    found = {}
    for line in lines:
        if line in known and is_kept(line):
            found[line] = known[line]
            continue
        with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
            found[line] = run(Path(folder), commands, line)
    place.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
