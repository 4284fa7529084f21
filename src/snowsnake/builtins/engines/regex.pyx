# cython: language_level=3
"""match and split: which text a pattern takes, with the captures that C++ Nix gives, in linear time.

In: a pattern, a text (bytes).  Out: the places of the match and of its groups.

C++ Nix (std::regex of libstdc++, `extended`) backtracks.  Its rule for the answer, found by reading and by experiment:
paths are tried depth first, the left side of `|` before the right one, once more before leaving a loop.  A loop is left only if
once more leads to no match at all; of `|` both sides are always tried.  `match` takes the first path that reaches the end of
the text; `split` takes, of the paths so found, the first among the longest, at the first place where there is one.  A loop may
take two iterations, but not three, that consume nothing at the same place.

So a decision needs to know only whether a path leads to a match, and that is what the backward pass (regex_reverse) knows for
every place.  With it, the forward walk takes each decision at once and never goes back: one path for `match`, and for
`split` one too, unless the pattern has a `|`; then a list of states in the order of preference.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset
from snowsnake.builtins.engines.buffer cimport ByteBuffer, buffer_append, buffer_append_text, buffer_free, buffer_init
from snowsnake.builtins.engines.regex_program cimport (
    OP_ACCEPT, OP_ALTERNATIVE, OP_GROUP_BEGIN, OP_GROUP_END, OP_MATCH, OP_REPEAT, REGEX_INVALID, REGEX_OK, REGEX_TOO_LARGE,
    RegexState, RegexStatus, regex_program_free, regex_program_parse,
)
from snowsnake.builtins.engines.regex_reverse cimport (
    REGEX_MATCH, REGEX_MEMORY, REGEX_NO_MATCH, RegexResult, has_state, reverse_forget, reverse_free, reverse_init,
    reverse_memory, reverse_run, reverse_set,
)

cdef enum:
    NONE = -1
    THREAD_LIMIT_BYTES = 512 << 20
    EXACT_STEPS = 200000              # counting of empty iterations: so many steps for a text, and
    EXACT_STEPS_PER_BYTE = 32         # so many for each of its bytes
    EMPTY_ITERATIONS = 2
    CACHE_LIMIT = 1024                # patterns
    CACHE_LIMIT_BYTES = 64 << 20

cdef enum FrameKind:
    FRAME_SLOT                        # give slot `state` its `value` back
    FRAME_SECOND                      # explore `state`
    FRAME_OTHERWISE                   # explore `state` if there is no solution beyond the first `value`
    FRAME_LEAVE                       # the repeat `state` was entered `value` times before; `key` as before
    FRAME_MEMO                        # `state` with `key` is explored; there were `value` solutions before

cdef enum MemoValue:
    MEMO_NO = 0
    MEMO_YES = 1
    MEMO_UNDER_WAY


# -- compiling ---------------------------------------------------------------------------------------------------------

cdef void find_prefix(Regex* regex) noexcept nogil:
    cdef const RegexState* state = &regex.program.states[regex.program.start]
    while regex.prefix_size < sizeof(regex.prefix):
        if state.op == OP_MATCH and state.argument < 256:
            regex.prefix[regex.prefix_size] = <uint8_t>state.argument
            regex.prefix_size += 1
        elif state.op != OP_GROUP_BEGIN and state.op != OP_GROUP_END:
            break
        state = &regex.program.states[state.next]


cdef bint allocate(Regex* regex) noexcept nogil:
    cdef size_t count = regex.program.state_count
    cdef size_t slots = regex.slot_count + 1
    regex.best_slots = <int64_t*>malloc(slots * sizeof(int64_t))
    regex.own_slots = <int64_t*>malloc(slots * sizeof(int64_t))
    if regex.best_slots == NULL or regex.own_slots == NULL:
        return False
    if not regex.program.has_tracked and not regex.program.has_alternative:
        return True
    regex.memo_generation = <int64_t*>calloc(count, sizeof(int64_t))
    regex.memo_solution = <uint8_t*>calloc(count, 1)
    regex.queued_generation = <int64_t*>calloc(count, sizeof(int64_t))
    regex.entered_generation = <int64_t*>calloc(count, sizeof(int64_t))
    regex.entered = <uint8_t*>calloc(count, 1)
    return (regex.memo_generation != NULL and regex.memo_solution != NULL and regex.queued_generation != NULL
            and regex.entered_generation != NULL and regex.entered != NULL)


cdef Regex* regex_compile(const uint8_t* pattern, size_t size_bytes, RegexStatus* status) noexcept nogil:
    """NULL and a status other than REGEX_OK for what C++ Nix refuses."""
    cdef Regex* regex = <Regex*>calloc(1, sizeof(Regex))
    status[0] = REGEX_TOO_LARGE
    if regex == NULL:
        return NULL
    status[0] = regex_program_parse(&regex.program, pattern, size_bytes)
    if status[0] != REGEX_OK:
        free(regex)
        return NULL
    regex.slot_count = 2 * <size_t>regex.program.group_count
    if not reverse_init(&regex.reverse, &regex.program) or not allocate(regex):
        status[0] = REGEX_TOO_LARGE
        regex_free(regex)
        return NULL
    find_prefix(regex)
    return regex


cdef void regex_free(Regex* regex) noexcept nogil:
    cdef int i
    if regex == NULL:
        return
    reverse_free(&regex.reverse)
    regex_program_free(&regex.program)
    free(regex.best_slots)
    free(regex.own_slots)
    free(regex.memo_generation)
    free(regex.memo_solution)
    free(regex.queued_generation)
    free(regex.entered_generation)
    free(regex.entered)
    free(regex.frames)
    free(regex.memos)
    for i in range(2):
        free(regex.lists[i].states)
        free(regex.lists[i].slots)
    free(regex)


cdef size_t regex_group_count(const Regex* regex) noexcept nogil:
    return regex.program.group_count


cdef size_t regex_memory(const Regex* regex) noexcept nogil:
    return (sizeof(Regex) + reverse_memory(&regex.reverse) + 64 * <size_t>regex.program.state_count
            + 32 * <size_t>regex.program.set_count + sizeof(Frame) * regex.frame_capacity
            + sizeof(Memo) * regex.memo_capacity
            + (regex.lists[0].capacity + regex.lists[1].capacity) * (8 * regex.slot_count + 4))


cdef void regex_error_text(RegexStatus status, const uint8_t* pattern, size_t size_bytes, ByteBuffer* out) noexcept nogil:
    """The message of C++ Nix 2.34."""
    if status == REGEX_TOO_LARGE:
        buffer_append_text(out, "memory limit exceeded by regular expression '")
    else:
        buffer_append_text(out, "invalid regular expression '")
    buffer_append(out, pattern, size_bytes)
    buffer_append_text(out, "'")


# -- the walk along one path -------------------------------------------------------------------------------------------

cdef void clear_slots(Regex* regex, int64_t* slots) noexcept nogil:
    memset(slots, 0xFF, regex.slot_count * sizeof(int64_t))


cdef int64_t walk(Regex* regex, int64_t place) noexcept nogil:
    """From the start at `place`, where it leads to a match, to the end of the match; fills `regex.slots`."""
    cdef const RegexState* states = regex.program.states
    cdef const RegexState* state
    cdef const uint64_t* viable = reverse_set(&regex.reverse, place)
    cdef int64_t* slots = regex.slots
    cdef int32_t at = regex.program.start
    while True:
        state = &states[at]
        if state.op == OP_MATCH:
            place += 1
            viable = reverse_set(&regex.reverse, place)
        elif state.op == OP_REPEAT or state.op == OP_ALTERNATIVE:
            if has_state(viable, state.alternate):
                at = state.alternate
                continue
        elif state.op == OP_GROUP_BEGIN:
            slots[2 * state.argument] = place
        elif state.op == OP_GROUP_END:
            slots[2 * state.argument + 1] = place
        elif state.op == OP_ACCEPT:
            return place
        at = state.next


# -- the walk that explores --------------------------------------------------------------------------------------------

cdef inline uint64_t entered_key(int32_t state, int64_t times) noexcept nogil:
    """What a repeat entered so many times adds to the key of the states met behind it."""
    cdef uint64_t value = (<uint64_t>state * 4 + <uint64_t>times + 1) * <uint64_t>0x9E3779B97F4A7C15
    if times == 0:
        return 0
    value ^= value >> 29
    value *= <uint64_t>0xBF58476D1CE4E5B9
    return value ^ (value >> 32)


cdef bint push(Regex* regex, FrameKind kind, int32_t state, int64_t value, uint64_t key) noexcept nogil:
    cdef Frame* frames
    cdef Frame* frame
    cdef size_t capacity
    if regex.frame_count == regex.frame_capacity:
        capacity = 2 * regex.frame_capacity + 64
        frames = <Frame*>realloc(regex.frames, capacity * sizeof(Frame))
        if frames == NULL:
            regex.is_out_of_memory = True
            return False
        regex.frames = frames
        regex.frame_capacity = capacity
    frame = &regex.frames[regex.frame_count]
    frame.kind = <uint8_t>kind
    frame.state = state
    frame.value = value
    frame.key = key
    regex.frame_count += 1
    return True


cdef Memo* find_memo(Regex* regex, int32_t state, uint64_t key) noexcept nogil:
    """The memo of (state, key) or the free place for it; NULL if there is none yet."""
    cdef size_t slot
    cdef Memo* memo
    if regex.memo_capacity == 0:
        return NULL
    slot = (key ^ (<uint64_t>state * <uint64_t>0xFF51AFD7ED558CCD)) & (regex.memo_capacity - 1)
    while True:
        memo = &regex.memos[slot]
        if memo.generation != regex.generation or (memo.state == state and memo.key == key):
            return memo
        slot = (slot + 1) & (regex.memo_capacity - 1)


cdef bint grow_memos(Regex* regex) noexcept nogil:
    cdef size_t old_capacity = regex.memo_capacity
    cdef size_t i
    cdef Memo* old = regex.memos
    cdef Memo* memos
    memos = <Memo*>calloc(2 * old_capacity + (0 if old_capacity else 64), sizeof(Memo))
    if memos == NULL:
        regex.is_out_of_memory = True
        return False
    regex.memos = memos
    regex.memo_capacity = 2 * old_capacity if old_capacity else 64
    for i in range(old_capacity):
        if old[i].generation == regex.generation:
            find_memo(regex, old[i].state, old[i].key)[0] = old[i]
    free(old)
    return True


cdef void set_memo(Regex* regex, int32_t state, uint64_t key, MemoValue value) noexcept nogil:
    cdef Memo* memo
    if key == 0 or regex.is_coarse:
        regex.memo_generation[state] = regex.generation
        regex.memo_solution[state] = <uint8_t>value
        return
    if value == MEMO_UNDER_WAY:       # cannot be met again with the same key
        return
    if 2 * regex.memo_count >= regex.memo_capacity and not grow_memos(regex):
        return
    memo = find_memo(regex, state, key)
    if memo.generation != regex.generation:
        regex.memo_count += 1
    memo.generation = regex.generation
    memo.state = state
    memo.key = key
    memo.has_solution = value == MEMO_YES


cdef inline int known(Regex* regex, int32_t state, uint64_t key) noexcept nogil:
    """The MemoValue of (state, key), or NONE."""
    cdef Memo* memo
    if key == 0 or regex.is_coarse:
        if regex.memo_generation[state] != regex.generation:
            return NONE
        return <int>regex.memo_solution[state]
    memo = find_memo(regex, state, key)
    if memo == NULL or memo.generation != regex.generation:
        return NONE
    return 1 if memo.has_solution else 0


cdef bint queue(Regex* regex, ThreadList* threads, int32_t state) noexcept nogil:
    """Append `state` with a copy of the slots, unless a better path to it was there before."""
    cdef size_t capacity, row
    cdef void* moved
    if regex.queued_generation[state] == regex.generation:
        return True
    regex.queued_generation[state] = regex.generation
    row = regex.slot_count * sizeof(int64_t)
    if threads.count == threads.capacity:
        capacity = 2 * threads.capacity + 4
        if capacity * (row + 4) > THREAD_LIMIT_BYTES:
            regex.is_out_of_memory = True
            return False
        moved = realloc(threads.states, capacity * sizeof(int32_t))
        if moved != NULL:
            threads.states = <int32_t*>moved
            moved = realloc(threads.slots, capacity * row + 8)
        if moved == NULL:
            regex.is_out_of_memory = True
            return False
        threads.slots = <int64_t*>moved
        threads.capacity = capacity
    threads.states[threads.count] = state
    memcpy(threads.slots + threads.count * regex.slot_count, regex.slots, row)
    threads.count += 1
    return True


cdef inline void set_slot(Regex* regex, size_t slot, int64_t place) noexcept nogil:
    push(regex, FRAME_SLOT, <int32_t>slot, regex.slots[slot], 0)
    regex.slots[slot] = place


cdef struct Exploration:
    int64_t place
    const uint64_t* viable
    bint wants_first                  # stop at the first solution
    bint may_accept                   # false where a match must not be empty
    ThreadList* threads               # where the states behind this byte go
    int64_t end                       # of the best match so far, or NONE
    int64_t solutions
    uint64_t key                      # which tracked repeats were entered how often


cdef int32_t enter_repeat(Regex* regex, Exploration* here, int32_t at) noexcept nogil:
    """Decide at a repeat; the state to go on with, NONE to go back."""
    cdef const RegexState* state = &regex.program.states[at]
    cdef int64_t times = 0
    cdef uint64_t key = here.key
    cdef int memo = known(regex, at, key)
    if memo == MEMO_UNDER_WAY:        # only in coarse mode: an empty iteration, not repeated
        return state.next
    if memo != NONE:
        here.solutions += memo
        return NONE
    if not state.is_tracked:
        set_memo(regex, at, key, MEMO_UNDER_WAY)
        push(regex, FRAME_MEMO, at, here.solutions, key)
        push(regex, FRAME_OTHERWISE, state.next, here.solutions, key)
        return state.alternate
    regex.steps_left -= 1
    if regex.steps_left < 0:
        regex.is_coarse = True
    if regex.entered_generation[at] == regex.generation:
        times = regex.entered[at]
    if times >= EMPTY_ITERATIONS:
        return state.next
    set_memo(regex, at, key, MEMO_UNDER_WAY)
    push(regex, FRAME_MEMO, at, here.solutions, key)
    push(regex, FRAME_OTHERWISE, state.next, here.solutions, key)
    push(regex, FRAME_LEAVE, at, times, key)
    regex.entered_generation[at] = regex.generation
    regex.entered[at] = <uint8_t>(times + 1)
    here.key = key ^ entered_key(at, times) ^ entered_key(at, times + 1)
    return state.alternate


cdef int32_t go_back(Regex* regex, Exploration* here) noexcept nogil:
    """Undo frames until one has a state to go on with; NONE when there is none left."""
    cdef Frame* frame
    while regex.frame_count:
        regex.frame_count -= 1
        frame = &regex.frames[regex.frame_count]
        if frame.kind == FRAME_SLOT:
            regex.slots[frame.state] = frame.value
        elif frame.kind == FRAME_SECOND:
            return frame.state
        elif frame.kind == FRAME_OTHERWISE:
            if here.solutions == frame.value:
                return frame.state
        elif frame.kind == FRAME_LEAVE:
            regex.entered[frame.state] = <uint8_t>frame.value
            here.key = frame.key
        else:
            set_memo(regex, frame.state, frame.key, MEMO_YES if here.solutions > frame.value else MEMO_NO)
    return NONE


cdef int32_t explore(Regex* regex, Exploration* here, int32_t at) noexcept nogil:
    """All that `at` leads to without consuming a byte, in the order of preference.

    Out: with `wants_first` the state that consumes the next byte, or the accepting one, with the slots set;
    else NONE, the states behind this byte queued, the slots as before.
    """
    cdef const RegexState* state
    cdef int memo
    regex.frame_count = 0
    here.key = 0
    while not regex.is_out_of_memory:
        if at == NONE or not has_state(here.viable, at):
            at = go_back(regex, here)
            if at == NONE:
                return NONE
            continue
        state = &regex.program.states[at]
        if state.op == OP_REPEAT:
            at = enter_repeat(regex, here, at)
            continue
        if state.op == OP_ALTERNATIVE:
            memo = known(regex, at, here.key)
            if memo != NONE:
                here.solutions += 1 if memo == MEMO_YES else 0
                at = NONE
                continue
            set_memo(regex, at, here.key, MEMO_UNDER_WAY)
            push(regex, FRAME_MEMO, at, here.solutions, here.key)
            push(regex, FRAME_SECOND, state.next, 0, 0)
            at = state.alternate
            continue
        if state.op == OP_MATCH:
            if here.wants_first:
                return at
            here.solutions += 1
            queue(regex, here.threads, state.next)
            at = NONE
            continue
        if state.op == OP_ACCEPT:
            if not here.may_accept:
                at = NONE
                continue
            if here.wants_first:
                return at
            here.solutions += 1
            if here.end != here.place:
                here.end = here.place
                memcpy(regex.best_slots, regex.slots, regex.slot_count * sizeof(int64_t))
            at = NONE
            continue
        if state.op == OP_GROUP_BEGIN:
            set_slot(regex, 2 * state.argument, here.place)
        elif state.op == OP_GROUP_END:
            set_slot(regex, 2 * state.argument + 1, here.place)
        at = state.next
    return NONE


cdef void arrive(Regex* regex, Exploration* here, int64_t place) noexcept nogil:
    here.place = place
    here.viable = reverse_set(&regex.reverse, place)
    regex.generation += 1
    regex.memo_count = 0


cdef int64_t walk_exploring(Regex* regex, int64_t place) noexcept nogil:
    """As `walk`, for a pattern with loops whose body can match nothing."""
    cdef Exploration here
    cdef int32_t at = regex.program.start
    memset(&here, 0, sizeof(here))
    here.wants_first = True
    here.may_accept = True
    while True:
        arrive(regex, &here, place)
        at = explore(regex, &here, at)
        if at == NONE:
            return NONE               # no memory
        if regex.program.states[at].op == OP_ACCEPT:
            return place
        at = regex.program.states[at].next
        place += 1


cdef int64_t walk_parallel(Regex* regex, int64_t begin, bint may_be_empty) noexcept nogil:
    """The end of the first longest match at `begin`, its slots in best_slots; NONE if there is none."""
    cdef Exploration here
    cdef ThreadList* threads = &regex.lists[0]
    cdef ThreadList* following = &regex.lists[1]
    cdef ThreadList* spare
    cdef int64_t place = begin
    cdef size_t i
    memset(&here, 0, sizeof(here))
    here.end = NONE
    threads.count = 0
    regex.generation += 1
    clear_slots(regex, regex.slots)
    queue(regex, threads, regex.program.start)
    while threads.count and not regex.is_out_of_memory:
        arrive(regex, &here, place)
        here.may_accept = may_be_empty or place > begin
        here.threads = following
        following.count = 0
        for i in range(threads.count):
            regex.slots = threads.slots + i * regex.slot_count
            explore(regex, &here, threads.states[i])
        spare = threads
        threads = following
        following = spare
        place += 1
    regex.slots = regex.own_slots
    return here.end


# -- match -------------------------------------------------------------------------------------------------------------

cdef void begin_text(Regex* regex, size_t size_bytes) noexcept nogil:
    regex.slots = regex.own_slots
    regex.is_out_of_memory = False
    regex.is_coarse = False
    regex.steps_left = EXACT_STEPS + EXACT_STEPS_PER_BYTE * <int64_t>size_bytes
    regex.text_size = size_bytes


cdef void give_captures(Regex* regex, const int64_t* slots, int64_t begin, int64_t end, int64_t* captures) noexcept nogil:
    captures[0] = begin
    captures[1] = end
    memcpy(captures + 2, slots, regex.slot_count * sizeof(int64_t))


cdef RegexResult regex_match_full(Regex* regex, const uint8_t* data, size_t size_bytes, int64_t* captures) noexcept nogil:
    """Whether the pattern takes the whole text, and how."""
    cdef RegexResult result
    cdef int64_t end
    cdef bint has_groups = regex.slot_count != 0
    if size_bytes < regex.prefix_size or (regex.prefix_size and memcmp(data, regex.prefix, regex.prefix_size) != 0):
        return REGEX_NO_MATCH
    begin_text(regex, size_bytes)
    result = reverse_run(&regex.reverse, False, data, size_bytes, has_groups)
    if result == REGEX_MATCH:
        end = <int64_t>size_bytes
        if has_groups:
            clear_slots(regex, regex.slots)
            end = walk_exploring(regex, 0) if regex.program.has_tracked else walk(regex, 0)
        if end < 0:
            result = REGEX_MEMORY
        else:
            give_captures(regex, regex.slots, 0, end, captures)
    reverse_forget(&regex.reverse)
    return result


# -- split -------------------------------------------------------------------------------------------------------------

cdef RegexResult regex_scan_begin(Regex* regex, const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Prepare for all matches in a text, for `regex_scan_next`; one scan of a Regex at a time."""
    begin_text(regex, size_bytes)
    regex.match_begin = 0
    regex.match_end = 0
    regex.is_first = True
    if reverse_run(&regex.reverse, True, data, size_bytes, True) == REGEX_MEMORY:
        regex_scan_end(regex)
        return REGEX_MEMORY
    return REGEX_MATCH


