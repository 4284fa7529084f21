"""Regular expressions of command lines: POSIX extended ones, as in C++'s library.

In: the text of a pattern.  Out: a compiled one, or an error with the words of that library, which differ from those of `builtins.match`.
"""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.digits import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.builtins.engines.regex import CompiledPattern

_DIGITS = "0123456789"
_MOST_REPEATS = (1 << 31) - 1
_PARENTHESES = "Mismatched '(' and ')' in regular expression"
_BRACKET = "Unexpected character within '[...]' in regular expression"
_CLASSES = ("alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit", "d", "w", "s")


def compiled(text: str) -> "CompiledPattern":
    from snowsnake.builtins.engines.regex import CompiledPattern, RegexError

    try:
        return CompiledPattern(text.encode("utf-8", "surrogateescape"))
    except RegexError as error:
        message = fault(text)
        if error.is_too_large:
            message = (
                "Number of NFA states exceeds limit. Please use shorter regex string, or use smaller brace expression, or make "
                "_GLIBCXX_REGEX_STATE_LIMIT larger."
            )
        raise EvaluationError("value", message) from None


def fault(text: str) -> str:
    """The fault of a pattern that does not compile.

    >>> fault("a{2,1}"), fault("*"), fault("[b-a]")
    ("Invalid range in '{}' in regular expression", "Mismatched '(' and ')' in regular expression", 'Invalid range in bracket expression.')
    """
    position, depth, has_atom = 0, 0, False
    while position < len(text):
        character = text[position]
        position += 1
        if character == "\\":
            if position == len(text):
                return "Invalid escape at end of regular expression"
            if text[position] not in ".[]\\*^$()|+?{}":
                return "Invalid escape in regular expression"
            position += 1
            has_atom = True
        elif character == "[":
            message, position = _bracket(text, position)
            if message:
                return message
            has_atom = True
        elif character == "(":
            depth, has_atom = depth + 1, False
        elif character == ")":
            if not depth:
                return _PARENTHESES
            depth, has_atom = depth - 1, True
        elif character == "|":
            has_atom = False
        elif character in "*+?{":
            if not has_atom:
                return _PARENTHESES
            if character == "{":
                message, position = _repeat(text, position)
                if message:
                    return message
        else:
            has_atom = character not in "^$"
    return _PARENTHESES


def _repeat(text: str, position: int) -> tuple[str, int]:
    end = text.find("}", position)
    inner = text[position:] if end < 0 else text[position:end]
    least, comma, most = inner.partition(",")
    if least.strip(_DIGITS) or not least or most.strip(_DIGITS):
        return "Invalid range in '{}' in regular expression", 0
    first, last = whole_number(least, _MOST_REPEATS), whole_number(most or least, _MOST_REPEATS)
    if first is None or last is None:
        # The library has this message for every number that is too large.
        return "invalid back reference", 0
    if end < 0:
        return "Mismatched '{' and '}' in regular expression", 0
    if last < first:
        return "Invalid range in '{}' in regular expression", 0
    return "", end + 1


def _bracket(text: str, position: int) -> tuple[str, int]:
    if text[position : position + 1] == "^":
        position += 1
    first = True
    while True:
        if position >= len(text):
            return _BRACKET, 0
        character = text[position]
        if character == "]" and not first:
            return "", position + 1
        first = False
        if text.startswith("[:", position):
            end = text.find(":]", position)
            if end < 0:
                return "Invalid character class in regular expression", 0
            if text[position + 2 : end].lower() not in _CLASSES:
                return "Invalid character class.", 0
            position = end + 2
        elif text.startswith("-", position + 1) and text[position + 2 : position + 3] != "]":
            if position + 2 >= len(text):
                return "Invalid end of '[x-x]' range in regular expression", 0
            if text[position + 2] < character:
                return "Invalid range in bracket expression.", 0
            position += 3
        else:
            position += 1


_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))


class Searcher:
    """Searches texts for a regular expression, ignoring the case of ASCII letters."""

    def __init__(self, text: str) -> None:
        lower = text.encode("utf-8", "surrogateescape").translate(_LOWER)
        self._word = lower if lower and all(byte in _PLAIN for byte in lower) else b""
        self._pattern = None
        if not self._word:
            # Without case, upper and lower letters are the same class.
            lower = lower.replace(b"[:upper:]", b"[:alpha:]").replace(b"[:lower:]", b"[:alpha:]")
            compiled(text)
            self._pattern = compiled("(" + lower.decode("utf-8", "surrogateescape") + ")")

    def may_be_in(self, texts: list[str]) -> list[int]:
        """The places of the texts that may match, in order; a word is found in all of them at once.  No text has a NUL.

        >>> Searcher("ox").may_be_in(["fox", "dog", "OX ox"]), Searcher("o.").may_be_in(["a", "b"])
        ([0, 2], [0, 1])
        """
        if self._pattern is not None:
            return list(range(len(texts)))
        data = "\0".join(texts).encode("utf-8", "surrogateescape").translate(_LOWER)
        found: list[int] = []
        place, counted = 0, 0
        start = data.find(self._word)
        while start >= 0:
            place += data.count(b"\0", counted, start)
            found.append(place)
            counted = start
            # The search goes on behind the end of this text.
            start = data.find(b"\0", start)
            start = data.find(self._word, start) if start >= 0 else -1
        return found

    def places(self, text: str) -> list[tuple[int, int]]:
        """Begin and end of each match, in bytes.

        >>> Searcher("F[OX]").places("a fox, FOO"), Searcher("o").places("foo")
        ([(2, 4), (7, 9)], [(1, 2), (2, 3)])
        """
        data = text.encode("utf-8", "surrogateescape").translate(_LOWER)
        found: list[tuple[int, int]] = []
        if self._pattern is None:
            start = data.find(self._word)
            while start >= 0:
                end = start + len(self._word)
                found.append((start, end))
                start = data.find(self._word, end)
            return found
        pieces = self._pattern.split(data)
        position = 0
        for number in range(1, len(pieces), 2):
            position += len(pieces[number - 1])
            size = len(pieces[number][0])
            found.append((position, position + size))
            position += size
        return found


_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_ -")
