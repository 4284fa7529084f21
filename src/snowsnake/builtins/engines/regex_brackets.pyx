# cython: language_level=3
"""Bracket expressions of regular expressions, in the C locale, as libstdc++ reads them.

In: the bytes after `[`.  Out: the set of bytes, and where the expression ends.
"""
from libc.stdint cimport int8_t, uint8_t
from libc.string cimport memcmp, memset, strlen

cdef const char* collating_names[128]
collating_names[:] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "alert", "backspace", "tab", "newline", "vertical-tab", "form-feed",
    "carriage-return", "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC",
    "IS4", "IS3", "IS2", "IS1", "space", "exclamation-mark", "quotation-mark", "number-sign", "dollar-sign",
    "percent-sign", "ampersand", "apostrophe", "left-parenthesis", "right-parenthesis", "asterisk", "plus-sign", "comma",
    "hyphen", "period", "slash", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "colon",
    "semicolon", "less-than-sign", "equals-sign", "greater-than-sign", "question-mark", "commercial-at",
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W",
    "X", "Y", "Z", "left-square-bracket", "backslash", "right-square-bracket", "circumflex", "underscore", "grave-accent",
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w",
    "x", "y", "z", "left-curly-bracket", "vertical-line", "right-curly-bracket", "tilde", "DEL",
]
cdef const char* class_names[15]
class_names[:] = [
    "d", "w", "s", "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit",
]

cdef enum:
    CLASS_COUNT = 15

cdef enum BracketToken:
    BRACKET_END
    BRACKET_DASH
    BRACKET_BYTE
    # This token is written `[.name.]`.
    BRACKET_COLLATING
    # This token is written `[=name=]`.
    BRACKET_EQUIVALENCE
    # This token is written `[:name:]`.
    BRACKET_CLASS
    BRACKET_FAULT

cdef struct Bracket:
    const uint8_t* position
    const uint8_t* end
    ByteSet byte_set
    bint at_start
    BracketToken token
    uint8_t byte
    const uint8_t* name
    size_t name_size


cdef inline void set_add(ByteSet* byte_set, uint8_t byte) noexcept nogil:
    byte_set.bits[byte >> 3] |= <uint8_t>(1 << (byte & 7))


cdef inline uint8_t lower(uint8_t byte) noexcept nogil:
    return byte + 32 if c'A' <= byte <= c'Z' else byte


cdef bint in_class(int kind, uint8_t c) noexcept nogil:
    """Whether byte `c` is in class_names[kind], in the C locale."""
    cdef bint is_digit = c'0' <= c <= c'9'
    cdef bint is_lower = c'a' <= c <= c'z'
    cdef bint is_upper = c'A' <= c <= c'Z'
    cdef bint is_alnum = is_digit or is_lower or is_upper
    if kind == 0 or kind == 7:
        return is_digit
    if kind == 1:
        return is_alnum or c == c'_'
    if kind == 2 or kind == 12:
        return c == c' ' or 9 <= c <= 13
    if kind == 3:
        return is_alnum
    if kind == 4:
        return is_lower or is_upper
    if kind == 5:
        return c == c' ' or c == c'\t'
    if kind == 6:
        return c < 32 or c == 127
    if kind == 8:
        return 33 <= c <= 126
    if kind == 9:
        return is_lower
    if kind == 10:
        return 32 <= c <= 126
    if kind == 11:
        return 33 <= c <= 126 and not is_alnum
    if kind == 13:
        return is_upper
    return is_digit or c'a' <= lower(c) <= c'f'


cdef void bracket_name(Bracket* bracket, uint8_t mark, BracketToken token) noexcept nogil:
    """Reads `mark name mark ]`, the rest of `[.name.]` and the like."""
    bracket.position += 1
    bracket.name = bracket.position
    while bracket.position != bracket.end and bracket.position[0] != mark:
        bracket.position += 1
    bracket.name_size = bracket.position - bracket.name
    bracket.token = token
    if bracket.end - bracket.position < 2 or bracket.position[1] != c']':
        bracket.token = BRACKET_FAULT
        return
    bracket.position += 2


