# cython: language_level=3
"""md5, sha1, sha256, sha512 and blake3.

In: bytes, a piece at a time.  Out: a `Digest`.  sha256 runs some hundred thousand times per evaluation of nixpkgs, so on x86 it
uses the SHA instructions when the processor has them (8 times as fast on 4 KiB).  Over 600 lines with the tables of constants.
"""
from libc.errno cimport errno
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset, strerror

from snowsnake.store.buffer cimport Bytes, bytes_text

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>
    #include <fcntl.h>
    #include <unistd.h>
    #include <errno.h>
    static const uint32_t MD5_K[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391
    };
    static const uint8_t MD5_SHIFT[16] = { 7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21 };
    static const uint32_t SHA256_START[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    };
    static const uint64_t SHA512_START[8] = {
        0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
        0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL
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
    static const uint64_t SHA512_K[80] = {
        0x428a2f98d728ae22ULL, 0x7137449123ef65cdULL, 0xb5c0fbcfec4d3b2fULL, 0xe9b5dba58189dbbcULL,
        0x3956c25bf348b538ULL, 0x59f111f1b605d019ULL, 0x923f82a4af194f9bULL, 0xab1c5ed5da6d8118ULL,
        0xd807aa98a3030242ULL, 0x12835b0145706fbeULL, 0x243185be4ee4b28cULL, 0x550c7dc3d5ffb4e2ULL,
        0x72be5d74f27b896fULL, 0x80deb1fe3b1696b1ULL, 0x9bdc06a725c71235ULL, 0xc19bf174cf692694ULL,
        0xe49b69c19ef14ad2ULL, 0xefbe4786384f25e3ULL, 0x0fc19dc68b8cd5b5ULL, 0x240ca1cc77ac9c65ULL,
        0x2de92c6f592b0275ULL, 0x4a7484aa6ea6e483ULL, 0x5cb0a9dcbd41fbd4ULL, 0x76f988da831153b5ULL,
        0x983e5152ee66dfabULL, 0xa831c66d2db43210ULL, 0xb00327c898fb213fULL, 0xbf597fc7beef0ee4ULL,
        0xc6e00bf33da88fc2ULL, 0xd5a79147930aa725ULL, 0x06ca6351e003826fULL, 0x142929670a0e6e70ULL,
        0x27b70a8546d22ffcULL, 0x2e1b21385c26c926ULL, 0x4d2c6dfc5ac42aedULL, 0x53380d139d95b3dfULL,
        0x650a73548baf63deULL, 0x766a0abb3c77b2a8ULL, 0x81c2c92e47edaee6ULL, 0x92722c851482353bULL,
        0xa2bfe8a14cf10364ULL, 0xa81a664bbc423001ULL, 0xc24b8b70d0f89791ULL, 0xc76c51a30654be30ULL,
        0xd192e819d6ef5218ULL, 0xd69906245565a910ULL, 0xf40e35855771202aULL, 0x106aa07032bbd1b8ULL,
        0x19a4c116b8d2d0c8ULL, 0x1e376c085141ab53ULL, 0x2748774cdf8eeb99ULL, 0x34b0bcb5e19b48a8ULL,
        0x391c0cb3c5c95a63ULL, 0x4ed8aa4ae3418acbULL, 0x5b9cca4f7763e373ULL, 0x682e6ff3d6b2b8a3ULL,
        0x748f82ee5defb2fcULL, 0x78a5636f43172f60ULL, 0x84c87814a1f0ab72ULL, 0x8cc702081a6439ecULL,
        0x90befffa23631e28ULL, 0xa4506cebde82bde9ULL, 0xbef9a3f7b2c67915ULL, 0xc67178f2e372532bULL,
        0xca273eceea26619cULL, 0xd186b8c721c0c207ULL, 0xeada7dd6cde0eb1eULL, 0xf57d4f7fee6ed178ULL,
        0x06f067aa72176fbaULL, 0x0a637dc5a2c898a6ULL, 0x113f9804bef90daeULL, 0x1b710b35131c471bULL,
        0x28db77f523047d84ULL, 0x32caab7b40c72493ULL, 0x3c9ebe0a15c9bebcULL, 0x431d67c49c100d4cULL,
        0x4cc5d4becb3e42b6ULL, 0x597f299cfc657e2aULL, 0x5fcb6fab3ad6faecULL, 0x6c44198c4a475817ULL
    };
    static const uint8_t BLAKE3_ORDER[7][16] = {
        { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
        { 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8 },
        { 3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1 },
        { 10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6 },
        { 12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4 },
        { 9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7 },
        { 11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13 },
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
    const uint32_t* MD5_K
    const uint8_t* MD5_SHIFT
    const uint32_t* SHA256_START
    const uint64_t* SHA512_START
    const uint32_t* SHA256_K
    const uint64_t* SHA512_K
    const uint8_t BLAKE3_ORDER[7][16]
    bint sha256_has_instructions() noexcept nogil
    void sha256_blocks_instructions(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil
    int O_RDONLY
    int O_CLOEXEC
    int open(const char* path, int flags) noexcept nogil
    Py_ssize_t read(int fd, void* data, size_t size) noexcept nogil
    int close(int fd) noexcept nogil
    int EINTR

cdef enum:
    BLAKE3_CHUNK_START = 1
    BLAKE3_CHUNK_END = 2
    BLAKE3_PARENT = 4
    BLAKE3_ROOT = 8
    BLAKE3_CHUNK_BLOCKS = 16
    FILE_PIECE_SIZE = 65536

cdef bint use_sha256_instructions = sha256_has_instructions()      # a fact of the processor, never changed


# --- words ---------------------------------------------------------------------------------------------------------------

cdef inline uint32_t rotate_left(uint32_t x, int n) noexcept nogil:
    return (x << n) | (x >> (32 - n))


cdef inline uint32_t rotate_right(uint32_t x, int n) noexcept nogil:
    return (x >> n) | (x << (32 - n))


cdef inline uint64_t rotate_right64(uint64_t x, int n) noexcept nogil:
    return (x >> n) | (x << (64 - n))


cdef inline uint32_t load_le32(const uint8_t* p) noexcept nogil:
    return p[0] | (<uint32_t>p[1] << 8) | (<uint32_t>p[2] << 16) | (<uint32_t>p[3] << 24)


cdef inline uint32_t load_be32(const uint8_t* p) noexcept nogil:
    return p[3] | (<uint32_t>p[2] << 8) | (<uint32_t>p[1] << 16) | (<uint32_t>p[0] << 24)


cdef inline uint64_t load_be64(const uint8_t* p) noexcept nogil:
    return (<uint64_t>load_be32(p) << 32) | load_be32(p + 4)


# --- compression functions -----------------------------------------------------------------------------------------------

cdef void md5_block(uint32_t* state, const uint8_t* data) noexcept nogil:
    cdef uint32_t a = state[0], b = state[1], c = state[2], d = state[3], f
    cdef int i, g
    for i in range(64):
        if i < 16:
            f = (b & c) | (~b & d)
            g = i
        elif i < 32:
            f = (d & b) | (~d & c)
            g = (5 * i + 1) & 15
        elif i < 48:
            f = b ^ c ^ d
            g = (3 * i + 5) & 15
        else:
            f = c ^ (b | ~d)
            g = (7 * i) & 15
        f = f + a + MD5_K[i] + load_le32(data + 4 * g)
        a = d
        d = c
        c = b
        b = b + rotate_left(f, MD5_SHIFT[(i >> 4) * 4 + (i & 3)])
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d


cdef void sha1_block(uint32_t* state, const uint8_t* data) noexcept nogil:
    cdef uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f, k, t
    cdef uint32_t w[80]
    cdef int i
    for i in range(16):
        w[i] = load_be32(data + 4 * i)
    for i in range(16, 80):
        w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1)
    for i in range(80):
        if i < 20:
            f = (b & c) | (~b & d)
            k = 0x5a827999
        elif i < 40:
            f = b ^ c ^ d
            k = 0x6ed9eba1
        elif i < 60:
            f = (b & c) | (b & d) | (c & d)
            k = <uint32_t>0x8f1bbcdc
        else:
            f = b ^ c ^ d
            k = <uint32_t>0xca62c1d6
        t = rotate_left(a, 5) + f + e + k + w[i]
        e = d
        d = c
        c = rotate_left(b, 30)
        b = a
        a = t
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e


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


cdef void sha512_block(uint64_t* state, const uint8_t* data) noexcept nogil:
    cdef uint64_t a = state[0], b = state[1], c = state[2], d = state[3]
    cdef uint64_t e = state[4], f = state[5], g = state[6], h = state[7], t1, t2
    cdef uint64_t w[80]
    cdef int i
    for i in range(16):
        w[i] = load_be64(data + 8 * i)
    for i in range(16, 80):
        t1 = rotate_right64(w[i - 15], 1) ^ rotate_right64(w[i - 15], 8) ^ (w[i - 15] >> 7)
        t2 = rotate_right64(w[i - 2], 19) ^ rotate_right64(w[i - 2], 61) ^ (w[i - 2] >> 6)
        w[i] = w[i - 16] + t1 + w[i - 7] + t2
    for i in range(80):
        t1 = h + (rotate_right64(e, 14) ^ rotate_right64(e, 18) ^ rotate_right64(e, 41)) + ((e & f) ^ (~e & g))
        t1 = t1 + SHA512_K[i] + w[i]
        t2 = (rotate_right64(a, 28) ^ rotate_right64(a, 34) ^ rotate_right64(a, 39)) + ((a & b) ^ (a & c) ^ (b & c))
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


# --- blake3: a tree of 1 KiB chunks; only whole-message hashing is needed here --------------------------------------------

cdef inline void blake3_mix(uint32_t* v, int a, int b, int c, int d, uint32_t x, uint32_t y) noexcept nogil:
    v[a] = v[a] + v[b] + x
    v[d] = rotate_right(v[d] ^ v[a], 16)
    v[c] = v[c] + v[d]
    v[b] = rotate_right(v[b] ^ v[c], 12)
    v[a] = v[a] + v[b] + y
    v[d] = rotate_right(v[d] ^ v[a], 8)
    v[c] = v[c] + v[d]
    v[b] = rotate_right(v[b] ^ v[c], 7)


cdef void blake3_compress(uint32_t* chain, const uint32_t* m, uint64_t counter, uint32_t size, uint32_t flags,
                          uint32_t* out) noexcept nogil:
    """The new chaining value of *chain* and one block of message words; *out* may be *chain*."""
    cdef uint32_t v[16]
    cdef const uint8_t* order
    cdef int i
    for i in range(8):
        v[i] = chain[i]
    for i in range(4):
        v[8 + i] = SHA256_START[i]
    v[12] = <uint32_t>counter
    v[13] = <uint32_t>(counter >> 32)
    v[14] = size
    v[15] = flags
    for i in range(7):
        order = BLAKE3_ORDER[i]
        blake3_mix(v, 0, 4, 8, 12, m[order[0]], m[order[1]])
        blake3_mix(v, 1, 5, 9, 13, m[order[2]], m[order[3]])
        blake3_mix(v, 2, 6, 10, 14, m[order[4]], m[order[5]])
        blake3_mix(v, 3, 7, 11, 15, m[order[6]], m[order[7]])
        blake3_mix(v, 0, 5, 10, 15, m[order[8]], m[order[9]])
        blake3_mix(v, 1, 6, 11, 12, m[order[10]], m[order[11]])
        blake3_mix(v, 2, 7, 8, 13, m[order[12]], m[order[13]])
        blake3_mix(v, 3, 4, 9, 14, m[order[14]], m[order[15]])
    for i in range(8):
        out[i] = v[i] ^ v[i + 8]


cdef void blake3_block(Blake3* self, const uint8_t* data, uint32_t size, uint32_t flags, uint32_t* out) noexcept nogil:
    cdef uint32_t m[16]
    cdef int i
    for i in range(16):
        m[i] = load_le32(data + 4 * i)
    if self.blocks == 0:
        flags |= BLAKE3_CHUNK_START
    blake3_compress(self.key, m, self.chunk_counter, size, flags, out)


cdef void blake3_parent(const uint32_t* left, const uint32_t* right, uint32_t flags, uint32_t* out) noexcept nogil:
    cdef uint32_t start[8]
    cdef uint32_t m[16]
    memcpy(start, SHA256_START, 32)
    memcpy(m, left, 32)
    memcpy(&m[8], right, 32)
    blake3_compress(start, m, 0, 64, BLAKE3_PARENT | flags, out)


cdef void blake3_full_block(Blake3* self, const uint8_t* data) noexcept nogil:
    """Takes a block that is known not to be the message's last."""
    cdef uint64_t chunks
    cdef uint32_t value[8]
    if self.blocks < BLAKE3_CHUNK_BLOCKS - 1:
        blake3_block(self, data, 64, 0, self.key)
        self.blocks += 1
        return
    blake3_block(self, data, 64, BLAKE3_CHUNK_END, value)
    self.chunk_counter += 1
    self.blocks = 0
    memcpy(self.key, SHA256_START, 32)
    chunks = self.chunk_counter
    while chunks & 1 == 0:              # one merge for every subtree that this chunk completes
        self.depth -= 1
        blake3_parent(self.stack[self.depth], value, 0, value)
        chunks >>= 1
    memcpy(self.stack[self.depth], value, 32)
    self.depth += 1


cdef void blake3_final(Blake3* self, uint8_t* block, uint32_t used, uint32_t* out) noexcept nogil:
    cdef uint32_t value[8]
    cdef int depth = self.depth
    memset(block + used, 0, 64 - used)
    if depth == 0:
        blake3_block(self, block, used, BLAKE3_CHUNK_END | BLAKE3_ROOT, out)
        return
    blake3_block(self, block, used, BLAKE3_CHUNK_END, value)
    while depth > 1:
        depth -= 1
        blake3_parent(self.stack[depth], value, 0, value)
    blake3_parent(self.stack[0], value, BLAKE3_ROOT, out)


# --- hashing by pieces ---------------------------------------------------------------------------------------------------

cdef inline uint32_t block_size(int kind) noexcept nogil:
    return 128 if kind == HASH_SHA512 else 64


cdef void hasher_init(Hasher* self, int kind) noexcept nogil:
    cdef uint32_t* words = self.state.words32
    self.kind = kind
    self.used = 0
    self.total = 0
    if kind == HASH_MD5 or kind == HASH_SHA1:
        words[0] = 0x67452301
        words[1] = <uint32_t>0xefcdab89
        words[2] = <uint32_t>0x98badcfe
        words[3] = 0x10325476
        words[4] = <uint32_t>0xc3d2e1f0
    elif kind == HASH_SHA512:
        memcpy(self.state.words64, SHA512_START, 64)
    elif kind == HASH_BLAKE3:
        memcpy(self.state.blake3.key, SHA256_START, 32)
        self.state.blake3.chunk_counter = 0
        self.state.blake3.depth = 0
        self.state.blake3.blocks = 0
    else:
        memcpy(words, SHA256_START, 32)


cdef void take_blocks(Hasher* self, const uint8_t* data, size_t blocks) noexcept nogil:
    cdef size_t i
    if self.kind == HASH_SHA256:
        if use_sha256_instructions:
            sha256_blocks_instructions(self.state.words32, data, blocks)
            return
        for i in range(blocks):
            sha256_block(self.state.words32, data + 64 * i)
    elif self.kind == HASH_SHA512:
        for i in range(blocks):
            sha512_block(self.state.words64, data + 128 * i)
    elif self.kind == HASH_SHA1:
        for i in range(blocks):
            sha1_block(self.state.words32, data + 64 * i)
    elif self.kind == HASH_MD5:
        for i in range(blocks):
            md5_block(self.state.words32, data + 64 * i)
    else:
        for i in range(blocks):
            blake3_full_block(&self.state.blake3, data + 64 * i)


cdef void hasher_update(Hasher* self, const void* data, size_t size) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>data
    cdef uint32_t whole = block_size(self.kind)
    cdef size_t held_back = 1 if self.kind == HASH_BLAKE3 else 0       # blake3 treats the last block apart
    cdef size_t n
    if size == 0:
        return
    self.total += size
    if self.used:
        n = whole - self.used
        if n > size:
            n = size
        memcpy(self.block + self.used, p, n)
        self.used += <uint32_t>n
        p += n
        size -= n
        if self.used < whole or (held_back and size == 0):
            return
        take_blocks(self, self.block, 1)
        self.used = 0
    if size >= whole + held_back:
        n = (size - held_back) // whole
        take_blocks(self, p, n)
        p += n * whole
        size -= n * whole
    if size:
        memcpy(self.block, p, size)
        self.used = <uint32_t>size


cdef void hasher_final(Hasher* self, Digest* out) noexcept nogil:
    cdef uint32_t whole = block_size(self.kind)
    cdef uint32_t length_size = whole // 8
    cdef uint64_t bits = self.total * 8
    cdef uint64_t carried = self.total >> 61
    cdef uint32_t words[8]
    cdef int i
    out.kind = <uint8_t>self.kind
    out.size = <uint8_t>hash_size(self.kind)
    if self.kind == HASH_BLAKE3:
        blake3_final(&self.state.blake3, self.block, self.used, words)
        for i in range(32):
            out.data[i] = <uint8_t>(words[i >> 2] >> (8 * (i & 3)))
        return
    self.block[self.used] = 0x80
    self.used += 1
    if self.used > whole - length_size:
        memset(self.block + self.used, 0, whole - self.used)
        take_blocks(self, self.block, 1)
        self.used = 0
    memset(self.block + self.used, 0, whole - self.used)
    for i in range(8):
        if self.kind == HASH_MD5:
            self.block[whole - 8 + i] = <uint8_t>(bits >> (8 * i))
        else:
            self.block[whole - 1 - i] = <uint8_t>(bits >> (8 * i))
    if self.kind == HASH_SHA512:
        self.block[whole - 9] = <uint8_t>carried
    take_blocks(self, self.block, 1)
    for i in range(out.size):
        if self.kind == HASH_SHA512:
            out.data[i] = <uint8_t>(self.state.words64[i >> 3] >> (56 - 8 * (i & 7)))
        elif self.kind == HASH_MD5:
            out.data[i] = <uint8_t>(self.state.words32[i >> 2] >> (8 * (i & 3)))
        else:
            out.data[i] = <uint8_t>(self.state.words32[i >> 2] >> (24 - 8 * (i & 3)))


cdef void hash_bytes(int kind, const void* data, size_t size, Digest* out) noexcept nogil:
    cdef Hasher hasher
    hasher_init(&hasher, kind)
    hasher_update(&hasher, data, size)
    hasher_final(&hasher, out)


cdef bint hash_file(int kind, const char* path, Digest* out, uint64_t* size, Bytes* error) noexcept nogil:
    """Digest of a file's bytes; *size* may be NULL."""
    cdef Hasher hasher
    cdef Py_ssize_t n = 0
    cdef int fault = 0
    cdef uint8_t* piece
    cdef int fd = open(path, O_RDONLY | O_CLOEXEC)
    if fd < 0:
        return path_error(error, "opening file '", path, errno)
    piece = <uint8_t*>malloc(FILE_PIECE_SIZE)
    hasher_init(&hasher, kind)
    while piece != NULL:
        n = read(fd, piece, FILE_PIECE_SIZE)
        if n < 0 and errno == EINTR:
            continue
        if n <= 0:
            fault = errno
            break
        hasher_update(&hasher, piece, n)
    close(fd)
    if piece == NULL:
        bytes_text(error, "out of memory")
        return False
    free(piece)
    if n < 0:
        return path_error(error, "reading file '", path, fault)
    hasher_final(&hasher, out)
    if size != NULL:
        size[0] = hasher.total
    return True


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
