"""The standard library's `sqlite3` without what it imports for dates, which takes a tenth of a start of `nix eval` with a store.

Out: `sqlite3`, whose functions and classes are those of its module in C; what its calls raise.  Code that wants dates imports the real module.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
else:
    try:
        import _sqlite3 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["FAULTS", "fault_text", "sqlite3"]

# SQLite's message about a damaged file quotes it; then Python fails to decode the message.
FAULTS = (sqlite3.Error, UnicodeDecodeError)


def fault_text(error: Exception) -> str:
    r"""What SQLite says.

    >>> fault_text(sqlite3.Error("no such column"))
    'no such column'
    >>> fault_text(UnicodeDecodeError("utf-8", b"malformed schema (Ref\xff)", 21, 22, "invalid start byte"))
    'malformed schema (Ref\\xff)'
    """
    return error.object.decode("utf-8", "backslashreplace") if isinstance(error, UnicodeDecodeError) else str(error)
