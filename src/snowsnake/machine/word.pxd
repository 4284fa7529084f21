# cython: language_level=3
"""The 64-bit tagged word, and the layout of every heap object.

A word is a small int, a pointer to an object with its tag in the low 3 bits, or an immediate.  Every object starts
with a header word:

    bits 0-2   111, so that a header is never a forwarding address
    bits 3-7   kind
    bits 8-10  state of a thunk; of lists and sets marks: equality.pxd, HEADER_REMEMBERED
    bit  11    of thunk and closure: holds deferred captures; of lists: HEADER_JOINED
    bits 12-35 thunk and closure: payload words;   bits 12-63 of the others: size (elements or bytes)
    bits 36-63 thunk and closure: index of the code

Objects, after the header:

    thunk       upvalues (at least one word); done: the value in word 1; failed: the failure's index as an int in word 1
    closure     upvalues; the with-scope, if the code captures it, is the last upvalue
    builtin     nothing; the size field is the builtin's number
    partial     function, arguments…              (size: arguments)
    attrs       keys, values in symbol order…     (size: values)
    keys        order, then u32 symbols (ascending), then u32 positions   (size: symbols)
    order       u32: for each place in name order its index in symbol order   (size: entries)
    list        elements…                         (size: elements)
    list view   a list, no view itself; the index of its first element as an int   (size: elements); tagged as list
    string      u32 symbol + 1 | u32 context << 32, bytes, NUL   (size: bytes)
    string view as a string, then the string, no view itself, whose bytes it shows, and where they begin (raw); no NUL behind them
                (size: bytes); tagged as string
    float, wide int   the 64 bits
    path        string (absolute, canonical)
    with        parent scope or null, set, slot of the enclosing scope as an int
    search path, home path   string
    attr name   string, position as an int        (level 0: a name with its place)
    layered     a large set and a small one over it, or the same set flat and 0   (size: attributes); tagged as attrs
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdio.h>
    #include <stdlib.h>
    __attribute__((cold, noinline, noreturn, unused)) static void snowsnake_layered_read(void) {
        fputs("snowsnake: an error of its own: a layered set was read before it was made flat\\n", stderr);
        abort();
    }
    """
    void _layered_read "snowsnake_layered_read"() noexcept nogil

ctypedef uint64_t Word

cdef enum Tag:
    TAG_INT = 0                       # value << 3, 61 bits
    TAG_THUNK = 1
    TAG_ATTRS = 2
    TAG_LIST = 3
    TAG_FUNCTION = 4                  # closure, builtin, partial
    TAG_STRING = 5
    TAG_BOX = 6                       # float, wide int, path, and machine-internal objects
    TAG_IMMEDIATE = 7

cdef enum Immediate:                  # complete words
    WORD_NULL = 15
    WORD_FALSE = 23
    WORD_TRUE = 31
    WORD_UNSET = 39
    WORD_NOT_FOUND = 47
    IMMEDIATE_DEFERRED = 55           # low byte; the slot is above
    IMMEDIATE_SYMBOL = 63             # low byte; the symbol is above
    IMMEDIATE_CHUNK = 71              # low byte, of a constant: a chunk that captures nothing; then 1 bit: is it a lambda?; its code

cdef enum Kind:
    KIND_THUNK = 1
    KIND_CLOSURE
    KIND_BUILTIN
    KIND_PARTIAL
    KIND_ATTRS
    KIND_KEYS
    KIND_ORDER
    KIND_LIST
    KIND_STRING
    KIND_FLOAT
    KIND_WIDE_INT
    KIND_PATH
    KIND_WITH
    KIND_SEARCH_PATH
    KIND_HOME_PATH
    KIND_ATTR_NAME
    KIND_RAW                          # bytes that hold no word (size: words)
    KIND_LAYERED
    KIND_LIST_VIEW
    KIND_STRING_VIEW

cdef enum ThunkState:
    THUNK_SUSPENDED = 0
    THUNK_RUNNING = 1
    THUNK_DONE = 2
    THUNK_FAILED = 3

cdef enum:
    HEADER_DEFERRED = 2048            # bit 11
    HEADER_JOINED = 2048              # bit 11, of lists: made by `++`
    HEADER_REMEMBERED = 1024          # bit 10, of objects other than thunks: in the collector's remembered set

