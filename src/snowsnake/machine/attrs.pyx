# cython: language_level=3
"""Attribute sets: building, merging with a cache of keys, and name order.

Keys are immutable and shared.  `//` first asks a cache of (keys of a, keys of b), so that updating the same two shapes
again costs one pass over the values.  A small set over a large one becomes a *layered* set, which is two pointers: package sets of ten
thousand names are updated by a few names hundreds of times, and then asked for a few names only.  Layers do not pile up: over a
layered set, small sets are merged, until one has at most an eighth of the layer below.  A caller that needs more than attributes by name
makes the set flat, once.  Keys that a builtin makes are looked up by their contents first, so that results of one shape share them.  The
collector renews the cache when it moves objects.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.foundation.merging cimport LONGEST_RUN, merge_sort
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.errors cimport raise_text
from snowsnake.machine.heap cimport heap_alloc, heap_reserve, write_barrier
from snowsnake.machine.state cimport ERROR_MEMORY, Machine
from snowsnake.machine.symbols cimport compare_strings
from snowsnake.machine.turns cimport fill_turns, known_prefix
from snowsnake.machine.word cimport (
    KIND_ATTRS, KIND_KEYS, KIND_ORDER, TAG_ATTRS, TAG_BOX, attrs_find, attrs_keys, attrs_size, attrs_values, header_of,
    keys_positions, keys_symbols, tagged,
)


cdef Attr* scratch_entries(Machine* m, uint64_t count) noexcept nogil:
    cdef Attr* entries = <Attr*>allocate_items(count + 1, sizeof(Attr))
    if entries == NULL:
        raise_text(m, ERROR_MEMORY, NULL)
    return entries


cdef inline Word* _new_keys(Machine* m, uint64_t count) noexcept nogil:
    cdef Word* k = heap_alloc(m, 2 + count)
    k[0] = header_of(KIND_KEYS, count)
    k[1] = 0
    return k


cdef inline Word* _new_attrs(Machine* m, Word* keys, uint64_t count) noexcept nogil:
    cdef Word* p = heap_alloc(m, 2 + count)
    p[0] = header_of(KIND_ATTRS, count)
    p[1] = <Word>keys
    return p


cdef Word keys_build(Machine* m, uint32_t* symbols, uint32_t* positions, uint64_t count) noexcept nogil:
    cdef Word* k = _new_keys(m, count)
    memcpy(keys_symbols(k), symbols, count * sizeof(uint32_t))
    if positions == NULL:
        memset(keys_positions(k), 0, count * sizeof(uint32_t))
    else:
        memcpy(keys_positions(k), positions, count * sizeof(uint32_t))
    return tagged(k, TAG_BOX)


cdef enum:
    # The cache is direct-mapped and has so many triples: (keys a, keys b, keys of a // b), or (hash, BY_CONTENTS, keys).
    KEYS_CACHE_SIZE = 4096
    # The cache does not look larger keys up.
    MOST_SHARED_KEYS = 1 << 16
    # A sort of at most so many items is short.
    SHORT_SORT = 1 << 14


cdef inline bint _has_keys_cache(Machine* m) noexcept nogil:
    if m.keys_cache == NULL:
        m.keys_cache = <uint64_t*>allocate_zeros(KEYS_CACHE_SIZE * 3, sizeof(uint64_t))
    return m.keys_cache != NULL


cdef Word* keys_share(Machine* m, Word* keys) noexcept nogil:
    """Returns equal keys if the cache has some, and then frees these again, which must be the last that were allocated."""
    cdef uint64_t n = keys_size(keys), hash_ = n, i
    # The symbols come first, then the positions: they fill n words together.
    cdef uint64_t* pairs = <uint64_t*>(keys + 2)
    cdef uint64_t* cached
    cdef Word* known
    if n > MOST_SHARED_KEYS or not _has_keys_cache(m):
        return keys
    for i in range(n):
        hash_ = (hash_ ^ pairs[i]) * <uint64_t>0x9E3779B97F4A7C15
        hash_ ^= hash_ >> 29
    cached = m.keys_cache + shared_keys_place(hash_)
    if cached[0] == hash_ and cached[1] == BY_CONTENTS:
        known = <Word*>cached[2]
        if keys_size(known) == n and memcmp(known + 2, pairs, n * sizeof(uint64_t)) == 0:
            m.hp = keys
            return known
    cached[0] = hash_
    cached[1] = BY_CONTENTS
    cached[2] = <uint64_t>keys
    return keys


cdef inline bint _is_later_symbol(const void* context, const Attr* a, const Attr* b) noexcept nogil:
    return a.symbol > b.symbol


cdef inline bint _must_leave(Machine* m, uint64_t count) noexcept nogil:
    """Whether to leave the sort of so many items: a short one is done before anybody notices, and requests that come while nothing runs do not count."""
    return count > SHORT_SORT and must_stop(m) and m.fr > m.frames_base


cdef struct EntrySort:
    Machine* machine
    uint64_t count


cdef inline bint _leaves_entries(const EntrySort* sort) noexcept nogil:
    return _must_leave(sort.machine, sort.count)


cdef bint sort_entries(Machine* m, Attr* entries, uint64_t count) noexcept nogil:
    cdef EntrySort sort
    cdef Attr* scratch = NULL
    if count > LONGEST_RUN:
        scratch = scratch_entries(m, count)
        if scratch == NULL:
            return False
    sort.machine = m
    sort.count = count
    merge_sort(entries, scratch, count, _is_later_symbol, _leaves_entries, &sort)
    free(scratch)
    if _must_leave(m, count):
        stop(m)
        return False
    return True


cdef Word attrs_build(Machine* m, Attr* entries, uint64_t count) noexcept nogil:
    cdef uint64_t i, kept = 0
    cdef bint is_sorted = True
    cdef Word* k
    cdef Word* p
    if count == 0:
        return m.empty_attrs
    for i in range(1, count):
        if entries[i - 1].symbol >= entries[i].symbol:
            is_sorted = False
            break
    if not is_sorted:
        if not sort_entries(m, entries, count):
            return 0
        for i in range(count):
            if kept and entries[kept - 1].symbol == entries[i].symbol:
                continue
            entries[kept] = entries[i]
            kept += 1
        count = kept
    if count > 1024 and not heap_reserve(m, 4 + 2 * count):
        return 0
    k = _new_keys(m, count)
    for i in range(count):
        keys_symbols(k)[i] = entries[i].symbol
        keys_positions(k)[i] = entries[i].position
    k = keys_share(m, k)
    p = _new_attrs(m, k, count)
    for i in range(count):
        p[2 + i] = entries[i].value
    return tagged(p, TAG_ATTRS)


cdef Word attrs_with_keys(Machine* m, Word* keys, Word* values) noexcept nogil:
    cdef uint64_t n = keys_size(keys)
    cdef Word* p
    if n > 4096 and not heap_reserve(m, n + 2):
        return 0
    p = _new_attrs(m, keys, n)
    if values != NULL:
        memcpy(p + 2, values, n * sizeof(Word))
    return tagged(p, TAG_ATTRS)


# ---- a // b -----------------------------------------------------------------------------------------------------

cdef Word* _merge_keys(Machine* m, Word* ka, Word* kb) noexcept nogil:
    """The keys of a // b: one of the two if it has all names, otherwise new ones.  Positions of b win."""
    cdef uint32_t* sa = keys_symbols(ka)
    cdef uint32_t* sb = keys_symbols(kb)
    cdef uint32_t* pa = keys_positions(ka)
    cdef uint32_t* pb = keys_positions(kb)
    cdef uint64_t na = keys_size(ka), nb = keys_size(kb), i = 0, j = 0, n = 0
    cdef uint32_t* symbols
    cdef uint32_t* positions
    cdef Word* k
    while i < na and j < nb:
        if sa[i] < sb[j]:
            i += 1
        elif sa[i] > sb[j]:
            j += 1
        else:
            i += 1
            j += 1
        n += 1
    n += (na - i) + (nb - j)
    # If n is nb, b has every attribute of a.
    if n == nb:
        return kb
    k = _new_keys(m, n)
    symbols = keys_symbols(k)
    positions = keys_positions(k)
    i = 0
    j = 0
    n = 0
    while i < na or j < nb:
        if j >= nb or (i < na and sa[i] < sb[j]):
            symbols[n] = sa[i]
            positions[n] = pa[i]
            i += 1
        else:
            if i < na and sa[i] == sb[j]:
                i += 1
            symbols[n] = sb[j]
            positions[n] = pb[j]
            j += 1
        n += 1
    return k


