"""Everything that is wrong with a TOML document, in C++ Nix's words.

In: a document that the reader (toml.pyx) has refused.  Out: the text of the error.  C++ Nix's library (toml11) goes on after a fault and reports all
faults, some of them twice; so this module reads the document once more, slowly, and goes on where that library does.
Over 600 lines: the rules of one grammar call one another, and each goes on behind its own faults.
"""

from collections.abc import Callable

from snowsnake.builtins.engines import toml_grammar as grammar
from snowsnake.builtins.engines.toml_excerpts import Region, TomlFault
from snowsnake.builtins.engines.toml_grammar import Token

# Of a larger document, the reader itself reports the first fault only.
LARGEST_BYTES = 1 << 16
# Arrays and inline tables may have at most this many levels.
_MOST_LEVELS = 100
_MOST_FAULTS = 1000

_INTEGER_HINT = "Hint: valid  : -42, 1_000, 1_2_3_4_5, 0xC0FFEE, 0b0010, 0o755\nHint: invalid: _42, 1__000, 0123\n"
_FLOAT_HINT = "Hint: valid  : +1.0, -2e-2, 3.141_592_653_589, inf, nan\nHint: invalid: .0, 1., _1.0, 1.0_, 1_.0, 1.0__0\n"
_TIME_HINT = "Hint: valid  : 1979-05-27T07:32:00, 1979-05-27 07:32:00.999999\nHint: invalid: 1979-05-27T7:32:00, 1979-05-27 17:32\n"
_DATE_TIME_HINT = "Hint: valid  : 1979-05-27T07:32:00-07:00, 1979-05-27 07:32:00.999999Z\nHint: invalid: 1979-05-27T7:32:00-7:00, 1979-05-27 7:32-00:30"
_OFFSET_HINT = "Hint: valid  : +09:00, -05:30\nHint: invalid: +9:00,  -5:30\n"
_COMMENT_HINT = "Hint: most of the control characters are not allowed in comments"
_KEY_HINT = "Hint: non-ASCII scripts are allowed in toml v1.1.0, but not in v1.0.0.\n"

_RADIXES = {
    ord("b"): (grammar.BINARY, 2, "bin", "bin_int must be like: 0b0101, 0b1111_0000"),
    ord("o"): (grammar.OCTAL, 8, "oct", "oct_int must be like: 0o775, 0o04_44"),
    ord("x"): (grammar.HEXADECIMAL, 16, "hex", "hex_int must be like: 0xC0FFEE, 0xdead_beef"),
}
_ESCAPES = {0x62: "\b", 0x74: "\t", 0x6E: "\n", 0x66: "\f", 0x72: "\r", 0x22: '"', 0x5C: "\\"}


class _Fault(Exception):
    """A fault that ends the reading of the current part of the document."""

    def __init__(self, fault: TomlFault) -> None:
        super().__init__()
        self.fault = fault


class _Value:
    """A value: its kind, its form and its elements, which determine what else may be written at its place."""

    def __init__(self, kind: str, form: str, region: Region) -> None:
        # `kind` is "table", "array" or "scalar"; `form` is "dotted", "implicit", "explicit", "inline" or "tables".
        self.kind = kind
        self.form = form
        self.region = region
        self.table: dict[str, _Value] = {}
        self.array: list[_Value] = []

    def is_array_of_tables(self) -> bool:
        return self.kind == "array" and self.array != [] and all(item.kind == "table" for item in self.array)


def explain(data: bytes) -> str | None:
    """What is wrong with a document; None if nothing is wrong, or the faults cannot be found.

    >>> print((explain(b"a = 01") or "").rstrip())
    [error] bad integer: invalid digit after an integer
     --> fromTOML
       |
     1 | a = 01
       |      ^-- this digit is not allowed
    Hint: valid  : -42, 1_000, 1_2_3_4_5, 0xC0FFEE, 0b0010, 0o755
    Hint: invalid: _42, 1__000, 0123
    """
    if not data or len(data) > LARGEST_BYTES:
        return None
    if data[-1:] not in (b"\n", b"\r"):
        data += b"\n"
    try:
        faults = _Document(data).read()
        return "".join(fault.text() for fault in faults) or None
    except (RecursionError, ValueError):
        return None


