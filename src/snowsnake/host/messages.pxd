"""What evaluation says while it runs: traces, warnings, and at higher verbosity what it does."""
from libc.stddef cimport size_t

from snowsnake.machine.state cimport Machine

cdef enum Level:                      # as C++ Nix numbers them; INFO is where the commands start
    LEVEL_ERROR = 0
    LEVEL_WARNING = 1
    LEVEL_INFO = 3
    LEVEL_TALKATIVE = 4               # -v
    LEVEL_CHATTY = 5
    LEVEL_DEBUG = 6

cdef enum:                            # Host.log_form
    LOG_TEXT = 0
    LOG_JSON = 1                      # C++ Nix's JSON lines
    LOG_TOLD = 2                      # a function of Python gets every message

cdef bint is_said(Machine* m, int level) noexcept nogil
    # whether a message of this level is written: ask before one is put together
cdef void say(Machine* m, int level, char* message) noexcept nogil
    # takes over a malloc'ed message
cdef void say_trace(Machine* m, const void* text, size_t size) noexcept nogil
cdef void say_warning(Machine* m, const void* text, size_t size, bint is_from_expression) noexcept nogil
cdef void host_warn(Machine* m, char* message) noexcept nogil
    # prints `warning: …` on standard error; takes over a malloc'ed message
