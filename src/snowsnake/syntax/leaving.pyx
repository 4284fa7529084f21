# cython: language_level=3
"""Leaving the parser or the compiler in the middle: because somebody asked to stop, and without losing what they held.

In: a request (foundation/limits.pxd).  Out: `leave_out_of_memory`.  A large source takes seconds, and neither Ctrl-C nor a time limit
waits for them: the parser looks whenever it needs another block of memory, the compiler at one node in 16.
"""
from libc.stdlib cimport free

from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.limits cimport asked_to_stop
from snowsnake.syntax.deep_stack cimport leave_out_of_memory

# This header lies directly before the memory that `hold` returns.
cdef struct HeldBlock:
    HeldBlock* previous
    HeldBlock* following

cdef extern from *:
    """
    static __thread void *snow_first_held;
    """
    void* snow_first_held


cdef void leave_if_asked() noexcept nogil:
    if asked_to_stop():
        leave_out_of_memory()


cdef void* hold(size_t size_bytes) noexcept nogil:
    global snow_first_held
    cdef HeldBlock* held = <HeldBlock*>allocate_items(size_bytes + sizeof(HeldBlock), 1)
    if held == NULL:
        leave_out_of_memory()
    held.previous = NULL
    held.following = <HeldBlock*>snow_first_held
    if held.following != NULL:
        held.following.previous = held
    snow_first_held = held
    return held + 1


cdef void release(void* data) noexcept nogil:
    global snow_first_held
    cdef HeldBlock* held
    if data == NULL:
        return
    held = <HeldBlock*>data - 1
    if held.following != NULL:
        held.following.previous = held.previous
    if held.previous != NULL:
        held.previous.following = held.following
    else:
        snow_first_held = held.following
    free(held)


cdef void release_all() noexcept nogil:
    while snow_first_held != NULL:
        release(<HeldBlock*>snow_first_held + 1)
