# cython: language_level=3
"""Compiles a pattern into a graph of states, with the POSIX extended syntax exactly as C++ Nix reads it.

In: the bytes of a pattern.  Out: a `RegexProgram`, or why the pattern is refused.

C++ Nix hands patterns to std::regex of libstdc++ (`extended`, C locale), so the language is what that library
accepts: `\\d` and back-references are errors, `a**` is allowed, ranges compare signed bytes, bounds are expanded, and a
pattern of more than 100 000 of its states is refused.  The graph has its shape, state for state, so that limit and the
order in which paths are tried are the same.  The parser keeps its own stack: nesting is bounded by memory only.

A fragment is a contiguous run of states [low, high) with one loose end, so copying it for a bound is a block copy.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.builtins.engines.regex_brackets cimport bracket_parse
from snowsnake.foundation.allocate cimport allocate_items, resize_items

cdef enum:
    # The limit of libstdc++ for the number of states that it makes for one pattern, whether it keeps them or not.
    STATE_LIMIT = 100000
    NOWHERE = -1

cdef struct Fragment:
    int32_t start
    # The state whose `next` leads nowhere yet.
    int32_t end
    bint is_nullable

# An open group, or the whole pattern.
cdef struct OpenGroup:
    # The index of the group's first state.
    int32_t low
    uint32_t group
    # The alternatives before the last `|`.
    Fragment choice
    bint has_choice
    # The part of the current alternative that has been read.
    Fragment sequence
    bint has_sequence

cdef struct RegexParser:
    RegexProgram* program
    const uint8_t* position
    const uint8_t* end
    # States are counted as libstdc++ does, which also counts the originals of fragments that it copies.
    int64_t states_made
    RegexStatus status
    OpenGroup* levels
    size_t level_count
    size_t level_capacity


cdef void fail(RegexParser* parser, RegexStatus status) noexcept nogil:
    if parser.status == REGEX_OK:
        parser.status = status


# -- states ------------------------------------------------------------------------------------------------------------

cdef bint reserve_states(RegexParser* parser, int64_t extra) noexcept nogil:
    cdef RegexProgram* program = parser.program
    cdef int64_t wanted = program.state_count + extra
    cdef RegexState* states
    if wanted <= program.state_capacity:
        return True
    wanted = wanted * 2 if wanted < STATE_LIMIT else wanted
    states = <RegexState*>resize_items(program.states, wanted, sizeof(RegexState))
    if states == NULL:
        fail(parser, REGEX_TOO_LARGE)
        return False
    program.states = states
    program.state_capacity = <int32_t>wanted
    return True


cdef int32_t make_state(RegexParser* parser, RegexOp op, uint32_t argument, int32_t next, int32_t alternate) noexcept nogil:
    """Makes a state; returns 0, with a failed parser, if the limit is reached."""
    cdef RegexState* state
    parser.states_made += 1
    if parser.states_made > STATE_LIMIT:
        fail(parser, REGEX_TOO_LARGE)
    if parser.status != REGEX_OK or not reserve_states(parser, 1):
        return 0
    state = &parser.program.states[parser.program.state_count]
    memset(state, 0, sizeof(RegexState))
    state.op = <uint8_t>op
    state.argument = argument
    state.next = next
    state.alternate = alternate
    parser.program.state_count += 1
    return parser.program.state_count - 1


cdef Fragment single(int32_t state, bint is_nullable) noexcept nogil:
    cdef Fragment fragment
    fragment.start = state
    fragment.end = state
    fragment.is_nullable = is_nullable
    return fragment


cdef Fragment joined(RegexParser* parser, Fragment first, Fragment second) noexcept nogil:
    parser.program.states[first.end].next = second.start
    first.end = second.end
    first.is_nullable = first.is_nullable and second.is_nullable
    return first


cdef void mark_loop(RegexParser* parser, int32_t low) noexcept nogil:
    """Notes that the body of a loop over the states [low, here) can match nothing: its repeats, and those inside it, must be counted."""
    parser.program.states[low].loops_opened += 1
    parser.program.states[parser.program.state_count - 1].loops_closed += 1
    parser.program.has_tracked = True


# -- byte sets ---------------------------------------------------------------------------------------------------------

cdef uint32_t new_set(RegexParser* parser, const ByteSet* byte_set) noexcept nogil:
    """Adds a copy of `byte_set` to the sets of the pattern, and returns its index."""
    cdef RegexProgram* program = parser.program
    cdef ByteSet* sets
    if program.set_count == program.set_capacity:
        sets = <ByteSet*>resize_items(program.sets, 2 * program.set_capacity + 2, sizeof(ByteSet))
        if sets == NULL:
            fail(parser, REGEX_TOO_LARGE)
            return 0
        program.sets = sets
        program.set_capacity = 2 * program.set_capacity + 2
    program.sets[program.set_count] = byte_set[0]
    program.set_count += 1
    return FIRST_SETS + program.set_count - 1


cdef uint32_t parse_bracket(RegexParser* parser) noexcept nogil:
    """Reads a bracket expression after its `[`, and returns the index of its set."""
    cdef ByteSet byte_set
    parser.position = bracket_parse(parser.position, parser.end, &byte_set)
    if parser.position == NULL:
        fail(parser, REGEX_INVALID)
        return 0
    return new_set(parser, &byte_set)


# -- quantifiers -------------------------------------------------------------------------------------------------------

cdef inline bint is_special(uint8_t byte) noexcept nogil:
    """Whether a byte may be escaped by a backslash."""
    return (byte == c'.' or byte == c'[' or byte == c'\\' or byte == c'(' or byte == c')' or byte == c'*' or byte == c'+'
            or byte == c'?' or byte == c'{' or byte == c'|' or byte == c'^' or byte == c'$')


cdef bint token_is_bad(RegexParser* parser) noexcept nogil:
    """Whether the next token is invalid.  libstdc++ reads one token ahead before it makes copies for a bound, so this fault comes first."""
    if parser.position == parser.end:
        return False
    if parser.position[0] == 0:
        return True
    return parser.position[0] == c'\\' and (parser.end - parser.position < 2 or not is_special(parser.position[1]))


cdef int64_t parse_number(RegexParser* parser) noexcept nogil:
    """Reads decimal digits; returns -1, with a failed parser, if there are none or they do not fit an int."""
    cdef int64_t number = 0
    if parser.position == parser.end or not (c'0' <= parser.position[0] <= c'9'):
        fail(parser, REGEX_INVALID)
        return -1
    while parser.position != parser.end and c'0' <= parser.position[0] <= c'9':
        number = number * 10 + (parser.position[0] - c'0')
        if number > 0x7FFFFFFF:
            fail(parser, REGEX_INVALID)
            return -1
        parser.position += 1
    return number


cdef Fragment parse_bound(RegexParser* parser, Fragment body, int32_t low) noexcept nogil:
    """Reads the bound after `{`, and expands it."""
    cdef int64_t least = parse_number(parser)
    cdef int64_t most = least
    cdef bint is_open = False
    if parser.status == REGEX_OK and parser.position != parser.end and parser.position[0] == c',':
        parser.position += 1
        if parser.position != parser.end and c'0' <= parser.position[0] <= c'9':
            most = parse_number(parser)
        else:
            is_open = True
    if parser.status == REGEX_OK and (parser.position == parser.end or parser.position[0] != c'}'):
        fail(parser, REGEX_INVALID)
    if parser.status != REGEX_OK:
        return body
    parser.position += 1
    if token_is_bad(parser):
        fail(parser, REGEX_INVALID)
        return body
    return expand_bound(parser, body, low, least, most, is_open)


cdef bint copy_fragment(RegexParser* parser, int32_t low, int64_t copies) noexcept nogil:
    """Appends `copies` copies of the states [low, here)."""
    cdef int32_t size = parser.program.state_count - low
    cdef int32_t shift, i
    cdef int64_t copy
    cdef RegexState* state
    if copies > 0 and not reserve_states(parser, size * copies):
        return False
    for copy in range(copies):
        shift = <int32_t>(size * (copy + 1))
        memcpy(&parser.program.states[low + shift], &parser.program.states[low], size * sizeof(RegexState))
        for i in range(size):
            state = &parser.program.states[low + shift + i]
            if state.next != NOWHERE:
                state.next += shift
            if state.alternate != NOWHERE:
                state.alternate += shift
        parser.program.state_count += size
    return True


cdef Fragment expand_bound(RegexParser* parser, Fragment body, int32_t low, int64_t least, int64_t most,
                           bint is_open) noexcept nogil:
    cdef RegexProgram* program = parser.program
    cdef int32_t size = program.state_count - low
    cdef int64_t optional = 0 if is_open else most - least
    cdef int64_t copies, i
    cdef int32_t shift, start, repeat, exit
    cdef Fragment piece, result
    # The result begins with an empty state.
    parser.states_made += 1
    parser.states_made += least * size
    if parser.states_made > STATE_LIMIT:
        fail(parser, REGEX_TOO_LARGE)
        return body
    if optional < 0:
        fail(parser, REGEX_INVALID)
        return body
    parser.states_made += size + 1 if is_open else optional * (size + 1) + 1
    if parser.states_made > STATE_LIMIT:
        fail(parser, REGEX_TOO_LARGE)
        return body
    copies = least + (1 if is_open else optional)
    if copies == 0:
        program.state_count = low
    elif not copy_fragment(parser, low, copies - 1):
        return body
    # The code below makes some of these states, and counts them again.
    parser.states_made -= 1 + optional + 1
    result = single(make_state(parser, OP_NOTHING, 0, NOWHERE, NOWHERE), True)
    exit = NOWHERE if is_open else make_state(parser, OP_NOTHING, 0, NOWHERE, NOWHERE)
    for i in range(copies):
        if parser.status != REGEX_OK:
            return body
        shift = <int32_t>(size * i)
        start = body.start + shift
        piece.start = start
        piece.end = body.end + shift
        piece.is_nullable = body.is_nullable
        if i < least:
            result = joined(parser, result, piece)
            continue
        repeat = make_state(parser, OP_REPEAT, 0, exit, start)
        if parser.status != REGEX_OK:
            return body
        program.states[result.end].next = repeat
        if is_open:
            program.states[piece.end].next = repeat
            result.end = repeat
            if body.is_nullable:
                mark_loop(parser, low)
        else:
            result.end = piece.end
    if not is_open:
        program.states[result.end].next = exit
        result.end = exit
    result.is_nullable = least == 0 or body.is_nullable
    return result


cdef Fragment parse_quantifiers(RegexParser* parser, Fragment atom, int32_t low) noexcept nogil:
    cdef uint8_t byte
    cdef int32_t repeat, exit
    while parser.status == REGEX_OK and parser.position != parser.end:
        byte = parser.position[0]
        if byte == c'{':
            parser.position += 1
            atom = parse_bound(parser, atom, low)
            continue
        if byte != c'*' and byte != c'+' and byte != c'?':
            break
        parser.position += 1
        exit = NOWHERE
        if byte == c'?':
            exit = make_state(parser, OP_NOTHING, 0, NOWHERE, NOWHERE)
        repeat = make_state(parser, OP_REPEAT, 0, exit, atom.start)
        if parser.status != REGEX_OK:
            break
        if byte == c'?':
            parser.program.states[atom.end].next = exit
            atom.start = repeat
            atom.end = exit
        else:
            if atom.is_nullable:
                mark_loop(parser, low)
            parser.program.states[atom.end].next = repeat
            atom.end = repeat
            if byte == c'*':
                atom.start = repeat
        if byte != c'+':
            atom.is_nullable = True
    return atom


# -- the grammar -------------------------------------------------------------------------------------------------------

cdef void add_to_sequence(RegexParser* parser, Fragment piece) noexcept nogil:
    cdef OpenGroup* level = &parser.levels[parser.level_count - 1]
    if parser.status != REGEX_OK:
        return
    level.sequence = joined(parser, level.sequence, piece) if level.has_sequence else piece
    level.has_sequence = True


cdef void open_level(RegexParser* parser, int32_t low, uint32_t group) noexcept nogil:
    cdef OpenGroup* levels
    cdef size_t wanted
    if parser.level_count == parser.level_capacity:
        wanted = 2 * parser.level_capacity + 16
        levels = <OpenGroup*>resize_items(parser.levels, wanted, sizeof(OpenGroup))
        if levels == NULL:
            fail(parser, REGEX_TOO_LARGE)
            return
        parser.levels = levels
        parser.level_capacity = wanted
    memset(&parser.levels[parser.level_count], 0, sizeof(OpenGroup))
    parser.levels[parser.level_count].low = low
    parser.levels[parser.level_count].group = group
    parser.level_count += 1


cdef void end_alternative(RegexParser* parser) noexcept nogil:
    """At `|`, `)` or the end, closes the sequence and adds it to the level's choice."""
    cdef OpenGroup* level = &parser.levels[parser.level_count - 1]
    cdef int32_t exit, choice
    add_to_sequence(parser, single(make_state(parser, OP_NOTHING, 0, NOWHERE, NOWHERE), True))
    if parser.status != REGEX_OK:
        return
    if level.has_choice:
        exit = make_state(parser, OP_NOTHING, 0, NOWHERE, NOWHERE)
        choice = make_state(parser, OP_ALTERNATIVE, 0, level.sequence.start, level.choice.start)
        if parser.status != REGEX_OK:
            return
        parser.program.states[level.choice.end].next = exit
        parser.program.states[level.sequence.end].next = exit
        level.choice.start = choice
        level.choice.end = exit
        level.choice.is_nullable = level.choice.is_nullable or level.sequence.is_nullable
        parser.program.has_alternative = True
    else:
        level.choice = level.sequence
        level.has_choice = True
    level.has_sequence = False


