# cython: language_level=3
"""Status, contents, names and links of files on disk: the host's system calls, in C.

*trusted* is FOLLOW_LINKS, or the number of bytes at the front of a path that may lead through symbolic links; a link after them is the
fault ELOOP (`store/exact_open.pxd`).
"""
from libc.stdint cimport int64_t
from snowsnake.cache.layout cimport FileStamp
# its C is used below
from snowsnake.store.exact_open cimport exact_open

cdef extern from *:
    """
    #ifndef SNOWSNAKE_DISK
    #define SNOWSNAKE_DISK
    #include <dirent.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <pwd.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <unistd.h>

    #define FOLLOW_LINKS ((size_t)-1)

    static int disk_open_as(const char *path, size_t trusted, int flags)
    {
        return trusted == FOLLOW_LINKS ? open(path, flags | O_CLOEXEC) : exact_open(path, trusted, flags);
    }

    static int disk_stat(const char *path, size_t trusted, int follow, struct stat *st)
    {
        int fd, failed, fault;
        if (trusted == FOLLOW_LINKS)
            return follow ? stat(path, st) : lstat(path, st);
        fd = exact_open(path, trusted, O_PATH | O_NOFOLLOW);
        if (fd < 0)
            return -1;
        failed = fstat(fd, st);
        fault = errno;
        close(fd);
        errno = fault;
        return failed;
    }

    /* Returns the FileType, 0 if nothing is there, -1 for another error (in *fault). */
    static int disk_type(const char *path, size_t trusted, int follow, int *fault)
    {
        struct stat st;
        int failed = disk_stat(path, trusted, follow, &st);
        if (fault)
            *fault = failed ? errno : 0;
        if (failed)
            return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
        return S_ISREG(st.st_mode) ? 1 : S_ISDIR(st.st_mode) ? 2 : S_ISLNK(st.st_mode) ? 3 : 4;
    }

    /* Time of change, time of status change, inode, size. */
    static void disk_put_stamp(const struct stat *st, void *stamp)
    {
        int64_t numbers[4];
        numbers[0] = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
        numbers[1] = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
        numbers[2] = (int64_t)st->st_ino;
        numbers[3] = (int64_t)st->st_size;
        memcpy(stamp, numbers, sizeof(numbers));
    }

    /* Opens for reading, with a regular file's stamp.  For what is neither file nor directory, *size is 1 for a character device and 0 otherwise. */
    static int disk_open(const char *path, size_t trusted, int *kind, int64_t *size, void *stamp, int *fault)
    {
        struct stat st;
        int fd;
        /* Assumes that the name is a file's, and checks that once it is open: this saves a system call for each.  Where devices and other
           processes' pipes are, we look first. */
        if (strncmp(path, "/dev/", 5) && strncmp(path, "/proc/", 6)) {
            fd = disk_open_as(path, trusted, O_RDONLY | O_NOCTTY | O_NONBLOCK);
            if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
                *kind = 1;
                *size = (int64_t)st.st_size;
                *fault = 0;
                disk_put_stamp(&st, stamp);
                return fd;
            }
            if (fd >= 0)
                close(fd);
        }
        if (disk_stat(path, trusted, 1, &st)) {
            *fault = errno;
            return -1;
        }
        /* This happens only for an exact path. */
        if (S_ISLNK(st.st_mode)) {
            *fault = ELOOP;
            return -1;
        }
        *kind = S_ISREG(st.st_mode) ? 1 : S_ISDIR(st.st_mode) ? 2 : 4;
        *size = S_ISREG(st.st_mode) ? (int64_t)st.st_size : S_ISCHR(st.st_mode) ? 1 : 0;
        /* Opening a device may have effects, and opening a pipe may wait: of these only /dev/null is opened. */
        if (*kind == 1)
            fd = disk_open_as(path, trusted, O_RDONLY | O_NOCTTY | O_NONBLOCK);
        else
            fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && *kind == 1 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
            close(fd);
            errno = EINVAL;
            fd = -1;
        }
        *fault = fd < 0 ? errno : 0;
        if (fd >= 0 && *kind == 1) {
            *size = (int64_t)st.st_size;
            disk_put_stamp(&st, stamp);
        }
        return fd;
    }

    /* Reads a regular file. */
    static int disk_stamp(const char *path, size_t trusted, void *stamp)
    {
        struct stat st;
        if (disk_stat(path, trusted, 1, &st) || !S_ISREG(st.st_mode))
            return 0;
        disk_put_stamp(&st, stamp);
        return 1;
    }

    /* Returns NULL, with errno set, on failure. */
    static DIR *disk_open_directory(const char *path, size_t trusted)
    {
        DIR *directory;
        int fd, fault;
        if (trusted == FOLLOW_LINKS)
            return opendir(path);
        fd = exact_open(path, trusted, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (fd < 0)
            return NULL;
        directory = fdopendir(fd);
        fault = errno;
        if (!directory)
            close(fd);
        errno = fault;
        return directory;
    }

    static const char *disk_next_name(DIR *directory, int *kind, int *fault)
    {
        struct dirent *entry;
        struct stat st;
        do {
            errno = 0;
            entry = readdir(directory);
        } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
        *fault = entry ? 0 : errno;
        if (!entry)
            return NULL;
        switch (entry->d_type) {
        case DT_REG: *kind = 1; break;
        case DT_DIR: *kind = 2; break;
        case DT_LNK: *kind = 3; break;
        case DT_UNKNOWN:
            *kind = 4;
            if (!fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
                *kind = S_ISREG(st.st_mode) ? 1 : S_ISDIR(st.st_mode) ? 2 : S_ISLNK(st.st_mode) ? 3 : 4;
            break;
        default: *kind = 4;
        }
        return entry->d_name;
    }

    /* Returns the size of the target; -1, with errno set, on failure. */
    static ssize_t disk_link(const char *path, size_t trusted, char *target, size_t size)
    {
        ssize_t length;
        int fd, fault;
        if (trusted == FOLLOW_LINKS)
            return readlink(path, target, size);
        fd = exact_open(path, trusted, O_PATH | O_NOFOLLOW);
        if (fd < 0)
            return -1;
    #ifdef __linux__
        length = readlinkat(fd, "", target, size);
        fault = errno == ENOENT ? EINVAL : errno;
    #else
        length = readlink(path, target, size);
        fault = errno;
    #endif
        close(fd);
        errno = fault;
        return length;
    }

    static const char *disk_home(void)
    {
        struct passwd *user = getpwuid(geteuid());
        return user ? user->pw_dir : NULL;
    }
    #endif
    """
    ctypedef struct DIR:
        pass
    size_t FOLLOW_LINKS
    int disk_type(const char* path, size_t trusted, int follow, int* fault) noexcept nogil
    int disk_open(const char* path, size_t trusted, int* kind, int64_t* size, FileStamp* stamp, int* fault) noexcept nogil
    bint disk_stamp(const char* path, size_t trusted, FileStamp* stamp) noexcept nogil
    DIR* disk_open_directory(const char* path, size_t trusted) noexcept nogil
    const char* disk_next_name(DIR* directory, int* kind, int* fault) noexcept nogil
    Py_ssize_t disk_link(const char* path, size_t trusted, char* target, size_t size) noexcept nogil
    const char* disk_home() noexcept nogil
    int closedir(DIR* directory) noexcept nogil
    int close(int fd) noexcept nogil
    Py_ssize_t read(int fd, void* data, size_t size) noexcept nogil
