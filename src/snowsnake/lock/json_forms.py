"""What lock files and registries have in common: inputs and version numbers, which C++ Nix reads from JSON without looking closely.

In: data of JSON, any part of which may be wrong.  Out: attributes of an input; a number.
"""

from snowsnake.fetch.errors import MalformedInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.fetch.input_forms import Attributes


def attributes_of(row: object) -> "Attributes":
    """The attributes of an input; none if *row* is not an object.  A number is one of 64 bits without a sign, and its fraction does not count.

    >>> attributes_of({"type": "git", "lastModified": -1, "revCount": 1.5, "shallow": True})
    {'type': 'git', 'lastModified': 18446744073709551615, 'revCount': 1, 'shallow': True}
    """
    found: Attributes = {}
    for name, value in row.items() if isinstance(row, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool):
            # Both comparisons are false for NaN.
            if not -(1 << 63) <= value < 1 << 64:
                raise MalformedInput("unsupported input attribute type in lock file")
            value = int(value) % (1 << 64)
        if not isinstance(value, str | int | bool):
            raise MalformedInput("unsupported input attribute type in lock file")
        found[name] = value
    return found


def version_of(document: object) -> int:
    """The version number of a document: an integer of 32 bits; 0 if there is none.  Raises ValueError if it is not a number.

    >>> version_of({"version": 7.9}), version_of({})
    (7, 0)
    """
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    version = document.get("version", 0)
    if not isinstance(version, int | float):
        raise ValueError("'version' is not a number")
    if not abs(version) < 1 << 63:
        return 0
    low = int(version) % (1 << 32)
    return low - (1 << 32) if low >> 31 else low
