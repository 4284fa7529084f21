# cython: language_level=3
"""A document as a Python value, built from a reader's events.

In: events.  Out: lists, dictionaries in which the last of equal keys counts, numbers, True, False, None; strings as bytes, dates and times
of TOML as `("timestamp", text)`.
"""


cdef class PythonDocument:
    """The containers that are open, and the keys of those that will be attributes."""

    def __cinit__(self):
        self.stack = [[]]
        self.keys = []

    cdef object root(self):
        return self.stack[0][0]

    cdef bint add(self, Event event, const Datum* datum) except -1:
        """Takes an event, which must not be EVENT_END or EVENT_ERROR."""
        if event == EVENT_KEY:
            self.keys.append(<bytes>datum.text[:datum.text_size])
            return True
        if event == EVENT_BEGIN_ARRAY or event == EVENT_BEGIN_OBJECT:
            self.stack.append([] if event == EVENT_BEGIN_ARRAY else {})
            return True
        if event == EVENT_END_ARRAY or event == EVENT_END_OBJECT:
            value = self.stack.pop()
        elif event == EVENT_STRING:
            value = <bytes>datum.text[:datum.text_size]
        elif event == EVENT_TIMESTAMP:
            value = ("timestamp", <bytes>datum.text[:datum.text_size])
        elif event == EVENT_INT:
            value = datum.integer
        elif event == EVENT_FLOAT:
            value = datum.number
        else:
            value = None if event == EVENT_NULL else event == EVENT_TRUE
        top = self.stack[len(self.stack) - 1]
        if type(top) is list:
            top.append(value)
        else:
            top[self.keys.pop()] = value
        return True