cdef enum:
    # The lower set has at least so many attributes, and the upper one has at most half as many as the lower one.
    LEAST_LAYERED = 32
    # Over an upper set of at least so many attributes, one with at most an eighth of them is a layer of its own.
    LEAST_UPPER = 128
    # A small set below a large one is put over it from so many attributes of the large one on.
    LEAST_TURNED = 128


cdef Word _new_layered(Machine* m, Word base, Word over, uint64_t count) noexcept nogil:
    cdef Word* p = heap_alloc(m, 3)
    p[0] = header_of(KIND_LAYERED, count)
    p[1] = base
    p[2] = over
    return tagged(p, TAG_ATTRS)


cdef uint64_t _count_lacking(Word attrs, Word* keys) noexcept nogil:
    """How many of the keys a set lacks."""
    cdef uint32_t* symbols = keys_symbols(keys)
    cdef uint64_t n = keys_size(keys), count = 0, i
    for i in range(n):
        if attrs_find(attrs, symbols[i]) == NULL:
            count += 1
    return count


cdef Word _without_names_of(Machine* m, Word a, Word b, uint64_t count) noexcept nogil:
    """The attributes of a, which is flat, that b lacks; there are `count`."""
    cdef Word* ka = attrs_keys(a)
    cdef Word* values = attrs_values(a)
    cdef uint64_t n = keys_size(ka), kept = 0, i
    cdef Word* k
    cdef Word* p
    if count == n:
        return a
    k = _new_keys(m, count)
    for i in range(n):
        if attrs_find(b, keys_symbols(ka)[i]) == NULL:
            keys_symbols(k)[kept] = keys_symbols(ka)[i]
            keys_positions(k)[kept] = keys_positions(ka)[i]
            kept += 1
    k = keys_share(m, k)
    p = _new_attrs(m, k, count)
    kept = 0
    for i in range(n):
        if kept < count and keys_symbols(k)[kept] == keys_symbols(ka)[i]:
            p[2 + kept] = values[i]
            kept += 1
    return tagged(p, TAG_ATTRS)