cdef inline int tag_of(Word w) noexcept nogil:
    return <int>(w & 7)

cdef inline Word* pointer_of(Word w) noexcept nogil:
    return <Word*>(w & ~<Word>7)

cdef inline Word tagged(Word* p, Word tag) noexcept nogil:
    return <Word>p | tag

cdef inline Word header_of(Word kind, Word size) noexcept nogil:
    return (size << 12) | (kind << 3) | 7

cdef inline Word code_header(Word kind, Word size_words, Word code_index) noexcept nogil:
    return (code_index << 36) | (size_words << 12) | (kind << 3) | 7

cdef inline int header_kind(Word h) noexcept nogil:
    return <int>((h >> 3) & 31)

cdef inline uint64_t header_size(Word h) noexcept nogil:
    return h >> 12

cdef inline uint64_t header_payload_words(Word h) noexcept nogil:
    return (h >> 12) & 0xFFFFFF

cdef inline uint32_t header_code(Word h) noexcept nogil:
    return <uint32_t>(h >> 36)

cdef inline int header_state(Word h) noexcept nogil:
    return <int>((h >> 8) & 7)

cdef inline Word with_state(Word h, Word state) noexcept nogil:
    return (h & ~<Word>0x700) | (state << 8)

cdef inline int kind_of(Word w) noexcept nogil:
    """Kind of the object behind a pointer word (not an int, not an immediate)."""
    return header_kind(pointer_of(w)[0])

# ---- values -----------------------------------------------------------------------------------------------------

cdef inline Word val(Word w) noexcept nogil:
    """Look through evaluated thunks.  What comes back is a value, or a thunk that is not done."""
    cdef Word* p
    while (w & 7) == TAG_THUNK:
        p = pointer_of(w)
        if ((p[0] >> 8) & 7) != THUNK_DONE:
            return w
        w = p[1]
    return w

cdef inline bint is_thunk(Word w) noexcept nogil:
    return (w & 7) == TAG_THUNK

cdef inline bint is_attrs(Word w) noexcept nogil:
    return (w & 7) == TAG_ATTRS

cdef inline bint is_list(Word w) noexcept nogil:
    return (w & 7) == TAG_LIST

cdef inline bint is_string(Word w) noexcept nogil:
    return (w & 7) == TAG_STRING

cdef inline bint is_function(Word w) noexcept nogil:
    """A closure, builtin or partial application; not a functor."""
    return (w & 7) == TAG_FUNCTION

cdef inline Word applied_function(Word function) noexcept nogil:
    """The closure or builtin that a function is, or is a partial application of."""
    while kind_of(function) == KIND_PARTIAL:
        function = pointer_of(function)[1]
    return function

cdef inline bint is_bool(Word w) noexcept nogil:
    return w == WORD_TRUE or w == WORD_FALSE

cdef inline Word bool_word(bint b) noexcept nogil:
    return WORD_TRUE if b else WORD_FALSE

cdef inline bint is_int(Word w) noexcept nogil:
    return (w & 7) == TAG_INT or ((w & 7) == TAG_BOX and kind_of(w) == KIND_WIDE_INT)

cdef inline bint is_float(Word w) noexcept nogil:
    return (w & 7) == TAG_BOX and kind_of(w) == KIND_FLOAT

cdef inline bint is_path(Word w) noexcept nogil:
    return (w & 7) == TAG_BOX and kind_of(w) == KIND_PATH

cdef inline int64_t int_value(Word w) noexcept nogil:
    """The int behind an int word of either form."""
    if (w & 7) == TAG_INT:
        return <int64_t>w >> 3
    return <int64_t>pointer_of(w)[1]

cdef inline double float_value(Word w) noexcept nogil:
    return (<double*>pointer_of(w))[1]

cdef inline Word path_string(Word w) noexcept nogil:
    return pointer_of(w)[1]

cdef inline bint fits_small(int64_t i) noexcept nogil:
    return ((<uint64_t>i + (<uint64_t>1 << 60)) >> 61) == 0

cdef inline Word small_int(int64_t i) noexcept nogil:
    """An int known to fit 61 bits: indices, sizes, states."""
    return <Word>i << 3

# ---- strings ----------------------------------------------------------------------------------------------------

