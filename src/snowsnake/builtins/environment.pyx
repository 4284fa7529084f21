# cython: language_level=3
"""Builtins about the environment: variables, this machine's system, the time, the search path, the store."""
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport strlen

from snowsnake.builtins.derivations cimport BUILTIN_TIME, builtin_word
from snowsnake.builtins.protocol cimport done
from snowsnake.builtins.registry cimport define
from snowsnake.host.environment cimport host_getenv, host_system, host_time
from snowsnake.host.state cimport Host, host_of, host_store_dir
from snowsnake.machine.attrs cimport Attr, attrs_build
from snowsnake.machine.heap cimport heap_reserve, make_apply, make_int, make_string, new_list
from snowsnake.machine.state cimport Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport WORD_NULL, Word, list_items, string_data


cdef int get_env(Machine* m, Word* fp) noexcept nogil:
    cdef const char* value = host_getenv(m, <const char*>string_data(fp[0]))
    if value == NULL:
        return done(m, m.empty_string)
    if not heap_reserve(m, (strlen(value) >> 3) + 8):
        return RAISE
    return done(m, make_string(m, value, strlen(value), 0))


cdef int current_system(Machine* m, Word* fp) noexcept nogil:
    cdef const char* system = host_system(m)
    return done(m, make_string(m, system, strlen(system), 0))


cdef int current_time(Machine* m, Word* fp) noexcept nogil:
    """Returns a thunk, because a program that does not use the time does not depend on it."""
    return done(m, make_apply(m, builtin_word(m, BUILTIN_TIME), WORD_NULL))


cdef int time_now(Machine* m, Word* fp) noexcept nogil:
    return done(m, make_int(m, host_time(m)))


cdef int store_dir(Machine* m, Word* fp) noexcept nogil:
    return done(m, make_string(m, host_store_dir(m).data, host_store_dir(m).size, 0))


cdef int nix_path(Machine* m, Word* fp) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Attr[2] pair
    cdef Word result, entry
    cdef uint32_t i, symbol_path = symbol_intern(m, b"path", 4), symbol_prefix = symbol_intern(m, b"prefix", 6)
    cdef uint64_t words = 64
    for i in range(h.search_count):
        words += 24 + (h.search[i].prefix_size + h.search[i].path_size) // 8
    if not heap_reserve(m, words):
        return RAISE
    result = new_list(m, h.search_count)
    for i in range(h.search_count):
        list_items(result)[i] = WORD_NULL
    for i in range(h.search_count):
        pair[0].symbol = symbol_path
        pair[0].position = 0
        pair[0].value = make_string(m, h.search[i].path, h.search[i].path_size, 0)
        pair[1].symbol = symbol_prefix
        pair[1].position = 0
        pair[1].value = make_string(m, h.search[i].prefix, h.search[i].prefix_size, 0)
        entry = attrs_build(m, pair, 2)
        if entry == 0:
            return RAISE
        list_items(result)[i] = entry
    return done(m, result)


define("getEnv", get_env)
define("currentSystem", current_system)
define("currentTime", current_time)
define("__time", time_now)
define("storeDir", store_dir)
define("nixPath", nix_path)
