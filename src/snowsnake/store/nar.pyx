# cython: language_level=3
"""NAR: a serialisation of a file tree whose bytes depend only on names, contents, executable bits and link targets.

In: a path, or a `NarTree` whose entries a filter has checked.  Out: the archive's bytes into a hash, a buffer, a file.
A tree is walked with the entries' parent indices, so depth costs no C stack.  `nar_reader.py` reads archives.
Over 600 lines: system calls (in C) and the functions for Python are part of it.
"""
from libc.errno cimport errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memcpy, memset, strcmp, strerror, strlen

from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_clear, bytes_decimal, bytes_free, bytes_init, bytes_le64, bytes_reserve, bytes_text,
    bytes_view, make_view,
)
from snowsnake.foundation.limits cimport asked_to_stop
from snowsnake.store.hash_functions cimport hasher_drop, hasher_final, hasher_init, hasher_update
# The C code below uses the C code of `exact_open.pxd`.
from snowsnake.store.exact_open cimport AT_FDCWD, exact_open
from snowsnake.store.hashing cimport hash_exception, hash_kind_of

import os

cdef extern from *:
    """
    #include <dirent.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <unistd.h>

    /* 0 unknown, 1 regular, 2 executable, 3 symlink, 4 directory; -1 with errno */
    static int nar_kind_at(int directory, const char *name)
    {
        struct stat st;
        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW))
            return -1;
        if (S_ISREG(st.st_mode))
            return st.st_mode & S_IXUSR ? 2 : 1;
        return S_ISLNK(st.st_mode) ? 3 : S_ISDIR(st.st_mode) ? 4 : 0;
    }

    #define SIZE_ANY ((size_t)-1)

    static int nar_open_as(const char *path, size_t trusted, int flags)
    {
        return trusted == SIZE_ANY ? open(path, flags | O_CLOEXEC) : exact_open(path, trusted, flags);
    }

    static DIR *nar_open_directory(const char *path, size_t trusted)
    {
        int fd = nar_open_as(path, trusted, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        DIR *directory;
        if (fd < 0)
            return NULL;
        directory = fdopendir(fd);
        if (!directory)
            close(fd);
        return directory;
    }

    /* The mode of what a path names; 0 if nothing is there, -1 with errno. */
    static int64_t nar_mode(const char *path, size_t trusted)
    {
        struct stat st;
        int fd = exact_open(path, trusted, O_PATH | O_NOFOLLOW), failed, fault;
        if (fd < 0)
            return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
        failed = fstat(fd, &st);
        fault = errno;
        close(fd);
        errno = fault;
        return failed ? -1 : (int64_t)st.st_mode;
    }

    /* The next name but `.` and `..`; NULL at the end, or with errno set. */
    static const char *nar_next_name(DIR *directory)
    {
        struct dirent *entry;
        do {
            errno = 0;
            entry = readdir(directory);
        } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
        return entry ? entry->d_name : NULL;
    }

    static ssize_t nar_link(const char *path, size_t trusted, char *target, size_t size)
    {
        ssize_t length;
        int fd;
        if (trusted == SIZE_ANY)
            return readlink(path, target, size);
        fd = exact_open(path, trusted, O_PATH | O_NOFOLLOW);
        if (fd < 0)
            return -1;
        length = readlinkat(fd, "", target, size);
        close(fd);
        return length;
    }

    static int nar_open_file(const char *path, size_t trusted, uint64_t *size)
    {
        struct stat st;
        int fd = nar_open_as(path, trusted, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
            *size = (uint64_t)st.st_size;
            return fd;
        }
        if (fd >= 0) {
            int fault = errno ? errno : EINVAL;
            close(fd);
            errno = fault;
        }
        return -1;
    }
    """
    ctypedef struct DIR:
        pass
    int nar_kind_at(int directory, const char* name) noexcept nogil
    size_t SIZE_ANY
    DIR* nar_open_directory(const char* path, size_t trusted) noexcept nogil
    const char* nar_next_name(DIR* directory) noexcept nogil
    int dirfd(DIR* directory) noexcept nogil
    int closedir(DIR* directory) noexcept nogil
    int64_t nar_mode(const char* path, size_t trusted) noexcept nogil
    int nar_open_file(const char* path, size_t trusted, uint64_t* size) noexcept nogil
    Py_ssize_t nar_link(const char* path, size_t trusted, char* target, size_t size) noexcept nogil
    Py_ssize_t read(int fd, void* data, size_t size) noexcept nogil
    Py_ssize_t write(int fd, const void* data, size_t size) noexcept nogil
    int close(int fd) noexcept nogil
    int EINTR

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef enum:
    WAITING_SIZE = 65536
    LINK_MAX_SIZE = 65536


