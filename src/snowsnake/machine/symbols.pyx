# cython: language_level=3
"""The symbol table and the table of string contexts of one machine."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, resize_items
from snowsnake.foundation.merging cimport merge_sort, never_stops
from snowsnake.foundation.probing cimport is_free_slot, probe
from snowsnake.machine.attention cimport error_disregard, exhaust
from snowsnake.machine.heap cimport heap_alloc, heap_reserve
from snowsnake.machine.state cimport Context, KnownText, Machine
from snowsnake.machine.word cimport KIND_STRING, TAG_STRING, header_of, string_context, tagged

cdef enum:
    # The cache is direct-mapped and has so many pairs.
    UNION_CACHE_SIZE = 4096
    # Names of more bytes than this reserve their room.
    LARGE_NAME_BYTES = 1 << 13
    # A union with a context of so many elements or more waits until somebody needs its elements.
    LEAST_WAITING = 64
    # The other part of such a union has at most an eighth as many elements.
    ADDED_SHIFT = 3


# This describes a union that waits: in `m.contexts` its count is 0, and this struct is in the place of its elements.
cdef struct Waiting:
    # This is the number of the same context with its elements, or 0 if nobody has needed them yet.
    uint32_t united
    # These are the two parts: one that may wait itself, and one with few elements.
    uint32_t large
    uint32_t added
    # This is the context at the end of the chain of `large`, which does not wait; then follows the number of elements that were added to it.
    uint32_t base
    uint32_t added_count


cdef inline uint64_t hash_bytes(const uint8_t* p, uint64_t n) noexcept nogil:
    """Hashes eight bytes at a time: multiplies, and folds the product."""
    cdef uint64_t h = n * <uint64_t>0x9E3779B97F4A7C15
    cdef uint64_t w
    cdef uint32_t last
    while n >= 8:
        memcpy(&w, p, 8)
        h = (h ^ w) * <uint64_t>0x9E3779B97F4A7C15
        h ^= h >> 32
        p += 8
        n -= 8
    w = 0
    if n >= 4:
        memcpy(&w, p, 4)
        memcpy(&last, p + n - 4, 4)
        w |= <uint64_t>last << 32
    elif n > 0:
        w = p[0] | <uint64_t>p[n >> 1] << 8 | <uint64_t>p[n - 1] << 16
    h = (h ^ w) * <uint64_t>0x9E3779B97F4A7C15
    return h ^ (h >> 29)


cdef bint _grow(Machine* m) noexcept nogil:
    """Returns False if there is no memory: then everything is as it was, and nothing new can be added."""
    cdef uint32_t i, entry, capacity
    cdef uint64_t h
    cdef Word s
    cdef Word* strings
    cdef uint32_t* table
    # Each growth reads every symbol's text again.  Four steps make room for the 50 000 names of a package set; huge tables only double.
    capacity = m.symbol_capacity * (2 if m.symbol_capacity > 1 << 15 else 4) if m.symbol_capacity else 2048
    strings = <Word*>resize_items(m.symbol_strings, capacity, sizeof(Word))
    if strings == NULL:
        return False
    m.symbol_strings = strings
    table = <uint32_t*>allocate_zeros(<size_t>capacity * 2, sizeof(uint32_t))
    if table == NULL:
        return False
    free(m.symbol_table)
    m.symbol_table = table
    m.symbol_capacity = capacity
    m.symbol_mask = capacity * 2 - 1
    for i in range(m.symbol_count):
        s = m.symbol_strings[i]
        h = hash_bytes(string_data(s), string_size(s))
        entry = (<uint32_t>h & ~m.symbol_mask) | (i + 1)
        m.symbol_table[probe(h >> 32, m.symbol_mask, is_free_slot, m.symbol_table)] = entry
    return True


cdef inline bint _is_slot_of(uint64_t at, Machine* m, uint32_t tag, const uint8_t* data, uint64_t size_bytes) noexcept nogil:
    cdef uint32_t entry = m.symbol_table[at]
    cdef Word s
    if entry == 0:
        return True
    if (entry & ~m.symbol_mask) != tag:
        return False
    s = m.symbol_strings[(entry & m.symbol_mask) - 1]
    return string_size(s) == size_bytes and (size_bytes == 0 or memcmp(string_data(s), data, size_bytes) == 0)


cdef inline uint64_t _slot(Machine* m, const uint8_t* data, uint64_t size_bytes, uint32_t* tag) noexcept nogil:
    """The slot of the table that has these bytes, or the free slot for them.

    A slot holds symbol + 1 and, in the bits that no symbol needs, bits of the hash: so a string with another hash is not even read.
    """
    cdef uint64_t h = hash_bytes(data, size_bytes)
    tag[0] = <uint32_t>h & ~m.symbol_mask
    return probe(h >> 32, m.symbol_mask, _is_slot_of, m, tag[0], data, size_bytes)


cdef uint32_t _add(Machine* m, uint64_t slot, uint32_t tag, Word string) noexcept nogil:
    cdef uint32_t symbol = m.symbol_count
    m.symbol_strings[symbol] = string
    m.symbol_count += 1
    m.symbol_table[slot] = tag | (symbol + 1)
    pointer_of(string)[1] = (pointer_of(string)[1] & ~<Word>0xFFFFFFFF) | (symbol + 1)
    return symbol


cdef uint32_t symbol_intern(Machine* m, const void* data, uint64_t size_bytes) noexcept nogil:
    cdef uint64_t slot
    cdef uint32_t tag
    cdef Word* p
    if m.symbol_count >= m.symbol_capacity and not _grow(m):
        exhaust(m)
        return 0
    slot = _slot(m, <const uint8_t*>data, size_bytes, &tag)
    if m.symbol_table[slot]:
        return (m.symbol_table[slot] & m.symbol_mask) - 1
    if size_bytes > LARGE_NAME_BYTES and not heap_reserve(m, 3 + (size_bytes >> 3)):
        # The caller cannot report the error, so the machine is exhausted.
        error_disregard(m)
        return 0
    p = heap_alloc(m, 3 + (size_bytes >> 3))
    p[0] = header_of(KIND_STRING, size_bytes)
    p[1] = 0
    p[2 + (size_bytes >> 3)] = 0
    # The empty text may have no address.
    if size_bytes:
        memcpy(p + 2, data, size_bytes)
    return _add(m, slot, tag, tagged(p, TAG_STRING))


cdef uint32_t symbol_of_text(Machine* m, Text text) noexcept nogil:
    cdef KnownText* known = &m.known_texts[(<uint64_t>text.data * <uint64_t>0x9E3779B97F4A7C15) >> 52]
    if known.data != text.data:
        known.symbol = symbol_intern(m, text.data, text.size_bytes)
        known.data = text.data
    return known.symbol


cdef void forget_texts(Machine* m) noexcept nogil:
    memset(&m.known_texts[0], 0, sizeof(m.known_texts))


cdef uint32_t symbol_of_slow(Machine* m, Word string) noexcept nogil:
    cdef uint64_t slot
    cdef uint32_t symbol, tag
    if m.symbol_count >= m.symbol_capacity and not _grow(m):
        exhaust(m)
        return 0
    slot = _slot(m, string_data(string), string_size(string), &tag)
    if m.symbol_table[slot]:
        symbol = (m.symbol_table[slot] & m.symbol_mask) - 1
        pointer_of(string)[1] = (pointer_of(string)[1] & ~<Word>0xFFFFFFFF) | (symbol + 1)
        return symbol
    # The symbol's own string must have no context.
    if string_context(string):
        return symbol_intern(m, string_data(string), string_size(string))
    return _add(m, slot, tag, string)


# ---- contexts ---------------------------------------------------------------------------------------------------

cdef inline int _compare_bytes(const uint8_t* x, uint64_t n, const uint8_t* y, uint64_t k) noexcept nogil:
    cdef int c = memcmp(x, y, n if n < k else k)
    if c:
        return c
    return 0 if n == k else -1 if n < k else 1


cdef inline int _element_rank(const uint8_t* x, uint64_t n) noexcept nogil:
    return 2 if n and x[0] == c'!' else 1 if n and x[0] == c'=' else 0


cdef inline int _compare_encoded(const uint8_t* x, uint64_t n, const uint8_t* y, uint64_t k) noexcept nogil:
    """C++ Nix's order, which decides what a message names: paths, `=path`, then `!output!path` by path first."""
    cdef int rank = _element_rank(x, n)
    cdef int c = rank - _element_rank(y, k)
    cdef uint64_t i = 1, j = 1
    if c or rank < 2:
        return c if c else _compare_bytes(x, n, y, k)
    while i < n and x[i] != c'!':
        i += 1
    while j < k and y[j] != c'!':
        j += 1
    # A text without a second `!` is not an element.
    if i == n or j == k:
        return _compare_bytes(x, n, y, k)
    # This compares the kinds of what follows the names of the outputs, which can be outputs again.
    c = _element_rank(x + i + 1, n - i - 1) - _element_rank(y + j + 1, k - j - 1)
    if c == 0:
        c = _compare_bytes(x + i + 1, n - i - 1, y + j + 1, k - j - 1)
    return c if c else _compare_bytes(x, i, y, j)


