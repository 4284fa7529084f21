# cython: language_level=3
"""Memory of the compiled files.  All of it comes from here (tests/unit/test_allocation.py checks that); `free` gives it back.

One policy: a function here returns NULL when there is no memory, or the size overflows, and its caller does one of these:

* it has a way to say so: it returns NULL, False or RAISE (`raise_text(m, ERROR_MEMORY, NULL)`), and leaves what it changed as it was;
* it kept what only saves time (a memo, an index, a record for statistics): it does without;
* it is deep in the parser or the compiler: `leave_out_of_memory` (syntax/deep_stack.pxd);
* it grows a table that an operation cannot do without half-way (symbols, contexts): `exhaust` (machine/attention.pxd), after which the
  machine raises the memory error at its next safepoint, and whenever it is used again.

A size of 0 is no reason for NULL.
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
    # not initialised
    void* allocate_items "snowsnake_allocate_items"(size_t count, size_t item_bytes) noexcept nogil
    void* allocate_zeros "snowsnake_allocate_zeros"(size_t count, size_t item_bytes) noexcept nogil
    # if it returns NULL, *data* is as it was
    void* resize_items "snowsnake_resize_items"(void* data, size_t count, size_t item_bytes) noexcept nogil
    # with a NUL behind them
    char* copy_bytes "snowsnake_copy_bytes"(const void* data, size_t size_bytes) noexcept nogil
    char* copy_text "snowsnake_copy_text"(const char* text) noexcept nogil
    # asked by who has memory in another way (mmap, vasprintf): False if a test wants that to fail
    bint may_allocate "snowsnake_may_allocate"() noexcept nogil