# --- the sink ------------------------------------------------------------------------------------------------------------

cdef void nar_sink_init(NarSink* self, Hasher* hasher, Bytes* bytes, int fd) noexcept nogil:
    memset(self, 0, sizeof(NarSink))
    self.hasher = hasher
    self.bytes = bytes
    self.fd = fd
    bytes_init(&self.waiting)


# The exception that a handler of a signal raised while an archive was being written, until the writing has ended.
cdef object _raised = None


cdef bint _is_ended_by_signal() noexcept with gil:
    """Lets Python run its handlers: a reader of a pipe may never read."""
    global _raised
    try:
        PyErr_CheckSignals()
        return False
    except BaseException as error:
        _raised = error
        return True


cdef void hand_on(NarSink* self, const uint8_t* data, size_t size) noexcept nogil:
    cdef Py_ssize_t n
    self.size += size
    if self.hasher != NULL:
        hasher_update(self.hasher, data, size)
    if self.bytes != NULL:
        bytes_append(self.bytes, data, size)
    while self.fd >= 0 and size and self.fault == 0:
        n = write(self.fd, data, size)
        if n < 0 and errno == EINTR and not _is_ended_by_signal():
            continue
        if n < 0:
            self.fault = errno if errno else EINTR
            return
        data += n
        size -= n


cdef inline void make_room(NarSink* self, size_t size) noexcept nogil:
    if self.waiting.size + size > WAITING_SIZE:
        hand_on(self, self.waiting.data, self.waiting.size)
        self.waiting.size = 0


cdef bint nar_sink_finish(NarSink* self, Bytes* error) noexcept nogil:
    cdef bint ok = True
    hand_on(self, self.waiting.data, self.waiting.size)
    if self.waiting.failed or (self.bytes != NULL and self.bytes.failed):
        error.failed = True
        ok = False
    elif self.fault:
        bytes_text(error, "writing archive: ")
        bytes_text(error, strerror(self.fault))
        ok = False
    bytes_free(&self.waiting)
    return ok


cdef void put_padding(NarSink* self, uint64_t size) noexcept nogil:
    while size & 7:
        bytes_byte(&self.waiting, 0)
        size += 1


cdef void put(NarSink* self, const void* data, size_t size) noexcept nogil:
    """A string: its size in eight bytes, its bytes, zeros up to a multiple of eight."""
    make_room(self, size + 16)
    bytes_le64(&self.waiting, size)
    bytes_append(&self.waiting, data, size)
    put_padding(self, size)


cdef inline void put_text(NarSink* self, const char* text) noexcept nogil:
    put(self, text, strlen(text))


# --- the tree ------------------------------------------------------------------------------------------------------------

cdef bint system_error(Bytes* error, const char* doing, const Bytes* path, int fault) noexcept nogil:
    """*path* is NUL-terminated; *doing* ends with the quotation mark that encloses it in C++ Nix's message."""
    bytes_text(error, doing)
    bytes_text(error, <const char*>path.data)
    bytes_byte(error, doing[strlen(doing) - 1])
    bytes_text(error, ": ")
    bytes_text(error, strerror(fault))
    return False


cdef bint out_of_memory(Bytes* error) noexcept nogil:
    error.failed = True
    return False


