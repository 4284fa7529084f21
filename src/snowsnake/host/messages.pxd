"""Messages of a running evaluation: traces, warnings, and at higher verbosity what it is doing."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

from snowsnake.machine.state cimport Machine

# C++ Nix's numbers; the commands begin with INFO
cdef enum Level:
    LEVEL_ERROR = 0
    LEVEL_WARNING = 1
    LEVEL_INFO = 3
    # what `-v` shows
    LEVEL_TALKATIVE = 4
    LEVEL_CHATTY = 5
    LEVEL_DEBUG = 6

# the values of Host.log_form
cdef enum:
    LOG_TEXT = 0
    # C++ Nix's JSON lines
    LOG_JSON = 1
    # a Python function gets every message
    LOG_TOLD = 2

cdef void write_error_output(Machine* m, const uint8_t* data, size_t size) noexcept nogil
    # Writes bytes as far as the system accepts them, and until the machine must stop; standard error may be closed.
cdef bint is_said(Machine* m, int level) noexcept nogil
    # Whether messages of this level are written.  Callers ask this before they compose a message.
cdef void say(Machine* m, int level, char* message) noexcept nogil
    # Writes a message, which is malloc'ed, and frees it.
cdef void say_trace(Machine* m, const void* text, size_t size) noexcept nogil
cdef void say_warning(Machine* m, const void* text, size_t size) noexcept nogil
    # Writes the warning of an expression, `evaluation warning: …`.
cdef void host_warn(Machine* m, char* message) noexcept nogil
    # Writes the warning `warning: …`.  The message is malloc'ed, and this function frees it.
cdef void host_warn_of_fault(Machine* m, char* message) noexcept nogil
    # Does the same with what could be an error: its further lines are below the first one, as C++ Nix shows errors.
