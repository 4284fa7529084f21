# cython: language_level=3
"""The meaning of a name that no scope of the program binds: `map`, `__add`, `true`, `builtins`; and the attributes of `builtins`.

In: a name.  Out: its row in the table of globals, which is made of the table of builtins (global_table.pxd).
"""
from libc.string cimport memcmp
from snowsnake.syntax.global_table cimport GLOBAL_COUNT, GLOBAL_TABLE


cdef int compare_text(const Text* a, const Text* b) noexcept nogil:
    """Byte order, as everywhere in Nix."""
    cdef int order = memcmp(a.data, b.data, a.size_bytes if a.size_bytes < b.size_bytes else b.size_bytes)
    if order:
        return order
    return (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes)


cdef Global* find_builtin(Text name) noexcept nogil:
    cdef uint32_t low = 0, high = GLOBAL_COUNT, middle, shorter
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        shorter = GLOBAL_TABLE[middle].size_bytes if GLOBAL_TABLE[middle].size_bytes < name.size_bytes else name.size_bytes
        order = memcmp(GLOBAL_TABLE[middle].name, name.data, shorter)
        if order == 0:
            if GLOBAL_TABLE[middle].size_bytes == name.size_bytes:
                return GLOBAL_TABLE + middle
            order = -1 if GLOBAL_TABLE[middle].size_bytes < name.size_bytes else 1
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return NULL


cdef Global* find_global_name(Text name, uint32_t features) noexcept nogil:
    cdef bint is_prefixed = name.size_bytes > 2 and name.data[0] == c'_' and name.data[1] == c'_'
    cdef Global* found
    if is_prefixed:
        name.data += 2
        name.size_bytes -= 2
    found = find_builtin(name)
    return NULL if found == NULL or found.is_plain == is_prefixed or found.needs & ~features else found


cdef Global* global_at(uint32_t index) noexcept nogil:
    return GLOBAL_TABLE + index


cdef uint32_t global_index(const Global* which) noexcept nogil:
    return <uint32_t>(which - GLOBAL_TABLE)


cdef uint32_t global_count() noexcept nogil:
    return GLOBAL_COUNT
