# cython: language_level=3
"""Requests to stop, and a limit of memory, for rooms that know no machine.

In: the number by which a machine is asked to stop; what its heap leaves of its memory.  Out: whether somebody asks, and blocks that are
refused (foundation/allocate.pyx).  Whoever is asked to stop leaves its work unfinished and says so; the machine, which knows why, raises the error.

The limit of a block bounds what a builtin keeps beside the heap (a document, the matches of a pattern): such arrays grow by doubling.
"""

cdef extern from *:
    """
    static __thread const volatile int *watched;
    static __thread size_t most_bytes;

    const int *snowsnake_watch_attention(const int *attention)
    {
        const int *before = (const int *)watched;
        watched = attention;
        return before;
    }

    int snowsnake_asked_to_stop(void) { return watched && *watched; }

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

    int snowsnake_may_have_block(size_t bytes) { return !most_bytes || bytes <= most_bytes; }
    """