cdef inline bint _is_layer(Machine* m, Word lower, uint64_t count) noexcept nogil:
    """Whether a set of `count` attributes over this one is a layer of its own, so that lookups in both are worth not copying the lower one.

    Sizes of layers grow at least eightfold from one to the next below, so that there are few, and a name that is added is copied a few times.
    """
    cdef uint64_t size
    if not attrs_is_layered(lower):
        return (attrs_size(lower) >= LEAST_LAYERED and count * 2 <= attrs_size(lower)) or m.stress
    size = attrs_size(pointer_of(lower)[2])
    return (size >= LEAST_UPPER and count * 8 <= size) or (m.stress and not attrs_is_layered(pointer_of(lower)[1]))


cdef Word _put_over(Machine* m, Word a, Word b, uint64_t lacking) noexcept nogil:
    """a // b, where b is flat: merges b with the upper layers of a that are not much larger.

    lacking: how many of the names of b are not in a, if that is known; otherwise 0.
    """
    cdef Word lower = a, over = b
    while not _is_layer(m, lower, attrs_size(over)):
        if not attrs_is_layered(lower):
            return attrs_merge(m, lower, over)
        over = attrs_merge(m, pointer_of(lower)[2], over)
        if over == 0:
            return 0
        lower = pointer_of(lower)[1]
    if lacking == 0:
        lacking = _count_lacking(a, attrs_keys(b))
    return _new_layered(m, flat_word(lower), flat_word(over), attrs_size(a) + lacking)


