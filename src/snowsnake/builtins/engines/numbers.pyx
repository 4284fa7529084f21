# cython: language_level=3
"""Numbers as Nix reads and writes them.

In: numbers, or the text of one.  Out: text appended to a buffer, or a number and a status.

Floats have three written forms: printed values and XML (`%g`, six digits: 1e+20), toString (`%f`: 1.500000), and JSON.  JSON's
is that of the library that C++ Nix uses, with the digits of the Grisu2 algorithm (Loitsch 2010).  They round-trip and are nearly always
the shortest; an algorithm whose digits are always the shortest would differ in about one number of a thousand.
The locale of the process never matters.
"""
from libc cimport errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_decimal, bytes_init, bytes_taken, bytes_text
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text

cdef extern from *:
    """
    #include <locale.h>
    #include <stdlib.h>
    #if defined(__APPLE__) || defined(__FreeBSD__)
    #include <xlocale.h>
    #endif
    typedef unsigned __int128 snowsnake_uint128;
    static locale_t snowsnake_c_locale(void) { return newlocale(LC_ALL_MASK, "C", (locale_t)0); }
    """
    ctypedef struct locale_t:
        pass
    ctypedef uint64_t uint128_t "snowsnake_uint128"
    locale_t snowsnake_c_locale() nogil
    double strtod_l(const char* text, char** end, locale_t locale) nogil

cdef locale_t c_locale = snowsnake_c_locale()


# -- integers ----------------------------------------------------------------------------------------------------------

cdef NumberStatus parse_int64(const uint8_t* data, size_t size_bytes, int64_t* number) noexcept nogil:
    """Reads an optional minus sign and decimal digits; anything else is invalid."""
    cdef bint is_negative = size_bytes > 0 and data[0] == c'-'
    cdef size_t i = 1 if is_negative else 0
    cdef uint64_t limit = (<uint64_t>1 << 63) - (0 if is_negative else 1)
    cdef uint64_t value = 0
    cdef uint8_t digit
    if i == size_bytes:
        return NUMBER_INVALID
    while i < size_bytes:
        digit = <uint8_t>(data[i] - c'0')
        if digit > 9:
            return NUMBER_INVALID
        if value > limit // 10 or value * 10 > limit - digit:
            break
        value = value * 10 + digit
        i += 1
    if i == size_bytes:
        number[0] = <int64_t>(0 - value if is_negative else value)
        return NUMBER_OK
    while i < size_bytes:
        if <uint8_t>(data[i] - c'0') > 9:
            return NUMBER_INVALID
        i += 1
    return NUMBER_OVERFLOW


# -- floats: printf's forms --------------------------------------------------------------------------------------------

cdef extern from *:
    """
    /* `%f` of a number between -2^40 and 2^40, 0 for others: its millionths as an integer, rounded as the C library does, to the nearest,
       halves to even; all of it exact, as significand * 10^6 has 73 bits. */
    static int snow_millionths(double number, unsigned char *text)
    {
        unsigned long long bits, whole, part;
        unsigned __int128 product, rest, half;
        unsigned char digits[24];
        int shift, size = 0, n = 0, i;
        memcpy(&bits, &number, 8);
        shift = 1075 - (int)(bits >> 52 & 0x7FF);
        if (shift < 13 || shift > 116)
            return 0;
        product = (unsigned __int128)((bits & 0xFFFFFFFFFFFFFULL) | 1ULL << 52) * 1000000u;
        rest = product & (((unsigned __int128)1 << shift) - 1);
        half = (unsigned __int128)1 << (shift - 1);
        product >>= shift;
        if (rest > half || (rest == half && (product & 1)))
            product++;
        whole = (unsigned long long)(product / 1000000u);
        part = (unsigned long long)(product % 1000000u);
        if (bits >> 63)
            text[size++] = '-';
        do {
            digits[n++] = (unsigned char)('0' + whole % 10);
            whole /= 10;
        } while (whole);
        while (n)
            text[size++] = digits[--n];
        text[size++] = '.';
        for (i = 5; i >= 0; i--) {
            text[size + i] = (unsigned char)('0' + part % 10);
            part /= 10;
        }
        return size + 6;
    }
    """
    int millionths "snow_millionths"(double number, uint8_t* text) noexcept nogil


