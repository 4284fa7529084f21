# cython: language_level=3
"""Values as messages show them, and the errors whose messages show one."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int raise_type(Machine* m, const char* expected, Word found) noexcept nogil
    # "expected an integer but found a string: "abc""; expected with its article; found is a value, shown shortened
cdef int raise_missing_attribute(Machine* m, uint32_t symbol) noexcept nogil
cdef int raise_missing_selection(Machine* m, uint32_t symbol, Word attrs) noexcept nogil
cdef int of_attribute(Machine* m, Word attrs, uint32_t symbol, int outcome) noexcept nogil
    # as of_part (errors.pxd), of an attribute of a set
cdef char* shown_type(Machine* m, Word value) noexcept nogil
    # malloc'ed: as type_name, but a builtin by its name: "the built-in function 'map'"
cdef const char* type_name(Word value) noexcept nogil
    # "an integer", "a string", "a set", "a list", "null", "a Boolean", "a path", "a float", "a function", "a thunk"
cdef char* describe(Machine* m, Word value) noexcept nogil
    # to be freed, NUL-terminated; NULL if memory is short, then the error whose message it was meant for becomes one: type and value, shortened: `a list: [ 1 2 «3 items elided» ]`; forces nothing
cdef char* describe_value(Machine* m, Word value) noexcept nogil
    # the value alone, likewise
cdef int raise_not_a_function(Machine* m, Word value) noexcept nogil
cdef bint is_derivation_function(Machine* m, Word value) noexcept nogil
    # a builtin here, a function of a pattern in C++ Nix
cdef const char* shown_derivation_function() noexcept nogil
