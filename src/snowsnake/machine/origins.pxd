# cython: language_level=3
"""Where a code comes from: see origins.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Code, File, Machine
from snowsnake.syntax.nodes cimport Text

cdef File* file_of_code(Machine* m, uint32_t index) noexcept nogil
    # the file that a code which is not the machine's own was compiled from
cdef struct CodeOrigin:               # what is known of a code from its record
    uint8_t kind                      # ChunkKind
    uint32_t chunk                    # its index in the file
    Text name                         # the binding that it was given to, or empty
    Text parameter                    # the first one's name, or empty
    uint32_t start                    # positions
    uint32_t end

cdef bint code_origin(Machine* m, Code* code, CodeOrigin* origin) noexcept nogil
    # False, and all zero, for the machine's own codes.  The texts lie in the image
