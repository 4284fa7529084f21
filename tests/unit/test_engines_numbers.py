"""Number formats: what C++ Nix 2.34.8 wrote for the same numbers, and reading them back."""
import math
import random
import struct

import pytest

from snowsnake import Evaluator
from snowsnake.builtins.engines import numbers

# A number, and its text as a printed value, by toString and by toJSON, recorded from nix-instantiate 2.34.8.
FLOATS = [
    (1.0, "1", "1.000000", "1.0"),
    (0.1, "0.1", "0.100000", "0.1"),
    (1.5, "1.5", "1.500000", "1.5"),
    (1e20, "1e+20", "100000000000000000000.000000", "1e+20"),
    (1e-7, "1e-07", "0.000000", "1e-07"),
    (123456789.0, "1.23457e+08", "123456789.000000", "123456789.0"),
    (1234567.0, "1.23457e+06", "1234567.000000", "1234567.0"),
    (100000.0, "100000", "100000.000000", "100000.0"),
    (123456.789, "123457", "123456.789000", "123456.789"),
    (-1.0, "-1", "-1.000000", "-1.0"),
    (-0.0, "-0", "-0.000000", "-0.0"),
    (1e15, "1e+15", "1000000000000000.000000", "1e+15"),
    (0.0001, "0.0001", "0.000100", "0.0001"),
    (0.00012345, "0.00012345", "0.000123", "0.00012345"),
    (math.inf, "inf", "inf", "null"),
    (-math.nan, "-nan", "-nan", "null"),
]


@pytest.mark.parametrize(("number", "printed", "string", "json"), FLOATS)
def test_floats_are_printed_in_three_ways(number, printed, string, json):
    assert Evaluator().evaluate("x: x")(number).to_nix() == printed
    assert numbers.tostring_float(number) == string.encode()
    assert numbers.json_float(number) == json.encode()


def random_floats(seed, count):
    rnd = random.Random(seed)
    for _ in range(count):
        number = struct.unpack("d", rnd.randbytes(8))[0]
        if math.isfinite(number):
            yield number


def test_floats_round_trip_through_json():
    for number in random_floats(1, 20_000):
        text = numbers.json_float(number)
        assert float(text) == number
        assert numbers.read_float(text)[0] == number


def test_read_float_rounds_correctly():
    rnd = random.Random(2)
    for _ in range(20_000):
        text = f"{rnd.randint(-10**rnd.randint(1, 25), 10**20)}.{rnd.randint(0, 10**rnd.randint(1, 20))}e{rnd.randint(-330, 310)}"
        assert numbers.read_float(text.encode())[0] == float(text)


@pytest.mark.parametrize("text", ["", "-", ".", "e5", "0x10", "inf", "nan", " 1", "1 ", "1e", "1.2.3", "--1", "1" * 200 + "x"])
def test_what_is_no_float_is_refused(text):
    with pytest.raises(ValueError):
        numbers.read_float(text.encode())


def test_floats_beyond_the_range_are_marked():
    assert numbers.read_float(b"1e400") == (math.inf, True)
    assert numbers.read_float(b"-1e400") == (-math.inf, True)
    assert numbers.read_float(b"1e-400") == (0.0, True)
    assert numbers.read_float(b"1e-310") == (1e-310, True)
    assert numbers.read_float(b"1" * 300) == (float("1" * 300), False)


def test_integers_are_printed_and_read():
    for number in [0, 1, -1, 9, 10, 2**63 - 1, -(2**63), 1234567890123456789]:
        assert numbers.read_int(str(number).encode()) == number
    for text in [b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"9" * 100]:
        assert numbers.read_int(text) is None
    for text in [b"", b"-", b"+1", b"1a", b" 1", b"9" * 100 + b"x"]:
        with pytest.raises(ValueError):
            numbers.read_int(text)
