# cython: language_level=3
"""Files and trees that are copied to the logical store: what their store path is, and how they are handed to a store."""
from libc.stdint cimport uint8_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.machine.state cimport Machine
from snowsnake.store.hash_functions cimport Digest
from snowsnake.store.nar cimport NarTree

cdef struct References:               # what a copy refers to, which is part of its store path
    const View* paths                 # distinct, in byte order
    size_t count

cdef int host_path_to_store(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* store_path) noexcept nogil
    # the store path that copying this file or tree gives (`"${./x}"`); remembered per path
cdef int host_source_path(Machine* m, View path, View name, const References* references, Bytes* store_path) noexcept nogil
    # likewise of a resolved path under another name; not remembered
cdef int host_write_tree(Machine* m, NarTree* tree, View store_path, const References* references, const Digest* digest) noexcept nogil
    # hands a tree, with this hash, on to the embedded store, if there is one; it is not held in memory
cdef int host_open_tree(Machine* m, View path, NarTree* tree, Bytes* error) noexcept nogil
    # a tree to be filtered, of a resolved path that is a file, directory or symlink; RAISE: nothing is to be freed
cdef int host_record_tree(Machine* m, View path, const NarTree* tree, const Digest* digest) noexcept nogil
    # a filtered tree that was copied
