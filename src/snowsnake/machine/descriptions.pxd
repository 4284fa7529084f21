# cython: language_level=3
"""How messages show values, and the errors whose messages show one."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int raise_type(Machine* m, const char* expected, Word found) noexcept nogil
    # Raises `expected an integer but found a string: "abc"`.  expected comes with its article; the message shows `found` shortened.
cdef int raise_missing_attribute(Machine* m, uint32_t symbol) noexcept nogil
cdef int raise_missing_selection(Machine* m, uint32_t symbol, Word attrs) noexcept nogil
cdef int of_attribute(Machine* m, Word attrs, uint32_t symbol, int outcome) noexcept nogil
    # Like of_part (errors.pxd), for an attribute of a set.
cdef char* shown_type(Machine* m, Word value) noexcept nogil
    # Returns malloc'ed text: like type_name, but with the name of a builtin, as in "the built-in function 'map'".
cdef const char* type_name(Word value) noexcept nogil
    # Returns the type with its article, as messages show it: "an integer", "a string with context", "null", "a thunk".
cdef char* describe(Machine* m, Word value) noexcept nogil
    # Returns type and value, shortened: `a list: [ 1 2 «3 items elided» ]`.  It forces nothing.  The caller frees the text, which ends with NUL.
    # If memory is short it returns NULL, and the error that the text is for becomes a memory error.
cdef char* describe_value(Machine* m, Word value) noexcept nogil
    # Likewise, for the value alone.
cdef char* describe_after(Machine* m, Word value) noexcept nogil
    # Likewise, for a line of a trace that C++ Nix makes after the evaluation of the value has failed: the value is a thunk again.
cdef int raise_not_a_function(Machine* m, Word value) noexcept nogil
cdef bint is_derivation_function(Machine* m, Word value) noexcept nogil
    # Returns whether a value is `derivation`.  Ours is a builtin, but messages show the function that C++ Nix has in its place.
cdef const char* shown_derivation_function() noexcept nogil
