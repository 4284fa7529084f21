"""Messages of a running evaluation: traces, warnings, and at higher verbosity what it is doing."""
from libc.stddef cimport size_t

from snowsnake.machine.state cimport Machine

cdef enum Level:                      # C++ Nix's numbers; the commands begin with INFO
    LEVEL_ERROR = 0
    LEVEL_WARNING = 1
    LEVEL_INFO = 3
    LEVEL_TALKATIVE = 4               # -v
    LEVEL_CHATTY = 5
    LEVEL_DEBUG = 6

cdef enum:                            # Host.log_form
    LOG_TEXT = 0
    LOG_JSON = 1                      # C++ Nix's JSON lines
    LOG_TOLD = 2                      # a Python function gets every message

cdef bint is_said(Machine* m, int level) noexcept nogil
    # Whether messages of this level are written; to be asked before a message is composed.
cdef void say(Machine* m, int level, char* message) noexcept nogil
    # The malloc'ed message belongs to it from then on.
cdef void say_trace(Machine* m, const void* text, size_t size) noexcept nogil
cdef void say_warning(Machine* m, const void* text, size_t size, bint is_from_expression) noexcept nogil
cdef void host_warn(Machine* m, char* message) noexcept nogil
    # Prints `warning: …` on standard error.  The malloc'ed message belongs to it from then on.
