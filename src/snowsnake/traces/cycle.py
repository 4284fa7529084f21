"""The cycle of an infinite recursion: the values that need each other, as far as their activations still exist."""

from snowsnake.diagnostics.error import RawPosition
from snowsnake.traces.note import Note
from snowsnake.traces.source_tree import SourceTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_SHOWN = 10


def cycle_of(notes: list[Note], features: "Iterable[str]") -> list[tuple[str, RawPosition]]:
    """Returns (name or nothing, place) of each value in the cycle; the first is the one that is needed again."""
    start = next((number for number, note in enumerate(notes) if note.is_code and note.argument), None)
    if start is None:
        return []
    trees: dict[str, SourceTree] = {}
    found = []
    for note in notes[start:]:
        if note.kind == "thunk" and note.extent is not None and note.extent[1] is not None:
            tree = trees.setdefault(note.extent[0], SourceTree(note.extent[1], features))
            found.append(_named(tree, note.extent))
    return found[:MOST_SHOWN]


def _named(tree: SourceTree, extent: RawPosition) -> tuple[str, RawPosition]:
    """Returns the name that a value defines, or nothing, and its place."""
    way = tree.way_to(extent[2], extent[3])
    if not way or way[-1].role != "value" or (way[-1].start, way[-1].end) != extent[2:]:
        return "", extent
    start = way[-1].name_start
    name = way[-1].name
    return name, (extent[0], extent[1], start, start + max(1, len(name)))
