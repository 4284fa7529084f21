# cython: language_level=3
"""Escapes: a backslash and a letter that stand for a control character, in Nix and derivations (n, r, t), and in JSON and TOML (b and f, too)."""
from libc.stdint cimport uint8_t

cdef inline uint8_t escape_letter(uint8_t byte) noexcept nogil:
    """The letter that Nix writes behind a backslash for this byte; the byte itself if it has none."""
    if byte == c'\n':
        return c'n'
    if byte == c'\r':
        return c'r'
    if byte == c'\t':
        return c't'
    return byte

cdef inline uint8_t unescaped(uint8_t letter) noexcept nogil:
    """The byte that a backslash and this letter stand for in Nix, which is the letter itself for any other letter than n, r and t."""
    if letter == c'n':
        return c'\n'
    if letter == c'r':
        return c'\r'
    if letter == c't':
        return c'\t'
    return letter

cdef inline uint8_t json_escape_letter(uint8_t byte) noexcept nogil:
    """The letter that JSON writes behind a backslash for this control character, or 0."""
    cdef uint8_t letter = escape_letter(byte)
    if byte == 8:
        return c'b'
    if byte == 12:
        return c'f'
    return letter if letter != byte else 0

cdef inline uint8_t json_unescaped(uint8_t letter) noexcept nogil:
    """The control character that a backslash and this letter stand for in JSON and TOML, or 0."""
    cdef uint8_t byte = unescaped(letter)
    if letter == c'b':
        return 8
    if letter == c'f':
        return 12
    return byte if byte != letter else 0