cdef Word attrs_update(Machine* m, Word a, Word b) noexcept nogil:
    cdef uint64_t lacking
    m.update_count += 1
    if attrs_size(b) == 0:
        return a
    if attrs_size(a) == 0:
        return b
    # The attributes of a that b lacks are put over b.
    if attrs_size(b) >= LEAST_TURNED and attrs_size(a) * 2 <= attrs_size(b) and not attrs_is_layered(a):
        lacking = _count_lacking(b, attrs_keys(a))
        if lacking:
            return _put_over(m, b, _without_names_of(m, a, b, lacking), lacking)
    if not attrs_flat(m, b):
        return 0
    return _put_over(m, a, b, 0)


cdef inline Word flat_word(Word attrs) noexcept nogil:
    """The flat set behind a layered set that was made flat; otherwise the set itself."""
    cdef Word* p = pointer_of(attrs)
    return p[1] if header_kind(p[0]) == KIND_LAYERED and p[2] == 0 else attrs


cdef bint attrs_flatten(Machine* m, Word layered) noexcept nogil:
    cdef Word* p = pointer_of(layered)
    cdef Word flat = p[2], lower = p[1]
    if not heap_reserve(m, 2 * attrs_size(layered) + 4):
        return False
    # From the smallest layer down, so that the largest is copied once.
    while attrs_is_layered(lower):
        flat = attrs_merge(m, pointer_of(lower)[2], flat)
        if flat == 0:
            return False
        lower = pointer_of(lower)[1]
    flat = attrs_merge(m, lower, flat)
    if flat == 0:
        return False
    p[1] = flat
    p[2] = 0
    write_barrier(m, layered)
    return True


cdef uint32_t attrs_position(Word attrs, uint32_t symbol) noexcept nogil:
    cdef Word* p = pointer_of(attrs)
    cdef Word* keys
    cdef int64_t i
    while header_kind(p[0]) == KIND_LAYERED:
        if p[2]:
            keys = attrs_keys(p[2])
            i = keys_find(keys, symbol)
            if i >= 0:
                return keys_positions(keys)[i]
        p = pointer_of(p[1])
    keys = <Word*>p[1]
    i = keys_find(keys, symbol)
    return 0 if i < 0 else keys_positions(keys)[i]


cdef Word attrs_merge(Machine* m, Word a, Word b) noexcept nogil:
    cdef Word* ka = attrs_keys(a)
    cdef Word* kb = attrs_keys(b)
    cdef uint64_t na = attrs_size(a), nb = attrs_size(b), n, i, slot
    cdef uint64_t* cached
    cdef Word* k
    cdef Word* p
    cdef Word* va = attrs_values(a)
    cdef Word* vb = attrs_values(b)
    cdef uint32_t* s
    cdef uint32_t* sb
    cdef uint64_t j
    if nb == 0:
        return a
    if na == 0:
        return b
    if na + nb > 1024 and not heap_reserve(m, 2 * (na + nb) + 4):
        return 0
    slot = keys_cache_place(ka, kb)
    if not _has_keys_cache(m):
        raise_text(m, ERROR_MEMORY, NULL)
        return 0
    cached = m.keys_cache + slot
    if cached[0] == <uint64_t>ka and cached[1] == <uint64_t>kb:
        k = <Word*>cached[2]
        m.update_known_count += 1
    else:
        k = _merge_keys(m, ka, kb)
        if k != kb:
            k = keys_share(m, k)
        cached[0] = <uint64_t>ka
        cached[1] = <uint64_t>kb
        cached[2] = <uint64_t>k
    n = keys_size(k)
    p = _new_attrs(m, k, n)
    # If the keys are those of b, b has all names of a.  The result is a new set all the same, which `«repeated»` shows.
    if k == kb:
        memcpy(p + 2, vb, n * sizeof(Word))
        return tagged(p, TAG_ATTRS)
    s = keys_symbols(k)
    sb = keys_symbols(kb)
    # If n is na, b only replaces values: this copies those of a, and then writes those of b over them.
    if n == na:
        memcpy(p + 2, va, n * sizeof(Word))
        if nb * 8 < n:
            for j in range(nb):
                p[2 + keys_find(k, sb[j])] = vb[j]
            return tagged(p, TAG_ATTRS)
        i = 0
        for j in range(nb):
            while s[i] != sb[j]:
                i += 1
            p[2 + i] = vb[j]
        return tagged(p, TAG_ATTRS)
    _merge_values(p + 2, s, n, keys_symbols(ka), va, na, sb, vb, nb)
    return tagged(p, TAG_ATTRS)


