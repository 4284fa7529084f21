# cython: language_level=3
"""The backward pass over a text, which finds the states that lead to a match from each place.

In: a `RegexProgram`, a text.  Out: for each place, the set of states from which the rest of the text matches.

This alone answers whether the text matches, and it makes the forward walk (regex_walk.pyx) deterministic.  The sets become
states of an automaton when they occur first, so a byte usually costs one table look-up.  The automaton's memory is
limited; beyond the limit, sets are computed one by one, in O(states) for each byte, which is still linear in the text.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memmove, memset
from snowsnake.builtins.engines.regex_program cimport (
    OP_ACCEPT, OP_ALTERNATIVE, OP_LINE_BEGIN, OP_LINE_END, OP_MATCH, OP_REPEAT, RegexProgram, RegexState, set_at, set_has,
)
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, resize_items
from snowsnake.foundation.probing cimport probe

cdef enum:
    DEAD = 0
    UNKNOWN = -1
    FULL = -3
    AUTOMATON_LIMIT_BYTES = 1 << 20
    RAW_LIMIT_BYTES = 512 << 20
    # A longer array of ids is freed after use.
    KEPT_PLACES = 1 << 16


# -- preparation -------------------------------------------------------------------------------------------------------

cdef void classify_bytes(Reverse* reverse) noexcept nogil:
    """Divides the bytes into classes: no set of the pattern distinguishes two bytes of one class."""
    cdef const RegexProgram* program = reverse.program
    cdef int32_t renamed[512]
    cdef uint32_t count = 1
    cdef uint32_t fresh, key
    cdef int32_t i, last
    cdef uint32_t argument
    cdef int byte
    memset(reverse.byte_class, 0, 256)
    last = -1
    for i in range(program.state_count):
        if program.states[i].op != OP_MATCH or program.states[i].argument == <uint32_t>last:
            continue
        argument = program.states[i].argument
        last = <int32_t>argument
        if count == 256:
            break
        # A single byte gets a class of its own, unless it is alone in its class already.
        if argument < 256:
            for byte in range(256):
                if byte != <int>argument and reverse.byte_class[byte] == reverse.byte_class[argument]:
                    reverse.byte_class[argument] = <uint8_t>count
                    count += 1
                    break
            continue
        for byte in range(512):
            renamed[byte] = -1
        fresh = 0
        for byte in range(256):
            key = 2 * reverse.byte_class[byte] + set_has(set_at(program, argument), <uint8_t>byte)
            if renamed[key] < 0:
                renamed[key] = <int32_t>fresh
                fresh += 1
            reverse.byte_class[byte] = <uint8_t>renamed[key]
        count = fresh
    reverse.class_count = count


cdef void index_sources(Reverse* reverse) noexcept nogil:
    """Fills `matches`, and by counting `sources_start` and `sources`."""
    cdef const RegexProgram* program = reverse.program
    cdef const RegexState* state
    cdef int32_t* start = reverse.sources_start
    cdef int32_t count = program.state_count
    cdef int32_t i, edges
    for i in range(count):
        state = &program.states[i]
        if state.op == OP_MATCH:
            reverse.matches[reverse.match_count] = i
            reverse.match_count += 1
        elif state.op != OP_ACCEPT:
            start[state.next + 1] += 1
            if state.op == OP_ALTERNATIVE or state.op == OP_REPEAT:
                start[state.alternate + 1] += 1
    for i in range(count):
        start[i + 1] += start[i]
    edges = start[count]
    for i in range(count - 1, -1, -1):
        state = &program.states[i]
        if state.op == OP_MATCH or state.op == OP_ACCEPT:
            continue
        start[state.next + 1] -= 1
        reverse.sources[start[state.next + 1]] = i
        if state.op == OP_ALTERNATIVE or state.op == OP_REPEAT:
            start[state.alternate + 1] -= 1
            reverse.sources[start[state.alternate + 1]] = i
    # The loop above has moved the end of each bucket, at [state + 1], to its beginning.
    memmove(start, start + 1, count * sizeof(int32_t))
    start[count] = edges


cdef void init_automaton(Automaton* automaton, bint accepts_anywhere) noexcept nogil:
    memset(automaton, 0, sizeof(Automaton))
    automaton.accepts_anywhere = accepts_anywhere
    automaton.at_end = UNKNOWN
    automaton.at_end_of_nothing = UNKNOWN


cdef void free_automaton(Automaton* automaton) noexcept nogil:
    free(automaton.sets)
    free(automaton.before)
    free(automaton.before_first)
    free(automaton.table)


cdef bint reverse_init(Reverse* reverse, const RegexProgram* program) noexcept nogil:
    """Returns False if there is no memory; then nothing needs to be freed."""
    cdef size_t count = program.state_count
    memset(reverse, 0, sizeof(Reverse))
    reverse.program = program
    reverse.words = (count + 63) // 64
    init_automaton(&reverse.exact, False)
    init_automaton(&reverse.anywhere, True)
    reverse.matches = <int32_t*>allocate_items(count, sizeof(int32_t))
    reverse.sources_start = <int32_t*>allocate_zeros(count + 2, sizeof(int32_t))
    reverse.sources = <int32_t*>allocate_items(2 * count, sizeof(int32_t))
    reverse.work = <int32_t*>allocate_items(count, sizeof(int32_t))
    reverse.scratch = <uint64_t*>allocate_items(reverse.words, sizeof(uint64_t))
    if reverse.matches == NULL or reverse.sources_start == NULL or reverse.sources == NULL or reverse.work == NULL \
            or reverse.scratch == NULL:
        reverse_free(reverse)
        return False
    classify_bytes(reverse)
    index_sources(reverse)
    return True


cdef void reverse_free(Reverse* reverse) noexcept nogil:
    free(reverse.matches)
    free(reverse.sources_start)
    free(reverse.sources)
    free(reverse.work)
    free(reverse.scratch)
    free_automaton(&reverse.exact)
    free_automaton(&reverse.anywhere)
    free(reverse.ids)
    free(reverse.raw)
    memset(reverse, 0, sizeof(Reverse))


cdef size_t automaton_memory(const Reverse* reverse, const Automaton* automaton) noexcept nogil:
    return automaton.capacity * (reverse.words * 8 + 2 * 4 * reverse.class_count) + 4 * automaton.table_size


cdef size_t reverse_memory(const Reverse* reverse) noexcept nogil:
    return (automaton_memory(reverse, &reverse.exact) + automaton_memory(reverse, &reverse.anywhere)
            + 20 * <size_t>reverse.program.state_count + 4 * reverse.ids_capacity + 8 * reverse.raw_capacity_words)


# -- one step ----------------------------------------------------------------------------------------------------------

cdef inline int32_t add_state(Reverse* reverse, uint64_t* states, int32_t state, int32_t work_count) noexcept nogil:
    if has_state(states, state):
        return work_count
    states[state >> 6] |= <uint64_t>1 << (state & 63)
    reverse.work[work_count] = state
    return work_count + 1


cdef void close_backwards(Reverse* reverse, uint64_t* states, int32_t work_count, bint at_begin, bint at_end) noexcept nogil:
    """Adds all states that lead to those on the work stack without consuming a byte."""
    cdef const RegexProgram* program = reverse.program
    cdef int32_t state, source, i
    cdef uint8_t op
    while work_count:
        work_count -= 1
        state = reverse.work[work_count]
        for i in range(reverse.sources_start[state], reverse.sources_start[state + 1]):
            source = reverse.sources[i]
            op = program.states[source].op
            if (op == OP_LINE_BEGIN and not at_begin) or (op == OP_LINE_END and not at_end):
                continue
            work_count = add_state(reverse, states, source, work_count)


cdef void final_set(Reverse* reverse, uint64_t* states, bint is_empty_text) noexcept nogil:
    memset(states, 0, reverse.words * sizeof(uint64_t))
    close_backwards(reverse, states, add_state(reverse, states, reverse.program.accept, 0), is_empty_text, True)


cdef void step_back(Reverse* reverse, const uint64_t* after, uint8_t byte, bint at_begin, uint64_t* states) noexcept nogil:
    """Computes the set before `byte` from the set after it."""
    cdef const RegexProgram* program = reverse.program
    cdef const RegexState* state
    cdef int32_t work_count = 0
    cdef int32_t i
    memset(states, 0, reverse.words * sizeof(uint64_t))
    if reverse.current.accepts_anywhere:
        work_count = add_state(reverse, states, program.accept, work_count)
    for i in range(reverse.match_count):
        state = &program.states[reverse.matches[i]]
        if has_state(after, state.next) and set_has(set_at(program, state.argument), byte):
            work_count = add_state(reverse, states, reverse.matches[i], work_count)
    close_backwards(reverse, states, work_count, at_begin, False)


# -- the automaton -----------------------------------------------------------------------------------------------------

cdef inline size_t hash_set(const uint64_t* states, size_t words) noexcept nogil:
    cdef uint64_t value = 0x9E3779B97F4A7C15
    cdef size_t i
    for i in range(words):
        value = (value ^ states[i]) * <uint64_t>0xFF51AFD7ED558CCD
        value ^= value >> 32
    return value


cdef inline bint is_free(uint64_t at, const int32_t* table) noexcept nogil:
    return table[at] < 0


cdef inline bint is_slot_of(uint64_t at, Automaton* automaton, const uint64_t* states, size_t words) noexcept nogil:
    cdef int32_t id = automaton.table[at]
    return id < 0 or memcmp(automaton.sets + <size_t>id * words, states, words * sizeof(uint64_t)) == 0


cdef bint grow_table(Reverse* reverse, Automaton* automaton) noexcept nogil:
    cdef size_t size = 2 * automaton.table_size if automaton.table_size else 32
    cdef int32_t* table = <int32_t*>allocate_items(size, sizeof(int32_t))
    cdef size_t slot
    cdef int32_t i
    if table == NULL:
        return False
    memset(table, 0xFF, size * sizeof(int32_t))
    for i in range(automaton.count):
        slot = probe(hash_set(automaton.sets + <size_t>i * reverse.words, reverse.words), size - 1, is_free, table)
        table[slot] = i
    free(automaton.table)
    automaton.table = table
    automaton.table_size = size
    return True


cdef bint grow_automaton(Reverse* reverse, Automaton* automaton) noexcept nogil:
    """Makes room for one more set; returns false at the limit."""
    cdef int32_t capacity = 2 * automaton.capacity if automaton.capacity else 8
    cdef size_t row = reverse.class_count * sizeof(int32_t)
    cdef void* moved
    if automaton.count == automaton.capacity:
        if automaton.capacity and <size_t>capacity * (reverse.words * 8 + 2 * row) > AUTOMATON_LIMIT_BYTES:
            return False
        moved = resize_items(automaton.sets, <size_t>capacity * reverse.words, sizeof(uint64_t))
        if moved == NULL:
            return False
        automaton.sets = <uint64_t*>moved
        moved = resize_items(automaton.before, capacity * row, 1)
        if moved == NULL:
            return False
        automaton.before = <int32_t*>moved
        if reverse.program.has_line_begin:
            moved = resize_items(automaton.before_first, capacity * row, 1)
            if moved == NULL:
                return False
            automaton.before_first = <int32_t*>moved
        automaton.capacity = capacity
    if 2 * <size_t>automaton.count >= automaton.table_size:
        return grow_table(reverse, automaton)
    return True


cdef int32_t intern_set(Reverse* reverse, Automaton* automaton, const uint64_t* states) noexcept nogil:
    """The number of this set, which is added if it is new; FULL if there is no room for it."""
    cdef size_t slot
    cdef size_t words = reverse.words
    cdef size_t row = reverse.class_count
    cdef int32_t id
    if not grow_automaton(reverse, automaton):
        return FULL
    slot = probe(hash_set(states, words), automaton.table_size - 1, is_slot_of, automaton, states, words)
    if automaton.table[slot] >= 0:
        return automaton.table[slot]
    id = automaton.count
    automaton.table[slot] = id
    automaton.count += 1
    memcpy(automaton.sets + <size_t>id * words, states, words * sizeof(uint64_t))
    memset(automaton.before + <size_t>id * row, 0xFF, row * sizeof(int32_t))
    if automaton.before_first != NULL:
        memset(automaton.before_first + <size_t>id * row, 0xFF, row * sizeof(int32_t))
    return id


cdef int32_t automaton_end(Reverse* reverse, Automaton* automaton, bint is_empty_text) noexcept nogil:
    cdef int32_t* known = &automaton.at_end_of_nothing if is_empty_text else &automaton.at_end
    # The set with number 0, DEAD, is empty.
    if automaton.count == 0:
        memset(reverse.scratch, 0, reverse.words * sizeof(uint64_t))
        if intern_set(reverse, automaton, reverse.scratch) < 0:
            return FULL
    if known[0] < 0:
        final_set(reverse, reverse.scratch, is_empty_text)
        known[0] = intern_set(reverse, automaton, reverse.scratch)
    return known[0]


cdef int32_t automaton_step(Reverse* reverse, Automaton* automaton, int32_t id, uint8_t byte, bint at_begin) noexcept nogil:
    """Computes the set before `byte`, and remembers its number; if it returns FULL, the set is in `scratch`."""
    cdef size_t index = <size_t>id * reverse.class_count + reverse.byte_class[byte]
    cdef int32_t found
    step_back(reverse, automaton.sets + <size_t>id * reverse.words, byte, at_begin, reverse.scratch)
    found = intern_set(reverse, automaton, reverse.scratch)
    if found >= 0:
        if at_begin:
            automaton.before_first[index] = found
        else:
            automaton.before[index] = found
    return found


# -- the run -----------------------------------------------------------------------------------------------------------

cdef RegexResult run_raw(Reverse* reverse, const uint8_t* data, int64_t place, bint keeps_sets) noexcept nogil:
    """Finishes the pass without the automaton.  `scratch` has the set at `place`."""
    cdef size_t words = reverse.words
    cdef size_t rows = <size_t>place + 1 if keeps_sets else 2
    cdef uint64_t* moved
    cdef uint64_t* after
    cdef uint64_t* states
    if rows > RAW_LIMIT_BYTES // (words * 8):
        return REGEX_MEMORY
    if reverse.raw_capacity_words < rows * words:
        moved = <uint64_t*>resize_items(reverse.raw, rows * words, sizeof(uint64_t))
        if moved == NULL:
            return REGEX_MEMORY
        reverse.raw = moved
        reverse.raw_capacity_words = rows * words
    reverse.raw_top = place
    after = reverse.raw
    memcpy(after, reverse.scratch, words * sizeof(uint64_t))
    if keeps_sets:
        reverse.ids[place] = IN_RAW
    while place > 0:
        place -= 1
        if reverse_must_stop(reverse, place):
            return REGEX_MEMORY
        if keeps_sets:
            states = after + words
            reverse.ids[place] = IN_RAW
        else:
            states = reverse.raw + words if after == reverse.raw else reverse.raw
        step_back(reverse, after, data[place], place == 0, states)
        after = states
    return REGEX_MATCH if has_state(after, reverse.program.start) else REGEX_NO_MATCH


cdef bint reserve_ids(Reverse* reverse, size_t count) noexcept nogil:
    cdef int32_t* moved
    if count <= reverse.ids_capacity:
        return True
    if count > (<size_t>1 << 60):
        return False
    count = count if count > KEPT_PLACES else 2 * count
    moved = <int32_t*>resize_items(reverse.ids, count, sizeof(int32_t))
    if moved == NULL:
        return False
    reverse.ids = moved
    reverse.ids_capacity = count
    return True


cdef RegexResult reverse_run(Reverse* reverse, bint accepts_anywhere, const uint8_t* data, size_t size_bytes,
                             bint keeps_sets) noexcept nogil:
    """Whether a match begins at the first place; with `keeps_sets`, `reverse_set` then answers for every place."""
    cdef Automaton* automaton = &reverse.anywhere if accepts_anywhere else &reverse.exact
    cdef int64_t place = <int64_t>size_bytes
    cdef int64_t last = 1 if reverse.program.has_line_begin else 0
    cdef const uint8_t* byte_class = reverse.byte_class
    cdef size_t class_count = reverse.class_count
    cdef int32_t id, before
    cdef int32_t* ids
    reverse.current = automaton
    if keeps_sets and not reserve_ids(reverse, size_bytes + 1):
        return REGEX_MEMORY
    ids = reverse.ids
    id = automaton_end(reverse, automaton, size_bytes == 0)
    if id < 0:
        final_set(reverse, reverse.scratch, size_bytes == 0)
        return run_raw(reverse, data, place, keeps_sets)
    if keeps_sets:
        ids[place] = id
    while place > 0:
        place -= 1
        if reverse_must_stop(reverse, place):
            return REGEX_MEMORY
        if place >= last:
            before = automaton.before[<size_t>id * class_count + byte_class[data[place]]]
        else:
            before = automaton.before_first[<size_t>id * class_count + byte_class[data[place]]]
        if before < 0:
            before = automaton_step(reverse, automaton, id, data[place], place < last)
            if before < 0:
                return run_raw(reverse, data, place, keeps_sets)
        id = before
        if keeps_sets:
            ids[place] = id
        # This never happens if a match may end anywhere.
        if id == DEAD:
            return REGEX_NO_MATCH
    if has_state(automaton.sets + <size_t>id * reverse.words, reverse.program.start):
        return REGEX_MATCH
    return REGEX_NO_MATCH


cdef void reverse_forget(Reverse* reverse) noexcept nogil:
    """Ends the work on a text: frees what only a large text needs, and an automaton that is full."""
    if reverse.ids_capacity > KEPT_PLACES:
        free(reverse.ids)
        reverse.ids = NULL
        reverse.ids_capacity = 0
    if reverse.raw != NULL:
        free(reverse.raw)
        reverse.raw = NULL
        reverse.raw_capacity_words = 0
        free_automaton(reverse.current)
        init_automaton(reverse.current, reverse.current.accepts_anywhere)
