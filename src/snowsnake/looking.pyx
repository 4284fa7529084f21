# cython: language_level=3
"""Functions on values that Python's protocols need and a handle does not have: shape, equality, places, parts, values for later.

In: handles.  Out: plain Python.  A function that evaluates says so in its docstring.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from snowsnake.building cimport reserve
from snowsnake.handle cimport Handle, builtin_word, check_belongs, make_handle
from snowsnake.machine.attrs cimport attrs_order, attrs_position
from snowsnake.machine.heap cimport make_apply, make_apply2, make_string, new_list, push
from snowsnake.machine.internals cimport INTERNAL_EQUAL
from snowsnake.machine.parameters cimport Parameter, next_parameter
from snowsnake.machine.state cimport Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    THUNK_RUNNING, header_state, small_int,
    KIND_BUILTIN, WORD_TRUE, Word, applied_function, attrs_find, attrs_keys, attrs_size, attrs_values, header_size, is_attrs,
    is_function, is_list, is_thunk, keys_symbols, kind_of, list_items, list_size, pointer_of, string_data,
    string_size,
)

UNKNOWN, SET, LIST, OTHER = range(4)


def shape(Handle h not None):
    """SET, LIST or OTHER; UNKNOWN for a value that is not evaluated yet.  Evaluates nothing."""
    cdef Word w = h.word()
    return UNKNOWN if is_thunk(w) else SET if is_attrs(w) else LIST if is_list(w) else OTHER


def equal(Handle a not None, Handle b not None):
    """Whether `==` holds for two values of one evaluator.  Evaluates as far as the comparison needs."""
    cdef Machine* m = a.evaluator.m
    if b.evaluator is not a.evaluator:
        raise ValueError("values of two evaluators cannot be compared: compare what to_python() returns")
    a.evaluator.enter()
    try:
        push(m, m.handles[a.slot])
        push(m, m.handles[b.slot])
        push(m, m.internals[INTERNAL_EQUAL])
        a.evaluator.run(2)
        return m.result == WORD_TRUE
    finally:
        a.evaluator.leave()


def apply_builtin(Handle h not None, bytes name not None):
    """The result of the builtin `name` for the value, as a handle.  Evaluates the call."""
    h.evaluator.enter()
    try:
        return make_handle(h.evaluator, h.builtin_call(<const char*>name))
    finally:
        h.evaluator.leave()


def attribute_place(Handle h not None, bytes name not None):
    """Where an attribute of a set is defined, as (path, source, start, end); None if that is not known.  Evaluates the set.

    KeyError if there is no such attribute.
    """
    cdef Machine* m = h.evaluator.m
    cdef Word w
    cdef uint32_t symbol, position
    h.evaluator.enter()
    try:
        w = h.forced()
        if not is_attrs(w):
            raise TypeError("only attributes of sets have places")
        symbol = symbol_intern(m, <const char*>name, len(name))
        if attrs_find(w, symbol) == NULL:
            raise KeyError(name.decode("utf-8", "replace"))
        position = attrs_position(w, symbol)
        if position == 0:
            return None
        from snowsnake.traces.pending import Places

        return Places(<size_t>m).place(position, 0)
    finally:
        h.evaluator.leave()


def part_of_list(Handle h not None, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t step):
    """A handle of a list of some of the elements.  Evaluates the list, and none of its elements."""
    cdef Machine* m = h.evaluator.m
    cdef Word w, made
    cdef Py_ssize_t i
    cdef uint64_t n = 0
    h.evaluator.enter()
    try:
        w = h.forced()
        count = len(range(start, stop, step))
        push(m, w)
        try:
            reserve(h.evaluator, count)
            w = m.sp[-1]
            made = new_list(m, count)
            for i in range(start, stop, step):
                list_items(made)[n] = list_items(w)[i]
                n += 1
        finally:
            m.sp -= 1
        return make_handle(h.evaluator, made)
    finally:
        h.evaluator.leave()


def builtin_name(Handle h not None):
    """The name of a builtin function; None for any other value.  Evaluates the value."""
    cdef Word w
    h.evaluator.enter()
    try:
        w = h.forced()
        if is_function(w) and kind_of(w) == KIND_BUILTIN:
            return (<bytes>h.evaluator.m.builtins[header_size(pointer_of(w)[0])].name).decode()
        return None
    finally:
        h.evaluator.leave()


def applied_builtin(Handle h not None):
    """The name of the builtin that a partial application applies; None for any other value.  Evaluates the value."""
    cdef Word w, function
    h.evaluator.enter()
    try:
        w = h.forced()
        function = applied_function(w) if is_function(w) else w
        if function != w and kind_of(function) == KIND_BUILTIN:
            return (<bytes>h.evaluator.m.builtins[header_size(pointer_of(function)[0])].name).decode()
        return None
    finally:
        h.evaluator.leave()


def lambda_place(Handle h not None):
    """(name, place) of a function that the program defines; None for any other value.  Evaluates the value.

    The name is empty if the function has none; the place is that of its next parameter, as for `attribute_place`, or None.
    """
    cdef Machine* m = h.evaluator.m
    cdef Word w
    cdef Parameter parameter
    h.evaluator.enter()
    try:
        w = h.forced()
        if not is_function(w) or kind_of(applied_function(w)) == KIND_BUILTIN:
            return None
        parameter = next_parameter(m, w)
        if not parameter.is_known:
            return None
        name = (<char*>parameter.function.data)[:parameter.function.size_bytes].decode("utf-8", "surrogateescape")
        if parameter.position == 0:
            return name, None
        from snowsnake.traces.pending import Places

        return name, Places(<size_t>m).place(parameter.position, 0)
    finally:
        h.evaluator.leave()


def children(Handle h not None, Py_ssize_t most):
    """(names, handles) of at most `most` children of an evaluated set, or (None, handles) of a list; None for anything else.  Evaluates nothing."""
    cdef Machine* m = h.evaluator.m
    cdef Word w = h.word(), item
    cdef uint32_t* order = NULL
    cdef uint64_t i, n
    if not (is_attrs(w) or is_list(w)):
        return None
    h.evaluator.enter()
    try:
        n = list_size(w) if is_list(w) else attrs_size(w)
        if is_attrs(w):
            order = attrs_order(m, w)
            if order == NULL:
                h.evaluator.check(RAISE)
        n = min(n, <uint64_t>most)
        names = None
        if is_attrs(w):
            names = []
            for i in range(n):
                item = symbol_string(m, keys_symbols(attrs_keys(w))[order[i]])
                names.append((<char*>string_data(item))[:string_size(item)].decode("utf-8", "replace"))
        found = []
        for i in range(n):
            w = h.word()
            item = list_items(w)[i] if is_list(w) else attrs_values(w)[order[i]]
            found.append(make_handle(h.evaluator, item))
        return names, found
    finally:
        h.evaluator.leave()


# ---- values for later -------------------------------------------------------------------------------------------


def is_running(Handle h not None):
    """Whether the value is being evaluated right now; then a function of Python that runs must return before it can be known."""
    cdef Word w = h.word()
    return is_thunk(w) and header_state(pointer_of(w)[0]) == THUNK_RUNNING


def select_later(Handle h not None, key):
    """The attribute named `key`, or the element with the index `key`, as a value that is not evaluated yet."""
    cdef Machine* m = h.evaluator.m
    cdef bytes name
    h.evaluator.enter()
    try:
        if isinstance(key, bytes):
            name = key
            reserve(h.evaluator, len(name) // 8)
            return make_handle(h.evaluator, make_apply2(m, builtin_word(m, b"getAttr"), make_string(m, <const char*>name, len(name), 0), h.word()))
        return make_handle(h.evaluator, make_apply2(m, builtin_word(m, b"elemAt"), h.word(), small_int(<int64_t>key)))
    finally:
        h.evaluator.leave()


def call_later(Handle h not None, list arguments not None):
    """The call of a function, as a value that is not evaluated yet; the function need not be evaluated either."""
    cdef Word w = h.word()
    h.evaluator.enter()
    try:
        reserve(h.evaluator, 4 * len(arguments))
        for argument in arguments:
            check_belongs(argument, h.evaluator)
            w = make_apply(h.evaluator.m, w, (<Handle>argument).word())
        return make_handle(h.evaluator, w)
    finally:
        h.evaluator.leave()