cdef bint is_stopped(Bytes* error) noexcept nogil:
    """Whether somebody asked this thread to stop; *error* then says so.  Our caller knows who asked, and why."""
    if not asked_to_stop():
        return False
    bytes_text(error, "interrupted")
    return True


cdef uint32_t add_entry(NarTree* self, uint32_t parent, const char* name, int kind) noexcept nogil:
    """Index of the new entry; 0 if memory runs out, because 0 is the root, which is added only once."""
    cdef size_t size = strlen(name)
    cdef NarEntry* entry
    if not has_room(&self.entries, self.count, &self.capacity, 64):
        return 0
    if self.names.size + size + 1 > <size_t>0xffffffff or self.count == <uint32_t>0xfffffffe:
        return 0
    entry = &self.entries[self.count]
    memset(entry, 0, sizeof(NarEntry))
    entry.parent = parent
    entry.name_start = <uint32_t>self.names.size
    entry.name_size = <uint32_t>size
    entry.kind = <uint8_t>kind
    bytes_append(&self.names, name, size + 1)
    if self.names.failed:
        return 0
    self.count += 1
    return self.count - 1


cdef int kind_of(int directory, const char* name) noexcept nogil:
    cdef int kind = nar_kind_at(directory, name)
    return NAR_UNKNOWN if kind == 0 else kind


cdef bint files_error(NarTree* self, Bytes* said, Bytes* error) noexcept nogil:
    """Appends to *error* what `self.files` said about the current entry, and frees *said*."""
    if said.failed:
        bytes_free(said)
        return out_of_memory(error)
    bytes_text(error, "reading '")
    bytes_append(error, self.root.data, self.root.size - 1)
    if self.path.size > self.place.size:
        bytes_text(error, "/")
        bytes_append(error, self.path.data + self.place.size - (self.place.size == 1), self.path.size - self.place.size - (self.place.size > 1))
    bytes_text(error, "': ")
    bytes_append(error, said.data, said.size)
    bytes_free(said)
    return False


cdef inline View path_view(const Bytes* path) noexcept nogil:
    return make_view(path.data, path.size - 1)


cdef bint nar_tree_init(NarTree* self, View root, const NarFiles* files, void* context, View place, Bytes* error) noexcept nogil:
    cdef int kind
    cdef Bytes said
    memset(self, 0, sizeof(NarTree))
    self.files = files
    self.files_context = context
    self.trusted_size = SIZE_ANY
    bytes_view(&self.root, root)
    bytes_byte(&self.root, 0)
    bytes_view(&self.place, place)
    bytes_byte(&self.place, 0)
    if self.root.failed or self.place.failed:
        return out_of_memory(error)
    if strlen(<const char*>self.place.data) != place.size:
        bytes_text(error, "a path with a NUL byte")
        return False
    if files != NULL:
        bytes_init(&said)
        kind = files.kind(context, place, &said)
        if kind < 0:
            return files_error(self, &said, error)
        bytes_free(&said)
    else:
        kind = kind_of(AT_FDCWD, <const char*>self.place.data)
        if kind < 0:
            return system_error(error, "getting status of \"", &self.place, errno)
    add_entry(self, 0, "", kind)
    if self.count == 0:
        return out_of_memory(error)
    return True


cdef void nar_tree_free(NarTree* self) noexcept nogil:
    free(self.entries)
    bytes_free(&self.names)
    bytes_free(&self.root)
    bytes_free(&self.place)
    bytes_free(&self.path)
    memset(self, 0, sizeof(NarTree))


cdef View nar_tree_name(const NarTree* self, uint32_t entry) noexcept nogil:
    return make_view(self.names.data + self.entries[entry].name_start, self.entries[entry].name_size)


cdef inline bint is_slash(const Bytes* path) noexcept nogil:
    """Whether a path is the root of the file system: the paths of its entries have one slash, not two."""
    return path.size == 2 and path.data[0] == c'/'


cdef void nar_tree_path(const NarTree* self, uint32_t entry, Bytes* out) noexcept nogil:
    join_names(self, &self.root, entry, out)


