# cython: language_level=3
"""Raising an error writes it into the machine; the loop then takes the trace and unwinds."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset, strlen

from snowsnake.diagnostics.message_forms cimport snow_messages
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.machine.state cimport ERROR_MEMORY, RAISE, Error, Machine


cdef void error_free(Error* e) noexcept nogil:
    cdef uint32_t i
    for i in range(e.trace_count):
        free(e.trace[i].text)
    free(e.trace)
    free(e.candidates)
    free(e.message)


cdef void error_clear(Machine* m) noexcept nogil:
    error_free(&m.error)
    # Zeros are ERROR_NONE, FAULT_OTHER and PART_NONE.
    memset(&m.error, 0, sizeof(Error))
    m.lacks_text = False


cdef int raise_text(Machine* m, int code, char* message) noexcept nogil:
    cdef bint is_short = m.lacks_text
    error_clear(m)
    if is_short:
        free(message)
        message = NULL
    m.error.code = code if message != NULL else ERROR_MEMORY
    m.error.message = message if message != NULL else format_text("out of memory")
    m.error.message_size_bytes = strlen(m.error.message) if m.error.message != NULL else 0
    return RAISE


cdef int raise_message(Machine* m, Worded message) noexcept nogil:
    raise_text(m, snow_messages[message.kind].code, message.text)
    m.error.fault = snow_messages[message.kind].fault
    return RAISE


cdef int raise_bytes(Machine* m, int code, const void* data, size_t size_bytes) noexcept nogil:
    cdef char* copy = <char*>allocate_items(size_bytes + 1, 1)
    if copy == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    memcpy(copy, data, size_bytes)
    copy[size_bytes] = 0
    error_clear(m)
    m.error.code = code
    m.error.message = copy
    m.error.message_size_bytes = size_bytes
    return RAISE


cdef void add_candidates(Machine* m, uint32_t wanted, const uint32_t* symbols, uint64_t count) noexcept nogil:
    cdef uint32_t* copy = <uint32_t*>allocate_items(count, sizeof(uint32_t))
    if copy == NULL or m.error.code == ERROR_MEMORY:
        free(copy)
        # The error has no suggestions then.
        return
    memcpy(copy, symbols, count * sizeof(uint32_t))
    free(m.error.candidates)
    m.error.candidates = copy
    m.error.candidate_count = <uint32_t>count
    m.error.wanted = wanted


cdef int of_part(Machine* m, int part, int outcome) noexcept nogil:
    if outcome == RAISE:
        m.error.part = <uint8_t>part
    return outcome


