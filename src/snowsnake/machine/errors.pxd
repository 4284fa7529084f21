# cython: language_level=3
"""Raising errors in nogil code.  Every function returns RAISE, so that `return raise_…` reads well."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef extern from *:
    """
    #include <stdarg.h>
    #include <stdio.h>
    #include <stdlib.h>
    int snowsnake_may_allocate(void);
    static char* snowsnake_format(const char* format, ...) {
        char* text = NULL;
        va_list arguments;
        va_start(arguments, format);
        if (!snowsnake_may_allocate() || vasprintf(&text, format, arguments) < 0) text = NULL;
        va_end(arguments);
        return text;
    }
    """
    char* format_text "snowsnake_format"(const char* form, ...) noexcept nogil   # malloc'ed; `%.*s` with (int) sizes works

cdef int raise_text(Machine* m, int code, char* message) noexcept nogil
    # takes over a malloc'ed message: raise_text(m, ERROR_VALUE, format_text("…", …)); NULL is an out-of-memory error
cdef int raise_bytes(Machine* m, int code, const void* data, size_t size_bytes) noexcept nogil
    # a message of any bytes (throw)
cdef int raise_type(Machine* m, const char* expected, Word found) noexcept nogil
    # "expected an integer but found a string: "abc""; expected with its article; found is a value, shown shortened
cdef int raise_missing_attribute(Machine* m, uint32_t symbol) noexcept nogil
cdef int raise_missing_selection(Machine* m, uint32_t symbol, Word attrs) noexcept nogil
cdef void add_candidates(Machine* m, uint32_t wanted, const uint32_t* symbols, uint64_t count) noexcept nogil
    # to the error just raised: the name that was not found and the names that there are
cdef int of_part(Machine* m, int part, int outcome) noexcept nogil
    # return of_part(m, PART_RESULT, raise_type(…)): what of its input a builtin complains about (Part in state.pxd)
cdef int of_attribute(Machine* m, Word attrs, uint32_t symbol, int outcome) noexcept nogil
    # the same of an attribute of a set
cdef int raise_fault(Machine* m, int fault, int code, char* message) noexcept nogil
    # as raise_text, with the Fault
cdef char* shown_type(Machine* m, Word value) noexcept nogil
    # malloc'ed: as type_name, but a builtin by its name: "the built-in function 'map'"
cdef const char* type_name(Word value) noexcept nogil
    # "an integer", "a string", "a set", "a list", "null", "a Boolean", "a path", "a float", "a function", "a thunk"
cdef char* describe(Machine* m, Word value) noexcept nogil
    # to be freed, NUL-terminated; NULL if memory is short, then the error whose message it was meant for becomes one: type and value, shortened: `a list: [ 1 2 «3 items elided» ]`; forces nothing
cdef void error_clear(Machine* m) noexcept nogil
cdef char* describe_value(Machine* m, Word value) noexcept nogil
    # the value alone, likewise
cdef int raise_not_a_function(Machine* m, Word value) noexcept nogil
