# cython: language_level=3
"""The forward walk through a pattern: the C interface."""
from libc.stdint cimport int32_t, int64_t, uint64_t, uint8_t
from snowsnake.builtins.engines.regex_program cimport RegexProgram
from snowsnake.builtins.engines.regex_reverse cimport Reverse

# A frame of the walk's own stack.
cdef struct WalkFrame:
    uint8_t kind
    int32_t state
    int64_t value
    uint64_t key

cdef struct Memo:
    uint64_t key
    int64_t generation
    int32_t state
    bint has_solution

# the states to continue from, best first, each with its slots
cdef struct ThreadList:
    int32_t* states
    int64_t* slots
    size_t count
    size_t capacity

cdef struct Regex:
    RegexProgram program
    Reverse reverse
    # the bytes that every full match begins with
    uint8_t prefix[32]
    size_t prefix_size
    # two for each group
    size_t slot_count
    # the slots that the walk is writing
    int64_t* slots
    int64_t* best_slots
    int64_t* own_slots
    # For walk_exploring and walk_parallel, where one place may need several steps
    WalkFrame* frames
    size_t frame_count
    size_t frame_capacity
    # the stamp of the current place: an entry of the arrays below counts only if its generation is this stamp
    int64_t generation
    # a state was explored if its entry has the stamp; the second array says whether it led to a match
    int64_t* memo_generation
    uint8_t* memo_solution
    int64_t* queued_generation
    int64_t* entered_generation
    # how often a tracked repeat was entered
    uint8_t* entered
    # remembers states that were met while tracked repeats were entered
    Memo* memos
    size_t memo_capacity
    size_t memo_count
    # at 0, empty iterations are no longer counted exactly
    int64_t steps_left
    bint is_coarse
    ThreadList lists[2]
    bint is_out_of_memory
    # For the scan of split
    size_t text_size
    int64_t match_begin
    int64_t match_end
    bint is_first

cdef void clear_slots(Regex* regex, int64_t* slots) noexcept nogil
cdef int64_t walk(Regex* regex, int64_t place) noexcept nogil
cdef int64_t walk_exploring(Regex* regex, int64_t place) noexcept nogil
cdef int64_t walk_parallel(Regex* regex, int64_t begin, bint may_be_empty) noexcept nogil