cdef void regex_scan_end(Regex* regex) noexcept nogil:
    reverse_forget(&regex.reverse)


cdef RegexResult match_at(Regex* regex, int64_t begin, bint may_be_empty, int64_t* captures) noexcept nogil:
    """Try one place, where the start is viable."""
    cdef int64_t end
    cdef const int64_t* slots = regex.slots
    if regex.program.has_alternative or (not may_be_empty and regex.queued_generation != NULL):
        end = walk_parallel(regex, begin, may_be_empty)
        slots = regex.best_slots
    else:
        clear_slots(regex, regex.slots)
        end = walk_exploring(regex, begin) if regex.program.has_tracked else walk(regex, begin)
        if end == begin and not may_be_empty:
            end = NONE
    if regex.is_out_of_memory:
        return REGEX_MEMORY
    if end == NONE:
        return REGEX_NO_MATCH
    regex.match_begin = begin
    regex.match_end = end
    give_captures(regex, slots, begin, end, captures)
    return REGEX_MATCH


cdef RegexResult regex_scan_next(Regex* regex, int64_t* captures) noexcept nogil:
    """The next match, as std::regex_iterator goes on: after an empty match, first try a non-empty one at the same place."""
    cdef int64_t place = regex.match_end
    cdef RegexResult result
    if not regex.is_first and regex.match_begin == regex.match_end:
        if place == <int64_t>regex.text_size:
            return REGEX_NO_MATCH
        result = match_at(regex, place, False, captures)
        if result != REGEX_NO_MATCH:
            return result
        place += 1
    regex.is_first = False
    while place <= <int64_t>regex.text_size:
        if has_state(reverse_set(&regex.reverse, place), regex.program.start):
            return match_at(regex, place, True, captures)
        place += 1
    return REGEX_NO_MATCH


