# cython: language_level=3
"""Follows plans through the machine's words.

In: plans of `plans.py`, a handle.  Out: Python objects.  The value that a plan looks at stands on top of the machine's stack, where the
collector finds it; a plan forces it there and leaves the stack as high as it was.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_SetItem
from cpython.object cimport PyObject, PyObject_GenericSetAttr
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free

from snowsnake.handle cimport Handle, make_handle
from snowsnake.machine.attention cimport must_stop
from snowsnake.machine.attrs cimport attrs_order, attrs_position
from snowsnake.machine.descriptions cimport describe
from snowsnake.machine.heap cimport pop, push
from snowsnake.machine.internals cimport INTERNAL_COERCE, INTERNAL_DEEP_FORCE
from snowsnake.machine.loop cimport machine_call, machine_force
from snowsnake.machine.state cimport DONE, Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_NULL, WORD_TRUE, Word, attrs_find, attrs_keys, attrs_size, attrs_values, float_value, int_value,
    is_attrs, is_bool, is_float, is_int, is_list, is_path, is_string, is_thunk, keys_symbols, list_items,
    list_size, path_string, string_data, string_size, tagged, val,
)
from snowsnake.runner cimport Runner

cdef extern from "Python.h":
    object PyObject_Vectorcall(object callable, PyObject* const* arguments, size_t count, PyObject* names)

from snowsnake.decoding.error import DecodeError
from snowsnake.diagnostics.error import EvaluationError

cdef enum:
    MARGIN_WORDS = 4096               # of the stack, for what is forced
    MOST_LEVELS = 1000                # of lists and sets in each other: the C stack holds more
_new_object = object.__new__
ANY = object()                        # of constraints: none
_EMPTY = ()


cdef str text_of(Word s):
    return PyUnicode_DecodeUTF8(<char*>string_data(s), string_size(s), "surrogateescape")


cdef class Decoder:
    """What the plans of one type share: the machine, and what lazy values become."""

    cdef Runner evaluator
    cdef Machine* m
    cdef object wrap
    cdef dict names                   # texts of symbols
    cdef Plan root
    cdef list faults                  # of a query: (path, error); else None
    cdef list way                     # where a query is
    cdef int levels                   # that are being decoded

    def __cinit__(self, Runner evaluator not None):
        self.evaluator = evaluator
        self.m = evaluator.machine()
        self.names = {}
        self.way = []

    def __reduce__(self):
        raise TypeError("a decoder belongs to its evaluator")

    def use(self, Plan root not None):
        """The plan of the whole."""
        self.root = root
        return self

    def decode(self, Handle handle not None, wrap):
        """An object of the type.  `wrap(handle)` makes lazy values.  DecodeError, or the program's own error."""
        return self.follow(handle, wrap)

    def query(self, Handle handle not None, wrap):
        """What the selector finds, and [(path, error)]."""
        self.faults = []
        self.way = []
        try:
            found = self.follow(handle, wrap)
            return found, self.faults
        finally:
            self.faults = None

    cdef object follow(self, Handle handle, wrap):
        cdef Machine* m = self.m
        cdef ptrdiff_t height
        if handle.evaluator is not self.evaluator:
            raise ValueError("a value of another evaluator")
        if self.root is None:
            raise ValueError("this decoder has no plan")
        self.evaluator.enter()
        try:
            height = m.sp - m.stack_base
            self.wrap = wrap
            self.levels = 0
            self.evaluator.start_run()
            try:
                push(m, m.handles[handle.slot])
                return self.root.decode()
            except DecodeError as error:
                error.path = tuple(reversed(error.path))
                raise
            except EvaluationError as error:
                steps = getattr(error, "_decoding", None)
                if steps:
                    from snowsnake.decoding.error import path_text

                    error.notes.append(f"while decoding {path_text(tuple(reversed(steps)))}")
                raise
            finally:
                m.sp = m.stack_base + height
                self.wrap = None
                self.evaluator.finish_run(DONE)
        finally:
            self.evaluator.leave()

    cdef object beside_faults(self, Plan plan, Word w, step):
        """What a part of a query finds; its fault is noted, and it is ABSENT.  Limits and interrupts end the whole."""
        cdef Machine* m = self.m
        cdef ptrdiff_t height = m.sp - m.stack_base
        push(m, w)
        self.way.append(step)
        try:
            return plan.decode()
        except EvaluationError as error:
            if error.code in ("interrupt", "timeout", "memory"):
                raise
            m.sp = m.stack_base + height
            self.note(error, tuple(reversed(error.path if isinstance(error, DecodeError) else getattr(error, "_decoding", ()))))
            return ABSENT
        finally:
            self.way.pop()
            m.sp = m.stack_base + height

    cdef object note(self, object error, tuple steps):
        path = (*self.way, *steps)
        if isinstance(error, DecodeError):
            error.path = path
        self.faults.append((path, error))
        return None

    cdef int enter_level(self) except -1:
        if self.levels >= MOST_LEVELS:
            raise DecodeError(f"at most {MOST_LEVELS} levels of lists and sets", "more, or a value that contains itself")
        self.levels += 1
        return 0

    # ---- words --------------------------------------------------------------------------------------------------

    cdef Word forced(self) except? 0x57:
        """The top of the stack, evaluated there."""
        cdef Machine* m = self.m
        cdef Word w = val(m.sp[-1])
        cdef int outcome
        if not is_thunk(w):
            m.sp[-1] = w              # seen through what led to it
            return w
        if m.sp + MARGIN_WORDS > m.stack_end:
            raise RecursionError("a value nested too deep to be decoded")
        with nogil:
            outcome = machine_force(m, w)
        if outcome != DONE:
            self.evaluator.check(outcome)
        w = val(m.result)
        m.sp[-1] = w
        return w

    cdef Word called(self, int which) except? 0x57:
        """What an internal builtin makes of the top of the stack; it replaces it."""
        cdef Machine* m = self.m
        cdef int outcome
        push(m, m.sp[-1])
        push(m, m.internals[which])
        with nogil:
            outcome = machine_call(m, 1)
        if outcome != DONE:
            self.evaluator.check(outcome)
        m.sp[-1] = val(m.result)
        return m.sp[-1]

    cdef object mismatch(self, object expected):
        """Raises what is wrong with the top of the stack."""
        cdef char* text = describe(self.m, val(self.m.sp[-1]))
        if text == NULL:
            raise MemoryError
        try:
            found = (<bytes>text).decode("utf-8", "replace")
        finally:
            free(text)
        raise DecodeError(expected, found)

    cdef str name_of(self, uint32_t symbol):
        name = self.names.get(symbol)
        if name is None:
            name = text_of(symbol_string(self.m, symbol))
            self.names[symbol] = name
        return <str>name

    cdef object explain(self, object error, object step, Word attrs, uint32_t symbol):
        """Adds a step of the way to an error, and the place of the innermost attribute."""
        cdef uint32_t position
        if isinstance(error, DecodeError):
            error.path += (step,)
            if error.position is None and is_attrs(attrs) and attrs_find(attrs, symbol) != NULL:
                position = attrs_position(attrs, symbol)
                if position:
                    error.position = self.place(position)
        elif isinstance(error, EvaluationError):
            steps = getattr(error, "_decoding", None)
            if steps is None:
                steps = error._decoding = []
            steps.append(step)
        return None

    cdef object place(self, uint32_t position):
        from snowsnake.source import Position
        from snowsnake.traces.pending import Places

        found = Places(<size_t>self.m).place(position, 0)
        return None if found is None else Position(*found)

    def symbol(self, bytes name not None):
        """The number of a name."""
        cdef uint32_t symbol = symbol_intern(self.m, <const char*>name, len(name))
        self.evaluator.check(DONE)
        return symbol


