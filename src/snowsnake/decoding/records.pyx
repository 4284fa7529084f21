# cython: language_level=3
"""Plans of sets with known attributes, and of unions of types.

In: the value on top of the machine's stack.  Out: objects of classes, or DecodeError.
"""
from cpython.dict cimport PyDict_SetItem
from cpython.object cimport PyObject, PyObject_GenericSetAttr
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport uint32_t, uint64_t

from snowsnake.decoding.decoder cimport Decoder, Plan, kind_number, text_of, KIND_INT, KIND_SET
from snowsnake.decoding.scalars cimport Float, String
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.heap cimport push
from snowsnake.machine.state cimport Machine, RAISE
from snowsnake.machine.word cimport Word, attrs_find, attrs_keys, attrs_size, int_value, is_attrs, is_int, is_string, keys_symbols

cdef extern from "Python.h":
    object PyObject_Vectorcall(object callable, PyObject* const* arguments, size_t count, PyObject* names)

from snowsnake.decoding.decoder import ANY
from snowsnake.decoding.error import DecodeError
from snowsnake.diagnostics.error import EvaluationError

_new_object = object.__new__


cdef enum:
    # A record with more fields is always made from a dict (BY_CALL).
    MOST_FIELDS = 64
    # We call `make` with a dict of the attributes that are there; it returns the object.
    BY_CALL = 0
    # We call `make(name=…, …)`, which returns the object: every field has a value.
    BY_NAMES = 1
    # We make the object without `__init__`, and set its fields.
    BY_SETTING = 2


cdef class RecordPlan(Plan):
    """A set with known attributes.

    `make` makes the object of a dict of the attributes that are there; `build` chooses a faster way.  `closed`: no other attributes are
    allowed.  `tag`: (name, value) of an attribute that distinguishes the members of a union.
    """

    cdef list fields
    cdef object make
    cdef int way
    cdef tuple names_of_fields
    # If this is not None, we call it with the object after we set its fields.
    cdef object after
    cdef bint closed
    cdef object tag
    cdef uint32_t tag_symbol

    def __cinit__(self, Decoder d not None, str expected, make, bint closed=False, tag=None):
        self.expected = expected
        self.kinds = KIND_SET
        self.make = make
        self.closed = closed
        self.tag = tag
        self.tag_symbol = d.symbol(tag[0].encode()) if tag is not None else 0
        self.fields = []
        self.way = BY_CALL

    def add(self, bytes name not None, str python_name, Plan plan not None, bint is_required):
        """Adds a field.  If the attribute is missing, the field is left out, unless `add_default` follows."""
        self.fields.append(Field(self.d.symbol(name), name.decode("utf-8", "surrogateescape"), python_name, plan, is_required))

    def add_default(self, default, bint is_call):
        """Sets the default of the field that was added last: a value, or (`is_call`) a function that makes one."""
        if not self.fields:
            raise ValueError("there is no field yet")
        (<Field>self.fields[len(self.fields) - 1]).default = default
        (<Field>self.fields[len(self.fields) - 1]).default_kind = 2 if is_call else 1

    def build(self, make, bint is_plain, after=None):
        """Makes objects without a dict, if there are not too many fields.  Every field must be required or have a default.

        `make` is called with all fields as keywords; if it `is_plain`, it is a class, whose objects are made without a call of __init__.
        """
        if len(self.fields) <= MOST_FIELDS:
            self.make = make
            self.names_of_fields = tuple([(<Field>field).python_name for field in self.fields])
            self.way = BY_SETTING if is_plain else BY_NAMES
            self.after = after

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Word* p
        cdef Machine* m = self.d.m
        cdef ptrdiff_t height = m.sp - m.stack_base
        cdef Field field = None
        cdef dict found = None
        cdef PyObject* items[MOST_FIELDS]
        cdef Py_ssize_t count = 0, i
        if not is_attrs(w):
            return self.wrong()
        if self.way == BY_CALL:
            found = {}
        self.d.enter_level()
        try:
            if self.tag is not None:
                self.check_tag()
            for field in self.fields:
                p = attrs_find(m.sp[-1], field.symbol)
                if p != NULL:
                    push(m, p[0])
                    item = field.plan.decode()
                    m.sp -= 1
                elif field.is_required:
                    raise DecodeError(f"an attribute '{field.name}' of {self.expected}", self.names())
                elif field.default_kind == 1:
                    item = field.default
                elif field.default_kind == 2:
                    item = field.default()
                else:
                    continue
                if found is not None:
                    PyDict_SetItem(found, field.python_name, item)
                else:
                    Py_INCREF(item)
                    items[count] = <PyObject*>item
                    count += 1
            field = None
            if self.closed:
                self.check_closed()
            return self.made(found, items)
        except BaseException as error:
            m.sp = m.stack_base + height
            if field is not None and attrs_find(m.sp[-1], field.symbol) != NULL:
                self.d.explain(error, field.name, m.sp[-1], field.symbol)
            raise
        finally:
            for i in range(count):
                Py_XDECREF(items[i])
            self.d.levels -= 1

    cdef object made(self, dict found, PyObject** items):
        cdef Py_ssize_t i
        try:
            if self.way == BY_CALL:
                return self.make(found)
            if self.way == BY_NAMES:
                return PyObject_Vectorcall(self.make, items, 0, <PyObject*>self.names_of_fields)
            made = _new_object(self.make)
            for i in range(len(self.names_of_fields)):
                PyObject_GenericSetAttr(made, self.names_of_fields[i], <object>items[i])
            if self.after is not None:
                self.after(made)
            return made
        except (EvaluationError, RecursionError):
            raise
        except (ValueError, TypeError) as error:
            raise DecodeError(f"{self.expected} ({error})", "these attributes") from error

    cdef str names(self):
        cdef Word w = self.d.m.sp[-1]
        cdef uint32_t* order = attrs_order(self.d.m, w)
        cdef uint64_t i, n = attrs_size(w)
        if order == NULL:
            self.d.evaluator.check(RAISE)
        w = self.d.m.sp[-1]
        shown = [f"'{self.d.name_of(keys_symbols(attrs_keys(w))[order[i]])}'" for i in range(min(n, 8))]
        return "a set with " + ", ".join(shown) + (f" and {n - 8} more" if n > 8 else "") if n else "an empty set"

    cdef int check_closed(self) except -1:
        cdef Word w = self.d.m.sp[-1]
        cdef uint32_t* order = attrs_order(self.d.m, w)
        cdef uint64_t i
        if order == NULL:
            self.d.evaluator.check(RAISE)
        w = self.d.m.sp[-1]
        known = {(<Field>field).symbol for field in self.fields}
        if self.tag is not None:
            known.add(self.tag_symbol)
        for i in range(attrs_size(w)):
            if keys_symbols(attrs_keys(w))[order[i]] not in known:
                name = self.d.name_of(keys_symbols(attrs_keys(w))[order[i]])
                error = DecodeError(f"no other attribute of {self.expected}", f"the attribute '{name}'")
                self.d.explain(error, name, w, keys_symbols(attrs_keys(w))[order[i]])
                raise error
        return 0

    cdef int check_tag(self) except -1:
        """Raises DecodeError if the tag has another value.  It may be missing: a struct outside a union needs no tag."""
        if self.read_tag(self.tag_symbol, ANY) not in (self.tag[1], ANY):
            raise DecodeError(f"{self.tag[0]} = {self.tag[1]!r} of {self.expected}", "another one")
        return 0

    cdef object read_tag(self, uint32_t symbol, default):
        cdef Word* p = attrs_find(self.d.m.sp[-1], symbol)
        cdef Word w
        if p == NULL:
            return default
        push(self.d.m, p[0])
        w = self.d.forced()
        self.d.m.sp -= 1
        return text_of(w) if is_string(w) else int_value(w) if is_int(w) else None


