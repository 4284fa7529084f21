# cython: language_level=3
"""Whether a word is one: every root holds a word at every safepoint (see the header)."""
from libc.stdint cimport uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort

from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport (
    IMMEDIATE_CHUNK, IMMEDIATE_DEFERRED, IMMEDIATE_SYMBOL, KIND_ATTR_NAME, KIND_ATTRS, KIND_BUILTIN, KIND_CLOSURE,
    KIND_FLOAT, KIND_HOME_PATH, KIND_KEYS, KIND_LAYERED, KIND_LIST, KIND_LIST_VIEW, KIND_ORDER, KIND_PARTIAL, KIND_PATH,
    KIND_RAW, KIND_SEARCH_PATH, KIND_STRING, KIND_STRING_VIEW, KIND_THUNK, KIND_WIDE_INT, KIND_WITH, TAG_ATTRS,
    TAG_FUNCTION, TAG_IMMEDIATE, TAG_INT, TAG_LIST, TAG_STRING, TAG_THUNK, WORD_FALSE, WORD_NOT_FOUND, WORD_NULL,
    WORD_TRUE, WORD_UNSET, header_kind, pointer_of, tag_of,
)


cdef void _stop(Machine* m, Word w, const char* place, const char* fault) noexcept nogil:
    fprintf(stderr, "snowsnake: an error of its own: %s holds 0x%llx, %s (collection %llu)\n", place, <unsigned long long>w, fault,
            <unsigned long long>m.minor_count)
    abort()


cdef bint _is_ours(Machine* m, const Word* p) noexcept nogil:
    return (m.heap_base <= p < m.hp) or (m.old_base <= p < m.old_top) or (m.leaving_base <= p < m.leaving_top)


cdef bint _fits(int tag, int kind) noexcept nogil:
    if tag == TAG_THUNK:
        return kind == KIND_THUNK
    if tag == TAG_ATTRS:
        return kind == KIND_ATTRS or kind == KIND_LAYERED
    if tag == TAG_LIST:
        return kind == KIND_LIST or kind == KIND_LIST_VIEW
    if tag == TAG_FUNCTION:
        return kind == KIND_CLOSURE or kind == KIND_BUILTIN or kind == KIND_PARTIAL
    if tag == TAG_STRING:
        return kind == KIND_STRING or kind == KIND_STRING_VIEW
    return kind == KIND_FLOAT or kind == KIND_WIDE_INT or kind == KIND_PATH or kind == KIND_WITH or kind == KIND_SEARCH_PATH \
        or kind == KIND_HOME_PATH or kind == KIND_ATTR_NAME or kind == KIND_RAW or kind == KIND_KEYS or kind == KIND_ORDER


cdef bint _is_immediate(Word w) noexcept nogil:
    cdef Word low = w & 0xFF
    if w == WORD_NULL or w == WORD_FALSE or w == WORD_TRUE or w == WORD_UNSET or w == WORD_NOT_FOUND:
        return True
    return low == IMMEDIATE_DEFERRED or low == IMMEDIATE_SYMBOL or low == IMMEDIATE_CHUNK


cdef void check_object(Machine* m, const Word* p, int kind, const char* place) noexcept nogil:
    cdef Word h
    if <uint64_t>p & 7 or not _is_ours(m, p):
        _stop(m, <Word>p, place, "which points to no object")
        return
    h = p[0]
    if (h & 7) == 0:                  # it has moved
        p = <const Word*>h
        if not (m.old_base <= p < m.old_top):
            _stop(m, <Word>p, place, "where nothing has moved to")
            return
        h = p[0]
    if (h & 7) != 7 or header_kind(h) != kind:
        _stop(m, <Word>p, place, "an object of another kind")


cdef void check_word(Machine* m, Word w, const char* place) noexcept nogil:
    cdef int tag = tag_of(w)
    cdef const Word* p = pointer_of(w)
    cdef Word h
    if tag == TAG_INT:
        return
    if tag == TAG_IMMEDIATE:
        if not _is_immediate(w):
            _stop(m, w, place, "an immediate that there is not")
        return
    if not _is_ours(m, p):
        _stop(m, w, place, "which points to no object")
        return
    h = p[0]
    if (h & 7) == 0:
        p = <const Word*>h
        if not (m.old_base <= p < m.old_top):
            _stop(m, w, place, "where nothing has moved to")
            return
        h = p[0]
    if (h & 7) != 7 or not _fits(tag, header_kind(h)):
        _stop(m, w, place, "whose tag is not that of the object")


def is_checked():
    """Whether this build checks what the collector follows."""
    return bool(IS_CHECKED)


def look(size_t machine, Word word):
    """Check a word of the machine at this address: for the test of the checks."""
    check_word(<Machine*>machine, word, "a test")
