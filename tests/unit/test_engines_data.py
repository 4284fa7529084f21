"""JSON and TOML: the values and errors of C++ Nix 2.34.8 for the same documents, and hostile documents."""

import json as std_json
import random
import tomllib

import pytest

from snowsnake.api import Evaluator
from snowsnake.builtins.engines import json, toml

JSON_VALUES = [
    ("1.0", 1.0), ("1e5", 1e5), ("-0", 0), ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)),
    ("-9223372036854775809", -9223372036854775809.0), ("18446744073709551616", 18446744073709551616.0), ("[]", []), ("{}", {}),
    ('{"a":1,"a":2}', {b"a": 2}), ('"\\ud83d\\ude00"', "😀".encode()), ('"\\u00e9\\n\\/"', "é\n/".encode()), (" [ null , true,false ] ", [None, True, False]),
    ('\ufeff[1]', [1]),
]
PLACE = "[json.exception.parse_error.101] parse error at line 1, column "
JSON_ERRORS = [
    ("", PLACE + "1: attempting to parse an empty input; check that your input string or stream contains the expected JSON"),
    (" ", PLACE + "2: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal"),
    ("{", PLACE + "2: syntax error while parsing object key - unexpected end of input; expected string literal"),
    ("[1,2,]", PLACE + "6: syntax error while parsing value - unexpected ']'; expected '[', '{', or a literal"),
    ("01", PLACE + "2: syntax error while parsing value - unexpected number literal; expected end of input"),
    ("1.", PLACE + "3: syntax error while parsing value - invalid number; expected digit after '.'; last read: '1.'"),
    (".5", PLACE + "1: syntax error while parsing value - invalid literal; last read: '.'"),
    ("-", PLACE + "2: syntax error while parsing value - invalid number; expected digit after '-'; last read: '-'"),
    ("truex", PLACE + "5: syntax error while parsing value - invalid literal; last read: 'truex'; expected end of input"),
    ("{a:1}", PLACE + "2: syntax error while parsing object key - invalid literal; last read: '{a'; expected string literal"),
    ('{"a" 1}', PLACE + "6: syntax error while parsing object separator - unexpected number literal; expected ':'"),
    ("[1 2]", PLACE + "4: syntax error while parsing array - unexpected number literal; expected ']'"),
    ('"abc', PLACE + "5: syntax error while parsing value - invalid string: missing closing quote; last read: '\"abc'"),
    ('"a\tb"', PLACE + "3: syntax error while parsing value - invalid string: control character U+0009 (HT) must be escaped to"
     " \\u0009 or \\t; last read: '\"a<U+0009>'"),
    ('"\\x"', PLACE + "3: syntax error while parsing value - invalid string: forbidden character after backslash; last read: '\"\\x'"),
    ('"\\u12"', PLACE + "6: syntax error while parsing value - invalid string: '\\u' must be followed by 4 hex digits; last read: '\"\\u12\"'"),
    ('"\\udc00"', PLACE + "7: syntax error while parsing value - invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF;"
     " last read: '\"\\udc00'"),
    ("[1,\n 2,\n x]", "[json.exception.parse_error.101] parse error at line 3, column 2: syntax error while parsing value - invalid"
     " literal; last read: '2,<U+000A> x'"),
    ("1E400", "[json.exception.out_of_range.406] number overflow parsing '1E400'"),
    ("18446744073709551615", "unsigned json number 18446744073709551615 outside of Nix integer range"),
    ('["a\\u0000b", x]', "input string 'a␀b' cannot be represented as Nix string because it contains null bytes"),
    ('{"\\u0000": 1}', "input string '␀' cannot be represented as Nix string because it contains null bytes"),
]


@pytest.mark.parametrize(("document", "value"), JSON_VALUES)
def test_json_has_its_value(document, value):
    found = json.loads(document.encode())
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(("document", "message"), JSON_ERRORS)
def test_bad_json_has_the_message_of_nix(document, message):
    with pytest.raises(json.JsonError) as caught:
        json.loads(document.encode())
    assert str(caught.value) == message


def test_json_that_is_not_utf8_is_refused():
    with pytest.raises(json.JsonError, match="ill-formed UTF-8 byte"):
        json.loads(b'"\xff"')


@pytest.mark.parametrize("depth", [1000, 1_000_000])
def test_deep_json_that_is_not_closed_is_an_error(depth):
    with pytest.raises(json.JsonError):
        json.loads(b"[" * depth)
    with pytest.raises(json.JsonError):
        json.loads(b'{"a":' * depth)


