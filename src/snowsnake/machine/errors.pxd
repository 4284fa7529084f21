# cython: language_level=3
"""Raising errors without the interpreter's lock.  Every function returns RAISE, so that a caller can write `return raise_…`."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.state cimport Error, Machine

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
    const char* snowsnake_form(int kind);
    typedef struct { int kind; char* text; } SnowsnakeWorded;
    static SnowsnakeWorded snowsnake_worded(int kind, ...) {
        SnowsnakeWorded message = {kind, NULL};
        va_list arguments;
        va_start(arguments, kind);
        if (!snowsnake_may_allocate() || vasprintf(&message.text, snowsnake_form(kind), arguments) < 0) message.text = NULL;
        va_end(arguments);
        return message;
    }
    """
    # the text is malloc'ed; `%.*s` with (int) sizes works
    char* format_text "snowsnake_format"(const char* form, ...) noexcept nogil
    ctypedef struct Worded "SnowsnakeWorded":
        # the number of a message in diagnostics/messages.py
        int kind
        # malloc'ed; NULL if there was no memory for the text
        char* text
    Worded worded "snowsnake_worded"(int kind, ...) noexcept nogil
        # Words a message with its fields: worded(MESSAGE_NO_FILE, <int>size, <char*>path).

cdef int raise_message(Machine* m, Worded message) noexcept nogil
    # Raises the message and owns its text from then on.  The message's number determines the ErrorCode and the Fault.
cdef int raise_text(Machine* m, int code, char* message) noexcept nogil
    # Raises a malloc'ed message that is not in the table of diagnostics/messages.py, such as what another program or a library said, and owns it from
    # then on.  NULL raises a memory error.
cdef int raise_bytes(Machine* m, int code, const void* data, size_t size_bytes) noexcept nogil
    # Raises a message of any bytes (throw).
cdef void add_candidates(Machine* m, uint32_t wanted, const uint32_t* symbols, uint64_t count) noexcept nogil
    # Adds to the error just raised the name that was not found and the names that there are.
cdef int of_part(Machine* m, int part, int outcome) noexcept nogil
    # Notes which part of a builtin's input an error is about (Part in state.pxd): `return of_part(m, PART_RESULT, raise_type(…))`.
cdef void error_free(Error* e) noexcept nogil
    # Frees what an error owns; the struct itself belongs to the caller.
cdef void error_clear(Machine* m) noexcept nogil
