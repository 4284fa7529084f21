# cython: language_level=3
"""Memory of the compiled files (see the header), and the means to let allocations fail in tests.

The functions are C with names of their own, because verbatim C of other files calls them, too.  A test counts the allocations of a run, and then lets each of
them fail in turn (tests/unit/test_allocation.py).
"""
from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    /* The limit does not hold for smaller blocks. */
    enum { LIMITED_BYTES = 1 << 20 };

    /* limits.pxd */
    static __thread const volatile int *watched;
    static __thread size_t most_bytes;

    const int *snowsnake_watch_attention(const int *attention)
    {
        const int *before = (const int *)watched;
        watched = attention;
        return before;
    }

    static void (*look)(void);
    enum { STOPS = 7 };

    void snowsnake_look_by(void (*looks)(void)) { look = looks; }

    int snowsnake_is_stop_asked(const volatile int *attention)
    {
        if (!attention || !*attention)
            return 0;
        if (*attention & ~STOPS)
            look();
        return *attention & STOPS;
    }

    static int (*take_over)(PyObject *error);

    void snowsnake_take_over_by(int (*take)(PyObject *error)) { take_over = take; }

    int snowsnake_handed_over(PyObject *error) { return take_over && take_over(error); }

    int snowsnake_asked_to_stop(void) { return snowsnake_is_stop_asked(watched); }

    size_t snowsnake_limit_blocks(size_t bytes)
    {
        size_t before = most_bytes;
        most_bytes = bytes;
        return before;
    }

    void snowsnake_change_block_limit(size_t bytes)
    {
        if (most_bytes)
            most_bytes = bytes;
    }

    /* The number of allocations since a test asked to have them counted. */
    static uint64_t allocation_count;
    /* The first one that fails; with 0, none fails, and none is counted. */
    static uint64_t first_failing;
    static uint64_t last_failing;

    int snowsnake_may_allocate(void)
    {
        if (__builtin_expect(first_failing == 0, 1))
            return 1;
        allocation_count++;
        return allocation_count < first_failing || allocation_count > last_failing;
    }

    /* Returns SIZE_MAX, for which every allocation fails, if the product does not fit or is more than this thread may have. */
    static size_t product(size_t count, size_t item_bytes)
    {
        size_t bytes;
        if (__builtin_mul_overflow(count, item_bytes, &bytes))
            return SIZE_MAX;
        if (__builtin_expect(bytes >= LIMITED_BYTES, 0) && most_bytes && bytes > most_bytes)
            return SIZE_MAX;
        return bytes ? bytes : 1;
    }

    void *snowsnake_allocate_items(size_t count, size_t item_bytes)
    {
        return snowsnake_may_allocate() ? malloc(product(count, item_bytes)) : NULL;
    }

    void *snowsnake_allocate_zeros(size_t count, size_t item_bytes)
    {
        return snowsnake_may_allocate() ? calloc(1, product(count, item_bytes)) : NULL;
    }

    void *snowsnake_resize_items(void *data, size_t count, size_t item_bytes)
    {
        return snowsnake_may_allocate() ? realloc(data, product(count, item_bytes)) : NULL;
    }

    char *snowsnake_copy_bytes(const void *data, size_t size_bytes)
    {
        char *copy = size_bytes == SIZE_MAX ? NULL : snowsnake_allocate_items(size_bytes + 1, 1);
        if (copy) {
            if (size_bytes)
                memcpy(copy, data, size_bytes);
            copy[size_bytes] = 0;
        }
        return copy;
    }

    char *snowsnake_copy_text(const char *text) { return snowsnake_copy_bytes(text, strlen(text)); }

    static uint64_t let_fail(uint64_t first, uint64_t last)
    {
        uint64_t count = allocation_count;
        allocation_count = 0;
        last_failing = last;
        first_failing = first;
        return count;
    }
    """
    uint64_t let_fail(uint64_t first, uint64_t last)


def fail_allocations(first, last):
    """Lets the allocations number *first* to *last* of the whole process fail, counted from now on; (0, 0): none.

    For tests: (2**62, 2**62) only counts.  Returns how many there were since the last call.
    """
    return let_fail(first, last)
