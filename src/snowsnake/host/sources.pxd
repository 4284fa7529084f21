# cython: language_level=3
"""Copies files and trees to the logical store: computes their store paths, and hands them to a store."""
from libc.stdint cimport uint8_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.machine.state cimport Machine
from snowsnake.store.hash_functions cimport Digest
from snowsnake.store.nar cimport NarTree

# what a copy refers to, which is part of its store path
cdef struct References:
    # they are distinct, and in byte order
    const View* paths
    size_t count

cdef int host_path_to_store(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* store_path) noexcept nogil
    # Returns the store path of a copy of this file or tree (`"${./x}"`), which is remembered per path.
cdef int host_source_path(Machine* m, View path, View name, const References* references, Bytes* store_path) noexcept nogil
    # Likewise for a resolved path under another name; it is not remembered.
cdef int host_write_tree(Machine* m, NarTree* tree, View store_path, const References* references, const Digest* digest) noexcept nogil
    # Hands a tree with this hash on to the embedded store, if there is one, without holding it in memory.
cdef int host_open_tree(Machine* m, View path, NarTree* tree, Bytes* error) noexcept nogil
    # Opens a tree to be filtered, at a resolved path that is a file, directory or symlink.  After RAISE nothing needs to be freed.
cdef int host_record_tree(Machine* m, View path, const NarTree* tree, const Digest* digest) noexcept nogil
    # Records a filtered tree that was copied.
