# cython: language_level=3
"""Leaving the parser or the compiler in the middle: see leaving.pyx."""

# If this thread is asked to stop (foundation/limits.pxd), leaves the deep stack, as if there were no more memory.  Call it only there.
cdef void leave_if_asked() noexcept nogil

# Memory that the compiler holds in its own variables; it leaves if there is none.  `release` frees it (NULL is nothing);
# `release_all` what this thread has not released because the deep stack was left.
cdef void* hold(size_t size_bytes) noexcept nogil
cdef void release(void* data) noexcept nogil
cdef void release_all() noexcept nogil
