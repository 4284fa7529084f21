# cython: language_level=3
"""Calls the Python objects that are mounted in the logical store, and checks their answers.

In: an object with the methods of `host.file_system.FileSystem`.  Out: kinds, contents and names as bytes, or the text of an error.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t

from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_byte
from snowsnake.foundation.handlers cimport handed_over

_KINDS = {None: MOUNT_NONE, "regular": MOUNT_REGULAR, "executable": MOUNT_EXECUTABLE, "directory": MOUNT_DIRECTORY,
          "symlink": MOUNT_SYMLINK}


cdef bytes _path(View path):
    return PyBytes_FromStringAndSize(<const char*>path.data, path.size)


cdef bytes _bytes(object answer, str what):
    if not isinstance(answer, (bytes, bytearray, memoryview)):
        raise TypeError(f"the file system answered {type(answer).__name__} for {what}")
    return bytes(answer)


cdef int _kind(object kind) except -1:
    try:
        return _KINDS[kind]
    except (KeyError, TypeError):
        raise ValueError(f"the file system answered {kind!r} for a kind of file") from None


cdef int _append(Bytes* out, bytes data) except -1:
    if not bytes_append(out, <const char*>data, len(data)):
        raise MemoryError
    return 0


cdef bint _note(object fault, Bytes* error) noexcept:
    """Appends the message of an exception, and returns False.  Unless it is an OSError or a ValueError, the message has the exception's type."""
    cdef bytes text
    handed_over(fault)
    try:
        if isinstance(fault, OSError) and fault.strerror:
            message = fault.strerror
        elif isinstance(fault, MemoryError):
            message = "out of memory"
        else:
            message = str(fault) if isinstance(fault, (OSError, ValueError)) and str(fault) else f"{type(fault).__name__}: {fault}"
        text = message.encode("utf-8", "surrogateescape").replace(b"\0", b"?")
    except BaseException:
        text = b"the file system failed"
    bytes_append(error, <const char*>text, len(text))
    return False


cdef bint mount_kind(void* files, View path, int* kind, Bytes* error) noexcept nogil:
    with gil:
        try:
            kind[0] = _kind((<object>files).kind(_path(path)))
            return True
        except BaseException as fault:
            return _note(fault, error)


cdef bint mount_read(void* files, View path, Bytes* content, Bytes* error) noexcept nogil:
    with gil:
        try:
            _append(content, _bytes((<object>files).read(_path(path)), "a file"))
            return True
        except BaseException as fault:
            return _note(fault, error)


cdef bint mount_link(void* files, View path, Bytes* target, Bytes* error) noexcept nogil:
    with gil:
        try:
            text = _bytes((<object>files).link(_path(path)), "a link")
            if b"\0" in text:
                raise ValueError("the file system answered a NUL byte for a link")
            _append(target, text)
            return True
        except BaseException as fault:
            return _note(fault, error)


cdef bint mount_list(void* files, View path, Bytes* entries, Bytes* error) noexcept nogil:
    with gil:
        try:
            _list(<object>files, path, entries)
            return True
        except BaseException as fault:
            return _note(fault, error)


cdef int _list(object files, View path, Bytes* entries) except -1:
    cdef int number
    found = {}
    for name, kind in files.list(_path(path)):
        name = _bytes(name, "a name")
        if not name or name in (b".", b"..") or b"/" in name or b"\0" in name or name in found:
            raise ValueError(f"the file system answered {name!r} for a name")
        found[name] = _kind(kind)
    for name in sorted(found):
        number = found[name]
        if number == MOUNT_NONE:
            continue
        if not bytes_byte(entries, <uint8_t>number):
            raise MemoryError
        _append(entries, name + b"\0")
    return 0


cdef bint mount_disk_path(void* files, View path, Bytes* place, Bytes* error) noexcept nogil:
    with gil:
        try:
            answer = (<object>files).disk_path(_path(path))
            if answer is not None:
                text = _bytes(answer, "a place on disk")
                if text[:1] != b"/" or b"\0" in text:
                    raise ValueError(f"the file system answered {text!r} for a place on disk")
                _append(place, text + b"\0")
            return True
        except BaseException as fault:
            return _note(fault, error)
