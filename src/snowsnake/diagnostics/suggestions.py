"""Names that look like one that was not found."""

from collections.abc import Iterable

MAX_DISTANCE = 2
MAX_SUGGESTIONS = 5


def distance(a: str, b: str, limit: int = MAX_DISTANCE) -> int:
    """Levenshtein distance; anything over `limit` may come back as `limit + 1`.

    >>> distance("foldl", "foldl'"), distance("abc", "xyz")
    (1, 3)
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
        if min(row) > limit:
            return limit + 1
    return row[-1]


def nearest(wanted: str, candidates: Iterable[str]) -> list[str]:
    """At most five candidates within two edits, nearest first, then by name.

    >>> nearest("lenght", ["length", "head", "tail"])
    ['length']
    """
    found = ((distance(wanted, candidate), candidate) for candidate in set(candidates))
    return [name for edits, name in sorted(found) if edits <= MAX_DISTANCE][:MAX_SUGGESTIONS]


def sentence(names: list[str]) -> str:
    """`Did you mean …?` as C++ Nix words it.

    >>> sentence(["a", "b", "c"])
    'Did you mean one of a, b or c?'
    """
    if len(names) == 1:
        return f"Did you mean {names[0]}?"
    return f"Did you mean one of {', '.join(names[:-1])} or {names[-1]}?"
