# cython: language_level=3
"""Memory of the compiled files.  All of it is allocated here (tests/unit/test_allocation.py checks that); `free` releases it.

One policy: a function here returns NULL if there is no memory, or the size overflows.  Its caller then does one of these:

* it can report the failure: it returns NULL, False or RAISE (`raise_text(m, ERROR_MEMORY, NULL)`), and leaves what it changed as it was;
* the memory would only have saved time (a memo, an index, a record for statistics): it goes on without;
* it is deep in the parser or the compiler: `leave_out_of_memory` (syntax/deep_stack.pxd);
* it grows a table in the middle of an operation that cannot be undone (symbols, contexts): `exhaust` (machine/attention.pxd); the
  machine then raises the memory error at its next safepoint, and whenever it is used again.

A size of 0 never returns NULL.
"""

cdef extern from *:
    """
    #include <stddef.h>
    void *snowsnake_allocate_items(size_t count, size_t item_bytes);
    void *snowsnake_allocate_zeros(size_t count, size_t item_bytes);
    void *snowsnake_resize_items(void *data, size_t count, size_t item_bytes);
    char *snowsnake_copy_bytes(const void *data, size_t size_bytes);
    char *snowsnake_copy_text(const char *text);
    int snowsnake_may_allocate(void);
    """
    # The memory is not initialised.
    void* allocate_items "snowsnake_allocate_items"(size_t count, size_t item_bytes) noexcept nogil
    void* allocate_zeros "snowsnake_allocate_zeros"(size_t count, size_t item_bytes) noexcept nogil
    # If it returns NULL, *data* is as it was.
    void* resize_items "snowsnake_resize_items"(void* data, size_t count, size_t item_bytes) noexcept nogil
    # The copy ends with a NUL.
    char* copy_bytes "snowsnake_copy_bytes"(const void* data, size_t size_bytes) noexcept nogil
    char* copy_text "snowsnake_copy_text"(const char* text) noexcept nogil
    # For callers that get memory in another way (mmap, vasprintf): False if a test wants the allocation to fail.
    bint may_allocate "snowsnake_may_allocate"() noexcept nogil
