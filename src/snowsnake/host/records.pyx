# cython: language_level=3
"""Keeps the record, in a table of the host.

In: questions and answers of the host's operations.  Out: entries for `snowsnake/dependencies.py`, which reads and compares them.
Recording a file costs no further system call: its time and size are known from opening it, and its contents are hashed when somebody needs
the record (if time and size are still the same; otherwise nobody can tell any more what was read).
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from snowsnake.cache.layout cimport FileStamp
from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_byte, bytes_free, make_view
from snowsnake.host.byte_map cimport MapEntry, map_add
from snowsnake.host.places cimport MISSING, is_elsewhere, stamp_is_young
from snowsnake.host.state cimport FILE_NONE, Host, host_of
from snowsnake.machine.errors cimport raise_text
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_MEMORY, FAULT_NO_FILE, RAISE, Machine
from snowsnake.store.hash_functions cimport HASH_SHA256, hash_bytes
from snowsnake.store.nar cimport NarTree

# This is the record of a file that we read.
cdef struct FileRecord:
    uint8_t state
    uint8_t has_stamp
    uint8_t has_hash
    uint8_t[5] unused
    FileStamp stamp
    uint8_t[32] hash

_KINDS = {
    RECORD_FILE: "file", RECORD_DIRECTORY: "directory", RECORD_STATUS: "status", RECORD_TARGET: "target", RECORD_LINK: "link",
    RECORD_TREE: "tree", RECORD_VARIABLE: "variable", RECORD_HOME: "home", RECORD_TIME: "time", RECORD_VALID: "valid",
    RECORD_SOURCE: "source",
}


cdef MapEntry* entry_of(Machine* m, int kind, View name, const void* value, size_t size) noexcept nogil:
    """The entry, made with this value if it is new; NULL: a memory error has been raised."""
    cdef Bytes* key = &host_of(m).rest_buffer
    cdef MapEntry* entry = NULL
    key.size = 0
    if bytes_byte(key, <uint8_t>kind) and bytes_append(key, name.data, name.size):
        entry = map_add(&host_of(m).records, key.data, key.size, value, size)
    if entry == NULL:
        raise_text(m, ERROR_MEMORY, NULL)
    return entry


cdef bint record(Machine* m, int kind, View name, int state, const void* value, size_t size) noexcept nogil:
    cdef Bytes made
    cdef MapEntry* entry
    cdef uint8_t[64] small
    cdef uint32_t before = host_of(m).records.count
    memset(&made, 0, sizeof(made))
    if size < sizeof(small):
        small[0] = <uint8_t>state
        if size:
            memcpy(&small[1], value, size)
        entry = entry_of(m, kind, name, small, size + 1)
    elif bytes_byte(&made, <uint8_t>state) and bytes_append(&made, value, size):
        entry = entry_of(m, kind, name, made.data, made.size)
    else:
        entry = NULL
        raise_text(m, ERROR_MEMORY, NULL)
    bytes_free(&made)
    if entry == NULL:
        return False
    if host_of(m).records.count == before and (entry.value_size != size + 1 or entry.value[0] != <uint8_t>state
                                               or (size and memcmp(entry.value + 1, value, size) != 0)):
        if kind == RECORD_TREE and state == STATE_FOUND and entry.value[0] == STATE_FOUND and (size == 32 or entry.value_size == 33) \
                and memcmp(entry.value + 1, value, 32) == 0:
            # The tree was copied whole, and also through a filter that left nothing out. What holds for the whole tree holds for both.
            entry.value_size = 33
        else:
            entry.value[0] = STATE_DISPUTED
    return True


cdef inline int state_of(Machine* m, const uint8_t* path, size_t size, int outcome) noexcept nogil:
    if is_elsewhere(m, path, size):
        return STATE_FIXED
    if outcome == DONE:
        return STATE_FOUND
    return STATE_ABSENT if outcome == MISSING else STATE_FAILED


cdef bint record_path(Machine* m, int kind, const uint8_t* path, size_t path_size, int outcome, const void* value, size_t size) noexcept nogil:
    cdef int state = state_of(m, path, path_size, outcome)
    if state != STATE_FOUND:
        return record(m, kind, make_view(path, path_size), state, NULL, 0)
    return record(m, kind, make_view(path, path_size), state, value, size)


cdef bint record_type(Machine* m, int kind, const uint8_t* path, size_t size, int file_type) noexcept nogil:
    cdef uint8_t value = <uint8_t>file_type
    return record_path(m, kind, path, size, MISSING if file_type == FILE_NONE else DONE if file_type > 0 else RAISE, &value, 1)


cdef int record_fault(Machine* m, const uint8_t* path, size_t size, int outcome) noexcept nogil:
    if outcome != RAISE or m.error.code != ERROR_FILE or m.error.fault == FAULT_NO_FILE:
        return outcome
    record(m, RECORD_STATUS, make_view(path, size), STATE_FAILED, NULL, 0)
    return outcome


cdef bint record_file(Machine* m, const uint8_t* path, size_t size, int outcome, const FileStamp* stamp, const Bytes* content) noexcept nogil:
    cdef FileRecord made
    cdef FileRecord* known
    cdef MapEntry* entry
    cdef uint32_t before = host_of(m).records.count
    cdef int state = state_of(m, path, size, outcome)
    if state != STATE_FOUND:
        return record(m, RECORD_FILE, make_view(path, size), state, NULL, 0)
    memset(&made, 0, sizeof(made))
    made.state = STATE_FOUND
    if stamp != NULL and stamp.inode:
        made.has_stamp = 1
        made.stamp = stamp[0]
    if content != NULL and (not made.has_stamp or stamp_is_young(stamp)):
        hash_into(&made, content)
    entry = entry_of(m, RECORD_FILE, make_view(path, size), &made, sizeof(made))
    if entry == NULL:
        return False
    if host_of(m).records.count != before or entry.value[0] == STATE_DISPUTED:
        return True
    if entry.value_size != sizeof(made):
        entry.value[0] = STATE_DISPUTED
        return True
    # The bytes of the entry have no alignment, so we do not point to them.
    known = &made
    return compare_with(entry, known, content)


cdef void hash_into(FileRecord* made, const Bytes* content) noexcept nogil:
    cdef Digest digest
    hash_bytes(HASH_SHA256, content.data, content.size, &digest)
    memcpy(made.hash, digest.data, 32)
    made.has_hash = 1


cdef bint compare_with(MapEntry* entry, FileRecord* made, const Bytes* content) noexcept nogil:
    """Compares two readings of the same file; if it may have changed in between, the entry becomes disputed.  Returns True."""
    cdef FileRecord known
    cdef bint is_same_stamp
    memcpy(&known, entry.value, sizeof(known))
    is_same_stamp = known.has_stamp and made.has_stamp and memcmp(&known.stamp, &made.stamp, sizeof(FileStamp)) == 0
    if known.has_hash and not made.has_hash and content != NULL and not is_same_stamp:
        hash_into(made, content)
    if known.has_hash and made.has_hash:
        if memcmp(known.hash, made.hash, 32) != 0:
            entry.value[0] = STATE_DISPUTED
        return True
    if not is_same_stamp:
        entry.value[0] = STATE_DISPUTED
    elif made.has_hash:
        memcpy(entry.value, made, sizeof(FileRecord))
    return True


cdef bint record_tree(Machine* m, View path, const NarTree* tree, bint is_whole, const Digest* digest) noexcept nogil:
    """A filtered tree is kept as its entries in order: kind, whether it was left out, index of its folder, name."""
    cdef Bytes value
    cdef uint32_t i
    cdef bint done
    cdef uint8_t[2] flags
    if digest == NULL:
        return record_path(m, RECORD_TREE, path.data, path.size, RAISE, NULL, 0)
    memset(&value, 0, sizeof(value))
    done = bytes_append(&value, digest.data, 32)
    if not is_whole:
        for i in range(tree.count):
            flags[0] = tree.entries[i].kind
            flags[1] = tree.entries[i].is_excluded
            done = done and bytes_append(&value, flags, 2) and bytes_append(&value, &tree.entries[i].parent, 4) \
                and bytes_append(&value, tree.names.data + tree.entries[i].name_start, tree.entries[i].name_size + 1)
    if not done:
        raise_text(m, ERROR_MEMORY, NULL)
    done = done and record_path(m, RECORD_TREE, path.data, path.size, DONE, value.data, value.size)
    bytes_free(&value)
    return done


cdef uint32_t record_count(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    if h.record_walks != NULL:
        h.record_walks(m)
    return h.records.count


cdef list record_entries(Machine* m, uint32_t first):
    cdef Host* h = host_of(m)
    cdef uint32_t i
    cdef MapEntry* e
    found = []
    for i in range(record_count(m)):
        e = &h.records.entries[i]
        if i >= first or e.value[0] == STATE_DISPUTED:
            found.append((_KINDS[e.key[0]], (<const char*>e.key)[1:e.key_size], (<const char*>e.value)[:e.value_size]))
    return found
