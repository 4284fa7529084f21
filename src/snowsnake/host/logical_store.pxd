# cython: language_level=3
"""The logical store: whether a path is valid, outputs that must be built first, derivations that are on disk."""
from snowsnake.machine.state cimport Machine
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.known_derivations cimport KnownDerivations

cdef bint host_store_has(Machine* m, View store_path) noexcept nogil
    # Whether an object (not something below one) is in the store on disk.
cdef bint host_references(Machine* m, View store_path, Bytes* lines) noexcept nogil
    # Appends the references of an object as lines; nothing if they are not known.  Returns False if there is no memory.
cdef int host_known_output(Machine* m, View wanted, Bytes* path) noexcept nogil
    # Appends the path of an output (`DRV!out`, `DRV!dev!out`) if it is known by now; otherwise an error.
cdef int host_realise(Machine* m, View wanted, View object_, Bytes* names) noexcept nogil
    # Makes outputs of derivations available that evaluation is about to read (import from derivation), and lets them be read; *wanted* and
    # *names* are as for StoreRealiser.  Raises ERROR_FILE if they cannot be made, or the settings forbid it.  Without a
    # store to build in, it is enough that the object to be read exists.
cdef KnownDerivations* host_derivations(Machine* m) noexcept nogil
    # Returns the derivations known so far (also m.derivations); NULL: a memory error has been raised.