cdef void format_float_tostring(Bytes* out, double number) noexcept nogil:
    """Appends the form of toString, which has at most 317 bytes."""
    cdef char[FLOAT_TEXT_BYTES] text
    cdef int size = millionths(number, <uint8_t*>text)
    if size == 0:
        size = float_text(text, sizeof(text), "%f", number)
    bytes_append(out, text, size)


# -- floats: JSON ------------------------------------------------------------------------------------------------------

# The value of this number is significand × 2^exponent.
cdef struct Scaled:
    uint64_t significand
    int exponent

cdef enum:
    POWER_FIRST = -300
    POWER_STEP = 8
    POWER_COUNT = 79
    DIGITS_LIMIT = 24
    # The product with a power of ten has at least this binary exponent, so that its integer part fits 32 bits.
    LOWEST_BINARY_EXPONENT = -60

cdef Scaled powers_of_ten[POWER_COUNT]


def _fill_powers():
    """Computes 10^-300, 10^-292, … 10^324 with 64 significant bits, rounded to nearest, once at import."""
    cdef int i
    for i in range(POWER_COUNT):
        tens = POWER_FIRST + POWER_STEP * i
        numerator, denominator = (10**tens, 1) if tens >= 0 else (1, 10**-tens)
        shift = 64 - (numerator.bit_length() - denominator.bit_length())
        scaled_numerator = numerator << max(shift, 0)
        scaled_denominator = denominator << max(-shift, 0)
        while scaled_numerator >= scaled_denominator << 64:
            scaled_denominator <<= 1
            shift -= 1
        while scaled_numerator < scaled_denominator << 63:
            scaled_numerator <<= 1
            shift += 1
        powers_of_ten[i].significand = (2 * scaled_numerator + scaled_denominator) // (2 * scaled_denominator)
        powers_of_ten[i].exponent = -shift


_fill_powers()


cdef inline Scaled normalised(uint64_t significand, int exponent) noexcept nogil:
    cdef Scaled result
    while not (significand >> 63):
        significand <<= 1
        exponent -= 1
    result.significand = significand
    result.exponent = exponent
    return result


cdef inline uint64_t product(uint64_t x, uint64_t y) noexcept nogil:
    """The upper half of x × y, rounded."""
    return <uint64_t>((<uint128_t>x * y + (<uint128_t>1 << 63)) >> 64)


cdef void round_digits(uint8_t* digits, int count, uint64_t distance, uint64_t delta, uint64_t rest,
                       uint64_t unit) noexcept nogil:
    """Steps the last digit down while that brings it closer to the number and keeps it inside the interval."""
    while rest < distance and delta - rest >= unit \
            and (rest + unit < distance or distance - rest > rest + unit - distance):
        digits[count - 1] -= 1
        rest += unit