cdef inline int _compare_elements(Machine* m, uint32_t a, uint32_t b) noexcept nogil:
    cdef Word x = m.symbol_strings[a]
    cdef Word y = m.symbol_strings[b]
    return 0 if a == b else _compare_encoded(string_data(x), string_size(x), string_data(y), string_size(y))


cdef inline bint _is_later_element(Machine* m, const uint32_t* a, const uint32_t* b) noexcept nogil:
    return _compare_elements(m, a[0], b[0]) > 0


cdef uint64_t _hash_elements(uint32_t* elements, uint32_t count) noexcept nogil:
    return hash_bytes(<const uint8_t*>elements, count * sizeof(uint32_t))


cdef bint _grow_contexts(Machine* m) noexcept nogil:
    """Makes room for one more; returns False if there is no memory."""
    cdef Context* contexts
    cdef uint32_t* table
    cdef uint32_t i, wanted
    cdef uint64_t h
    if (m.context_count + 1) * 2 > m.context_mask:
        wanted = (m.context_mask * 2 + 1) if m.context_mask else 1023
        table = <uint32_t*>allocate_zeros(<size_t>wanted + 1, sizeof(uint32_t))
        if table == NULL:
            return False
        free(m.context_table)
        m.context_table = table
        m.context_mask = wanted
        for i in range(1, m.context_count):
            # A union that waits is not in the table.
            if m.contexts[i].count == 0:
                continue
            h = _hash_elements(m.contexts[i].elements, m.contexts[i].count)
            m.context_table[probe(h, m.context_mask, is_free_slot, m.context_table)] = i
    if m.context_count + 1 >= m.context_capacity:
        wanted = m.context_capacity * 2 if m.context_capacity else 256
        contexts = <Context*>resize_items(m.contexts, wanted, sizeof(Context))
        if contexts == NULL:
            return False
        m.contexts = contexts
        m.context_capacity = wanted
    return True


