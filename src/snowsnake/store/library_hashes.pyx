# cython: language_level=3
"""blake3 of the package of that name, and what libcrypto.pyx does not find of `hashlib`, for callers that do not hold the interpreter's lock.

In: bytes, a piece at a time.  Out: a digest.  The libraries are imported for the first such hash, because most programs make none.
"""
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.buffer cimport PyBUF_READ
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from snowsnake.foundation.handlers cimport handed_over


# This maps each name to a hash of no data: to copy it takes half the time of making a new one.
cdef dict _fresh = {}


cdef object fresh(bytes name):
    """A hash of no data; an exception if this Python has none of this name."""
    if name == b"blake3":
        from blake3 import blake3

        return blake3()
    import hashlib

    return hashlib.new(name.decode(), usedforsecurity=False)


cdef object _copy_of_fresh(bytes name):
    known = _fresh.get(name)
    if known is None:
        known = _fresh[name] = fresh(name)
    return known.copy()


cdef void* library_hash(const char* name) noexcept with gil:
    try:
        found = _copy_of_fresh(name)
    except BaseException as error:
        handed_over(error)
        return NULL
    Py_INCREF(found)
    return <void*>found


cdef void library_keep(void* hash) noexcept with gil:
    Py_INCREF(<object>hash)


cdef void library_drop(void* hash) noexcept with gil:
    Py_DECREF(<object>hash)


cdef bint library_update(void* hash, const void* data, size_t size) noexcept with gil:
    try:
        (<object>hash).update(PyMemoryView_FromMemory(<char*>data, <Py_ssize_t>size, PyBUF_READ))
    except BaseException as error:
        handed_over(error)
        return False
    return True


cdef bint library_digest(void* hash, uint8_t* out, size_t size) noexcept with gil:
    cdef bytes digest
    try:
        digest = (<object>hash).digest()
    except BaseException as error:
        handed_over(error)
        return False
    if <size_t>len(digest) != size:
        return False
    memcpy(out, <const char*>digest, size)
    return True
