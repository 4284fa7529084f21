"""The standard library's `sqlite3` without what it imports for dates, which takes a tenth of a start of `nix eval` with a store.

Out: `sqlite3`, whose functions and classes are those of its module in C.  Code that wants dates imports the real module.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
else:
    try:
        import _sqlite3 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["sqlite3"]