cdef inline void _merge_values(Word* out, uint32_t* s, uint64_t n, uint32_t* sa, Word* va, uint64_t na,
                               uint32_t* sb, Word* vb, uint64_t nb) noexcept nogil:
    cdef uint64_t i = 0, j = 0, k
    for k in range(n):
        if j < nb and sb[j] == s[k]:
            out[k] = vb[j]
            j += 1
            if i < na and sa[i] == s[k]:
                i += 1
        else:
            out[k] = va[i]
            i += 1


# ---- name order -------------------------------------------------------------------------------------------------

# These are the texts by which indices of keys are sorted.
cdef struct NameOrder:
    Machine* machine
    uint64_t count
    # This array maps a symbol to its text.
    Word* strings
    # This array maps an index to its symbol.
    uint32_t* symbols


cdef inline bint _is_later_name(NameOrder* names, const uint32_t* a, const uint32_t* b) noexcept nogil:
    return compare_strings(names.strings[names.symbols[a[0]]], names.strings[names.symbols[b[0]]]) > 0


cdef inline bint _leaves_names(const NameOrder* names) noexcept nogil:
    return _must_leave(names.machine, names.count)


cdef uint32_t* keys_order(Machine* m, Word* keys) noexcept nogil:
    """Where there are names that C++ Nix knows from the start, the order of evaluation follows that of the names (turns.pxd)."""
    cdef uint64_t n = keys_size(keys), i, known, entries
    cdef Word* order
    cdef uint32_t* indices
    cdef uint32_t* scratch = NULL
    cdef NameOrder names
    if keys[1]:
        return <uint32_t*>(<Word*>keys[1] + 1)
    known = known_prefix(keys_symbols(keys), n)
    entries = 2 * n if known else n
    if n > 4096 and not heap_reserve(m, entries):
        return NULL
    order = heap_alloc(m, 1 + ((entries + 1) >> 1))
    order[0] = header_of(KIND_ORDER, entries)
    indices = <uint32_t*>(order + 1)
    for i in range(n):
        indices[i] = <uint32_t>i
    names.machine = m
    names.count = n
    names.strings = m.symbol_strings
    names.symbols = keys_symbols(keys)
    if n > LONGEST_RUN:
        scratch = <uint32_t*>allocate_items(n, sizeof(uint32_t))
        if scratch == NULL:
            raise_text(m, ERROR_MEMORY, NULL)
            return NULL
    merge_sort(indices, scratch, n, _is_later_name, _leaves_names, &names)
    free(scratch)
    if _must_leave(m, n):
        m.hp = order
        stop(m)
        return NULL
    if known:
        fill_turns(indices, n, known, indices + n)
    keys[1] = <Word>order
    write_barrier(m, <Word>keys)
    return indices


cdef uint32_t* attrs_order(Machine* m, Word attrs) noexcept nogil:
    if not attrs_flat(m, attrs):
        return NULL
    return keys_order(m, attrs_keys(attrs))
