# cython: language_level=3
"""Files that are on no disk: those that come with the evaluator, at `<nix/NAME>`, and texts that only the evaluation has."""
from libc.stdint cimport uint8_t
from snowsnake.machine.state cimport Machine

cdef const char* fetchurl_nix() noexcept nogil
    # The text of `<nix/fetchurl.nix>`.
cdef bint is_internal(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # Whether a file is on no disk: it comes with the evaluator, or is a text that the program put into the logical store.
cdef int internal_type(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # Returns the FileType.
