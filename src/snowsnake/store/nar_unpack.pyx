# cython: language_level=3
"""Writes the tree of a NAR that is in memory, with the modes and dates of a store.

In: an archive's bytes, hostile or not; the path of the tree to make.  Out: whether all of it was right.  If not, the caller removes what was
written, and `nar_reader.py` reads the archive again and says what is wrong with it.  The interpreter's lock is not held.  A file costs four system
calls; in Python it costs ten, and 100 µs.
"""
from libc.errno cimport errno
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, strlen
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from snowsnake.store.nar cimport NAR_MOST_DEPTH, NAR_MOST_NAME, NAR_MOST_TARGET

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <sys/stat.h>
    #include <unistd.h>

    static const struct timespec unpack_dates[2] = {{1, 0}, {1, 0}};

    static int unpack_dated(int fd) { return futimens(fd, unpack_dates); }

    static int unpack_link(const char *target, int directory, const char *name)
    {
        return symlinkat(target, directory, name) || utimensat(directory, name, unpack_dates, AT_SYMLINK_NOFOLLOW);
    }

    static int unpack_create(int directory, const char *name)
    {
        return openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }

    static int unpack_folder(int directory, const char *name)
    {
        return mkdirat(directory, name, 0700) ? -1 : openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    """
    int unpack_dated(int fd) noexcept nogil
    int unpack_link(const char* target, int directory, const char* name) noexcept nogil
    int unpack_create(int directory, const char* name) noexcept nogil
    int unpack_folder(int directory, const char* name) noexcept nogil
    int fchmod(int fd, unsigned int mode) noexcept nogil
    int close(int fd) noexcept nogil
    Py_ssize_t write(int fd, const void* data, size_t size) noexcept nogil
    int AT_FDCWD
    int EINTR

cdef enum:
    # The system has this limit: nobody could read a file with a longer path.
    MOST_PATH = 4095

cdef struct NarString:
    const uint8_t* data
    uint64_t size

cdef struct Reader:
    const uint8_t* at
    uint64_t left

cdef struct Folder:
    int fd
    uint64_t path_size
    # The latest entry of the folder has this name.
    NarString last


cdef bint number(Reader* self, uint64_t* found) noexcept nogil:
    cdef int i
    if self.left < 8:
        return False
    found[0] = 0
    for i in range(8):
        found[0] |= <uint64_t>self.at[i] << (8 * i)
    self.at += 8
    self.left -= 8
    return True


cdef bint part(Reader* self, NarString* found) noexcept nogil:
    """Reads a string with its padding."""
    cdef uint64_t padding, i
    if not number(self, &found.size):
        return False
    padding = (8 - found.size % 8) % 8
    if found.size > self.left or padding > self.left - found.size:
        return False
    found.data = self.at
    for i in range(padding):
        if self.at[found.size + i] != 0:
            return False
    self.at += found.size + padding
    self.left -= found.size + padding
    return True


cdef bint equals(const NarString* self, const char* text, uint64_t size) noexcept nogil:
    return self.size == size and memcmp(self.data, text, size) == 0


cdef bint expect(Reader* self, const char* text, uint64_t size) noexcept nogil:
    cdef NarString found
    return part(self, &found) and equals(&found, text, size)


cdef bint take_text(const NarString* self, char* text, uint64_t limit) noexcept nogil:
    """Copies a name or target that is no longer than the limit, as text that ends with a NUL."""
    if self.size == 0 or self.size > limit or memchr(self.data, 0, self.size) != NULL:
        return False
    memcpy(text, self.data, self.size)
    text[self.size] = 0
    return True


cdef bint take_name(const NarString* self, const NarString* before, char* text) noexcept nogil:
    """Copies a name, if a folder may have it after the name *before*."""
    cdef uint64_t common = min(self.size, before.size)
    cdef int order = memcmp(self.data, before.data, common) if common else 0
    if order < 0 or (order == 0 and self.size <= before.size):
        return False
    if memchr(self.data, c"/", self.size) != NULL or equals(self, ".", 1) or equals(self, "..", 2):
        return False
    return take_text(self, text, NAR_MOST_NAME)


cdef bint file(Reader* self, int directory, const char* name) noexcept nogil:
    """Reads the rest of a regular file, after its type, and writes the file."""
    cdef NarString tag, contents
    cdef bint is_executable = False
    cdef bint ok
    if not part(self, &tag):
        return False
    if equals(&tag, "executable", 10):
        is_executable = True
        if not expect(self, "", 0) or not part(self, &tag):
            return False
    if not equals(&tag, "contents", 8) or not part(self, &contents) or not expect(self, ")", 1):
        return False
    cdef int fd = unpack_create(directory, name)
    if fd < 0:
        return False
    ok = write_all(fd, &contents) and fchmod(fd, 0o555 if is_executable else 0o444) == 0 and unpack_dated(fd) == 0
    return close(fd) == 0 and ok


cdef bint write_all(int fd, const NarString* contents) noexcept nogil:
    cdef uint64_t done = 0
    cdef Py_ssize_t n
    while done < contents.size:
        n = write(fd, contents.data + done, contents.size - done)
        if n < 0:
            if errno == EINTR:
                continue
            return False
        done += n
    return True


cdef int node(Reader* self, int directory, const char* name) noexcept nogil:
    """Reads one node.  Returns -1 if anything is wrong, the descriptor of a folder, which stays open, and -2 for anything else."""
    cdef NarString tag
    cdef char target[NAR_MOST_TARGET + 1]
    cdef bint ok
    if not expect(self, "(", 1) or not expect(self, "type", 4) or not part(self, &tag):
        return -1
    if equals(&tag, "directory", 9):
        return unpack_folder(directory, name)
    if equals(&tag, "symlink", 7):
        ok = (
            expect(self, "target", 6) and part(self, &tag) and take_text(&tag, target, NAR_MOST_TARGET) and expect(self, ")", 1)
            and unpack_link(target, directory, name) == 0
        )
    else:
        ok = equals(&tag, "regular", 7) and file(self, directory, name)
    return -2 if ok else -1


cdef bint close_folder(Folder* self) noexcept nogil:
    cdef bint ok = fchmod(self.fd, 0o555) == 0 and unpack_dated(self.fd) == 0
    return close(self.fd) == 0 and ok


cdef bint entry(Reader* self, Folder* folders, int* depth) noexcept nogil:
    """Reads the next entry of the innermost folder, or closes the folder at its end."""
    cdef Folder* folder = &folders[depth[0] - 1]
    cdef NarString found
    cdef char name[NAR_MOST_NAME + 1]
    cdef int made
    if not part(self, &found):
        return False
    if equals(&found, ")", 1):
        depth[0] -= 1
        return close_folder(folder) and (depth[0] == 0 or expect(self, ")", 1))
    if not equals(&found, "entry", 5) or not expect(self, "(", 1) or not expect(self, "name", 4) or not part(self, &found):
        return False
    if not take_name(&found, &folder.last, name) or not expect(self, "node", 4) or depth[0] >= NAR_MOST_DEPTH:
        return False
    if folder.path_size + 1 + found.size > MOST_PATH:
        return False
    folder.last = found
    made = node(self, folder.fd, name)
    if made >= 0:
        return open_folder(folders, depth, made, folder.path_size + 1 + found.size)
    return made == -2 and expect(self, ")", 1)


cdef bint open_folder(Folder* folders, int* depth, int fd, uint64_t path_size) noexcept nogil:
    folders[depth[0]].fd = fd
    folders[depth[0]].path_size = path_size
    folders[depth[0]].last.size = 0
    folders[depth[0]].last.data = NULL
    depth[0] += 1
    return True


cdef bint unpack_tree(Reader* self, const char* target) noexcept nogil:
    cdef Folder folders[NAR_MOST_DEPTH]
    cdef int depth = 0
    cdef bint ok
    cdef int made
    if not expect(self, "nix-archive-1", 13):
        return False
    made = node(self, AT_FDCWD, target)
    ok = made != -1
    if made >= 0:
        open_folder(folders, &depth, made, strlen(target))
    while ok and depth:
        ok = entry(self, folders, &depth)
    while depth:
        depth -= 1
        close(folders[depth].fd)
    return ok and self.left == 0


def unpack_canonical(archive, bytes target not None):
    """Unpacks *archive*, a contiguous buffer, at *target*, which must not exist; False if it is not a NAR, or cannot be written."""
    cdef Py_buffer view
    cdef Reader reader
    cdef const char* place = target
    cdef bint ok
    PyObject_GetBuffer(archive, &view, PyBUF_SIMPLE)
    reader.at = <const uint8_t*>view.buf
    reader.left = view.len
    with nogil:
        ok = unpack_tree(&reader, place)
    PyBuffer_Release(&view)
    return bool(ok)
