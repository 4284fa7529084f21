# cython: language_level=3
"""Chunks under construction, which a compilation leaves for the next one, with their buffers.

They are apart from compiler/state.pxd because each machine has a pool of them: otherwise all that knows the machine would be compiled again after
a change of the compiler's state.
"""
from libc.stdint cimport uint32_t
from snowsnake.bytecode.builder cimport Builder
from snowsnake.bytecode.chunk cimport Chunk

# an upvalue of a chunk under construction
cdef struct Capture:
    # the local whose value it is
    uint32_t local
    # the index among the captures of the enclosing chunk, if that does not own the local
    uint32_t outer

# a chunk under construction
cdef struct OpenChunk:
    Builder code
    # the number of chunks around it
    uint32_t index
    # the number of with-scopes around this place, including those of enclosing chunks
    uint32_t with_count
    bint captures_with
    Capture* captures
    uint32_t capture_count
    uint32_t capture_capacity
    # hash table over captures (index + 1), used when there are many
    uint32_t* capture_table
    uint32_t capture_table_size
    Chunk chunk

# chunks that are not under construction any more, with their buffers, which a compilation leaves for the next one
cdef struct OpenChunkPool:
    OpenChunk** open_chunks
    uint32_t count
    uint32_t capacity