cdef class Plan:
    """How one type is made of a value."""

    cdef Decoder d
    cdef readonly str expected        # as messages call it: "an integer"
    cdef readonly int kinds           # of words that may fit, as bits of `kind_bit`

    def __cinit__(self, Decoder d not None, *rest, **named):
        self.d = d

    def __reduce__(self):
        raise TypeError("a plan belongs to its decoder")

    cdef object decode(self):
        raise NotImplementedError

    cdef object wrong(self):
        return self.d.mismatch(self.expected)


NULL_KIND, BOOL, INT, FLOAT, STRING, LIST, SET, FUNCTION, PATH = (1 << i for i in range(9))
EVERY = 511
cdef int _NULL = 1, _BOOL = 2, _INT = 4, _FLOAT = 8, _STRING = 16, _LIST = 32, _SET = 64, _FUNCTION = 128, _PATH = 256


cdef int kind_number(Word w) noexcept:
    """Of the bits above, which one."""
    if is_string(w):
        return 4
    if is_attrs(w):
        return 6
    if is_int(w):
        return 2
    if is_bool(w):
        return 1
    if w == WORD_NULL:
        return 0
    if is_list(w):
        return 5
    if is_float(w):
        return 3
    return 8 if is_path(w) else 7


# ---- scalars ----------------------------------------------------------------------------------------------------

