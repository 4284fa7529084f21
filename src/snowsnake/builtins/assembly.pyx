# cython: language_level=3
"""Builds lists and sets from events, from the inside out."""
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memset

from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_free, bytes_text
from snowsnake.machine.attrs cimport Attr, attrs_build
from snowsnake.machine.errors cimport raise_bytes, raise_text
from snowsnake.machine.heap cimport heap_reserve, make_string, new_list, string_words
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, ERROR_VALUE, RAISE, Machine
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport list_items

cdef enum:
    # A number, or the entry of a name, needs at most this many words.
    ROOM = 64
    # What is asked of the heap at once for small objects.
    RESERVE = 1024


cdef void assembly_init(Assembly* a, Machine* m) noexcept nogil:
    memset(a, 0, sizeof(Assembly))
    a.m = m


cdef void assembly_free(Assembly* a) noexcept nogil:
    free(a.entries)
    free(a.levels)


cdef inline bint _reserve(Assembly* a, uint64_t words) noexcept nogil:
    """As heap_reserve, which is called once for many small objects."""
    if words > a.reserved_words:
        if not heap_reserve(a.m, words + RESERVE):
            return False
        a.reserved_words = words + RESERVE
    a.reserved_words -= words
    return True


cdef int assembly_value(Assembly* a, Word value) noexcept nogil:
    if a.level_count == 0:
        a.root = value
        return DONE
    if not has_room(&a.entries, a.count, &a.capacity, 64):
        return raise_text(a.m, ERROR_MEMORY, NULL)
    a.entries[a.count].symbol = a.symbol
    a.entries[a.count].position = 0
    a.entries[a.count].value = value
    a.count += 1
    return DONE if _reserve(a, ROOM) else RAISE


cdef int _raise_nul(Machine* m, const uint8_t* data, uint64_t size_bytes) noexcept nogil:
    """The message shows the zero bytes as symbols."""
    cdef Bytes message
    cdef const uint8_t* end = data + size_bytes
    cdef const uint8_t* nul
    cdef bint fits
    memset(&message, 0, sizeof(message))
    fits = bytes_text(&message, "input string '")
    while fits:
        nul = <const uint8_t*>memchr(data, 0, <uint64_t>(end - data))
        if nul == NULL:
            break
        fits = bytes_append(&message, data, <uint64_t>(nul - data)) and bytes_text(&message, b"\xe2\x90\x80")
        data = nul + 1
    fits = (fits and bytes_append(&message, data, <uint64_t>(end - data))
            and bytes_text(&message, "' cannot be represented as Nix string because it contains null bytes"))
    if fits:
        raise_bytes(m, ERROR_VALUE, message.data, message.size)
    else:
        raise_text(m, ERROR_MEMORY, NULL)
    bytes_free(&message)
    return RAISE


cdef int assembly_string(Assembly* a, const uint8_t* data, uint64_t size_bytes) noexcept nogil:
    if size_bytes == 0:
        return assembly_value(a, a.m.empty_string)
    if memchr(data, 0, size_bytes) != NULL:
        return _raise_nul(a.m, data, size_bytes)
    if not _reserve(a, string_words(size_bytes)):
        return RAISE
    return assembly_value(a, make_string(a.m, data, size_bytes, 0))


cdef int assembly_name(Assembly* a, const uint8_t* data, uint64_t size_bytes) noexcept nogil:
    if size_bytes and memchr(data, 0, size_bytes) != NULL:
        return _raise_nul(a.m, data, size_bytes)
    if not _reserve(a, ROOM + string_words(size_bytes)):
        return RAISE
    a.symbol = symbol_intern(a.m, data, size_bytes)
    return DONE


cdef int assembly_open(Assembly* a, bint is_set) noexcept nogil:
    if not has_room(&a.levels, a.level_count, &a.level_capacity, 16):
        return raise_text(a.m, ERROR_MEMORY, NULL)
    a.levels[a.level_count].start = a.count
    a.levels[a.level_count].symbol = a.symbol
    a.levels[a.level_count].is_set = is_set
    a.level_count += 1
    return DONE


cdef Word _list_of(Assembly* a, Attr* entries, uint64_t n) noexcept nogil:
    cdef uint64_t i
    cdef Word list
    if not _reserve(a, n + 1):
        return 0
    list = new_list(a.m, n)
    for i in range(n):
        list_items(list)[i] = entries[i].value
    return list


cdef Word _set_of(Assembly* a, Attr* entries, uint64_t n) noexcept nogil:
    """attrs_build keeps the first of equal names, so the order is reversed unless no names can be equal."""
    cdef uint64_t i
    cdef Attr swap
    cdef bint is_ascending = True
    if not _reserve(a, 4 * n + ROOM):
        return 0
    for i in range(1, n):
        if entries[i - 1].symbol >= entries[i].symbol:
            is_ascending = False
            break
    if not is_ascending:
        for i in range(n // 2):
            swap = entries[i]
            entries[i] = entries[n - 1 - i]
            entries[n - 1 - i] = swap
    return attrs_build(a.m, entries, n)


cdef int assembly_close(Assembly* a) noexcept nogil:
    cdef AssemblyLevel* level = &a.levels[a.level_count - 1]
    cdef Attr* entries = a.entries + level.start
    cdef uint64_t n = a.count - level.start
    cdef Word value = _set_of(a, entries, n) if level.is_set else _list_of(a, entries, n)
    if value == 0:
        return RAISE
    a.count = level.start
    a.symbol = level.symbol
    a.level_count -= 1
    return assembly_value(a, value)
