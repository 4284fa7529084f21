# cython: language_level=3
"""Hands what evaluation makes to an embedded store, if there is one; otherwise keeps it for this evaluation."""
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.host.state cimport StoreObject
from snowsnake.machine.state cimport Machine

cdef int host_write_object(Machine* m, const StoreObject* written) noexcept nogil
    # Hands an object to the embedded store, if there is one.
cdef int host_settle(Machine* m) noexcept nogil
    # Ensures that everything that the embedded store took is on disk, and can be read.
cdef int raise_store_error(Machine* m, int code, Bytes* error) noexcept nogil
    # Raises the message in *error*, and frees it.
cdef int raise_taken(Machine* m, int code, Bytes* error) noexcept nogil
    # Likewise; *error* may be freed again.
