# cython: language_level=3
"""The one record of what an evaluation asked the outside world, with the answers.  Everybody who needs to know reads this one.

An entry is a kind and a name (a path, a variable); its value begins with a State.  If the same question had different answers, the entry is
disputed: such a record never holds.
"""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.cache.layout cimport FileStamp
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.machine.state cimport Machine
from snowsnake.store.hash_functions cimport Digest
from snowsnake.store.nar cimport NarTree

cdef enum Record:
    # contents, through symbolic links: FileStamp, whether there is a hash, SHA-256
    RECORD_FILE = 1
    # names, through symbolic links: (one byte FileType, name, NUL)…
    RECORD_DIRECTORY = 2
    # FileType of what is at the path itself
    RECORD_STATUS = 3
    # FileType through symbolic links
    RECORD_TARGET = 4
    # the target of a symbolic link
    RECORD_LINK = 5
    # everything at a path, or what a filter left of it: SHA-256 of the NAR, entries
    RECORD_TREE = 6
    RECORD_VARIABLE = 7
    # the user's home directory, if no variable says it
    RECORD_HOME = 8
    RECORD_TIME = 9
    # whether a store path exists
    RECORD_VALID = 10
    # something that was fetched; the name is its address, the value its hash
    RECORD_SOURCE = 11

cdef enum State:
    # the letter f
    STATE_FOUND = 102
    # the letter a: nothing is there, or the variable is not set
    STATE_ABSENT = 97
    # the letter e: it exists and cannot be read
    STATE_FAILED = 101
    # the letter s: part of a source whose store path says its contents, or of a source that was requested with its hash
    STATE_FIXED = 115
    # the letter d: the same question had different answers
    STATE_DISPUTED = 100

cdef bint record(Machine* m, int kind, View name, int state, const void* value, size_t size) noexcept nogil
    # Returns False if a memory error has been raised.
cdef bint record_path(Machine* m, int kind, const uint8_t* path, size_t path_size, int outcome, const void* value, size_t size) noexcept nogil
    # Likewise for the answer that *outcome* (DONE, MISSING, RAISE) says; an error that has been raised is kept.
cdef int record_fault(Machine* m, const uint8_t* path, size_t size, int outcome) noexcept nogil
    # Returns *outcome*.  If it is an error of the system about a path that may be there, the path is recorded as one that could not be read.
cdef bint record_file(Machine* m, const uint8_t* path, size_t size, int outcome, const FileStamp* stamp, const Bytes* content) noexcept nogil
    # content is NULL if the file was not read.  A young file is hashed, because it may change again without a new time.
cdef bint record_type(Machine* m, int kind, const uint8_t* path, size_t size, int file_type) noexcept nogil
cdef bint record_tree(Machine* m, View path, const NarTree* tree, bint is_whole, const Digest* digest) noexcept nogil
    # digest is NULL if the tree could not be read.
cdef uint32_t record_count(Machine* m) noexcept nogil
    # Returns how many questions were asked so far.
cdef list record_entries(Machine* m, uint32_t first)
    # Returns (kind, name, value) in the order of the first questions, without the first `first`, and without disputed entries.
