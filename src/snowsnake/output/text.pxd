# cython: language_level=3
"""A text that a builtin builds over several entries, on the machine's heap.

In: a builtin's state words, SLOTS of them, and bytes.  Out: one string, whose context unites the contexts of all parts.
The text is a string object with room to spare; growing makes another of twice the size.  Because it is an ordinary value
on the stack, the collector moves it, and an error that unwinds the builtin leaves nothing behind to be freed.

    slots[0]  string: the room          slots[1]  int: bytes used
    slots[2]  string: contexts, as u32  slots[3]  int: bytes used

A HeapText is a view of the slots for one entry: call `text_begin` first, and `text_save` before every return.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset, strlen
from snowsnake.machine.gather cimport Gathered, gather, gathered
from snowsnake.foundation.buffer cimport DECIMAL_SIZE, write_decimal
from snowsnake.machine.errors cimport raise_text
from snowsnake.machine.heap cimport heap_reserve, new_string, push, string_words
from snowsnake.machine.state cimport ERROR_MEMORY, Machine
from snowsnake.machine.word cimport (
    KIND_RAW, KIND_STRING, Word, header_of, int_value, pointer_of, small_int, string_data, string_size,
)

cdef enum:
    SLOTS = 4
    # the number of bytes of the first room
    FIRST_ROOM = 240

cdef struct HeapText:
    Machine* m
    Word* slots
    uint8_t* start
    # where the next byte goes
    uint8_t* at
    uint8_t* end
    # memory ran out, and an error has been raised
    bint failed

cdef inline void text_push_slots(Machine* m) noexcept nogil:
    push(m, m.empty_string)
    push(m, 0)
    push(m, m.empty_string)
    push(m, 0)

cdef inline void text_begin(HeapText* t, Machine* m, Word* slots) noexcept nogil:
    t.m = m
    t.slots = slots
    t.start = string_data(slots[0])
    t.at = t.start + int_value(slots[1])
    t.end = t.start + string_size(slots[0])
    t.failed = False

cdef inline void text_save(HeapText* t) noexcept nogil:
    t.slots[1] = small_int(<int64_t>(t.at - t.start))

cdef inline Word text_grown(Machine* m, Word old, uint64_t used, uint64_t extra) noexcept nogil:
    """Returns a copy with room for at least `extra` more bytes; 0, with an error set, if there is none."""
    cdef uint64_t size = string_size(old) * 2
    cdef Word grown
    if size < used + extra:
        size = used + extra
    if size < FIRST_ROOM:
        size = FIRST_ROOM
    if not heap_reserve(m, string_words(size)):
        return 0
    # The old text is the last object on the heap, so it grows in place.
    if string_size(old) and pointer_of(old) + string_words(string_size(old)) == m.hp:
        m.hp = pointer_of(old)
        if m.young_hp != NULL and m.hp < m.unscanned:
            # in the old space, the next collection must not begin in the middle of the text
            m.unscanned = m.hp
        return new_string(m, size, 0)
    grown = new_string(m, size, 0)
    memcpy(string_data(grown), string_data(old), used)
    return grown

cdef inline bint text_grow(HeapText* t, uint64_t extra) noexcept nogil:
    cdef uint64_t used = <uint64_t>(t.at - t.start)
    cdef Word grown
    if t.failed:
        return False
    grown = text_grown(t.m, t.slots[0], used, extra)
    if grown == 0:
        t.failed = True
        return False
    t.slots[0] = grown
    t.start = string_data(grown)
    t.at = t.start + used
    t.end = t.start + string_size(grown)
    return True

cdef inline bint text_room(HeapText* t, uint64_t extra) noexcept nogil:
    return <uint64_t>(t.end - t.at) >= extra or text_grow(t, extra)

cdef inline void text_append(HeapText* t, const void* data, uint64_t size_bytes) noexcept nogil:
    if text_room(t, size_bytes):
        memcpy(t.at, data, size_bytes)
        t.at += size_bytes

cdef inline void text_byte(HeapText* t, uint8_t byte) noexcept nogil:
    if t.at < t.end or text_grow(t, 1):
        t.at[0] = byte
        t.at += 1

cdef inline void text_put(HeapText* t, const char* text) noexcept nogil:
    text_append(t, text, strlen(text))

cdef inline void text_spaces(HeapText* t, uint64_t count) noexcept nogil:
    if text_room(t, count):
        memset(t.at, 32, count)
        t.at += count

cdef inline void text_decimal(HeapText* t, int64_t number) noexcept nogil:
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef int start = write_decimal(number, digits)
    text_append(t, &digits[start], DECIMAL_SIZE - start)

cdef inline void text_context(HeapText* t, uint32_t context) noexcept nogil:
    """Makes the finished text refer to these store paths as well."""
    cdef uint64_t used = <uint64_t>int_value(t.slots[3])
    cdef Word grown
    if context == 0 or t.failed:
        return
    if used and (<uint32_t*>(string_data(t.slots[2]) + used))[-1] == context:
        return
    if used + 4 > string_size(t.slots[2]):
        grown = text_grown(t.m, t.slots[2], used, 4)
        if grown == 0:
            t.failed = True
            return
        t.slots[2] = grown
    (<uint32_t*>(string_data(t.slots[2]) + used))[0] = context
    t.slots[3] = small_int(<int64_t>(used + 4))

cdef inline Word text_finish(HeapText* t) noexcept nogil:
    """Returns the string.  Room that was not needed becomes a dead object.  0, with an error set, if memory is short."""
    cdef uint64_t used = <uint64_t>(t.at - t.start), i, left
    cdef Word* p = pointer_of(t.slots[0])
    cdef Gathered contexts
    cdef uint32_t context
    if t.failed:
        return 0
    memset(&contexts, 0, sizeof(Gathered))
    for i in range(<uint64_t>int_value(t.slots[3]) // 4):
        gather(&contexts, (<uint32_t*>string_data(t.slots[2]))[i])
    context = gathered(t.m, &contexts)
    if contexts.failed:
        raise_text(t.m, ERROR_MEMORY, NULL)
        return 0
    if used == 0 and context == 0:
        return t.m.empty_string
    if t.end == t.start:
        return new_string(t.m, 0, context)
    left = string_words(<uint64_t>(t.end - t.start)) - string_words(used)
    memset(t.at, 0, 8 - (used & 7))
    p[0] = header_of(KIND_STRING, used)
    p[1] = <Word>context << 32
    if left:
        p[string_words(used)] = header_of(KIND_RAW, left - 1)
    return t.slots[0]
