# cython: language_level=3
"""The events of a document, which the readers of JSON and TOML return: the C interface."""
from libc.stdint cimport int64_t, uint8_t

cdef enum Event:
    EVENT_END = 0
    # the document is wrong: the reader has a message
    EVENT_ERROR
    EVENT_BEGIN_OBJECT
    EVENT_END_OBJECT
    EVENT_BEGIN_ARRAY
    EVENT_END_ARRAY
    # Datum.text and Datum.text_size have the name
    EVENT_KEY
    EVENT_STRING
    # only TOML has timestamps; the text is the normalised date or time
    EVENT_TIMESTAMP
    # Datum.integer has the value
    EVENT_INT
    # Datum.number has the value
    EVENT_FLOAT
    EVENT_TRUE
    EVENT_FALSE
    EVENT_NULL

# what the last event carries
cdef struct Datum:
    # not NUL-terminated; text from JSON is valid until the next event, text from TOML as long as the reader
    const uint8_t* text
    size_t text_size
    int64_t integer
    double number


cdef class PythonDocument:
    cdef list stack, keys
    cdef bint add(self, Event event, const Datum* datum) except -1
    cdef object root(self)
