# cython: language_level=3
"""The forward walk through a pattern, after the backward pass has found out where each state leads to a match.

In: a `Regex` whose `reverse` ran over the text.  Out: the end of the match, the places of its groups in the slots.

C++ Nix (std::regex of libstdc++, `extended`) backtracks.  Its rule for the answer, found by reading and by experiment:
paths are tried depth first, the left side of `|` before the right one, once more before leaving a loop.  A loop is left
only if once more leads to no match at all; of `|` both sides are always tried.  `match` takes the first path that reaches
the end of the text; `split` takes, of the paths so found, the first among the longest, at the first place where there
is one.  A loop may take two iterations, but not three, that consume nothing at the same place.

So a decision depends only on whether a path leads to a match, which the backward pass has found out for every place.
Therefore the walk takes each decision at once and never goes back.  `match` follows one path; so does `split`, unless the
pattern has a `|`: then it keeps a list of states in the order of preference.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.builtins.engines.regex_program cimport (
    OP_ACCEPT, OP_ALTERNATIVE, OP_GROUP_BEGIN, OP_GROUP_END, OP_MATCH, OP_REPEAT, RegexState,
)
from snowsnake.builtins.engines.regex_reverse cimport has_state, reverse_must_stop, reverse_set
from snowsnake.foundation.allocate cimport allocate_zeros, resize_items
from snowsnake.foundation.probing cimport probe

cdef enum:
    NONE = -1
    THREAD_LIMIT_BYTES = 512 << 20
    EMPTY_ITERATIONS = 2

cdef enum FrameKind:
    # Going back restores the `value` of slot `state`.
    FRAME_SLOT
    # Going back explores `state`.
    FRAME_SECOND
    # Going back explores `state` if there are still only `value` solutions.
    FRAME_OTHERWISE
    # The repeat `state` was entered `value` times before; going back restores that number and `key`.
    FRAME_LEAVE
    # Everything behind `state` with `key` is explored; there were `value` solutions before.
    FRAME_MEMO

cdef enum MemoValue:
    MEMO_NO = 0
    MEMO_YES = 1
    MEMO_UNDER_WAY


# -- along one path ----------------------------------------------------------------------------------------------------

cdef void clear_slots(Regex* regex, int64_t* slots) noexcept nogil:
    memset(slots, 0xFF, regex.slot_count * sizeof(int64_t))


cdef int64_t walk(Regex* regex, int64_t place) noexcept nogil:
    """Walks from the start state at `place`, where it leads to a match, to the end of the match, which it returns; fills `regex.slots`."""
    cdef const RegexState* states = regex.program.states
    cdef const RegexState* state
    cdef const uint64_t* viable = reverse_set(&regex.reverse, place)
    cdef int64_t* slots = regex.slots
    cdef int32_t at = regex.program.start
    while True:
        state = &states[at]
        if state.op == OP_MATCH:
            place += 1
            if reverse_must_stop(&regex.reverse, place):
                return NONE
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


# -- exploring ----------------------------------------------------------------------------------------------------------

cdef inline uint64_t entered_key(int32_t state, int64_t times) noexcept nogil:
    """What entering a repeat *times* times adds to the key of the states behind it."""
    cdef uint64_t value = (<uint64_t>state * 4 + <uint64_t>times + 1) * <uint64_t>0x9E3779B97F4A7C15
    if times == 0:
        return 0
    value ^= value >> 29
    value *= <uint64_t>0xBF58476D1CE4E5B9
    return value ^ (value >> 32)


cdef bint push(Regex* regex, FrameKind kind, int32_t state, int64_t value, uint64_t key) noexcept nogil:
    cdef WalkFrame* frames
    cdef WalkFrame* frame
    cdef size_t capacity
    if regex.frame_count == regex.frame_capacity:
        capacity = 2 * regex.frame_capacity + 64
        frames = <WalkFrame*>resize_items(regex.frames, capacity, sizeof(WalkFrame))
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


cdef inline bint is_memo_of(uint64_t at, Regex* regex, int32_t state, uint64_t key) noexcept nogil:
    cdef Memo* memo = &regex.memos[at]
    return memo.generation != regex.generation or (memo.state == state and memo.key == key)


cdef Memo* find_memo(Regex* regex, int32_t state, uint64_t key) noexcept nogil:
    """The memo of (state, key) or the free place for it; NULL if there is none yet."""
    cdef uint64_t hash = key ^ (<uint64_t>state * <uint64_t>0xFF51AFD7ED558CCD)
    if regex.memo_capacity == 0:
        return NULL
    return &regex.memos[probe(hash, regex.memo_capacity - 1, is_memo_of, regex, state, key)]


cdef bint grow_memos(Regex* regex) noexcept nogil:
    cdef size_t old_capacity = regex.memo_capacity
    cdef size_t i
    cdef Memo* old = regex.memos
    cdef Memo* memos
    memos = <Memo*>allocate_zeros(2 * old_capacity + (0 if old_capacity else 64), sizeof(Memo))
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
    # This key cannot occur again in that state while it is being explored, so nothing needs to be recorded.
    if value == MEMO_UNDER_WAY:
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
    """Appends `state` with a copy of the slots, unless a better path has reached it already."""
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
        moved = resize_items(threads.states, capacity, sizeof(int32_t))
        if moved != NULL:
            threads.states = <int32_t*>moved
            moved = resize_items(threads.slots, capacity * row + 8, 1)
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
    # Whether the exploration stops at the first solution.
    bint wants_first
    # Whether the match may end here: False where it would be empty and must not be.
    bint may_accept
    # The list that receives the states behind this byte.
    ThreadList* threads
    # The end of the best match so far; NONE if there is none.
    int64_t end
    int64_t solutions
    # A hash of which tracked repeats were entered, and how often.
    uint64_t key


cdef int32_t enter_repeat(Regex* regex, Exploration* here, int32_t at) noexcept nogil:
    """Decides whether to enter a repeat; returns the state to continue with, or NONE to go back."""
    cdef const RegexState* state = &regex.program.states[at]
    cdef int64_t times = 0
    cdef uint64_t key = here.key
    cdef int memo = known(regex, at, key)
    # This happens in coarse mode only: the iteration matched nothing, and is not repeated.
    if memo == MEMO_UNDER_WAY:
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
    """Undoes frames until one has a state to continue with; NONE if none is left."""
    cdef WalkFrame* frame
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
    """Explores everything that `at` leads to without consuming a byte, in the order of preference.

    With `wants_first`, returns the state that consumes the next byte, or the accepting one, with the slots set.
    Otherwise returns NONE; then the states behind this byte are queued, and the slots are as before.
    """
    cdef const RegexState* state
    cdef int memo
    regex.frame_count = 0
    here.key = 0
    while not regex.is_out_of_memory:
        if reverse_must_stop(&regex.reverse, 0):
            return NONE
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
    """Does what `walk` does, for a pattern with loops whose body can match nothing."""
    cdef Exploration here
    cdef int32_t at = regex.program.start
    memset(&here, 0, sizeof(here))
    here.wants_first = True
    here.may_accept = True
    while True:
        arrive(regex, &here, place)
        at = explore(regex, &here, at)
        if at == NONE:
            # Memory is short, or the evaluation was asked to stop.
            return NONE
        if regex.program.states[at].op == OP_ACCEPT:
            return place
        at = regex.program.states[at].next
        place += 1


cdef int64_t walk_parallel(Regex* regex, int64_t begin, bint may_be_empty) noexcept nogil:
    """The end of the first of the longest matches at `begin`, with its slots in best_slots; NONE if there is none."""
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
    while threads.count and not regex.is_out_of_memory and not reverse_must_stop(&regex.reverse, place):
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