# -- the cache ---------------------------------------------------------------------------------------------------------

cdef void regex_cache_init(RegexCache* cache) noexcept nogil:
    memset(cache, 0, sizeof(RegexCache))


cdef void regex_cache_free(RegexCache* cache) noexcept nogil:
    cdef size_t i
    for i in range(cache.capacity):
        if cache.entries[i].regex != NULL:
            regex_free(cache.entries[i].regex)
            free(cache.entries[i].pattern)
    free(cache.entries)
    regex_cache_init(cache)


cdef RegexEntry* find_entry(RegexCache* cache, const uint8_t* pattern, size_t size_bytes, uint64_t hash) noexcept nogil:
    cdef size_t slot = hash & (cache.capacity - 1)
    cdef RegexEntry* entry
    while True:
        entry = &cache.entries[slot]
        if entry.regex == NULL or (
            entry.hash == hash and entry.pattern_size == size_bytes and memcmp(entry.pattern, pattern, size_bytes) == 0
        ):
            return entry
        slot = (slot + 1) & (cache.capacity - 1)


cdef void make_room(RegexCache* cache) noexcept nogil:
    """Before an insertion: forget everything when the cache is full or fat, make the table on first use."""
    cdef size_t i
    cdef size_t total_bytes = 0
    for i in range(cache.capacity):
        if cache.entries[i].regex != NULL:
            total_bytes += regex_memory(cache.entries[i].regex)
    if cache.count >= CACHE_LIMIT or total_bytes > CACHE_LIMIT_BYTES:
        regex_cache_free(cache)
    if cache.entries == NULL:
        cache.entries = <RegexEntry*>calloc(2 * CACHE_LIMIT, sizeof(RegexEntry))
        cache.capacity = 2 * CACHE_LIMIT if cache.entries != NULL else 0


