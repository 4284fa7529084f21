"""Regular expressions that are compiled when they are first used: one command needs only a few of those that a module defines.

In: a pattern and its flags, as for `re.compile`.  Out: an object with the methods of a compiled pattern.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any, AnyStr


class _Pattern:
    __slots__ = ("_given", "fullmatch", "match", "search", "finditer", "findall", "split", "sub")

    def __init__(self, text: "Any", flags: int) -> None:
        self._given = (text, flags)

    def __getattr__(self, name: str) -> "Any":
        import re

        compiled = re.compile(*self._given)
        for method in self.__slots__[1:]:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: "AnyStr", flags: int = 0) -> "re.Pattern[AnyStr]":
    """
    >>> pattern("a+").fullmatch("aa") is None, pattern(b"b").sub(b"c", b"abba")
    (False, b'acca')
    """
    found: Any = _Pattern(text, flags)
    return found  # type: ignore[no-any-return]