cdef class Lazy(Plan):
    """A value, as it is."""

    def __cinit__(self, Decoder d not None):
        self.expected = "a value"
        self.kinds = EVERY

    cdef object decode(self):
        return self.d.wrap(make_handle(self.d.evaluator, self.d.m.sp[-1]))


cdef class Anything(Plan):
    """Plain data: what `to_python` makes."""

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
        self.kinds = _NULL

    cdef object decode(self):
        return None if self.d.forced() == WORD_NULL else self.wrong()


cdef class Boolean(Plan):
    def __cinit__(self, Decoder d not None):
        self.expected = "a Boolean"
        self.kinds = _BOOL

    cdef object decode(self):
        cdef Word w = self.d.forced()
        return w == WORD_TRUE if is_bool(w) else self.wrong()


cdef class Int(Plan):
    cdef object check

    def __cinit__(self, Decoder d not None, str expected="an integer", check=None):
        self.expected = expected
        self.kinds = _INT
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
    """An int is a float, too, as in JSON."""

    cdef object check

    def __cinit__(self, Decoder d not None, str expected="a float", check=None):
        self.expected = expected
        self.kinds = _FLOAT | _INT
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


cdef class Text(Plan):
    """A string; a path as its text, and what can be coerced (a derivation) as its string.  `make`: what is made of the text."""

    cdef object check
    cdef object make
    cdef bint is_bytes

    def __cinit__(self, Decoder d not None, str expected="a string", check=None, make=None, bint is_bytes=False):
        self.expected = expected
        self.kinds = _STRING | _PATH | _SET
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
    """One of some strings, ints, Booleans or null: of an enum or Literal."""

    cdef dict members                 # (is it a bool?, value) → member
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
    """Plain data, of which a function makes an object: types that somebody else knows."""

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
        """A library's own report, if it has one, has the way to what it means."""
        details = error.errors() if hasattr(error, "errors") else []
        for detail in details:
            raise DecodeError(f"{self.expected} ({detail['msg']})", repr(detail["input"])[:100], tuple([step if isinstance(step, int) else str(step) for step in reversed(detail["loc"])])) from error
        raise DecodeError(f"{self.expected} ({error})", self.found()) from error

    cdef str found(self):
        cdef char* text = describe(self.d.m, val(self.d.m.sp[-1]))
        if text == NULL:
            raise MemoryError
        try:
            return (<bytes>text).decode("utf-8", "replace")
        finally:
            free(text)


# ---- containers -------------------------------------------------------------------------------------------------

cdef class Items(Plan):
    """A list whose elements have one type; `make` makes of a list what is wanted (None: a list)."""

    cdef Plan item
    cdef object make
    cdef object check

    def __cinit__(self, Decoder d not None, str expected, Plan item not None, make=None, check=None):
        self.expected = expected
        self.kinds = _LIST
        self.item = item
        self.make = make
        self.check = check

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        cdef uint64_t i, n
        if not is_list(w):
            return self.wrong()
        n = list_size(w)
        if self.check is not None and not self.check(n):
            return self.wrong()
        cdef list found = []
        self.d.enter_level()
        try:
            for i in range(n):
                if must_stop(m):
                    self.d.evaluator.look()
                push(m, list_items(m.sp[-1])[i])
                found.append(self.item.decode())
                m.sp -= 1
        except BaseException as error:
            self.d.explain(error, i, WORD_NULL, 0)
            raise
        finally:
            self.d.levels -= 1
        return found if self.make is None else self.make(found)


cdef class Tuple(Plan):
    """A list of so many elements, each with its type.  `make`: of a named tuple."""

    cdef tuple items
    cdef object make
    cdef uint64_t least
    cdef Plan by_name                 # of a named tuple: what makes it of a set

    def __cinit__(self, Decoder d not None, str expected, tuple items not None, make=None, least=None, Plan by_name=None):
        self.expected = expected
        self.kinds = _LIST if by_name is None else _LIST | _SET
        self.items = items
        self.make = make
        self.least = len(items) if least is None else least
        self.by_name = by_name

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        cdef uint64_t i, n
        if self.by_name is not None and is_attrs(w):
            return self.by_name.decode()
        if not is_list(w):
            return self.wrong()
        n = list_size(w)
        if n < self.least or n > <uint64_t>len(self.items):
            return self.wrong()
        cdef list found = []
        self.d.enter_level()
        try:
            for i in range(n):
                push(m, list_items(m.sp[-1])[i])
                found.append((<Plan>self.items[i]).decode())
                m.sp -= 1
        except BaseException as error:
            self.d.explain(error, i, WORD_NULL, 0)
            raise
        finally:
            self.d.levels -= 1
        return tuple(found) if self.make is None else self.make(*found)


