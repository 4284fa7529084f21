# cython: language_level=3
"""Binds the compiled functions to the entries of the table; what comes out is an array that machines copy."""
from libc.string cimport memcpy, memset
from snowsnake.machine.state cimport Builtin, BuiltinFunction, TraceFunction

from snowsnake.builtins.signatures import SIGNATURES
from snowsnake.syntax.features import GLOBALS

cdef enum:
    CAPACITY = 256

cdef Builtin[CAPACITY] _entries
cdef unsigned int _count = 0
_needs = {name: needs for name, *_, needs in GLOBALS if needs}
_names = {}                           # keeps the bytes of the names alive


cdef Builtin* builtin_table() noexcept nogil:
    return _entries


cdef unsigned int builtin_table_count() noexcept nogil:
    return _count


cdef object define(str name, BuiltinFunction function):
    global _count
    signature, is_framed = SIGNATURES[name]
    if name in _names or _count == CAPACITY:
        raise RuntimeError(f"builtin {name!r} is bound twice, or the registry is full")
    text = name.encode()
    _names[name] = text
    cdef Builtin* b = &_entries[_count]
    cdef bytes forces = signature.encode()
    if len(forces) > 7:
        raise RuntimeError(f"builtin {name!r} has too many arguments")
    memset(b, 0, sizeof(Builtin))
    b.name = <const char*><char*>text
    b.arity = <unsigned char>len(forces)
    b.is_framed = is_framed
    memcpy(b.forces, <const char*>forces, len(forces))
    b.function = function
    b.needs = _needs.get(name, 0)
    _count += 1


cdef object define_trace(str name, TraceFunction trace):
    _entries[list(_names).index(name)].trace = trace


def names():
    """Names of all bound builtins, in order of their numbers.

    >>> "map" in names()
    True
    """
    return list(_names)
