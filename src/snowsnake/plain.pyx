# cython: language_level=3
"""Plain facts out of values for commands that look at thousands of packages: attributes that may be absent, texts, data.

In: handles.  Out: handles, bytes, Python data.  What is looked at is evaluated, nothing else.
"""
from libc.stdint cimport uint32_t, uint64_t

from snowsnake.handle cimport Handle, make_handle
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_TRUE, Word, attrs_find, attrs_keys, attrs_size, attrs_values, is_attrs, is_bool, is_float, is_int, is_list, is_string,
    float_value, int_value, keys_symbols, list_items, list_size, string_context, string_data, string_size,
)


cdef enum:
    MOST_LEVELS = 500                 # of data in each other; this is C recursion


class NotPlain(Exception):
    """A value is, or holds, what is not plain data: a function, null, a path, something with an `outPath`."""


cdef bytes _bytes(Word s):
    return (<const char*>string_data(s))[:string_size(s)]


def find(Handle h not None, bytes name not None):
    """An attribute, not forced; None if the value is not a set or has no attribute of this name.  Forces the value."""
    cdef Machine* m = h.evaluator.m
    cdef Word w
    cdef Word* p
    h.evaluator.enter()
    try:
        w = h.forced()
        if not is_attrs(w):
            return None
        p = attrs_find(w, symbol_intern(m, <const char*>name, len(name)))
        h.evaluator.check(DONE)
        return None if p == NULL else make_handle(h.evaluator, p[0])
    finally:
        h.evaluator.leave()


def plain_text(Handle h not None):
    """The bytes of a string without context; an error if it is none."""
    cdef Machine* m = h.evaluator.m
    cdef Word w
    h.evaluator.enter()
    try:
        w = h.forced()
        if not is_string(w):
            h.evaluator.check(raise_type(m, "a string", w))
        if string_context(w):
            h.evaluator.check(raise_context(m, w))
        return _bytes(w)
    finally:
        h.evaluator.leave()


def is_text(Handle h not None, bytes text not None):
    """Whether a value is a string of these bytes."""
    cdef Word w
    h.evaluator.enter()
    try:
        w = h.forced()
        return is_string(w) and _bytes(w) == text
    finally:
        h.evaluator.leave()


def is_derivation(Handle h not None):
    """Whether a value is a set whose `type` is "derivation"."""
    kind = find(h, b"type")
    return kind is not None and is_text(kind, b"derivation")


def plain_data(Handle h not None):
    """Numbers, Booleans, texts, lists and sets of those as Python has them; NotPlain as soon as something else is met.

    Sets come with their names in the order of their bytes.  Texts that are not UTF-8 have surrogate escapes.
    """
    h.evaluator.enter()
    try:
        return _data(h, 0)
    finally:
        h.evaluator.leave()


cdef object _data(Handle h, int depth):
    cdef Machine* m = h.evaluator.m
    cdef Word w = h.forced()
    cdef uint64_t i, n
    cdef uint32_t* order
    if is_string(w):
        return _bytes(w).decode("utf-8", "surrogateescape")
    if is_bool(w):
        return w == WORD_TRUE
    if is_int(w):
        return int_value(w)
    if is_float(w):
        return float_value(w)
    if not (is_list(w) or is_attrs(w)):
        raise NotPlain
    if depth > MOST_LEVELS:
        from snowsnake.diagnostics.error import EvaluationError

        raise EvaluationError("depth", "stack overflow; max-call-depth exceeded")
    if is_list(w):
        parts = [make_handle(h.evaluator, list_items(w)[i]) for i in range(list_size(w))]
        return [_data(<Handle>part, depth + 1) for part in parts]
    if attrs_find(w, symbol_intern(m, "outPath", 7)) != NULL:
        raise NotPlain
    w = h.forced()
    order = attrs_order(m, w)
    if order == NULL:
        h.evaluator.check(RAISE)
    n = attrs_size(w)
    named = [
        (_bytes(symbol_string(m, keys_symbols(attrs_keys(w))[order[i]])), make_handle(h.evaluator, attrs_values(w)[order[i]]))
        for i in range(n)
    ]
    return {(<bytes>name).decode("utf-8", "surrogateescape"): _data(<Handle>part, depth + 1) for name, part in named}
