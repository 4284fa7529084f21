# cython: language_level=3
"""The texts of hashes: names of algorithms, base16, Nix's base32, base64, SRI; and the hash functions for Python.

In: a digest, or text in any of the forms.  Out: text in the caller's buffer, or a `Digest`; Nix's messages for invalid text.
"""
import os

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_byte, bytes_decimal, bytes_free, bytes_init, bytes_reserve, bytes_text, bytes_view, make_view, view_is,
)
from snowsnake.store.hash_functions cimport (
    HASH_BLAKE3, HASH_MD5, HASH_NONE, Digest, Hasher, hash_bytes, hash_fault, hash_file, hash_name, hash_size, hasher_drop, hasher_final,
    hasher_init, hasher_update, sha256_prefer_instructions,
)
from snowsnake.store.library_hashes cimport library_keep

cdef extern from *:
    """
    static const char BASE16_DIGITS[] = "0123456789abcdef";
    static const char BASE32_DIGITS[] = "0123456789abcdfghijklmnpqrsvwxyz";
    static const char BASE64_DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    """
    const char* BASE16_DIGITS
    const char* BASE32_DIGITS
    const char* BASE64_DIGITS


# --- names ---------------------------------------------------------------------------------------------------------------

cdef int hash_kind_of(View name) noexcept nogil:
    cdef int kind
    for kind in range(HASH_MD5, HASH_BLAKE3 + 1):
        if view_is(name, hash_name(kind)):
            return kind
    return HASH_NONE


cdef bint hash_kind_parse(View name, int* kind, Bytes* error) noexcept nogil:
    kind[0] = hash_kind_of(name)
    if kind[0] != HASH_NONE:
        return True
    bytes_text(error, "unknown hash algorithm '")
    bytes_view(error, name)
    bytes_text(error, "', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'")
    return False


cdef bint hash_encoding_parse(View name, int* encoding, Bytes* error) noexcept nogil:
    if view_is(name, "base16"):
        encoding[0] = ENCODING_BASE16
    elif view_is(name, "nix32") or view_is(name, "base32"):
        encoding[0] = ENCODING_BASE32
    elif view_is(name, "base64"):
        encoding[0] = ENCODING_BASE64
    elif view_is(name, "sri"):
        encoding[0] = ENCODING_SRI
    else:
        encoding[0] = ENCODING_NONE
        bytes_text(error, "unknown hash format '")
        bytes_view(error, name)
        bytes_text(error, "', expect 'base16', 'base32', 'base64', or 'sri'")
        return False
    return True


# --- encodings -----------------------------------------------------------------------------------------------------------

cdef size_t base16_size(size_t size) noexcept nogil:
    return size * 2


cdef size_t base32_size(size_t size) noexcept nogil:
    return (size * 8 + 4) // 5


cdef size_t base64_size(size_t size) noexcept nogil:
    return (size + 2) // 3 * 4


cdef void base16_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil:
    cdef size_t i
    for i in range(size):
        out[2 * i] = BASE16_DIGITS[data[i] >> 4]
        out[2 * i + 1] = BASE16_DIGITS[data[i] & 15]


cdef void base32_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil:
    """Nix's base32: the bytes are one little-endian number, written with its highest digit first."""
    cdef size_t length = base32_size(size)
    cdef size_t n, i
    cdef uint32_t pair
    for n in range(length):
        i = n * 5 // 8
        pair = data[i]
        if i + 1 < size:
            pair |= <uint32_t>data[i + 1] << 8
        out[length - 1 - n] = BASE32_DIGITS[(pair >> (n * 5 % 8)) & 31]


cdef void base64_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil:
    cdef size_t i = 0, o = 0
    cdef uint32_t group
    while i < size:
        group = <uint32_t>data[i] << 16
        if i + 1 < size:
            group |= <uint32_t>data[i + 1] << 8
        if i + 2 < size:
            group |= data[i + 2]
        out[o] = BASE64_DIGITS[group >> 18]
        out[o + 1] = BASE64_DIGITS[(group >> 12) & 63]
        out[o + 2] = BASE64_DIGITS[(group >> 6) & 63] if i + 1 < size else c'='
        out[o + 3] = BASE64_DIGITS[group & 63] if i + 2 < size else c'='
        i += 3
        o += 4


