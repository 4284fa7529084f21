# cython: language_level=3
"""Files on disk: resolving links, status, contents, directories.

In: paths as the program wrote them.  Out: what is there, recorded, if the policy allows reading it.
"""
from libc.errno cimport EISDIR, ELOOP, ENOTDIR
from libc.stdint cimport uint8_t
from libc.string cimport memmove, memset, strlen

from snowsnake.cache.layout cimport FileStamp
from snowsnake.diagnostics.message_table cimport MESSAGE_ENDLESS_LINKS, MESSAGE_TOO_MANY_LINKS
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_free, bytes_text
from snowsnake.foundation.paths cimport parent_size, path_join
from snowsnake.host.byte_map cimport MapEntry, map_add, map_find, map_free
from snowsnake.host.disk cimport FOLLOW_LINKS, disk_type
from snowsnake.host.internal_files cimport fetchurl_nix, internal_type, is_internal
from snowsnake.host.places cimport (
    CHANGED, MISSING, PLACE_DISK, FilePlace, Reading, host_shows, is_elsewhere, place_link, place_list, place_of, place_read, place_stamp, place_type,
    raise_changed, raise_directory, raise_missing, raise_status, raise_system,
)
from snowsnake.host.policy cimport host_allows, host_check_access
from snowsnake.host.records cimport RECORD_DIRECTORY, RECORD_LINK, RECORD_STATUS, RECORD_TARGET, record_fault, record_file, record_path, record_type
from snowsnake.host.state cimport (
    FILE_DIRECTORY, FILE_NONE, FILE_REGULAR, FILE_SYMLINK, RESOLVE_FULL, RESOLVE_NONE, RESOLVE_PARENTS, host_of, is_guarded,
)
from snowsnake.machine.attention cimport error_disregard, must_stop, stop
from snowsnake.machine.errors cimport error_clear, raise_message, raise_text, worded
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_MEMORY, RAISE, Error, Machine

cdef enum:
    # We follow at most this many symlinks in one path, as C++ Nix does.
    MOST_LINKS = 1024


cdef int host_real_path(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* real) noexcept nogil:
    cdef FilePlace place
    if place_of(m, path, size_bytes, &place) != DONE:
        return RAISE
    if place.kind != PLACE_DISK:
        return raise_missing(m, path, size_bytes)
    bytes_append(real, place.disk, strlen(place.disk) + 1)
    return raise_text(m, ERROR_MEMORY, NULL) if real.failed else DONE


cdef int host_resolve(Machine* m, const uint8_t* path, size_t size_bytes, int mode, Bytes* resolved) noexcept nogil:
    cdef int outcome = resolve(m, path, size_bytes, mode, resolved)
    if outcome == CHANGED:
        map_free(&host_of(m).directories)
        outcome = resolve(m, path, size_bytes, mode, resolved)
    if outcome == CHANGED:
        return raise_changed(m, path, size_bytes)
    return record_fault(m, path, size_bytes, outcome)


cdef int follow_link(Machine* m, Bytes* resolved, size_t parent_size, Bytes* todo, size_t at) noexcept nogil:
    """Puts the target of the symlink at *resolved* in front of what is left of the path, and goes back to the link's folder, or to the root."""
    cdef char[4096] target
    cdef size_t length = 0
    cdef int outcome = place_link(m, resolved.data, resolved.size, target, sizeof(target), &length)
    if outcome != DONE:
        return outcome
    if not record_path(m, RECORD_LINK, resolved.data, resolved.size, DONE, target, length):
        return RAISE
    resolved.size = 0 if target[0] == c'/' else parent_size
    return put_in_front(m, todo, at, target, length)