cdef void bracket_advance(Bracket* bracket) noexcept nogil:
    cdef uint8_t byte
    if bracket.position == bracket.end:
        bracket.token = BRACKET_FAULT
        return
    byte = bracket.position[0]
    bracket.position += 1
    bracket.token = BRACKET_BYTE
    bracket.byte = byte
    if byte == c'-':
        bracket.token = BRACKET_DASH
    elif byte == c'[':
        if bracket.position == bracket.end:
            bracket.token = BRACKET_FAULT
        elif bracket.position[0] == c'.':
            bracket_name(bracket, c'.', BRACKET_COLLATING)
        elif bracket.position[0] == c':':
            bracket_name(bracket, c':', BRACKET_CLASS)
        elif bracket.position[0] == c'=':
            bracket_name(bracket, c'=', BRACKET_EQUIVALENCE)
    elif byte == c']' and not bracket.at_start:
        bracket.token = BRACKET_END
    bracket.at_start = False


cdef int find_collating(Bracket* bracket) noexcept nogil:
    cdef int i
    for i in range(128):
        if strlen(collating_names[i]) == bracket.name_size \
                and memcmp(collating_names[i], bracket.name, bracket.name_size) == 0:
            return i
    return -1


cdef int find_class(Bracket* bracket) noexcept nogil:
    cdef int i
    cdef size_t j
    for i in range(CLASS_COUNT):
        if strlen(class_names[i]) != bracket.name_size:
            continue
        for j in range(bracket.name_size):
            if lower(bracket.name[j]) != <uint8_t>class_names[i][j]:
                break
        else:
            return i
    return -1


cdef bint add_range(ByteSet* byte_set, int8_t first, int8_t last) noexcept nogil:
    cdef int byte
    if first > last:
        return False
    for byte in range(first, last + 1):
        set_add(byte_set, <uint8_t>byte)
    return True


cdef bint bracket_items(Bracket* bracket) noexcept nogil:
    """Reads everything up to the closing bracket; returns false if it is malformed."""
    cdef ByteSet* byte_set = &bracket.byte_set
    # The byte that may begin a range; -1 if there is none, -2 after a class.
    cdef int last = -1
    cdef int found, i
    bracket_advance(bracket)
    if bracket.token == BRACKET_BYTE or bracket.token == BRACKET_DASH:
        last = bracket.byte
        set_add(byte_set, bracket.byte)
        bracket_advance(bracket)
    while bracket.token != BRACKET_END:
        if bracket.token == BRACKET_BYTE:
            set_add(byte_set, bracket.byte)
            last = bracket.byte
        elif bracket.token == BRACKET_COLLATING:
            last = find_collating(bracket)
            if last < 0:
                return False
            set_add(byte_set, <uint8_t>last)
        elif bracket.token == BRACKET_EQUIVALENCE:
            found = find_collating(bracket)
            if found < 0:
                return False
            for i in range(256):
                if lower(<uint8_t>i) == lower(<uint8_t>found):
                    set_add(byte_set, <uint8_t>i)
            last = -2
        elif bracket.token == BRACKET_CLASS:
            found = find_class(bracket)
            if found < 0:
                return False
            for i in range(256):
                if in_class(found, <uint8_t>i):
                    set_add(byte_set, <uint8_t>i)
            last = -2
        elif bracket.token == BRACKET_DASH:
            bracket_advance(bracket)
            if bracket.token == BRACKET_END:
                set_add(byte_set, c'-')
                return True
            if last < 0 or (bracket.token != BRACKET_BYTE and bracket.token != BRACKET_DASH):
                return False
            if not add_range(byte_set, <int8_t>last, <int8_t>bracket.byte):
                return False
            last = -1
        else:
            return False
        bracket_advance(bracket)
    return True


cdef const uint8_t* bracket_parse(const uint8_t* position, const uint8_t* end, ByteSet* byte_set) noexcept nogil:
    """Fills the set from what follows `[`; returns the place behind `]`, or NULL if the expression is malformed."""
    cdef Bracket bracket
    cdef bint is_negated = position != end and position[0] == c'^'
    cdef int i
    memset(&bracket, 0, sizeof(Bracket))
    bracket.position = position + 1 if is_negated else position
    bracket.end = end
    bracket.at_start = True
    if not bracket_items(&bracket):
        return NULL
    byte_set[0] = bracket.byte_set
    if is_negated:
        for i in range(32):
            byte_set.bits[i] = <uint8_t>~byte_set.bits[i]
    return bracket.position
