# What is on disk: status, contents, directories, symlinks.  Included by host.pyx.

cdef enum:
    MOST_LINKS = 1024                 # symlinks followed in one path, as C++ Nix
    READ_LIMIT = 0x7fffffff           # bytes of one file


cdef int raise_missing(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    return raise_text(m, ERROR_FILE, format_text("path '%.*s' does not exist", <int>size, <const char*>path))


cdef int raise_system(Machine* m, const char* doing, const uint8_t* path, size_t size, int fault) noexcept nogil:
    """`opening file '/x': Permission denied`"""
    return raise_text(m, ERROR_FILE, format_text("%s '%.*s': %s", doing, <int>size, <const char*>path, strerror(fault)))


cdef int raise_directory(Machine* m, const uint8_t* path, size_t size, int fault) noexcept nogil:
    """C++ Nix quotes the path in its own way here."""
    return raise_text(m, ERROR_FILE, format_text("cannot read directory \"%.*s\": %s", <int>size, <const char*>path, strerror(fault)))



cdef const char* disk_path(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    """Where a path is on disk, as a C string that lives until the next call; NULL: an error has been raised."""
    cdef Host* h = host_of(m)
    cdef ByteBuffer* b = &h.path_buffer
    b.size_bytes = 0
    if memchr(path, 0, size) != NULL:
        raise_text(m, ERROR_FILE, format_text("path '%.*s' contains a NUL byte", <int>size, <const char*>path))
        return NULL
    if h.unsettled.count and is_unsettled(m, path, size) and not settle(m):
        return NULL
    if (h.real_store != NULL or h.sources.count) and host_is_in_store(m, path, size) and store_disk_path(m, path, size):
        return <const char*>b.data
    b.size_bytes = 0
    if not (buffer_append(b, path, size) and buffer_byte(b, 0)):
        raise_text(m, ERROR_MEMORY, NULL)
        return NULL
    return <const char*>b.data


cdef bint is_unsettled(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    """Whether a path lies in a store object that the embedded store took and may not have written yet."""
    cdef size_t end = host_of(m).store_dir_size + 1
    if not host_is_in_store(m, path, size):
        return False
    while end < size and path[end] != c'/':
        end += 1
    return map_find(&host_of(m).unsettled, path, end) != NULL


cdef bint store_disk_path(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    """Where a path of the logical store is kept: where it was copied from, or in the folder that stands for the store."""
    cdef Host* h = host_of(m)
    cdef ByteBuffer* b = &h.path_buffer
    cdef MapEntry* source
    cdef size_t end = h.store_dir_size + 1
    while end < size and path[end] != c'/':
        end += 1
    source = map_find(&h.sources, path, end)
    if source != NULL:
        return buffer_append(b, source.value, source.value_size) and buffer_append(b, path + end, size - end) and buffer_byte(b, 0)
    if h.real_store == NULL or not (buffer_text(b, h.real_store) and
                                    buffer_append(b, path + h.store_dir_size, end - h.store_dir_size) and buffer_byte(b, 0)):
        return False
    if disk_type(<const char*>b.data, False, NULL) <= FILE_NONE:
        return False
    b.size_bytes -= 1
    return buffer_append(b, path + end, size - end) and buffer_byte(b, 0)


cdef int host_real_path(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* real) noexcept nogil:
    cdef const char* text = disk_path(m, path, size_bytes)
    if text == NULL:
        return RAISE
    bytes_append(real, text, strlen(text) + 1)
    return raise_text(m, ERROR_MEMORY, NULL) if real.failed else DONE


cdef int host_resolve(Machine* m, const uint8_t* path, size_t size_bytes, int mode, ByteBuffer* resolved) noexcept nogil:
    """Component by component; what is left to do is text, to which the target of a symlink is put in front."""
    cdef ByteBuffer todo
    cdef char[4096] target
    cdef const char* real
    cdef Py_ssize_t length
    cdef size_t at = 0, start, last, name_size
    cdef int links = MOST_LINKS, kind, fault, outcome = DONE
    memset(&todo, 0, sizeof(todo))
    resolved.size_bytes = 0
    if is_internal(m, path, size_bytes):
        return DONE if buffer_append(resolved, path, size_bytes) else raise_text(m, ERROR_MEMORY, NULL)
    if not buffer_append(&todo, path, size_bytes):
        return raise_text(m, ERROR_MEMORY, NULL)
    while outcome == DONE:
        while at < todo.size_bytes and todo.data[at] == c'/':
            at += 1
        start = at
        while at < todo.size_bytes and todo.data[at] != c'/':
            at += 1
        name_size = at - start
        if name_size == 0:
            break
        last = resolved.size_bytes
        if not path_join(resolved, 0, todo.data + start, name_size):
            outcome = raise_text(m, ERROR_MEMORY, NULL)
            break
        if resolved.size_bytes <= last or mode == RESOLVE_NONE:
            continue
        if mode == RESOLVE_PARENTS and is_rest_empty(todo.data + at, todo.size_bytes - at):
            continue
        if is_guarded(m) and not host_allows(m, resolved.data, resolved.size_bytes):
            continue                  # what may not be looked at is no symlink
        if map_find(&host_of(m).directories, resolved.data, resolved.size_bytes) != NULL:
            continue
        real = disk_path(m, resolved.data, resolved.size_bytes)
        if real == NULL:
            outcome = RAISE
            break
        kind = disk_type(real, False, &fault)
        if kind < 0:
            outcome = raise_system(m, "getting status of", resolved.data, resolved.size_bytes, fault)
            break
        if kind == FILE_DIRECTORY and map_add(&host_of(m).directories, resolved.data, resolved.size_bytes, NULL, 0) == NULL:
            outcome = raise_text(m, ERROR_MEMORY, NULL)
        if kind != FILE_SYMLINK:
            continue
        links -= 1
        length = readlink(real, target, sizeof(target))
        if links < 0:
            outcome = raise_text(m, ERROR_FILE, format_text("infinite symlink recursion in path '%.*s'", <int>size_bytes,
                                                            <const char*>path))
        elif length < 0:
            outcome = raise_system(m, "reading symbolic link", resolved.data, resolved.size_bytes, errno)
        elif length == sizeof(target):
            outcome = raise_system(m, "reading symbolic link", resolved.data, resolved.size_bytes, ENAMETOOLONG)
        elif not record(m, RECORD_STATUS, resolved.data, resolved.size_bytes):
            outcome = RAISE
        else:
            resolved.size_bytes = 0 if target[0] == c'/' else last
            outcome = put_in_front(m, &todo, at, target, <size_t>length)
            at = 0
    buffer_free(&todo)
    if outcome == DONE and resolved.size_bytes == 0 and not buffer_byte(resolved, c'/'):
        return raise_text(m, ERROR_MEMORY, NULL)
    return outcome


cdef bint is_rest_empty(const uint8_t* rest, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if rest[i] != c'/' and not (rest[i] == c'.' and (i == 0 or rest[i - 1] == c'/') and (i + 1 == size or rest[i + 1] == c'/')):
            return False
    return True


cdef int put_in_front(Machine* m, ByteBuffer* todo, size_t at, const char* target, size_t size) noexcept nogil:
    cdef ByteBuffer fresh
    memset(&fresh, 0, sizeof(fresh))
    if not (buffer_append(&fresh, target, size) and buffer_byte(&fresh, c'/')
            and buffer_append(&fresh, todo.data + at, todo.size_bytes - at)):
        buffer_free(&fresh)
        return raise_text(m, ERROR_MEMORY, NULL)
    buffer_free(todo)
    todo[0] = fresh
    return DONE


cdef int resolve_and_check(Machine* m, const uint8_t* path, size_t size, int mode, ByteBuffer* resolved) noexcept nogil:
    """Where symlinks lead must be allowed; in pure evaluation the path itself too, so that nothing outside is looked at."""
    if host_of(m).is_pure and host_check_access(m, path, size) != DONE:
        return RAISE
    if host_resolve(m, path, size, mode, resolved) != DONE:
        return RAISE
    return host_check_access(m, resolved.data, resolved.size_bytes)


# ---- contents ---------------------------------------------------------------------------------------------------

cdef int host_read_file(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* content) noexcept nogil:
    cdef ByteBuffer resolved
    cdef int outcome
    if is_internal(m, path, size_bytes):
        return read_internal(m, path, size_bytes, content)
    if not is_guarded(m):
        if not record(m, RECORD_FILE, path, size_bytes):
            return RAISE
        outcome = read_now(m, path, size_bytes, content)
        if outcome != MISSING:
            return outcome
    memset(&resolved, 0, sizeof(resolved))
    outcome = resolve_and_check(m, path, size_bytes, RESOLVE_FULL, &resolved)
    if outcome == DONE and not record(m, RECORD_FILE, path, size_bytes):
        outcome = RAISE
    if outcome == DONE:
        outcome = read_now(m, resolved.data, resolved.size_bytes, content)
        if outcome == MISSING:
            outcome = raise_missing(m, resolved.data, resolved.size_bytes)
    buffer_free(&resolved)
    return outcome


cdef int read_internal(Machine* m, const uint8_t* path, size_t size, ByteBuffer* content) noexcept nogil:
    cdef MapEntry* text
    if internal_type(m, path, size) == FILE_DIRECTORY:
        return raise_system(m, "reading file", path, size, EISDIR)
    if internal_type(m, path, size) != FILE_REGULAR:
        return raise_missing(m, path, size)
    if path[0] != c'<':
        text = map_find(&host_of(m).texts, path, size)
        return DONE if buffer_append(content, text.value, text.value_size) else raise_text(m, ERROR_MEMORY, NULL)
    if not buffer_text(content, <const char*>FETCHURL_NIX):
        return raise_text(m, ERROR_MEMORY, NULL)
    return DONE


cdef int read_now(Machine* m, const uint8_t* path, size_t size, ByteBuffer* content) noexcept nogil:
    """MISSING: nothing is there, or symlinks go round (the caller finds out)."""
    cdef int64_t wanted = 0
    cdef int fd, fault = 0, kind = 0
    cdef Py_ssize_t n
    cdef const char* real = disk_path(m, path, size)
    if real == NULL:
        return RAISE
    fd = disk_open(real, &kind, &wanted, &fault)
    if fd < 0:
        if fault == ENOENT or fault == ENOTDIR or fault == ELOOP:
            return MISSING
        return raise_system(m, "opening file", path, size, fault)
    if kind == FILE_DIRECTORY:
        fault = EISDIR
    elif kind == FILE_OTHER and not wanted:
        close(fd)
        return raise_text(m, ERROR_FILE, format_text("file '%.*s' has an unsupported type", <int>size, <const char*>path))
    elif kind == FILE_OTHER:
        wanted = 0                     # a character device: its size says that it is empty
    elif wanted > READ_LIMIT:
        close(fd)
        return raise_text(m, ERROR_FILE, format_text("file '%.*s' is too large: %lld bytes, at most %lld can be read", <int>size,
                                                     <const char*>path, <long long>wanted, <long long>READ_LIMIT))
    if fault == 0 and not buffer_reserve(content, <size_t>wanted + 64):
        close(fd)
        return raise_text(m, ERROR_MEMORY, NULL)
    while fault == 0 and wanted > 0:
        n = read(fd, content.data + content.size_bytes, <size_t>wanted)
        if n < 0 and errno == EINTR:
            continue
        if n < 0:
            fault = errno
            break
        if n == 0:
            close(fd)
            return raise_text(m, ERROR_FILE, format_text("unexpected end-of-file reading '%.*s'", <int>size, <const char*>path))
        content.size_bytes += n
        wanted -= n
    close(fd)
    return DONE if fault == 0 else raise_system(m, "reading file", path, size, fault)


cdef bint host_file_stamp(Machine* m, const uint8_t* path, size_t size_bytes, FileStamp* stamp) noexcept nogil:
    cdef ByteBuffer resolved
    cdef const char* real
    cdef bint done
    if is_internal(m, path, size_bytes):
        return False
    if not is_guarded(m):
        real = disk_path(m, path, size_bytes)
        if real != NULL and disk_stamp(real, stamp) and record(m, RECORD_FILE, path, size_bytes):
            return True
        error_clear(m)
        return False
    memset(&resolved, 0, sizeof(resolved))
    done = resolve_and_check(m, path, size_bytes, RESOLVE_FULL, &resolved) == DONE
    if done:
        real = disk_path(m, resolved.data, resolved.size_bytes)
        done = real != NULL and disk_stamp(real, stamp) and record(m, RECORD_FILE, path, size_bytes)
    if not done:
        error_clear(m)
    buffer_free(&resolved)
    return done


# ---- status and directories -------------------------------------------------------------------------------------

cdef int host_file_type(Machine* m, const uint8_t* path, size_t size_bytes, bint follow, int* file_type) noexcept nogil:
    cdef ByteBuffer resolved
    cdef int outcome, fault = 0
    cdef const char* real
    file_type[0] = FILE_NONE
    if is_internal(m, path, size_bytes):
        file_type[0] = internal_type(m, path, size_bytes)
        return DONE
    if not is_guarded(m):
        if not record(m, RECORD_STATUS, path, size_bytes):
            return RAISE
        real = disk_path(m, path, size_bytes)
        if real == NULL:
            return RAISE
        file_type[0] = disk_type(real, follow, &fault)
        if file_type[0] > FILE_NONE or (fault != ELOOP and file_type[0] == FILE_NONE):
            return DONE
        if fault != ELOOP:
            return raise_system(m, "getting status of", path, size_bytes, fault)
    memset(&resolved, 0, sizeof(resolved))
    outcome = resolve_and_check(m, path, size_bytes, RESOLVE_FULL if follow else RESOLVE_PARENTS, &resolved)
    if outcome == DONE and not record(m, RECORD_STATUS, path, size_bytes):
        outcome = RAISE
    if outcome == DONE:
        outcome = status_now(m, &resolved, file_type)
    buffer_free(&resolved)
    return outcome


cdef int status_now(Machine* m, ByteBuffer* path, int* file_type) noexcept nogil:
    cdef int fault = 0
    cdef const char* real = disk_path(m, path.data, path.size_bytes)
    if real == NULL:
        return RAISE
    file_type[0] = disk_type(real, False, &fault)
    if file_type[0] < 0:
        return raise_system(m, "getting status of", path.data, path.size_bytes, fault)
    return DONE


cdef int host_read_directory(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* entries) noexcept nogil:
    cdef ByteBuffer resolved
    cdef int outcome
    if is_internal(m, path, size_bytes):
        return list_internal(m, path, size_bytes, entries)
    if not is_guarded(m):
        if not record(m, RECORD_DIRECTORY, path, size_bytes):
            return RAISE
        outcome = list_now(m, path, size_bytes, entries)
        if outcome != MISSING:
            return outcome
    memset(&resolved, 0, sizeof(resolved))
    outcome = resolve_and_check(m, path, size_bytes, RESOLVE_FULL, &resolved)
    if outcome == DONE and not record(m, RECORD_DIRECTORY, path, size_bytes):
        outcome = RAISE
    if outcome == DONE:
        outcome = list_now(m, resolved.data, resolved.size_bytes, entries)
        if outcome == MISSING:
            outcome = raise_missing(m, resolved.data, resolved.size_bytes)
    buffer_free(&resolved)
    return outcome


cdef int list_internal(Machine* m, const uint8_t* path, size_t size, ByteBuffer* entries) noexcept nogil:
    cdef int kind = internal_type(m, path, size)
    if kind == FILE_NONE:
        return raise_missing(m, path, size)
    if kind == FILE_REGULAR:
        return raise_directory(m, path, size, ENOTDIR)
    if buffer_byte(entries, FILE_REGULAR) and buffer_text(entries, "fetchurl.nix") and buffer_byte(entries, 0):
        return DONE
    return raise_text(m, ERROR_MEMORY, NULL)


cdef int list_now(Machine* m, const uint8_t* path, size_t size, ByteBuffer* entries) noexcept nogil:
    cdef DIR* directory
    cdef const char* name
    cdef int kind = 0, fault = 0, outcome = DONE
    cdef const char* real = disk_path(m, path, size)
    if real == NULL:
        return RAISE
    directory = opendir(real)
    if directory == NULL:
        fault = errno
        if fault == ENOENT or fault == ELOOP or (fault == ENOTDIR and disk_type(real, True, NULL) <= FILE_NONE):
            return MISSING
        return raise_directory(m, path, size, fault)
    while outcome == DONE:
        name = disk_next_name(directory, &kind, &fault)
        if name == NULL:
            if fault:
                outcome = raise_directory(m, path, size, fault)
            break
        if is_guarded(m) and not child_allowed(m, path, size, name):
            continue
        if not (buffer_byte(entries, <uint8_t>kind) and buffer_append(entries, name, strlen(name) + 1)):
            outcome = raise_text(m, ERROR_MEMORY, NULL)
    closedir(directory)
    return outcome


cdef bint child_allowed(Machine* m, const uint8_t* path, size_t size, const char* name) noexcept nogil:
    cdef ByteBuffer child
    cdef bint answer
    memset(&child, 0, sizeof(child))
    answer = buffer_append(&child, path, size) and path_join(&child, 0, <const uint8_t*>name, strlen(name)) \
        and host_allows(m, child.data, child.size_bytes)
    buffer_free(&child)
    return answer


# ---- imports ----------------------------------------------------------------------------------------------------

cdef int host_resolve_import(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* resolved) noexcept nogil:
    """The last component's symlinks are followed, those of its parents stay: relative paths start where the file was asked for."""
    cdef ByteBuffer full
    cdef char[4096] target
    cdef Py_ssize_t length
    cdef size_t parent
    cdef int links = MOST_LINKS, kind = FILE_NONE, fault = 0, outcome = DONE
    cdef const char* real
    resolved.size_bytes = 0
    if not buffer_append(resolved, path, size_bytes):
        return raise_text(m, ERROR_MEMORY, NULL)
    if is_internal(m, path, size_bytes):
        return DONE
    memset(&full, 0, sizeof(full))
    while outcome == DONE:
        if is_guarded(m):
            outcome = resolve_and_check(m, resolved.data, resolved.size_bytes, RESOLVE_PARENTS, &full)
            if outcome != DONE:
                break
        real = disk_path(m, resolved.data, resolved.size_bytes)
        if real == NULL:
            outcome = RAISE
            break
        kind = disk_type(real, False, &fault)
        if kind == FILE_NONE or (kind < 0 and fault == ELOOP):
            outcome = raise_unresolved(m, resolved, &full)
        elif kind < 0:
            outcome = raise_system(m, "getting status of", resolved.data, resolved.size_bytes, fault)
        if outcome != DONE or kind != FILE_SYMLINK:
            break
        links -= 1
        length = readlink(real, target, sizeof(target))
        if links <= 0:
            outcome = raise_text(m, ERROR_FILE, format_text(
                "too many symbolic links encountered while traversing the path '%.*s'", <int>resolved.size_bytes,
                <char*>resolved.data))
        elif length < 0 or length == sizeof(target):
            outcome = raise_system(m, "reading symbolic link", resolved.data, resolved.size_bytes,
                                   errno if length < 0 else ENAMETOOLONG)
        elif not record(m, RECORD_STATUS, resolved.data, resolved.size_bytes):
            outcome = RAISE
        else:
            parent = parent_size(resolved.data, resolved.size_bytes)
            resolved.size_bytes = 0 if target[0] == c'/' or parent == 1 else parent
            if not path_join(resolved, 0, <uint8_t*>target, <size_t>length) or \
                    (resolved.size_bytes == 0 and not buffer_byte(resolved, c'/')):
                outcome = raise_text(m, ERROR_MEMORY, NULL)
    buffer_free(&full)
    if outcome == DONE and kind == FILE_DIRECTORY and not path_join(resolved, 0, b"default.nix", 11):
        return raise_text(m, ERROR_MEMORY, NULL)
    return outcome


cdef int raise_unresolved(Machine* m, ByteBuffer* path, ByteBuffer* full) noexcept nogil:
    if host_resolve(m, path.data, path.size_bytes, RESOLVE_PARENTS, full) != DONE:
        return RAISE
    return raise_missing(m, full.data, full.size_bytes)