cdef inline bint _is_context_of(uint64_t at, Machine* m, const uint32_t* elements, uint32_t count) noexcept nogil:
    cdef const Context* c = &m.contexts[m.context_table[at]]
    return m.context_table[at] == 0 or (c.count == count and memcmp(c.elements, elements, count * sizeof(uint32_t)) == 0)


cdef uint32_t _intern_context(Machine* m, uint32_t* elements, uint32_t count) noexcept nogil:
    """The number of a sorted set of distinct elements, which is copied if it is new."""
    cdef uint64_t h
    cdef Context* c
    cdef uint32_t* copy
    if count == 0:
        return 0
    if not _grow_contexts(m):
        exhaust(m)
        return 0
    # The number 0 is the empty context.
    if m.context_count == 0:
        m.contexts[0].elements = NULL
        m.contexts[0].count = 0
        m.context_count = 1
    h = probe(_hash_elements(elements, count), m.context_mask, _is_context_of, m, elements, count)
    if m.context_table[h]:
        return m.context_table[h]
    copy = <uint32_t*>allocate_items(count, sizeof(uint32_t))
    if copy == NULL:
        exhaust(m)
        return 0
    c = &m.contexts[m.context_count]
    c.elements = copy
    memcpy(c.elements, elements, count * sizeof(uint32_t))
    c.count = count
    m.context_table[h] = m.context_count
    m.context_count += 1
    return m.context_count - 1


cdef uint32_t context_single(Machine* m, uint32_t element) noexcept nogil:
    return _intern_context(m, &element, 1)


cdef uint32_t context_make(Machine* m, uint32_t* elements, uint32_t count) noexcept nogil:
    cdef uint32_t* scratch
    cdef uint32_t i, kept = 0
    if count > 1:
        scratch = <uint32_t*>allocate_items(count, sizeof(uint32_t))
        if scratch == NULL:
            exhaust(m)
            return 0
        merge_sort(elements, scratch, count, _is_later_element, never_stops, m)
        free(scratch)
    for i in range(count):
        if kept == 0 or elements[kept - 1] != elements[i]:
            elements[kept] = elements[i]
            kept += 1
    return _intern_context(m, elements, kept)


# A program that adds a context to a large one again and again (`foldl' (s: p: s + "${p}") ""`) needs only the last of all these unions.
# So a large union waits: the machine knows only its parts.  It unites them when somebody needs the elements (context_united), or when as many
# elements have been added as there were.  So all unions of such a program together cost O(n log n).

cdef inline Waiting* _waiting(Machine* m, uint32_t context) noexcept nogil:
    """What is known of a context that waits or waited; NULL for others."""
    return <Waiting*>m.contexts[context].elements if context and m.contexts[context].count == 0 else NULL


cdef inline uint32_t _known_union(Machine* m, uint32_t context) noexcept nogil:
    """The number of the same context with its elements, if somebody has needed them before; otherwise the context itself."""
    cdef Waiting* w = _waiting(m, context)
    return w.united if w != NULL and w.united else context