def plain(value: object) -> object:
    """A value with texts for its bytes."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [plain(one) for one in value]
    return {plain(name): plain(one) for name, one in value.items()} if isinstance(value, dict) else value


def test_json_random_bytes_are_refused_or_read_right():
    """The value is that of Python's module; only at a NUL ours ends the document, as C++ Nix does."""
    rnd = random.Random(4)
    read = 0
    for _ in range(20_000):
        data = bytes(rnd.choice(b'{}[]:,"\\u0aD8cC1e+-.tfn \n\x00\x80\xe2\xf0') for _ in range(rnd.randint(0, 16)))
        try:
            found = json.loads(data)
        except json.JsonError:
            continue
        read += 1
        assert plain(found) == std_json.loads(data.partition(b"\0")[0]), data
    assert read > 100


def test_strings_are_written_as_json():
    assert json.json_string('a\n\t\r\x08\x0c"\\/${é\x01\x1f\x7f'.encode()) == '"a\\n\\t\\r\\b\\f\\"\\\\/${é\\u0001\\u001f\x7f"'.encode()
    with pytest.raises(json.JsonError) as caught:
        json.json_string(b"abc\xff")
    assert str(caught.value) == "[json.exception.type_error.316] invalid UTF-8 byte at index 3: 0xFF"


TOML_VALUES = [
    ("", {}),
    ("a = 1\nb = -0\nc = +1_000\nd = 0xff\ne = 0o17\nf = 0b11", {"a": 1, "b": 0, "c": 1000, "d": 255, "e": 15, "f": 3}),
    ("a = 1.5\nb = 1e5_0\nc = inf\nd = -inf\ne = 1E+05\nf = 1e-400", {"a": 1.5, "b": 1e50, "c": float("inf"), "d": -float("inf"), "e": 1e5, "f": 0.0}),
    ("[a.b.c]\n[a]\nx = 1", {"a": {"b": {"c": {}}, "x": 1}}),
    ("[[x]]\na=1\n[[x]]\na=2\n[x.y]\nb=1", {"x": [{"a": 1}, {"a": 2, "y": {"b": 1}}]}),
    ("[a]\nb.c=1\n[a.b.d]\ne=2", {"a": {"b": {"c": 1, "d": {"e": 2}}}}),
    ("a={ }\nb={ a=1 , b . c = 2 }", {"a": {}, "b": {"a": 1, "b": {"c": 2}}}),
    ("a = [ # c\n 1, # d\n\n 2 \n , ]", {"a": [1, 2]}),
    ('"" = 1\n"a.b" = 2\na."c d" = 3', {"": 1, "a.b": 2, "a": {"c d": 3}}),
    ("1.2=3\n- = 4", {"1": {"2": 3}, "-": 4}),
    ('a = """\n x\\\n   y"""\nb=\'\'\'\nz\'\'\'\nc = """""x"""""\nd="\\U0001F600"', {"a": " xy", "b": "z", "c": '""x""', "d": "😀"}),
    ('a = """a\r\nb"""', {"a": "a\r\nb"}),
]


