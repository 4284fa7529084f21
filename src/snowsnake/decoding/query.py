"""Parses selectors, which select many attributes in one pass, and makes plans of them.

    python3Packages.*.{name,?version}

In: the text of a selector.  Out: a plan.  Parts are divided by dots: a name (quoted if it has dots or signs), a number for an element of a
list, `*` for every attribute or element, `{a,b}` for some, `?name` for one that may be missing; braces may contain whole selectors.
"""

from typing import Any, NamedTuple, NoReturn

from snowsnake.decoding.decoder import ABSENT, Decoder, Plan
from snowsnake.decoding.selecting import Each, Select
from snowsnake.foundation.arguments import exact


class QueryResult(NamedTuple):
    """The values that a query found, and the errors of the parts that failed, by path.

    >>> import snowsnake
    >>> found = snowsnake.evaluate('{ a.version = "1"; b = throw "no"; }').query("*.version")
    >>> found.values, found.faults
    ({'a': '1'}, {'b': Throw('no')})
    """

    values: Any
    faults: dict[str, Exception]


class _Name(NamedTuple):
    name: str
    is_optional: bool
    # Only names in braces have these: `rest` is what follows the name (`{a.b}`), and `key` the key of its result.
    rest: "list[_Part]" = []
    key: str = ""


# A part is "*", a plain name, or the names in braces.
_Part = str | _Name | list[_Name]


def parse_selector(text: str) -> list[_Part]:
    """The parts of a selector; a ValueError says at which character it is malformed.

    >>> parse_selector("a.*.{b,?c.d}")
    [_Name(name='a', is_optional=False, rest=[], key=''), '*', [_Name(name='b', is_optional=False, rest=[], key='b'), \
_Name(name='c', is_optional=True, rest=[_Name(name='d', is_optional=False, rest=[], key='')], key='c.d')]]
    """
    reader = _Reader(text)
    parts = reader.path()
    if reader.at < len(reader.text):
        reader.fail("a dot or the end")
    return parts


# At most this many parts may follow one another: each is a call in Python when the plan is made, and in C when it is carried out.
_MOST_PARTS = 200
# At most this many braces may be inside each other.
_MOST_BRACES = 100
_SHOWN_CHARACTERS = 80


class _Reader:
    """Reads a selector from left to right; `at` is the index of the next character."""

    def __init__(self, text: str) -> None:
        text = exact(text)
        if not isinstance(text, str):
            raise TypeError(f"a selector is a text, not {type(text).__name__}")
        self.text = text
        self.at = 0
        self.depth = 0

    def fail(self, expected: str) -> NoReturn:
        shown = self.text if len(self.text) <= _SHOWN_CHARACTERS else self.text[:_SHOWN_CHARACTERS] + "…"
        raise ValueError(f"selector {shown!r}: expected {expected} at character {self.at + 1}")

    def peek(self) -> str:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def path(self) -> list[_Part]:
        parts = [self.part()]
        while self.peek() == ".":
            self.at += 1
            parts.append(self.part())
        return parts

    def part(self) -> _Part:
        sign = self.peek()
        if sign == "*":
            self.at += 1
            return "*"
        if sign == "{":
            return self.braces()
        return self.name()

    def braces(self) -> list[_Name]:
        self.depth += 1
        if self.depth > _MOST_BRACES:
            self.fail("fewer braces")
        names: list[_Name] = []
        while True:
            self.at += 1
            self.peek()
            start = self.at
            first = self.name()
            rest: list[_Part] = []
            if self.peek() == ".":
                self.at += 1
                rest = self.path()
            key = self.text[start : self.at].strip().removeprefix("?") if rest else first.name
            names.append(_Name(first.name, first.is_optional, rest, key))
            if self.peek() == "}":
                self.at += 1
                self.depth -= 1
                return names
            if self.peek() != ",":
                self.fail("',' or '}'")

    def name(self) -> _Name:
        is_optional = self.peek() == "?"
        self.at += is_optional
        if self.peek() == '"':
            end = self.text.find('"', self.at + 1)
            if end < 0:
                self.fail("a closing quote")
            name = self.text[self.at + 1 : end]
            self.at = end + 1
            return _Name(name, is_optional)
        start = self.at
        while self.at < len(self.text) and (self.text[self.at].isalnum() or self.text[self.at] in "_-'+"):
            self.at += 1
        if start == self.at:
            self.fail("a name")
        return _Name(self.text[start : self.at], is_optional)


def plan_of_selector(decoder: "Decoder", parts: list[_Part], leaf: "Plan", depth: int = 0) -> "Plan":
    """The plan of a parsed selector, whose ends are `leaf`.  Raises ValueError if too many parts follow one another."""
    if not parts:
        return leaf
    if depth >= _MOST_PARTS:
        raise ValueError(f"selector of more than {_MOST_PARTS} parts")
    first, rest = parts[0], parts[1:]
    if isinstance(first, str):
        return Each(decoder, plan_of_selector(decoder, rest, leaf, depth + 1))
    if isinstance(first, _Name):
        return Select(decoder, [(first.name, first.name, first.is_optional, plan_of_selector(decoder, rest, leaf, depth + 1))], True)
    names = [(name.name, name.key, name.is_optional, plan_of_selector(decoder, [*name.rest, *rest], leaf, depth + 1)) for name in first]
    return Select(decoder, names, False)


def unwrapped(found: object) -> object:
    """The result of a query as users see it: None if a selector of one plain name found nothing."""
    return None if found is ABSENT else found
