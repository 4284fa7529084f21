# cython: language_level=3
"""A precise copying collector: live objects move to a new region in breadth-first order, and the old region goes back.

Roots: the value stack below sp, the frames, the registers, the constants of linked codes, symbols, builtins, imported files,
handles held by Python.  A thunk that is done disappears: whoever held it gets its value, unless that is a function
(`==` compares functions by the cell they stand in).  Tables keyed by address are emptied.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from snowsnake.machine.errors cimport format_text, raise_text
from snowsnake.machine.heap cimport advise_huge_pages, release_region, reserve_region
from snowsnake.machine.state cimport *
from snowsnake.machine.word cimport *

cdef enum:
    KEYS_CACHE_WORDS = 3 * 4096       # attrs.pyx
    SLACK_WORDS = 1 << 20             # what may be allocated between two safepoints without a reservation

cdef enum Attention:
    ATTENTION_INTERRUPT = 1
    ATTENTION_TIMEOUT = 2


cdef uint64_t _now_ns() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <uint64_t>t.tv_sec * 1000000000 + <uint64_t>t.tv_nsec


cdef void set_limits(Machine* m) noexcept nogil:
    if m.stress or m.attention:
        m.soft_limit = m.heap_base
        return
    m.soft_limit = m.collect_at
    if m.soft_limit > m.heap_end - SLACK_WORDS:
        m.soft_limit = m.heap_end - SLACK_WORDS


cdef int safepoint(Machine* m, uint64_t stack_words) noexcept nogil:
    if m.sp + stack_words > m.stack_end:
        return raise_text(m, ERROR_DEPTH, format_text("stack overflow; max-call-depth exceeded"))
    if m.attention:
        if m.attention & ATTENTION_INTERRUPT:
            m.attention = 0
            set_limits(m)
            return raise_text(m, ERROR_INTERRUPT, format_text("interrupted by the user"))
        if m.attention & ATTENTION_TIMEOUT:
            m.attention = 0
            set_limits(m)
            return raise_text(m, ERROR_TIMEOUT, format_text("the evaluation took longer than its time limit"))
    if m.stress or m.hp > m.collect_at or m.hp > m.heap_end - SLACK_WORDS:
        collect(m)
        if <uint64_t>(m.hp - m.heap_base) + SLACK_WORDS > m.memory_limit_words:
            return raise_text(m, ERROR_MEMORY, format_text(
                "out of memory: the evaluation needs more than its limit of %llu MiB",
                <unsigned long long>(m.memory_limit_words >> 17)))
    set_limits(m)
    return DONE


# ---- copying ----------------------------------------------------------------------------------------------------

cdef inline uint64_t _object_words(Word h) noexcept nogil:
    """Words of an object, header included."""
    cdef int kind = header_kind(h)
    if kind == KIND_THUNK or kind == KIND_CLOSURE:
        return 1 + header_payload_words(h)
    if kind == KIND_STRING:
        return 3 + (header_size(h) >> 3)
    if kind == KIND_ATTRS or kind == KIND_KEYS or kind == KIND_PARTIAL:
        return 2 + header_size(h)
    if kind == KIND_ORDER:
        return 1 + ((header_size(h) + 1) >> 1)
    if kind == KIND_BUILTIN:
        return 1
    return 1 + header_size(h)         # list, float, wide int, path, with, search path, raw


cdef inline Word* _copy(Machine* m, Word* p) noexcept nogil:
    """The new place of an object."""
    cdef Word h = p[0]
    cdef Word* to
    cdef uint64_t n
    if (h & 7) == 0:
        return <Word*>h
    n = _object_words(h)
    to = m.hp
    m.hp = to + n
    memcpy(to, p, n * sizeof(Word))
    p[0] = <Word>to
    return to


cdef inline Word _forward(Machine* m, Word w) noexcept nogil:
    cdef Word* p
    cdef Word v
    if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE:
        return w
    p = pointer_of(w)
    while (w & 7) == TAG_THUNK and (p[0] & 7) == 7 and header_state(p[0]) == THUNK_DONE:
        v = p[1]
        if (v & 7) == TAG_FUNCTION:
            break
        w = v
        if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE:
            return w
        p = pointer_of(w)
    return <Word>_copy(m, p) | (w & 7)


cdef void _scan_object(Machine* m, Word* p) noexcept nogil:
    cdef Word h = p[0]
    cdef int kind = header_kind(h)
    cdef uint64_t i, n
    if kind == KIND_THUNK:
        if header_state(h) == THUNK_DONE:
            p[1] = _forward(m, p[1])
            p[0] = code_header(KIND_THUNK, header_payload_words(h), header_code(h)) | (<Word>THUNK_DONE << 8)
            for i in range(2, 1 + header_payload_words(h)):
                p[i] = 0              # upvalues that nobody can reach any more
            return
        if header_state(h) == THUNK_FAILED:
            for i in range(2, 1 + header_payload_words(h)):
                p[i] = 0
            return
        n = header_payload_words(h)
        for i in range(1, 1 + n):
            p[i] = _forward(m, p[i])
    elif kind == KIND_CLOSURE:
        n = header_payload_words(h)
        for i in range(1, 1 + n):
            p[i] = _forward(m, p[i])
    elif kind == KIND_ATTRS:
        p[1] = <Word>_copy(m, <Word*>p[1])
        n = header_size(h)
        for i in range(2, 2 + n):
            p[i] = _forward(m, p[i])
    elif kind == KIND_LIST:
        n = header_size(h)
        for i in range(1, 1 + n):
            p[i] = _forward(m, p[i])
    elif kind == KIND_KEYS:
        if p[1]:
            p[1] = <Word>_copy(m, <Word*>p[1])
    elif kind == KIND_PARTIAL:
        n = header_size(h)
        for i in range(1, 2 + n):
            p[i] = _forward(m, p[i])
    elif kind == KIND_PATH:
        p[1] = _forward(m, p[1])
    elif kind == KIND_WITH or kind == KIND_SEARCH_PATH or kind == KIND_HOME_PATH or kind == KIND_ATTR_NAME:
        n = header_size(h)
        for i in range(1, 1 + n):
            p[i] = _forward(m, p[i])


cdef void _forward_roots(Machine* m) noexcept nogil:
    cdef Word* p
    cdef Frame* fr
    cdef uint32_t i, j
    p = m.stack_base
    while p < m.sp:
        p[0] = _forward(m, p[0])
        p += 1
    fr = m.frames_base + 1
    while fr <= m.fr:
        fr.function = _forward_code(m, fr.function)
        if fr.thunk:
            fr.thunk = <Word>_copy(m, pointer_of(fr.thunk)) | (fr.thunk & 7)
        fr += 1
    m.function = _forward_code(m, m.function)
    m.need = 0
    m.result = _forward(m, m.result)
    for i in range(m.code_count):
        for j in range(m.codes[i].constant_count):
            m.codes[i].constants[j] = _forward(m, m.codes[i].constants[j])
    for i in range(m.symbol_count):
        m.symbol_strings[i] = _forward(m, m.symbol_strings[i])
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
    for i in range(m.file_count):
        m.files[i].value = _forward(m, m.files[i].value)
    for i in range(m.handle_count):
        m.handles[i] = _forward(m, m.handles[i])


cdef inline Word _forward_code(Machine* m, Word function) noexcept nogil:
    """The code object of an activation: a running thunk must stay an object, whatever its state."""
    if (function & 7) == TAG_INT or (function & 7) == TAG_IMMEDIATE:
        return function
    return <Word>_copy(m, pointer_of(function)) | (function & 7)


cdef void collect(Machine* m) noexcept nogil:
    """Move everything that is alive to a region of its own; nothing happens if none can be had."""
    cdef uint64_t started = _now_ns()
    cdef Word* old = m.heap_base
    cdef uint64_t old_bytes = <uint64_t>(m.heap_end - m.heap_base) * sizeof(Word)
    cdef uint64_t bytes = old_bytes
    cdef Word* region = <Word*>reserve_region(&bytes, <uint64_t>(m.hp - old) * sizeof(Word) + (64 << 20))
    cdef Word* scan
    cdef Word h
    cdef uint64_t live
    if region == NULL:
        m.collect_at = m.heap_end
        return
    if not m.stress:
        advise_huge_pages(region, bytes)
    m.heap_base = region
    m.heap_end = region + bytes // sizeof(Word)
    m.hp = region
    scan = region
    _forward_roots(m)
    while scan < m.hp:
        h = scan[0]
        _scan_object(m, scan)
        scan += _object_words(h)
    release_region(old, old_bytes)
    if m.keys_cache != NULL:
        memset(m.keys_cache, 0, KEYS_CACHE_WORDS * sizeof(uint64_t))
    live = <uint64_t>(m.hp - region)
    m.collect_at = m.hp + (live * 3 // 2 if live > m.least_growth_words else m.least_growth_words)
    m.collection_count += 1
    m.collection_ns += _now_ns() - started


cdef void census(Machine* m, uint64_t* objects, uint64_t* words, uint64_t* states) noexcept nogil:
    """Count the heap's objects and their words by kind (32 each), and thunks by state (8); dead ones included."""
    cdef Word* p = m.heap_base
    cdef int kind
    while p < m.hp:
        kind = header_kind(p[0])
        objects[kind] += 1
        words[kind] += _object_words(p[0])
        if kind == KIND_THUNK:
            states[header_state(p[0])] += _object_words(p[0])
        p += _object_words(p[0])
