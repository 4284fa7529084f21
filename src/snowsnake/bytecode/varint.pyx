# cython: language_level=3
"""vu128 integers for Python: what the disassembler, the verifier and the tests use.

In: an int of 64 bits, or bytes.  Out: bytes, or the int and its size.  The C side is in the header, inline.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t


def encode(x: int) -> bytes:
    """Encodes an unsigned 64-bit int."""
    cdef uint8_t[9] out
    if not 0 <= x < 1 << 64:
        raise ValueError(f"not an unsigned 64-bit int: {x}")
    cdef uint32_t size = varint_write(out, <uint64_t>x)
    return bytes(out[:size])


def decode(code: bytes, offset: int = 0) -> tuple[int, int]:
    """Decodes at an offset: returns the value and the number of bytes it took.  ValueError if there is none."""
    cdef const uint8_t[::1] view = code
    cdef uint64_t value = 0
    cdef Py_ssize_t total = view.shape[0]
    cdef Py_ssize_t at = offset
    cdef uint32_t size = 0
    if 0 <= at < total:
        size = varint_read_bounded(&view[at], <uint64_t>(total - at), &value)
    if size == 0:
        raise ValueError(f"no varint at offset {offset}")
    return value, size
