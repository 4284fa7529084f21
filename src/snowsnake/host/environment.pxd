# cython: language_level=3
"""What evaluation can know about the process and its user: variables, system, time, the home directory."""
from libc.stdint cimport int64_t, uint8_t
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef const char* host_getenv(Machine* m, const char* name) noexcept nogil
    # Returns NULL if the variable is unset, or if the policy hides the environment.
cdef const char* host_system(Machine* m) noexcept nogil
cdef int64_t host_time(Machine* m) noexcept nogil
    # Returns seconds since 1970; every call returns the same number.
cdef bint host_is_time(Machine* m, Word thunk) noexcept nogil
    # Whether a thunk is the unevaluated `builtins.currentTime`.
cdef int host_home_path(Machine* m, const uint8_t* rest, size_t size_bytes, Bytes* path) noexcept nogil
