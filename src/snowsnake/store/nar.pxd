# cython: language_level=3
"""Writes NAR archives of files, on disk or behind a table of functions, into a hash, a buffer or a file descriptor.

Make a `NarTree`, then call `nar_write_tree`.  A filter (builtins.path, filterSource) runs between them: call `nar_tree_expand` for one
directory after another, and set `is_excluded` on entries that the filter refuses.

    nar_tree_init(&tree, path, NULL, NULL, path, &error)   entry 0 is the root itself
    nar_tree_expand(&tree, 0, &error)                      its entries: [first_child, first_child + child_count), in order
    for each child: filter(nar_tree_path(child), kind) -> tree.entries[child].is_excluded = True, or expand it in its turn
    nar_write_tree(&tree, &sink, &error); nar_tree_free(&tree)

Nix calls filters depth first, for entries in byte order.  `nar_tree_expand` may move `tree.entries`: use indices.
Paths are NUL-terminated inside; every function that can fail returns False and appends a message to *error*.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.hash_functions cimport Digest, Hasher

cdef enum:
    # Folders of an archive may nest at most this deep, as in Nix 2.34.
    NAR_MOST_DEPTH = 64
    # Longer names and targets of links in an archive are refused, even if the file system allows them.
    NAR_MOST_NAME = 255
    NAR_MOST_TARGET = 4095

cdef enum NarKind:
    NAR_REGULAR = 1
    NAR_EXECUTABLE
    NAR_SYMLINK
    NAR_DIRECTORY
    # a socket or a device, which cannot be written
    NAR_UNKNOWN

# It writes to the hasher, the buffer and the descriptor, as far as they are given.
cdef struct NarSink:
    # NULL: nothing is hashed
    Hasher* hasher
    # NULL: nothing is kept in memory
    Bytes* bytes
    # -1: nothing is written to a file
    int fd
    # the number of bytes so far
    uint64_t size
    # bytes that are not written yet
    Bytes waiting
    # errno of a failed write
    int fault

cdef struct NarEntry:
    uint32_t parent
    uint32_t first_child
    uint32_t child_count
    # in NarTree.names, NUL-terminated
    uint32_t name_start
    uint32_t name_size
    # NarKind
    uint8_t kind
    bint is_expanded
    bint is_excluded

# files that are not on disk; paths are relative to their root, whose path is empty
cdef struct NarFiles:
    # It returns a NarKind, or -1 after a failure.
    int (*kind)(void* context, View path, Bytes* error) noexcept nogil
    # It appends (one byte NarKind, name, NUL)…, sorted by name.
    bint (*list)(void* context, View path, Bytes* entries, Bytes* error) noexcept nogil
    bint (*read)(void* context, View path, Bytes* content, Bytes* error) noexcept nogil
    # It appends the NUL-terminated path of a file that lies on disk; otherwise nothing.
    bint (*disk)(void* context, View path, Bytes* place, Bytes* error) noexcept nogil
    bint (*link)(void* context, View path, Bytes* target, Bytes* error) noexcept nogil

cdef struct NarTree:
    NarEntry* entries
    uint32_t count
    uint32_t capacity
    Bytes names
    # the path of entry 0 as others see it, NUL-terminated
    Bytes root
    # the path where entry 0 is read, NUL-terminated
    Bytes place
    # the path where the current entry is read
    Bytes path
    # NULL if the tree is on disk
    const NarFiles* files
    void* files_context
    # if it is on disk: how many bytes of a path may lead through symbolic links; SIZE_MAX if all of it may
    size_t trusted_size
    # whether entries are dropped once they are written
    bint is_transient

cdef void nar_sink_init(NarSink* self, Hasher* hasher, Bytes* bytes, int fd) noexcept nogil
# Writes the rest and frees the sink; the caller must call this exactly once.
cdef bint nar_sink_finish(NarSink* self, Bytes* error) noexcept nogil

# Makes the tree at *place*, whose paths others see below *root*.
cdef bint nar_tree_init(NarTree* self, View root, const NarFiles* files, void* context, View place, Bytes* error) noexcept nogil
cdef void nar_tree_free(NarTree* self) noexcept nogil
cdef bint nar_tree_expand(NarTree* self, uint32_t entry, Bytes* error) noexcept nogil
cdef View nar_tree_name(const NarTree* self, uint32_t entry) noexcept nogil
# Appends the path of an entry below `root`, without a NUL.
cdef void nar_tree_path(const NarTree* self, uint32_t entry, Bytes* out) noexcept nogil
# Writes the archive; a directory that was not expanded is written with all its entries.
cdef bint nar_write_tree(NarTree* self, NarSink* sink, Bytes* error) noexcept nogil
# Writes the NAR of one regular file with these contents (a text, for paths of the embedded store).
cdef void nar_write_contents(View contents, bint is_executable, NarSink* sink) noexcept nogil
# Returns the kind's name for filters: regular, symlink, directory, unknown.
cdef const char* nar_kind_name(int kind) noexcept nogil
