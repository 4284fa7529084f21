# cython: language_level=3
"""Raising errors in nogil code.  Every function returns RAISE, so that `return raise_…` reads well."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.state cimport Error, Machine
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
cdef void add_candidates(Machine* m, uint32_t wanted, const uint32_t* symbols, uint64_t count) noexcept nogil
    # to the error just raised: the name that was not found and the names that there are
cdef int of_part(Machine* m, int part, int outcome) noexcept nogil
    # return of_part(m, PART_RESULT, raise_type(…)): what of its input a builtin complains about (Part in state.pxd)
cdef int raise_fault(Machine* m, int fault, int code, char* message) noexcept nogil
    # as raise_text, with the Fault
cdef void error_free(Error* e) noexcept nogil
    # what an error owns; the struct itself is the caller's
cdef void error_clear(Machine* m) noexcept nogil
