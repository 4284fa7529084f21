# cython: language_level=3
"""Leaving the parser or the compiler in the middle: see leaving.pyx."""

# If this thread is asked to stop (foundation/limits.pxd), leaves the deep stack, as if there were no more memory.  Call it only there.
cdef void leave_if_asked() noexcept nogil

# `hold` allocates memory that the compiler keeps in its own variables, and leaves if there is none.  `release` frees it, and accepts NULL.
# `release_all` frees what this thread has not released because the deep stack was left.
cdef void* hold(size_t size_bytes) noexcept nogil
cdef void release(void* data) noexcept nogil
cdef void release_all() noexcept nogil
