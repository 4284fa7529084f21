# cython: language_level=3
"""Checks that a word is valid: every root holds a valid word at every safepoint (see the header)."""
from libc.stdint cimport uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort

from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport (
    IMMEDIATE_CHUNK, IMMEDIATE_DEFERRED, IMMEDIATE_SYMBOL, TAG_IMMEDIATE, TAG_INT, WORD_FALSE, WORD_NOT_FOUND,
    WORD_NULL, WORD_TRUE, WORD_UNSET, fits_tag, header_kind, pointer_of, tag_of,
)


cdef void _stop(Machine* m, Word w, const char* place, const char* fault) noexcept nogil:
    fprintf(stderr, "snowsnake: an error of its own: %s holds 0x%llx, %s (collection %llu)\n", place, <unsigned long long>w, fault,
            <unsigned long long>m.minor_count)
    abort()


cdef bint _is_ours(Machine* m, const Word* p) noexcept nogil:
    return (m.heap_base <= p < m.hp) or (m.old_base <= p < m.old_top) or (m.leaving_base <= p < m.leaving_top)


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
    # An object that has moved has the address of its new place instead of a header.
    if (h & 7) == 0:
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
    if (h & 7) != 7 or not fits_tag(tag, header_kind(h)):
        _stop(m, w, place, "whose tag is not that of the object")


def is_checked():
    """Whether this build checks the words that the collector follows."""
    return bool(IS_CHECKED)


def look(size_t machine, Word word):
    """Checks a word of the machine at this address, so that tests can test the checks."""
    check_word(<Machine*>machine, word, "a test")
