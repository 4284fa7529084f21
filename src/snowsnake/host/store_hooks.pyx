# cython: language_level=3
"""Hands what evaluation makes to an embedded store, if there is one; otherwise keeps it for this evaluation.

In: store objects.  Out: calls of the store's hooks (host/state.pxd), or entries of the host's tables.
"""
from snowsnake.foundation.buffer cimport Bytes, bytes_free, bytes_init
from snowsnake.host.byte_map cimport map_add, map_free
from snowsnake.host.state cimport STORE_OBJECT_DERIVATION, STORE_OBJECT_SOURCE, Host, StoreObject, host_of
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.errors cimport raise_bytes, raise_text
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_MEMORY, RAISE, Machine


cdef int host_write_object(Machine* m, const StoreObject* written) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes error
    if m.is_exhausted:
        # Memory ran out, so a part of the object may be missing.
        return raise_text(m, ERROR_MEMORY, NULL)
    if h.writer == NULL:
        if written.kind == STORE_OBJECT_DERIVATION:
            # There are too many derivations to keep them without need.
            if h.keeps_derivations and map_add(
                    &h.derivations, written.path.data, written.path.size, written.data.data, written.data.size) == NULL:
                return raise_text(m, ERROR_MEMORY, NULL)
            return DONE
        # This evaluation keeps the object, because `import (builtins.toFile …)` reads what nothing has written.
        if not h.is_writable:
            return DONE
        if written.source_path.size:
            if map_add(&h.sources, written.path.data, written.path.size, written.source_path.data, written.source_path.size) == NULL:
                return raise_text(m, ERROR_MEMORY, NULL)
        elif written.kind != STORE_OBJECT_SOURCE and map_add(
                &h.texts, written.path.data, written.path.size, written.data.data, written.data.size) == NULL:
            return raise_text(m, ERROR_MEMORY, NULL)
        return DONE
    bytes_init(&error)
    if not h.writer(h.writer_context, written, &error):
        return raise_store_error(m, ERROR_FILE, &error)
    bytes_free(&error)
    if map_add(&h.unsettled, written.path.data, written.path.size, NULL, 0) == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    return DONE


cdef int host_settle(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes error
    bytes_init(&error)
    if not h.settler(h.writer_context, &error):
        return raise_store_error(m, ERROR_FILE, &error)
    bytes_free(&error)
    map_free(&h.unsettled)
    return DONE


cdef int raise_store_error(Machine* m, int code, Bytes* error) noexcept nogil:
    if must_stop(m):
        # After a request to stop, that request is the error.
        bytes_free(error)
        return stop(m)
    if error.size == 0 or error.failed:
        bytes_free(error)
        return raise_text(m, ERROR_MEMORY, NULL)
    raise_bytes(m, code, error.data, error.size)
    bytes_free(error)
    return RAISE


cdef int raise_taken(Machine* m, int code, Bytes* error) noexcept nogil:
    """Like `raise_store_error`, but *error* may be freed again."""
    cdef int outcome = raise_store_error(m, code, error)
    bytes_init(error)
    return outcome
