# cython: language_level=3
"""Plans of single values: lazy values, plain data, numbers, texts, enumerations, and types that another library makes.

In: the value on top of the machine's stack.  Out: a Python object, or DecodeError.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize

from snowsnake.decoding.decoder cimport Decoder, Plan, text_of, KIND_NULL, KIND_BOOL, KIND_INT, KIND_FLOAT, KIND_STRING, KIND_SET, KIND_PATH
from snowsnake.handle cimport Handle, make_handle
from snowsnake.machine.internals cimport INTERNAL_COERCE, INTERNAL_DEEP_FORCE
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport (
    WORD_NULL, WORD_TRUE, Word, attrs_find, float_value, int_value, is_attrs, is_bool, is_float, is_int,
    is_path, is_string, path_string, string_data, string_size,
)

from snowsnake.decoding.decoder import ANY, EVERY
from snowsnake.decoding.error import DecodeError
from snowsnake.diagnostics.error import EvaluationError


cdef class Lazy(Plan):
    """A value that stays lazy."""

    def __cinit__(self, Decoder d not None):
        self.expected = "a value"
        self.kinds = EVERY

    cdef object decode(self):
        return self.d.wrap(make_handle(self.d.evaluator, self.d.m.sp[-1]))


cdef class Anything(Plan):
    """Plain data, as `to_python` returns it."""

    def __cinit__(self, Decoder d not None):
        self.expected = "anything"
        self.kinds = EVERY

    cdef object decode(self):
        cdef Word w = self.d.called(INTERNAL_DEEP_FORCE)
        cdef Handle handle = make_handle(self.d.evaluator, w)
        return handle.convert(w, self.d.wrap)


cdef class Null(Plan):
    def __cinit__(self, Decoder d not None):
        self.expected = "null"
        self.kinds = KIND_NULL

    cdef object decode(self):
        return None if self.d.forced() == WORD_NULL else self.wrong()


cdef class Boolean(Plan):
    def __cinit__(self, Decoder d not None):
        self.expected = "a Boolean"
        self.kinds = KIND_BOOL

    cdef object decode(self):
        cdef Word w = self.d.forced()
        return w == WORD_TRUE if is_bool(w) else self.wrong()


cdef class Int(Plan):
    cdef object check

    def __cinit__(self, Decoder d not None, str expected="an integer", check=None):
        self.expected = expected
        self.kinds = KIND_INT
        self.check = check

    cdef object decode(self):
        cdef Word w = self.d.forced()
        if not is_int(w):
            return self.wrong()
        number = int_value(w)
        if self.check is not None and not self.check(number):
            return self.wrong()
        return number


cdef class Float(Plan):
    """A float; an int is accepted, too, as in JSON."""

    def __cinit__(self, Decoder d not None, str expected="a float", check=None):
        self.expected = expected
        self.kinds = KIND_FLOAT | KIND_INT
        self.check = check

    cdef object decode(self):
        cdef Word w = self.d.forced()
        if is_float(w):
            number = float_value(w)
        elif is_int(w):
            number = <double>int_value(w)
        else:
            return self.wrong()
        if self.check is not None and not self.check(number):
            return self.wrong()
        return number


cdef class String(Plan):
    """A string, the text of a path, or the string to which a set (such as a derivation) is coerced.  `make` turns the text into the object."""

    def __cinit__(self, Decoder d not None, str expected="a string", check=None, make=None, bint is_bytes=False):
        self.expected = expected
        self.kinds = KIND_STRING | KIND_PATH | KIND_SET
        self.check = check
        self.make = make
        self.is_bytes = is_bytes

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        if is_string(w):
            pass
        elif is_path(w):
            w = path_string(w)
        elif is_attrs(w) and (attrs_find(w, m.symbol_out_path) != NULL or attrs_find(w, m.symbol_to_string) != NULL):
            w = self.d.called(INTERNAL_COERCE)
        if not is_string(w):
            return self.wrong()
        if self.is_bytes:
            text = PyBytes_FromStringAndSize(<char*>string_data(w), string_size(w))
        else:
            text = text_of(w)
        if self.check is not None and not self.check(text):
            return self.wrong()
        if self.make is None:
            return text
        try:
            return self.make(text)
        except (ValueError, TypeError):
            return self.wrong()


cdef class Choice(Plan):
    """A member of an enum or a Literal: one of some strings, numbers, Booleans or null."""

    # A pair (whether the value is a Boolean, the value) leads to the member, because True and 1 are equal in Python.
    cdef dict members
    cdef object missing

    def __cinit__(self, Decoder d not None, str expected, dict members not None, int kinds, missing=None):
        self.expected = expected
        self.kinds = kinds
        self.members = members
        self.missing = missing

    cdef object decode(self):
        cdef Word w = self.d.forced()
        if is_string(w):
            plain = text_of(w)
        elif is_int(w):
            plain = int_value(w)
        elif is_bool(w):
            plain = w == WORD_TRUE
        elif w == WORD_NULL:
            plain = None
        elif is_float(w):
            plain = float_value(w)
        else:
            return self.wrong()
        found = self.members.get((is_bool(w), plain), ANY)
        if found is ANY:
            if self.missing is None:
                return self.wrong()
            try:
                return self.missing(plain)
            except ValueError:
                return self.wrong()
        return found


cdef class Convert(Plan):
    """A type that another library makes: the function `make` gets plain data and returns the object."""

    cdef Plan inner
    cdef object make

    def __cinit__(self, Decoder d not None, str expected, Plan inner not None, make):
        self.expected = expected
        self.kinds = inner.kinds
        self.inner = inner
        self.make = make

    cdef object decode(self):
        plain = self.inner.decode()
        try:
            return self.make(plain)
        except (EvaluationError, RecursionError):
            raise
        except (ValueError, TypeError) as error:
            return self.complain(error)

    cdef object complain(self, object error):
        """Raises a DecodeError.  If the library's error has a list of details (as pydantic's has), the first one says where the fault is."""
        details = error.errors() if hasattr(error, "errors") else []
        for detail in details:
            path = tuple([step if isinstance(step, int) else str(step) for step in reversed(detail["loc"])])
            raise DecodeError(f"{self.expected} ({detail['msg']})", repr(detail["input"])[:100], path) from error
        raise DecodeError(f"{self.expected} ({error})", self.d.described()) from error
