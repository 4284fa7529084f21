"""Checksums of what is kept on disk, so that a faulty disk cannot turn a result into another one.

In: text or bytes.  Out: the same behind its checksum, and back.
"""

from snowsnake.store import hashing

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _Kept = TypeVar("_Kept", str, bytes)


def sealed(kept: "_Kept") -> "_Kept":
    """Puts the checksum in front."""
    made: bytes = hashing.digest("sha256", kept if isinstance(kept, bytes) else kept.encode("utf-8", "surrogatepass"))
    return made[:16] + kept if isinstance(kept, bytes) else made.hex()[:16] + kept


def unsealed(kept: "_Kept") -> "_Kept":
    """Removes the checksum again; ValueError if it is wrong."""
    if sealed(kept[16:]) != kept:
        raise ValueError("a damaged result")
    return kept[16:]
