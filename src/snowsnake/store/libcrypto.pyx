# cython: language_level=3
"""md5, sha1 and sha512 of libcrypto (OpenSSL), the library below `hashlib`, called without Python.

In: bytes, a piece at a time.  Out: a digest.  `hashlib` makes an object for each hash and one for each digest: 5100 instructions for the md5 of a few
bytes, of which md5 itself takes 700.  So we ask the dynamic loader for the functions of the library that Python's `_hashlib` is linked with.  To import
`_hashlib`, which asks that library for everything it has, would take twice as long.  Where the functions cannot be found (Pythons with a libcrypto
inside, or with none), hashes are `hashlib`'s (library_hashes.pyx).
"""
import os
import sys

from libc.stdint cimport uint8_t

from snowsnake.foundation.handlers cimport handed_over

cdef extern from "<dlfcn.h>" nogil:
    void* dlopen(const char* path, int flags)
    void* dlsym(void* library, const char* name)
    int RTLD_LAZY

ctypedef int (*Init)(void* context) noexcept nogil
ctypedef int (*Update)(void* context, const void* data, size_t size) noexcept nogil
ctypedef int (*Final)(uint8_t* digest, void* context) noexcept nogil


cdef bint find_functions(HashFunctions* md5, HashFunctions* sha1, HashFunctions* sha512) noexcept with gil:
    cdef void* library
    cdef bytes path
    try:
        path = file_of_hashlib()
        library = dlopen(path, RTLD_LAZY)
    except BaseException as error:
        # Most likely an AttributeError: this Python has no OpenSSL, or it is part of the interpreter.
        return not handed_over(error)
    if library != NULL:
        take(library, md5, "MD5_Init", "MD5_Update", "MD5_Final")
        take(library, sha1, "SHA1_Init", "SHA1_Update", "SHA1_Final")
        take(library, sha512, "SHA512_Init", "SHA512_Update", "SHA512_Final")
    return True


cdef bytes file_of_hashlib():
    """The file of Python's module `_hashlib`, which is not imported for this."""
    module = sys.modules.get("_hashlib")
    if module is not None:
        return os.fsencode(module.__file__)
    found = None
    for finder in sys.meta_path:
        found = finder.find_spec("_hashlib", None)
        if found is not None:
            break
    return os.fsencode(found.origin)


cdef void take(void* library, HashFunctions* out, const char* init, const char* update, const char* final) noexcept nogil:
    """Takes the functions of these names from the library, or from those that it is linked with, if all three are there."""
    cdef HashFunctions found
    found.init = <Init>dlsym(library, init)
    found.update = <Update>dlsym(library, update)
    found.final = <Final>dlsym(library, final)
    if found.init != NULL and found.update != NULL and found.final != NULL:
        out[0] = found
