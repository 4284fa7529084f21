# cython: language_level=3
"""Values as Nix text.  Nothing is forced, whatever the depth or size; what is not evaluated is shown as such."""
from libc.stdint cimport uint8_t, uint64_t
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef enum PrintFlags:
    PRINT_CODES = 0                   # as `nix-instantiate --eval`: <CODE>, <LAMBDA>, <PRIMOP>, <PRIMOP-APP>
    PRINT_KINDS = 1                   # as builtins.trace: «thunk», «lambda f @ file:1:2», «primop map»

ctypedef bint (*Sink)(void* context, Bytes* text) noexcept nogil

cdef int print_to(Machine* m, Word value, Bytes* out, int flags, Sink sink, void* context) noexcept nogil
    # the same, but when *out has become large it is handed to the sink, which empties it; False stops (RAISE, without an error)
cdef int print_value(Machine* m, Word value, Bytes* out, int flags) noexcept nogil
    # appends to *out; DONE, or RAISE when memory is short or something asks to stop
cdef bint print_string(Bytes* out, const uint8_t* data, uint64_t size_bytes) noexcept nogil
    # a string literal, with its quotes and escapes; False when memory is short
cdef bint print_name(Bytes* out, const uint8_t* data, uint64_t size_bytes) noexcept nogil
    # the name of an attribute, quoted if it must be