cdef void close_group(RegexParser* parser) noexcept nogil:
    cdef OpenGroup level = parser.levels[parser.level_count - 1]
    cdef Fragment group = single(level.low, True)
    parser.level_count -= 1
    group = joined(parser, group, level.choice)
    group = joined(parser, group, single(make_state(parser, OP_GROUP_END, level.group, NOWHERE, NOWHERE), True))
    add_to_sequence(parser, parse_quantifiers(parser, group, level.low))


cdef void add_atom(RegexParser* parser, uint32_t byte_set) noexcept nogil:
    cdef int32_t state = make_state(parser, OP_MATCH, byte_set, NOWHERE, NOWHERE)
    add_to_sequence(parser, parse_quantifiers(parser, single(state, False), state))


cdef void parse_step(RegexParser* parser) noexcept nogil:
    """Reads one byte of the pattern outside brackets and bounds, with everything that belongs to it."""
    cdef uint8_t byte = parser.position[0]
    cdef uint32_t group, byte_set
    parser.position += 1
    if byte == 0 or byte == c'*' or byte == c'+' or byte == c'?' or byte == c'{':
        fail(parser, REGEX_INVALID)
    elif byte == c'^':
        parser.program.has_line_begin = True
        add_to_sequence(parser, single(make_state(parser, OP_LINE_BEGIN, 0, NOWHERE, NOWHERE), True))
    elif byte == c'$':
        add_to_sequence(parser, single(make_state(parser, OP_LINE_END, 0, NOWHERE, NOWHERE), True))
    elif byte == c'.':
        add_atom(parser, 256)
    elif byte == c'[':
        byte_set = parse_bracket(parser)
        if parser.status == REGEX_OK:
            add_atom(parser, byte_set)
    elif byte == c'\\':
        if parser.position == parser.end or not is_special(parser.position[0]):
            fail(parser, REGEX_INVALID)
            return
        parser.position += 1
        add_atom(parser, parser.position[-1])
    elif byte == c'(':
        group = parser.program.group_count
        parser.program.group_count += 1
        open_level(parser, make_state(parser, OP_GROUP_BEGIN, group, NOWHERE, NOWHERE), group)
    elif byte == c'|':
        end_alternative(parser)
    elif byte == c')':
        end_alternative(parser)
        if parser.level_count < 2:
            fail(parser, REGEX_INVALID)
        elif parser.status == REGEX_OK:
            close_group(parser)
    else:
        add_atom(parser, byte)


