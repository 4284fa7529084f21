# cython: language_level=3
"""A precise copying collector with two generations.

Objects are made in the nursery.  When it is full, its live objects move to the old space, and the nursery is used
again: so it stays in the processor's caches, and only survivors touch new memory.  When the old space has grown enough, everything alive
moves to a new region, in breadth-first order, and the old region is released.

Roots: the value stack below sp, the frames, the registers, the constants of linked codes, symbols, builtins, imported files,
handles held by Python.  For the nursery alone: only the new codes and symbols, and the remembered set, which are old objects that
were written to (a thunk that got its value, a keys object that got its order, the few lists that builtins change).

A thunk that is done disappears: every holder gets its value instead, unless the value is a function
(`==` compares functions by their cells), or a list and the result may be printed as Nix text (which shows a list in the same cell again
as `«repeated»`).  All holders of a cell get the value in the same collection, or none does: `==` takes
values in the same cell for equal without comparing them.  Tables with addresses as keys are renewed.
Over 600 lines: both generations share the copying loop, which is inline in what visits the roots.
"""
from libc.stdint cimport UINT64_MAX, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_THREAD_CPUTIME_ID, clock_gettime, timespec

from snowsnake.diagnostics.message_table cimport MESSAGE_NO_ROOM_TO_COLLECT, MESSAGE_OVER_MEMORY_LIMIT
from snowsnake.foundation.allocate cimport allocate_zeros, resize_items
from snowsnake.foundation.limits cimport change_block_limit
from snowsnake.machine.attention cimport exhaust, must_stop, set_soft_limit, stop
from snowsnake.machine.attrs cimport BY_CONTENTS, PLACE_MASK, keys_cache_place
from snowsnake.machine.checks cimport IS_CHECKED, check_object, check_word
from snowsnake.machine.errors cimport error_free, raise_message, worded
from snowsnake.machine.frames cimport raise_depth
from snowsnake.machine.heap cimport (
    PART_OLD_SPACE, is_young, keeps_cell, leave_old_space, planned_region_bytes, prepare_pages, release_pages, release_region, reserve_region,
)
from snowsnake.machine.importing cimport forget_files, own_codes
from snowsnake.machine.room cimport left_bytes
from snowsnake.machine.state cimport DONE, INTERNAL_CAPACITY, Code, Error, Frame
from snowsnake.machine.unwind cimport MOST_CHAIN, failure_index, failure_total, failure_word
from snowsnake.machine.word cimport (
    HEADER_REMEMBERED, KIND_CLOSURE, KIND_THUNK, TAG_FUNCTION, TAG_IMMEDIATE, TAG_INT, TAG_LIST, TAG_THUNK,
    THUNK_DONE, THUNK_FAILED, Word, code_header, followed_words, header_code, header_kind, header_payload_words,
    header_state, object_words, pointer_of, untagged_kind, with_state,
)

cdef extern from "<sys/mman.h>" nogil:
    int madvise(void* address, size_t size, int advice)

cdef enum:
    # Linux has had this since 6.1, but some systems have older headers.  Other systems refuse it.
    MADV_COLLAPSE = 25
    LARGE_PAGE_BYTES = 1 << 21
    # This is 1 MiB.  docs/decisions/performance.md has the measurements behind all these sizes.
    LEAST_NURSERY_WORDS = 1 << 17
    MOST_NURSERY_WORDS = 1 << 21
    # Between the two limits, the nursery has the size of a 64th of the old space.
    NURSERY_SHIFT = 6
    KEYS_CACHE_SIZE = 4096
    # The collector prepares at least so many words of the old space ahead of the survivors.
    LEAST_PREPARED_WORDS = 1 << 15
    # Operations may make at least so many words (256 MiB) in the old space directly before a collection, if the memory limit allows it.
    LEAST_DIRECT_WORDS = 1 << 25
    # When everything moves, the new region has at least so many bytes to spare.
    LEAST_SLACK_BYTES = 1 << 20
    # The nursery must have so many free words for operations that allocate without a reservation (heap_reserve).
    LEAST_ROOM_WORDS = 1 << 16
    # In stress mode, every sixteenth collection is one of everything.
    STRESS_MAJOR = 16
    # In stress mode, this byte overwrites the old nursery: words of it are thunks at addresses that do not exist.
    OVERWRITTEN = 0xA9