cdef void join_names(const NarTree* self, const Bytes* root, uint32_t entry, Bytes* out) noexcept nogil:
    """Appends the path of an entry below *root*; below an empty root, it begins without a slash."""
    cdef size_t size = 0, end
    cdef uint32_t at = entry
    cdef View name
    while at:
        size += 1 + self.entries[at].name_size
        at = self.entries[at].parent
    if root.size == 1 and size:
        size -= 1
    if entry == 0 or not is_slash(root):
        bytes_append(out, root.data, root.size - 1)
    if not bytes_reserve(out, size):
        return
    out.size += size
    end = out.size
    at = entry
    # We write the path from its last component backwards.
    while at:
        name = nar_tree_name(self, at)
        end -= name.size
        memcpy(out.data + end, name.data, name.size)
        at = self.entries[at].parent
        if at or root.size > 1:
            end -= 1
            out.data[end] = c'/'


cdef int compare_names(const void* a, const void* b) noexcept nogil:
    return strcmp((<const char**>a)[0], (<const char**>b)[0])


cdef bint sort_children(NarTree* self, uint32_t first, uint32_t count) noexcept nogil:
    """Sorts the entries [first, first + count) by the bytes of their names."""
    cdef const char** names
    cdef NarEntry* copy
    cdef uint32_t i
    if count < 2:
        return True
    # A pointer to a name also identifies the entry, by the name's offset: entries were added in the order of their names.
    names = <const char**>allocate_items(count, sizeof(char*))
    copy = <NarEntry*>allocate_items(count, sizeof(NarEntry))
    if names != NULL and copy != NULL:
        for i in range(count):
            names[i] = <const char*>self.names.data + self.entries[first + i].name_start
        qsort(names, count, sizeof(char*), compare_names)
        for i in range(count):
            copy[i] = self.entries[first + entry_with_name(self, first, count, names[i])]
        memcpy(&self.entries[first], copy, count * sizeof(NarEntry))
    free(<void*>names)
    free(copy)
    return names != NULL and copy != NULL


cdef uint32_t entry_with_name(const NarTree* self, uint32_t first, uint32_t count, const char* name) noexcept nogil:
    """The number of the unsorted entry whose name is at *name*: names lie in `names` in the order of the unsorted entries."""
    cdef size_t start = <const uint8_t*>name - self.names.data
    cdef uint32_t low = 0, high = count, middle
    while high - low > 1:
        middle = low + (high - low) // 2
        if self.entries[first + middle].name_start <= start:
            low = middle
        else:
            high = middle
    return low


cdef bint set_path(NarTree* self, uint32_t entry) noexcept nogil:
    bytes_clear(&self.path)
    join_names(self, &self.place, entry, &self.path)
    bytes_byte(&self.path, 0)
    return not self.path.failed


cdef bint nar_tree_expand(NarTree* self, uint32_t entry, Bytes* error) noexcept nogil:
    if self.entries[entry].is_expanded or self.entries[entry].kind != NAR_DIRECTORY:
        return True
    if is_stopped(error):
        return False
    if not set_path(self, entry):
        return out_of_memory(error)
    return expand(self, entry, error)


cdef bint expand(NarTree* self, uint32_t entry, Bytes* error) noexcept nogil:
    """Lists the directory at `self.path`."""
    cdef uint32_t first = self.count
    cdef const char* name
    cdef int kind, fault
    cdef DIR* directory
    if self.files != NULL:
        return expand_files(self, entry, error)
    directory = nar_open_directory(<const char*>self.path.data, self.trusted_size)
    if directory == NULL:
        return system_error(error, "cannot read directory \"", &self.path, errno)
    while True:
        name = nar_next_name(directory)
        if name == NULL:
            fault = errno
            break
        kind = kind_of(dirfd(directory), name)
        fault = errno
        if kind < 0:
            break
        if add_entry(self, entry, name, kind) == 0:
            closedir(directory)
            return out_of_memory(error)
    closedir(directory)
    if fault:
        return system_error(error, "reading directory '", &self.path, fault)
    if not sort_children(self, first, self.count - first):
        return out_of_memory(error)
    take_children(self, entry, first)
    return True