cdef int resolve(Machine* m, const uint8_t* path, size_t size_bytes, int mode, Bytes* resolved) noexcept nogil:
    """Resolves one component at a time; the rest of the path is text, and the target of a symlink is put in front of it."""
    cdef Bytes todo
    cdef size_t at = 0, start, last, name_size
    cdef int links = MOST_LINKS, kind, outcome = DONE
    memset(&todo, 0, sizeof(todo))
    resolved.size = 0
    if is_internal(m, path, size_bytes):
        return DONE if bytes_append(resolved, path, size_bytes) else raise_text(m, ERROR_MEMORY, NULL)
    if not bytes_append(&todo, path, size_bytes):
        return raise_text(m, ERROR_MEMORY, NULL)
    while outcome == DONE:
        # A program may use a text of 100 MB as a path, so we look for a request to stop.
        if must_stop(m):
            outcome = stop(m)
            break
        while at < todo.size and todo.data[at] == c'/':
            at += 1
        start = at
        while at < todo.size and todo.data[at] != c'/':
            at += 1
        name_size = at - start
        if name_size == 0:
            break
        last = resolved.size
        if not path_join(resolved, 0, todo.data + start, name_size):
            outcome = raise_text(m, ERROR_MEMORY, NULL)
            break
        if resolved.size <= last or mode == RESOLVE_NONE:
            continue
        if mode == RESOLVE_PARENTS and is_rest_empty(todo.data + at, todo.size - at):
            continue
        if is_guarded(m) and not host_allows(m, resolved.data, resolved.size):
            # A path that the policy hides does not count as a symlink.
            continue
        if map_find(&host_of(m).directories, resolved.data, resolved.size) != NULL:
            continue
        outcome = place_type(m, resolved.data, resolved.size, &kind)
        if outcome != DONE:
            break
        if kind != FILE_SYMLINK and not record_type(m, RECORD_STATUS, resolved.data, resolved.size, kind):
            outcome = RAISE
            break
        if kind == FILE_DIRECTORY and map_add(&host_of(m).directories, resolved.data, resolved.size, NULL, 0) == NULL:
            outcome = raise_text(m, ERROR_MEMORY, NULL)
        if kind != FILE_SYMLINK:
            continue
        links -= 1
        if links < 0:
            outcome = raise_message(m, worded(MESSAGE_ENDLESS_LINKS, <int>size_bytes, <const char*>path))
            break
        outcome = follow_link(m, resolved, last, &todo, at)
        at = 0
    bytes_free(&todo)
    if outcome == DONE and resolved.size == 0 and not bytes_byte(resolved, c'/'):
        return raise_text(m, ERROR_MEMORY, NULL)
    return outcome