cdef uint64_t _now_ns() noexcept nogil:
    """This thread's CPU time, because a machine that waits for the processor is not collecting."""
    cdef timespec t
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t)
    return <uint64_t>t.tv_sec * 1000000000 + <uint64_t>t.tv_nsec


cdef inline Word* _nursery_end(Machine* m) noexcept nogil:
    """The place at which a collection is due.  Every collection walks the stacks: if a nursery were smaller than they are, the time of a deep
    evaluation would grow with the square of its depth."""
    cdef uint64_t words = <uint64_t>(m.sp - m.stack_base) + <uint64_t>(m.fr - m.frames_base) * (sizeof(Frame) // sizeof(Word))
    return m.heap_base + (words if words > m.nursery_words else m.nursery_words)


cdef void size_nursery(Machine* m) noexcept nogil:
    """Sets the nursery's size.  Collections of a large heap promote more, and what they promote lives on: a larger nursery lets more of it die first."""
    cdef uint64_t words = <uint64_t>(m.old_top - m.old_base) >> NURSERY_SHIFT
    if words > MOST_NURSERY_WORDS:
        words = MOST_NURSERY_WORDS
    m.nursery_words = words if words > LEAST_NURSERY_WORDS else LEAST_NURSERY_WORDS


cdef void set_limits(Machine* m) noexcept nogil:
    # If young_hp is set, hp is in the old space: the next safepoint leads it back to the nursery.
    if m.young_hp != NULL:
        m.soft_limit = NULL
        return
    set_soft_limit(m, m.heap_base if m.stress else _nursery_end(m))


cdef inline bint _is_spared(Machine* m) noexcept nogil:
    """Whether to skip this safepoint: with stress, about a quarter of them.  If everything were promoted at once, no old object would ever get a
    new one, and a missing write barrier would go unnoticed."""
    cdef uint64_t number = <uint64_t>(m.hp - m.heap_base) + m.minor_count * <uint64_t>40503
    return number * <uint64_t>0x9E3779B97F4A7C15 >> 62 == 0


cdef int safepoint(Machine* m, uint64_t stack_words) noexcept nogil:
    leave_old_space(m)
    if m.sp + stack_words > m.stack_end:
        return raise_depth(m)
    if must_stop(m):
        return stop(m)
    if (m.stress and not _is_spared(m)) or m.hp > _nursery_end(m) or m.direct_words > m.most_direct_words:
        if m.old_top > m.collect_at or m.direct_words > m.most_direct_words or (m.stress and m.minor_count % STRESS_MAJOR == 0):
            collect(m)
        else:
            collect_nursery(m)
        change_block_limit(left_bytes(m))
        if <uint64_t>(m.old_top - m.old_base) + m.nursery_words > m.memory_limit_words:
            return raise_message(m, worded(MESSAGE_OVER_MEMORY_LIMIT, <unsigned long long>(m.memory_limit_words >> 17)))
        if m.hp > m.heap_base and m.heap_end - m.hp < LEAST_ROOM_WORDS:
            return raise_message(m, worded(MESSAGE_NO_ROOM_TO_COLLECT))
    set_limits(m)
    return DONE


# ---- copying ----------------------------------------------------------------------------------------------------

cdef inline Word* _copy(Machine* m, Word* p) noexcept nogil:
    """Moves an object if it must move, and returns its place."""
    cdef Word h = p[0]
    cdef Word* to
    cdef uint64_t n
    if m.is_minor and not is_young(m, p):
        return p
    if (h & 7) == 0:
        return <Word*>h
    to = m.old_top
    # A thunk that is done or failed no longer needs its upvalues.
    if header_kind(h) == KIND_THUNK and header_state(h) >= THUNK_DONE:
        m.old_top = to + 2
        to[0] = with_state(code_header(KIND_THUNK, 1, header_code(h)), header_state(h))
        to[1] = p[1]
        p[0] = <Word>to
        return to
    n = object_words(h)
    m.old_top = to + n
    # Most objects have at most four words, and both places have room behind a smaller one.
    memcpy(to, p, 4 * sizeof(Word))
    if n > 4:
        memcpy(to + 4, p + 4, (n - 4) * sizeof(Word))
    p[0] = <Word>to
    return to


cdef void _shorten(Machine* m, Word w, Word end) noexcept nogil:
    """Lets all thunks of a chain lead to its end directly.  Otherwise a walk from each of a million of them would take quadratic time.

    A collection of the nursery leaves old thunks as they are, because they may not be in the remembered set.
    """
    cdef Word* p
    while w != end:
        p = pointer_of(w)
        w = p[1]
        if not m.is_minor or is_young(m, p):
            p[1] = end


cdef bint _may_be_list(Machine* m, Word w) noexcept nogil:
    """Whether the value of a thunk that is done is a list.

    An object that has moved has its header in its new place, and the rest still here.
    """
    cdef Word start = w, h
    cdef Word* p
    cdef uint32_t steps = 0
    while (w & 7) == TAG_THUNK:
        p = pointer_of(w)
        h = p[0] if (p[0] & 7) == 7 else (<Word*>p[0])[0]
        if header_state(h) != THUNK_DONE:
            break
        w = p[1]
        steps += 1
    if (w & 7) != TAG_LIST:
        return False
    # The copy holds the end itself, so that chains of such cells do not grow.
    if steps > 1:
        _shorten(m, start, w)
    return True


cdef inline bint _is_unfinished(Word* p) noexcept nogil:
    """Whether a thunk has no value yet, or failed; or leads to such a thunk, and was kept for that."""
    if (p[0] & 7) == 0:
        # The object has moved: this is its new place.
        p = <Word*>p[0]
    return header_state(p[0]) != THUNK_DONE or (p[1] & 7) == TAG_THUNK


cdef Word _forward_done(Machine* m, Word w) noexcept nogil:
    """The new place of the value of a thunk that is done and has not moved; or of the thunk itself if its cell matters.

    Thunks that lead to one without a value are kept as far as a trace names them, so that a trace does not depend on when collections happened.
    """
    cdef Word* p = pointer_of(w)
    cdef Word v, start = w
    cdef uint32_t steps = 0, i
    if keeps_cell(m, TAG_LIST) and _may_be_list(m, w):
        return <Word>_copy(m, p) | TAG_THUNK
    while (w & 7) == TAG_THUNK and (p[0] & 7) == 7 and header_state(p[0]) == THUNK_DONE:
        v = p[1]
        if (v & 7) == TAG_FUNCTION:
            break
        w = v
        steps += 1
        if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE:
            break
        p = pointer_of(w)
    if (w & 7) == TAG_THUNK and _is_unfinished(p):
        if steps > MOST_CHAIN:
            w = start
            for i in range(steps - MOST_CHAIN):
                w = pointer_of(w)[1]
            _shorten(m, start, w)
        return <Word>_copy(m, pointer_of(start)) | TAG_THUNK
    if steps > 8:
        _shorten(m, start, w)
    if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE:
        return w
    return <Word>_copy(m, p) | (w & 7)


cdef Word _forward_pointer(Machine* m, Word w) noexcept nogil:
    cdef Word* p = pointer_of(w)
    if (w & 7) == TAG_THUNK and (p[0] & 7) == 7 and header_state(p[0]) == THUNK_DONE:
        return _forward_done(m, w)
    return <Word>_copy(m, p) | (w & 7)


cdef inline Word _forward(Machine* m, Word w) noexcept nogil:
    if IS_CHECKED:
        check_word(m, w, "a root or an object")
    if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE:
        return w
    if m.is_minor and not is_young(m, pointer_of(w)):
        # This does not read the object, because headers of old objects are seldom in the cache.
        return w
    return _forward_pointer(m, w)


cdef inline void _forward_at(Machine* m, Word* place) noexcept nogil:
    """Most words of a large object stay as they are: they are not written again."""
    cdef Word w = place[0]
    if IS_CHECKED:
        check_word(m, w, "a root or an object")
    if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE or (m.is_minor and not is_young(m, pointer_of(w))):
        return
    place[0] = _forward_pointer(m, w)


cdef void _scan_object(Machine* m, Word* p) noexcept nogil:
    """Forwards the words of an object that the collector follows (machine/object_table.py)."""
    cdef Word h = p[0]
    cdef int kind = header_kind(h), untagged
    cdef uint64_t i, first, end
    if kind == KIND_THUNK and header_state(h) >= THUNK_DONE:
        if header_state(h) == THUNK_DONE:
            _forward_at(m, p + 1)
            p[0] = with_state(code_header(KIND_THUNK, header_payload_words(h), header_code(h)), THUNK_DONE)
        return
    untagged = untagged_kind(kind)
    if untagged and p[1]:
        if IS_CHECKED:
            check_object(m, <Word*>p[1], untagged, "the keys of a set, or the order of keys")
        p[1] = <Word>_copy(m, <Word*>p[1])
    followed_words(h, &first, &end)
    for i in range(first, end):
        _forward_at(m, p + i)


cdef void _forward_constants(Machine* m, Code* code) noexcept nogil:
    cdef uint32_t i
    for i in range(code.constant_count):
        code.constants[i] = _forward(m, code.constants[i])


cdef void _forward_roots(Machine* m, uint32_t* owners) noexcept nogil:
    """*owners* is NULL; or it says for each code 1 + its file if that file may be forgotten: then the code's constants are not roots."""
    cdef Word* p
    cdef Frame* fr
    cdef uint32_t i
    p = m.stack_base
    while p < m.sp:
        if IS_CHECKED:
            check_word(m, p[0], "the stack")
        p[0] = _forward(m, p[0])
        p += 1
    fr = m.frames_base + 1
    while fr <= m.fr:
        fr.function = _forward_code(m, fr.function)
        if fr.thunk:
            if IS_CHECKED:
                check_object(m, pointer_of(fr.thunk), KIND_THUNK, "a frame's thunk")
            fr.thunk = <Word>_copy(m, pointer_of(fr.thunk)) | (fr.thunk & 7)
        fr += 1
    m.function = _forward_code(m, m.function)
    m.need = 0
    if IS_CHECKED:
        check_word(m, m.result, "the result")
    m.result = _forward(m, m.result)
    if m.is_minor:
        for i in range(m.fresh_code_count):
            _forward_constants(m, m.codes[m.fresh_codes[i]])
        for i in range(m.old_symbol_count, m.symbol_count):
            m.symbol_strings[i] = _forward(m, m.symbol_strings[i])
    else:
        for i in range(m.code_count):
            if owners == NULL or owners[i] == 0:
                _forward_constants(m, m.codes[i])
        for i in range(m.symbol_count):
            m.symbol_strings[i] = _forward(m, m.symbol_strings[i])
    m.fresh_code_count = 0
    m.old_symbol_count = m.symbol_count
    for i in range(m.builtin_count):
        m.builtins[i].word = _forward(m, m.builtins[i].word)
    for i in range(INTERNAL_CAPACITY):
        m.internals[i] = _forward(m, m.internals[i])
    m.try_eval_word = _forward(m, m.try_eval_word)
    m.error_context_word = _forward(m, m.error_context_word)
    m.builtins_attrs = _forward(m, m.builtins_attrs)
    m.empty_list = _forward(m, m.empty_list)
    m.empty_attrs = _forward(m, m.empty_attrs)
    m.empty_string = _forward(m, m.empty_string)
    for i in range(m.old_file_count if m.is_minor else 0, m.file_count):
        m.files[i].value = _forward(m, m.files[i].value)
    m.old_file_count = m.file_count
    for i in range(m.handle_count):
        m.handles[i] = _forward(m, m.handles[i])


cdef inline Word _forward_code(Machine* m, Word function) noexcept nogil:
    """The function of an activation: a running thunk must stay an object, whatever its state."""
    if IS_CHECKED:
        check_word(m, function, "a frame's function")
    if (function & 7) == TAG_INT or (function & 7) == TAG_IMMEDIATE:
        return function
    return <Word>_copy(m, pointer_of(function)) | (function & 7)


cdef void _scan_from(Machine* m, Word* scan) noexcept nogil:
    """Forwards the words of the objects from *scan* to the top of the old space, which grows meanwhile."""
    cdef Word h
    while scan < m.old_top:
        h = scan[0]
        _scan_object(m, scan)
        scan += object_words(h)


cdef Word* _survivor(Machine* m, Word* p) noexcept nogil:
    """The new place of a keys object, or NULL if it did not survive.  Must be called before its old place is released."""
    if m.is_minor and not is_young(m, p):
        return p
    return <Word*>p[0] if (p[0] & 7) == 0 else NULL


cdef void _renew_lookups(Machine* m) noexcept nogil:
    """Keeps the remembered lookups in keys that did not move, and forgets the others."""
    cdef uint32_t i
    if not m.is_minor:
        memset(&m.places[0], 0, sizeof(m.places))
        return
    for i in range(PLACE_MASK + 1):
        if is_young(m, m.places[i].keys):
            m.places[i].keys = NULL


cdef void _renew_keys_cache(Machine* m) noexcept nogil:
    """Moves the entries of the cache of keys to where their new addresses belong.

    It works in place: an entry that moves further down is met again there, and then stays where it is (after a collection of the nursery).
    """
    cdef uint64_t* entry
    cdef uint64_t i
    cdef Word* a
    cdef Word* b
    cdef Word* c
    if m.keys_cache == NULL:
        return
    for i in range(KEYS_CACHE_SIZE):
        entry = m.keys_cache + 3 * i
        if entry[2] == 0:
            continue
        c = _survivor(m, <Word*>entry[2])
        if entry[1] == BY_CONTENTS:
            entry[1] = BY_CONTENTS if c != NULL else 0
            entry[2] = <uint64_t>c
            continue
        a = _survivor(m, <Word*>entry[0])
        b = _survivor(m, <Word*>entry[1])
        if <uint64_t>a == entry[0] and <uint64_t>b == entry[1] and <uint64_t>c == entry[2]:
            continue
        memset(entry, 0, 3 * sizeof(uint64_t))
        if a != NULL and b != NULL and c != NULL:
            entry = m.keys_cache + keys_cache_place(a, b)
            entry[0] = <uint64_t>a
            entry[1] = <uint64_t>b
            entry[2] = <uint64_t>c


cdef void _note_made(Machine* m) noexcept nogil:
    """Counts what was made since the last collection, before anything moves."""
    m.made_words += <uint64_t>(m.hp - m.heap_base) + <uint64_t>(m.old_top - m.unscanned)
    if m.tally != NULL:
        _count(m.unscanned, m.old_top, m.tally.objects, m.tally.words, m.tally.states)
        _count(m.heap_base, m.hp, m.tally.objects, m.tally.words, m.tally.states)


cdef void _empty_nursery(Machine* m) noexcept nogil:
    """Empties the nursery.  Memory beyond its size, which a single large allocation touched, goes back to the system.

    With stress, the nursery is overwritten: whoever still points into it, because a write barrier is missing, then finds no valid object.
    """
    cdef uint64_t start = (<uint64_t>(m.heap_base + m.nursery_words) + 4095) & ~<uint64_t>4095
    if m.hp > m.heap_base + m.nursery_words + (m.nursery_words >> 2):
        release_pages(<void*>start, <uint64_t>m.hp - start)
    elif m.stress:
        memset(m.heap_base, OVERWRITTEN, <uint64_t>(m.hp - m.heap_base) * sizeof(Word))
    m.hp = m.heap_base


cdef inline void _prepare_old_space(Machine* m) noexcept nogil:
    cdef uint64_t words = m.nursery_words >> 2
    cdef Word* start = m.old_ready if m.old_ready > m.old_top else m.old_top
    cdef Word* end
    if words < LEAST_PREPARED_WORDS:
        words = LEAST_PREPARED_WORDS
    end = m.old_top + 2 * words
    if start < m.old_top + words and end < m.old_end:
        prepare_pages(start, <uint64_t>(end - start) * sizeof(Word))
        m.old_ready = end


cdef void collect_nursery(Machine* m) noexcept nogil:
    cdef uint64_t started = _now_ns(), i
    cdef Word* top
    cdef Word* p
    leave_old_space(m)
    top = m.old_top
    if <uint64_t>(m.old_end - m.old_top) < <uint64_t>(m.hp - m.heap_base) + 1024:
        collect(m)
        return
    _note_made(m)
    _prepare_old_space(m)
    m.is_minor = True
    _forward_roots(m, NULL)
    for i in range(m.remembered_count):
        p = m.remembered[i]
        if header_kind(p[0]) != KIND_THUNK:
            p[0] &= ~<Word>HEADER_REMEMBERED
        _scan_object(m, p)
    m.remembered_count = 0
    _scan_from(m, m.unscanned)
    m.unscanned = m.old_top
    _renew_lookups(m)
    _renew_keys_cache(m)
    m.is_minor = False
    _empty_nursery(m)
    m.promoted_words += <uint64_t>(m.old_top - top)
    m.minor_count += 1
    size_nursery(m)
    m.collection_ns += _now_ns() - started


cdef void prepare_forks(Machine* m) noexcept nogil:
    cdef uint64_t page = (<uint64_t>m.old_base + LARGE_PAGE_BYTES - 1) & ~<uint64_t>(LARGE_PAGE_BYTES - 1)
    leave_old_space(m)
    # A single call for all pages would end at the first page that the system cannot make.
    while page + LARGE_PAGE_BYTES <= <uint64_t>m.old_top:
        madvise(<void*>page, LARGE_PAGE_BYTES, MADV_COLLAPSE)
        page += LARGE_PAGE_BYTES


cdef void renew_nursery(Machine* m) noexcept nogil:
    cdef uint64_t start, end = <uint64_t>(m.heap_base + m.nursery_words) & ~<uint64_t>4095
    leave_old_space(m)
    start = (<uint64_t>m.hp + 4095) & ~<uint64_t>4095
    if start < end:
        release_pages(<void*>start, end - start)
        prepare_pages(<void*>start, end - start)


cdef void _use_code(Machine* m, uint32_t index, uint32_t* owners, uint8_t* is_used) noexcept nogil:
    """Marks the file of a code as used, and forwards the constants of all its codes."""
    cdef uint32_t owner = owners[index], code
    cdef Word* top
    if owner == 0 or is_used[owner - 1]:
        return
    is_used[owner - 1] = True
    top = m.old_top
    code = m.files[owner - 1].code_base
    while code < m.code_count and owners[code] == owner:
        _forward_constants(m, m.codes[code])
        code += 1
    _scan_from(m, top)


cdef void _follow_code(Machine* m, uint32_t* owners, uint8_t* is_used) noexcept nogil:
    """Finds the files whose code live objects can still run, or that the trace of a failed thunk names."""
    cdef Word* p = m.old_base
    cdef Word h
    cdef int kind
    cdef Error* failure
    cdef uint32_t i
    while p < m.old_top:
        h = p[0]
        kind = header_kind(h)
        if kind == KIND_THUNK and header_state(h) == THUNK_FAILED:
            failure = &m.failures[failure_index(p[1])]
            for i in range(failure.trace_count):
                if failure.trace[i].code:
                    _use_code(m, failure.trace[i].code - 1, owners, is_used)
        elif kind == KIND_CLOSURE or (kind == KIND_THUNK and header_state(h) != THUNK_DONE):
            _use_code(m, header_code(h), owners, is_used)
        p += object_words(h)


cdef void _forget_failures(Machine* m) noexcept nogil:
    """Frees the errors of failed thunks that are dead; the other entries move up."""
    cdef uint32_t* places = <uint32_t*>allocate_zeros(m.failure_count + 1, sizeof(uint32_t))
    cdef Error* kept = <Error*>allocate_zeros(m.failure_count + 1, sizeof(Error))
    cdef Word* p = m.old_base
    cdef uint32_t count = 0, i
    if places == NULL or kept == NULL:
        free(places)
        free(kept)
        return
    while p < m.old_top:
        if header_kind(p[0]) == KIND_THUNK and header_state(p[0]) == THUNK_FAILED:
            i = failure_index(p[1])
            if places[i] == 0:
                count += 1
                places[i] = count
            p[1] = failure_word(places[i] - 1, failure_total(p[1]))
        p += object_words(p[0])
    for i in range(m.failure_count):
        if places[i]:
            kept[places[i] - 1] = m.failures[i]
        else:
            error_free(&m.failures[i])
    free(m.failures)
    free(places)
    m.failures = <Error*>resize_items(kept, count + 1, sizeof(Error))
    m.failure_capacity = count + 1
    if m.failures == NULL:
        m.failures = kept
        m.failure_capacity = m.failure_count + 1
    m.failure_count = count


cdef void collect(Machine* m) noexcept nogil:
    _collect(m, NULL, NULL)


cdef void collect_expressions(Machine* m) noexcept nogil:
    cdef uint32_t* owners = <uint32_t*>allocate_zeros(m.code_count + 1, sizeof(uint32_t))
    cdef uint8_t* is_used = <uint8_t*>allocate_zeros(m.file_count + 1, 1)
    if owners != NULL and is_used != NULL:
        own_codes(m, owners)
        if _collect(m, owners, is_used):
            forget_files(m, is_used)
            _forget_failures(m)
    free(owners)
    free(is_used)


cdef void plan_collection(Machine* m, uint64_t live, uint64_t used) noexcept nogil:
    """Decides when the next collection of everything is worthwhile: after as much growth as there is now; or, if nearly everything lived, as
    in package sets, after three times as much.  A collection needs room for both spaces, so it comes at half of the memory limit at the latest.  If
    live words nearly fill that half, it comes at the limit itself."""
    cdef uint64_t growth = 3 * live if live > used // 4 * 3 else live
    cdef uint64_t at = live + (growth if growth > m.least_growth_words else m.least_growth_words)
    cdef uint64_t half = m.memory_limit_words // 2
    if at > half:
        at = half if live < half // 4 * 3 else m.memory_limit_words
    m.collect_at = m.old_base + at
    m.most_direct_words = min(max(LEAST_DIRECT_WORDS, live), m.memory_limit_words >> 3)


cdef bint _collect(Machine* m, uint32_t* owners, uint8_t* is_used) noexcept nogil:
    """Moves everything that is alive to a new region.  If the system grants no region, it collects only the nursery, and returns False."""
    cdef uint64_t started = _now_ns()
    cdef Word* old = m.old_base
    cdef uint64_t old_bytes = <uint64_t>(m.old_end - m.old_base) * sizeof(Word)
    cdef uint64_t bytes = planned_region_bytes(PART_OLD_SPACE)
    cdef uint64_t used, i
    cdef Word* region
    leave_old_space(m)
    used = <uint64_t>(m.hp - m.heap_base) + <uint64_t>(m.old_top - m.old_base)
    region = <Word*>reserve_region(&bytes, (used + m.nursery_words) * sizeof(Word) + LEAST_SLACK_BYTES)
    if region == NULL:
        # Here remember_object had no memory, so a collection of the nursery alone would lose live objects.
        if m.collect_at == m.old_base:
            exhaust(m)
            return False
        m.collect_at = m.old_end
        m.most_direct_words = UINT64_MAX
        if <uint64_t>(m.old_end - m.old_top) > <uint64_t>(m.hp - m.heap_base) + 1024:
            collect_nursery(m)
        return False
    _note_made(m)
    for i in range(m.remembered_count):
        if header_kind(m.remembered[i][0]) != KIND_THUNK:
            m.remembered[i][0] &= ~<Word>HEADER_REMEMBERED
    m.remembered_count = 0
    m.leaving_base = m.old_base
    m.leaving_top = m.old_top
    m.old_base = region
    m.old_end = region + bytes // sizeof(Word)
    m.old_top = region
    m.old_ready = region
    _forward_roots(m, owners)
    _scan_from(m, region)
    if owners != NULL:
        _follow_code(m, owners, is_used)
    _renew_lookups(m)
    _renew_keys_cache(m)
    _empty_nursery(m)
    release_region(old, old_bytes)
    m.leaving_base = m.leaving_top = NULL
    m.unscanned = m.old_top
    m.direct_words = 0
    m.last_direct_words = 0
    size_nursery(m)
    plan_collection(m, <uint64_t>(m.old_top - region), used)
    m.collection_count += 1
    m.minor_count += 1
    m.collection_ns += _now_ns() - started
    return True


cdef void _count(Word* p, Word* end, uint64_t* objects, uint64_t* words, uint64_t* states) noexcept nogil:
    cdef int kind
    while p < end:
        kind = header_kind(p[0])
        objects[kind] += 1
        words[kind] += object_words(p[0])
        if kind == KIND_THUNK:
            states[header_state(p[0])] += object_words(p[0])
        p += object_words(p[0])


cdef void tally_nursery(Machine* m, Tally* total) noexcept nogil:
    """Adds the objects made so far to *total*, if the machine keeps a tally."""
    leave_old_space(m)
    if m.tally != NULL:
        total[0] = m.tally[0]
    _count(m.unscanned, m.old_top, total.objects, total.words, total.states)
    _count(m.heap_base, m.hp, total.objects, total.words, total.states)


cdef void census(Machine* m, uint64_t* objects, uint64_t* words, uint64_t* states) noexcept nogil:
    """Counts the objects and their words by kind (32 each), and the words of thunks by state (8), including dead ones."""
    leave_old_space(m)
    _count(m.heap_base, m.hp, objects, words, states)
    _count(m.old_base, m.old_top, objects, words, states)
