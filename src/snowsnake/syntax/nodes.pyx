# cython: language_level=3
"""The arena that trees live in.

In: sizes.  Out: zeroed memory, aligned to 8 bytes, that lives until the whole arena is freed.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memset
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.syntax.deep_stack cimport leave_out_of_memory
from snowsnake.syntax.leaving cimport leave_if_asked

cdef enum:
    # Most files are small, so the first block is small, too.
    FIRST_BLOCK_BYTES = 8 << 10
    # One such block is enough for the tree of most files.
    POOLED_BLOCK_BYTES = 256 << 10
    MOST_POOLED = 16
    LARGEST_BLOCK_BYTES = 1 << 20
    # Trees that are larger than this have blocks of a size that the system gets back when we free them.
    LARGE_TREE_BYTES = 8 << 20


cdef ArenaBlock* _new_block(size_t size_bytes) noexcept nogil:
    cdef ArenaBlock* block = <ArenaBlock*>allocate_items(sizeof(ArenaBlock) + size_bytes, 1)
    if block == NULL:
        leave_out_of_memory()
    block.size_bytes = size_bytes
    return block


cdef ArenaBlock* _pooled_block(ArenaPool* pool) noexcept nogil:
    cdef ArenaBlock* block = pool.blocks
    if block == NULL:
        return _new_block(POOLED_BLOCK_BYTES)
    pool.blocks = block.next
    pool.count -= 1
    return block


cdef ArenaBlock* _next_block(Arena* arena, size_t wanted_bytes) noexcept nogil:
    cdef size_t block_bytes = FIRST_BLOCK_BYTES
    leave_if_asked()
    if arena.pool != NULL and arena.pool.limit_bytes and arena.total_bytes + wanted_bytes > arena.pool.limit_bytes:
        leave_out_of_memory()
    if arena.total_bytes >= LARGE_TREE_BYTES:
        return _new_block(LARGEST_BLOCK_BYTES if LARGEST_BLOCK_BYTES > wanted_bytes else wanted_bytes)
    if arena.pool != NULL and wanted_bytes <= POOLED_BLOCK_BYTES:
        return _pooled_block(arena.pool)
    if arena.blocks != NULL:
        block_bytes = arena.blocks.size_bytes * 2
        if block_bytes > LARGEST_BLOCK_BYTES:
            block_bytes = LARGEST_BLOCK_BYTES
    return _new_block(block_bytes if block_bytes > wanted_bytes else wanted_bytes)


cdef void* arena_alloc(Arena* arena, size_t size_bytes) noexcept nogil:
    cdef ArenaBlock* block = arena.blocks
    cdef size_t wanted_bytes = (size_bytes + 7) & ~<size_t>7
    cdef uint8_t* start
    if block == NULL or block.size_bytes - block.used_bytes < wanted_bytes:
        block = _next_block(arena, wanted_bytes)
        arena.total_bytes += block.size_bytes
        block.next = arena.blocks
        block.used_bytes = 0
        arena.blocks = block
    start = <uint8_t*>block + sizeof(ArenaBlock) + block.used_bytes
    block.used_bytes += wanted_bytes
    memset(start, 0, wanted_bytes)
    return start


cdef void arena_give_back(Arena* arena, void* array) noexcept nogil:
    cdef ArenaBlock** place = &arena.blocks
    cdef ArenaBlock* block
    if array == NULL:
        return
    while place[0] != NULL and <uint8_t*>place[0] + sizeof(ArenaBlock) != <uint8_t*>array:
        place = &place[0].next
    block = place[0]
    if block != NULL and block.size_bytes > LARGEST_BLOCK_BYTES:
        place[0] = block.next
        arena.total_bytes -= block.size_bytes
        free(block)


cdef void arena_free(Arena* arena) noexcept nogil:
    cdef ArenaBlock* block = arena.blocks
    cdef ArenaBlock* following
    cdef ArenaPool* pool = arena.pool
    while block != NULL:
        following = block.next
        if pool != NULL and block.size_bytes == POOLED_BLOCK_BYTES and pool.count < MOST_POOLED:
            block.next = pool.blocks
            pool.blocks = block
            pool.count += 1
        else:
            free(block)
        block = following
    arena.blocks = NULL
    arena.total_bytes = 0


cdef void arena_pool_free(ArenaPool* pool) noexcept nogil:
    cdef ArenaBlock* following
    while pool.blocks != NULL:
        following = pool.blocks.next
        free(pool.blocks)
        pool.blocks = following
    pool.count = 0
