# cython: language_level=3
"""What the work of this thread must heed: requests to stop, and how large a block of memory may be.  (The C is in allocate.pyx.)

Rooms that know no machine (the parser, archives, hashes of files, documents that are read) may work for seconds and take gigabytes.  Whoever is
asked to stop leaves its work unfinished and says so; the machine, which knows why, raises the error.  The limit of a block bounds what a builtin keeps
beside the heap (a document, the matches of a pattern): such arrays grow by doubling.
"""

cdef enum:
    STOPS = 7

cdef extern from *:
    """
    #include <stddef.h>
    const int *snowsnake_watch_attention(const int *attention);
    int snowsnake_asked_to_stop(void);
    int snowsnake_is_stop_asked(const volatile int *attention);
    void snowsnake_look_by(void (*look)(void));
    size_t snowsnake_limit_blocks(size_t bytes);
    void snowsnake_change_block_limit(size_t bytes);
    """
    # When *attention* has a bit of STOPS, this thread is asked to stop; NULL: nobody asks.  Returns what was watched before.
    const int* watch_attention "snowsnake_watch_attention"(const int* attention) noexcept nogil
    bint asked_to_stop "snowsnake_asked_to_stop"() noexcept nogil
    # The same of an *attention* that is given, which may be NULL.  Other bits than those of STOPS only ask for a look (`look_by`), which may set one of these.
    bint is_stop_asked "snowsnake_is_stop_asked"(const volatile int* attention) noexcept nogil
    # The function that looks: whether Python's handlers of signals have something to do (runner.pyx).
    void look_by "snowsnake_look_by"(void (*look)() noexcept nogil) noexcept nogil
    # From now on, a block of a mebibyte or more is only allocated if it is not larger than *bytes*; 0: no limit.  Returns the limit before.
    size_t limit_blocks "snowsnake_limit_blocks"(size_t bytes) noexcept nogil
    # Changes the limit if there is one.
    void change_block_limit "snowsnake_change_block_limit"(size_t bytes) noexcept nogil
