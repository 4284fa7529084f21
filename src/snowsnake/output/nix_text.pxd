# cython: language_level=3
"""Values as Nix text, whatever their depth or size.  Nothing is forced; a word that is not evaluated is shown as such."""
from libc.stdint cimport uint8_t, uint64_t
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef enum PrintFlags:
    # as `nix-instantiate --eval` prints: <CODE>, <LAMBDA>, <PRIMOP>, <PRIMOP-APP>
    PRINT_CODES = 0
    # as builtins.trace prints: «thunk», «lambda f @ file:1:2», «primop map»
    PRINT_KINDS = 1

ctypedef bint (*Sink)(void* context, Bytes* text) noexcept nogil

cdef int print_to(Machine* m, Word value, Bytes* out, int flags, uint64_t too_many_levels, Sink sink, void* context) noexcept nogil
    # Like print_value, but when *out has become large, the sink takes it and empties it; if the sink returns False, this returns RAISE without an error.
    # Lists and sets that nest too_many_levels deep raise an error, behind the text so far; 0 is no limit.
cdef int print_value(Machine* m, Word value, Bytes* out, int flags) noexcept nogil
    # Appends to *out.  Returns DONE, or RAISE when memory is short or there is a request to stop.
cdef bint print_string(Bytes* out, const uint8_t* data, uint64_t size_bytes) noexcept nogil
    # Prints a string literal, with quotes and escapes.  Returns False if memory is short.
cdef bint print_name(Bytes* out, const uint8_t* data, uint64_t size_bytes) noexcept nogil
    # Prints the name of an attribute, in quotes if it needs them.
