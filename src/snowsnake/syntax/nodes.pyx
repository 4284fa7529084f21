# cython: language_level=3
"""The arena that trees live in.

In: sizes.  Out: zeroed memory, aligned to 8 bytes, that lives until the whole arena is freed.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from snowsnake.syntax.deep_stack cimport leave_out_of_memory

cdef enum:
    FIRST_BLOCK_BYTES = 8 << 10       # most files are small
    LARGEST_BLOCK_BYTES = 1 << 20


cdef void* arena_alloc(Arena* arena, size_t size_bytes) noexcept nogil:
    cdef ArenaBlock* block = arena.blocks
    cdef size_t wanted_bytes = (size_bytes + 7) & ~<size_t>7
    cdef size_t block_bytes = FIRST_BLOCK_BYTES
    cdef uint8_t* start
    if block == NULL or block.size_bytes - block.used_bytes < wanted_bytes:
        if block != NULL:
            block_bytes = block.size_bytes * 2
            if block_bytes > LARGEST_BLOCK_BYTES:
                block_bytes = LARGEST_BLOCK_BYTES
        if block_bytes < wanted_bytes:
            block_bytes = wanted_bytes
        block = <ArenaBlock*>malloc(sizeof(ArenaBlock) + block_bytes)
        if block == NULL:
            leave_out_of_memory()
        block.next = arena.blocks
        block.used_bytes = 0
        block.size_bytes = block_bytes
        arena.blocks = block
    start = <uint8_t*>block + sizeof(ArenaBlock) + block.used_bytes
    block.used_bytes += wanted_bytes
    memset(start, 0, wanted_bytes)
    return start


cdef void arena_free(Arena* arena) noexcept nogil:
    cdef ArenaBlock* block = arena.blocks
    cdef ArenaBlock* following
    while block != NULL:
        following = block.next
        free(block)
        block = following
    arena.blocks = NULL