# -- after parsing -----------------------------------------------------------------------------------------------------

cdef int32_t skip_nothing(RegexProgram* program, int32_t state) noexcept nogil:
    """The first real state from `state` on.  It shortens the chain on the way, so that all chains together cost O(states)."""
    cdef int32_t target = state
    cdef int32_t following
    while program.states[target].op == OP_NOTHING:
        target = program.states[target].next
    while program.states[state].op == OP_NOTHING:
        following = program.states[state].next
        program.states[state].next = target
        state = following
    return target


cdef bint compact(RegexProgram* program) noexcept nogil:
    """Drops the empty states, and decides which repeats are tracked."""
    cdef int32_t* new_index = <int32_t*>allocate_items(program.state_count + 1, sizeof(int32_t))
    cdef int32_t i
    cdef int32_t kept = 0
    cdef int64_t open_loops = 0
    cdef RegexState* state
    if new_index == NULL:
        return False
    for i in range(program.state_count):
        state = &program.states[i]
        open_loops += state.loops_opened
        state.is_tracked = state.op == OP_REPEAT and open_loops > 0
        open_loops -= state.loops_closed
        new_index[i] = kept
        if state.op != OP_NOTHING:
            kept += 1
            if state.op != OP_ACCEPT:
                state.next = skip_nothing(program, state.next)
            if state.alternate != NOWHERE:
                state.alternate = skip_nothing(program, state.alternate)
    program.start = new_index[skip_nothing(program, program.start)]
    program.accept = new_index[program.accept]
    for i in range(program.state_count):
        state = &program.states[i]
        if state.op == OP_NOTHING:
            continue
        if state.next != NOWHERE:
            state.next = new_index[state.next]
        if state.alternate != NOWHERE:
            state.alternate = new_index[state.alternate]
        program.states[new_index[i]] = state[0]
    program.state_count = kept
    free(new_index)
    return True


