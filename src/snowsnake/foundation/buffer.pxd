# cython: language_level=3
"""THE growable byte buffer, and byte views: for paths, messages, printed text, archives.

In: pointers and sizes.  Out: bytes in memory that the owner of the `Bytes` owns (`bytes_free` releases it).  A `Bytes` that is all zero is empty.
When memory runs out, appending returns False and sets `failed`: a caller checks each answer, or `failed` once, at the end.  A failed buffer
for a message means that memory ran out: whoever reports the message raises the memory error.  `text` is a C string; its NUL is not appended.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset, strlen
from snowsnake.foundation.allocate cimport resize_items

# bytes that somebody else owns
cdef struct View:
    const uint8_t* data
    size_t size

cdef struct Bytes:
    uint8_t* data
    size_t size
    size_t capacity
    # memory ran out, and something is missing
    bint failed

cdef enum:
    # the size of the longest 64-bit number
    DECIMAL_SIZE = 20

cdef inline void bytes_init(Bytes* self) noexcept nogil:
    self.data = NULL
    self.size = 0
    self.capacity = 0
    self.failed = False

cdef inline void bytes_free(Bytes* self) noexcept nogil:
    free(self.data)
    bytes_init(self)

cdef inline void bytes_clear(Bytes* self) noexcept nogil:
    """Forgets the contents and keeps the memory."""
    self.size = 0
    self.failed = False

cdef inline bint bytes_grow(Bytes* self, size_t extra) noexcept nogil:
    cdef size_t capacity = self.capacity
    cdef uint8_t* data
    if extra > (<size_t>-1 >> 2) or self.size > (<size_t>-1 >> 2):
        self.failed = True
        return False
    if capacity < 64:
        capacity = 64
    while capacity < self.size + extra:
        capacity *= 2
    data = <uint8_t*>resize_items(self.data, capacity, 1)
    if data == NULL:
        self.failed = True
        return False
    self.data = data
    self.capacity = capacity
    return True

cdef inline bint bytes_reserve(Bytes* self, size_t extra) noexcept nogil:
    """Makes room for *extra* more bytes at `data + size`."""
    if self.capacity - self.size >= extra:
        return True
    return bytes_grow(self, extra)

cdef inline bint bytes_append(Bytes* self, const void* data, size_t size) noexcept nogil:
    if not bytes_reserve(self, size):
        return False
    if size:
        memcpy(self.data + self.size, data, size)
        self.size += size
    return True

cdef inline bint bytes_byte(Bytes* self, uint8_t value) noexcept nogil:
    if not bytes_reserve(self, 1):
        return False
    self.data[self.size] = value
    self.size += 1
    return True

cdef inline bint bytes_text(Bytes* self, const char* text) noexcept nogil:
    return bytes_append(self, text, strlen(text))

cdef inline bint bytes_view(Bytes* self, View view) noexcept nogil:
    return bytes_append(self, view.data, view.size)

cdef inline bint bytes_spaces(Bytes* self, size_t count) noexcept nogil:
    if not bytes_reserve(self, count):
        return False
    if count:
        memset(self.data + self.size, 32, count)
        self.size += count
    return True

cdef inline bytes bytes_taken(Bytes* self):
    """Returns the contents as a Python object, and leaves the buffer empty."""
    cdef bytes contents
    if self.failed:
        bytes_free(self)
        raise MemoryError
    contents = self.data[:self.size] if self.size else b""
    bytes_free(self)
    return contents

cdef inline int write_decimal(int64_t value, uint8_t* out) noexcept nogil:
    """Fills the end of DECIMAL_SIZE bytes, and returns the index where the number starts."""
    cdef int start = DECIMAL_SIZE
    cdef uint64_t rest = <uint64_t>value
    if value < 0:
        rest = <uint64_t>0 - rest
    while True:
        start -= 1
        out[start] = <uint8_t>(48 + rest % 10)
        rest //= 10
        if rest == 0:
            break
    if value < 0:
        start -= 1
        out[start] = 45
    return start

cdef inline bint bytes_decimal(Bytes* self, int64_t value) noexcept nogil:
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef int start = write_decimal(value, digits)
    return bytes_append(self, &digits[start], DECIMAL_SIZE - start)

cdef inline void bytes_le64(Bytes* self, uint64_t value) noexcept nogil:
    cdef int i
    if bytes_reserve(self, 8):
        for i in range(8):
            self.data[self.size + i] = <uint8_t>(value >> (8 * i))
        self.size += 8

cdef inline View view_of(const Bytes* self) noexcept nogil:
    cdef View view
    view.data = self.data
    view.size = self.size
    return view

cdef inline View make_view(const void* data, size_t size) noexcept nogil:
    cdef View view
    view.data = <const uint8_t*>data
    view.size = size
    return view

cdef inline View view_text(const char* text) noexcept nogil:
    cdef View view
    view.data = <const uint8_t*>text
    view.size = strlen(text)
    return view

cdef inline int view_compare(const View* a, const View* b) noexcept nogil:
    """Compares by bytes; a prefix comes first.  Nix orders names and paths so."""
    cdef size_t shorter = a.size if a.size < b.size else b.size
    cdef int order = memcmp(a.data, b.data, shorter) if shorter else 0
    if order != 0:
        return order
    return (a.size > b.size) - (a.size < b.size)

cdef inline bint view_equal(View a, View b) noexcept nogil:
    return a.size == b.size and (a.size == 0 or memcmp(a.data, b.data, a.size) == 0)

cdef inline bint view_is(View a, const char* text) noexcept nogil:
    cdef size_t size = strlen(text)
    return a.size == size and memcmp(a.data, text, size) == 0
