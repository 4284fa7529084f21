# cython: language_level=3
"""System calls that the pack needs, and the identity of the compiler that runs."""
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <link.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/file.h>
    #include <sys/mman.h>
    #include <sys/stat.h>
    #include <time.h>
    #include <unistd.h>

    #ifdef __APPLE__
    #error "a Linux system is needed"
    #endif

    static inline int64_t pack_now_ns(void)
    {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }

    /* Opens a pack that only we (or root) can have written; -1 if there is none. */
    static inline int pack_open(const char *path, int flags, uint64_t *size, uint64_t *inode)
    {
        struct stat st;
        int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
            return -1;
        if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022)) {
            close(fd);
            return -1;
        }
        *size = (uint64_t)st.st_size;
        *inode = (uint64_t)st.st_ino;
        return fd;
    }

    static inline const uint8_t *pack_map(int fd, uint64_t size)
    {
        void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        return map == MAP_FAILED ? NULL : (const uint8_t *)map;
    }

    /* Creates the folder and the one around it if necessary, but never root's folders in somebody else's home. */
    static inline int pack_make_folder(char *folder, int may_make_parent)
    {
        struct stat st;
        char *slash = strrchr(folder, '/');
        int failed;
        if (!slash || slash == folder)
            return -1;
        *slash = 0;
        failed = stat(folder, &st);
        if (failed && errno == ENOENT && may_make_parent)
            failed = pack_make_folder(folder, 0) || stat(folder, &st);
        *slash = '/';
        if (failed || (geteuid() == 0 && st.st_uid != 0))
            return -1;
        return mkdir(folder, 0700) && errno != EEXIST ? -1 : 0;
    }

    /* Waits a short time for other processes; closing the descriptor releases the lock. */
    static inline int pack_lock(const char *path)
    {
        struct stat st;
        struct timespec pause = {0, 2000000};
        int tries;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        if (fstat(fd, &st) || st.st_uid != geteuid()) {
            close(fd);
            return -1;
        }
        for (tries = 0; tries < 200; tries++) {
            if (!flock(fd, LOCK_EX | LOCK_NB))
                return fd;
            if (errno != EWOULDBLOCK && errno != EINTR)
                break;
            nanosleep(&pause, NULL);
        }
        close(fd);
        return -1;
    }

    static inline int pack_write(int fd, const void *data, uint64_t size, uint64_t offset)
    {
        const char *p = (const char *)data;
        while (size) {
            ssize_t n = pwrite(fd, p, size, (off_t)offset);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return 0;
            p += n;
            size -= n;
            offset += n;
        }
        return 1;
    }

    /* ---- which compiler this is: the build id of the shared object that holds all compiled modules ---- */

    struct pack_identity { uint64_t sum; const void *self; };

    static inline uint64_t pack_mix(uint64_t h, const void *data, size_t size)
    {
        const unsigned char *p = (const unsigned char *)data;
        while (size--)
            h = (h ^ *p++) * 1099511628211u;
        return h ^ (h >> 29);
    }

    static inline int pack_visit(struct dl_phdr_info *info, size_t size, void *context)
    {
        struct pack_identity *identity = (struct pack_identity *)context;
        uint64_t h = 14695981039346656037u;
        int i, is_self = 0, has_id = 0;
        (void)size;
        for (i = 0; i < info->dlpi_phnum; i++) {
            uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            if (info->dlpi_phdr[i].p_type == PT_LOAD && (uintptr_t)identity->self - start < info->dlpi_phdr[i].p_memsz)
                is_self = 1;
        }
        if (!is_self)
            return 0;
        for (i = 0; i < info->dlpi_phnum; i++) {
            const char *p = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
            const char *end = p + info->dlpi_phdr[i].p_memsz;
            if (info->dlpi_phdr[i].p_type != PT_NOTE)
                continue;
            while (end - p >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
                const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)p;
                const char *name = p + sizeof(*note);
                const char *id = name + ((note->n_namesz + 3) & ~3u);
                if (note->n_type == 3 && note->n_namesz == 4 && !memcmp(name, "GNU", 4) && id + note->n_descsz <= end) {
                    h = pack_mix(h, id, note->n_descsz);
                    has_id = 1;
                }
                p = id + ((note->n_descsz + 3) & ~3u);
            }
        }
        /* A linker that writes no build ID: we take the file as it was installed. */
        if (!has_id && info->dlpi_name) {
            struct stat st;
            h = pack_mix(h, info->dlpi_name, strlen(info->dlpi_name));
            if (!stat(info->dlpi_name, &st)) {
                h = pack_mix(h, &st.st_size, sizeof(st.st_size));
                h = pack_mix(h, &st.st_mtim, sizeof(st.st_mtim));
                h = pack_mix(h, &st.st_ino, sizeof(st.st_ino));
            }
        }
        identity->sum = h;
        return 1;
    }

    static inline uint64_t pack_compiler_identity(void)
    {
        struct pack_identity identity = {0, (const void *)&pack_visit};
        dl_iterate_phdr(pack_visit, &identity);
        return identity.sum;
    }
    """
    enum:
        O_RDONLY
        O_RDWR
        O_CREAT
        O_EXCL
        O_CLOEXEC
        O_NOFOLLOW
    int64_t pack_now_ns() noexcept nogil
    int pack_open(const char* path, int flags, uint64_t* size_bytes, uint64_t* inode) noexcept nogil
    const uint8_t* pack_map(int fd, uint64_t size_bytes) noexcept nogil
    int pack_make_folder(char* folder, bint may_make_parent) noexcept nogil
    int pack_lock(const char* path) noexcept nogil
    bint pack_write(int fd, const void* data, uint64_t size_bytes, uint64_t offset) noexcept nogil
    uint64_t pack_compiler_identity() noexcept nogil
    int open(const char* path, int flags, int mode) noexcept nogil
    int close(int fd) noexcept nogil
    int unlink(const char* path) noexcept nogil
    int rename(const char* old, const char* new) noexcept nogil
    int munmap(void* address, size_t size) noexcept nogil
    int ftruncate(int fd, int64_t size) noexcept nogil
