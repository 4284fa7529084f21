# cython: language_level=3
"""Which source a code was compiled from: see origins.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Code, File, Machine
from snowsnake.syntax.nodes cimport Text

cdef File* file_of_code(Machine* m, uint32_t index) noexcept nogil
    # Returns the file that a code was compiled from.  The machine's own codes are not allowed.

# what the record of a code says about it
cdef struct CodeOrigin:
    # its ChunkKind
    uint8_t kind
    # the chunk's index in the file
    uint32_t chunk
    # the name of the binding that defines it, or empty
    Text name
    # the name of its first parameter, or empty
    Text parameter
    # the position where it starts
    uint32_t start
    uint32_t end

cdef bint code_origin(Machine* m, Code* code, CodeOrigin* origin) noexcept nogil
    # Returns False, and zeroes everything, for the machine's own codes.  The texts point into the image.
