# cython: language_level=3
"""Builtins for flakes and their references.  They are called rarely and work on text, so Python does the work (flake/, lock/).

In: a reference, or a set of its attributes.  Out: the other form, or the flake, which a Nix expression calls (call-flake.nix).
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from snowsnake.builtins.derivations cimport BUILTIN_FETCH_LOCKED, builtin_word
from snowsnake.builtins.fetch_host cimport access_of, build_result, mount_source, raise_python, text_of
from snowsnake.builtins.fetching cimport force_input_attributes
from snowsnake.builtins.protocol cimport tail
from snowsnake.builtins.registry cimport define
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.host.policy cimport host_has_feature, host_require_feature
from snowsnake.host.state cimport FEATURE_FLAKES, FEATURE_VERIFIED_FETCHES
from snowsnake.machine.attrs cimport Attr, attrs_build
from snowsnake.machine.errors cimport raise_bytes, raise_text
from snowsnake.machine.heap cimport heap_reserve, make_apply, make_int, make_string
from snowsnake.machine.importing cimport load_source
from snowsnake.machine.state cimport DONE, ERROR_INTERNAL, ERROR_MEMORY, ERROR_VALUE, Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_FALSE, WORD_NULL, WORD_TRUE, attrs_keys, attrs_size, attrs_values, int_value, is_int, is_string, keys_symbols,
    string_size, val,
)

from snowsnake.builtins.fetch_host import Pending

cdef enum:
    # A reference has fewer parts than this, whatever its scheme.
    MOST_PARTS = 32
    # So many references of at most so many characters are remembered in both directions, because what they mean depends on nothing else.
    MOST_REMEMBERED = 1024
    MOST_REMEMBERED_LENGTH = 512


# ---- flakes -----------------------------------------------------------------------------------------------------

cdef object _calling():
    """The module that calls flakes.  Its package is above this one, so it is imported by name when it is first needed, like the commands."""
    return __import__("snowsnake.flake.calling", fromlist=["get_flake"])


# Only code that has this object can make mounts.
cdef object _KEY = object()


cdef class _Mount:
    """Makes sources readable for the evaluation that asks."""

    cdef Machine* m

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("the evaluator makes it")

    def __call__(self, source):
        mount_source(self.m, source)


cdef Word flake_call(Machine* m, bytes source, bytes lock, bytes found) except 0:
    cdef uint8_t* copy
    cdef Word function = 0
    cdef uint32_t size = <uint32_t>len(source)
    if not heap_reserve(m, (len(lock) + len(found)) // 8 + 4096):
        raise Pending
    # The machine frees the copy together with the expression.
    copy = <uint8_t*>allocate_items(size + 1, 1)
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const char*>source, size)
    copy[size] = 0
    if load_source(m, b"\xc2\xabflakes-internal\xc2\xbb/call-flake.nix", <const uint8_t*>b"/", 1, copy, size, WORD_NULL, &function) != DONE:
        raise Pending
    function = make_apply(m, function, make_string(m, <char*>lock, len(lock), 0))
    function = make_apply(m, function, make_string(m, <char*>found, len(found), 0))
    return make_apply(m, function, builtin_word(m, BUILTIN_FETCH_LOCKED))


cdef int _get_flake(Machine* m, Word text) noexcept with gil:
    cdef _Mount mount = _Mount(_KEY)
    mount.m = m
    try:
        source, lock, found = _calling().get_flake(access_of(m), mount, text_of(text))
        return tail(m, flake_call(m, source, lock, found))
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


cdef int get_flake(Machine* m, Word* fp) noexcept nogil:
    if host_require_feature(m, FEATURE_FLAKES, "flakes") != DONE:
        return RAISE
    return _get_flake(m, fp[0])


cdef int _fetch_locked(Machine* m, Word attrs) noexcept with gil:
    try:
        source, pairs = _calling().fetch_locked(access_of(m), _scalars(m, attrs))
        mount_source(m, source)
        build_result(m, pairs)
        return DONE
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


cdef int fetch_locked(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome = force_input_attributes(m, fp[0], "flake input", True)
    return outcome if outcome != DONE else _fetch_locked(m, fp[0])


cdef int _raise_reference_fault(Machine* m, error) noexcept:
    """Raises a fault of a reference as an error of the program; any other exception is our bug."""
    cdef bytes message
    try:
        from snowsnake.fetch.errors import MalformedInput

        if handed_over(error) or isinstance(error, MemoryError):
            return raise_text(m, ERROR_MEMORY, NULL)
        message = str(error).encode("utf-8", "surrogateescape")
        return raise_bytes(m, ERROR_VALUE if isinstance(error, MalformedInput) else ERROR_INTERNAL, <char*>message, len(message))
    except BaseException:
        # Memory is short, or the user interrupts, so no better error can be made.
        return raise_text(m, ERROR_MEMORY, NULL)


cdef dict _attributes_of_text = {}
cdef dict _text_of_attributes = {}


cdef void _remember(dict known, key, value, Py_ssize_t length):
    if length <= MOST_REMEMBERED_LENGTH:
        if len(known) >= MOST_REMEMBERED:
            known.clear()
        known[key] = value


cdef object _features(Machine* m):
    """Returns the names of those features that are on, of which some schemes of references need one."""
    names = []
    if host_has_feature(m, FEATURE_FLAKES):
        names.append("flakes")
    if host_has_feature(m, FEATURE_VERIFIED_FETCHES):
        names.append("verified-fetches")
    return tuple(names)


cdef int _warn_of_query(Machine* m, url) except -1:
    """Warns also if the reference is remembered, as C++ Nix does, which reads it again."""
    if isinstance(url, str) and "?" in url:
        from snowsnake.builtins.engines.fetch_calls import warn_of_query

        warn_of_query(access_of(m).fetcher, url)


# ---- text to set ------------------------------------------------------------------------------------------------

cdef int _parse(Machine* m, Word text) noexcept with gil:
    cdef Attr[MOST_PARTS] entries
    cdef uint32_t n = 0
    cdef bytes data
    try:
        key = (text_of(text), _features(m))
        _warn_of_query(m, key[0])
        found = _attributes_of_text.get(key)
        if found is None:
            from snowsnake.lock.reference_text import parse

            found = parse(*key)
            _remember(_attributes_of_text, key, found, len(key[0]))
        # The values are not longer than the text: decoding only shortens it, because a byte may be written as `%41`.
        if not heap_reserve(m, string_size(text) + 4096):
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
        return DONE if m.result else RAISE
    except BaseException as error:
        # No exception may pass through C.
        return _raise_reference_fault(m, error)


cdef int parse_flake_ref(Machine* m, Word* fp) noexcept nogil:
    return _parse(m, fp[0])


# ---- set to text ------------------------------------------------------------------------------------------------

cdef dict _scalars(Machine* m, Word attrs):
    """A set of strings, ints and Booleans as a Python dictionary."""
    cdef uint64_t i
    cdef Word w
    given = {}
    for i in range(attrs_size(attrs)):
        w = val(attrs_values(attrs)[i])
        name = text_of(symbol_string(m, keys_symbols(attrs_keys(attrs))[i]))
        given[name] = text_of(w) if is_string(w) else int_value(w) if is_int(w) else w == WORD_TRUE
    return given


cdef int _write(Machine* m, Word attrs) noexcept with gil:
    cdef bytes text
    try:
        given, features = _scalars(m, attrs), _features(m)
        _warn_of_query(m, given.get("url"))
        # As a key, the attributes are text: 1 would be the same as True.
        key = (repr(given), features)
        text = _text_of_attributes.get(key)
        if text is None:
            from snowsnake.lock.references import to_text

            text = to_text(given, features).encode("utf-8", "surrogateescape")
            _remember(_text_of_attributes, key, text, len(key[0]))
        if not heap_reserve(m, len(text) // 8 + 4096):
            return RAISE
        m.result = make_string(m, <char*>text, len(text), 0)
        return DONE
    except BaseException as error:
        # No exception may pass through C.
        return _raise_reference_fault(m, error)


cdef int flake_ref_to_string(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome = force_input_attributes(m, fp[0], "flake ref", True)
    return outcome if outcome != DONE else _write(m, fp[0])


define("getFlake", get_flake)
define("__fetchLocked", fetch_locked)
define("parseFlakeRef", parse_flake_ref)
define("flakeRefToString", flake_ref_to_string)