cdef Regex* regex_cache_get(RegexCache* cache, const uint8_t* pattern, size_t size_bytes,
                            RegexStatus* status) noexcept nogil:
    """The compiled pattern, owned by the cache and valid until the next call; NULL and a status for a bad one."""
    cdef uint64_t hash = 0xCBF29CE484222325
    cdef RegexEntry* entry
    cdef Regex* regex
    cdef uint8_t* copy
    cdef size_t i
    status[0] = REGEX_OK
    for i in range(size_bytes):
        hash = (hash ^ pattern[i]) * <uint64_t>0x100000001B3
    hash ^= hash >> 32
    if cache.entries != NULL:
        entry = find_entry(cache, pattern, size_bytes, hash)
        if entry.regex != NULL:
            return entry.regex
    regex = regex_compile(pattern, size_bytes, status)
    if regex == NULL:
        return NULL
    make_room(cache)
    copy = <uint8_t*>malloc(size_bytes + 1)
    if copy == NULL or cache.entries == NULL:
        free(copy)
        regex_free(regex)
        status[0] = REGEX_TOO_LARGE
        return NULL
    memcpy(copy, pattern, size_bytes)
    entry = find_entry(cache, pattern, size_bytes, hash)
    entry.regex = regex
    entry.pattern = copy
    entry.pattern_size = size_bytes
    entry.hash = hash
    cache.count += 1
    return regex


