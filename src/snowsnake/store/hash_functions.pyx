# cython: language_level=3
"""Hashes of bytes: sha256 here, md5, sha1 and sha512 from libcrypto (libcrypto.pyx), blake3 and whatever is left from Python (library_hashes.pyx).

In: bytes, a piece at a time.  Out: a `Digest`.  sha256 runs some hundred thousand times per evaluation of nixpkgs, on texts of some hundred
bytes: 0.2 µs for 300 bytes, where `hashlib.sha256` takes 0.9 µs.  On x86 it uses the SHA instructions when the processor has them.
"""
from libc.errno cimport errno
from libc.stdlib cimport free
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strerror

from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport Bytes, bytes_text
from snowsnake.foundation.limits cimport asked_to_stop
from snowsnake.store.libcrypto cimport HashFunctions, find_functions
from snowsnake.store.library_hashes cimport library_digest, library_drop, library_hash, library_update

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>
    #include <fcntl.h>
    #include <unistd.h>
    #include <errno.h>
    static const uint32_t SHA256_START[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    };
    static const uint32_t SHA256_K[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
    };

    #if defined(__x86_64__) && defined(__GNUC__)
    #include <immintrin.h>
    #include <cpuid.h>

    static int sha256_has_instructions(void)
    {
        unsigned a, b, c, d;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & (1u << 29)))
            return 0;
        return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 19)) && (c & (1u << 9));
    }

    __attribute__((target("sha,sse4.1,ssse3")))
    static void sha256_blocks_instructions(uint32_t *state, const uint8_t *data, size_t blocks)
    {
        const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
        __m128i t = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
        __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
        __m128i abef = _mm_alignr_epi8(t, efgh, 8);
        __m128i cdgh = _mm_blend_epi16(efgh, t, 0xF0);
        while (blocks--) {
            __m128i abef_start = abef, cdgh_start = cdgh, w[4];
            int i;
            #pragma GCC unroll 16
            for (i = 0; i < 16; i++) {
                __m128i k = _mm_loadu_si128((const __m128i *)(SHA256_K + 4 * i)), sum;
                if (i < 4) {
                    w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
                } else {
                    __m128i mixed = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
                    mixed = _mm_add_epi32(mixed, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
                    w[i & 3] = _mm_sha256msg2_epu32(mixed, w[(i + 3) & 3]);
                }
                sum = _mm_add_epi32(w[i & 3], k);
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            }
            abef = _mm_add_epi32(abef, abef_start);
            cdgh = _mm_add_epi32(cdgh, cdgh_start);
            data += 64;
        }
        t = _mm_shuffle_epi32(abef, 0x1B);
        cdgh = _mm_shuffle_epi32(cdgh, 0xB1);
        _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(t, cdgh, 0xF0));
        _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(cdgh, t, 8));
    }
    #else
    static int sha256_has_instructions(void) { return 0; }
    static void sha256_blocks_instructions(uint32_t *state, const uint8_t *data, size_t blocks)
    {
        (void)state; (void)data; (void)blocks;
    }
    #endif
    """
    const uint32_t* SHA256_START
    const uint32_t* SHA256_K
    bint sha256_has_instructions() noexcept nogil
    void sha256_blocks_instructions(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil
    int O_RDONLY
    int O_CLOEXEC
    int open(const char* path, int flags) noexcept nogil
    Py_ssize_t read(int fd, void* data, size_t size) noexcept nogil
    int close(int fd) noexcept nogil
    int EINTR

cdef enum:
    BLOCK_SIZE = 64
    FILE_PIECE_SIZE = 65536

# libcrypto's functions by HashKind; where they are NULL, hashes are Python's.
cdef HashFunctions crypto[HASH_BLAKE3 + 1]
cdef bint has_searched_crypto = False

# Only tests change this.
cdef bint use_sha256_instructions = sha256_has_instructions()


# --- words ---------------------------------------------------------------------------------------------------------------

cdef inline uint32_t rotate_right(uint32_t x, int n) noexcept nogil:
    return (x >> n) | (x << (32 - n))


cdef inline uint32_t load_be32(const uint8_t* p) noexcept nogil:
    return p[3] | (<uint32_t>p[2] << 8) | (<uint32_t>p[1] << 16) | (<uint32_t>p[0] << 24)


# --- compression -----------------------------------------------------------------------------------------------

cdef void sha256_block(uint32_t* state, const uint8_t* data) noexcept nogil:
    cdef uint32_t a = state[0], b = state[1], c = state[2], d = state[3]
    cdef uint32_t e = state[4], f = state[5], g = state[6], h = state[7], t1, t2
    cdef uint32_t w[64]
    cdef int i
    for i in range(16):
        w[i] = load_be32(data + 4 * i)
    for i in range(16, 64):
        t1 = rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ (w[i - 15] >> 3)
        t2 = rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ (w[i - 2] >> 10)
        w[i] = w[i - 16] + t1 + w[i - 7] + t2
    for i in range(64):
        t1 = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) + ((e & f) ^ (~e & g))
        t1 = t1 + SHA256_K[i] + w[i]
        t2 = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
        h = g
        g = f
        f = e
        e = d + t1
        d = c
        c = b
        b = a
        a = t1 + t2
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e
    state[5] += f
    state[6] += g
    state[7] += h


# --- hashing by pieces ---------------------------------------------------------------------------------------------------

cdef void search_crypto() noexcept nogil:
    """When the search was cut short, the run ends, and the next hash searches again."""
    global has_searched_crypto
    has_searched_crypto = find_functions(&crypto[<int>HASH_MD5], &crypto[<int>HASH_SHA1], &crypto[<int>HASH_SHA512])


cdef void hasher_init(Hasher* self, int kind) noexcept nogil:
    self.kind = <uint8_t>kind
    self.has_failed = False
    self.used = 0
    self.total = 0
    self.functions = NULL
    self.library = NULL
    if kind == HASH_SHA256:
        memcpy(self.words, SHA256_START, sizeof(self.words))
        return
    if not has_searched_crypto:
        search_crypto()
    if crypto[kind].init != NULL:
        self.functions = &crypto[kind]
        self.has_failed = not self.functions.init(self.context)
        return
    self.library = library_hash(hash_name(kind))
    self.has_failed = self.library == NULL


cdef void take_blocks(Hasher* self, const uint8_t* data, size_t blocks) noexcept nogil:
    cdef size_t i
    if use_sha256_instructions:
        sha256_blocks_instructions(self.words, data, blocks)
        return
    for i in range(blocks):
        sha256_block(self.words, data + BLOCK_SIZE * i)


cdef bint update_with_library(Hasher* self, const void* data, size_t size) noexcept nogil:
    if self.functions != NULL:
        return self.functions.update(self.context, data, size)
    return library_update(self.library, data, size)


cdef void hasher_update(Hasher* self, const void* data, size_t size) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>data
    cdef size_t n
    if size == 0:
        return
    self.total += size
    if self.kind != HASH_SHA256:
        self.has_failed = self.has_failed or not update_with_library(self, data, size)
        return
    if self.used:
        n = BLOCK_SIZE - self.used
        if n > size:
            n = size
        memcpy(self.block + self.used, p, n)
        self.used += <uint32_t>n
        p += n
        size -= n
        if self.used < BLOCK_SIZE:
            return
        take_blocks(self, self.block, 1)
        self.used = 0
    if size >= BLOCK_SIZE:
        n = size // BLOCK_SIZE
        take_blocks(self, p, n)
        p += n * BLOCK_SIZE
        size -= n * BLOCK_SIZE
    if size:
        memcpy(self.block, p, size)
        self.used = <uint32_t>size


cdef bint finish_with_library(Hasher* self, Digest* out) noexcept nogil:
    if self.functions != NULL:
        return self.functions.final(out.data, self.context)
    return library_digest(self.library, out.data, out.size)


cdef bint hasher_final(Hasher* self, Digest* out) noexcept nogil:
    cdef uint64_t bits = self.total * 8
    cdef int i
    out.kind = self.kind
    out.size = <uint8_t>hash_size(self.kind)
    if self.kind != HASH_SHA256:
        self.has_failed = self.has_failed or not finish_with_library(self, out)
        hasher_drop(self)
        return not self.has_failed
    self.block[self.used] = 0x80
    self.used += 1
    if self.used > BLOCK_SIZE - 8:
        memset(self.block + self.used, 0, BLOCK_SIZE - self.used)
        take_blocks(self, self.block, 1)
        self.used = 0
    memset(self.block + self.used, 0, BLOCK_SIZE - self.used)
    for i in range(8):
        self.block[BLOCK_SIZE - 1 - i] = <uint8_t>(bits >> (8 * i))
    take_blocks(self, self.block, 1)
    for i in range(32):
        out.data[i] = <uint8_t>(self.words[i >> 2] >> (24 - 8 * (i & 3)))
    return True


cdef void hasher_drop(Hasher* self) noexcept nogil:
    if self.library != NULL:
        library_drop(self.library)
        self.library = NULL


cdef bint hash_bytes(int kind, const void* data, size_t size, Digest* out) noexcept nogil:
    cdef Hasher hasher
    hasher_init(&hasher, kind)
    hasher_update(&hasher, data, size)
    return hasher_final(&hasher, out)


cdef void hash_fault(int kind, Bytes* error) noexcept nogil:
    bytes_text(error, "cannot hash with ")
    bytes_text(error, hash_name(kind))
    if kind == HASH_BLAKE3:
        bytes_text(error, ": the Python package 'blake3' is not installed (pip install 'snowsnake[fetch]')")
    else:
        bytes_text(error, ": this Python's hashlib does not have it")


cdef bint hash_file(int kind, const char* path, Digest* out, uint64_t* size, Bytes* error) noexcept nogil:
    """Digest of a file's bytes; *size* may be NULL."""
    cdef Hasher hasher
    cdef Py_ssize_t n = 0
    cdef int fault = 0
    cdef bint is_stopped
    cdef uint8_t* piece
    cdef int fd = open(path, O_RDONLY | O_CLOEXEC)
    if fd < 0:
        return path_error(error, "opening file '", path, errno)
    piece = <uint8_t*>allocate_items(FILE_PIECE_SIZE, 1)
    hasher_init(&hasher, kind)
    while piece != NULL and not asked_to_stop():
        n = read(fd, piece, FILE_PIECE_SIZE)
        if n < 0 and errno == EINTR:
            continue
        if n <= 0:
            fault = errno
            break
        hasher_update(&hasher, piece, n)
    close(fd)
    is_stopped = asked_to_stop()
    if piece == NULL or is_stopped or n < 0:
        hasher_drop(&hasher)
    if piece == NULL:
        error.failed = True
        return False
    free(piece)
    if is_stopped:
        # Our caller knows who asked us to stop, and why.
        bytes_text(error, "interrupted")
        return False
    if n < 0:
        return path_error(error, "reading file '", path, fault)
    if size != NULL:
        size[0] = hasher.total
    if hasher_final(&hasher, out):
        return True
    hash_fault(kind, error)
    return False


cdef bint path_error(Bytes* error, const char* doing, const char* path, int fault) noexcept nogil:
    bytes_text(error, doing)
    bytes_text(error, path)
    bytes_text(error, "': ")
    bytes_text(error, strerror(fault))
    return False


cdef int hash_size(int kind) noexcept nogil:
    if kind == HASH_MD5:
        return 16
    if kind == HASH_SHA1:
        return 20
    if kind == HASH_SHA512:
        return 64
    return 32


cdef const char* hash_name(int kind) noexcept nogil:
    if kind == HASH_MD5:
        return "md5"
    if kind == HASH_SHA1:
        return "sha1"
    if kind == HASH_SHA256:
        return "sha256"
    if kind == HASH_SHA512:
        return "sha512"
    return "blake3"


cdef bint digest_equal(const Digest* a, const Digest* b) noexcept nogil:
    return a.kind == b.kind and a.size == b.size and memcmp(a.data, b.data, a.size) == 0


cdef void sha256_prefer_instructions(bint wanted) noexcept nogil:
    global use_sha256_instructions
    use_sha256_instructions = wanted and sha256_has_instructions()
