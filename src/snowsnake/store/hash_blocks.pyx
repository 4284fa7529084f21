# cython: language_level=3
"""md5, sha1 and sha512, block by block, as fast as OpenSSL's: hashing tens of megabytes takes no other time.

In: a state and whole blocks.  Out: the state.  In C, because the rounds are unrolled by its preprocessor.  On x86, sha1 uses the SHA
instructions, and sha512 those of BMI (rotations that keep their operand) or AVX-512 (rotations of two words), if the processor has them.
"""
cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>
    #include <string.h>
    #if defined(__x86_64__) && defined(__GNUC__)
    #include <immintrin.h>
    #include <cpuid.h>
    #define SNOW_X86 1
    #endif
    #if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define snow_le32(x) (x)
    #define snow_be32(x) __builtin_bswap32(x)
    #define snow_be64(x) __builtin_bswap64(x)
    #else
    #define snow_le32(x) __builtin_bswap32(x)
    #define snow_be32(x) (x)
    #define snow_be64(x) (x)
    #endif

    static inline uint32_t snow_read32(const uint8_t *p) { uint32_t x; memcpy(&x, p, 4); return x; }
    static inline uint64_t snow_read64(const uint8_t *p) { uint64_t x; memcpy(&x, p, 8); return x; }

    /* ---- md5: a chain of 64 steps, each of which waits for the one before; what does not wait for it is added first ---- */
    #define MD5_STEP(f, a, b, c, d, i, s, k) \\
        a += w[i] + k; f(a, b, c, d); a = ((a << s) | (a >> (32 - s))) + b;
    #define MD5_F(a, b, c, d) a += d ^ (b & (c ^ d))
    #define MD5_G(a, b, c, d) a += ~d & c; a += d & b         /* never both bits: a sum, of which the first part waits for nothing */
    #define MD5_H(a, b, c, d) a += (c ^ d) ^ b
    #define MD5_I(a, b, c, d) a += c ^ (b | ~d)
    #define MD5_FOUR(f, i0, i1, i2, i3, s0, s1, s2, s3, k0, k1, k2, k3) \\
        MD5_STEP(f, a, b, c, d, i0, s0, k0) MD5_STEP(f, d, a, b, c, i1, s1, k1) \\
        MD5_STEP(f, c, d, a, b, i2, s2, k2) MD5_STEP(f, b, c, d, a, i3, s3, k3)

    static void snow_md5(uint32_t *state, const uint8_t *data, size_t blocks)
    {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], w[16];
        while (blocks--) {
            uint32_t a0 = a, b0 = b, c0 = c, d0 = d;
            int i;
            for (i = 0; i < 16; i++)
                w[i] = snow_le32(snow_read32(data + 4 * i));
            MD5_FOUR(MD5_F, 0, 1, 2, 3, 7, 12, 17, 22, 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee)
            MD5_FOUR(MD5_F, 4, 5, 6, 7, 7, 12, 17, 22, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501)
            MD5_FOUR(MD5_F, 8, 9, 10, 11, 7, 12, 17, 22, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be)
            MD5_FOUR(MD5_F, 12, 13, 14, 15, 7, 12, 17, 22, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821)
            MD5_FOUR(MD5_G, 1, 6, 11, 0, 5, 9, 14, 20, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa)
            MD5_FOUR(MD5_G, 5, 10, 15, 4, 5, 9, 14, 20, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8)
            MD5_FOUR(MD5_G, 9, 14, 3, 8, 5, 9, 14, 20, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed)
            MD5_FOUR(MD5_G, 13, 2, 7, 12, 5, 9, 14, 20, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a)
            MD5_FOUR(MD5_H, 5, 8, 11, 14, 4, 11, 16, 23, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c)
            MD5_FOUR(MD5_H, 1, 4, 7, 10, 4, 11, 16, 23, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70)
            MD5_FOUR(MD5_H, 13, 0, 3, 6, 4, 11, 16, 23, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05)
            MD5_FOUR(MD5_H, 9, 12, 15, 2, 4, 11, 16, 23, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665)
            MD5_FOUR(MD5_I, 0, 7, 14, 5, 6, 10, 15, 21, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039)
            MD5_FOUR(MD5_I, 12, 3, 10, 1, 6, 10, 15, 21, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1)
            MD5_FOUR(MD5_I, 8, 15, 6, 13, 6, 10, 15, 21, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1)
            MD5_FOUR(MD5_I, 4, 11, 2, 9, 6, 10, 15, 21, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391)
            a += a0; b += b0; c += c0; d += d0;
            data += 64;
        }
        state[0] = a; state[1] = b; state[2] = c; state[3] = d;
    }

    /* ---- sha1 ---- */
    #define SHA1_LEFT(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
    #define SHA1_MIX(i) (w[(i) & 15] = SHA1_LEFT(w[((i) + 13) & 15] ^ w[((i) + 8) & 15] ^ w[((i) + 2) & 15] ^ w[(i) & 15], 1))
    #define SHA1_STEP(f, k, x) t = SHA1_LEFT(a, 5) + (f) + e + k + (x); e = d; d = c; c = SHA1_LEFT(b, 30); b = a; a = t;

    static void snow_sha1_plain(uint32_t *state, const uint8_t *data, size_t blocks)
    {
        while (blocks--) {
            uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], t, w[16];
            int i;
            for (i = 0; i < 16; i++)
                w[i] = snow_be32(snow_read32(data + 4 * i));
            #pragma GCC unroll 16
            for (i = 0; i < 16; i++) { SHA1_STEP(d ^ (b & (c ^ d)), 0x5a827999, w[i]) }
            #pragma GCC unroll 4
            for (i = 16; i < 20; i++) { SHA1_STEP(d ^ (b & (c ^ d)), 0x5a827999, SHA1_MIX(i)) }
            #pragma GCC unroll 20
            for (i = 20; i < 40; i++) { SHA1_STEP(b ^ c ^ d, 0x6ed9eba1, SHA1_MIX(i)) }
            #pragma GCC unroll 20
            for (i = 40; i < 60; i++) { SHA1_STEP((b & c) | (d & (b | c)), 0x8f1bbcdc, SHA1_MIX(i)) }
            #pragma GCC unroll 20
            for (i = 60; i < 80; i++) { SHA1_STEP(b ^ c ^ d, 0xca62c1d6, SHA1_MIX(i)) }
            state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e;
            data += 64;
        }
    }

    #ifdef SNOW_X86
    static int snow_has_sha1(void)
    {
        unsigned a, b, c, d;
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & (1u << 29)))
            return 0;
        return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 19)) && (c & (1u << 9));
    }

    static int snow_has_bmi2(void)
    {
        unsigned a, b, c, d;
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 8)) && (b & (1u << 3));
    }

    /* Four rounds: e0 has e of these, e1 gets the a that becomes e of the next; w[i & 3] the words, of which the next are made meanwhile. */
    #define SHA1_FOUR(i, e0, e1, kind) \\
        e0 = (i) ? _mm_sha1nexte_epu32(e0, w[(i) & 3]) : _mm_add_epi32(e0, w[0]); \\
        e1 = abcd; \\
        if ((i) >= 3 && (i) < 19) w[((i) + 1) & 3] = _mm_sha1msg2_epu32(w[((i) + 1) & 3], w[(i) & 3]); \\
        abcd = _mm_sha1rnds4_epu32(abcd, e0, kind); \\
        if ((i) >= 1 && (i) < 17) w[((i) + 3) & 3] = _mm_sha1msg1_epu32(w[((i) + 3) & 3], w[(i) & 3]); \\
        if ((i) >= 2 && (i) < 18) w[((i) + 2) & 3] = _mm_xor_si128(w[((i) + 2) & 3], w[(i) & 3]);

    __attribute__((target("sha,sse4.1,ssse3")))
    static void snow_sha1_instructions(uint32_t *state, const uint8_t *data, size_t blocks)
    {
        const __m128i swap = _mm_set_epi64x(0x0001020304050607LL, 0x08090a0b0c0d0e0fLL);
        __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0x1B);
        __m128i e0 = _mm_set_epi32((int)state[4], 0, 0, 0), e1;
        while (blocks--) {
            __m128i abcd_start = abcd, e_start = e0, w[4];
            int i;
            for (i = 0; i < 4; i++)
                w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
            SHA1_FOUR(0, e0, e1, 0) SHA1_FOUR(1, e1, e0, 0) SHA1_FOUR(2, e0, e1, 0) SHA1_FOUR(3, e1, e0, 0)
            SHA1_FOUR(4, e0, e1, 0) SHA1_FOUR(5, e1, e0, 1) SHA1_FOUR(6, e0, e1, 1) SHA1_FOUR(7, e1, e0, 1)
            SHA1_FOUR(8, e0, e1, 1) SHA1_FOUR(9, e1, e0, 1) SHA1_FOUR(10, e0, e1, 2) SHA1_FOUR(11, e1, e0, 2)
            SHA1_FOUR(12, e0, e1, 2) SHA1_FOUR(13, e1, e0, 2) SHA1_FOUR(14, e0, e1, 2) SHA1_FOUR(15, e1, e0, 3)
            SHA1_FOUR(16, e0, e1, 3) SHA1_FOUR(17, e1, e0, 3) SHA1_FOUR(18, e0, e1, 3) SHA1_FOUR(19, e1, e0, 3)
            e0 = _mm_sha1nexte_epu32(e0, e_start);
            abcd = _mm_add_epi32(abcd, abcd_start);
            data += 64;
        }
        _mm_storeu_si128((__m128i *)state, _mm_shuffle_epi32(abcd, 0x1B));
        state[4] = (uint32_t)_mm_extract_epi32(e0, 3);
    }
    static int snow_has_avx512(void)
    {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") && snow_has_bmi2();
    }
    #else
    static int snow_has_sha1(void) { return 0; }
    static int snow_has_bmi2(void) { return 0; }
    static int snow_has_avx512(void) { return 0; }
    static void snow_sha1_instructions(uint32_t *state, const uint8_t *data, size_t blocks) { snow_sha1_plain(state, data, blocks); }
    #endif

    /* ---- sha512 ---- */
    static const uint64_t SNOW_SHA512_K[80] __attribute__((aligned(16))) = {
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
    #define SHA512_RIGHT(x, n) (((x) >> (n)) | ((x) << (64 - (n))))
    #define SHA512_STEP(a, b, c, d, e, f, g, h, x, k) \\
        h += (x) + (k) + (g ^ (e & (f ^ g))); \\
        h += SHA512_RIGHT(e, 14) ^ SHA512_RIGHT(e, 18) ^ SHA512_RIGHT(e, 41); \\
        d += h; \\
        h += SHA512_RIGHT(a, 28) ^ SHA512_RIGHT(a, 34) ^ SHA512_RIGHT(a, 39); \\
        h += (a & b) + (c & (a ^ b));
    #define SHA512_MIX(i) \\
        (w[(i) & 15] += (SHA512_RIGHT(w[((i) + 1) & 15], 1) ^ SHA512_RIGHT(w[((i) + 1) & 15], 8) ^ (w[((i) + 1) & 15] >> 7)) \\
            + w[((i) + 9) & 15] \\
            + (SHA512_RIGHT(w[((i) + 14) & 15], 19) ^ SHA512_RIGHT(w[((i) + 14) & 15], 61) ^ (w[((i) + 14) & 15] >> 6)))
    #define SHA512_EIGHT(x, j) \\
        SHA512_STEP(a, b, c, d, e, f, g, h, x(j + 0), k[j + 0]) SHA512_STEP(h, a, b, c, d, e, f, g, x(j + 1), k[j + 1]) \\
        SHA512_STEP(g, h, a, b, c, d, e, f, x(j + 2), k[j + 2]) SHA512_STEP(f, g, h, a, b, c, d, e, x(j + 3), k[j + 3]) \\
        SHA512_STEP(e, f, g, h, a, b, c, d, x(j + 4), k[j + 4]) SHA512_STEP(d, e, f, g, h, a, b, c, x(j + 5), k[j + 5]) \\
        SHA512_STEP(c, d, e, f, g, h, a, b, x(j + 6), k[j + 6]) SHA512_STEP(b, c, d, e, f, g, h, a, x(j + 7), k[j + 7])
    #define SHA512_WORD(i) w[i]

    static inline __attribute__((always_inline)) void snow_sha512_rounds(uint64_t *state, const uint8_t *data, size_t blocks)
    {
        while (blocks--) {
            uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
            uint64_t e = state[4], f = state[5], g = state[6], h = state[7], w[16];
            const uint64_t *k = SNOW_SHA512_K;
            int i;
            for (i = 0; i < 16; i++)
                w[i] = snow_be64(snow_read64(data + 8 * i));
            SHA512_EIGHT(SHA512_WORD, 0)
            SHA512_EIGHT(SHA512_WORD, 8)
            for (i = 16; i < 80; i += 16) {
                k += 16;
                SHA512_EIGHT(SHA512_MIX, 0)
                SHA512_EIGHT(SHA512_MIX, 8)
            }
            state[0] += a; state[1] += b; state[2] += c; state[3] += d;
            state[4] += e; state[5] += f; state[6] += g; state[7] += h;
            data += 128;
        }
    }

    static void snow_sha512_plain(uint64_t *state, const uint8_t *data, size_t blocks)
    {
        snow_sha512_rounds(state, data, blocks);
    }

    #ifdef SNOW_X86
    __attribute__((target("bmi,bmi2")))
    static void snow_sha512_bmi2(uint64_t *state, const uint8_t *data, size_t blocks)
    {
        snow_sha512_rounds(state, data, blocks);
    }

    /* The words two at a time, because AVX-512 rotates a pair in one instruction. */
    typedef uint64_t snow_pair __attribute__((vector_size(16)));
    #define SHA512_JOINED(a, b) __builtin_shuffle(a, b, (snow_pair){1, 2})
    #define SHA512_PAIR_MIX(i) { \\
        snow_pair x = SHA512_JOINED(w[(i) & 7], w[((i) + 1) & 7]), y = w[((i) + 7) & 7]; \\
        w[(i) & 7] += SHA512_JOINED(w[((i) + 4) & 7], w[((i) + 5) & 7]) + (SHA512_RIGHT(x, 1) ^ SHA512_RIGHT(x, 8) ^ (x >> 7)) \\
            + (SHA512_RIGHT(y, 19) ^ SHA512_RIGHT(y, 61) ^ (y >> 6)); \\
        sums[(i) & 7] = w[(i) & 7] + k2[i]; }
    #define SHA512_SUM(i) ((const uint64_t *)sums)[i]
    #define SHA512_TWO(a, b, c, d, e, f, g, h, j) \\
        SHA512_STEP(a, b, c, d, e, f, g, h, SHA512_SUM(j), 0) SHA512_STEP(h, a, b, c, d, e, f, g, SHA512_SUM(j + 1), 0)
    __attribute__((target("bmi,bmi2,avx2,avx512f,avx512vl")))
    static void snow_sha512_avx512(uint64_t *state, const uint8_t *data, size_t blocks)
    {
        while (blocks--) {
            uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
            uint64_t e = state[4], f = state[5], g = state[6], h = state[7];
            snow_pair w[8], sums[8];
            const snow_pair *k2 = (const snow_pair *)SNOW_SHA512_K;
            int i;
            #pragma GCC unroll 8
            for (i = 0; i < 8; i++) {
                w[i] = (snow_pair){snow_be64(snow_read64(data + 16 * i)), snow_be64(snow_read64(data + 16 * i + 8))};
                sums[i] = w[i] + k2[i];
            }
            for (i = 0; i < 4; i++) {
                k2 += 8;
                SHA512_TWO(a, b, c, d, e, f, g, h, 0) SHA512_PAIR_MIX(0)
                SHA512_TWO(g, h, a, b, c, d, e, f, 2) SHA512_PAIR_MIX(1)
                SHA512_TWO(e, f, g, h, a, b, c, d, 4) SHA512_PAIR_MIX(2)
                SHA512_TWO(c, d, e, f, g, h, a, b, 6) SHA512_PAIR_MIX(3)
                SHA512_TWO(a, b, c, d, e, f, g, h, 8) SHA512_PAIR_MIX(4)
                SHA512_TWO(g, h, a, b, c, d, e, f, 10) SHA512_PAIR_MIX(5)
                SHA512_TWO(e, f, g, h, a, b, c, d, 12) SHA512_PAIR_MIX(6)
                SHA512_TWO(c, d, e, f, g, h, a, b, 14) SHA512_PAIR_MIX(7)
            }
            SHA512_TWO(a, b, c, d, e, f, g, h, 0) SHA512_TWO(g, h, a, b, c, d, e, f, 2)
            SHA512_TWO(e, f, g, h, a, b, c, d, 4) SHA512_TWO(c, d, e, f, g, h, a, b, 6)
            SHA512_TWO(a, b, c, d, e, f, g, h, 8) SHA512_TWO(g, h, a, b, c, d, e, f, 10)
            SHA512_TWO(e, f, g, h, a, b, c, d, 12) SHA512_TWO(c, d, e, f, g, h, a, b, 14)
            state[0] += a; state[1] += b; state[2] += c; state[3] += d;
            state[4] += e; state[5] += f; state[6] += g; state[7] += h;
            data += 128;
        }
    }
    #else
    static void snow_sha512_bmi2(uint64_t *state, const uint8_t *data, size_t blocks) { snow_sha512_plain(state, data, blocks); }
    static void snow_sha512_avx512(uint64_t *state, const uint8_t *data, size_t blocks) { snow_sha512_plain(state, data, blocks); }
    #endif
    """
    void snow_md5(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil
    bint snow_has_sha1() noexcept nogil
    bint snow_has_bmi2() noexcept nogil
    bint snow_has_avx512() noexcept nogil
    void snow_sha1_plain(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil
    void snow_sha1_instructions(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil
    void snow_sha512_plain(uint64_t* state, const uint8_t* data, size_t blocks) noexcept nogil
    void snow_sha512_bmi2(uint64_t* state, const uint8_t* data, size_t blocks) noexcept nogil
    void snow_sha512_avx512(uint64_t* state, const uint8_t* data, size_t blocks) noexcept nogil

cdef bint _uses_sha1 = snow_has_sha1()            # facts of the processor, never changed but by tests
cdef bint _uses_bmi2 = snow_has_bmi2()
cdef bint _uses_avx512 = snow_has_avx512()


cdef void md5_blocks(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil:
    snow_md5(state, data, blocks)


cdef void sha1_blocks(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil:
    if _uses_sha1:
        snow_sha1_instructions(state, data, blocks)
    else:
        snow_sha1_plain(state, data, blocks)


cdef void sha512_blocks(uint64_t* state, const uint8_t* data, size_t blocks) noexcept nogil:
    if _uses_avx512:
        snow_sha512_avx512(state, data, blocks)
    elif _uses_bmi2:
        snow_sha512_bmi2(state, data, blocks)
    else:
        snow_sha512_plain(state, data, blocks)


cdef void blocks_prefer_instructions(bint wanted) noexcept nogil:
    global _uses_sha1, _uses_bmi2, _uses_avx512
    _uses_sha1 = wanted and snow_has_sha1()
    _uses_bmi2 = wanted and snow_has_bmi2()
    _uses_avx512 = wanted and snow_has_avx512()
