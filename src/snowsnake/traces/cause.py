"""The cause of an error as facts, from which traces are made.  No code reads it from a message."""

# These are in the order of Fault in machine/state.pxd.
FAULTS = ("other", "wrong-type", "not-coercible", "not-addable", "not-comparable", "no-attribute", "not-convertible", "not-absolute", "fetch", "no-file", "not-built")
# These are numbers of Part in machine/state.pxd.  1 to 7 are arguments, 9 to 15 elements.
_ELEMENT = 8
_NAMED_PARTS = {16: "result", 17: "attribute", 18: "elements"}


def part_name(part: int, attribute: str = "") -> str:
    """A part of a builtin's input.

    >>> part_name(2), part_name(9), part_name(16), part_name(17, "name"), part_name(0)
    ('argument 2', 'element 1', 'result', 'attribute name', '')
    """
    if 0 < part < _ELEMENT:
        return f"argument {part}"
    if _ELEMENT < part < 16:
        return f"element {part - _ELEMENT}"
    return (_NAMED_PARTS.get(part, "") + " " + attribute).rstrip()


class Cause:
    """An error: the catalogue's word for it, its kind, and for a wrong type what was expected (`a set`)."""

    __slots__ = ("code", "kind", "expected")

    def __init__(self, code: str, kind: str = "other", expected: str = "") -> None:
        self.code = code
        self.kind = kind
        self.expected = expected

    def wants(self, expected: str) -> bool:
        """Whether a value of another type was found."""
        return self.kind == "wrong-type" and self.expected == expected
