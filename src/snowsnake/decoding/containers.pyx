# cython: language_level=3
"""Plans of lists and of sets whose attributes have one type.

In: the value on top of the machine's stack.  Out: lists, tuples, dicts and objects made of them, or DecodeError.
"""
from cpython.dict cimport PyDict_SetItem
from libc.stdint cimport uint32_t, uint64_t

from snowsnake.decoding.decoder cimport Decoder, Plan, KIND_LIST, KIND_SET
from snowsnake.machine.attention cimport must_stop
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.heap cimport push
from snowsnake.machine.state cimport Machine, RAISE
from snowsnake.machine.word cimport (
    WORD_NULL, Word, attrs_keys, attrs_size, attrs_values, is_attrs, is_list, keys_symbols, list_items,
    list_size,
)

from snowsnake.decoding.error import DecodeError


cdef class Items(Plan):
    """A list whose elements have one type.  `make` turns the list into the collection of the type (None: a list)."""

    cdef Plan item
    cdef object make
    cdef object check

    def __cinit__(self, Decoder d not None, str expected, Plan item not None, make=None, check=None):
        self.expected = expected
        self.kinds = KIND_LIST
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
    """A list of a fixed number of elements, each with its own type.  `make`: the class of a named tuple."""

    cdef tuple items
    cdef object make
    # The list has at least this many elements: the last elements of a named tuple may have defaults.
    cdef uint64_t least
    # This plan makes a named tuple of a set.
    cdef Plan by_name

    def __cinit__(self, Decoder d not None, str expected, tuple items not None, make=None, least=None, Plan by_name=None):
        self.expected = expected
        self.kinds = KIND_LIST if by_name is None else KIND_LIST | KIND_SET
        self.items = items
        self.make = make
        self.least = len(items) if least is None else least
        self.by_name = by_name

    def fill(self, tuple items not None):
        """Sets the plans of the elements: a class that names itself has its plan before these are made."""
        self.items = items

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
    """A set whose attributes have one type, as a dict.  `key` makes a key of a name (None: the name is the key)."""

    cdef Plan item
    cdef object key
    cdef object check

    def __cinit__(self, Decoder d not None, str expected, Plan item not None, key=None, check=None):
        self.expected = expected
        self.kinds = KIND_SET
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
