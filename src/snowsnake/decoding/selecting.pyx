# cython: language_level=3
"""Plans of queries: they select parts of a value by name, and a part that fails does not stop the others.

In: the value on top of the machine's stack.  Out: dicts and lists of the parts; the errors go to the decoder's `faults`.
"""
from libc.stdint cimport uint32_t, uint64_t

from snowsnake.decoding.decoder cimport Decoder, Plan, KIND_LIST, KIND_SET
from snowsnake.decoding.records cimport Field
from snowsnake.machine.attention cimport must_stop
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.state cimport Machine, RAISE
from snowsnake.machine.word cimport (
    Word, attrs_find, attrs_keys, attrs_size, attrs_values, is_attrs, is_list, keys_symbols, list_items,
    list_size,
)

from snowsnake.decoding.decoder import ABSENT
from snowsnake.diagnostics.error import EvaluationError


cdef class Select(Plan):
    """Some attributes by name.  `names`: (name, key, is optional, plan).  `single`: the result is the one value instead of a dict."""

    cdef list names
    cdef bint single

    def __cinit__(self, Decoder d not None, names, bint single):
        self.expected = "a set"
        self.kinds = KIND_SET | KIND_LIST
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
        """The element of a list whose index is the number `name`; NULL if there is none."""
        cdef Word w = self.d.m.sp[-1]
        if not name.isdecimal() or len(name) > 18 or <uint64_t>int(name) >= list_size(w):
            return NULL
        return list_items(w) + <uint64_t>int(name)


cdef class Each(Plan):
    """Every attribute of a set, or every element of a list.  A failed element is None; a failed attribute is missing."""

    cdef Plan item

    def __cinit__(self, Decoder d not None, Plan item not None):
        self.expected = "a set or a list"
        self.kinds = KIND_SET | KIND_LIST
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