# Each byte has a set of its own; the last set is that of `.`, which matches every byte but NUL.
cdef ByteSet[FIRST_SETS] _first_sets


cdef void _fill_first_sets() noexcept nogil:
    cdef int i
    for i in range(256):
        _first_sets[i].bits[i >> 3] = <uint8_t>(1 << (i & 7))
    memset(&_first_sets[256], 0xFF, sizeof(ByteSet))
    _first_sets[256].bits[0] = 0xFE


_fill_first_sets()


cdef void init_program(RegexProgram* program) noexcept nogil:
    memset(program, 0, sizeof(RegexProgram))
    program.first_sets = &_first_sets[0]


cdef RegexStatus regex_program_parse(RegexProgram* program, const uint8_t* pattern, size_t size_bytes) noexcept nogil:
    """Fills `program`; after a failure nothing needs to be freed."""
    cdef RegexParser parser
    cdef int32_t accept
    memset(&parser, 0, sizeof(RegexParser))
    parser.program = program
    parser.position = pattern
    parser.end = pattern + size_bytes
    # libstdc++ makes a state for the beginning of group 0, which we leave out, and another one for its end, below.
    parser.states_made = 1
    init_program(program)
    open_level(&parser, 0, 0)
    while parser.status == REGEX_OK and parser.position != parser.end:
        parse_step(&parser)
    if parser.status == REGEX_OK:
        end_alternative(&parser)
    if parser.status == REGEX_OK and parser.level_count != 1:
        fail(&parser, REGEX_INVALID)
    parser.states_made += 1
    accept = make_state(&parser, OP_ACCEPT, 0, NOWHERE, NOWHERE)
    if parser.status == REGEX_OK:
        program.states[parser.levels[0].choice.end].next = accept
        program.start = parser.levels[0].choice.start
        program.accept = accept
        if not compact(program):
            fail(&parser, REGEX_TOO_LARGE)
    free(parser.levels)
    if parser.status != REGEX_OK:
        regex_program_free(program)
    return parser.status


cdef void regex_program_free(RegexProgram* program) noexcept nogil:
    free(program.states)
    free(program.sets)
    memset(program, 0, sizeof(RegexProgram))