# -- Python's side -----------------------------------------------------------------------------------------------------

class RegexError(ValueError):
    """A pattern that C++ Nix refuses too, or a match beyond the memory limit."""


cdef object error(RegexStatus status, bytes pattern):
    cdef ByteBuffer text
    buffer_init(&text)
    regex_error_text(status, pattern, len(pattern), &text)
    try:
        return RegexError((<bytes>text.data[:text.size_bytes]).decode("utf-8", "replace"))
    finally:
        buffer_free(&text)


cdef class Pattern:
    """A compiled regular expression: `Pattern(b"(a*)b").match(b"aab")` is `[b"aa"]`."""
    cdef Regex* regex
    cdef bytes pattern
    cdef int64_t* captures

    def __cinit__(self, bytes pattern not None):
        cdef RegexStatus status = REGEX_OK
        self.pattern = pattern
        self.regex = regex_compile(pattern, len(pattern), &status)
        if self.regex == NULL:
            raise error(status, pattern)
        self.captures = <int64_t*>malloc((self.regex.slot_count + 2) * sizeof(int64_t))
        if self.captures == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.captures)
        regex_free(self.regex)

    cdef list groups(self, bytes text):
        cdef size_t i
        return [
            None if self.captures[2 * i + 3] < 0 else text[self.captures[2 * i + 2]:self.captures[2 * i + 3]]
            for i in range(self.regex.program.group_count)
        ]

    def match(self, bytes text not None):
        """The groups if the pattern takes the whole text, as builtins.match; None otherwise."""
        cdef RegexResult result
        cdef const uint8_t* data = text
        cdef size_t size_bytes = len(text)
        with nogil:
            result = regex_match_full(self.regex, data, size_bytes, self.captures)
        if result == REGEX_MEMORY:
            raise error(REGEX_TOO_LARGE, self.pattern)
        return self.groups(text) if result == REGEX_MATCH else None

    def split(self, bytes text not None):
        """The pieces between the matches, and between them the groups of each match, as builtins.split."""
        cdef const uint8_t* data = text
        cdef int64_t end = 0
        cdef RegexResult result
        cdef list pieces = []
        if regex_scan_begin(self.regex, data, len(text)) == REGEX_MEMORY:
            raise error(REGEX_TOO_LARGE, self.pattern)
        while True:
            result = regex_scan_next(self.regex, self.captures)
            if result != REGEX_MATCH:
                break
            pieces.append(text[end:self.captures[0]])
            pieces.append(self.groups(text))
            end = self.captures[1]
        regex_scan_end(self.regex)
        if result == REGEX_MEMORY:
            raise error(REGEX_TOO_LARGE, self.pattern)
        pieces.append(text[end:])
        return pieces


cdef class PatternCache:
    """The cache as an evaluator owns it, for tests."""
    cdef RegexCache cache

    def __cinit__(self):
        regex_cache_init(&self.cache)

    def __dealloc__(self):
        regex_cache_free(&self.cache)

    def __len__(self):
        return self.cache.count

    def matches(self, bytes pattern not None, bytes text not None):
        """Whether `pattern` takes the whole text."""
        cdef RegexStatus status = REGEX_OK
        cdef Regex* regex = regex_cache_get(&self.cache, pattern, len(pattern), &status)
        cdef int64_t* captures
        if regex == NULL:
            raise error(status, pattern)
        captures = <int64_t*>malloc((regex.slot_count + 2) * sizeof(int64_t))
        if captures == NULL:
            raise MemoryError
        result = regex_match_full(regex, text, len(text), captures)
        free(captures)
        return result == REGEX_MATCH