cdef bint _has_element(Machine* m, const Context* c, uint32_t element) noexcept nogil:
    cdef uint32_t low = 0, high = c.count, middle
    while low < high:
        middle = (low + high) >> 1
        if _compare_elements(m, c.elements[middle], element) < 0:
            low = middle + 1
        else:
            high = middle
    return low < c.count and c.elements[low] == element


cdef uint32_t _added(Machine* m, uint32_t large, uint32_t added) noexcept nogil:
    """Makes a union that waits, or returns the large context if it has all elements; 0 if the caller should unite the two now."""
    cdef Waiting* before = _waiting(m, large)
    cdef Waiting* w
    cdef uint32_t base = large if before == NULL else before.base, i
    cdef uint64_t total
    cdef const Context* few = &m.contexts[added]
    if few.count == 0 or m.contexts[base].count < LEAST_WAITING or few.count > m.contexts[base].count >> ADDED_SHIFT:
        return 0
    for i in range(few.count):
        if not _has_element(m, &m.contexts[base], few.elements[i]):
            break
    else:
        return large
    total = <uint64_t>few.count + (0 if before == NULL else before.added_count)
    if total > m.contexts[base].count or not _grow_contexts(m):
        return 0
    w = <Waiting*>allocate_zeros(1, sizeof(Waiting))
    if w == NULL:
        return 0
    w.large = large
    w.added = added
    w.base = base
    w.added_count = <uint32_t>total
    m.contexts[m.context_count].elements = <uint32_t*>w
    m.contexts[m.context_count].count = 0
    m.context_count += 1
    return m.context_count - 1


cdef uint32_t context_united(Machine* m, uint32_t context) noexcept nogil:
    cdef Waiting* w = _waiting(m, context)
    cdef Waiting* part = w
    cdef Context* c
    cdef uint32_t* elements
    cdef uint32_t at = context, n = 0
    if w == NULL:
        return context
    if w.united:
        return w.united
    elements = <uint32_t*>allocate_items(w.added_count, sizeof(uint32_t))
    if elements == NULL:
        exhaust(m)
        return w.base
    while at != w.base:
        part = _waiting(m, at)
        c = &m.contexts[part.added]
        memcpy(elements + n, c.elements, c.count * sizeof(uint32_t))
        n += c.count
        at = part.large
    w.united = _merged(m, w.base, context_make(m, elements, n))
    free(elements)
    # If there is no memory, the machine is exhausted, and nobody sees this context.
    return w.united if w.united else w.base


cdef uint32_t context_union(Machine* m, uint32_t a, uint32_t b) noexcept nogil:
    cdef uint64_t key, slot
    cdef uint32_t result
    if a == b or b == 0:
        return a
    if a == 0:
        return b
    if a > b:
        a, b = b, a
    key = (<uint64_t>a << 32) | b
    slot = ((key * <uint64_t>0x9E3779B97F4A7C15) >> 52) * 2
    if m.union_cache == NULL:
        m.union_cache = <uint64_t*>allocate_zeros(UNION_CACHE_SIZE * 2, sizeof(uint64_t))
    if m.union_cache != NULL and m.union_cache[slot] == key:
        return <uint32_t>m.union_cache[slot + 1]
    a = _known_union(m, a)
    b = _known_union(m, b)
    result = _added(m, a, b)
    if result == 0:
        result = _added(m, b, a)
    if result == 0:
        result = _merged(m, context_united(m, a), context_united(m, b))
    if m.union_cache != NULL:
        m.union_cache[slot] = key
        m.union_cache[slot + 1] = result
    return result


cdef uint32_t _merged(Machine* m, uint32_t a, uint32_t b) noexcept nogil:
    """The union of two contexts that do not wait."""
    cdef uint32_t* merged
    cdef Context* x = &m.contexts[a]
    cdef Context* y = &m.contexts[b]
    cdef uint32_t i = 0, j = 0, n = 0, result
    cdef int c
    if a == b or b == 0:
        return a
    merged = <uint32_t*>allocate_items(<size_t>x.count + y.count, sizeof(uint32_t))
    if merged == NULL:
        exhaust(m)
        return 0
    while i < x.count or j < y.count:
        if i >= x.count:
            c = 1
        elif j >= y.count:
            c = -1
        else:
            c = _compare_elements(m, x.elements[i], y.elements[j])
        if c <= 0:
            merged[n] = x.elements[i]
            i += 1
            if c == 0:
                j += 1
        else:
            merged[n] = y.elements[j]
            j += 1
        n += 1
    result = _intern_context(m, merged, n)
    free(merged)
    return result
