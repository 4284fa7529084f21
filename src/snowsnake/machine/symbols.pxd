# cython: language_level=3
"""Symbols, which are interned names with a number per machine; and string contexts, which are interned sets of symbols."""
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word, pointer_of, string_data, string_size
from snowsnake.syntax.nodes cimport Text

cdef extern from *:
    """
    #if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define snow_big_endian(word) __builtin_bswap64(word)
    #else
    #define snow_big_endian(word) (word)
    #endif
    """
    # eight bytes that were read as a word: the result compares as the bytes do
    uint64_t big_endian "snow_big_endian"(uint64_t word) noexcept nogil

cdef uint32_t symbol_intern(Machine* m, const void* data, uint64_t size_bytes) noexcept nogil
    # Returns the symbol of these bytes, and makes it if it is new.
cdef uint32_t symbol_of_text(Machine* m, Text text) noexcept nogil
    # Likewise for a text in an image: the chunks of a file name the same texts again and again.
cdef void forget_texts(Machine* m) noexcept nogil
    # Must be called before an image is freed.
cdef uint32_t symbol_of_slow(Machine* m, Word string) noexcept nogil

cdef inline uint32_t symbol_of(Machine* m, Word string) noexcept nogil:
    """The symbol of a string word, which the string remembers.  Its context plays no part."""
    cdef uint32_t known = <uint32_t>pointer_of(string)[1]
    return known - 1 if known else symbol_of_slow(m, string)

cdef inline Word symbol_string(Machine* m, uint32_t symbol) noexcept nogil:
    """The string of a symbol, without context."""
    return m.symbol_strings[symbol]

cdef inline int compare_strings(Word a, Word b) noexcept nogil:
    """Compares bytewise: negative, zero or positive.  The first eight bytes nearly always decide; shorter strings are followed by zeros."""
    cdef uint64_t n = string_size(a), k = string_size(b), least = n if n < k else k
    cdef uint64_t x, y
    cdef int c
    # a string always has eight bytes there: it takes at least two words
    memcpy(&x, string_data(a), 8)
    memcpy(&y, string_data(b), 8)
    if x != y:
        return -1 if big_endian(x) < big_endian(y) else 1
    if least > 8:
        c = memcmp(string_data(a) + 8, string_data(b) + 8, least - 8)
        if c:
            return c
    return -1 if n < k else (1 if n > k else 0)

# ---- contexts: 0 is empty; elements are symbols of encoded strings, sorted by their text ---------------------------

cdef uint32_t context_united(Machine* m, uint32_t context) noexcept nogil
    # Returns the number of the same context with its elements in `m.contexts`.  Code that reads elements there calls this first, because a large
    # union waits until somebody needs its elements (symbols.pyx).
cdef uint32_t context_single(Machine* m, uint32_t element) noexcept nogil
cdef uint32_t context_union(Machine* m, uint32_t a, uint32_t b) noexcept nogil
cdef uint32_t context_make(Machine* m, uint32_t* elements, uint32_t count) noexcept nogil
    # Takes elements in any order, with repetitions, and sorts the caller's array.
