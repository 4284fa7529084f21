# cython: language_level=3
"""Compiled regular expressions with the captures C++ Nix gives, in time linear in the text: C interface.

A `Regex` holds caches that matching fills: one thread at a time.  `captures` is a begin and an end for the whole match,
then for each group, 2 × (1 + group count) numbers; -1 for a group that took no part.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from snowsnake.builtins.engines.regex_program cimport RegexProgram, RegexStatus
from snowsnake.builtins.engines.regex_reverse cimport RegexResult, Reverse
from snowsnake.store.buffer cimport Bytes

cdef struct Frame:                    # of the walk's own stack
    uint8_t kind
    int32_t state
    int64_t value
    uint64_t key

cdef struct Memo:
    uint64_t key
    int64_t generation
    int32_t state
    bint has_solution

cdef struct ThreadList:               # states to go on from, best first, each with its slots
    int32_t* states
    int64_t* slots
    size_t count
    size_t capacity

cdef struct Regex:
    RegexProgram program
    Reverse reverse
    uint8_t prefix[32]                # what every full match begins with
    size_t prefix_size
    size_t slot_count                 # two for each group
    int64_t* slots                    # those being written
    int64_t* best_slots
    int64_t* own_slots
    # the walk where one place may need several steps
    Frame* frames
    size_t frame_count
    size_t frame_capacity
    int64_t generation                # stamps the five arrays below: one for each place of a walk
    int64_t* memo_generation          # for each state: was it explored, and did it lead to a match
    uint8_t* memo_solution
    int64_t* queued_generation
    int64_t* entered_generation
    uint8_t* entered                  # how often a tracked repeat was entered
    Memo* memos                       # the memo of states met with tracked repeats entered
    size_t memo_capacity
    size_t memo_count
    int64_t steps_left                # until empty iterations are no longer counted exactly
    bint is_coarse
    ThreadList lists[2]
    bint is_out_of_memory
    # the scan
    size_t text_size
    int64_t match_begin
    int64_t match_end
    bint is_first

cdef struct RegexEntry:
    Regex* regex
    uint8_t* pattern
    size_t pattern_size
    uint64_t hash

cdef struct RegexCache:               # patterns to compiled expressions; owned by one evaluator
    RegexEntry* entries
    size_t capacity
    size_t count
    Regex* last                       # the one that was put in last; its weight is not among
    size_t known_bytes                #   those known

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