def encoded(value):
    if isinstance(value, dict):
        return {k.encode(): encoded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [encoded(v) for v in value]
    return value.encode() if isinstance(value, str) else value


@pytest.mark.parametrize(("document", "value"), TOML_VALUES)
def test_toml_has_its_value(document, value):
    assert toml.loads(document.encode()) == encoded(value)


@pytest.mark.parametrize(("written", "shown"), [
    ("1979-05-27T07:32:00Z", "1979-05-27T07:32:00Z"), ("1979-05-27t07:32:00z", "1979-05-27T07:32:00Z"),
    ("1979-05-27 07:32:00-07:00", "1979-05-27T07:32:00-07:00"), ("1979-05-27T07:32:00+00:00", "1979-05-27T07:32:00Z"),
    ("1979-05-27T07:32:00+00:60", "1979-05-27T07:32:00+01:00"), ("1979-05-27T07:32:00.999999", "1979-05-27T07:32:00.999999"),
    ("1979-05-27T07:32:00.1234567891Z", "1979-05-27T07:32:00.123456789Z"), ("07:32:00.5", "07:32:00.500"), ("07:32:00.0001", "07:32:00.000100"),
    ("07:32:00.000", "07:32:00"), ("07:32:00.120000000000", "07:32:00.120"), ("23:59:60", "23:59:60"), ("2000-02-29", "2000-02-29"),
])
def test_timestamps_of_toml_are_kept(written, shown):
    assert toml.loads(b"a = " + written.encode() + b" # c") == {b"a": ("timestamp", shown.encode())}


TOML_ERRORS = [
    "a", "a =", "= 1", "a = 1\na = 2", "[a]\n[a]", "a.b=1\n[a]", "a={b=1}\na.c=2", "a={b=1,}", "a={\nb=1}", "a=9223372036854775808",
    "a=0x8000000000000000", "a=1e400", "a=01", "a=1_", "a=1__0", "a=1.", "a=.5", "a=+0x1", "a=1979-13-01", "a=1900-02-29", "a=24:00:00",
    "a=07:32", "a=07:32:61", "a=07:32:00Z", "a=1979-05-27T07:32:00+25:00", "a=\"\\e\"", "a=\"\\uD800\"", "a=\"\\U00110000\"", "a=\"b\n\"",
    "a='x\x01'", "# \x7f", "a=1\rb=2", "a=1 b=2", "[a]x=1", "[]", "[[a] ]", "a=[1 2]", "a=[,]", "a=[1", "a={a=1", "a=[1]\n[[a]]",
    "a=[{}]\n[a.b]", "[a]\n[[a]]", "[[a]]\n[a]", "[a.b]\n[a]\nb.c=1", "é=1", "a=tru", "a=Inf", "a=\"\"\"x\"\"\"\"\"\"", "a=\"\\u0000\"",
]


@pytest.mark.parametrize("document", TOML_ERRORS)
def test_bad_toml_is_an_error(document):
    with pytest.raises(toml.TomlError, match="^while parsing TOML: "):
        toml.loads(document.encode())


def test_an_error_of_toml_shows_the_place():
    with pytest.raises(toml.TomlError) as caught:
        toml.loads(b"a = 1\nb = 1 c = 2")
    assert str(caught.value) == (
        "while parsing TOML: [error] toml::parse_table: newline (LF / CRLF) or EOF is expected\n"
        " --> fromTOML\n   |\n 2 | b = 1 c = 2\n   |       ^-- here\n"
    )


@pytest.mark.parametrize("document", [b"a=" + b"[" * 500_000, b"a=" + b"{a=" * 300_000, b"[" + b"a." * 300_000, b"a" + b".a" * 300_000])
def test_deep_toml_that_is_not_closed_is_an_error(document):
    with pytest.raises(toml.TomlError):
        toml.loads(document)


def test_toml_may_be_300_000_levels_deep():
    value = toml.loads(b"a" + b".a" * 300_000 + b"=1")
    while isinstance(value, dict):
        value = value[b"a"]
    assert value == 1
    value = toml.loads(b"a=" + b"[" * 300_000 + b"]" * 300_000)[b"a"]
    depth = 1
    while value:
        value = value.pop()
        depth += 1
    assert depth == 300_000


def test_toml_random_bytes_are_refused_or_read_right():
    """The value is that of Python's module, except dates, which have no type in Nix."""
    rnd = random.Random(5)
    read = 0
    pieces = [b"a", b"b", b"=", b"1", b".", b"[", b"]", b"{", b"}", b",", b'"', b"'", b"\n", b" ", b"#", b"\\", b"u0041", b"2020-01-01",
              b"T10:00:00", b"Z", b"+", b"-", b"_", b"e", b"0x", b"\r\n", b'"""', b"'''", b"true", b"inf", b"\xff", b"\xc3\xa9"]
    for _ in range(20_000):
        data = b"".join(rnd.choice(pieces) for _ in range(rnd.randint(0, 12)))
        try:
            found = toml.loads(data)
        except toml.TomlError:
            continue
        read += 1
        assert b"=2020" in data or plain(found) == tomllib.loads(data.decode()), data
    assert read > 1000


def test_toml_with_many_keys_is_read_in_linear_time():
    document = "".join(f"[[package]]\nname = \"p{i}\"\nk{i} = [1, 2]\n" for i in range(5000)).encode()
    assert len(toml.loads(document)[b"package"]) == 5000


@pytest.mark.parametrize(
    ("text", "value"),
    [('[""]', {"": {}}), ('"" = { "" = "" }', {"": {"": ""}}), ('[""]\n"" = 1\n[a.""]\n"" = 2', {"": {"": 1}, "a": {"": {"": 2}}})],
)
def test_names_of_no_bytes_are_read(text, value):
    """A name without bytes has no address; a build with sanitizers checks how it is compared and copied."""
    assert Evaluator().evaluate(f"builtins.fromTOML ''{text}''").to_python() == value
