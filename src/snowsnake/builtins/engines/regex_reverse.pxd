# cython: language_level=3
"""The backward pass: for each place of a text, the states of a pattern from which the rest matches.  The C interface."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from snowsnake.builtins.engines.regex_program cimport RegexProgram
from snowsnake.foundation.limits cimport is_stop_asked

cdef enum RegexResult:
    REGEX_NO_MATCH = 0
    REGEX_MATCH = 1
    # memory is short, which the caller reports as REGEX_TOO_LARGE; or the evaluation was asked to stop
    REGEX_MEMORY = 2

# a deterministic automaton of sets of states, which is built lazily; each step goes one byte to the left
cdef struct Automaton:
    # a match may end anywhere (split); otherwise only at the end of the text (match)
    bint accepts_anywhere
    int32_t count
    int32_t capacity
    # count × words
    uint64_t* sets
    # count × class_count: the set one byte earlier, or UNKNOWN
    int32_t* before
    # likewise if that byte is the first of the text; only patterns with ^ have this table
    int32_t* before_first
    # the sets by hash, with open addressing
    int32_t* table
    size_t table_size
    # the set at the end of a text, and of an empty text; UNKNOWN until it is computed
    int32_t at_end
    int32_t at_end_of_nothing

cdef struct Reverse:
    const RegexProgram* program
    # 64-bit words in one set
    size_t words
    # the class of each byte: bytes that no set of the pattern distinguishes share one
    uint8_t byte_class[256]
    uint32_t class_count
    # the states that consume a byte
    int32_t* matches
    int32_t match_count
    # the edges that consume nothing, backwards: those to state s come from sources[sources_start[s] : sources_start[s + 1]]
    int32_t* sources_start
    int32_t* sources
    # a stack of states
    int32_t* work
    # room for one set
    uint64_t* scratch
    Automaton exact
    Automaton anywhere
    # the automaton of the last pass: one of the two above
    Automaton* current
    # the automaton's set at each place, or IN_RAW
    int32_t* ids
    size_t ids_capacity
    # sets of the places raw_top, raw_top - 1, … if the automaton was full
    uint64_t* raw
    size_t raw_capacity_words
    int64_t raw_top
    # not 0: a request to stop; the pointer is NULL if there are no such requests
    const volatile int* attention

cdef enum:
    IN_RAW = -2

cdef inline bint reverse_must_stop(const Reverse* reverse, int64_t place) noexcept nogil:
    """Whether to stop.  The callers ask at every place, but this looks only at every 4096th."""
    return (place & 4095) == 0 and is_stop_asked(reverse.attention)

cdef inline const uint64_t* reverse_set(const Reverse* reverse, int64_t place) noexcept nogil:
    """The set at `place` of the last text, for a pass that kept its sets."""
    cdef int32_t id = reverse.ids[place]
    if id != IN_RAW:
        return reverse.current.sets + <size_t>id * reverse.words
    return reverse.raw + <size_t>(reverse.raw_top - place) * reverse.words

cdef inline bint has_state(const uint64_t* states, int32_t state) noexcept nogil:
    return (states[state >> 6] >> (state & 63)) & 1

cdef bint reverse_init(Reverse* reverse, const RegexProgram* program) noexcept nogil
cdef void reverse_free(Reverse* reverse) noexcept nogil
cdef size_t reverse_memory(const Reverse* reverse) noexcept nogil
cdef RegexResult reverse_run(Reverse* reverse, bint accepts_anywhere, const uint8_t* data, size_t size_bytes,
                             bint keeps_sets) noexcept nogil
cdef void reverse_forget(Reverse* reverse) noexcept nogil
