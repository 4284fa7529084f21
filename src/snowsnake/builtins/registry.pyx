# cython: language_level=3
"""Binds the compiled functions to the rows of the table.  The result is an array that machines copy."""
from libc.string cimport memcpy, memset, strcmp, strlen
from snowsnake.builtins.signature_table cimport SIGNATURE_COUNT, SIGNATURES, Signature
from snowsnake.machine.state cimport Builtin, BuiltinFunction, TraceFunction

cdef enum:
    CAPACITY = 256

cdef Builtin[CAPACITY] _entries
cdef unsigned int _count = 0
# By name, its bytes, which the table refers to: this keeps them alive.
_names = {}


cdef Builtin* builtin_table() noexcept nogil:
    return _entries


cdef unsigned int builtin_table_count() noexcept nogil:
    return _count


cdef Signature* find_signature(const char* name) noexcept:
    cdef unsigned int low = 0, high = SIGNATURE_COUNT, middle
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        order = strcmp(SIGNATURES[middle].name, name)
        if order == 0:
            return SIGNATURES + middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return NULL


cdef object define(str name, BuiltinFunction function):
    global _count
    cdef bytes text = name.encode()
    cdef Signature* signature = find_signature(text)
    if signature == NULL or name in _names or _count == CAPACITY:
        raise RuntimeError(f"builtin {name!r} is not in the table, is bound twice, or the registry is full")
    if strlen(signature.forces) > 7:
        raise RuntimeError(f"builtin {name!r} has too many arguments")
    cdef Builtin* b = &_entries[_count]
    _names[name] = text
    memset(b, 0, sizeof(Builtin))
    b.name = <const char*><char*>text
    b.arity = <unsigned char>strlen(signature.forces)
    b.is_framed = signature.is_framed
    memcpy(b.forces, signature.forces, b.arity)
    b.function = function
    b.needs = signature.needs
    _count += 1


cdef object define_trace(str name, TraceFunction trace):
    _entries[list(_names).index(name)].trace = trace


def names():
    """Names of all bound builtins, in order of their numbers.

    >>> import snowsnake.interpreter       # which imports them
    >>> "map" in names()
    True
    """
    return list(_names)


def forces(str name):
    """The letters of a builtin's arguments (machine/state.pxd), or "" for other names.

    >>> forces("map")
    '.l'
    """
    cdef Signature* signature = find_signature(name.encode())
    return signature.forces.decode() if signature != NULL else ""