cdef bint is_rest_empty(const uint8_t* rest, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if rest[i] != c'/' and not (rest[i] == c'.' and (i == 0 or rest[i - 1] == c'/') and (i + 1 == size or rest[i + 1] == c'/')):
            return False
    return True


cdef int put_in_front(Machine* m, Bytes* todo, size_t at, const char* target, size_t size) noexcept nogil:
    """Replaces the first *at* bytes of a path, which are done, by the target of a link."""
    cdef Bytes fresh
    memset(&fresh, 0, sizeof(fresh))
    if not (bytes_append(&fresh, target, size) and bytes_byte(&fresh, c'/')
            and bytes_append(&fresh, todo.data + at, todo.size - at)):
        bytes_free(&fresh)
        return raise_text(m, ERROR_MEMORY, NULL)
    bytes_free(todo)
    todo[0] = fresh
    return DONE


cdef int resolve_and_check(Machine* m, const uint8_t* path, size_t size, int mode, Bytes* resolved) noexcept nogil:
    """The targets of symlinks must be allowed; in pure evaluation the path itself, too, so that evaluation looks at nothing else."""
    if host_of(m).is_pure and host_check_access(m, path, size) != DONE:
        return RAISE
    if host_resolve(m, path, size, mode, resolved) != DONE:
        return RAISE
    return host_check_access(m, resolved.data, resolved.size)


cdef inline bint must_walk(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    """Whether the system would resolve symbolic links differently: a policy decides, or files are elsewhere."""
    return is_guarded(m) or ((host_of(m).mounts.count or host_of(m).sources.count) and is_elsewhere(m, path, size))


cdef bint again(Machine* m, int* outcome, int* attempts) noexcept nogil:
    """Whether to try again, because a folder on the way to a file has become a symbolic link; there are at most two attempts."""
    if outcome[0] != CHANGED or attempts[0]:
        return False
    attempts[0] += 1
    map_free(&host_of(m).directories)
    outcome[0] = DONE
    return True


cdef int end_of_walk(Machine* m, int outcome, Bytes* resolved) noexcept nogil:
    """Raises the error of a path that does not exist or has changed, and frees the resolved path."""
    if outcome == MISSING:
        outcome = raise_missing(m, resolved.data, resolved.size)
    elif outcome == CHANGED:
        outcome = raise_changed(m, resolved.data, resolved.size)
    bytes_free(resolved)
    return outcome


# ---- contents ---------------------------------------------------------------------------------------------------

cdef int host_read_file(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* content) noexcept nogil:
    return host_read_file_as(m, path, size_bytes, content, NULL)


cdef int host_read_file_as(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* content, Reading* reading) noexcept nogil:
    cdef Bytes resolved
    cdef FileStamp stamp
    cdef int outcome = DONE, attempts = 0
    if is_internal(m, path, size_bytes):
        return read_internal(m, path, size_bytes, content)
    if not must_walk(m, path, size_bytes):
        outcome = place_read(m, path, size_bytes, content, &stamp, reading)
        if outcome != MISSING:
            return outcome if record_file(m, path, size_bytes, outcome, &stamp, contents_of(content, reading)) else RAISE
    memset(&resolved, 0, sizeof(resolved))
    while True:
        outcome = resolve_and_check(m, path, size_bytes, RESOLVE_FULL, &resolved)
        if outcome == DONE:
            outcome = read_resolved(m, &resolved, content, &stamp, reading)
            if outcome != CHANGED and not record_file(m, path, size_bytes, outcome, &stamp, contents_of(content, reading)):
                outcome = RAISE
        if not again(m, &outcome, &attempts):
            return end_of_walk(m, outcome, &resolved)


cdef inline const Bytes* contents_of(const Bytes* content, const Reading* reading) noexcept nogil:
    """The contents for the record; NULL if they went to a hasher: then the stamp of the file is enough."""
    return NULL if reading != NULL and reading.is_hashed else content


cdef int read_resolved(Machine* m, Bytes* path, Bytes* content, FileStamp* stamp, Reading* reading) noexcept nogil:
    """A link may lead to a file that is on no disk."""
    content.size = 0
    memset(stamp, 0, sizeof(FileStamp))
    if is_internal(m, path.data, path.size):
        return read_internal(m, path.data, path.size, content)
    return place_read(m, path.data, path.size, content, stamp, reading)


cdef int read_internal(Machine* m, const uint8_t* path, size_t size, Bytes* content) noexcept nogil:
    cdef MapEntry* text
    if internal_type(m, path, size) == FILE_DIRECTORY:
        return raise_system(m, "reading file", path, size, EISDIR)
    if internal_type(m, path, size) != FILE_REGULAR:
        return raise_missing(m, path, size)
    if path[0] != c'<':
        text = map_find(&host_of(m).texts, path, size)
        return DONE if bytes_append(content, text.value, text.value_size) else raise_text(m, ERROR_MEMORY, NULL)
    if not bytes_text(content, fetchurl_nix()):
        return raise_text(m, ERROR_MEMORY, NULL)
    return DONE


cdef bint host_file_stamp(Machine* m, const uint8_t* path, size_t size_bytes, FileStamp* stamp) noexcept nogil:
    cdef Bytes resolved
    cdef bint done
    if is_internal(m, path, size_bytes):
        return False
    memset(&resolved, 0, sizeof(resolved))
    if not must_walk(m, path, size_bytes):
        done = place_stamp(m, path, size_bytes, stamp)
    else:
        done = resolve_and_check(m, path, size_bytes, RESOLVE_FULL, &resolved) == DONE and \
            place_stamp(m, resolved.data, resolved.size, stamp)
    done = done and record_file(m, path, size_bytes, DONE, stamp, NULL)
    if not done:
        error_disregard(m)
    bytes_free(&resolved)
    return done


# ---- status and directories -------------------------------------------------------------------------------------

cdef int host_file_type(Machine* m, const uint8_t* path, size_t size_bytes, bint follow, int* file_type) noexcept nogil:
    cdef Bytes resolved
    cdef FilePlace place
    cdef int outcome = DONE, fault = 0, attempts = 0
    file_type[0] = FILE_NONE
    if is_internal(m, path, size_bytes):
        file_type[0] = internal_type(m, path, size_bytes)
        return DONE
    if not must_walk(m, path, size_bytes):
        if place_of(m, path, size_bytes, &place) != DONE:
            return RAISE
        file_type[0] = disk_type(place.disk, FOLLOW_LINKS, follow, &fault)
        if not record_type(m, RECORD_TARGET if follow else RECORD_STATUS, path, size_bytes, file_type[0]):
            return RAISE
        if file_type[0] > FILE_NONE or (file_type[0] == FILE_NONE and not may_lead_elsewhere(m)):
            return DONE
        if file_type[0] < FILE_NONE and fault != ELOOP:
            return raise_status(m, path, size_bytes, fault)
    memset(&resolved, 0, sizeof(resolved))
    while True:
        outcome = resolve_and_check(m, path, size_bytes, RESOLVE_FULL if follow else RESOLVE_PARENTS, &resolved)
        if outcome == DONE:
            outcome = record_fault(m, path, size_bytes, status_now(m, &resolved, file_type))
        # The record has the path as it was asked for.  On disk, the same question finds the same file later; a file in a source is fixed by its hash.
        if outcome == DONE and not record_type(m, RECORD_TARGET if follow else RECORD_STATUS, path, size_bytes, file_type[0]):
            outcome = RAISE
        if not again(m, &outcome, &attempts):
            return end_of_walk(m, outcome, &resolved)


cdef inline bint may_lead_elsewhere(Machine* m) noexcept nogil:
    """Whether a symbolic link on disk can lead to a file that is only in the logical store."""
    return (host_of(m).mounts.count | host_of(m).sources.count | host_of(m).texts.count) != 0 or host_of(m).real_store != NULL


cdef int status_now(Machine* m, Bytes* path, int* file_type) noexcept nogil:
    if is_internal(m, path.data, path.size):
        file_type[0] = internal_type(m, path.data, path.size)
        return DONE
    return place_type(m, path.data, path.size, file_type)


cdef int host_read_directory(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* entries) noexcept nogil:
    cdef Bytes resolved
    cdef int outcome = DONE, attempts = 0
    if is_internal(m, path, size_bytes):
        return list_internal(m, path, size_bytes, entries)
    if not must_walk(m, path, size_bytes):
        outcome = place_list(m, path, size_bytes, entries)
        if outcome == RAISE and m.error.code == ERROR_FILE:
            # We read the path again below, so that the error names the path to which the links lead.
            error_disregard(m)
        elif outcome != MISSING:
            return outcome if record_path(m, RECORD_DIRECTORY, path, size_bytes, outcome, entries.data, entries.size) else RAISE
    memset(&resolved, 0, sizeof(resolved))
    while True:
        outcome = resolve_and_check(m, path, size_bytes, RESOLVE_FULL, &resolved)
        if outcome == DONE:
            entries.size = 0
            outcome = place_list(m, resolved.data, resolved.size, entries)
            if outcome != CHANGED and not record_path(m, RECORD_DIRECTORY, path, size_bytes, outcome, entries.data, entries.size):
                outcome = RAISE
        if not again(m, &outcome, &attempts):
            break
    if outcome == DONE and is_guarded(m) and not keep_shown(m, &resolved, entries):
        outcome = raise_text(m, ERROR_MEMORY, NULL)
    return end_of_walk(m, outcome, &resolved)


cdef bint keep_shown(Machine* m, Bytes* folder, Bytes* entries) noexcept nogil:
    """Removes the entries that the policy hides; returns False if memory ran out."""
    cdef Bytes child
    cdef size_t at = 0, to = 0, size
    memset(&child, 0, sizeof(child))
    while at < entries.size:
        size = strlen(<char*>entries.data + at + 1)
        child.size = 0
        if not (bytes_append(&child, folder.data, folder.size) and path_join(&child, 0, entries.data + at + 1, size)):
            bytes_free(&child)
            return False
        if host_shows(m, child.data, child.size):
            memmove(entries.data + to, entries.data + at, size + 2)
            to += size + 2
        at += size + 2
    entries.size = to
    bytes_free(&child)
    return True


cdef int list_internal(Machine* m, const uint8_t* path, size_t size, Bytes* entries) noexcept nogil:
    cdef int kind = internal_type(m, path, size)
    if kind == FILE_NONE:
        return raise_missing(m, path, size)
    if kind == FILE_REGULAR:
        return raise_directory(m, path, size, ENOTDIR)
    if bytes_byte(entries, FILE_REGULAR) and bytes_text(entries, "fetchurl.nix") and bytes_byte(entries, 0):
        return DONE
    return raise_text(m, ERROR_MEMORY, NULL)


# ---- imports ----------------------------------------------------------------------------------------------------

cdef int host_resolve_import(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* resolved) noexcept nogil:
    """Follows the last component's symlinks and keeps those of its parents: relative paths start where the file was requested."""
    cdef Bytes full
    cdef char[4096] target
    cdef size_t parent, length = 0
    cdef int links = MOST_LINKS, kind = FILE_NONE, outcome = DONE, attempts = 0
    resolved.size = 0
    if not bytes_append(resolved, path, size_bytes):
        return raise_text(m, ERROR_MEMORY, NULL)
    if is_internal(m, path, size_bytes):
        return DONE
    memset(&full, 0, sizeof(full))
    while outcome == DONE:
        outcome = record_fault(m, resolved.data, resolved.size, import_type(m, resolved, &full, &kind))
        if again(m, &outcome, &attempts):
            continue
        if outcome == DONE and kind != FILE_SYMLINK and not record_type(m, RECORD_STATUS, resolved.data, resolved.size, kind):
            outcome = RAISE
        if outcome == DONE and kind == FILE_NONE:
            outcome = raise_unresolved(m, resolved, &full)
        if outcome != DONE or kind != FILE_SYMLINK:
            break
        links -= 1
        if links <= 0:
            outcome = raise_message(m, worded(MESSAGE_TOO_MANY_LINKS, <int>resolved.size, <char*>resolved.data))
            break
        outcome = place_link(m, full.data, full.size, target, sizeof(target), &length) if full.size else \
            place_link(m, resolved.data, resolved.size, target, sizeof(target), &length)
        if again(m, &outcome, &attempts):
            continue
        if outcome != DONE:
            break
        if not record_path(m, RECORD_LINK, resolved.data, resolved.size, DONE, target, length):
            outcome = RAISE
        else:
            parent = parent_size(resolved.data, resolved.size)
            resolved.size = 0 if target[0] == c'/' or parent == 1 else parent
            if not path_join(resolved, 0, <uint8_t*>target, <size_t>length) or \
                    (resolved.size == 0 and not bytes_byte(resolved, c'/')):
                outcome = raise_text(m, ERROR_MEMORY, NULL)
    bytes_free(&full)
    if outcome == CHANGED:
        return raise_changed(m, path, size_bytes)
    if outcome == DONE and kind == FILE_DIRECTORY and not path_join(resolved, 0, b"default.nix", 11):
        return raise_text(m, ERROR_MEMORY, NULL)
    return outcome


cdef int import_type(Machine* m, Bytes* path, Bytes* full, int* kind) noexcept nogil:
    """The type of the last component; *full* is the path with resolved parents, or empty if the system can find it as well."""
    cdef FilePlace place
    cdef int fault = 0, outcome
    full.size = 0
    if is_internal(m, path.data, path.size):
        kind[0] = internal_type(m, path.data, path.size)
        return DONE
    if not must_walk(m, path.data, path.size):
        if place_of(m, path.data, path.size, &place) != DONE:
            return RAISE
        kind[0] = disk_type(place.disk, FOLLOW_LINKS, False, &fault)
        if kind[0] > FILE_NONE or (kind[0] == FILE_NONE and not may_lead_elsewhere(m)):
            return DONE
        if kind[0] < FILE_NONE and fault != ELOOP:
            return raise_status(m, path.data, path.size, fault)
    outcome = resolve_and_check(m, path.data, path.size, RESOLVE_PARENTS, full)
    return status_now(m, full, kind) if outcome == DONE else outcome


cdef int raise_unresolved(Machine* m, Bytes* path, Bytes* full) noexcept nogil:
    if host_resolve(m, path.data, path.size, RESOLVE_PARENTS, full) != DONE:
        return RAISE
    return raise_missing(m, full.data, full.size)


# ---- for excerpts of errors -------------------------------------------------------------------------------------

def source_text(size_t machine, bytes path):
    """The contents of a file of the evaluation, wherever it is kept, for the excerpt of an error; None if it does not exist any more.

    The error that is pending stays as it is.
    """
    cdef Machine* m = <Machine*>machine
    cdef const uint8_t* text = <const uint8_t*><const char*>path
    cdef Bytes content, resolved
    cdef FileStamp stamp
    cdef Error pending = m.error
    cdef int outcome
    memset(&content, 0, sizeof(content))
    memset(&resolved, 0, sizeof(resolved))
    memset(&m.error, 0, sizeof(m.error))
    try:
        outcome = resolve_and_check(m, text, len(path), RESOLVE_FULL, &resolved)
        if outcome == DONE:
            outcome = read_resolved(m, &resolved, &content, &stamp, NULL)
        return (<const char*>content.data)[:content.size] if outcome == DONE else None
    finally:
        error_clear(m)
        m.error = pending
        bytes_free(&content)
        bytes_free(&resolved)
