"""Names that look like one that was not found."""

from snowsnake.diagnostics.edit_distance import within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DISTANCE = 2
MAX_SUGGESTIONS = 5


def nearest(wanted: str, candidates: "Iterable[str]") -> list[str]:
    """At most five candidates within two edits, nearest first, then by name.

    >>> nearest("lenght", ["length", "head", "tail"])
    ['length']
    """
    return [name for _, name in sorted(within(wanted, set(candidates), MAX_DISTANCE))][:MAX_SUGGESTIONS]


def sentence(names: list[str]) -> str:
    """`Did you mean …?` as C++ Nix words it.

    >>> sentence(["a", "b", "c"])
    'Did you mean one of a, b or c?'
    """
    if len(names) == 1:
        return f"Did you mean {names[0]}?"
    return f"Did you mean one of {', '.join(names[:-1])} or {names[-1]}?"
