# cython: language_level=3
"""Compiled regular expressions with C++ Nix's captures, in time linear in the text: the C interface.

A `Regex` holds caches that matching fills, so only one thread may use it at a time.  `captures` has the begin and the end of the
whole match, then those of each group: 2 × (1 + group count) numbers, which are -1 for a group that took no part.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from snowsnake.builtins.engines.regex_program cimport RegexStatus
from snowsnake.builtins.engines.regex_reverse cimport RegexResult
from snowsnake.builtins.engines.regex_walk cimport Regex
from snowsnake.foundation.buffer cimport Bytes


cdef struct RegexEntry:
    Regex* regex
    uint8_t* pattern
    size_t pattern_size
    uint64_t hash

# compiled expressions by pattern; each machine has one
cdef struct RegexCache:
    RegexEntry* entries
    size_t capacity
    size_t count
    # the expression that was put in last; known_bytes does not include it yet
    Regex* last
    # the memory of the other expressions when they were last measured
    size_t known_bytes

cdef Regex* regex_compile(const uint8_t* pattern, size_t size_bytes, RegexStatus* status) noexcept nogil
cdef void regex_free(Regex* regex) noexcept nogil
cdef size_t regex_group_count(const Regex* regex) noexcept nogil
cdef void regex_error_text(RegexStatus status, const uint8_t* pattern, size_t size_bytes, Bytes* out) noexcept nogil

cdef RegexResult regex_match_full(Regex* regex, const uint8_t* data, size_t size_bytes, int64_t* captures) noexcept nogil

cdef RegexResult regex_scan_begin(Regex* regex, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef RegexResult regex_scan_next(Regex* regex, int64_t* captures) noexcept nogil
cdef void regex_scan_end(Regex* regex) noexcept nogil

cdef void regex_cache_init(RegexCache* cache) noexcept nogil
cdef void regex_cache_free(RegexCache* cache) noexcept nogil
cdef Regex* regex_cache_get(RegexCache* cache, const uint8_t* pattern, size_t size_bytes,
                            RegexStatus* status) noexcept nogil
