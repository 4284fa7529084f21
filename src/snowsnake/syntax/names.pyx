# cython: language_level=3
"""Names and strings as Nix text.

In: bytes.  Out: the size that they need, and the text itself: strings in quotes with escapes, attribute names without quotes if
they read back as the same name.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memcpy
from snowsnake.foundation.escapes cimport escape_letter
from snowsnake.syntax.lexer cimport CLASS_DIGIT, CLASS_NAME, character_classes
from snowsnake.syntax.lexer cimport keyword_or_identifier
from snowsnake.syntax.tokens cimport TOKEN_IDENTIFIER, TOKEN_OR_WORD

cdef const uint8_t* CLASS_OF = character_classes()
# In a quoted string, these bytes need a backslash; `$` needs one only before `{`.
cdef bint[256] IS_ESCAPED


cdef fill_table():
    for byte in b'"\\\n\r\t':
        IS_ESCAPED[<int>byte] = True


fill_table()


cdef bint is_plain_name(const Text* name) noexcept nogil:
    """Whether it is an identifier.  `or` counts as one where a name is allowed."""
    cdef uint8_t kind
    cdef uint32_t i
    if name.size_bytes == 0 or CLASS_OF[name.data[0]] & CLASS_DIGIT:
        return False
    if name.data[0] == c'-' or name.data[0] == c"'":
        return False
    for i in range(name.size_bytes):
        if not CLASS_OF[name.data[i]] & CLASS_NAME:
            return False
    kind = keyword_or_identifier(name.data, name.size_bytes)
    return kind == TOKEN_IDENTIFIER or kind == TOKEN_OR_WORD


cdef inline bint is_interpolation(const uint8_t* data, size_t i, size_t size_bytes) noexcept nogil:
    return data[i] == c'$' and i + 1 < size_bytes and data[i + 1] == c'{'


cdef size_t quoted_text_bytes(const uint8_t* data, size_t size_bytes) noexcept nogil:
    cdef size_t needed = size_bytes + 2
    cdef size_t i
    for i in range(size_bytes):
        if IS_ESCAPED[data[i]] or is_interpolation(data, i, size_bytes):
            needed += 1
    return needed


cdef void write_quoted(const uint8_t* data, size_t size_bytes, uint8_t* written) noexcept nogil:
    cdef size_t i
    written[0] = c'"'
    written += 1
    for i in range(size_bytes):
        if IS_ESCAPED[data[i]] or is_interpolation(data, i, size_bytes):
            written[0] = c'\\'
            written[1] = escape_letter(data[i])
            written += 2
        else:
            written[0] = data[i]
            written += 1
    written[0] = c'"'


cdef size_t name_text_bytes(const Text* name) noexcept nogil:
    return name.size_bytes if is_plain_name(name) else quoted_text_bytes(name.data, name.size_bytes)


cdef void write_name(const Text* name, uint8_t* written) noexcept nogil:
    if is_plain_name(name):
        memcpy(written, name.data, name.size_bytes)
    else:
        write_quoted(name.data, name.size_bytes, written)