cdef void take_children(NarTree* self, uint32_t entry, uint32_t first) noexcept nogil:
    self.entries[entry].first_child = first
    self.entries[entry].child_count = self.count - first
    self.entries[entry].is_expanded = True


cdef bint expand_files(NarTree* self, uint32_t entry, Bytes* error) noexcept nogil:
    cdef uint32_t first = self.count
    cdef size_t at = 0
    cdef Bytes listing, said
    cdef bint done
    bytes_init(&listing)
    bytes_init(&said)
    done = self.files.list(self.files_context, path_view(&self.path), &listing, &said)
    if not done:
        files_error(self, &said, error)
    elif listing.failed:
        done = out_of_memory(error)
    while done and at < listing.size:
        if add_entry(self, entry, <const char*>listing.data + at + 1, listing.data[at]) == 0:
            done = out_of_memory(error)
        at += 2 + strlen(<const char*>listing.data + at + 1)
    bytes_free(&listing)
    bytes_free(&said)
    if done:
        take_children(self, entry, first)
    return done


# --- writing -------------------------------------------------------------------------------------------------------------

cdef size_t below_root(const Bytes* place, const Bytes* path) noexcept nogil:
    """The length of the part of a place on disk that is the path inside its tree; links in this part are not followed."""
    if place.size < path.size or memcmp(place.data + place.size - path.size, path.data, path.size) != 0:
        return 0
    return path.size - 1


