# cython: language_level=3
"""What is in the logical store: whether a path is valid, outputs that must be built first, derivations that are on disk."""
from snowsnake.machine.state cimport Machine
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.known_derivations cimport KnownDerivations

cdef bint host_store_has(Machine* m, View store_path) noexcept nogil
    # whether an object (not something below one) is in the store on disk
cdef bint host_references(Machine* m, View store_path, Bytes* lines) noexcept nogil
    # what an object refers to, as lines; nothing if nobody knows it.  False: there is no memory
cdef int host_realise(Machine* m, View wanted, View object_, Bytes* names) noexcept nogil
    # outputs of derivations that evaluation reads (import from derivation; *wanted* and *names* as for StoreRealiser) are there afterwards, and may be
    # read; ERROR_FILE if they are not to be had, or the settings forbid it.  Without a
    # store to build in, it is enough that the object is there that is read
cdef KnownDerivations* host_derivations(Machine* m) noexcept nogil
    # the memory of derivations (also m.derivations); NULL: a memory error has been raised