cdef Py_ssize_t base16_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil:
    cdef size_t i
    cdef int digit, byte = 0
    for i in range(size):
        if 48 <= text[i] <= 57:
            digit = text[i] - 48
        elif 97 <= text[i] <= 102:
            digit = text[i] - 87
        elif 65 <= text[i] <= 70:
            digit = text[i] - 55
        else:
            return -1
        byte = (byte << 4 | digit) & 255
        if i & 1 and i // 2 < capacity:
            out[i // 2] = <uint8_t>byte
    return size // 2


cdef inline int base32_digit(uint8_t c) noexcept nogil:
    """Value of a digit of Nix's alphabet, which leaves out e, o, u and t."""
    if 48 <= c <= 57:
        return c - 48
    if c < 97 or c > 122 or c == c'e' or c == c'o' or c == c'u' or c == c't':
        return -1
    return c - 87 - (c > c'e') - (c > c'o') - (c > c't') - (c > c'u')


cdef Py_ssize_t base32_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil:
    cdef size_t n, i, found = size * 5 // 8
    cdef int digit, shift, carry
    memset(out, 0, capacity)
    for n in range(size):
        digit = base32_digit(text[size - 1 - n])
        if digit < 0:
            return -1
        i = n * 5 // 8
        shift = n * 5 % 8
        carry = digit >> (8 - shift)
        if i < capacity:
            out[i] |= <uint8_t>(digit << shift)
        if i + 1 < capacity:
            out[i + 1] |= <uint8_t>carry
        # The bits beyond the last whole byte must be zero.
        if carry and i + 2 > found:
            found = i + 2
    return found


cdef inline int base64_digit(uint8_t c) noexcept nogil:
    if 65 <= c <= 90:
        return c - 65
    if 97 <= c <= 122:
        return c - 71
    if 48 <= c <= 57:
        return c + 4
    if c == c'+':
        return 62
    return 63 if c == c'/' else -1


cdef Py_ssize_t base64_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil:
    """As lenient as Nix: newlines are skipped, padding may be missing, and everything after the first `=` is ignored."""
    cdef size_t i, found = 0
    cdef int digit, bits = 0
    cdef uint32_t held = 0
    for i in range(size):
        if text[i] == c'=':
            break
        if text[i] == c'\n':
            continue
        digit = base64_digit(text[i])
        if digit < 0:
            return -1
        held = (held << 6) | <uint32_t>digit
        bits += 6
        if bits >= 8:
            bits -= 8
            if found < capacity:
                out[found] = <uint8_t>(held >> bits)
            found += 1
    return found


# --- a hash's text -------------------------------------------------------------------------------------------------------

cdef bint decode_hash(View text, int kind, bint is_sri, Digest* out, Bytes* error) noexcept nogil:
    """Decodes a hash without its algorithm; its length shows which encoding it is in."""
    cdef size_t size = hash_size(kind)
    cdef Py_ssize_t found
    cdef const char* encoding
    out.kind = <uint8_t>kind
    out.size = <uint8_t>size
    memset(out.data, 0, sizeof(out.data))
    if not is_sri and text.size == base16_size(size):
        encoding = "base16"
        found = base16_decode(text.data, text.size, out.data, size)
    elif not is_sri and text.size == base32_size(size):
        encoding = "nix32"
        found = base32_decode(text.data, text.size, out.data, size)
    elif is_sri or text.size == base64_size(size):
        encoding = "SRI" if is_sri else "Base64"
        found = base64_decode(text.data, text.size, out.data, size)
    else:
        bytes_text(error, "hash '")
        bytes_view(error, text)
        bytes_text(error, "' has wrong length for hash algorithm '")
        bytes_text(error, hash_name(kind))
        bytes_byte(error, c"'")
        return False
    if found == <Py_ssize_t>size:
        return True
    bytes_text(error, "invalid ")
    bytes_text(error, encoding)
    bytes_text(error, " hash '")
    bytes_view(error, text)
    bytes_text(error, "', length ")
    bytes_decimal(error, found if found > 0 else 0)
    bytes_text(error, " != expected length ")
    bytes_decimal(error, size)
    return False


cdef Py_ssize_t find_byte(View text, uint8_t byte) noexcept nogil:
    cdef size_t i
    for i in range(text.size):
        if text.data[i] == byte:
            return i
    return -1


cdef bint hash_parse(View text, int kind, Digest* out, Bytes* error) noexcept nogil:
    cdef View rest = text
    cdef bint is_sri = False
    cdef int stated = HASH_NONE
    cdef Py_ssize_t end = find_byte(text, c':')
    if end < 0:
        end = find_byte(text, c'-')
        is_sri = end >= 0
    if end >= 0:
        if not hash_kind_parse(make_view(text.data, end), &stated, error):
            return False
        rest = make_view(text.data + end + 1, text.size - end - 1)
    if stated == HASH_NONE and kind == HASH_NONE:
        bytes_text(error, "hash '")
        bytes_view(error, rest)
        bytes_text(error, "' does not include a type, nor is the type otherwise known from context")
        return False
    if stated != HASH_NONE and kind != HASH_NONE and stated != kind:
        bytes_text(error, "hash '")
        bytes_view(error, text)
        bytes_text(error, "' should have type '")
        bytes_text(error, hash_name(kind))
        bytes_byte(error, c"'")
        return False
    return decode_hash(rest, stated if stated != HASH_NONE else kind, is_sri, out, error)


cdef bint hash_parse_plain(View text, int kind, Digest* out, Bytes* error) noexcept nogil:
    return decode_hash(text, kind, False, out, error)


cdef void hash_format(const Digest* digest, int encoding, bint with_kind, Bytes* out) noexcept nogil:
    if with_kind or encoding == ENCODING_SRI:
        bytes_text(out, hash_name(digest.kind))
        bytes_byte(out, c'-' if encoding == ENCODING_SRI else c':')
    if not bytes_reserve(out, BASE16_MAX_SIZE):
        return
    if encoding == ENCODING_BASE16:
        base16_encode(digest.data, digest.size, out.data + out.size)
        out.size += base16_size(digest.size)
    elif encoding == ENCODING_BASE32:
        base32_encode(digest.data, digest.size, out.data + out.size)
        out.size += base32_size(digest.size)
    else:
        base64_encode(digest.data, digest.size, out.data + out.size)
        out.size += base64_size(digest.size)


# --- for Python ----------------------------------------------------------------------------------------------------------

cdef bytes taken(Bytes* buffer):
    try:
        if buffer.failed:
            raise MemoryError
        return buffer.data[:buffer.size] if buffer.size else b""
    finally:
        bytes_free(buffer)


cdef object hash_exception(int kind):
    cdef Bytes error
    bytes_init(&error)
    hash_fault(kind, &error)
    return ValueError(taken(&error).decode())


cdef int kind_named(str algorithm) except -1:
    cdef bytes name = algorithm.encode()
    cdef int kind = HASH_NONE
    cdef Bytes error
    bytes_init(&error)
    if not hash_kind_parse(make_view(<const char*>name, len(name)), &kind, &error):
        raise ValueError(taken(&error).decode(errors="replace"))
    return kind


# The names of all algorithms, by bytes.
ALGORITHMS = tuple(sorted([hash_name(kind).decode() for kind in range(HASH_MD5, HASH_BLAKE3 + 1)]))

# We take buffers by hand, because typed memory views would make every start of the command import `collections.abc`.

def digest(str algorithm, data, *, bint portable=False):
    """Digest of *data*, bytes or another contiguous buffer; *portable* does not use the processor's SHA instructions (for tests)."""
    cdef Digest result
    cdef int kind = kind_named(algorithm)
    cdef Py_buffer view
    cdef bint is_done
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    if portable:
        sha256_prefer_instructions(False)
        is_done = hash_bytes(kind, <const uint8_t*>view.buf, view.len, &result)
        sha256_prefer_instructions(True)
    else:
        with nogil:
            is_done = hash_bytes(kind, <const uint8_t*>view.buf, view.len, &result)
    PyBuffer_Release(&view)
    if not is_done:
        raise hash_exception(kind)
    return result.data[:result.size]


def file_digest(str algorithm, path):
    """(digest, size) of a file's bytes; OSError if it cannot be read."""
    cdef Digest result
    cdef uint64_t size = 0
    cdef Bytes error
    cdef int kind = kind_named(algorithm)
    cdef bytes name = os.fsencode(path)
    cdef const char* start = name
    cdef bint ok
    if b"\0" in name:
        raise ValueError("embedded null byte")
    bytes_init(&error)
    with nogil:
        ok = hash_file(kind, start, &result, &size, &error)
    message = taken(&error)
    if not ok:
        raise OSError(message.decode(errors="replace"))
    return result.data[:result.size], size


cdef class HashStream:
    """A hash of data that comes in pieces: `update(data)`, then `digest()`; `size` is the number of bytes so far."""
    cdef Hasher hasher

    def __cinit__(self, str algorithm not None):
        hasher_init(&self.hasher, kind_named(algorithm))
        if self.hasher.has_failed:
            raise hash_exception(self.hasher.kind)

    def __dealloc__(self):
        hasher_drop(&self.hasher)

    def update(self, data):
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        with nogil:
            hasher_update(&self.hasher, <const uint8_t*>view.buf, view.len)
        PyBuffer_Release(&view)

    @property
    def size(self):
        return self.hasher.total

    def digest(self):
        cdef Hasher copy = self.hasher
        cdef Digest result
        if copy.library != NULL:
            # `hasher_final` releases one reference, so we take one more first.
            library_keep(copy.library)
        if not hasher_final(&copy, &result):
            raise hash_exception(copy.kind)
        return result.data[:result.size]


def parse_hash(str text not None, str algorithm=None):
    """(algorithm, digest) of a hash in any form; ValueError, with Nix's message, if it is malformed.  *algorithm*: for a text that does not name its own."""
    cdef Digest result
    cdef Bytes error
    cdef bytes raw = text.encode(errors="surrogateescape")
    cdef int kind = kind_named(algorithm) if algorithm is not None else HASH_NONE
    cdef bint ok
    bytes_init(&error)
    ok = hash_parse(make_view(<const char*>raw, len(raw)), kind, &result, &error)
    message = taken(&error)
    if not ok:
        raise ValueError(message.decode(errors="surrogateescape"))
    return hash_name(result.kind).decode(), result.data[:result.size]


def format_hash(str algorithm, bytes data, str encoding not None, *, bint with_algorithm=False):
    """Text of a digest in base16, nix32 (also base32), base64 or sri."""
    cdef Digest result
    cdef Bytes out
    cdef bytes name = encoding.encode()
    cdef int chosen = 0
    bytes_init(&out)
    result.kind = <uint8_t>kind_named(algorithm)
    result.size = <uint8_t>hash_size(result.kind)
    if len(data) != result.size:
        raise ValueError(f"a digest of {algorithm} has {result.size} bytes, this one {len(data)}")
    memcpy(result.data, <const char*>data, result.size)
    if not hash_encoding_parse(make_view(<const char*>name, len(name)), &chosen, &out):
        raise ValueError(taken(&out).decode(errors="replace"))
    hash_format(&result, chosen, with_algorithm, &out)
    return taken(&out).decode()


def encode_base32(bytes data not None):
    """The text of bytes in Nix's base32."""
    cdef bytearray out = bytearray(base32_size(len(data)))
    base32_encode(<const uint8_t*><const char*>data, len(data), <uint8_t*><char*>out)
    return out.decode()


def decode_base32(str text not None):
    """The bytes of a text in Nix's base32; ValueError for a bad character, or bits beyond the last byte."""
    cdef bytes raw = text.encode(errors="replace")
    cdef bytearray out = bytearray(len(raw) * 5 // 8)
    cdef Py_ssize_t found = base32_decode(<const uint8_t*><const char*>raw, len(raw), <uint8_t*><char*>out, len(out))
    if found < 0:
        raise ValueError(f"invalid character in Nix32 (Nix's Base32 variation) string: '{text}'")
    if found != len(out):
        raise ValueError(f"trailing bits in Nix32 string: '{text}'")
    return bytes(out)
