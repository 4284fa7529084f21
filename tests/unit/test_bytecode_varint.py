"""vu128 operands: the specification's vectors, and encode-decode for any number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowsnake.bytecode.varint import decode, encode

VECTORS = """
0 → 00
127 → 7f
128 → 80 02
300 → ac 04
1000 → a8 0f
12345 → b9 c0
16383 → bf ff
16384 → c0 00 02
65535 → df ff 07
0xABCDE → de e6 55
0x1FFFFF → df ff ff
0x200000 → e0 00 00 02
0x0FFFFFFF → ef ff ff ff
0x10000000 → f3 00 00 00 10
0xFFFFFFFF → f3 ff ff ff ff
0x1FFFFFFFF → f4 ff ff ff ff 01
0xFFFFFFFFFFFFFFFF → f7 ff ff ff ff ff ff ff ff
168 → a8 02
169 → a9 02
170 → aa 02
"""


@pytest.mark.parametrize("line", VECTORS.split("\n")[1:-1])
def test_numbers_are_encoded_as_specified(line: str) -> None:
    number, _, encoded = line.partition(" → ")
    assert encode(int(number, 0)) == bytes.fromhex(encoded)
    assert decode(bytes.fromhex(encoded)) == (int(number, 0), len(bytes.fromhex(encoded)))


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3), st.binary(max_size=12))
def test_decode_returns_the_encoded_number(number: int, before: bytes, after: bytes) -> None:
    encoded = encode(number)
    assert decode(before + encoded + after, len(before)) == (number, len(encoded))
    with pytest.raises(ValueError, match="no varint"):
        decode(encoded[:-1])


@given(st.binary(max_size=12), st.integers(-3, 12))
def test_any_bytes_are_a_number_or_a_value_error(code: bytes, offset: int) -> None:
    try:
        value, size = decode(code, offset)
    except ValueError:
        return
    assert 0 <= value < 2**64
    assert 1 <= size <= 9
    assert offset + size <= len(code)


@pytest.mark.parametrize("number", [-1, 2**64])
def test_numbers_out_of_range_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        encode(number)