class _Document:
    """A document that is being read, and its faults so far."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        self._faults: list[TomlFault] = []
        self._levels = 0
        self._steps = 0

    # -- places --------------------------------------------------------------------------------------------------------

    def _here(self, place: int | None = None) -> Region:
        return Region.at(self._data, self._at if place is None else place)

    def _from(self, first: int) -> Region:
        return Region(self._data, first, self._at)

    def _byte(self, place: int | None = None) -> int:
        """The byte at a place; 0 at the end of the document."""
        place = self._at if place is None else place
        return self._data[place] if place < len(self._data) else 0

    def _is(self, choices: bytes) -> bool:
        return self._at < len(self._data) and self._data[self._at] in choices

    def _has_ended(self) -> bool:
        return self._at >= len(self._data)

    def _advance(self) -> None:
        self._at = min(self._at + 1, len(self._data))
        self._steps += 1
        if self._steps > 8 * len(self._data) + 1000:
            raise ValueError("the library would never end")

    def _take(self, token: Token) -> bool:
        end = token.end(self._data, self._at)
        if end < 0:
            return False
        self._at = end
        return True

    def _lacks(self, title: str, token: Token, hint: str = "", place: int | None = None) -> _Fault:
        expected, at = token.expected(self._data, self._at if place is None else place)
        return _Fault(TomlFault(title, (self._here(at), "expected " + expected), hint=hint))

    def _wrong(self, title: str, note: str, region: Region | None = None, hint: str = "") -> _Fault:
        return _Fault(TomlFault(title, (region or self._here(), note), hint=hint))

    def _report(self, fault: _Fault) -> None:
        self._faults.append(fault.fault)
        if len(self._faults) > _MOST_FAULTS:
            raise ValueError("too many faults to be of use")

    # -- the whole -----------------------------------------------------------------------------------------------------

    def read(self) -> list[TomlFault]:
        root = _Value("table", "explicit", self._here())
        self._top_comment()
        self._table_of(root)
        while not self._has_ended():
            self._spacer()
            if not self._header(root, grammar.ARRAY_TABLE, 2) and not self._header(root, grammar.TABLE, 1):
                is_array = self._data.startswith(b"[[", self._at)
                token = grammar.ARRAY_TABLE if is_array else grammar.TABLE
                self._report(self._lacks(f"toml::parse_file: invalid {'array-table' if is_array else 'table'} key", token))
                self._skip_to_table()
        return self._faults

    def _top_comment(self) -> None:
        first = self._at
        while not self._has_ended():
            try:
                if self._comment_line():
                    continue
            except _Fault as fault:
                self._report(fault)
                self._skip_comments()
                continue
            if not self._take(grammar.EMPTY_LINE):
                self._at = first
            break

    def _table_of(self, table: _Value) -> None:
        """Reads assignments into a table; goes to the next table if one of them is wrong."""
        try:
            self._assignments(table)
        except _Fault as fault:
            self._report(fault)
            self._skip_to_table()

    def _header(self, root: _Value, token: Token, brackets: int) -> bool:
        """Reads `[a.b]` or `[[a.b]]` and its table, if there is one."""
        first = self._at
        if not self._take(token):
            return False
        region = self._from(first)
        end, self._at = self._at, first + brackets
        self._take(grammar.BLANKS)
        keys = self._keys()[0]
        self._at = end
        try:
            if not self._comment_line():
                self._take(grammar.BLANKS)
                if not self._has_ended() and not self._take(grammar.NEWLINE):
                    raise self._lacks("toml::parse_file: newline (or EOF) expected", grammar.NEWLINE)
        except _Fault as fault:
            self._report(fault)
            self._skip_to_table()
            return True
        table = _Value("table", "explicit", region)
        try:
            table = self._insert("tables" if brackets == 2 else "table", root.table, keys, region, table)
        except _Fault as fault:
            self._report(fault)
        self._table_of(table)
        return True

    def _assignments(self, table: _Value) -> None:
        before = len(self._faults)
        is_new_line = True
        while not self._has_ended():
            start = self._at
            is_new_line = self._spacer() or is_new_line
            if self._has_ended():
                break
            if self._take(grammar.BEGINNING_OF_HEADER):
                self._at = start
                break
            if not is_new_line:
                raise self._wrong("toml::parse_table: newline (LF / CRLF) or EOF is expected", "here")
            is_new_line = False
            try:
                keys, region, value = self._assignment()
            except _Fault as fault:
                self._report(fault)
                self._skip_assignment()
                continue
            try:
                is_new_line = self._comment_line()
            except _Fault as fault:
                self._report(fault)
            try:
                self._insert("dotted", table.table, keys, region, value)
            except _Fault as fault:
                self._report(fault)
        if len(self._faults) > before:
            raise _Fault(self._faults.pop())

    def _comment_line(self) -> bool:
        """Skips blanks, a comment and its end of line; if there is no comment, skips nothing and returns False."""
        first = self._at
        self._take(grammar.BLANKS)
        if not self._take(grammar.COMMENT):
            self._at = first
            return False
        if not self._has_ended() and not self._take(grammar.NEWLINE):
            while not self._has_ended():
                self._advance()
                if self._is(b"\n"):
                    self._advance()
                    break
            raise self._wrong("toml::parse_comment_line: newline (LF / CRLF) or EOF is expected", "but got this", hint=_COMMENT_HINT)
        return True

    def _spacer(self) -> bool:
        """Skips blanks, lines and comments; returns whether an end of line was among them."""
        has_newline = False
        while not self._has_ended():
            if self._take(grammar.COMMENT_LINE) or self._take(grammar.NEWLINE):
                has_newline = True
            elif self._is(b" \t"):
                self._take(grammar.BLANKS)
            else:
                break
        return has_newline

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _keys(self) -> tuple[list[str], Region]:
        first = self._at
        keys: list[str] = []
        while not self._has_ended():
            keys.append(self._key())
            if not self._take(grammar.DOT):
                break
        if not keys:
            raise self._wrong("toml::parse_key: expected a new key, but got nothing", "reached EOF", self._here(first))
        return keys, self._from(first)

    def _key(self) -> str:
        first = self._at
        if self._is(b'"'):
            return self._string("parse_basic_string", grammar.BASIC_STRING, 1)
        if self._is(b"'"):
            return self._string("parse_literal_string", grammar.LITERAL_STRING, 1)
        if not self._take(grammar.BARE_KEY):
            raise self._lacks(
                "toml::parse_simple_key: invalid key: key must be \"quoted\", 'quoted-literal', or bare key.", grammar.BARE_KEY, _KEY_HINT
            )
        return self._data[first : self._at].decode()

    def _assignment(self) -> tuple[list[str], Region, _Value]:
        first = self._at
        try:
            keys, region = self._keys()
            if not self._take(grammar.EQUALS):
                raise self._lacks("toml::parse_key_value_pair: invalid key value separator `=`", grammar.EQUALS)
        except _Fault:
            self._at = first
            raise
        return keys, region, self._value()

    def _insert(self, kind: str, table: "dict[str, _Value]", keys: list[str], region: Region, value: _Value) -> _Value:
        """Puts a value where its keys say; *kind*: "dotted" (an assignment), "table" or "tables" (a header)."""
        for key in keys[:-1]:
            found = table.get(key)
            if found is None:
                found = table[key] = _Value("table", "dotted" if kind == "dotted" else "implicit", region)
            elif found.kind == "table":
                if found.form == "inline":
                    raise _clash("failed to insert a value: inline table is immutable", region, "inserting this", found, "to this table")
                if kind == "dotted" and found.form != "dotted":
                    raise _clash(
                        "reopening a table using dotted keys", region, "dotted key cannot reopen a table", found, "this table is already closed"
                    )
            elif found.is_array_of_tables():
                if found.form != "tables":
                    raise _clash("inline array of tables are immutable", region, "inserting this", found, "inline array of tables", "")
                if kind == "dotted":
                    raise _clash(
                        "dotted key cannot reopen an array-of-tables", region, "inserting this", found, "to this array-of-tables.", ""
                    )
                found = found.array[-1]
            else:
                raise _clash(
                    "failed to insert a value, value already exists", region, "while inserting this", found, "non-table value already exists"
                )
            table = found.table
        return _insert_last(kind, table, keys[-1], region, value)

    # -- values --------------------------------------------------------------------------------------------------------

    def _value(self) -> _Value:
        first = self._at
        read = self._kind()
        if self._levels >= _MOST_LEVELS:
            raise ValueError("nested too deeply")
        self._levels += 1
        try:
            value = read()
        finally:
            self._levels -= 1
        return value or _Value("scalar", "", self._from(first))

    def _kind(self) -> "Callable[[], _Value | None]":
        """The function that reads the value that begins here."""
        byte = self._byte()
        if self._is(b"\"'"):
            return self._any_string
        if self._is(b"["):
            return self._array
        if self._is(b"{"):
            return self._inline_table
        if self._is(b"tf"):
            return self._boolean
        if self._is(b"TF"):
            raise self._lacks(f"toml::parse_value: `{'true' if byte == 0x54 else 'false'}` must be in lowercase. A string must be surrounded by quotes.", grammar.BOOLEAN)
        if self._is(b"iInN"):
            name = "inf" if byte in b"iI" else "nan"
            if self._data.startswith(name.encode(), self._at):
                return self._float
            raise self._lacks(f"toml::parse_value: `{name}` must be in lowercase. A string must be surrounded by quotes.", grammar.FLOAT)
        return self._number_kind()

    def _number_kind(self) -> "Callable[[], _Value | None]":
        def end(token: Token) -> int:
            return token.end(self._data, self._at)

        if end(grammar.OFFSET_DATE_TIME) >= 0:
            return lambda: self._date_time(True, True)
        at = end(grammar.LOCAL_DATE_TIME)
        if at >= 0:
            if self._byte(at) in b"+-":
                raise self._lacks("bad offset: must be [+-]HH:MM or Z", grammar.OFFSET, _OFFSET_HINT, at)
            return lambda: self._date_time(True, False)
        at = end(grammar.DATE)
        if at >= 0:
            self._check_behind_date(at)
            return self._date
        if end(grammar.TIME) >= 0:
            return lambda: self._date_time(False, False)
        at = end(grammar.FLOAT)
        if at >= 0:
            if self._byte(at) == 0x5F:
                raise self._wrong("bad float: `_` must be surrounded by digits", "invalid underscore", self._here(at), _FLOAT_HINT)
            return self._float
        at = end(grammar.INTEGER)
        if at >= 0:
            self._check_behind_integer(at)
            return self._integer
        if self._is(b"."):
            raise self._wrong("bad float: integer part is required before decimal point", "missing integer part", hint=_FLOAT_HINT)
        if self._is(b"_"):
            raise self._wrong("bad number: `_` must be surrounded by digits", "digits required before `_`", hint=_INTEGER_HINT)
        raise self._wrong("bad format: unknown value appeared", "here")

    def _check_behind_date(self, at: int) -> None:
        byte = self._byte(at)
        if byte in b"Tt" or (byte == 0x20 and 0x30 <= self._byte(at + 1) <= 0x39):
            raise self._lacks("bad time: must be HH:MM:SS.subsec", grammar.TIME, _TIME_HINT, at + 1)
        if 0x30 <= byte <= 0x39:
            raise self._lacks("bad datetime: missing T or space", grammar.TIME_MARK, _TIME_HINT, at)

    def _check_behind_integer(self, at: int) -> None:
        byte = self._byte(at)
        digits = self._data[self._at : at]
        if byte == 0x5F and digits in (b"0", b"-0", b"+0"):
            raise self._wrong("bad integer: leading zero is not allowed in decimal int", "leading zero", self._here(at), _INTEGER_HINT)
        if byte == 0x5F:
            raise self._wrong("bad integer: `_` must be surrounded by digits", "invalid underscore", self._here(at), _INTEGER_HINT)
        if byte == 0x30:
            raise self._wrong("bad integer: leading zero", "leading zero is not allowed", self._here(at - 1), _INTEGER_HINT)
        if 0x31 <= byte <= 0x39:
            raise self._wrong("bad integer: invalid digit after an integer", "this digit is not allowed", self._here(at), _INTEGER_HINT)
        if byte in b":-":
            raise self._wrong("bad datetime: invalid format", "here", self._here(at), _DATE_TIME_HINT)
        if byte in b".eE":
            raise self._wrong("bad float: invalid format", "here", self._here(at), _FLOAT_HINT)

    def _boolean(self) -> None:
        if not self._take(grammar.BOOLEAN):
            raise self._lacks(
                "toml::parse_boolean: invalid boolean: boolean must be `true` or `false`, in lowercase. string must be surrounded by `\"`",
                grammar.BOOLEAN,
            )

    def _integer(self) -> None:
        first = self._at
        digits = self._data[first + self._is(b"+-") :][:2]
        if digits[:1] == b"0" and digits[1:]:
            radix = _RADIXES.get(digits[1])
            if radix is not None:
                self._radix_integer(*radix)
                return
            if digits[1:].isdigit():
                raise self._wrong("toml::parse_integer: leading zero in an decimal integer is not allowed", "leading zero")
        if not self._take(grammar.DECIMAL):
            raise self._lacks("toml::parse_dec_integer: invalid integer: dec_int must be like: 42, 123_456_789", grammar.DECIMAL)
        if not -1 << 63 <= int(self._data[first : self._at]) < 1 << 63:
            region, self._at = self._here(), first
            raise self._wrong("toml::parse_dec_integer: too large integer: current max digits = 2^63", "must be < 2^63", region)

    def _radix_integer(self, token: Token, base: int, name: str, form: str) -> None:
        first = self._at
        if not self._take(token):
            raise self._lacks(f"toml::parse_{name}_integer: invalid integer: {form}", token)
        if int(self._data[first + 2 : self._at], base) >= 1 << 63:
            region, self._at = self._here(), first
            raise self._wrong(f"toml::parse_{name}_integer: too large integer: current max value = 2^63", "must be < 2^63", region)

    def _float(self) -> None:
        first = self._at
        if not self._take(grammar.FLOAT):
            raise self._lacks("toml::parse_floating: invalid floating: float must be like: -3.14159_26535, 6.022e+23, inf, or nan (lowercase).", grammar.FLOAT)
        text = self._data[first : self._at].replace(b"_", b"")
        if text[-3:] not in (b"inf", b"nan") and abs(float(text)) == float("inf"):
            raise self._wrong("toml::parse_floating: failed to read floating point value from stream", "here")

    # -- dates and times -----------------------------------------------------------------------------------------------

    def _date(self) -> None:
        first = self._at
        self._take(grammar.DATE)
        year, month, day = (int(part) for part in self._data[first : self._at].split(b"-"))
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        days = (29 if is_leap else 28) if month == 2 else 30 if month in (4, 6, 9, 11) else 31
        if not 1 <= month <= 12 or not 1 <= day <= days:
            raise self._wrong(
                "toml::parse_local_date: invalid date.",
                "month must be 01-12, day must be any of 01-28,29,30,31 depending on the month/year.", self._here(first),
            )  # fmt: skip

    def _date_time(self, has_date: bool, has_offset: bool) -> None:
        start = self._at
        if has_date:
            self._date()
            self._advance()
        first = self._at
        self._take(grammar.TIME)
        hour, minute, second = (int(part[:2]) for part in self._data[first : self._at].split(b":"))
        if hour > 23 or minute > 59:
            raise self._wrong("toml::parse_local_time: invalid time.", "hour must be 00-23, minute must be 00-59.", self._here(first))
        if second > 60:
            raise self._wrong("toml::parse_local_time: invalid time.", "second must be 00-60.", self._here(first))
        if not has_offset:
            return
        first = self._at
        self._take(grammar.OFFSET)
        if not self._data[first : first + 1].isalpha():
            if int(self._data[first + 1 : first + 3]) > 24 or int(self._data[first + 4 : first + 6]) > 60:
                raise self._wrong(
                    "toml::parse_offset_datetime: too large offset: |hour| <= 24, |minute| <= 60", "here", self._from(start)
                )

    # -- strings -------------------------------------------------------------------------------------------------------

    def _any_string(self) -> None:
        quote = self._data[self._at : self._at + 1]
        if self._data.startswith(quote * 3, self._at):
            if quote == b'"':
                self._string("parse_ml_basic_string", grammar.LONG_BASIC_STRING, 3)
            else:
                self._string("parse_ml_literal_string", grammar.LONG_LITERAL_STRING, 3)
        elif quote == b'"':
            self._string("parse_basic_string", grammar.BASIC_STRING, 1)
        else:
            self._string("parse_literal_string", grammar.LITERAL_STRING, 1)

    def _string(self, name: str, token: Token, quotes: int) -> str:
        first = self._at
        if not self._take(token):
            raise self._lacks(f"toml::{name}: invalid string format", token)
        content = self._data[first + quotes : self._at - quotes]
        if self._data[first] == 0x27:
            return content.decode()
        return _unescaped(content, quotes == 3)

    # -- arrays and inline tables --------------------------------------------------------------------------------------

    def _array(self) -> _Value:
        before = len(self._faults)
        first = self._at
        items: list[_Value] = []
        self._advance()
        self._spacer()
        has_comma = True
        while not self._has_ended() and not self._is(b"]"):
            if not has_comma:
                raise self._wrong("toml::parse_array: expected value-separator `,` or closing `]`", "here")
            try:
                items.append(self._value())
            except _Fault as fault:
                self._report(fault)
                place = self._at
                self._skip_value()
                if place == self._at:
                    break
                continue
            self._spacer()
            has_comma = self._take(grammar.COMMA)
            try:
                self._comment_line()
            except _Fault as fault:
                self._report(fault)
            if has_comma:
                self._spacer()
        if not self._is(b"]"):
            raise self._wrong("toml::parse_array: missing closing bracket `]`", "expected `]`, reached EOF")
        self._advance()
        if len(self._faults) != before:
            raise _Fault(self._faults[-1])
        value = _Value("array", "inline", self._from(first))
        value.array = items
        return value

    def _inline_table(self) -> _Value:
        before = len(self._faults)
        first = self._at
        table: dict[str, _Value] = {}
        self._advance()
        self._take(grammar.BLANKS)
        is_empty, has_comma = True, False
        while not self._has_ended():
            if self._is(b"}"):
                if has_comma:
                    raise self._wrong("toml::parse_inline_table: trailing comma is not allowed in TOML-v1.0.0)", "here")
                break
            if not has_comma and not is_empty:
                raise self._wrong("toml::parse_inline_table: expected value-separator `,` or closing `}`", "here")
            is_empty = False
            try:
                keys, region, value = self._assignment()
            except _Fault as fault:
                self._report(fault)
                while not self._has_ended() and not self._is(b"}\n"):
                    self._advance()
                break
            try:
                self._insert("dotted", table, keys, region, value)
            except _Fault as fault:
                self._report(fault)
                while not self._has_ended():
                    if self._is(b",\n}"):
                        has_comma = self._is(b",")
                        break
                    self._advance()
                continue
            self._take(grammar.BLANKS)
            has_comma = self._take(grammar.COMMA)
            self._take(grammar.BLANKS)
        if not self._is(b"}"):
            raise self._wrong("toml::parse_inline_table: missing closing bracket `}`", "expected `}`, reached line end")
        self._advance()
        if len(self._faults) > before:
            raise _Fault(self._faults.pop())
        made = _Value("table", "inline", self._from(first))
        made.table = table
        return made

    # -- what is skipped behind a fault --------------------------------------------------------------------------------

    def _skip_comments(self) -> None:
        while not self._has_ended():
            self._take(grammar.BLANKS)
            if self._is(b"#"):
                raise ValueError("the library would never end")
            if not self._take(grammar.NEWLINE):
                return

    def _skip_string(self) -> None:
        quote = self._data[self._at : self._at + 1]
        if self._data.startswith(quote * 3, self._at):
            end = self._data.find(quote * 3, self._at + 3)
            self._at = len(self._data) if end < 0 else end + 3
            return
        while not self._has_ended():
            self._advance()
            if self._is(quote + b"\n"):
                self._advance()
                return

    def _is_header(self) -> bool:
        return grammar.TABLE.end(self._data, self._at) >= 0 or grammar.ARRAY_TABLE.end(self._data, self._at) >= 0

    def _skip_array(self) -> None:
        self._advance()
        while not self._has_ended():
            if self._is(b"\"'"):
                self._skip_string()
            elif self._is(b"#"):
                self._skip_comments()
            elif self._is(b"{"):
                self._skip_table()
            elif self._is(b"["):
                if self._is_header():
                    return
                self._skip_array()
            elif self._is(b"="):
                # An assignment follows, so the bracket is missing in front of its line.
                self._at = self._data.rfind(b"\n", 0, self._at) + 1
                return
            elif self._is(b"]"):
                return
            else:
                self._advance()

    def _skip_table(self) -> None:
        self._advance()
        while not self._has_ended():
            if self._is(b"\n}"):
                return
            if self._is(b"\"'"):
                self._skip_string()
            elif self._is(b"#"):
                self._skip_comments()
                return
            elif self._is(b"["):
                if self._is_header():
                    return
                self._skip_array()
            elif self._is(b"{"):
                self._skip_table()
            else:
                self._advance()

    def _skip_value(self) -> None:
        if self._is(b"\"'"):
            self._skip_string()
        elif self._is(b"["):
            self._skip_array()
        elif self._is(b"{"):
            self._skip_table()
        else:
            while not self._has_ended() and not self._is(b"\n,]}"):
                self._advance()

    def _skip_assignment(self) -> None:
        while not self._has_ended():
            if self._is(b"="):
                self._take(grammar.BLANKS)
                self._skip_value()
                return
            if self._is(b"\n"):
                return
            self._advance()

    def _skip_to_table(self) -> None:
        while not self._has_ended():
            if self._is(b"\n"):
                self._advance()
                line = self._at
                self._take(grammar.BLANKS)
                if self._is_header():
                    self._at = line
                    return
            self._advance()


def _clash(title: str, region: Region, note: str, found: _Value, said: str, blank: str = " ") -> _Fault:
    return _Fault(TomlFault(f"toml::insert_value:{blank}{title}", (region, note), (found.region, said)))


def _insert_last(kind: str, table: "dict[str, _Value]", key: str, region: Region, value: _Value) -> _Value:
    found = table.get(key)
    if found is None:
        if kind == "tables":
            array = table[key] = _Value("array", "tables", region)
            array.array.append(value)
        else:
            table[key] = value
        return value
    if kind == "dotted":
        raise _clash("failed to insert a value, value already exists", region, "inserting this", found, "but value already exists")
    if kind == "table":
        if found.kind != "table" or found.form != "implicit":
            raise _clash("failed to insert a table, table already defined", region, "inserting this", found, "this table is explicitly defined")
        found.form = "explicit"
        found.region = value.region
        return found
    if not found.is_array_of_tables():
        raise _clash(
            "failed to insert an array of tables, value already exists", region, "while inserting this", found, "non-table value already exists"
        )
    if found.form != "tables":
        raise _clash(
            "failed to insert a table, inline array of tables is immutable", region, "while inserting this", found,
            "this is inline array-of-tables",
        )  # fmt: skip
    found.array.append(value)
    return value


def _unescaped(content: bytes, is_long: bool) -> str:
    """The text of a string.  Raises a fault for an invalid code point; it is shown in the rest of the string, as if that were a file."""
    out = []
    at = 0
    if is_long:
        at = 1 if content.startswith(b"\n") else 2 if content.startswith(b"\r\n") else 0
    while at < len(content):
        if content[at] != 0x5C:
            end = content.find(b"\\", at)
            end = len(content) if end < 0 else end
            out.append(content[at:end].decode("utf-8", "surrogateescape"))
            at = end
            continue
        end = grammar.ESCAPED_NEWLINE.end(content, at) if is_long else -1
        if end >= 0:
            at = end
            continue
        escaped = content[at + 1]
        size = {0x75: 4, 0x55: 8}.get(escaped, 0)
        if not size:
            out.append(_ESCAPES[escaped])
            at += 2
            continue
        point = int(content[at + 2 : at + 2 + size], 16)
        if 0xD800 <= point <= 0xDFFF or point > 0x10FFFF:
            raise _Fault(_BadCodePoint(content[at:], size + 2, point))
        out.append(chr(point))
        at += 2 + size
    return "".join(out)


class _BadCodePoint(TomlFault):
    """An escape like `\\ud800`; it is shown in a file without a name, which consists of the string from there on."""

    def __init__(self, rest: bytes, size: int, point: int) -> None:
        region = Region(rest, 1, size)
        if point <= 0xFFFF:
            super().__init__("toml::parse_utf8_codepoint: [0xD800, 0xDFFF] is not a valid UTF-8", (region, "here"))
        else:
            super().__init__("toml::parse_utf8_codepoint: input codepoint is too large.", (region, "must be in range [0x00, 0x10FFFF]"))

    def text(self) -> str:
        return super().text().replace(" --> fromTOML\n", " --> internal temporary\n", 1)
