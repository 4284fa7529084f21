# cython: language_level=3
"""Builtins for flake references.  The language of references is rare and all text: an engine in Python knows it.

In: a reference, or a set with its attributes.  Out: the other form; nothing is fetched.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from snowsnake.builtins.fetching cimport force_input_attributes
from snowsnake.builtins.protocol cimport *
from snowsnake.builtins.registry cimport define
from snowsnake.host.host cimport FEATURE_FLAKES, host_require_feature
from snowsnake.machine.attrs cimport Entry, attrs_build
from snowsnake.machine.errors cimport format_text, raise_bytes, raise_text
from snowsnake.machine.heap cimport heap_reserve, make_int, make_string
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_INTERNAL, ERROR_VALUE, Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport *

cdef enum:
    MOST_PARTS = 32                   # of a reference; no scheme has as many


cdef int get_flake(Machine* m, Word* fp) noexcept nogil:
    if host_require_feature(m, FEATURE_FLAKES, "flakes") != DONE:
        return RAISE
    return raise_text(m, ERROR_FILE, format_text("flakes are not fetched by this evaluator"))


cdef bytes _taken(Word s):
    return (<char*>string_data(s))[:string_size(s)]


cdef int _say(Machine* m, error) noexcept:
    """What the engine raised, as an error of the program; anything unforeseen is our fault."""
    from snowsnake.fetch.errors import MalformedInput

    cdef bytes message = str(error).encode("utf-8", "surrogateescape")
    return raise_bytes(m, ERROR_VALUE if isinstance(error, MalformedInput) else ERROR_INTERNAL, <char*>message, len(message))


# ---- text to set ------------------------------------------------------------------------------------------------

cdef int _parse(Machine* m, Word text) noexcept with gil:
    cdef Entry[MOST_PARTS] entries
    cdef uint32_t n = 0
    cdef bytes data
    try:
        from snowsnake.lock.references import parse

        found = parse(_taken(text).decode("utf-8", "surrogateescape"))
        if not heap_reserve(m, string_size(text) + 4096):     # `%41` is the longest way to write a byte
            return RAISE
        for name, value in found.items():
            data = name.encode()
            entries[n].symbol = symbol_intern(m, <char*>data, len(data))
            entries[n].position = 0
            if isinstance(value, bool):
                entries[n].value = WORD_TRUE if value else WORD_FALSE
            elif isinstance(value, int):
                entries[n].value = make_int(m, <int64_t>value)
            else:
                data = value.encode("utf-8", "surrogateescape")
                entries[n].value = make_string(m, <char*>data, len(data), 0)
            n += 1
        m.result = attrs_build(m, entries, n)
        return DONE
    except BaseException as error:    # no exception may pass through C
        return _say(m, error)


cdef int parse_flake_ref(Machine* m, Word* fp) noexcept nogil:
    if host_require_feature(m, FEATURE_FLAKES, "flakes") != DONE:
        return RAISE
    return _parse(m, fp[0])


# ---- set to text ------------------------------------------------------------------------------------------------

cdef int _write(Machine* m, Word attrs) noexcept with gil:
    cdef uint32_t* symbols = keys_symbols(attrs_keys(attrs))
    cdef uint64_t i
    cdef Word w
    cdef bytes text
    given = {}
    try:
        from snowsnake.lock.references import to_text

        for i in range(attrs_size(attrs)):
            w = val(attrs_values(attrs)[i])
            name = _taken(symbol_string(m, symbols[i])).decode("utf-8", "surrogateescape")
            if is_string(w):
                given[name] = _taken(w).decode("utf-8", "surrogateescape")
            elif is_int(w):
                given[name] = int_value(w)
            else:
                given[name] = w == WORD_TRUE
        text = to_text(given).encode("utf-8", "surrogateescape")
        if not heap_reserve(m, len(text) // 8 + 4096):
            return RAISE
        m.result = make_string(m, <char*>text, len(text), 0)
        return DONE
    except BaseException as error:    # no exception may pass through C
        return _say(m, error)


cdef int flake_ref_to_string(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome
    if host_require_feature(m, FEATURE_FLAKES, "flakes") != DONE:
        return RAISE
    outcome = force_input_attributes(m, fp[0], "flake ref", True)
    return outcome if outcome != DONE else _write(m, fp[0])


define("getFlake", get_flake)
define("parseFlakeRef", parse_flake_ref)
define("flakeRefToString", flake_ref_to_string)
