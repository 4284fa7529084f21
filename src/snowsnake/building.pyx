# cython: language_level=3
"""Makes values from plain Python data.

In: None, bool, int, float, str, bytes, list, tuple, dict, handles, and objects that stand for paths and functions.  Out: words.  Nothing here
runs code of the user's classes, or collects: words do not move while a value is built.  `python_values.py` makes other data plain first.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr

from snowsnake.handle cimport Handle, check_belongs
from snowsnake.machine.attrs cimport Attr, attrs_build, scratch_entries
from snowsnake.machine.heap cimport heap_alloc, heap_reserve, make_apply, make_float, make_int, make_given_path, make_string, new_list
from snowsnake.machine.state cimport Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport (
    KIND_PARTIAL, TAG_FUNCTION, WORD_FALSE, WORD_NULL, WORD_TRUE, Word, header_of, list_items, small_int, tagged,
)
from snowsnake.runner cimport Runner

import os

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:
    MOST_LEVELS = 500
    # We build up to this many objects without making plain data first; so few objects nest less than `MOST_LEVELS`.
    MOST_AT_ONCE = 400
    # These words are room for the header of what we reserved, and for small objects.
    SPARE_WORDS = 4096

LEVELS_OF_DATA = MOST_LEVELS
TOO_DEEP = f"a Python value nested more than {MOST_LEVELS} levels deep, or one that contains itself"


class PathText:
    """A path: its absolute, normal form as bytes."""

    __slots__ = ("text",)

    def __init__(self, bytes text not None):
        self.text = text


class FunctionNumber:
    """A Python function: its number in `callbacks.Functions`, and how many arguments it takes.

    For a function that takes a set, `formals` has the names of the attributes, and whether each has a default.
    """

    __slots__ = ("number", "arity", "formals")

    def __init__(self, int number, int arity, formals=None):
        self.number = number
        self.arity = arity
        self.formals = formals


# For a tuple that is written in the call, Cython passes over what a class of Python raises when it is asked.
cdef tuple _PATHS = (PathText, os.PathLike)


cdef bint is_plain_type(object value) noexcept:
    kind = type(value)
    return kind is str or value is None or kind is int or kind is bool or kind is float or kind is bytes


def is_plain(value) -> bool:
    """Whether a value is small and consists of Python's own types, keys of dicts included: such a value is built as it is, without running code of classes.

    A value of more than a few hundred objects is not: `python_values.plain` looks at everything in it once, and says what is wrong.
    """
    cdef int left = MOST_AT_ONCE
    return is_plain_type(value) or is_plain_container(value, &left)


cdef bint is_plain_container(object value, int* left) except -1:
    cdef object kind = type(value)
    left[0] -= 1
    if kind is list or kind is tuple:
        left[0] -= <int>min(len(value), MOST_AT_ONCE)
        for item in value:
            if left[0] < 0 or not is_plain_type(item) and not is_plain_container(item, left):
                return False
        return left[0] >= 0
    if kind is dict:
        left[0] -= <int>min(len(value), MOST_AT_ONCE)
        for key, item in (<dict>value).items():
            if left[0] < 0 or type(key) is not str or not is_plain_type(item) and not is_plain_container(item, left):
                return False
        return left[0] >= 0
    return False


cdef bytes nix_text(object text):
    """A string or name of Nix: UTF-8 or any bytes, but no NUL, which no program can have in a string."""
    cdef bytes data
    cdef const char* known
    cdef Py_ssize_t size = 0
    if type(text) is str and PyUnicode_IS_COMPACT_ASCII(text):
        known = PyUnicode_AsUTF8AndSize(text, &size)
        if memchr(known, 0, size) != NULL:
            raise ValueError("a string with a NUL byte has no Nix form")
        return PyBytes_FromStringAndSize(known, size)
    if isinstance(text, str):
        try:
            data = str.encode(text, "utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise ValueError("a text with half of a surrogate pair has no Nix form") from None
    elif isinstance(text, bytes):
        data = bytes(text)
    else:
        raise TypeError(f"{type(text).__name__} is not the name of an attribute: names are str")
    if b"\0" in data:
        raise ValueError("a string with a NUL byte has no Nix form")
    return data


cdef int64_t int_of(object value) except? -1:
    try:
        return <int64_t>value
    except OverflowError:
        raise OverflowError("an integer below -2^63 or above 2^63 - 1 has no Nix form: pass a str or a float") from None


cdef Word build(Runner evaluator, object value) except? 0x57:
    return build_level(evaluator, value, 0, {} if isinstance(value, (list, tuple, dict)) else None)


cdef Word build_small(Runner evaluator, object value) except? 0x57:
    """Builds a value that `is_plain` accepted."""
    return build_level(evaluator, value, 0, None)


cdef Word build_level(Runner evaluator, object value, int depth, dict made) except? 0x57:
    """`made`: the words of lists and dicts by identity, because data that Python shares is built once; None where it may be built again."""
    cdef Machine* m = evaluator.m
    cdef bytes data
    cdef Word w
    if depth > MOST_LEVELS:
        raise ValueError(TOO_DEEP)
    if value is None:
        return WORD_NULL
    if value is True:
        return WORD_TRUE
    if value is False:
        return WORD_FALSE
    if isinstance(value, (str, bytes)):
        data = nix_text(value)
        reserve(evaluator, len(data) // 8)
        return make_string(m, <const char*>data, len(data), 0)
    if isinstance(value, (int, float)):
        reserve(evaluator, 0)
        return make_float(m, value) if isinstance(value, float) else make_int(m, int_of(value))
    if isinstance(value, Handle):
        check_belongs(value, evaluator)
        return m.handles[(<Handle>value).slot]
    if isinstance(value, (list, tuple, dict)):
        if made is None:
            return build_container(evaluator, value, depth, None)
        known = made.get(id(value))
        if known is not None:
            return <Word>known
        w = build_container(evaluator, value, depth, made)
        made[id(value)] = w
        return w
    if isinstance(value, _PATHS):
        data = value.text if isinstance(value, PathText) else os.path.abspath(os.fsencode(value))
        if b"\0" in data:
            raise ValueError("a path with a NUL byte has no Nix form")
        reserve(evaluator, len(data) // 8)
        return make_given_path(m, <const char*>data, len(data))
    if isinstance(value, FunctionNumber):
        return build_function(evaluator, value)
    raise TypeError(f"{type(value).__name__} has no Nix form")


cdef Word build_container(Runner evaluator, object value, int depth, dict made) except 0:
    cdef Machine* m = evaluator.m
    cdef Word w
    cdef uint64_t i
    if isinstance(value, (list, tuple)):
        words = [build_level(evaluator, item, depth + 1, made) for item in value]
        reserve(evaluator, len(words))
        w = new_list(m, len(words))
        for i in range(<uint64_t>len(words)):
            list_items(w)[i] = words[i]
        return w
    return build_set(evaluator, [(nix_text(key), build_level(evaluator, item, depth + 1, made)) for key, item in dict.items(value)])


cdef Word build_set(Runner evaluator, list items) except 0:
    cdef Machine* m = evaluator.m
    cdef Attr* entries = scratch_entries(m, len(items))
    cdef bytes data
    cdef Word w
    cdef uint64_t i
    if entries == NULL:
        evaluator.check(RAISE)
    for i in range(<uint64_t>len(items)):
        data = items[i][0]
        if not heap_reserve(m, len(data) // 8 + SPARE_WORDS):
            free(entries)
            evaluator.check(RAISE)
        entries[i].symbol = symbol_intern(m, <const char*>data, len(data))
        entries[i].position = 0
        entries[i].value = items[i][1]
    w = attrs_build(m, entries, len(items))
    free(entries)
    if w == 0:
        evaluator.check(RAISE)
    return w


cdef Word build_partial(Machine* m, uint64_t number, int arity) noexcept:
    """`__foreign number [ ]`, which takes the first argument next."""
    cdef Word* p = heap_alloc(m, 4)
    p[0] = header_of(KIND_PARTIAL, 2)
    p[1] = m.builtins[_FOREIGN].word
    p[2] = small_int(<int64_t>(number << 8 | <uint64_t>arity))
    p[3] = m.empty_list
    return tagged(p, TAG_FUNCTION)


cdef Word build_function(Runner evaluator, value) except? 0x57:
    """Builds a function.

    A function without arguments becomes the value that it returns, which is called when the value is needed.  One that takes a set becomes a
    set with `__functor` and `__functionArgs`.
    """
    cdef Machine* m = evaluator.m
    cdef Word call
    if _FOREIGN == 0:
        _find_foreign()
    reserve(evaluator, 0)
    if value.formals is not None:
        call = build_partial(m, value.number, 2)
        formals = build_set(evaluator, [(nix_text(name), WORD_TRUE if has else WORD_FALSE) for name, has in value.formals.items()])
        return build_set(evaluator, [(b"__functor", call), (b"__functionArgs", formals)])
    call = build_partial(m, value.number, max(value.arity, 1))
    return make_apply(m, call, WORD_NULL) if value.arity == 0 else call


cdef int reserve(Runner evaluator, uint64_t words) except -1:
    if not heap_reserve(evaluator.m, words + SPARE_WORDS):
        evaluator.check(RAISE)
    return 0


# The builtin `__foreign` has this number. We do not know it while it is 0, the number of another builtin.
cdef uint64_t _FOREIGN = 0


def _find_foreign():
    """Looks the number up when it is first needed: the builtins are bound after this module is imported."""
    global _FOREIGN
    from snowsnake.builtins.registry import names

    _FOREIGN = names().index("__foreign")

