# cython: language_level=3
"""Opens exactly what a path names: it follows no symbolic link on the way.

A caller that has resolved a path and found it allowed opens it in this way, because a folder may have become a link since then.  Linux 5.6 and later
do this in one call; with older kernels, and where a sandbox forbids the call, we go from folder to folder.
"""

cdef extern from *:
    """
    #ifndef SNOWSNAKE_EXACT_OPEN
    #define SNOWSNAKE_EXACT_OPEN
    #include <errno.h>
    #include <fcntl.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    #ifndef O_PATH
    #define O_PATH O_RDONLY
    #endif

    static int exact_walk(int folder, const char *path, int flags)
    {
        char name[256];
        int fd = folder, next;
        for (;;) {
            const char *end;
            struct stat st;
            while (*path == '/')
                path++;
            end = strchr(path, '/');
            if (!*path || (end && (size_t)(end - path) >= sizeof(name)) || (!end && strlen(path) >= sizeof(name))) {
                errno = *path ? ENAMETOOLONG : ENOENT;
                break;
            }
            if (!end) {
                next = openat(fd, path, flags | O_NOFOLLOW | O_CLOEXEC);
                if (fd != folder) {
                    int fault = errno;
                    close(fd);
                    errno = fault;
                }
                return next;
            }
            memcpy(name, path, (size_t)(end - path));
            name[end - path] = 0;
            next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
            if (next < 0)
                break;
            if (fstat(next, &st) || !S_ISDIR(st.st_mode)) {
                close(next);
                errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
                break;
            }
            if (fd != folder)
                close(fd);
            fd = next;
            path = end;
        }
        if (fd != folder) {
            int fault = errno;
            close(fd);
            errno = fault;
        }
        return -1;
    }

    /* Links in the first *trusted* bytes of the path are followed; ELOOP: there is a link after them. */
    static int exact_open(const char *path, size_t trusted, int flags)
    {
        char prefix[4096];
        int folder, fd, fault;
        const char *rest = path + trusted;
        if (trusted > 0 && path[trusted - 1] == '/')
            rest--;
        while (*rest == '/')
            rest++;
        if (!*rest)
            return open(path, flags | O_CLOEXEC);
        if ((size_t)(rest - path) >= sizeof(prefix)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(prefix, path, (size_t)(rest - path));
        prefix[rest - path] = 0;
        folder = *prefix ? open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;
        if (folder == -1)
            return -1;
    #ifdef SYS_openat2
        {
            uint64_t how[3] = {(uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC), 0, 4 /* RESOLVE_NO_SYMLINKS */};
            fd = (int)syscall(SYS_openat2, folder, rest, how, sizeof(how));
        }
        if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == E2BIG))
            fd = exact_walk(folder, rest, flags);
    #else
        fd = exact_walk(folder, rest, flags);
    #endif
        fault = errno;
        if (folder != AT_FDCWD)
            close(folder);
        errno = fault;
        return fd;
    }
    #endif
    """
    int exact_open(const char* path, size_t trusted, int flags) noexcept nogil
    int exact_walk(int folder, const char* path, int flags) noexcept nogil
    int O_PATH
    int AT_FDCWD
