# cython: language_level=3
"""Where a path of the evaluation lies: on disk, where a copied source came from, in the folder of a store, or in a mounted file system.

Paths are absolute, canonical, and no symbolic link is above their last component; the policy has allowed them (`host.pyx` sees to
both), but for a file of a copied source: of that, nobody sees more than of the source itself.
"""
from libc.stdint cimport uint8_t
from snowsnake.cache.layout cimport FileStamp
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.hash_functions cimport Hasher
from snowsnake.store.nar cimport NarTree

cdef enum:                            # outcomes beside DONE and RAISE; no error has been set
    MISSING = 100                     # nothing is there, or symbolic links go round
    CHANGED = 101                     # a folder on the way has become a symbolic link

cdef enum PlaceKind:
    PLACE_DISK = 0
    PLACE_FILES                       # in a mounted file system that is not on disk
    PLACE_NOWHERE                     # the policy does not show it

cdef struct Place:
    int kind
    const char* disk                  # lives until the next place is asked for
    size_t trusted                    # as in disk.pxd
    void* files
    View rest                         # the path in the file system

cdef struct Reading:                  # how a large file on disk is read: not to be copied once more, or not to be kept at all
    bint makes_text                   # as a string of the machine's heap
    Word text                         # it, if that was done: the contents lie there, and are not to be freed
    Hasher* hasher                    # NULL, or what gets the contents piece by piece
    bint is_hashed                    # if that was done: there are no contents

cdef struct Mount:
    void* files                       # owned reference
    char* disk                        # owned: the folder or file on disk that all of it is, or NULL

cdef int place_of(Machine* m, const uint8_t* path, size_t size, Place* place) noexcept nogil
cdef bint is_elsewhere(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # whether a path is in a mounted file system or a copied source: links lead where the path is, not where the files lie
cdef bint place_is_shown(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # whether the policy shows what is at an allowed path
cdef int place_type(Machine* m, const uint8_t* path, size_t size, int* file_type) noexcept nogil
    # FileType; DONE, CHANGED or RAISE
cdef int place_read(Machine* m, const uint8_t* path, size_t size, Bytes* content, FileStamp* stamp, Reading* reading) noexcept nogil
    # stamp: of what was opened on disk, or nothing but zeros; reading: NULL, or how its caller wants it
cdef bint stamp_is_young(const FileStamp* stamp) noexcept nogil
    # so young that the file may still change without another stamp
cdef int place_list(Machine* m, const uint8_t* path, size_t size, Bytes* entries) noexcept nogil
    # entries: (one byte FileType, name, NUL)…, unsorted
cdef int place_link(Machine* m, const uint8_t* path, size_t size, char* target, size_t capacity, size_t* length) noexcept nogil
    # DONE, CHANGED or RAISE
cdef bint place_stamp(Machine* m, const uint8_t* path, size_t size, FileStamp* stamp) noexcept nogil
cdef int place_tree(Machine* m, View path, NarTree* tree, Bytes* error) noexcept nogil
    # a tree of what is there; RAISE: nothing is to be freed

cdef size_t object_end(Machine* m, const uint8_t* path, size_t size) noexcept nogil
    # of a path in the logical store: where the name of the store object ends
cdef int raise_missing(Machine* m, const uint8_t* path, size_t size) noexcept nogil
cdef int raise_changed(Machine* m, const uint8_t* path, size_t size) noexcept nogil
cdef int raise_system(Machine* m, const char* doing, const uint8_t* path, size_t size, int fault) noexcept nogil
cdef int raise_directory(Machine* m, const uint8_t* path, size_t size, int fault) noexcept nogil
cdef Mount* find_mount(Machine* m, const uint8_t* path, size_t size) noexcept nogil
cdef bint host_shows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # whether the policy lets evaluation see what is at this path: as host_allows, and of a copied source what it shows of the source
