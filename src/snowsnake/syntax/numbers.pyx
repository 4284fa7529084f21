# cython: language_level=3
"""Numbers as text, the same in every locale.

In: digits as the lexer found them.  Out: 64-bit integers and doubles, or False if they are out of range, as in C++ Nix
(a float that rounds to zero or to a subnormal is out of range, too).
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.syntax.deep_stack cimport leave_out_of_memory

cdef extern from *:
    """
    #include <errno.h>
    #include <locale.h>
    #include <math.h>
    #include <stdio.h>
    #include <stdlib.h>
    #if defined(__APPLE__)
    #include <xlocale.h>
    #endif

    static locale_t snow_c_locale;

    static void snow_prepare_locale(void) { snow_c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

    static int snow_text_to_float(const char *text, double *value) {
        locale_t before = uselocale(snow_c_locale);
        errno = 0;
        *value = strtod(text, NULL);
        uselocale(before);
        return errno == 0;
    }
    """
    void snow_prepare_locale()
    bint snow_text_to_float(const char* text, double* value) noexcept nogil


snow_prepare_locale()


cdef bint text_to_int(Text text, int64_t* value) noexcept nogil:
    cdef uint64_t sum = 0
    cdef uint64_t largest = 0x7FFFFFFFFFFFFFFF
    cdef uint64_t digit
    cdef uint32_t i
    for i in range(text.size_bytes):
        digit = text.data[i] - c'0'
        if sum > (largest - digit) / 10:
            return False
        sum = sum * 10 + digit
    value[0] = <int64_t>sum
    return True


cdef bint text_to_float(Text text, double* value) noexcept nogil:
    cdef char[64] small
    cdef char* copy = small
    cdef bint is_in_range
    if text.size_bytes >= sizeof(small):
        copy = <char*>allocate_items(<size_t>text.size_bytes + 1, 1)
        if copy == NULL:
            leave_out_of_memory()
    memcpy(copy, text.data, text.size_bytes)
    copy[text.size_bytes] = 0
    is_in_range = snow_text_to_float(copy, value)
    if copy != small:
        free(copy)
    return is_in_range


cdef bint is_valid_number(Text text, bint is_float) noexcept nogil:
    cdef int64_t integer
    cdef double number
    return text_to_float(text, &number) if is_float else text_to_int(text, &integer)
