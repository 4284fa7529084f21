# cython: language_level=3
"""Finds where a path lies, and reads it: type, contents, names, link, the tree below it.

In: paths that are resolved and allowed.  Out: what is there, or an error in the machine.  Under a policy, files on disk are opened
without following symbolic links, because somebody may have put one there between the check and the opening.
Over 600 lines: each question has an answer for a disk and one for a mounted file system, and both find the place in the same way.
"""
from libc.errno cimport EINTR, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, errno
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memcmp, memcpy, memset, strerror, strlen
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from snowsnake.cache.layout cimport FileStamp
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_DIRECTORY_NOT_READ, MESSAGE_FILE_ENDS_EARLY, MESSAGE_FILE_SYSTEM_FAULT, MESSAGE_FILE_TOO_LARGE, MESSAGE_FOLDER_BECAME_LINK,
    MESSAGE_NO_FILE, MESSAGE_NO_STATUS, MESSAGE_PATH_WITH_NUL, MESSAGE_SYSTEM_FAULT, MESSAGE_UNSUPPORTED_FILE_TYPE,
)
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_free, bytes_init, bytes_reserve, bytes_text, make_view, view_text,
)
from snowsnake.host.byte_map cimport MapEntry, map_find
from snowsnake.host.disk cimport (
    DIR, FOLLOW_LINKS, close, closedir, disk_link, disk_next_name, disk_open, disk_open_directory, disk_stamp, disk_type, read,
)
from snowsnake.host.mounts cimport (
    MOUNT_DIRECTORY, MOUNT_EXECUTABLE, MOUNT_NONE, MOUNT_REGULAR, MOUNT_SYMLINK, mount_disk_path, mount_kind, mount_link, mount_list,
    mount_read,
)
from snowsnake.host.policy cimport host_allows
from snowsnake.host.state cimport FILE_DIRECTORY, FILE_NONE, FILE_OTHER, FILE_REGULAR, FILE_SYMLINK, Host, host_is_in_store, host_of
from snowsnake.host.store_hooks cimport host_settle
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.errors cimport format_text, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_reserve, new_string, string_words
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_MEMORY, FAULT_NO_FILE, RAISE, Machine
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport string_data
from snowsnake.store.hash_functions cimport hasher_update
from snowsnake.store.nar cimport (
    NAR_DIRECTORY, NAR_EXECUTABLE, NAR_REGULAR, NAR_SYMLINK, NAR_UNKNOWN, NarFiles, NarTree, nar_tree_free, nar_tree_init,
)

cdef enum:
    # We read at most this many bytes of one file.
    READ_LIMIT = 0x7fffffff
    # From this many bytes on, we read a file directly into the heap, or hash it in pieces.
    LARGE_FILE = 1 << 15
    PIECE_BYTES = 1 << 16
    # The clocks of file systems are coarse: a file that changed less than this ago may change again without a new time.
    # cache/pack.pyx has the same number.
    YOUNG_NS = 2000000000


# ---- errors -----------------------------------------------------------------------------------------------------