cdef class Table(Plan):
    """A set whose attributes have one type, as a dict; `key`: what is made of a name (None: it stays)."""

    cdef Plan item
    cdef object key
    cdef object check

    def __cinit__(self, Decoder d not None, str expected, Plan item not None, key=None, check=None):
        self.expected = expected
        self.kinds = _SET
        self.item = item
        self.key = key
        self.check = check

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        cdef ptrdiff_t height = m.sp - m.stack_base
        cdef uint32_t* order
        cdef uint32_t symbol = 0
        cdef uint64_t i, n
        if not is_attrs(w):
            return self.wrong()
        n = attrs_size(w)
        if self.check is not None and not self.check(n):
            return self.wrong()
        cdef dict found = {}
        name = None
        self.d.enter_level()
        try:
            for i in range(n):
                if must_stop(m):
                    self.d.evaluator.look()
                w = m.sp[-1]
                order = attrs_order(m, w)
                if order == NULL:
                    self.d.evaluator.check(RAISE)
                symbol = keys_symbols(attrs_keys(w))[order[i]]
                name = self.d.name_of(symbol)
                push(m, attrs_values(w)[order[i]])
                item = self.item.decode()
                m.sp -= 1
                if self.key is None:
                    PyDict_SetItem(found, name, item)
                else:
                    found[self.keyed(name)] = item
        except BaseException as error:
            m.sp = m.stack_base + height
            if name is not None:
                self.d.explain(error, name, m.sp[-1], symbol)
            raise
        finally:
            self.d.levels -= 1
        return found

    cdef object keyed(self, name):
        try:
            return self.key(name)
        except (ValueError, TypeError):
            raise DecodeError(f"{self.expected}", f"the name '{name}'") from None


cdef enum:
    MOST_FIELDS = 64                  # that a record makes without a dict
    BY_CALL = 0                       # make(dict of what was found)
    BY_NAMES = 1                      # make(name=…, …): every field has a value
    BY_SETTING = 2                    # an object without __init__, whose fields are set


cdef class Record(Plan):
    """A set with known attributes.

    `make` makes the object of a dict of what was found; with `names`, a tuple of all fields' names, it is called with all of them as keywords,
    or, if it `is_plain`, it is a class whose objects are made by setting them.  `closed`: other attributes are wrong; `tag`: (name, value) of
    an attribute that tells which it is.
    """

    cdef list fields
    cdef object make
    cdef int way
    cdef tuple names_of_fields
    cdef object after                 # called with an object whose fields were set, or None
    cdef bint closed
    cdef object tag
    cdef uint32_t tag_symbol

    def __cinit__(self, Decoder d not None, str expected, make, bint closed=False, tag=None):
        self.expected = expected
        self.kinds = _SET
        self.make = make
        self.closed = closed
        self.tag = tag
        self.tag_symbol = d.symbol(tag[0].encode()) if tag is not None else 0
        self.fields = []
        self.way = BY_CALL

    def add(self, bytes name not None, str python_name, Plan plan not None, bint is_required):
        """One more field; what is not there is left out, unless `add_default` follows."""
        self.fields.append(Field(self.d.symbol(name), name.decode("utf-8", "surrogateescape"), python_name, plan, is_required))

    def add_default(self, default, bint is_call):
        """Of the field that was added last: a value, or what makes one."""
        if not self.fields:
            raise ValueError("there is no field yet")
        (<Field>self.fields[len(self.fields) - 1]).default = default
        (<Field>self.fields[len(self.fields) - 1]).default_kind = 2 if is_call else 1

    def build(self, make, bint is_plain, after=None):
        """Every field is required or has a default: objects can be made without a dict."""
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
        """A tag that is there must be right; a struct that no union holds may lack it."""
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
    cdef uint32_t symbol
    cdef str name
    cdef str python_name
    cdef Plan plan
    cdef bint is_required
    cdef int default_kind             # 0: the class knows it; 1: a value; 2: made by a call
    cdef object default

    def __cinit__(self, uint32_t symbol, str name not None, python_name, Plan plan not None, bint is_required):
        self.symbol = symbol
        self.name = name
        self.python_name = python_name
        self.plan = plan
        self.is_required = is_required

    def __reduce__(self):
        raise TypeError("a field belongs to its plan")