cdef int make_digits(uint8_t* digits, int* decimal_exponent, uint64_t low, uint64_t middle, uint64_t high,
                     int exponent) noexcept nogil:
    """Writes the fewest digits of a number between `low` and `high` (× 2^exponent), and returns their number."""
    cdef int shift = -exponent
    cdef uint64_t one = <uint64_t>1 << shift
    cdef uint64_t delta = high - low
    cdef uint64_t distance = high - middle
    cdef uint32_t integer = <uint32_t>(high >> shift)
    cdef uint64_t fraction = high & (one - 1)
    cdef uint64_t rest
    cdef uint32_t unit = 1
    cdef int left = 1
    cdef int count = 0
    while integer // unit >= 10:
        unit *= 10
        left += 1
    while left > 0:
        digits[count] = <uint8_t>(c'0' + integer // unit)
        count += 1
        integer %= unit
        left -= 1
        rest = (<uint64_t>integer << shift) + fraction
        if rest <= delta:
            decimal_exponent[0] += left
            round_digits(digits, count, distance, delta, rest, <uint64_t>unit << shift)
            return count
        unit //= 10
    while True:
        fraction *= 10
        digits[count] = <uint8_t>(c'0' + (fraction >> shift))
        count += 1
        fraction &= one - 1
        decimal_exponent[0] -= 1
        delta *= 10
        distance *= 10
        if fraction <= delta:
            break
    round_digits(digits, count, distance, delta, fraction, one)
    return count


cdef int float_digits(double number, uint8_t* digits, int* decimal_exponent) noexcept nogil:
    """Writes the decimal digits of a positive finite number, digits × 10^decimal_exponent, and returns their number."""
    cdef uint64_t bits, fraction, significand
    cdef int biased, exponent, f, k, index
    cdef Scaled value, high
    cdef uint64_t low
    cdef uint64_t ten
    memcpy(&bits, &number, 8)
    fraction = bits & ((<uint64_t>1 << 52) - 1)
    biased = <int>(bits >> 52)
    significand = fraction if biased == 0 else fraction | (<uint64_t>1 << 52)
    exponent = (1 if biased == 0 else biased) - 1075
    value = normalised(significand, exponent)
    high = normalised(2 * significand + 1, exponent - 1)
    # Below a power of two, the next smaller number is only half as far away as the next greater one.
    if fraction == 0 and biased > 1:
        low = (4 * significand - 1) << (exponent - 2 - high.exponent)
    else:
        low = (2 * significand - 1) << (exponent - 1 - high.exponent)
    f = LOWEST_BINARY_EXPONENT - high.exponent - 1
    # log10(2) is about 78913 / 2^18.  The division is that of C, which rounds towards 0.
    k = (f * 78913) // (1 << 18) + (1 if f > 0 else 0)
    index = (-POWER_FIRST + k + POWER_STEP - 1) // POWER_STEP
    ten = powers_of_ten[index].significand
    decimal_exponent[0] = -(POWER_FIRST + POWER_STEP * index)
    return make_digits(
        digits, decimal_exponent, product(low, ten) + 1, product(value.significand, ten),
        product(high.significand, ten) - 1, high.exponent + powers_of_ten[index].exponent + 64,
    )


cdef void append_zeros(Bytes* out, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        bytes_byte(out, c'0')


cdef void append_exponent(Bytes* out, int exponent) noexcept nogil:
    bytes_text(out, "e-" if exponent < 0 else "e+")
    if exponent < 0:
        exponent = -exponent
    if exponent < 10:
        bytes_byte(out, c'0')
    bytes_decimal(out, exponent)


cdef void format_float_json(Bytes* out, double number) noexcept nogil:
    """Appends the form of toJSON: 1.0, 1e+20; null for numbers that JSON does not have."""
    cdef uint8_t digits[DIGITS_LIMIT]
    cdef int decimal_exponent = 0
    cdef int count, point
    cdef uint64_t bits
    if number != number or number - number != 0:
        bytes_text(out, "null")
        return
    memcpy(&bits, &number, 8)
    if bits >> 63:
        bytes_byte(out, c'-')
        number = -number
    if number == 0:
        bytes_text(out, "0.0")
        return
    count = float_digits(number, digits, &decimal_exponent)
    # This many digits are before the decimal point.
    point = count + decimal_exponent
    if count <= point <= 15:
        bytes_append(out, digits, count)
        append_zeros(out, point - count)
        bytes_text(out, ".0")
    elif 0 < point <= 15:
        bytes_append(out, digits, point)
        bytes_byte(out, c'.')
        bytes_append(out, digits + point, count - point)
    elif -4 < point <= 0:
        bytes_text(out, "0.")
        append_zeros(out, -point)
        bytes_append(out, digits, count)
    else:
        bytes_byte(out, digits[0])
        if count > 1:
            bytes_byte(out, c'.')
            bytes_append(out, digits + 1, count - 1)
        append_exponent(out, point - 1)


# -- reading floats ----------------------------------------------------------------------------------------------------

cdef double exact_tens[23]
for _power in range(23):
    exact_tens[_power] = float(10**_power)


cdef bint parse_simple(const uint8_t* data, size_t size_bytes, double* number) noexcept nogil:
    """Reads numbers with at most 15 digits and a small exponent, for which one multiplication or division rounds correctly; False for others."""
    cdef size_t i = 0
    cdef uint64_t significand = 0
    cdef int digits = 0
    cdef int scale = 0
    cdef int exponent = 0
    cdef bint is_negative = False
    cdef bint is_small = False
    cdef bint has_point = False
    cdef double value
    if i < size_bytes and data[i] == c'-':
        is_negative = True
        i += 1
    while i < size_bytes:
        if c'0' <= data[i] <= c'9':
            digits += 1
            if digits > 15:
                return False
            significand = significand * 10 + (data[i] - c'0')
            if has_point:
                scale -= 1
        elif data[i] == c'.' and not has_point:
            has_point = True
        else:
            break
        i += 1
    if digits == 0:
        return False
    if i < size_bytes and (data[i] == c'e' or data[i] == c'E'):
        i += 1
        if i < size_bytes and (data[i] == c'-' or data[i] == c'+'):
            is_small = data[i] == c'-'
            i += 1
        if i == size_bytes or size_bytes - i > 3:
            return False
        while i < size_bytes and c'0' <= data[i] <= c'9':
            exponent = exponent * 10 + (data[i] - c'0')
            i += 1
    scale += -exponent if is_small else exponent
    if i != size_bytes or scale < -22 or scale > 22:
        return False
    value = <double>significand
    value = value * exact_tens[scale] if scale >= 0 else value / exact_tens[-scale]
    number[0] = -value if is_negative else value
    return True


cdef NumberStatus parse_double(const uint8_t* data, size_t size_bytes, double* number) noexcept nogil:
    """Reads a decimal number that fills all of `data`, with the digits, point and exponent that strtod accepts; it is rounded correctly."""
    cdef char small[128]
    cdef char* text = small
    cdef char* end = NULL
    cdef double value
    cdef size_t i
    cdef NumberStatus status = NUMBER_OK
    if parse_simple(data, size_bytes, number):
        return NUMBER_OK
    # Without this check, strtod would also accept hexadecimal numbers, words and leading blanks.
    for i in range(size_bytes):
        if not (c'0' <= data[i] <= c'9' or data[i] == c'.' or data[i] == c'e' or data[i] == c'E' or data[i] == c'-'
                or data[i] == c'+'):
            return NUMBER_INVALID
    if size_bytes == 0:
        return NUMBER_INVALID
    if size_bytes >= sizeof(small):
        text = <char*>allocate_items(size_bytes + 1, 1)
        if text == NULL:
            return NUMBER_INVALID
    memcpy(text, data, size_bytes)
    text[size_bytes] = 0
    errno.errno = 0
    value = strtod_l(text, &end, c_locale)
    if end != text + size_bytes:
        status = NUMBER_INVALID
    elif errno.errno == errno.ERANGE:
        status = NUMBER_UNDERFLOW if -1 < value < 1 else NUMBER_OVERFLOW
    number[0] = value
    if text != small:
        free(text)
    return status


# -- Python's side, for tests ------------------------------------------------------------------------------------------

def tostring_float(double number):
    """The text of toString: `tostring_float(1.5)` is `b"1.500000"`."""
    cdef Bytes buffer
    bytes_init(&buffer)
    format_float_tostring(&buffer, number)
    return bytes_taken(&buffer)


def json_float(double number):
    """The text of toJSON: `json_float(1)` is `b"1.0"`."""
    cdef Bytes buffer
    bytes_init(&buffer)
    format_float_json(&buffer, number)
    return bytes_taken(&buffer)


def read_int(bytes text not None):
    """The number; None if it does not fit 64 bits.  Raises ValueError if `text` is not an integer."""
    cdef int64_t number = 0
    cdef NumberStatus status = parse_int64(text, len(text), &number)
    if status == NUMBER_INVALID:
        raise ValueError(text)
    return number if status == NUMBER_OK else None


def read_float(bytes text not None):
    """(number, whether strtod reports it as out of range).  Raises ValueError if `text` is not a number."""
    cdef double number = 0
    cdef NumberStatus status = parse_double(text, len(text), &number)
    if status == NUMBER_INVALID:
        raise ValueError(text)
    return number, status != NUMBER_OK
