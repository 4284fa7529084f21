# cython: language_level=3
"""A POSIX extended regular expression as a graph of states: what `regex_program.pyx` parses and `regex.pyx` runs."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from snowsnake.builtins.engines.regex_brackets cimport ByteSet

cdef enum RegexOp:
    OP_MATCH = 0                      # consumes one byte of the set `argument`
    OP_ALTERNATIVE                    # `alternate` (the left side) first, then `next`; both are always tried
    OP_REPEAT                         # `alternate` (once more) first; `next` only if that fails
    OP_GROUP_BEGIN                    # argument: the group, from 0
    OP_GROUP_END
    OP_LINE_BEGIN
    OP_LINE_END
    OP_ACCEPT
    OP_NOTHING                        # only while parsing

cdef enum RegexStatus:
    REGEX_OK = 0
    REGEX_INVALID                     # "invalid regular expression '…'"
    REGEX_TOO_LARGE                   # "memory limit exceeded by regular expression '…'"

cdef struct RegexState:
    uint8_t op
    bint is_tracked                   # a repeat inside a loop whose body can match nothing
    uint32_t argument
    int32_t next
    int32_t alternate
    int32_t loops_opened              # only while parsing: nullable loops that begin and end at this state
    int32_t loops_closed

cdef enum:
    FIRST_SETS = 257


cdef struct RegexProgram:
    RegexState* states
    int32_t state_count
    int32_t state_capacity
    const ByteSet* first_sets         # the FIRST_SETS sets that all patterns share: the single bytes, and `.`
    ByteSet* sets                     # the sets after those
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
