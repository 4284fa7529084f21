# cython: language_level=3
"""Git's index file: which files of a working tree are tracked, which of them may have changed, and the NAR of the tracked files.

In: the bytes of `.git/index` (versions 2 and 3), a working tree.  Out: names, suspicious entries, a hash.  libgit2 makes a Python object for
each entry and looks at each file in turn: for 50 000 files that takes half a second, and here a tenth of a second.  An index that this module
does not understand (`is_plain` is False) is left to libgit2.

Over 600 lines: what reads the index, what looks at the files and what hashes them share the table of entries, which is C.
"""
import os
from _thread import allocate_lock, start_new_thread

from libc.errno cimport errno
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, qsort
from libc.string cimport memchr, memcmp, strerror

from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_byte, bytes_free, bytes_init, bytes_text, make_view
from snowsnake.store.exact_open cimport exact_walk
from snowsnake.store.hash_functions cimport HASH_SHA256, Digest, Hasher, hasher_final, hasher_init
from snowsnake.store.nar cimport (
    NAR_DIRECTORY, NAR_EXECUTABLE, NAR_REGULAR, NAR_SYMLINK, NarFiles, NarSink, NarTree, nar_sink_finish, nar_sink_init, nar_tree_free,
    nar_tree_init, nar_write_tree,
)

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <stdint.h>
    #include <sys/stat.h>
    #include <unistd.h>
    #ifndef O_PATH
    #define O_PATH O_RDONLY
    #endif

    static uint32_t index_number(const uint8_t *data)
    {
        return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    }

    /* Whether a file is just as the index had it; `index_s` and `index_ns`: when that was written. */
    static int index_is_unchanged(int root, const char *path, const uint8_t *known, int64_t index_s, int64_t index_ns)
    {
        struct stat st;
        uint32_t mode = index_number(known + 24), ns = index_number(known + 12);
        if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW))
            return 0;
        if (S_ISREG(st.st_mode) ? (mode & 0170000) != 0100000 || !(mode & 0100) != !(st.st_mode & 0100)
                                : !S_ISLNK(st.st_mode) || (mode & 0170000) != 0120000)
            return 0;
        if ((uint32_t)st.st_mtime != index_number(known + 8) || (uint32_t)st.st_ctime != index_number(known))
            return 0;
        if ((ns && ns != (uint32_t)st.st_mtim.tv_nsec) || (index_number(known + 4) && index_number(known + 4) != (uint32_t)st.st_ctim.tv_nsec))
            return 0;
        if ((uint32_t)st.st_ino != index_number(known + 20) || st.st_uid != index_number(known + 28) || st.st_gid != index_number(known + 32))
            return 0;
        if ((uint32_t)st.st_size != index_number(known + 36))
            return 0;
        /* The file has the time of the index: it may have been written again since, within the clock's grain. */
        if (st.st_mtime > index_s || (st.st_mtime == index_s && (!ns || st.st_mtim.tv_nsec >= index_ns)))
            return 0;
        return 1;
    }

    static int index_is_folder(int root, const char *path)
    {
        struct stat st;
        return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    }

    /* Returns 1 for a regular file, 2 for an executable one, 3 for a link, and 0 for anything else or nothing. */
    static int index_kind_at(int root, const char *path)
    {
        struct stat st;
        if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW))
            return 0;
        if (S_ISREG(st.st_mode))
            return st.st_mode & S_IXUSR ? 2 : 1;
        return S_ISLNK(st.st_mode) ? 3 : 0;
    }
    """
    uint32_t index_number(const uint8_t* data) noexcept nogil
    bint index_is_unchanged(int root, const char* path, const uint8_t* known, int64_t index_s, int64_t index_ns) noexcept nogil
    bint index_is_folder(int root, const char* path) noexcept nogil
    int index_kind_at(int root, const char* path) noexcept nogil
    int O_PATH
    int close(int fd) noexcept nogil
    Py_ssize_t readlinkat(int root, const char* path, char* target, size_t size) noexcept nogil

cdef enum:
    HEADER = 12
    # An entry has this many bytes before its path.
    FIXED = 62
    # A SHA-1 hash has this many bytes.
    ID_SIZE = 20
    # These are flags of an entry.  The flag `ASSUMED` asks Git not to look at the file.
    ASSUMED = 0x8000
    EXTENDED = 0x4000
    STAGE = 0x3000
    # These are extended flags of an entry, which Git calls skip-worktree and intent-to-add.
    SKIPPED = 0x4000
    INTENDED = 0x2000
    LINK_TARGET_MAX = 4096
    # A share of at least this many entries is worth a thread of its own.
    ENTRIES_OF_A_THREAD = 5_000
    MOST_THREADS = 8


cdef enum FileState:
    AS_INDEXED
    # The file differs from the index, so its kind and contents are those on disk.
    ON_DISK
    GONE


cdef struct IndexEntry:
    # The entry begins here.
    const uint8_t* data
    # The path ends with a NUL byte.
    const uint8_t* path
    uint32_t path_size
    uint32_t mode
    uint8_t state


cdef struct Index:
    IndexEntry* items
    size_t count
    # The working tree has this path.
    const char* root
    size_t root_size
    int root_fd


_KINDS = {NAR_REGULAR: "regular", NAR_EXECUTABLE: "executable", NAR_SYMLINK: "symlink", NAR_DIRECTORY: "directory"}


cdef class GitIndex:
    """The index of one repository."""

    cdef Index table
    cdef bytes data
    # Whether this module understands the whole index.
    cdef readonly bint is_plain
    # The hash of the tree object that the index describes; None if the index does not have it.
    cdef readonly bytes tree_id
    # The submodules have these paths.
    cdef readonly list modules
    # The time when the index was written, as the caller of `suspicious` said.
    cdef int64_t written_ns
    # The working tree has this path.
    cdef bytes root

    def __cinit__(self, bytes data not None, root):
        self.data = data
        self.root = os.fsencode(root)
        self.table.root, self.table.root_size, self.table.root_fd = self.root, len(self.root), -1
        self.modules = []
        self.is_plain = self._parse()

    def __dealloc__(self):
        if self.table.root_fd >= 0:
            os.close(self.table.root_fd)
        free(self.table.items)

    def __len__(self):
        return self.table.count

    cdef bint _parse(self) except -1:
        cdef const uint8_t* start = self.data
        # The last bytes of the file are its own hash.
        cdef const uint8_t* end = start + len(self.data) - ID_SIZE
        cdef const uint8_t* at = start + HEADER
        cdef const uint8_t* stop
        cdef uint32_t version, total, flags
        cdef size_t head
        cdef IndexEntry* item
        if len(self.data) < HEADER + ID_SIZE or memcmp(start, b"DIRC", 4):
            return False
        version, total = index_number(start + 4), index_number(start + 8)
        if version not in (2, 3) or total > <size_t>(end - at) // FIXED + 1:
            return False
        self.table.items = <IndexEntry*>allocate_items(total, sizeof(IndexEntry))
        if self.table.items == NULL:
            raise MemoryError
        while self.table.count < total:
            if end - at < FIXED + 1:
                return False
            flags = <uint32_t>at[60] << 8 | at[61]
            head = FIXED
            if flags & (ASSUMED | STAGE):
                return False
            if flags & EXTENDED:
                if (<uint32_t>at[62] << 8 | at[63]) & (SKIPPED | INTENDED):
                    return False
                head += 2
            stop = <const uint8_t*>memchr(at + head, 0, end - at - head)
            if stop == NULL or stop == at + head:
                return False
            item = self.table.items + self.table.count
            item.data, item.path, item.path_size = at, at + head, <uint32_t>(stop - at - head)
            item.mode, item.state = index_number(at + 24), AS_INDEXED
            if self.table.count and _compare(item, item[-1].path, item[-1].path_size) <= 0:
                return False
            self.table.count += 1
            if item.mode == 0o160000:
                self.modules.append(item.path[:item.path_size])
                # A submodule is not one of the files.
                item.state = GONE
            at += (head + item.path_size + 8) & ~<size_t>7
        return self._extensions(at, end)

    cdef bint _extensions(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef uint32_t size
        while end - at >= 8:
            size = index_number(at + 4)
            if size > end - at - 8:
                return False
            if memcmp(at, b"TREE", 4) == 0:
                self._take_tree(at + 8, size)
            elif not c"A" <= at[0] <= c"Z":
                # A reader has to understand such an extension, and we do not: the index is split or sparse.
                return False
            at += 8 + size
        return at == end

    cdef int _take_tree(self, const uint8_t* at, size_t size) except -1:
        """Takes the hash of the root from the extension with the hashes of trees.  Its number of entries is -1 if the hash is not valid any more."""
        cdef bytes record = at[:size]
        head, mark, rest = record.partition(b"\n")
        number = head[1:].split(b" ")[0]
        if mark and head[:1] == b"\0" and number.isdigit() and len(rest) >= ID_SIZE:
            self.tree_id = rest[:ID_SIZE]
        return 0

    # ---- looking up ---------------------------------------------------------------------------------------------

    def has(self, bytes path not None):
        """Whether a file is tracked, and was not deleted."""
        cdef size_t at = _find(&self.table, path, len(path))
        return at < self.table.count and self.table.items[at].state != GONE

    def has_below(self, bytes path not None):
        """Whether a folder has tracked files that were not deleted; always True for the root."""
        cdef bytes start = path + b"/" if path else b""
        return not path or _is_filled(&self.table, start, len(start))

    def entries(self, bytes path not None):
        """(name, kind) of a folder's entries.  The kind of a file that differs from the index is that on disk; all others are as in the index."""
        cdef Bytes listing, error
        self._open_root()
        bytes_init(&listing)
        bytes_init(&error)
        try:
            if not _list(&self.table, make_view(<const uint8_t*>path, len(path)), &listing, &error) or listing.failed:
                raise MemoryError
            found = listing.data[:listing.size].split(b"\0")[:-1]
            return [(name[1:], _KINDS[name[0]]) for name in found]
        finally:
            bytes_free(&listing)
            bytes_free(&error)

    def mark(self, bytes path not None, bint is_gone):
        """Notes that a file differs from the index, or with *is_gone* that it does not exist.  Returns False if the index does not have it."""
        cdef size_t at = _find(&self.table, path, len(path))
        if at == self.table.count:
            return False
        self.table.items[at].state = GONE if is_gone else ON_DISK
        return True

    # ---- comparing with the disk --------------------------------------------------------------------------------

    def _open_root(self):
        if self.table.root_fd < 0:
            self.table.root_fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def suspicious(self, int64_t written_ns):
        """(path, mode, hash of the blob) of the entries whose files may have changed since the index was written, at *written_ns*."""
        cdef bytearray flags = bytearray(self.table.count)
        cdef uint8_t* answers = <uint8_t*><char*>flags
        self.written_ns = written_ns
        self._open_root()
        self._look_by_several(written_ns, flags)
        found = []
        for i in range(self.table.count):
            if answers[i]:
                found.append((self.table.items[i].path[:self.table.items[i].path_size], self.table.items[i].mode, self.table.items[i].data[40:60]))
        return found

    def holds(self, read):
        """Whether the files that were read are still as the index has them; *read*: (path, whether everything below it was read, too).

        Returns False if the index cannot tell: for files that differed already, and for paths through links.
        """
        cdef size_t at, past
        cdef bytes path, start
        self._open_root()
        for path, is_whole in read:
            at = _find(&self.table, path, len(path))
            past = at + 1
            if at == self.table.count:
                if self._is_through_link(path):
                    return False
                if not is_whole:
                    # The path is a folder, whose names are those of the index, or it is nothing.
                    continue
                start = path + b"/" if path else b""
                at = _lower(&self.table, start, len(start))
                past = _past_folder(&self.table, at, start, len(start))
            if not self._are_as_indexed(at, past):
                return False
        return True

    cdef bint _is_through_link(self, bytes path) except -1:
        cdef size_t at
        while path:
            at = _find(&self.table, path, len(path))
            if at < self.table.count and self.table.items[at].mode & 0o170000 == 0o120000:
                return True
            path = path.rpartition(b"/")[0]
        return False

    cdef bint _are_as_indexed(self, size_t first, size_t past) except -1:
        cdef size_t i
        cdef bytearray flags = bytearray(past - first)
        cdef uint8_t* answers = <uint8_t*><char*>flags
        for i in range(first, past):
            if self.table.items[i].state == ON_DISK:
                return False
        _look_at(self.table.items, first, past, self.table.root_fd, self.written_ns // 1_000_000_000, self.written_ns % 1_000_000_000, answers - first)
        return not any(flags)

    def _look_by_several(self, int64_t written_ns, bytearray flags):
        """Looks at the files of a large index in several threads, each with its share: nearly all of the time is spent in the kernel."""
        cdef size_t count = self.table.count
        shares = min(count // ENTRIES_OF_A_THREAD, MOST_THREADS, len(os.sched_getaffinity(0))) or 1
        bounds = [count * i // shares for i in range(shares + 1)]
        locks = []
        for first, past in zip(bounds[1:], bounds[2:]):
            lock = allocate_lock()
            lock.acquire()
            try:
                start_new_thread(self._look_apart, (first, past, written_ns, flags, lock))
            except RuntimeError:
                # The system allows no more threads.
                self._look(first, past, written_ns, flags)
                lock.release()
            locks.append(lock)
        self._look(0, bounds[1], written_ns, flags)
        for lock in locks:
            lock.acquire()

    def _look_apart(self, size_t first, size_t past, int64_t written_ns, bytearray flags, lock):
        try:
            self._look(first, past, written_ns, flags)
        finally:
            lock.release()

    def _look(self, size_t first, size_t past, int64_t written_ns, bytearray flags):
        cdef uint8_t* answers = <uint8_t*><char*>flags
        cdef int64_t seconds = written_ns // 1_000_000_000, ns = written_ns % 1_000_000_000
        with nogil:
            _look_at(self.table.items, first, past, self.table.root_fd, seconds, ns, answers)

    # ---- the archive --------------------------------------------------------------------------------------------

    def nar_digest(self):
        """(SHA-256, size) of the NAR of these files as they are on disk."""
        cdef NarTree tree
        cdef NarSink sink
        cdef Hasher hasher
        cdef Digest digest
        cdef Bytes error
        cdef bint ok, finished
        self._open_root()
        bytes_init(&error)
        hasher_init(&hasher, HASH_SHA256)
        nar_sink_init(&sink, &hasher, NULL, -1)
        ok = nar_tree_init(&tree, make_view(b"", 0), &index_files, &self.table, make_view(b"", 0), &error)
        try:
            if ok:
                tree.is_transient = True
                with nogil:
                    ok = nar_write_tree(&tree, &sink, &error)
        finally:
            nar_tree_free(&tree)
            finished = nar_sink_finish(&sink, &error)
        try:
            if not ok or not finished:
                raise OSError(error.data[:error.size].decode(errors="surrogateescape") if error.size else "archive failed")
        finally:
            bytes_free(&error)
        hasher_final(&hasher, &digest)
        return digest.data[:digest.size], sink.size


cdef size_t _lower(const Index* index, const uint8_t* path, size_t size) noexcept nogil:
    """The first entry whose path is this one or follows it."""
    cdef size_t first = 0, past = index.count, middle
    while first < past:
        middle = (first + past) // 2
        if _compare(index.items + middle, path, size) < 0:
            first = middle + 1
        else:
            past = middle
    return first


cdef size_t _find(const Index* index, const uint8_t* path, size_t size) noexcept nogil:
    """The entry of a path; `count` if there is none."""
    cdef size_t at = _lower(index, path, size)
    return at if at < index.count and _compare(index.items + at, path, size) == 0 else index.count


cdef bint _is_filled(const Index* index, const uint8_t* start, size_t size) noexcept nogil:
    """Whether the path of some file that was not deleted begins with *start*."""
    cdef size_t at = _lower(index, start, size)
    while at < index.count and _is_below(&index.items[at], start, size):
        if index.items[at].state != GONE:
            return True
        at += 1
    return False


cdef inline bint _is_below(const IndexEntry* item, const uint8_t* start, size_t size) noexcept nogil:
    """Whether the entry's path is longer than *start* and begins with it.  The address of an empty start may be NULL."""
    return item.path_size > size and (size == 0 or memcmp(item.path, start, size) == 0)


cdef int _compare(const IndexEntry* item, const uint8_t* path, size_t size) noexcept nogil:
    cdef size_t common = size if size < item.path_size else item.path_size
    cdef int found = memcmp(item.path, path, common) if common else 0
    if found:
        return found
    return (item.path_size > size) - (item.path_size < size)


cdef void _look_at(IndexEntry* items, size_t first, size_t past, int root, int64_t seconds, int64_t ns, uint8_t* answers) noexcept nogil:
    """Sets the answers of the entries whose files may have changed.  It looks at each folder, too: one that has become a link may show the same files."""
    cdef char folder[4096]
    cdef uint32_t folder_size = 0, at, size
    cdef bint is_folder = True
    cdef const uint8_t* path
    cdef size_t i
    for i in range(first, past):
        if items[i].state == GONE:
            continue
        path = items[i].path
        size = items[i].path_size
        while size and path[size - 1] != c"/":
            size -= 1
        if size >= sizeof(folder):
            answers[i] = 1
            continue
        if size != folder_size or memcmp(folder, path, size):
            is_folder = True
            for at in range(size):
                if path[at] == c"/":
                    folder[at] = 0
                    # If a folder on the way is not a folder any more, nothing below it has to be looked at.
                    is_folder = is_folder and index_is_folder(root, folder)
                folder[at] = path[at]
            folder_size = size
        answers[i] = not is_folder or not index_is_unchanged(root, <const char*>path, items[i].data, seconds, ns)


# ---- files, for the archive -------------------------------------------------------------------------------------

cdef int _kind_of(const Index* index, const IndexEntry* item) noexcept nogil:
    if item.state == ON_DISK:
        return index_kind_at(index.root_fd, <const char*>item.path)
    if item.mode & 0o170000 == 0o120000:
        return NAR_SYMLINK
    return NAR_EXECUTABLE if item.mode & 0o100 else NAR_REGULAR


cdef int _kind(void* context, View path, Bytes* error) noexcept nogil:
    # The caller asks only for the root.
    return NAR_DIRECTORY


cdef struct Named:
    const uint8_t* name
    uint32_t size
    uint8_t kind


cdef int _by_name(const void* a, const void* b) noexcept nogil:
    cdef const Named* x = <const Named*>a
    cdef const Named* y = <const Named*>b
    cdef int found = memcmp(x.name, y.name, x.size if x.size < y.size else y.size)
    return found if found else (x.size > y.size) - (x.size < y.size)


cdef bint _list(void* context, View path, Bytes* listing, Bytes* error) noexcept nogil:
    """Appends each entry of a folder to *listing*: a byte for its kind, its name, a NUL byte.

    In the index, all files below a folder are next to each other, so each folder inside is skipped in one step.
    """
    cdef Index* index = <Index*>context
    cdef size_t skipped = path.size + 1 if path.size else 0
    cdef Named* found = NULL
    cdef size_t count = 0, capacity = 0, at, i
    cdef IndexEntry* item
    cdef const uint8_t* slash
    cdef Bytes start
    cdef bint is_sorted = True
    cdef int kind
    bytes_init(&start)
    bytes_append(&start, path.data, path.size)
    if path.size:
        bytes_byte(&start, c"/")
    at = _lower(index, start.data, start.size)
    while at < index.count:
        item = index.items + at
        if not _is_below(item, <const uint8_t*>start.data, skipped):
            break
        slash = <const uint8_t*>memchr(item.path + skipped, c"/", item.path_size - skipped)
        at += 1
        if item.state == GONE:
            continue
        kind = NAR_DIRECTORY if slash != NULL else _kind_of(index, item)
        if kind == 0:
            continue
        if not has_room(&found, count, &capacity, 64):
            listing.failed = True
            break
        found[count].name = item.path + skipped
        found[count].size = <uint32_t>(slash - item.path - skipped) if slash != NULL else item.path_size - <uint32_t>skipped
        found[count].kind = <uint8_t>kind
        if count and _by_name(found + count - 1, found + count) >= 0:
            is_sorted = False
        count += 1
        if slash != NULL:
            at = _past_folder(index, at, item.path, slash - item.path + 1)
    if not is_sorted:
        qsort(found, count, sizeof(Named), _by_name)
    for i in range(count):
        bytes_byte(listing, found[i].kind)
        bytes_append(listing, found[i].name, found[i].size)
        bytes_byte(listing, 0)
    free(found)
    bytes_free(&start)
    return True


cdef size_t _past_folder(const Index* index, size_t first, const uint8_t* folder, size_t size) noexcept nogil:
    """The first entry after those of a folder, whose name here ends in a slash."""
    cdef size_t past = index.count, middle
    while first < past:
        middle = (first + past) // 2
        if _is_below(index.items + middle, folder, size):
            first = middle + 1
        else:
            past = middle
    return first


cdef bint _disk(void* context, View path, Bytes* place, Bytes* error) noexcept nogil:
    cdef Index* index = <Index*>context
    bytes_append(place, index.root, index.root_size)
    bytes_byte(place, c"/")
    bytes_append(place, path.data, path.size)
    bytes_byte(place, 0)
    return True


cdef bint _read(void* context, View path, Bytes* content, Bytes* error) noexcept nogil:
    # `_disk` has an answer for every file, so nothing is left to read here.
    return False


cdef bint _link(void* context, View path, Bytes* target, Bytes* error) noexcept nogil:
    cdef Index* index = <Index*>context
    cdef char data[LINK_TARGET_MAX]
    cdef Bytes name
    cdef Py_ssize_t size
    cdef int fd, fault
    bytes_init(&name)
    bytes_append(&name, path.data, path.size)
    bytes_byte(&name, 0)
    fd = exact_walk(index.root_fd, <const char*>name.data, O_PATH) if not name.failed else -1
    size = readlinkat(fd, "", data, sizeof(data)) if fd >= 0 else -1
    fault = errno
    if fd >= 0:
        close(fd)
    bytes_free(&name)
    if size < 0 or size == <Py_ssize_t>sizeof(data):
        bytes_text(error, "reading symbolic link: ")
        bytes_text(error, strerror(fault))
        return False
    bytes_append(target, data, size)
    return True


cdef NarFiles index_files
index_files.kind = _kind
index_files.list = _list
index_files.read = _read
index_files.disk = _disk
index_files.link = _link
