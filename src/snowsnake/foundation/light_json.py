"""`loads` and `dumps` of the standard library's `json`, for what every start of a command on a flake reads and writes.

In: text, or data of JSON.  Out: the other.  `json` and the regular expressions that it compiles take a third of such a start; its scanner and its encoder,
which are written in C, are here without them.  An interpreter that does not have them gets `json` itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    encode_basestring: Any
    encode_basestring_ascii: Any
    make_encoder: Any
    make_scanner: Any
else:
    try:
        from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
    except ImportError:
        from json.encoder import encode_basestring

        make_scanner = None

# Returns the JSON text of a string.
quoted = encode_basestring
_BLANKS = " \t\n\r"


class _Reading:
    """What the scanner asks its decoder for."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo: dict[str, str] = {}

    @staticmethod
    def parse_constant(name: str) -> float:
        return float(name)


def _no_constant(name: str) -> float:
    raise ValueError(f"'{name}' is not JSON")


class _ReadingFile(_Reading):
    parse_constant = staticmethod(_no_constant)


def loads(text: str | bytes) -> Any:
    """The data of a document; ValueError says what is wrong with it.

    >>> loads('{"a": [1, 2.5, null, "é"]}')
    {'a': [1, 2.5, None, 'é']}
    """
    if isinstance(text, str):
        return _loads(text, _Reading)
    # The text is UTF-16, UTF-32, or begins with a byte order mark.
    if b"\0" in text[:4] or text.startswith(b"\xef\xbb\xbf"):
        return _json().loads(text)
    return _loads(text.decode("utf-8", "surrogatepass"), _Reading)


def loads_file(data: bytes) -> Any:
    r"""The data of a file as C++ Nix reads it: it is UTF-8 and ends at the first zero byte; `NaN` and halves of surrogate pairs are faults, too.

    >>> loads_file(b"\xef\xbb\xbf[1]\0x")
    [1]
    >>> loads_file("[]".encode("utf-16"))
    Traceback (most recent call last):
    UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte
    """
    found = _loads(data.removeprefix(b"\xef\xbb\xbf").partition(b"\0")[0].decode(), _ReadingFile)
    # Only an escape makes half of a pair.
    if b"\\u" in data:
        try:
            dumps(found, is_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{error.object[error.start]!a} is half of a surrogate pair") from None
    return found


def _loads(text: str, reading: type[_Reading]) -> Any:
    constant = reading.parse_constant
    if make_scanner is None:
        return _json().loads(text, parse_constant=constant)
    try:
        found, end = make_scanner(reading)(text, len(text) - len(text.lstrip(_BLANKS)))
    # CPython 3.11's scanner looks for its exception among the modules that are loaded; where `json` is not, it raises nothing, which is a SystemError.
    except (StopIteration, SystemError):
        # `json` says what is wrong.
        return _json().loads(text, parse_constant=constant)
    return found if not text[end:].strip(_BLANKS) else _json().loads(text, parse_constant=constant)


def dumps(data: object, *, is_compact: bool = False, is_ascii: bool = True, sorts_keys: bool = False) -> str:
    """The text of data, in one line; *is_compact*: without blanks; *is_ascii*: other characters are escaped.

    >>> dumps({"b": 1, "a": ["é"]}, sorts_keys=True), dumps({"b": 1, "a": ["é"]}, is_compact=True, is_ascii=False)
    ('{"a": ["\\\\u00e9"], "b": 1}', '{"b":1,"a":["é"]}')
    """
    item, key = (",", ":") if is_compact else (", ", ": ")
    if make_scanner is None:
        return str(_json().dumps(data, separators=(item, key), ensure_ascii=is_ascii, sort_keys=sorts_keys))
    encode = encode_basestring_ascii if is_ascii else encode_basestring
    return "".join(make_encoder({}, _refuse, encode, None, key, item, sorts_keys, False, True)(data, 0))


def in_one_line(data: object) -> str:
    """The text of data without blanks, with sorted keys, as C++ Nix's programs print it for other programs."""
    return dumps(data, sorts_keys=True, is_compact=True, is_ascii=False)


def indented(data: object, blanks: str = "") -> str:
    """The text of data in several lines, with sorted keys; *blanks* are in front of all but the first line.

    >>> print(indented({"b": [], "a": [1, "é"]}))
    {
      "a": [
        1,
        "é"
      ],
      "b": []
    }
    """
    more = blanks + "  "
    if isinstance(data, dict) and data:
        rows = [f"{quoted(key)}: {indented(data[key], more)}" for key in sorted(data)]
        begin, end = "{}"
    elif isinstance(data, list | tuple) and data:
        rows = [indented(value, more) for value in data]
        begin, end = "[]"
    else:
        return dumps(data, is_ascii=False)
    return f"{begin}\n{more}" + f",\n{more}".join(rows) + f"\n{blanks}{end}"


def in_lines(text: bytes, most_levels: int) -> bytes:
    """A document without blanks, as `indented` writes it.  Numbers and strings stay as they are; RecursionError for more than *most_levels* levels.

    >>> print(in_lines(b'{"a":[1e+15,"[,]"],"b":{}}', 9).decode())
    {
      "a": [
        1e+15,
        "[,]"
      ],
      "b": {}
    }
    """
    import re

    out: list[bytes] = []
    levels = 0
    for token in re.findall(rb'"(?:[^"\\]|\\.)*"|\{\}|\[\]|[][{}:,]|[^][{}:,"]+', text):
        if token in b"{[":
            levels += 1
            if levels > most_levels:
                raise RecursionError
            out += (token, b"\n", b"  " * levels)
        elif token in b"}]":
            levels -= 1
            out += (b"\n", b"  " * levels, token)
        elif token == b",":
            out += (b",\n", b"  " * levels)
        else:
            out.append(b": " if token == b":" else token)
    return b"".join(out)


def _refuse(value: object) -> None:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _json() -> Any:
    import json

    return json