cdef class Either(Plan):
    """One of several types: by the kind of the value; among those that take it by a tag, or the first that fits."""

    cdef list plans
    cdef list by_kind                 # for each kind of value the plans that take it
    cdef dict by_tag                  # value of the tag → plan, or None
    cdef uint32_t tag_symbol

    def __cinit__(self, Decoder d not None, str expected, list plans not None):
        cdef int kinds = 0
        for plan in plans:
            kinds |= (<Plan>plan).kinds
        self.expected = expected
        self.kinds = kinds
        self.plans = plans
        self.by_kind = [_fitting(plans, 1 << number) for number in range(9)]
        tagged = [plan for plan in plans if isinstance(plan, Record) and (<Record>plan).tag is not None]
        self.by_tag = {(<Record>plan).tag[1]: plan for plan in tagged} if tagged else None
        self.tag_symbol = (<Record>tagged[0]).tag_symbol if tagged else 0

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        cdef ptrdiff_t height
        cdef list fitting = self.by_kind[kind_number(w)]
        if len(fitting) == 1:
            return (<Plan>fitting[0]).decode()
        if self.by_tag is not None and is_attrs(w) and attrs_find(w, self.tag_symbol) != NULL:
            only = self.by_tag.get((<Record>next(iter(self.by_tag.values()))).read_tag(self.tag_symbol, None))
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
    """Of the plans those that take a kind of value: an int is a float, and a set a text, only if nothing else takes it."""
    fitting = [plan for plan in plans if (<Plan>plan).kinds & bit]
    if bit == _INT:
        better = [plan for plan in fitting if not isinstance(plan, Float)]
    elif bit == _SET:
        better = [plan for plan in fitting if not isinstance(plan, Text)]
    else:
        better = fitting
    return better or fitting


# ---- queries ----------------------------------------------------------------------------------------------------

ABSENT = object()                     # what a selector did not find


cdef class Select(Plan):
    """Some attributes by name.  `names`: (name, key, is optional, plan).  `single`: the value itself instead of a dict."""

    cdef list names
    cdef bint single

    def __cinit__(self, Decoder d not None, names, bint single):
        self.expected = "a set"
        self.kinds = _SET | _LIST
        self.names = [Field(d.symbol(name.encode("utf-8", "surrogateescape")), name, key, plan, not is_optional)
                      for name, key, is_optional, plan in names]
        self.single = single

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        cdef Field field
        cdef Word* p
        cdef bint is_set = is_attrs(w)
        if not (is_set or is_list(w)):
            return self.wrong()
        found = {}
        for field in self.names:
            if is_set:
                p = attrs_find(m.sp[-1], field.symbol)
            else:
                p = self.element(field.name)
            if p == NULL:
                if field.is_required:
                    error = EvaluationError("missing-attribute", f"attribute '{field.name}' missing")
                    self.d.note(error, (field.name,))
                continue
            item = self.d.beside_faults(field.plan, p[0], field.name if is_set else int(field.name))
            if item is not ABSENT:
                found[field.python_name] = item
        return found.get((<Field>self.names[0]).python_name, ABSENT) if self.single else found

    cdef Word* element(self, str name):
        """A number selects an element of a list."""
        cdef Word w = self.d.m.sp[-1]
        if not name.isdecimal() or len(name) > 18 or <uint64_t>int(name) >= list_size(w):
            return NULL
        return list_items(w) + <uint64_t>int(name)


cdef class Each(Plan):
    """Every attribute of a set, or element of a list, where a fault leaves None."""

    cdef Plan item

    def __cinit__(self, Decoder d not None, Plan item not None):
        self.expected = "a set or a list"
        self.kinds = _SET | _LIST
        self.item = item

    cdef object decode(self):
        cdef Word w = self.d.forced()
        cdef Machine* m = self.d.m
        cdef uint32_t* order = NULL
        cdef uint64_t i, n
        cdef bint is_set = is_attrs(w)
        if not (is_set or is_list(w)):
            return self.wrong()
        n = attrs_size(w) if is_set else list_size(w)
        found = {} if is_set else []
        for i in range(n):
            if must_stop(m):
                self.d.evaluator.look()
            w = m.sp[-1]
            if is_set:
                order = attrs_order(m, w)
                if order == NULL:
                    self.d.evaluator.check(RAISE)
                step = self.d.name_of(keys_symbols(attrs_keys(w))[order[i]])
                item = self.d.beside_faults(self.item, attrs_values(w)[order[i]], step)
                if item is not ABSENT:
                    found[step] = item
            else:
                item = self.d.beside_faults(self.item, list_items(w)[i], i)
                found.append(None if item is ABSENT else item)
        return found
