# cython: language_level=3
"""Finds where a path of the evaluation lies: on disk, where a copied source came from, in the folder of a store, or in a mounted file system.

Paths are absolute and canonical, no symbolic link is above their last component, and the policy has allowed them (`files.pyx` ensures
both).  A file of a copied source is an exception: there nobody sees more than the source itself shows.
"""
from libc.stdint cimport uint8_t
from snowsnake.cache.layout cimport FileStamp
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.hash_functions cimport Hasher
from snowsnake.store.nar cimport NarTree

# outcomes in addition to DONE and RAISE; no error has been set
cdef enum:
    # nothing is there, or symbolic links form a circle
    MISSING = 100
    # a folder on the way has become a symbolic link
    CHANGED = 101

cdef enum PlaceKind:
    PLACE_DISK = 0
    # the file is in a mounted file system that is not on disk
    PLACE_FILES
    # the policy does not show it
    PLACE_NOWHERE

cdef struct FilePlace:
    int kind
    # valid until the next place is looked up
    const char* disk
    # so many bytes at the front of the path may lead through symbolic links, or FOLLOW_LINKS (disk.pxd)
    size_t trusted
    void* files
    # the path in the file system
    View rest

# how to read a large file on disk, so that its contents are not copied once more, or not kept at all
cdef struct Reading:
    # whether the contents become a string of the machine's heap
    bint makes_text
    # that string, if there is one: the contents are in it, and nobody frees them
    Word text
    # NULL, or what gets the contents piece by piece
    Hasher* hasher
    # whether there is only a hash, and no contents
    bint is_hashed

cdef struct Mount:
    # borrowed (host/state.pxd, `held`)
    void* files
    # the folder or file on disk that is the whole file system, or NULL; the mount owns it
    char* disk

cdef int place_of(Machine* m, const uint8_t* path, size_t size, FilePlace* place) noexcept nogil
cdef bint is_elsewhere(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # Whether a path is in a mounted file system or a copied source.  Links in these are relative to the path, not to where the files lie.
cdef bint real_store_has(Machine* m, View store_path) noexcept nogil
    # Whether an object lies in the folder that stands for the store (`real_store`, which is set); path_buffer then holds its path there.
cdef bint place_is_shown(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # Whether the policy shows what is at an allowed path.
cdef int place_type(Machine* m, const uint8_t* path, size_t size, int* file_type) noexcept nogil
    # Finds the FileType.  Returns DONE, CHANGED or RAISE.
cdef int place_read(Machine* m, const uint8_t* path, size_t size, Bytes* content, FileStamp* stamp, Reading* reading) noexcept nogil
    # Appends the contents.  *stamp* becomes that of the file on disk, or all zeros; *reading* is NULL, or says how to read a large file.  Returns DONE,
    # MISSING, CHANGED or RAISE.
cdef bint stamp_is_young(const FileStamp* stamp) noexcept nogil
    # Returns whether a file has changed so recently that it may change again without another stamp.
cdef int place_list(Machine* m, const uint8_t* path, size_t size, Bytes* entries) noexcept nogil
    # The entries are (one byte FileType, name, NUL)…, unsorted.
cdef int place_link(Machine* m, const uint8_t* path, size_t size, char* target, size_t capacity, size_t* length) noexcept nogil
    # Returns DONE, CHANGED or RAISE.
cdef bint place_stamp(Machine* m, const uint8_t* path, size_t size, FileStamp* stamp) noexcept nogil
cdef int place_tree(Machine* m, View path, NarTree* tree, Bytes* error) noexcept nogil
    # Makes a tree of what is there.  After RAISE nothing needs to be freed.

cdef size_t object_end(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # For a path in the logical store: where the name of the store object ends.
cdef int raise_missing(Machine* m, const uint8_t* path, size_t size) noexcept nogil
cdef int raise_changed(Machine* m, const uint8_t* path, size_t size) noexcept nogil
cdef int raise_system(Machine* m, const char* doing, const uint8_t* path, size_t size, int fault) noexcept nogil
cdef int raise_status(Machine* m, const uint8_t* path, size_t size, int fault) noexcept nogil
cdef int raise_directory(Machine* m, const uint8_t* path, size_t size, int fault) noexcept nogil
cdef Mount* find_mount(Machine* m, const uint8_t* path, size_t size) noexcept nogil
cdef bint host_shows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # Whether the policy lets evaluation see this path: like host_allows; in a copied source, as much as the source shows.
