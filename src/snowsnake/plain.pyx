# cython: language_level=3
"""Plain facts out of values for commands that look at thousands of packages: attributes that may be absent, texts, data.

In: handles.  Out: handles, bytes, Python data.  These functions evaluate what they look at, and nothing else.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from snowsnake.builtins.engines.numbers cimport format_float_json
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_clear, bytes_decimal, bytes_free, bytes_init, bytes_reserve, bytes_text, make_view
from snowsnake.handle cimport Handle, make_handle
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.loop cimport machine_force
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, Machine, RAISE
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_TRUE, Word, attrs_find, attrs_keys, attrs_size, attrs_values, is_attrs, is_bool, is_float, is_int, is_list, is_string,
    float_value, int_value, keys_symbols, list_items, list_size, string_context, is_thunk, string_data, string_size, val,
)
from snowsnake.store.store_path cimport store_is_path

from snowsnake.diagnostics.error import EvaluationError, depth_error
from snowsnake.foundation.light_json import quoted


cdef enum:
    # Lists and sets may be nested this many levels deep, because each level is a call in C.
    MOST_LEVELS = 500


class NotPlain(Exception):
    """Raised for a value that is, or holds, something else than plain data: a function, null, a path, or a set with an `outPath`."""


cdef bytes _bytes(Word s):
    return (<const char*>string_data(s))[:string_size(s)]


def find(Handle h not None, bytes name not None):
    """An attribute, not forced; None if the value is not a set or has no attribute of this name.  Forces the value."""
    h.evaluator.enter()
    try:
        return _found(h, name)
    finally:
        h.evaluator.leave()


cdef Word* _attribute_place(Handle h, bytes name) except? NULL:
    """The value of an attribute, until the next safepoint; NULL if there is none, or the value is not a set.  Forces the set."""
    cdef Word w = h.forced()
    cdef Word* p
    if not is_attrs(w):
        return NULL
    p = attrs_find(w, symbol_intern(h.evaluator.m, <const char*>name, len(name)))
    h.evaluator.check(DONE)
    return p


cdef object _found(Handle h, bytes name):
    cdef Word* p = _attribute_place(h, name)
    return None if p == NULL else make_handle(h.evaluator, p[0])


def plain_text(Handle h not None):
    """The bytes of a string.  A value that is not a string, or has a context, is an error."""
    cdef Machine* m = h.evaluator.m
    cdef Word w
    h.evaluator.enter()
    try:
        w = h.forced()
        if not is_string(w):
            h.evaluator.check(raise_type(m, "a string", w))
        if string_context(w):
            h.evaluator.check(raise_context(m, w))
        return _bytes(w)
    finally:
        h.evaluator.leave()


def is_text(Handle h not None, bytes text not None):
    """Whether a value is a string of these bytes."""
    cdef Word w
    h.evaluator.enter()
    try:
        w = h.forced()
        return is_string(w) and _bytes(w) == text
    finally:
        h.evaluator.leave()


def is_derivation(Handle h not None):
    """Whether a value is a set whose `type` is "derivation"."""
    kind = find(h, b"type")
    return kind is not None and is_text(kind, b"derivation")


cdef object _ABSENT = object()


cdef object _attribute_text(Handle h, bytes name, bint is_plain):
    """The text of an attribute, or _ABSENT; None for anything but a text and, with *is_plain*, for one with a context.  Forces the set and the attribute."""
    cdef Word* p = _attribute_place(h, name)
    return _ABSENT if p == NULL else _text(h, p[0], is_plain)


cdef object _text(Handle h, Word of, bint is_plain):
    cdef Word w = val(of)
    if is_thunk(w):
        w = make_handle(h.evaluator, of).forced()
    return _bytes(w) if is_string(w) and not (is_plain and string_context(w)) else None


def derivation_texts(Handle h not None):
    """The name and the description of a derivation, whose contexts do not matter; None if the value is not a derivation, or if one of them is not a text.

    Forces the value, its `type`, `name` and `meta`, and the description, in this order.
    """
    h.evaluator.enter()
    try:
        if _attribute_text(h, b"type", False) != b"derivation":
            return None
        name = _attribute_text(h, b"name", False)
        if name is None or name is _ABSENT:
            return None
        meta = _found(h, b"meta")
        about = _ABSENT if meta is None else _attribute_text(<Handle>meta, b"description", False)
        return None if about is None else (name, b"" if about is _ABSENT else about)
    finally:
        h.evaluator.leave()


def derivation_name(Handle h not None):
    """The name of a derivation; b"" if the value is not one, None if the name is not a plain text.  Forces the value, its `type` and its `name`."""
    h.evaluator.enter()
    try:
        if _attribute_text(h, b"type", False) != b"derivation":
            return b""
        name = _attribute_text(h, b"name", True)
        return None if name is _ABSENT else name or None
    finally:
        h.evaluator.leave()


def derivation_facts(Handle h not None):
    """(system, output name, names of the outputs) of a derivation, forced in this order; None if one of them is not a plain text.

    What is absent is `unknown`, the empty text, and one output `out`.
    """
    cdef Word w
    cdef uint64_t i
    h.evaluator.enter()
    try:
        system = _attribute_text(h, b"system", True)
        output_name = None if system is None else _attribute_text(h, b"outputName", True)
        if output_name is None:
            return None
        outputs = [b"out"]
        listed = _found(h, b"outputs")
        if listed is not None:
            outputs = []
            i = 0
            while True:
                # A collection moves the list, so we look for it each time.
                w = (<Handle>listed).forced()
                if not is_list(w):
                    return None
                if i == list_size(w):
                    break
                name = _text(h, list_items(w)[i], True)
                if name is None:
                    return None
                outputs.append(name)
                i += 1
        return b"unknown" if system is _ABSENT else system, b"" if output_name is _ABSENT else output_name, outputs
    finally:
        h.evaluator.leave()


def derivation_job(Handle h not None, bytes store_dir not None, bint with_system):
    """(name, {output: its path}, path of the derivation, system or None) of a derivation, forced in this order.

    Returns None if one of them is absent, is not a text or not a path of the store, or if its evaluation fails.  The caller then asks for them one by one,
    and gets the error with its trace.  It also returns None for anything that may have to be called first, and if there is a time limit, which holds for
    each fact.  An error of the value itself is raised.
    """
    cdef bint was_brief = h.evaluator.is_brief
    if h.evaluator.timeout_s > 0 or h.evaluator.deadline > 0:
        return None
    h.evaluator.enter()
    try:
        # One run serves all facts, because each run begins and ends with a system call that catches signals.
        h.evaluator.start_run()
        try:
            _forced(h)
            h.evaluator.is_brief = True
            return _job(h, store_dir, with_system)
        except EvaluationError as error:
            if error.code == "interrupt" or not h.evaluator.is_brief:
                raise
            return None
        finally:
            h.evaluator.is_brief = was_brief
            h.evaluator.finish_run(DONE)
    finally:
        h.evaluator.leave()


cdef object _job(Handle h, bytes store_dir, bint with_system):
    cdef Word w = _forced(h)
    cdef uint64_t i = 0
    if not is_attrs(w) or attrs_find(w, h.evaluator.m.symbol_functor) != NULL or _fact(h, b"type") != "derivation":
        return None
    name = _fact(h, b"name")
    if name is None:
        return None
    listed = _part(h, b"outputs")
    if listed is None:
        return None
    outputs = {}
    while True:
        # A collection moves the list, so we look for it each time.
        w = _forced(<Handle>listed)
        if not is_list(w):
            return None
        if i == list_size(w):
            break
        w = _forced(make_handle(h.evaluator, list_items(w)[i]))
        if not is_string(w):
            return None
        raw = _bytes(w)
        output = _part(h, raw)
        path = None if output is None or not is_attrs(_forced(<Handle>output)) else _store_path(<Handle>output, b"outPath", store_dir)
        if path is None:
            return None
        outputs.setdefault(raw.decode("utf-8", "replace"), path)
        i += 1
    drv_path = _store_path(h, b"drvPath", store_dir)
    if drv_path is None or not drv_path.endswith(".drv"):
        return None
    system = _fact(h, b"system") if with_system else None
    return None if with_system and system is None else (name, outputs, drv_path, system)


cdef object _part(Handle h, bytes name):
    """An attribute of a set that is forced; None if it is absent."""
    cdef Machine* m = h.evaluator.m
    cdef Word* p = attrs_find(h.word(), symbol_intern(m, <const char*>name, len(name)))
    h.evaluator.check(DONE)
    return None if p == NULL else make_handle(h.evaluator, p[0])


cdef object _fact(Handle h, bytes name):
    """The text of an attribute of a set that is forced; None if it is absent or not a string."""
    cdef Word w
    part = _part(h, name)
    if part is None:
        return None
    w = _forced(<Handle>part)
    return _bytes(w).decode("utf-8", "replace") if is_string(w) else None


cdef object _store_path(Handle h, bytes name, bytes store_dir):
    """As `_fact`; None if the text is not a path of the store."""
    cdef Word w
    part = _part(h, name)
    if part is None:
        return None
    w = _forced(<Handle>part)
    if not is_string(w) or not store_is_path(make_view(<const uint8_t*>store_dir, len(store_dir)), make_view(string_data(w), string_size(w))):
        return None
    return _bytes(w).decode()


def plain_data(Handle h not None):
    """Numbers, Booleans, texts, lists and sets of those as Python data; raises NotPlain when it meets anything else.

    The names of sets are in the order of their bytes.  Texts that are not UTF-8 have surrogate escapes.
    """
    h.evaluator.enter()
    try:
        return _data(h, 0)
    finally:
        h.evaluator.leave()


cdef int _check_depth(int depth) except -1:
    if depth > MOST_LEVELS:
        raise depth_error()
    return 0


cdef object _data(Handle h, int depth):
    cdef Machine* m = h.evaluator.m
    cdef Word w = h.forced()
    cdef uint64_t i, n
    cdef uint32_t* order
    if is_string(w):
        return _bytes(w).decode("utf-8", "surrogateescape")
    if is_bool(w):
        return w == WORD_TRUE
    if is_int(w):
        return int_value(w)
    if is_float(w):
        return float_value(w)
    if not (is_list(w) or is_attrs(w)):
        raise NotPlain
    _check_depth(depth)
    if is_list(w):
        parts = [make_handle(h.evaluator, list_items(w)[i]) for i in range(list_size(w))]
        return [_data(<Handle>part, depth + 1) for part in parts]
    if attrs_find(w, symbol_intern(m, "outPath", 7)) != NULL:
        raise NotPlain
    order = attrs_order(m, w)
    if order == NULL:
        h.evaluator.check(RAISE)
    n = attrs_size(w)
    named = [
        (_bytes(symbol_string(m, keys_symbols(attrs_keys(w))[order[i]])), make_handle(h.evaluator, attrs_values(w)[order[i]]))
        for i in range(n)
    ]
    return {(<bytes>name).decode("utf-8", "surrogateescape"): _data(<Handle>part, depth + 1) for name, part in named}


# ---- as JSON ----------------------------------------------------------------------------------------------------

def plain_json_parts(Handle h not None, size_t blanks, list parts not None, invalid not None):
    """Appends to *parts* the text of each attribute of a set, `"name": value`, as `nlohmann::json::dump(2)` writes it, in the order of the names.

    The values are `plain_data`; where one is not, `invalid(name)` is called, and its text is `null`.  Lines begin with *blanks* blanks.
    An error leaves in *parts* what was there before.
    """
    cdef Word w
    h.evaluator.enter()
    try:
        w = h.forced()
        if not is_attrs(w):
            h.evaluator.check(raise_type(h.evaluator.m, "a set", w))
        # One run serves all parts, because each run needs two system calls to catch signals.
        h.evaluator.start_run()
        try:
            _append_parts(h, blanks, parts, invalid)
        finally:
            h.evaluator.finish_run(DONE)
    finally:
        h.evaluator.leave()


cdef int _append_parts(Handle h, size_t blanks, list parts, object invalid) except -1:
    cdef Bytes out
    cdef uint64_t i
    cdef size_t start
    bytes_init(&out)
    try:
        for i in range(attrs_size(h.word())):
            bytes_clear(&out)
            _put_name(h, i, &out)
            start = out.size
            try:
                _put(make_handle(h.evaluator, _attribute(h, i)), &out, blanks, 0)
            except NotPlain:
                out.size = start
                bytes_text(&out, "null")
                invalid(_bytes(symbol_string(h.evaluator.m, keys_symbols(attrs_keys(h.word()))[_order(h)[i]])))
            if out.failed:
                raise MemoryError
            parts.append(out.data[:out.size])
    finally:
        bytes_free(&out)
    return 0


cdef uint32_t* _order(Handle h) except NULL:
    cdef uint32_t* order = attrs_order(h.evaluator.m, h.word())
    if order == NULL:
        h.evaluator.check(RAISE)
    return order


cdef Word _attribute(Handle h, uint64_t place) except? 0x57:
    """Returns the attribute at a place in the order of names; a collection may have moved the set since the last call."""
    cdef uint32_t* order = _order(h)
    return attrs_values(h.word())[order[place]]


cdef int _put_name(Handle h, uint64_t place, Bytes* out) except -1:
    cdef uint32_t* order = _order(h)
    _put_text(out, symbol_string(h.evaluator.m, keys_symbols(attrs_keys(h.word()))[order[place]]))
    bytes_text(out, ": ")
    return 0


cdef int _put_text(Bytes* out, Word s) except -1:
    cdef const uint8_t* data = string_data(s)
    cdef size_t i, size = string_size(s)
    cdef bytes text
    for i in range(size):
        if data[i] < 32 or data[i] == c'"' or data[i] == c'\\':
            # The other bytes stay as they are.
            text = quoted(_bytes(s).decode("latin-1")).encode("latin-1")
            bytes_append(out, <const char*>text, len(text))
            return 0
    bytes_byte(out, c'"')
    bytes_append(out, data, size)
    bytes_byte(out, c'"')
    return 0


cdef bint _put_scalar(Bytes* out, Word w) except -1:
    """Returns False for what is not evaluated, and for what is not a number, a Boolean or a text."""
    if is_string(w):
        _put_text(out, w)
    elif is_bool(w):
        bytes_text(out, "true" if w == WORD_TRUE else "false")
    elif is_int(w):
        bytes_decimal(out, int_value(w))
    elif is_float(w):
        format_float_json(out, float_value(w))
    else:
        return False
    return True


cdef void _put_line(Bytes* out, size_t blanks) noexcept:
    bytes_byte(out, c'\n')
    if bytes_reserve(out, blanks):
        memset(out.data + out.size, 32, blanks)
        out.size += blanks


cdef Word _forced(Handle h) except? 0x57:
    """As `Handle.forced`, between `start_run` and `finish_run`."""
    cdef Machine* m = h.evaluator.m
    cdef uint32_t asked_before
    cdef int outcome
    cdef Word w = h.word()
    if not is_thunk(w):
        return w
    w = h.asked()
    asked_before = h.evaluator.ask(w)
    try:
        with nogil:
            outcome = machine_force(m, w)
        h.evaluator.check(outcome)
    finally:
        h.evaluator.asked_code = asked_before
    m.handles[h.slot] = m.result
    return val(m.result)


cdef int _put(Handle h, Bytes* out, size_t blanks, int depth) except -1:
    cdef Machine* m = h.evaluator.m
    cdef Word w = _forced(h)
    cdef uint64_t i, n
    cdef bint is_set
    if _put_scalar(out, w):
        return 0
    is_set = is_attrs(w)
    if not (is_set or is_list(w)):
        raise NotPlain
    _check_depth(depth)
    if is_set and attrs_find(w, symbol_intern(m, "outPath", 7)) != NULL:
        raise NotPlain
    n = attrs_size(w) if is_set else list_size(w)
    if n == 0:
        bytes_text(out, "{}" if is_set else "[]")
        return 0
    bytes_byte(out, c'{' if is_set else c'[')
    for i in range(n):
        if i:
            bytes_byte(out, c',')
        _put_line(out, blanks + 2)
        if is_set:
            _put_name(h, i, out)
            w = _attribute(h, i)
        else:
            w = list_items(h.word())[i]
        if not _put_scalar(out, val(w)):
            _put(make_handle(h.evaluator, w), out, blanks + 2, depth + 1)
    _put_line(out, blanks)
    bytes_byte(out, c'}' if is_set else c']')
    return 0
