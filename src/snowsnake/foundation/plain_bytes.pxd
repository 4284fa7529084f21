# cython: language_level=3
"""How many bytes at the start of a text need no escape: none is a quote, a backslash or below 32.

Texts of derivations and of JSON consist of long runs of such bytes, so they are looked at sixteen at a time.
"""
from libc.stdint cimport uint8_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define PLAIN_BLOCKS 1
    typedef uint8_t plain_block __attribute__((vector_size(16)));
    /* How many of the sixteen bytes come before the first one that needs an escape. */
    static inline size_t plain_block_size(plain_block block)
    {
        plain_block found = (plain_block)((block == '"') | (block == '\\\\') | (block < 32));
        uint64_t words[2];
        memcpy(words, &found, 16);
        if ((words[0] | words[1]) == 0)
            return 16;
        return words[0] ? (size_t)__builtin_ctzll(words[0]) / 8 : 8 + (size_t)__builtin_ctzll(words[1]) / 8;
    }
    #else
    #define PLAIN_BLOCKS 0
    #endif
    static inline size_t plain_size(const uint8_t* data, size_t size, uint8_t* seen)
    {
        size_t i = 0, run = 16;
        uint8_t c, all = 0;
    #if PLAIN_BLOCKS
        plain_block block, blocks = {0};
        uint64_t words[2];
        for (; size - i >= 16 && run == 16; i += run) {
            memcpy(&block, data + i, 16);
            blocks |= block;
            run = plain_block_size(block);
        }
        if (run == 16 && size - i >= 8) {
            /* The rest is two words, which may overlap. */
            memcpy(words, data + i, 8);
            memcpy(words + 1, data + size - 8, 8);
            memcpy(&block, words, 16);
            blocks |= block;
            run = plain_block_size(block);
            i = run == 16 ? size : run < 8 ? i + run : size - 16 + run;
            run = i == size ? 16 : 0;
        }
        memcpy(words, &blocks, 16);
        words[0] |= words[1];
        words[0] |= words[0] >> 32;
        words[0] |= words[0] >> 16;
        all = (uint8_t)(words[0] | words[0] >> 8);
    #endif
        for (; run == 16 && i < size; i++) {
            c = data[i];
            if (c == '"' || c == '\\\\' || c < 32)
                break;
            all |= c;
        }
        *seen |= all;
        return i;
    }
    /* As plain_size for at most sixteen bytes, which are copied.  Both places have room for sixteen. */
    static inline size_t plain_copy(uint8_t* to, const uint8_t* from)
    {
    #if PLAIN_BLOCKS
        plain_block block;
        memcpy(&block, from, 16);
        memcpy(to, &block, 16);
        return plain_block_size(block);
    #else
        uint8_t seen = 0;
        memcpy(to, from, 16);
        return plain_size(from, 16, &seen);
    #endif
    }
    """
    # *seen* gets the bits of all bytes that were looked at.
    size_t plain_size(const uint8_t* data, size_t size_bytes, uint8_t* seen) noexcept nogil
    size_t plain_copy(uint8_t* to, const uint8_t* data) noexcept nogil
