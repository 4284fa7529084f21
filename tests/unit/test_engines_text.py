"""Version strings, escapes and UTF-8: the results of C++ Nix 2.34.8."""
import random

import pytest

from snowsnake.builtins.engines import text, versions

COMPARED = [
    ("1.0pre", "1.0", -1), ("99999999999999999999", "1", -1), ("01", "1", 0), ("", "pre", 1), ("4294967296", "1", -1),
    ("2147483648", "a", -1), ("2147483647", "a", 1), ("2.3a", "2.3.1", -1), ("", "", 0), ("1", "1.", 0), ("1.0", "1", 1), ("a", "A", 1),
    ("pre", "pre", 0), ("1-2", "1.2", 0), ("1.é", "1.z", 1),
]
SPLIT = [("1.2.3pre4-5a..b", ["1", "2", "3", "pre", "4", "5", "a", "b"]), ("", []), ("..-", []), ("-1", ["1"]), ("a1", ["a", "1"])]
NAMES = [
    ("foo-1.2-bar", "foo", "1.2-bar"), ("foo-", "foo-", ""), ("-1", "", "1"), ("foo-é-2", "foo", "é-2"), ("foo-bar-1-2", "foo-bar", "1-2"),
    ("a--1", "a", "-1"), ("a--b-1", "a", "-b-1"), ("", "", ""), ("-", "-", ""), ("a-B", "a-B", ""),
]


@pytest.mark.parametrize(("a", "b", "order"), COMPARED)
def test_versions_are_compared(a, b, order):
    assert versions.compare(a.encode(), b.encode()) == order
    assert versions.compare(b.encode(), a.encode()) == -order


@pytest.mark.parametrize(("version", "parts"), SPLIT)
def test_versions_are_split(version, parts):
    assert versions.split_version(version.encode()) == [p.encode() for p in parts]


@pytest.mark.parametrize(("full", "name", "version"), NAMES)
def test_names_of_derivations_are_split(full, name, version):
    assert versions.split_drv_name(full.encode()) == (name.encode(), version.encode())


@pytest.mark.parametrize(("plain", "literal"), [
    (b"", b'""'), (b"a", b'"a"'), (b'a\n\t\r"\\', b'"a\\n\\t\\r\\"\\\\"'), (b"${x}", b'"\\${x}"'), (b"$${", b'"$\\${"'), (b"$ $$ $", b'"$ $$ $"'),
    (b"\x01\x7f\xff\x1b", b'"\x01\x7f\xff\x1b"'), ("é".encode(), '"é"'.encode()),
])
def test_strings_are_written_as_nix(plain, literal):
    assert text.nix_string(plain) == literal


def test_names_are_quoted_where_they_must_be():
    for name in [b"a", b"a-b", b"_x", b"a'", b"a-", b"or", b"true", b"__curPos", b"Z9"]:
        assert text.nix_name(name) == name
    for name in [b"", b"1a", b"-a", b"'a", b"a b", b"a.b", b"a/b", "é".encode(), b"if", b"then", b"else", b"assert", b"with", b"let",
                 b"in", b"rec", b"inherit", b"a\0"]:
        assert text.nix_name(name) == text.nix_string(name)


def test_attributes_of_xml_are_escaped():
    assert text.xml_attribute("a<b>&\"'\n\t\r é\x01".encode()) == "a&lt;b&gt;&amp;&quot;'&#xA;\t\r é\x01".encode()


def test_utf8_agrees_with_python():
    rnd = random.Random(3)
    pool = b"a\x7f\x80\xbf\xc0\xc1\xc2\xdf\xe0\xa0\x9f\xed\xef\xf0\x90\x8f\xf4\xf5\xff"
    for _ in range(50_000):
        data = bytes(rnd.choice(pool) for _ in range(rnd.randint(0, 12)))
        try:
            data.decode()
            is_valid = True
        except UnicodeDecodeError:
            is_valid = False
        assert (text.utf8_fault(data) is None) == is_valid, data


def test_bytes_that_are_not_utf8_are_found():
    assert text.utf8_fault(b"abc\xff") == (3, False)
    assert text.utf8_fault(b"\xe9z") == (1, False)
    assert text.utf8_fault(b"abcdefgh\xe2\x82") == (9, True)
