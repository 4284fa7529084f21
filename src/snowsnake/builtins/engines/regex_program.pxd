# cython: language_level=3
"""A POSIX extended regular expression as a graph of states: regex_program.pyx makes it, regex_reverse.pyx and regex_walk.pyx run it."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from snowsnake.builtins.engines.regex_brackets cimport ByteSet

cdef enum RegexOp:
    # consumes one byte of the set `argument`
    OP_MATCH = 0
    # `alternate` (the left side) first, then `next`; both are always tried
    OP_ALTERNATIVE
    # `alternate` (once more) first; `next` only if that fails
    OP_REPEAT
    # argument: the group, from 0
    OP_GROUP_BEGIN
    OP_GROUP_END
    OP_LINE_BEGIN
    OP_LINE_END
    OP_ACCEPT
    # a placeholder while the pattern is parsed
    OP_NOTHING

cdef enum RegexStatus:
    REGEX_OK = 0
    # "invalid regular expression '…'"
    REGEX_INVALID
    # "memory limit exceeded by regular expression '…'"
    REGEX_TOO_LARGE

cdef struct RegexState:
    uint8_t op
    # a repeat inside a loop whose body can match nothing
    bint is_tracked
    uint32_t argument
    int32_t next
    int32_t alternate
    # while the pattern is parsed: nullable loops that begin and end at this state
    int32_t loops_opened
    int32_t loops_closed

cdef enum:
    FIRST_SETS = 257


cdef struct RegexProgram:
    RegexState* states
    int32_t state_count
    int32_t state_capacity
    # the FIRST_SETS sets that all patterns share: the single bytes, and `.`
    const ByteSet* first_sets
    # the sets after those
    ByteSet* sets
    uint32_t set_count
    uint32_t set_capacity
    int32_t start
    int32_t accept
    uint32_t group_count
    bint has_alternative
    bint has_line_begin
    bint has_tracked

cdef inline bint set_has(const ByteSet* byte_set, uint8_t byte) noexcept nogil:
    return (byte_set.bits[byte >> 3] >> (byte & 7)) & 1

cdef inline const ByteSet* set_at(const RegexProgram* program, uint32_t index) noexcept nogil:
    return &program.first_sets[index] if index < FIRST_SETS else &program.sets[index - FIRST_SETS]

cdef RegexStatus regex_program_parse(RegexProgram* program, const uint8_t* pattern, size_t size_bytes) noexcept nogil
cdef void regex_program_free(RegexProgram* program) noexcept nogil
