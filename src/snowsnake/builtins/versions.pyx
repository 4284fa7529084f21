# cython: language_level=3
"""Builtins on version numbers and the names of derivations.  In: strings.  Out: an order, components."""
from libc.stdint cimport uint64_t

from snowsnake.builtins.engines.versions cimport (
    DrvName, VersionCursor, VersionPart, compare_versions, parse_drv_name, version_next,
)
from snowsnake.builtins.protocol cimport done
from snowsnake.builtins.registry cimport define
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport Attr, attrs_build
from snowsnake.machine.heap cimport heap_reserve, make_string, new_list, string_words
from snowsnake.machine.state cimport Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport Word, list_items, small_int, string_data, string_size


cdef int compare_versions_(Machine* m, Word* fp) noexcept nogil:
    cdef int order = compare_versions(string_data(fp[0]), string_size(fp[0]), string_data(fp[1]), string_size(fp[1]), &m.attention)
    return stop(m) if must_stop(m) else done(m, small_int(order))


cdef inline VersionCursor _start(Word s) noexcept nogil:
    cdef VersionCursor cursor
    cursor.position = string_data(s)
    cursor.end = cursor.position + string_size(s)
    return cursor


cdef int split_version(Machine* m, Word* fp) noexcept nogil:
    cdef VersionCursor cursor = _start(fp[0])
    cdef VersionPart part = version_next(&cursor)
    cdef uint64_t n = 0, words = 1, i
    cdef Word list
    while part.size_bytes:
        if must_stop(m):
            return stop(m)
        n += 1
        words += 1 + string_words(part.size_bytes)
        part = version_next(&cursor)
    if not heap_reserve(m, words):
        return RAISE
    list = new_list(m, n)
    cursor = _start(fp[0])
    for i in range(n):
        if must_stop(m):
            # All elements must be valid words.
            while i < n:
                list_items(list)[i] = m.empty_string
                i += 1
            return stop(m)
        part = version_next(&cursor)
        list_items(list)[i] = make_string(m, part.data, part.size_bytes, 0)
    return done(m, list)


cdef int parse_drv_name_(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t size = string_size(fp[0])
    cdef DrvName name = parse_drv_name(string_data(fp[0]), size)
    cdef Attr[2] entries
    cdef Word result
    if not heap_reserve(m, 64 + string_words(size)):
        return RAISE
    entries[0].symbol = m.symbol_name
    entries[0].position = 0
    entries[0].value = make_string(m, string_data(fp[0]), name.name_size, 0)
    entries[1].symbol = symbol_intern(m, <const char*>"version", 7)
    entries[1].position = 0
    entries[1].value = make_string(m, string_data(fp[0]) + name.version_start, size - name.version_start, 0)
    result = attrs_build(m, entries, 2)
    return done(m, result) if result else RAISE


define("compareVersions", compare_versions_)
define("splitVersion", split_version)
define("parseDrvName", parse_drv_name_)
