# cython: language_level=3
"""Version strings, as splitVersion, compareVersions and parseDrvName split them.

In: the bytes of a version or a package name.  Out: components, an order, or the place where the version begins.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp
from snowsnake.builtins.engines.text cimport is_digit
from snowsnake.foundation.limits cimport is_stop_asked

cdef enum:
    NOT_A_NUMBER = -1
    # Components with greater numbers are compared as text, as in C++ Nix.
    LARGEST_NUMBER = 0x7FFFFFFF


cdef inline bint is_separator(uint8_t byte) noexcept nogil:
    return byte == c'.' or byte == c'-'


cdef VersionPart version_next(VersionCursor* cursor) noexcept nogil:
    """The next component: a run of digits, or of what is neither a digit nor `.` nor `-`."""
    cdef VersionPart part
    cdef bint has_digits
    while cursor.position != cursor.end and is_separator(cursor.position[0]):
        cursor.position += 1
    part.data = cursor.position
    if cursor.position != cursor.end:
        has_digits = is_digit(cursor.position[0])
        while cursor.position != cursor.end and is_digit(cursor.position[0]) == has_digits \
                and not is_separator(cursor.position[0]):
            cursor.position += 1
    part.size_bytes = cursor.position - part.data
    return part


cdef int64_t part_number(VersionPart part) noexcept nogil:
    cdef int64_t number = 0
    cdef size_t i
    if part.size_bytes == 0:
        return NOT_A_NUMBER
    for i in range(part.size_bytes):
        if not is_digit(part.data[i]):
            return NOT_A_NUMBER
        number = number * 10 + (part.data[i] - c'0')
        if number > LARGEST_NUMBER:
            return NOT_A_NUMBER
    return number


cdef bint is_pre(VersionPart part) noexcept nogil:
    return part.size_bytes == 3 and part.data[0] == c'p' and part.data[1] == c'r' and part.data[2] == c'e'


cdef bint is_before(VersionPart a, VersionPart b) noexcept nogil:
    """Whether a comes before b: `pre` comes before all others, numbers come last.  An absent component comes between `pre` and other names."""
    cdef int64_t a_number = part_number(a)
    cdef int64_t b_number = part_number(b)
    cdef int order
    if a_number != NOT_A_NUMBER and b_number != NOT_A_NUMBER:
        return a_number < b_number
    if a.size_bytes == 0 and b_number != NOT_A_NUMBER:
        return True
    if is_pre(a) and not is_pre(b):
        return True
    if is_pre(b):
        return False
    if b_number != NOT_A_NUMBER:
        return True
    if a_number != NOT_A_NUMBER:
        return False
    order = memcmp(a.data, b.data, a.size_bytes if a.size_bytes < b.size_bytes else b.size_bytes)
    return order < 0 or (order == 0 and a.size_bytes < b.size_bytes)


cdef int compare_versions(const uint8_t* a, size_t a_size, const uint8_t* b, size_t b_size, const volatile int* attention) noexcept nogil:
    """Returns -1, 0 or 1."""
    cdef VersionCursor a_cursor
    cdef VersionCursor b_cursor
    cdef VersionPart a_part, b_part
    a_cursor.position = a
    a_cursor.end = a + a_size
    b_cursor.position = b
    b_cursor.end = b + b_size
    while a_cursor.position != a_cursor.end or b_cursor.position != b_cursor.end:
        a_part = version_next(&a_cursor)
        b_part = version_next(&b_cursor)
        if is_before(a_part, b_part):
            return -1
        if is_before(b_part, a_part):
            return 1
        if is_stop_asked(attention):
            return 0
    return 0


cdef DrvName parse_drv_name(const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Splits a package name: the version begins behind the first `-` that no ASCII letter follows."""
    cdef DrvName parsed
    cdef size_t i
    cdef uint8_t folded
    for i in range(1, size_bytes):
        if data[i - 1] != c'-':
            continue
        folded = data[i] | 32
        if not (c'a' <= folded <= c'z'):
            parsed.name_size = i - 1
            parsed.version_start = i
            return parsed
    parsed.name_size = size_bytes
    parsed.version_start = size_bytes
    return parsed


# -- Python's side -----------------------------------------------------------------------------------------------------

def split_version(bytes version not None):
    """`split_version(b"1.2pre3")` is `[b"1", b"2", b"pre", b"3"]`."""
    cdef VersionCursor cursor
    cdef VersionPart part
    cdef list parts = []
    cursor.position = version
    cursor.end = cursor.position + len(version)
    while True:
        part = version_next(&cursor)
        if part.size_bytes == 0:
            return parts
        parts.append(part.data[:part.size_bytes])


def compare(bytes a not None, bytes b not None):
    """-1, 0 or 1, as compareVersions."""
    return compare_versions(a, len(a), b, len(b), NULL)


def split_drv_name(bytes name not None):
    """`split_drv_name(b"hello-2.12")` is `(b"hello", b"2.12")`."""
    cdef DrvName parsed = parse_drv_name(name, len(name))
    return name[:parsed.name_size], name[parsed.version_start:]