cdef int raise_missing(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    raise_message(m, worded(MESSAGE_NO_FILE, <int>size, <const char*>path))
    if m.error.code == ERROR_FILE:
        m.error.fault = FAULT_NO_FILE
        m.error.subject = symbol_intern(m, path, size)
    return RAISE


cdef int raise_changed(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    return raise_message(m, worded(MESSAGE_FOLDER_BECAME_LINK, <int>size, <const char*>path))


cdef int raise_system(Machine* m, const char* doing, const uint8_t* path, size_t size, int fault) noexcept nogil:
    """`opening file '/x': Permission denied`"""
    return raise_message(m, worded(MESSAGE_SYSTEM_FAULT, doing, <int>size, <const char*>path, strerror(fault)))


cdef int raise_status(Machine* m, const uint8_t* path, size_t size, int fault) noexcept nogil:
    """Raises an error whose message quotes the path in another way than most, as in C++ Nix."""
    return raise_message(m, worded(MESSAGE_NO_STATUS, <int>size, <const char*>path, strerror(fault)))


cdef int raise_directory(Machine* m, const uint8_t* path, size_t size, int fault) noexcept nogil:
    """Raises an error whose message quotes the path in another way than most, as in C++ Nix."""
    return raise_message(m, worded(MESSAGE_DIRECTORY_NOT_READ, <int>size, <const char*>path, strerror(fault)))


cdef int raise_files(Machine* m, const char* doing, const uint8_t* path, size_t size, Bytes* error) noexcept nogil:
    """Raises the error of a mounted file system."""
    cdef int outcome
    if error.failed:
        bytes_free(error)
        return raise_text(m, ERROR_MEMORY, NULL)
    outcome = raise_message(m, worded(MESSAGE_FILE_SYSTEM_FAULT, doing, <int>size, <const char*>path, <int>error.size, <char*>error.data))
    bytes_free(error)
    return outcome


# ---- finding ----------------------------------------------------------------------------------------------------

cdef size_t object_end(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    cdef size_t end = host_of(m).store_dir_size + 1
    while end < size and path[end] != c'/':
        end += 1
    return end


cdef Mount* find_mount(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    """The file system that is mounted at the store object of a path, or NULL."""
    cdef Host* h = host_of(m)
    cdef MapEntry* entry
    cdef Mount* mount = NULL
    if h.mounts.count == 0 or not host_is_in_store(m, path, size):
        return NULL
    entry = map_find(&h.mounts, path, object_end(m, path, size))
    if entry != NULL:
        memcpy(&mount, entry.value, sizeof(mount))
    return mount


cdef bint is_elsewhere(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    cdef Host* h = host_of(m)
    if h.mounts.count == 0 and h.sources.count == 0 or not host_is_in_store(m, path, size):
        return False
    return find_mount(m, path, size) != NULL or map_find(&h.sources, path, object_end(m, path, size)) != NULL


cdef bint real_store_has(Machine* m, View store_path) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes* b = &h.path_buffer
    b.size = 0
    return bytes_text(b, h.real_store) and bytes_append(b, store_path.data + h.store_dir_size, store_path.size - h.store_dir_size) \
        and bytes_byte(b, 0) and disk_type(<const char*>b.data, FOLLOW_LINKS, False, NULL) > FILE_NONE


cdef int place_of(Machine* m, const uint8_t* path, size_t size, FilePlace* place) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes* b = &h.path_buffer
    memset(place, 0, sizeof(FilePlace))
    place.trusted = 0 if h.is_pure or h.is_restricted else FOLLOW_LINKS
    if memchr(path, 0, size) != NULL:
        return raise_message(m, worded(MESSAGE_PATH_WITH_NUL, <int>size, <const char*>path))
    if (h.real_store != NULL or h.sources.count or h.mounts.count or h.unsettled.count) and host_is_in_store(m, path, size):
        return place_in_store(m, path, size, place)
    b.size = 0
    if not (bytes_append(b, path, size) and bytes_byte(b, 0)):
        return raise_text(m, ERROR_MEMORY, NULL)
    place.disk = <const char*>b.data
    return DONE


cdef int place_in_store(Machine* m, const uint8_t* path, size_t size, FilePlace* place) noexcept nogil:
    """Finds a path in the store.  A source may have been copied from another one, so this goes back until one is on disk."""
    cdef Host* h = host_of(m)
    cdef Bytes here, source
    cdef MapEntry* entry
    cdef size_t end
    cdef int outcome = DONE
    memset(&here, 0, sizeof(here))
    if not bytes_append(&here, path, size):
        return raise_text(m, ERROR_MEMORY, NULL)
    while host_is_in_store(m, here.data, here.size):
        end = object_end(m, here.data, here.size)
        if find_mount(m, here.data, here.size) != NULL:
            break
        entry = map_find(&h.sources, here.data, end)
        if entry == NULL:
            break
        memset(&source, 0, sizeof(source))
        if not (bytes_append(&source, entry.value, entry.value_size)
                and bytes_append(&source, here.data + end, here.size - end)):
            outcome = raise_text(m, ERROR_MEMORY, NULL)
            bytes_free(&source)
            break
        bytes_free(&here)
        here = source
        if not host_allows(m, here.data, here.size):
            place.kind = PLACE_NOWHERE
            break
    if outcome == DONE and place.kind != PLACE_NOWHERE:
        outcome = settled_place(m, &here, place)
    bytes_free(&here)
    return outcome


cdef int settled_place(Machine* m, Bytes* here, FilePlace* place) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes* b = &h.path_buffer
    cdef Mount* mount
    cdef size_t end = here.size, rest
    b.size = 0
    if host_is_in_store(m, here.data, here.size):
        end = object_end(m, here.data, here.size)
        mount = find_mount(m, here.data, here.size)
        if mount != NULL and mount.disk == NULL:
            h.rest_buffer.size = 0
            if not (bytes_append(&h.rest_buffer, here.data + end, here.size - end) and bytes_byte(&h.rest_buffer, 0)):
                return raise_text(m, ERROR_MEMORY, NULL)
            place.kind = PLACE_FILES
            place.files = mount.files
            rest = h.rest_buffer.size - 1
            place.rest = make_view(h.rest_buffer.data + 1, rest - 1) if rest else make_view(h.rest_buffer.data, 0)
            return DONE
        if mount != NULL:
            place.trusted = strlen(mount.disk) if place.trusted != FOLLOW_LINKS else FOLLOW_LINKS
            if bytes_text(b, mount.disk) and bytes_append(b, here.data + end, here.size - end) and bytes_byte(b, 0):
                place.disk = <const char*>b.data
                return DONE
            return raise_text(m, ERROR_MEMORY, NULL)
        if h.unsettled.count and map_find(&h.unsettled, here.data, end) != NULL and host_settle(m) != DONE:
            return RAISE
        if h.real_store != NULL and real_store_has(m, make_view(here.data, end)):
            b.size -= 1
            if place.trusted != FOLLOW_LINKS:
                place.trusted = strlen(h.real_store)
            if not (bytes_append(b, here.data + end, here.size - end) and bytes_byte(b, 0)):
                return raise_text(m, ERROR_MEMORY, NULL)
            place.disk = <const char*>b.data
            return DONE
        b.size = 0
    if not (bytes_append(b, here.data, here.size) and bytes_byte(b, 0)):
        return raise_text(m, ERROR_MEMORY, NULL)
    place.disk = <const char*>b.data
    return DONE


cdef bint place_is_shown(Machine* m, const uint8_t* path, size_t size) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes source
    cdef MapEntry* entry
    cdef size_t end
    cdef bint answer = True
    if h.sources.count == 0 or not (h.is_pure or h.is_restricted) or not host_is_in_store(m, path, size) \
            or find_mount(m, path, size) != NULL:
        return True
    end = object_end(m, path, size)
    entry = map_find(&h.sources, path, end)
    if entry == NULL:
        return True
    memset(&source, 0, sizeof(source))
    answer = bytes_append(&source, entry.value, entry.value_size) and bytes_append(&source, path + end, size - end) \
        and host_allows(m, source.data, source.size) and place_is_shown(m, source.data, source.size)
    bytes_free(&source)
    return answer


cdef int place_of_files(Machine* m, const char* doing, const uint8_t* path, size_t size, FilePlace* place) noexcept nogil:
    """A file of a mounted file system may lie on disk, although the whole does not."""
    cdef Bytes* b = &host_of(m).path_buffer
    cdef Bytes error
    bytes_init(&error)
    b.size = 0
    if not mount_disk_path(place.files, place.rest, b, &error):
        return raise_files(m, doing, path, size, &error)
    bytes_free(&error)
    if b.size:
        place.kind = PLACE_DISK
        place.disk = <const char*>b.data
        if place.trusted != FOLLOW_LINKS:
            place.trusted = strlen(place.disk)
            # We do not trust folders inside the tree: if one has become a link, we do not follow it.
            if place.trusted > place.rest.size and memcmp(place.disk + place.trusted - place.rest.size, place.rest.data, place.rest.size) == 0:
                place.trusted -= place.rest.size
    return DONE


# ---- looking ----------------------------------------------------------------------------------------------------

cdef int type_of_mounted(int kind) noexcept nogil:
    if kind == MOUNT_DIRECTORY:
        return FILE_DIRECTORY
    if kind == MOUNT_SYMLINK:
        return FILE_SYMLINK
    return FILE_NONE if kind == MOUNT_NONE else FILE_REGULAR


cdef int files_type(Machine* m, const uint8_t* path, size_t size, FilePlace* place, int* file_type) noexcept nogil:
    cdef Bytes error
    cdef int kind = MOUNT_NONE
    bytes_init(&error)
    if not mount_kind(place.files, place.rest, &kind, &error):
        return raise_files(m, "getting status of", path, size, &error)
    bytes_free(&error)
    file_type[0] = type_of_mounted(kind)
    return DONE


cdef int place_type(Machine* m, const uint8_t* path, size_t size, int* file_type) noexcept nogil:
    cdef FilePlace place
    cdef int fault = 0
    file_type[0] = FILE_NONE
    if place_of(m, path, size, &place) != DONE:
        return RAISE
    if place.kind == PLACE_NOWHERE:
        return DONE
    if place.kind == PLACE_FILES:
        return files_type(m, path, size, &place, file_type)
    file_type[0] = disk_type(place.disk, place.trusted, False, &fault)
    if file_type[0] >= 0:
        return DONE
    if fault == ELOOP and place.trusted != FOLLOW_LINKS:
        return CHANGED
    return raise_status(m, path, size, fault)


cdef int place_link(Machine* m, const uint8_t* path, size_t size, char* target, size_t capacity, size_t* length) noexcept nogil:
    cdef FilePlace place
    cdef Bytes error
    cdef Bytes text
    cdef Py_ssize_t n
    if place_of(m, path, size, &place) != DONE:
        return RAISE
    if place.kind == PLACE_NOWHERE:
        return raise_missing(m, path, size)
    if place.kind == PLACE_FILES:
        bytes_init(&error)
        memset(&text, 0, sizeof(text))
        if not mount_link(place.files, place.rest, &text, &error):
            bytes_free(&text)
            return raise_files(m, "reading symbolic link", path, size, &error)
        bytes_free(&error)
        n = <Py_ssize_t>(text.size if text.size < capacity else capacity)
        memcpy(target, text.data, n)
        bytes_free(&text)
    else:
        n = disk_link(place.disk, place.trusted, target, capacity)
    if n < 0 and errno == ELOOP and place.trusted != FOLLOW_LINKS:
        return CHANGED
    if n < 0 or <size_t>n == capacity:
        return raise_system(m, "reading symbolic link", path, size, errno if n < 0 else ENAMETOOLONG)
    length[0] = <size_t>n
    return DONE


cdef bint stamp_is_young(const FileStamp* stamp) noexcept nogil:
    """Whether the contents may change without another stamp; cache/pack.pyx says why a time of change without parts of a second may hide that."""
    cdef timespec now
    cdef int64_t latest = stamp.mtime_ns if stamp.mtime_ns > stamp.ctime_ns else stamp.ctime_ns
    clock_gettime(CLOCK_REALTIME, &now)
    return latest + YOUNG_NS > <int64_t>now.tv_sec * 1000000000 + now.tv_nsec or stamp.ctime_ns % 1000000000 == 0


cdef int place_read(Machine* m, const uint8_t* path, size_t size, Bytes* content, FileStamp* stamp, Reading* reading) noexcept nogil:
    cdef FilePlace place
    memset(stamp, 0, sizeof(FileStamp))
    if place_of(m, path, size, &place) != DONE:
        return RAISE
    if place.kind == PLACE_FILES:
        return files_read(m, path, size, &place, content, stamp, reading)
    return MISSING if place.kind == PLACE_NOWHERE else disk_read(m, path, size, &place, content, stamp, reading)


cdef int files_read(Machine* m, const uint8_t* path, size_t size, FilePlace* place, Bytes* content, FileStamp* stamp, Reading* reading) noexcept nogil:
    cdef Bytes error
    cdef int kind = FILE_NONE
    if files_type(m, path, size, place, &kind) != DONE:
        return RAISE
    if kind == FILE_DIRECTORY:
        return raise_system(m, "reading file", path, size, EISDIR)
    if kind != FILE_REGULAR:
        return MISSING
    if place_of_files(m, "reading file", path, size, place) != DONE:
        return RAISE
    if place.kind == PLACE_DISK:
        return disk_read(m, path, size, place, content, stamp, reading)
    bytes_init(&error)
    if not mount_read(place.files, place.rest, content, &error):
        return raise_files(m, "reading file", path, size, &error)
    bytes_free(&error)
    if content.size > READ_LIMIT:
        return raise_too_large(m, path, size, <int64_t>content.size)
    return DONE if bytes_reserve(content, 64) else raise_text(m, ERROR_MEMORY, NULL)


cdef int raise_too_large(Machine* m, const uint8_t* path, size_t size, int64_t wanted) noexcept nogil:
    return raise_message(m, worded(MESSAGE_FILE_TOO_LARGE, <int>size, <const char*>path, <long long>wanted, <long long>READ_LIMIT))


cdef int hash_pieces(Machine* m, int fd, int64_t wanted, Reading* reading, int* fault) noexcept nogil:
    """Hashes a file and keeps none of its bytes.  Returns DONE (with *fault* set if reading failed), MISSING if the file ends early, or RAISE."""
    cdef Py_ssize_t n
    cdef uint8_t* piece = <uint8_t*>allocate_items(PIECE_BYTES, 1)
    cdef int outcome = DONE
    if piece == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    reading.is_hashed = True
    while wanted > 0 and outcome == DONE:
        n = read(fd, piece, <size_t>min(wanted, <int64_t>PIECE_BYTES))
        if n < 0 and errno == EINTR:
            continue
        if n < 0:
            fault[0] = errno
            break
        if n == 0:
            outcome = MISSING
            break
        hasher_update(reading.hasher, piece, <size_t>n)
        wanted -= n
        if must_stop(m):
            outcome = stop(m)
    free(piece)
    return outcome


cdef bint make_room(Machine* m, int64_t wanted, Bytes* content, Reading* reading) noexcept nogil:
    """Makes room for contents: in the heap, if they are large and become a text there."""
    if reading == NULL or not reading.makes_text or wanted < LARGE_FILE:
        if not bytes_reserve(content, <size_t>wanted + 64):
            raise_text(m, ERROR_MEMORY, NULL)
            return False
        return True
    if not heap_reserve(m, string_words(<uint64_t>wanted)):
        return False
    reading.text = new_string(m, <uint64_t>wanted, 0)
    content.data = string_data(reading.text)
    content.size = 0
    return True


cdef int disk_read(Machine* m, const uint8_t* path, size_t size, FilePlace* place, Bytes* content, FileStamp* stamp, Reading* reading) noexcept nogil:
    cdef int64_t wanted = 0
    cdef int fault = 0, kind = 0, outcome = DONE
    cdef Py_ssize_t n
    cdef int fd = disk_open(place.disk, place.trusted, &kind, &wanted, stamp, &fault)
    if fd < 0:
        if fault == ELOOP and place.trusted != FOLLOW_LINKS:
            return CHANGED
        if fault == ENOENT or fault == ENOTDIR or fault == ELOOP:
            return MISSING
        # C++ Nix asks for the status before it opens a file.
        if disk_type(place.disk, place.trusted, False, &kind) < 0:
            return raise_status(m, path, size, kind)
        return raise_system(m, "opening file", path, size, fault)
    if kind == FILE_DIRECTORY:
        fault = EISDIR
    elif kind == FILE_OTHER and not wanted:
        close(fd)
        return raise_message(m, worded(MESSAGE_UNSUPPORTED_FILE_TYPE, <int>size, <const char*>path))
    elif kind == FILE_OTHER:
        # A character device counts as empty, as its size says.
        wanted = 0
    elif wanted > READ_LIMIT:
        close(fd)
        return raise_too_large(m, path, size, wanted)
    if fault == 0 and reading != NULL and reading.hasher != NULL and wanted >= LARGE_FILE and not stamp_is_young(stamp):
        outcome = hash_pieces(m, fd, wanted, reading, &fault)
        wanted = 0
    elif fault == 0 and not make_room(m, wanted, content, reading):
        outcome = RAISE
    if outcome == RAISE:
        close(fd)
        return RAISE
    while fault == 0 and wanted > 0:
        n = read(fd, content.data + content.size, <size_t>wanted)
        if n < 0 and errno == EINTR:
            continue
        if n < 0:
            fault = errno
            break
        if n == 0:
            outcome = MISSING
            break
        content.size += n
        wanted -= n
    close(fd)
    if outcome == MISSING:
        return raise_message(m, worded(MESSAGE_FILE_ENDS_EARLY, <int>size, <const char*>path))
    return DONE if fault == 0 else raise_system(m, "reading file", path, size, fault)


cdef bint place_stamp(Machine* m, const uint8_t* path, size_t size, FileStamp* stamp) noexcept nogil:
    cdef FilePlace place
    if place_of(m, path, size, &place) != DONE or place.kind == PLACE_NOWHERE:
        return False
    if place.kind == PLACE_FILES and (place_of_files(m, "reading file", path, size, &place) != DONE or place.kind == PLACE_FILES):
        return False
    return disk_stamp(place.disk, place.trusted, stamp)


cdef int place_list(Machine* m, const uint8_t* path, size_t size, Bytes* entries) noexcept nogil:
    cdef FilePlace place
    cdef DIR* directory
    cdef const char* name
    cdef int kind = 0, fault = 0, outcome = DONE
    if place_of(m, path, size, &place) != DONE:
        return RAISE
    if place.kind == PLACE_NOWHERE:
        return MISSING
    if place.kind == PLACE_FILES:
        return files_list(m, path, size, &place, entries)
    directory = disk_open_directory(place.disk, place.trusted)
    if directory == NULL:
        fault = errno
        if place.trusted == FOLLOW_LINKS:
            if fault == ENOENT or fault == ELOOP or (fault == ENOTDIR and disk_type(place.disk, FOLLOW_LINKS, True, NULL) <= FILE_NONE):
                return MISSING
            return raise_directory(m, path, size, fault)
        if fault == ELOOP:
            return CHANGED
        if fault == ENOENT or (fault == ENOTDIR and disk_type(place.disk, place.trusted, False, NULL) <= FILE_NONE):
            return MISSING
        return raise_directory(m, path, size, fault)
    while outcome == DONE:
        name = disk_next_name(directory, &kind, &fault)
        if name == NULL:
            if fault:
                outcome = raise_directory(m, path, size, fault)
            break
        if not (bytes_byte(entries, <uint8_t>kind) and bytes_append(entries, name, strlen(name) + 1)):
            outcome = raise_text(m, ERROR_MEMORY, NULL)
    closedir(directory)
    return outcome


cdef int files_list(Machine* m, const uint8_t* path, size_t size, FilePlace* place, Bytes* entries) noexcept nogil:
    cdef Bytes error
    cdef size_t at = entries.size
    cdef int kind = FILE_NONE
    if files_type(m, path, size, place, &kind) != DONE:
        return RAISE
    if kind == FILE_NONE or kind == FILE_SYMLINK:
        return MISSING
    if kind != FILE_DIRECTORY:
        return raise_directory(m, path, size, ENOTDIR)
    bytes_init(&error)
    if not mount_list(place.files, place.rest, entries, &error):
        return raise_files(m, "cannot read directory", path, size, &error)
    bytes_free(&error)
    while at < entries.size:
        entries.data[at] = <uint8_t>type_of_mounted(entries.data[at])
        at += 2 + strlen(<char*>entries.data + at + 1)
    return DONE


# ---- trees ------------------------------------------------------------------------------------------------------

cdef int place_tree(Machine* m, View path, NarTree* tree, Bytes* error) noexcept nogil:
    cdef FilePlace place
    cdef int kind = FILE_NONE, outcome
    outcome = place_type(m, path.data, path.size, &kind)
    if outcome == CHANGED:
        return raise_changed(m, path.data, path.size)
    if outcome != DONE:
        return RAISE
    if kind == FILE_NONE:
        return raise_missing(m, path.data, path.size)
    if kind == FILE_OTHER:
        return raise_message(m, worded(MESSAGE_UNSUPPORTED_FILE_TYPE, <int>path.size, <char*>path.data))
    if place_of(m, path.data, path.size, &place) != DONE:
        return RAISE
    memset(tree, 0, sizeof(NarTree))
    if place.kind == PLACE_FILES:
        outcome = nar_tree_init(tree, path, &mounted_files, place.files, place.rest, error)
    else:
        outcome = nar_tree_init(tree, path, NULL, NULL, view_text(place.disk), error)
        tree.trusted_size = place.trusted
    if outcome:
        return DONE
    nar_tree_free(tree)
    bytes_byte(error, 0)
    return raise_text(m, ERROR_FILE, NULL if error.failed else format_text("%s", <char*>error.data))


cdef int nar_kind_of_mounted(int kind) noexcept nogil:
    if kind == MOUNT_DIRECTORY:
        return NAR_DIRECTORY
    if kind == MOUNT_SYMLINK:
        return NAR_SYMLINK
    if kind == MOUNT_EXECUTABLE:
        return NAR_EXECUTABLE
    return NAR_REGULAR if kind == MOUNT_REGULAR else NAR_UNKNOWN


cdef int tree_kind(void* files, View path, Bytes* error) noexcept nogil:
    cdef int kind = MOUNT_NONE
    return nar_kind_of_mounted(kind) if mount_kind(files, path, &kind, error) else -1


cdef bint tree_taken(bint done, Bytes* got, Bytes* out) noexcept nogil:
    if done:
        bytes_append(out, got.data, got.size)
    bytes_free(got)
    return done


cdef bint tree_list(void* files, View path, Bytes* entries, Bytes* error) noexcept nogil:
    cdef Bytes got
    cdef size_t at = 0
    memset(&got, 0, sizeof(got))
    if mount_list(files, path, &got, error):
        while at < got.size:
            got.data[at] = <uint8_t>nar_kind_of_mounted(got.data[at])
            at += 2 + strlen(<char*>got.data + at + 1)
        return tree_taken(True, &got, entries)
    return tree_taken(False, &got, entries)


cdef bint tree_read(void* files, View path, Bytes* content, Bytes* error) noexcept nogil:
    cdef Bytes got
    memset(&got, 0, sizeof(got))
    return tree_taken(mount_read(files, path, &got, error), &got, content)


cdef bint tree_disk(void* files, View path, Bytes* place, Bytes* error) noexcept nogil:
    cdef Bytes got
    memset(&got, 0, sizeof(got))
    return tree_taken(mount_disk_path(files, path, &got, error), &got, place)


cdef bint tree_link(void* files, View path, Bytes* target, Bytes* error) noexcept nogil:
    cdef Bytes got
    memset(&got, 0, sizeof(got))
    return tree_taken(mount_link(files, path, &got, error), &got, target)


cdef NarFiles mounted_files
mounted_files.kind = tree_kind
mounted_files.list = tree_list
mounted_files.read = tree_read
mounted_files.link = tree_link
mounted_files.disk = tree_disk


cdef bint host_shows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    return host_allows(m, path, size_bytes) and place_is_shown(m, path, size_bytes)