cdef inline uint8_t* string_data(Word w) noexcept nogil:
    cdef Word* p = pointer_of(w)
    if header_kind(p[0]) == KIND_STRING_VIEW:
        return <uint8_t*>(pointer_of(p[2]) + 2) + p[3]
    return <uint8_t*>(p + 2)

cdef inline Word string_base(Word w) noexcept nogil:
    """The string that holds the bytes: of a view the one that it is a part of."""
    return pointer_of(w)[2] if header_kind(pointer_of(w)[0]) == KIND_STRING_VIEW else w

cdef inline uint64_t string_size(Word w) noexcept nogil:
    return pointer_of(w)[0] >> 12

cdef inline uint32_t string_context(Word w) noexcept nogil:
    """Number of the string's context; 0 is the empty one."""
    return <uint32_t>(pointer_of(w)[1] >> 32)

# ---- lists ------------------------------------------------------------------------------------------------------

cdef inline Word* list_items(Word w) noexcept nogil:
    cdef Word* p = pointer_of(w)
    if header_kind(p[0]) == KIND_LIST_VIEW:
        return pointer_of(p[1]) + 1 + (p[2] >> 3)
    return p + 1

cdef inline Word list_base(Word w) noexcept nogil:
    """The list that holds the elements: of a view the one that it is a part of."""
    return pointer_of(w)[1] if header_kind(pointer_of(w)[0]) == KIND_LIST_VIEW else w

cdef inline uint64_t list_size(Word w) noexcept nogil:
    return pointer_of(w)[0] >> 12

# ---- attribute sets ---------------------------------------------------------------------------------------------

cdef inline uint64_t attrs_size(Word w) noexcept nogil:
    return pointer_of(w)[0] >> 12

cdef inline bint attrs_is_layered(Word w) noexcept nogil:
    """Whether it must be made flat before its keys and values can be looked at; see attrs.pxd."""
    return header_kind(pointer_of(w)[0]) == KIND_LAYERED and pointer_of(w)[2] != 0

cdef inline Word* _flat_object(Word w) noexcept nogil:
    """To read past the end of a set would give wrong values: better none.  Only sets that once were layered pay for the check."""
    cdef Word* p = pointer_of(w)
    if header_kind(p[0]) != KIND_LAYERED:
        return p
    if p[2] != 0:
        _layered_read()
    return pointer_of(p[1])

cdef inline Word* attrs_keys(Word w) noexcept nogil:
    """Of a set that is not layered."""
    return <Word*>_flat_object(w)[1]

cdef inline Word* attrs_values(Word w) noexcept nogil:
    """Values in symbol order, as `keys_symbols` of its keys has them.  Of a set that is not layered."""
    return _flat_object(w) + 2

cdef inline uint64_t keys_size(Word* keys) noexcept nogil:
    return keys[0] >> 12

cdef inline uint32_t* keys_symbols(Word* keys) noexcept nogil:
    return <uint32_t*>(keys + 2)

cdef inline uint32_t* keys_positions(Word* keys) noexcept nogil:
    return <uint32_t*>(keys + 2) + (keys[0] >> 12)

cdef inline int64_t keys_find(Word* keys, uint32_t symbol) noexcept nogil:
    """Index of a symbol, or -1."""
    cdef uint32_t* a = <uint32_t*>(keys + 2)
    cdef int64_t n = <int64_t>(keys[0] >> 12)
    cdef int64_t lo = 0, mid, size = n
    if n > 8:
        while n > 1:                  # branch-free halving: the last element not greater than the symbol
            mid = n >> 1
            lo = lo + mid if a[lo + mid] <= symbol else lo
            n -= mid
        return lo if a[lo] == symbol else -1
    for lo in range(size):
        if a[lo] == symbol:
            return lo
    return -1

cdef inline Word* attrs_find(Word attrs, uint32_t symbol) noexcept nogil:
    """Place of an attribute's value in any set, or NULL.  For reading: sets share what they are made of."""
    cdef Word* p = pointer_of(attrs)
    cdef Word* over
    cdef int64_t i
    if header_kind(p[0]) == KIND_LAYERED:
        if p[2]:
            over = pointer_of(p[2])
            i = keys_find(<Word*>over[1], symbol)
            if i >= 0:
                return over + 2 + i
        p = pointer_of(p[1])
    i = keys_find(<Word*>p[1], symbol)
    return NULL if i < 0 else p + 2 + i
