# cython: language_level=3
"""THE growing array: a pointer, a count and a capacity of the caller's, of any types.

    if not has_room(&items, count, &capacity, 16):
        return out of memory

`has_room` makes room for one more item: when `count` has reached the capacity, it doubles that, to 16 at least here.  False: there is no
memory, and nothing has changed.  It is a macro, so that a full array is the only one that costs a call.
"""
cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    void *snowsnake_resize_items(void *data, size_t count, size_t item_bytes);
    #define SNOW_HAS_ROOM(items, count, capacity, least) ((count) < *(capacity) || __extension__ ({                \\
        const uint64_t snow_most = (uint64_t)(__typeof__(*(capacity)))-1;                                          \\
        const uint64_t snow_wanted = *(capacity) ? 2 * (uint64_t)*(capacity) : (uint64_t)(least);                  \\
        void *snow_grown = snow_wanted > snow_most ? NULL                                                          \\
            : snowsnake_resize_items(*(items), (size_t)snow_wanted, sizeof(**(items)));                            \\
        if (snow_grown != NULL) *(items) = snow_grown, *(capacity) = (__typeof__(*(capacity)))snow_wanted;         \\
        snow_grown != NULL;                                                                                        \\
    }))
    """
    # has_room(pointer to the array, count, pointer to its capacity, least capacity)
    bint has_room "SNOW_HAS_ROOM"(...) noexcept nogil