cdef class Field:
    def __cinit__(self, uint32_t symbol, str name not None, python_name, Plan plan not None, bint is_required):
        self.symbol = symbol
        self.name = name
        self.python_name = python_name
        self.plan = plan
        self.is_required = is_required

    def __reduce__(self):
        raise TypeError("a field belongs to its plan")


cdef class Either(Plan):
    """One of several types.  The kind of the value decides; if several types accept the kind, a tag decides, or the first type that fits."""

    cdef list plans
    # Each kind of value leads to the plans that accept it.
    cdef list by_kind
    # The value of the tag leads to the plan; this is None if there are no tags.
    cdef dict by_tag
    cdef uint32_t tag_symbol

    def __cinit__(self, Decoder d not None, str expected, list plans not None):
        cdef int kinds = 0
        for plan in plans:
            kinds |= (<Plan>plan).kinds
        self.expected = expected
        self.kinds = kinds
        self.plans = plans
        self.by_kind = [_fitting(plans, 1 << number) for number in range(9)]
        tagged = [plan for plan in plans if isinstance(plan, RecordPlan) and (<RecordPlan>plan).tag is not None]
        self.by_tag = {(<RecordPlan>plan).tag[1]: plan for plan in tagged} if tagged else None
        self.tag_symbol = (<RecordPlan>tagged[0]).tag_symbol if tagged else 0

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        cdef ptrdiff_t height
        cdef list fitting = self.by_kind[kind_number(w)]
        if len(fitting) == 1:
            return (<Plan>fitting[0]).decode()
        if self.by_tag is not None and is_attrs(w) and attrs_find(w, self.tag_symbol) != NULL:
            only = self.by_tag.get((<RecordPlan>next(iter(self.by_tag.values()))).read_tag(self.tag_symbol, None))
            return self.wrong() if only is None else (<Plan>only).decode()
        height = m.sp - m.stack_base
        last = None
        for plan in fitting:
            try:
                return (<Plan>plan).decode()
            except DecodeError as error:
                m.sp = m.stack_base + height
                last = error if last is None or len(error.path) > len(last.path) else last
        if last is not None and last.path:
            raise last
        return self.wrong()


cdef list _fitting(list plans, int bit):
    """The plans that accept a kind of value.  An int becomes a float, and a set a text, only if no other plan accepts it."""
    fitting = [plan for plan in plans if (<Plan>plan).kinds & bit]
    if bit == KIND_INT:
        better = [plan for plan in fitting if not isinstance(plan, Float)]
    elif bit == KIND_SET:
        better = [plan for plan in fitting if not isinstance(plan, String)]
    else:
        better = fitting
    return better or fitting
