/* Functions that came into glibc after 2.17, written with functions that every version has: a wheel then runs with any glibc since 2.17 (manylinux2014),
 * although it was linked with a newer one.
 *
 * They are hidden, so that they are ours alone, and only the names under which our modules call them count (`nm -u build/objects/NAME.o`).
 * tools/wheels.py says which glibc a wheel needs.
 */
#define _GNU_SOURCE 1
#include <features.h>

/* AddressSanitizer has functions of these names, which our modules must find. */
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && (defined(__x86_64__) || defined(__aarch64__))
#define _LARGEFILE64_SOURCE 1
#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define FIRST "GLIBC_2.2.5"          /* the version of what was there from the beginning */
#define AT "GLIBC_2.4"               /* of functions that take a folder */
#define SHAPE_OF_STAT 1              /* what glibc's headers called _STAT_VER */
#else
#define FIRST "GLIBC_2.17"
#define AT FIRST
#define SHAPE_OF_STAT 0
#endif
#define IS_OLD(name, function, version) __asm__(".symver " #name ", " #function "@" version)

/* 2.33: the functions of <sys/stat.h>, which were inline calls of these. */
IS_OLD(old_stat, __xstat64, FIRST);
IS_OLD(old_lstat, __lxstat64, FIRST);
IS_OLD(old_fstat, __fxstat64, FIRST);
IS_OLD(old_fstatat, __fxstatat64, AT);
int old_stat(int, const char *, struct stat64 *);
int old_lstat(int, const char *, struct stat64 *);
int old_fstat(int, int, struct stat64 *);
int old_fstatat(int, int, const char *, struct stat64 *, int);

int stat64(const char *path, struct stat64 *result) { return old_stat(SHAPE_OF_STAT, path, result); }
int lstat64(const char *path, struct stat64 *result) { return old_lstat(SHAPE_OF_STAT, path, result); }
int fstat64(int file, struct stat64 *result) { return old_fstat(SHAPE_OF_STAT, file, result); }
int fstatat64(int folder, const char *path, struct stat64 *result, int flags) { return old_fstatat(SHAPE_OF_STAT, folder, path, result, flags); }

/* 2.34: what was in libpthread and libdl, which every Python had loaded, got a second version when it moved to libc. */
IS_OLD(old_once, pthread_once, FIRST);
IS_OLD(old_key_create, pthread_key_create, FIRST);
IS_OLD(old_setspecific, pthread_setspecific, FIRST);
int old_once(pthread_once_t *, void (*)(void));
int old_key_create(pthread_key_t *, void (*)(void *));
int old_setspecific(pthread_key_t, const void *);
IS_OLD(old_dlopen, dlopen, FIRST);
IS_OLD(old_dlsym, dlsym, FIRST);
void *old_dlopen(const char *, int);
void *old_dlsym(void *, const char *);

int pthread_once(pthread_once_t *control, void (*function)(void)) { return old_once(control, function); }
int pthread_key_create(pthread_key_t *key, void (*function)(void *)) { return old_key_create(key, function); }
int pthread_setspecific(pthread_key_t key, const void *value) { return old_setspecific(key, value); }
void *dlopen(const char *path, int flags) { return old_dlopen(path, flags); }
void *dlsym(void *library, const char *name) { return old_dlsym(library, name); }

/* 2.30 */
pid_t gettid(void) { return (pid_t)syscall(SYS_gettid); }
#endif