cdef bint write_file(NarTree* self, NarSink* sink, Bytes* error) noexcept nogil:
    """Writes the contents of the file at `self.path`."""
    cdef uint64_t size = 0, left
    cdef Py_ssize_t n
    cdef size_t wanted
    cdef int fd, fault = 0
    cdef Bytes place, said
    if self.files == NULL:
        fd = nar_open_file(<const char*>self.path.data, self.trusted_size, &size)
    else:
        bytes_init(&place)
        bytes_init(&said)
        if not self.files.disk(self.files_context, path_view(&self.path), &place, &said):
            bytes_free(&place)
            return files_error(self, &said, error)
        if place.size == 0:
            return write_from_files(self, sink, False, error)
        fd = nar_open_file(<const char*>place.data, place.size - 1 - below_root(&place, &self.path), &size)
        bytes_free(&place)
    if fd < 0:
        return system_error(error, "opening file '", &self.path, errno)
    put_text(sink, "contents")
    make_room(sink, 8)
    bytes_le64(&sink.waiting, size)
    left = size
    while left and not asked_to_stop():
        make_room(sink, WAITING_SIZE // 2 if left > WAITING_SIZE // 2 else <size_t>left)
        wanted = WAITING_SIZE - sink.waiting.size
        if wanted > left:
            wanted = <size_t>left
        if not bytes_reserve(&sink.waiting, wanted):
            break
        n = read(fd, sink.waiting.data + sink.waiting.size, wanted)
        if n < 0 and errno == EINTR:
            continue
        fault = errno if n < 0 else 0
        if n <= 0:
            break
        sink.waiting.size += n
        left -= n
    close(fd)
    if sink.waiting.failed:
        return out_of_memory(error)
    if fault:
        return system_error(error, "reading file '", &self.path, fault)
    if is_stopped(error):
        return False
    if left:
        bytes_text(error, "file '")
        bytes_text(error, <const char*>self.path.data)
        bytes_text(error, "' became shorter while it was read")
        return False
    make_room(sink, 8)
    put_padding(sink, size)
    return True


cdef bint write_from_files(NarTree* self, NarSink* sink, bint is_link, Bytes* error) noexcept nogil:
    cdef Bytes content, said
    cdef bint done
    bytes_init(&content)
    bytes_init(&said)
    if is_link:
        done = self.files.link(self.files_context, path_view(&self.path), &content, &said)
    else:
        done = self.files.read(self.files_context, path_view(&self.path), &content, &said)
    if not done:
        files_error(self, &said, error)
    elif content.failed:
        done = out_of_memory(error)
    else:
        if is_link:
            put_text(sink, "symlink")
            put_text(sink, "target")
        else:
            put_text(sink, "contents")
        put(sink, content.data, content.size)
    bytes_free(&content)
    bytes_free(&said)
    return done


cdef bint write_link(NarTree* self, NarSink* sink, Bytes* error) noexcept nogil:
    cdef char* target
    cdef Py_ssize_t size
    cdef bint ok = True
    if self.files != NULL:
        return write_from_files(self, sink, True, error)
    target = <char*>allocate_items(LINK_MAX_SIZE, 1)
    if target == NULL:
        return out_of_memory(error)
    size = nar_link(<const char*>self.path.data, self.trusted_size, target, LINK_MAX_SIZE)
    if size < 0 or size == LINK_MAX_SIZE:
        ok = system_error(error, "reading symbolic link '", &self.path, errno)
    else:
        put_text(sink, "symlink")
        put_text(sink, "target")
        put(sink, target, size)
    free(target)
    return ok


cdef bint open_node(NarTree* self, uint32_t entry, NarSink* sink, Bytes* error) noexcept nogil:
    """Writes everything of an entry except, for a directory, its entries."""
    cdef int kind = self.entries[entry].kind
    put_text(sink, "(")
    put_text(sink, "type")
    if kind == NAR_DIRECTORY:
        put_text(sink, "directory")
        return self.entries[entry].is_expanded or expand(self, entry, error)
    if kind == NAR_SYMLINK:
        return write_link(self, sink, error)
    if kind == NAR_UNKNOWN:
        bytes_text(error, "file '")
        bytes_text(error, <const char*>self.path.data)
        bytes_text(error, "' has an unsupported type")
        return False
    put_text(sink, "regular")
    if kind == NAR_EXECUTABLE:
        put_text(sink, "executable")
        put_text(sink, "")
    return write_file(self, sink, error)


cdef bint too_deep(const NarTree* self, Bytes* error) noexcept nogil:
    """Refuses to pack a tree that nobody could unpack."""
    bytes_text(error, "path '")
    bytes_text(error, <const char*>self.path.data)
    bytes_text(error, "' exceeds maximum NAR directory depth of ")
    bytes_decimal(error, NAR_MOST_DEPTH)
    return False


cdef void enter(NarTree* self, uint32_t child, NarSink* sink) noexcept nogil:
    cdef View name = nar_tree_name(self, child)
    put_text(sink, "entry")
    put_text(sink, "(")
    put_text(sink, "name")
    put(sink, name.data, name.size)
    put_text(sink, "node")
    if is_slash(&self.path):
        self.path.size = 1
    if self.files != NULL and self.path.size == 1:
        self.path.size = 0
    else:
        self.path.data[self.path.size - 1] = c'/'
    bytes_append(&self.path, name.data, name.size)
    bytes_byte(&self.path, 0)


cdef void leave(NarTree* self, uint32_t entry, NarSink* sink) noexcept nogil:
    put_text(sink, ")")
    if entry == 0:
        return
    put_text(sink, ")")
    self.path.size -= self.entries[entry].name_size + 1
    if self.path.size == 0:
        # The entry was below the root of files that are not on disk.
        self.path.size = 1
    self.path.data[self.path.size - 1] = 0
    if self.is_transient and self.entries[entry].is_expanded:
        self.count = self.entries[entry].first_child
        if self.entries[entry].child_count:
            self.names.size = least_name(self, entry)


cdef size_t least_name(const NarTree* self, uint32_t entry) noexcept nogil:
    """The start of the names of an entry's children."""
    cdef uint32_t first = self.entries[entry].first_child, i
    cdef size_t least = self.names.size
    for i in range(first, first + self.entries[entry].child_count):
        if self.entries[i].name_start < least:
            least = self.entries[i].name_start
    return least


cdef uint32_t next_child(const NarTree* self, uint32_t parent, uint32_t after) noexcept nogil:
    """The first entry of *parent* from *after* on that is not excluded; 0 when there is none."""
    cdef uint32_t end = self.entries[parent].first_child + self.entries[parent].child_count
    while after < end and self.entries[after].is_excluded:
        after += 1
    return after if after < end else 0


cdef bint nar_write_tree(NarTree* self, NarSink* sink, Bytes* error) noexcept nogil:
    cdef uint32_t at = 0, child
    cdef int depth = 0
    if not set_path(self, 0):
        return out_of_memory(error)
    put_text(sink, "nix-archive-1")
    if not open_node(self, 0, sink, error):
        return False
    child = next_child(self, 0, self.entries[0].first_child) if self.entries[0].child_count else 0
    while True:
        if is_stopped(error):
            return False
        if child:
            enter(self, child, sink)
            if self.path.failed:
                return out_of_memory(error)
            depth += 1
            if depth >= NAR_MOST_DEPTH:
                return too_deep(self, error)
            at = child
            if not open_node(self, at, sink, error):
                return False
            child = next_child(self, at, self.entries[at].first_child) if self.entries[at].child_count else 0
            continue
        leave(self, at, sink)
        depth -= 1
        if at == 0:
            return True
        child = next_child(self, self.entries[at].parent, at + 1)
        at = self.entries[at].parent


cdef void nar_write_contents(View contents, bint is_executable, NarSink* sink) noexcept nogil:
    put_text(sink, "nix-archive-1")
    put_text(sink, "(")
    put_text(sink, "type")
    put_text(sink, "regular")
    if is_executable:
        put_text(sink, "executable")
        put_text(sink, "")
    put_text(sink, "contents")
    put(sink, contents.data, contents.size)
    put_text(sink, ")")


cdef const char* nar_kind_name(int kind) noexcept nogil:
    if kind == NAR_DIRECTORY:
        return "directory"
    if kind == NAR_SYMLINK:
        return "symlink"
    return "unknown" if kind == NAR_UNKNOWN else "regular"


# --- for Python ----------------------------------------------------------------------------------------------------------

MAX_DEPTH, MAX_NAME_BYTES, MAX_TARGET_BYTES = NAR_MOST_DEPTH, NAR_MOST_NAME, NAR_MOST_TARGET


cdef View view_bytes(bytes data):
    return make_view(<const char*>data, len(data))


cdef int raise_error(Bytes* error) except -1:
    global _raised
    try:
        if _raised is not None:
            fault, _raised = _raised, None
            raise fault
        if error.failed:
            raise MemoryError
        raise OSError(error.data[:error.size].decode(errors="surrogateescape") if error.size else "archive failed")
    finally:
        bytes_free(error)


cdef bint filter_tree(NarTree* tree, object accepts, Bytes* error) except -1:
    """Excludes each entry below the root for which *accepts(path, kind)* is false; it is called depth first, in byte order."""
    cdef Bytes path
    cdef uint32_t at = 0, child
    bytes_init(&path)
    try:
        if not nar_tree_expand(tree, 0, error):
            return False
        child = tree.entries[0].first_child if tree.entries[0].child_count else 0
        while True:
            if child:
                bytes_clear(&path)
                nar_tree_path(tree, child, &path)
                name = os.fsdecode(path.data[:path.size])
                tree.entries[child].is_excluded = not accepts(name, nar_kind_name(tree.entries[child].kind).decode())
                if not tree.entries[child].is_excluded and tree.entries[child].kind == NAR_DIRECTORY:
                    if not nar_tree_expand(tree, child, error):
                        return False
                    if tree.entries[child].child_count:
                        child = tree.entries[child].first_child
                        continue
                at = child
            elif at == 0:
                return True
            while at and at + 1 == tree.entries[tree.entries[at].parent].first_child + tree.entries[
                    tree.entries[at].parent].child_count:
                at = tree.entries[at].parent
            if at == 0:
                return True
            child = at + 1
    finally:
        bytes_free(&path)


cdef object write_archive(path, accepts, Hasher* hasher, Bytes* out, int fd, bint is_exact=False):
    """Writes the archive, and returns its size.  *is_exact*: a folder below *path* that has become a link meanwhile is an error."""
    cdef bytes raw = os.fsencode(path)
    cdef View root = view_bytes(raw)
    cdef NarTree tree
    cdef NarSink sink
    cdef Bytes error
    cdef bint ok, finished
    bytes_init(&error)
    nar_sink_init(&sink, hasher, out, fd)
    ok = nar_tree_init(&tree, root, NULL, NULL, root, &error)
    if is_exact:
        tree.trusted_size = len(raw)
    try:
        if ok and accepts is not None:
            ok = filter_tree(&tree, accepts, &error)
        if ok:
            tree.is_transient = accepts is None
            with nogil:
                ok = nar_write_tree(&tree, &sink, &error)
    finally:
        nar_tree_free(&tree)
        finished = nar_sink_finish(&sink, &error)
    if not ok or not finished:
        raise_error(&error)
    return sink.size


def pack(path, accepts=None):
    """The NAR of a file or folder as bytes; *accepts(path, kind)* may leave out entries below it.

    *kind*: regular, directory, symlink or unknown.  OSError if something cannot be read.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"hello") and file.flush()
    ...     pack(file.name) == pack_contents(b"hello")
    True
    """
    cdef Bytes out
    bytes_init(&out)
    try:
        write_archive(path, accepts, NULL, &out, -1)
        return out.data[:out.size]
    finally:
        bytes_free(&out)


def pack_into(path, int fd, accepts=None):
    """Writes the NAR of *path* to a file descriptor, and returns its size in bytes.  OSError if something cannot be read or written."""
    return write_archive(path, accepts, NULL, NULL, fd)


def path_digest(str algorithm, path, accepts=None, *, bint exact=False):
    """(digest, size) of the NAR of *path*; *accepts(path, kind)* may leave out entries below it.

    *exact*: a folder below *path* that has become a link meanwhile is an error.  OSError if something cannot be read.
    """
    cdef bytes name = algorithm.encode()
    cdef int kind = hash_kind_of(view_bytes(name))
    cdef Hasher hasher
    cdef Digest digest
    if kind == 0:
        raise ValueError(f"unknown hash algorithm '{algorithm}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'")
    hasher_init(&hasher, kind)
    try:
        size = write_archive(path, accepts, &hasher, NULL, -1, exact)
    except BaseException:
        hasher_drop(&hasher)
        raise
    if not hasher_final(&hasher, &digest):
        raise hash_exception(kind)
    return digest.data[:digest.size], size


def open_below(bytes path not None, size_t trusted, int flags):
    """A descriptor of the file at *path*; links are followed only in its first *trusted* bytes.  OSError if it cannot be opened."""
    if b"\0" in path:
        raise ValueError("embedded null byte")
    cdef int fd = exact_open(path, trusted, flags)
    if fd < 0:
        raise OSError(errno, os.strerror(errno), os.fsdecode(path))
    return fd


def mode_below(bytes path not None, size_t trusted):
    """`st_mode` of the file at *path*, 0 if there is none; links are followed only in its first *trusted* bytes.  OSError if the system refuses to say."""
    if b"\0" in path:
        raise ValueError("embedded null byte")
    cdef int64_t mode = nar_mode(path, trusted)
    if mode < 0:
        raise OSError(errno, os.strerror(errno), os.fsdecode(path))
    return mode


def pack_contents(bytes contents not None, *, bint executable=False):
    """The NAR of one regular file with these contents, as bytes."""
    cdef Bytes out, error
    cdef NarSink sink
    bytes_init(&out)
    bytes_init(&error)
    nar_sink_init(&sink, NULL, &out, -1)
    nar_write_contents(view_bytes(contents), executable, &sink)
    try:
        if not nar_sink_finish(&sink, &error):
            raise_error(&error)
        return out.data[:out.size]
    finally:
        bytes_free(&out)
