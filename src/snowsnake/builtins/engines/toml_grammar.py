"""The tokens of TOML 1.0, and messages about what a text lacks that is not such a token.

In: bytes and an offset.  Out: where a token ends, or what was expected in its place, in the words of C++ Nix's library (toml11).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable

_SPECIAL_NAMES = {0: "NUL", 32: "SPACE", 10: "LINE FEED", 13: "CARRIAGE RETURN", 9: "TAB", 11: "VERTICAL TAB", 12: "FORM FEED", 27: "ESCAPE"}


def shown_byte(byte: int) -> str:
    """A byte as messages show it.

    >>> shown_byte(65), shown_byte(10), shown_byte(200)
    ('A', '0x0a(LINE FEED)', '0xc8')
    """
    if 32 < byte < 127:
        return chr(byte)
    name = _SPECIAL_NAMES.get(byte)
    return f"0x{byte:02x}" + (f"({name})" if name else "")


class Token(ABC):
    """A piece of the grammar.  Choices are tried in order, and the first that matches is final: there is no backtracking."""

    pattern: bytes
    _match: "Callable[[bytes, int], re.Match[bytes] | None] | None" = None

    def end(self, data: bytes, at: int) -> int:
        """The offset where the token that begins at an offset ends, or -1."""
        match = self._match
        if match is None:
            match = self._match = re.compile(self.pattern, re.DOTALL).match
        found = match(data, at)
        return found.end() if found else -1

    @abstractmethod
    def expected(self, data: bytes, at: int) -> tuple[str, int]:
        """What a text that is not such a token lacks, and where."""


class Bytes(Token):
    """A token whose bytes match one pattern and that has one name in messages."""

    def __init__(self, pattern: bytes, name: str) -> None:
        self.pattern = pattern
        self._name = name

    def expected(self, data: bytes, at: int) -> tuple[str, int]:
        return self._name, at


def text(literal: str) -> Bytes:
    name = literal if len(literal) > 1 else shown_byte(ord(literal))
    return Bytes(re.escape(literal.encode()), name)


def one_of(choices: str) -> Bytes:
    names = [shown_byte(ord(byte)) for byte in choices]
    joined = " or ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + ", or " + names[-1]
    return Bytes(b"[" + re.escape(choices.encode()) + b"]", joined)


def between(first: str, last: str) -> Bytes:
    return Bytes(f"[\\x{ord(first):02x}-\\x{ord(last):02x}]".encode(), f"from `{shown_byte(ord(first))}` to `{shown_byte(ord(last))}`")


class All(Token):
    """Several tokens, one after another."""

    def __init__(self, *parts: Token) -> None:
        self._parts = parts
        self.pattern = b"(?>" + b"".join(part.pattern for part in parts) + b")"

    def expected(self, data: bytes, at: int) -> tuple[str, int]:
        for part in self._parts:
            end = part.end(data, at)
            if end < 0:
                return part.expected(data, at)
            at = end
        return "", at


class Any(Token):
    """The first of several tokens that matches."""

    def __init__(self, *choices: Token) -> None:
        self._choices = choices
        self.pattern = b"(?>" + b"|".join(choice.pattern for choice in choices) + b")"

    def expected(self, data: bytes, at: int) -> tuple[str, int]:
        names = []
        # Each choice goes on where the one before it got stuck.
        for choice in self._choices:
            name, at = choice.expected(data, at)
            names.append(name)
        return " or ".join(names) if len(names) == 2 else ", ".join(names[:-1]) + ", or " + names[-1], at


class Many(Token):
    """A token that is repeated at least, or exactly, a number of times."""

    def __init__(self, least: int, part: Token, *, is_exact: bool = False) -> None:
        self._least = least
        self._part = part
        self.pattern = b"(?>(?:" + part.pattern + b"){" + (b"%d" if is_exact else b"%d,") % least + b"})"

    def expected(self, data: bytes, at: int) -> tuple[str, int]:
        for _ in range(self._least):
            end = self._part.end(data, at)
            if end < 0:
                return self._part.expected(data, at)
            at = end
        return "", at


class Maybe(Token):
    """A token or nothing."""

    def __init__(self, part: Token) -> None:
        self.pattern = b"(?>(?:" + part.pattern + b")?)"

    def expected(self, data: bytes, at: int) -> tuple[str, int]:
        return "", at


class Named(Token):
    """A token that messages call by one name, whatever part of it is wrong."""

    def __init__(self, part: Token, name: str) -> None:
        self.pattern = part.pattern
        self._name = name

    def expected(self, data: bytes, at: int) -> tuple[str, int]:
        return self._name, at


def _times(count: int, part: Token) -> Token:
    return Many(count, part, is_exact=True)


_DIGIT = Bytes(rb"[0-9]", "digit [0-9]")
_HEX = Bytes(rb"[0-9a-fA-F]", "hex [0-9a-fA-F]")
_ALPHA = Bytes(rb"[a-zA-Z]", "alpha [a-zA-Z]")
_NOT_ASCII = Bytes(
    rb"(?>[\xC2-\xDF][\x80-\xBF]|(?>\xE0[\xA0-\xBF]|[\xE1-\xEC\xEE\xEF][\x80-\xBF]|\xED[\x80-\x9F])[\x80-\xBF]"
    rb"|(?>\xF0[\x90-\xBF]|[\xF1-\xF3][\x80-\xBF]|\xF4[\x80-\x8F])[\x80-\xBF]{2})",
    "non-ascii utf-8 bytes",
)

BLANKS = Many(0, one_of(" \t"))
NEWLINE = Any(text("\n"), Bytes(rb"\r\n", "\r\n"))
COMMENT = All(text("#"), Many(0, Any(text("\t"), between(" ", "~"), _NOT_ASCII)))
COMMENT_LINE = All(COMMENT, NEWLINE)
EMPTY_LINE = All(BLANKS, NEWLINE)
BEGINNING_OF_HEADER = All(BLANKS, text("["))
COMMA = text(",")
BOOLEAN = Any(text("true"), text("false"))


def _digits(digit: Token) -> Token:
    """Digits with underscores between them."""
    return All(digit, Many(0, Any(digit, All(text("_"), digit))))


DECIMAL = All(
    Maybe(one_of("+-")), Any(All(between("1", "9"), Many(1, Any(_DIGIT, All(text("_"), _DIGIT)))), _DIGIT)
)
HEXADECIMAL = All(text("0x"), _digits(_HEX))
OCTAL = All(text("0o"), _digits(between("0", "7")))
BINARY = All(text("0b"), _digits(one_of("01")))
INTEGER = Any(HEXADECIMAL, OCTAL, BINARY, DECIMAL)
_EXPONENT = All(one_of("eE"), Maybe(one_of("+-")), _digits(_DIGIT))
FLOAT = Any(
    All(DECIMAL, Any(_EXPONENT, All(text("."), _digits(_DIGIT), Maybe(_EXPONENT)))),
    All(Maybe(one_of("+-")), Any(text("inf"), text("nan"))),
)
DATE = All(_times(4, _DIGIT), text("-"), _times(2, _DIGIT), text("-"), _times(2, _DIGIT))
TIME = All(
    _times(2, _DIGIT), text(":"), _times(2, _DIGIT), text(":"), _times(2, _DIGIT), Maybe(All(text("."), Many(1, _DIGIT)))
)
OFFSET = Any(one_of("zZ"), All(one_of("+-"), _times(2, _DIGIT), text(":"), _times(2, _DIGIT)))
_BEFORE_TIME = one_of("Tt ")
LOCAL_DATE_TIME = All(DATE, _BEFORE_TIME, TIME)
OFFSET_DATE_TIME = All(DATE, _BEFORE_TIME, TIME, OFFSET)
TIME_MARK = one_of("Tt ")

_ESCAPE = All(text("\\"), Any(one_of('"\\bfnrt'), All(text("u"), _times(4, _HEX)), All(text("U"), _times(8, _HEX))))
_BASIC = Any(Any(one_of(" \t"), text("!"), between("#", "["), between("]", "~"), _NOT_ASCII), _ESCAPE)
BASIC_STRING = All(text('"'), Many(0, _BASIC), text('"'))
ESCAPED_NEWLINE = All(text("\\"), BLANKS, NEWLINE, Many(0, Any(one_of(" \t"), NEWLINE)))
_LITERAL = Any(text("\t"), between(" ", "&"), between("(", "~"), _NOT_ASCII)
LITERAL_STRING = All(text("'"), Many(0, _LITERAL), text("'"))


def _long_string(quote: str, content: Token) -> Token:
    quotes = Any(text(quote * 2), text(quote))
    return All(
        text(quote * 3), Maybe(NEWLINE), Many(0, content), Many(0, All(quotes, Many(1, content))), text(quote * 3), Maybe(quotes)
    )


LONG_BASIC_STRING = _long_string('"', Any(_BASIC, NEWLINE, ESCAPED_NEWLINE))
LONG_LITERAL_STRING = _long_string("'", Any(_LITERAL, NEWLINE))

BARE_KEY = Many(1, Any(_ALPHA, _DIGIT, text("-"), text("_")))
DOT = All(BLANKS, text("."), BLANKS)
EQUALS = All(BLANKS, text("="), BLANKS)
_SIMPLE_KEY = Any(BARE_KEY, BASIC_STRING, LITERAL_STRING)
_KEY = Named(
    Any(All(_SIMPLE_KEY, Many(1, All(DOT, _SIMPLE_KEY))), _SIMPLE_KEY), "basic key([a-zA-Z0-9_-]) or quoted key(\" or ')"
)
TABLE = All(text("["), BLANKS, _KEY, BLANKS, text("]"))
ARRAY_TABLE = All(text("[["), BLANKS, _KEY, BLANKS, text("]]"))
