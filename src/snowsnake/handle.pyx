# cython: language_level=3
"""A value of a machine, kept alive for Python.

In: a word of the machine.  Out: its parts as handles, its texts, its Python form; most methods force it.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset, strcmp

from snowsnake.builtins.types cimport type_word
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.descriptions cimport describe, raise_type
from snowsnake.machine.heap cimport push
from snowsnake.machine.internals cimport INTERNAL_COERCE_PATH, INTERNAL_COERCE_STORE, INTERNAL_DEEP_FORCE
from snowsnake.machine.link cimport code_of
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.state cimport DONE, RAISE, Code, Context, Machine
from snowsnake.machine.symbols cimport context_united, symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    KIND_CLOSURE, THUNK_SUSPENDED, WORD_FALSE, WORD_NULL, WORD_TRUE, applied_function, attrs_find, attrs_keys,
    attrs_size, attrs_values, float_value, header_state, int_value, is_attrs, is_bool, is_float, is_function, is_int,
    is_list, is_path, is_string, is_thunk, keys_symbols, kind_of, list_items, list_size, path_string, pointer_of,
    string_context, string_data, string_size, val,
)
from snowsnake.output.nix_text cimport PRINT_CODES, PRINT_KINDS, print_to, print_value
from snowsnake.output.xml cimport xml_stream
from snowsnake.runner cimport Runner

cdef enum:
    PIECE_BYTES = 1 << 20

cdef bytes _bytes(Word s):
    return PyBytes_FromStringAndSize(<char*>string_data(s), string_size(s))


cdef str shown_word(Machine* m, Word w):
    cdef char* text = describe(m, w)
    if text == NULL:
        raise MemoryError
    try:
        return (<bytes>text).decode("utf-8", "replace")
    finally:
        free(text)


cdef class _Writing:
    """The function that gets the pieces of a text, and the exception that it raised."""

    cdef object write
    cdef object fault
    cdef Runner evaluator

    def __cinit__(self, write, Runner evaluator):
        self.write = write
        self.evaluator = evaluator


cdef bint _write_piece(void* context, Bytes* text) noexcept nogil:
    with gil:
        return _handed_on(<_Writing>context, text)


cdef bint _handed_on(_Writing writing, Bytes* text) noexcept:
    if writing.fault is not None:
        # Whoever raised an exception gets nothing more: after Ctrl-C, another write would wait for the same reader.
        return False
    try:
        writing.evaluator.begin_callback()
        try:
            writing.write(PyBytes_FromStringAndSize(<char*>text.data, text.size))
        finally:
            writing.evaluator.end_callback()
        text.size = 0
        return True
    except BaseException as fault:
        # No exception may pass through C code.
        writing.fault = fault
    return False


# Only code that has this object can make handles. Python code does not have it, and neither do `copy` and `pickle`.
cdef object _KEY = object()


cdef Handle make_handle(Runner evaluator, Word w):
    cdef Handle h = Handle.__new__(Handle, _KEY)
    h.slot = evaluator.keep(w)
    # We set the evaluator last, because a handle that has an evaluator frees its slot when it dies.
    h.evaluator = evaluator
    return h


cdef int check_belongs(object handle, Runner evaluator) except -1:
    if not isinstance(handle, Handle) or (<Handle>handle).evaluator is not evaluator:
        raise ValueError("a value of another evaluator: pass what its to_python() returns")
    return 0


cdef Word builtin_word(Machine* m, const char* name) except 0:
    cdef uint32_t i
    for i in range(m.builtin_count):
        if strcmp(m.builtins[i].name, name) == 0:
            return m.builtins[i].word
    raise RuntimeError(f"no builtin {(<bytes>name).decode()}")


cdef class Handle:
    """A value of a machine, forced or not."""

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("handles come from an evaluator")

    @property
    def machine(self):
        """The `Interpreter` that the value belongs to."""
        return self.evaluator

    def __reduce__(self):
        raise TypeError("a value of an evaluator can be neither copied nor pickled")

    def __dealloc__(self):
        # An attribute is None if Python cleared a reference cycle.
        if self.evaluator is not None and self.evaluator.released is not None:
            self.evaluator.released.append(self.slot)

    cdef Word word(self):
        return val(self.evaluator.m.handles[self.slot])

    cdef Word asked(self):
        """Returns the word to evaluate.  For a thunk whose value is another thunk it is the outer one, so that an error's trace begins there."""
        cdef Word w = self.evaluator.m.handles[self.slot]
        return w if is_thunk(val(w)) else val(w)

    cdef Word forced(self) except? 0x57:
        """Returns the forced value; it must be called between `enter()` and `leave()`."""
        cdef Machine* m = self.evaluator.m
        cdef Word w = self.word()
        if is_thunk(w):
            push(m, self.asked())
            self.evaluator.run(0)
            m.handles[self.slot] = m.result
            # A function comes back in its cell, which `==` compares.
            w = val(m.result)
        return w

    cdef Word internal_call(self, int which) except? 0x57:
        """Returns the result of an internal function (machine/internals.pxd) for this value."""
        cdef Machine* m = self.evaluator.m
        push(m, self.asked())
        push(m, m.internals[which])
        self.evaluator.run(1)
        return val(m.result)

    cdef Word builtin_call(self, const char* name, tuple flags=()) except? 0x57:
        """Calls a builtin by its name, with this value and then with Booleans."""
        cdef Machine* m = self.evaluator.m
        cdef Word function = builtin_word(m, name)
        push(m, self.asked())
        for flag in flags:
            push(m, WORD_TRUE if flag else WORD_FALSE)
        push(m, function)
        self.evaluator.run(<uint32_t>len(flags) + 1)
        return val(m.result)

    def force(self):
        """Evaluates to weak head normal form."""
        self.evaluator.enter()
        try:
            self.forced()
        finally:
            self.evaluator.leave()

    def deep_force(self):
        """Evaluates everything inside lists and sets as well."""
        self.evaluator.enter()
        try:
            self.evaluator.m.handles[self.slot] = self.internal_call(INTERNAL_DEEP_FORCE)
        finally:
            self.evaluator.leave()

    def type_name(self):
        """"int", "float", "string", "path", "null", "bool", "list", "set" or "lambda".  This forces the value."""
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
        finally:
            self.evaluator.leave()
        return (<bytes>type_word(w)).decode()

    def string(self):
        """The bytes of a string.  This forces the value; a value that is not a string is an error."""
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_string(w):
                self.evaluator.check(raise_type(self.evaluator.m, "a string", w))
            return _bytes(w)
        finally:
            self.evaluator.leave()

    def context_elements(self):
        """What a string refers to, as bytes in the form of builtins/store_context.pxd.  A value that is not a string is an error."""
        cdef Word w
        cdef Context* c
        cdef uint32_t i
        self.string()
        self.evaluator.enter()
        try:
            w = self.forced()
            if string_context(w) == 0:
                return []
            i = context_united(self.evaluator.m, string_context(w))
            c = &self.evaluator.m.contexts[i]
            return sorted([_bytes(symbol_string(self.evaluator.m, c.elements[i])) for i in range(c.count)])
        finally:
            self.evaluator.leave()

    def to_python(self, function_form=None):
        """None, bool, int, float, str, list or dict; a path as its text, a function as its Handle, or the result of *function_form*.

        This forces the value deeply.  Strings that are not UTF-8 are decoded with surrogate escapes.  Shared values become shared objects.
        """
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.internal_call(INTERNAL_DEEP_FORCE)
            self.evaluator.start_run()
            try:
                return self.convert(w, function_form)
            finally:
                self.evaluator.finish_run(DONE)
        finally:
            self.evaluator.leave()

    cdef object scalar(self, Word w, function_form):
        """Converts a value that contains no others; returns NotImplemented for lists and sets."""
        if is_list(w) or is_attrs(w):
            return NotImplemented
        if is_string(w):
            return _bytes(w).decode("utf-8", "surrogateescape")
        if w == WORD_NULL:
            return None
        if is_bool(w):
            return w == WORD_TRUE
        if is_int(w):
            return int_value(w)
        if is_float(w):
            return float_value(w)
        if is_path(w):
            return _bytes(path_string(w)).decode("utf-8", "surrogateescape")
        function = make_handle(self.evaluator, w)
        return function if function_form is None else function_form(function)

    cdef object convert(self, Word root, function_form):
        """Converts a value without recursion: containers are made empty, remembered by address, and filled from a list of work."""
        cdef Machine* m = self.evaluator.m
        cdef Word w, item
        cdef uint64_t i, n
        cdef uint32_t* order
        seen = {}
        root_object = self.scalar(root, function_form)
        if root_object is not NotImplemented:
            return root_object
        root_object = [] if is_list(root) else {}
        seen[<uint64_t>root] = root_object
        work = [root]
        while work:
            w = work.pop()
            target = seen[<uint64_t>w]
            if is_list(w):
                n = list_size(w)
            else:
                n = attrs_size(w)
                order = attrs_order(m, w)
                if order == NULL:
                    self.evaluator.check(RAISE)
            for i in range(n):
                self.evaluator.look()
                item = val(list_items(w)[i] if is_list(w) else attrs_values(w)[order[i]])
                converted = self.scalar(item, function_form)
                if converted is NotImplemented:
                    converted = seen.get(<uint64_t>item)
                    if converted is None:
                        converted = [] if is_list(item) else {}
                        seen[<uint64_t>item] = converted
                        work.append(item)
                if is_list(w):
                    target.append(converted)
                else:
                    name = _bytes(symbol_string(m, keys_symbols(attrs_keys(w))[order[i]]))
                    target[name.decode("utf-8", "surrogateescape")] = converted
        return root_object

    def to_nix(self, *, bint strict=False, bint kinds=False):
        """Nix text as `nix-instantiate --eval` prints it.  This forces the value, deeply if *strict*.

        *kinds*: parts that have no Nix text are printed as `«thunk»`, `«lambda f @ file:1:2»` instead of `<CODE>`, `<LAMBDA>`.
        """
        cdef Machine* m = self.evaluator.m
        cdef Bytes out
        cdef Word w
        cdef int outcome
        cdef int flags = PRINT_KINDS if kinds else PRINT_CODES
        memset(&out, 0, sizeof(out))
        self.evaluator.enter()
        try:
            w = self.internal_call(INTERNAL_DEEP_FORCE) if strict else self.forced()
            m.handles[self.slot] = w
            self.evaluator.start_run()
            with nogil:
                outcome = print_value(m, w, &out, flags)
            self.evaluator.finish_run(outcome)
            return PyBytes_FromStringAndSize(<char*>out.data, out.size)
        finally:
            free(out.data)
            self.evaluator.leave()

    def write_nix(self, write, *, bint strict=False, int64_t most_levels=-1):
        """`to_nix`, handed to `write(bytes)` in pieces of about a megabyte: the whole text is never in memory.

        Lists and sets nested deeper than `most_levels` are an error, which is raised after the text in front of them was written; -1 is no limit.
        """
        cdef Machine* m = self.evaluator.m
        cdef Bytes out
        cdef _Writing writing = _Writing(write, self.evaluator)
        cdef void* context = <void*>writing
        cdef Word w
        cdef int outcome
        memset(&out, 0, sizeof(out))
        self.evaluator.enter()
        try:
            w = self.internal_call(INTERNAL_DEEP_FORCE) if strict else self.forced()
            m.handles[self.slot] = w
            self.evaluator.start_run()
            with nogil:
                outcome = print_to(m, w, &out, PRINT_CODES, <uint64_t>(most_levels + 1), _write_piece, context)
            try:
                self.evaluator.finish_run(DONE if writing.fault is not None else outcome)
            except Exception:
                # The text in front of an error is shown, but Ctrl-C does not wait for a reader.
                write(PyBytes_FromStringAndSize(<char*>out.data, out.size))
                raise
            if writing.fault is not None:
                raise writing.fault
            write(PyBytes_FromStringAndSize(<char*>out.data, out.size))
        finally:
            free(out.data)
            self.evaluator.leave()

    def describe(self):
        """Type and value in one short line, as error messages show them; nothing is forced."""
        self.evaluator.enter()
        try:
            return shown_word(self.evaluator.m, self.word())
        finally:
            self.evaluator.leave()

    def is_same(self, Handle other):
        """Whether both are the same object of the machine: for sets and lists, not merely equal ones.  Nothing is forced."""
        return other.evaluator is self.evaluator and self.word() == other.word()

    def code(self):
        """(place, number of its chunk in its file) of a function, or of a value that is not evaluated yet; None for anything else."""
        cdef Word w = self.word()
        cdef CodeOrigin origin
        cdef Code* code
        if is_function(w):
            w = applied_function(w)
        if not (is_function(w) and kind_of(w) == KIND_CLOSURE) \
                and not (is_thunk(w) and header_state(pointer_of(w)[0]) == THUNK_SUSPENDED):
            return None
        self.evaluator.enter()
        try:
            code = code_of(self.evaluator.m, w)
            self.evaluator.check(DONE if code.is_linked else RAISE)
            if not code_origin(self.evaluator.m, code, &origin):
                return None
            from snowsnake.traces.pending import Places

            return Places(<size_t>self.evaluator.m).place(origin.start, origin.end), origin.chunk
        finally:
            self.evaluator.leave()

    def coerce_to_path(self):
        """The bytes of the absolute path that a path, string or set means."""
        return self.coerced(INTERNAL_COERCE_PATH)

    def coerce_to_string(self):
        """The bytes of a string, path (copied to the store) or set that can be coerced, as in `"${…}"`."""
        return self.coerced(INTERNAL_COERCE_STORE)

    cdef bytes coerced(self, int which):
        self.evaluator.enter()
        try:
            return _bytes(self.internal_call(which))
        finally:
            self.evaluator.leave()

    def to_json(self, *, bint strict=True, bint copies_paths=True):
        """JSON as `--json` prints it; paths are copied to the store, or (not *copies_paths*) stay what they are.

        *strict* forces deeply; without it, a part that is not evaluated is an error, as it is for `nix-instantiate --json`.
        """
        self.evaluator.enter()
        try:
            self.forced()
            return _bytes(self.builtin_call("__toPlainJSON" if not copies_paths else "toJSON" if strict else "__toShallowJSON"))
        finally:
            self.evaluator.leave()

    def write_json(self, write, *, bint strict=True):
        """`to_json`, handed to `write(bytes)` in pieces of a megabyte, so that the text is not in memory twice."""
        cdef Word text
        cdef uint64_t start = 0
        self.evaluator.enter()
        try:
            self.forced()
            text = self.builtin_call("toJSON" if strict else "__toShallowJSON")
            # The text does not move, because the machine does not run meanwhile.
            while start < string_size(text):
                write(PyBytes_FromStringAndSize(<char*>string_data(text) + start, min(string_size(text) - start, <uint64_t>PIECE_BYTES)))
                start += PIECE_BYTES
        finally:
            self.evaluator.leave()

    def to_xml(self, *, bint strict=True, bint location=True):
        """XML as `--xml` prints it; with *location*, it has the places of attributes and functions."""
        self.evaluator.enter()
        try:
            self.forced()
            return _bytes(self.builtin_call("__toXML", (strict, location)))
        finally:
            self.evaluator.leave()

    def write_xml(self, write, *, bint strict=True, bint location=True):
        """`to_xml`, handed to `write(bytes)` in pieces of about a megabyte; before an error, what there was, with the ends of all open elements."""
        cdef _Writing writing = _Writing(write, self.evaluator)
        self.evaluator.enter()
        try:
            self.forced()
            xml_stream(self.evaluator.m, _write_piece, <void*>writing)
            try:
                rest = _bytes(self.builtin_call("__toXML", (strict, location)))
            except Exception:
                if writing.fault is not None:
                    raise writing.fault from None
                raise
            finally:
                xml_stream(self.evaluator.m, NULL, NULL)
            write(rest)
        finally:
            self.evaluator.leave()

    def keys(self):
        """The names of a set, sorted.  This forces the value; a value that is not a set is an error."""
        cdef Machine* m = self.evaluator.m
        cdef Word w
        cdef uint32_t* order
        cdef uint64_t i
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_attrs(w):
                self.evaluator.check(raise_type(m, "a set", w))
            order = attrs_order(m, w)
            if order == NULL:
                self.evaluator.check(RAISE)
            return [_bytes(symbol_string(m, keys_symbols(attrs_keys(w))[order[i]])) for i in range(attrs_size(w))]
        finally:
            self.evaluator.leave()

    def __len__(self):
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
            if is_list(w):
                return list_size(w)
            if is_attrs(w):
                return attrs_size(w)
            self.evaluator.check(raise_type(self.evaluator.m, "a list or a set", w))
        finally:
            self.evaluator.leave()

    def select(self, bytes name):
        """An attribute, not forced.  Raises KeyError if it does not exist."""
        cdef Machine* m = self.evaluator.m
        cdef Word w
        cdef Word* p
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_attrs(w):
                self.evaluator.check(raise_type(m, "a set", w))
            p = attrs_find(w, symbol_intern(m, <const char*>name, len(name)))
            self.evaluator.check(DONE)
            if p == NULL:
                raise KeyError(name.decode("utf-8", "replace"))
            return make_handle(self.evaluator, p[0])
        finally:
            self.evaluator.leave()

    def index(self, Py_ssize_t i):
        """An element, not forced.  Raises IndexError if it does not exist."""
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_list(w):
                self.evaluator.check(raise_type(self.evaluator.m, "a list", w))
            if i < 0 or <uint64_t>i >= list_size(w):
                raise IndexError(i)
            return make_handle(self.evaluator, list_items(w)[i])
        finally:
            self.evaluator.leave()

    def call(self, *arguments):
        """Calls a function with handles of the same machine; the result is forced."""
        cdef Machine* m = self.evaluator.m
        if not arguments or len(arguments) > 64:
            raise ValueError("from 1 to 64 arguments")
        for argument in arguments:
            check_belongs(argument, self.evaluator)
        self.evaluator.enter()
        try:
            for argument in arguments:
                push(m, m.handles[(<Handle>argument).slot])
            push(m, m.handles[self.slot])
            self.evaluator.run(<uint32_t>len(arguments))
            return make_handle(self.evaluator, m.result)
        finally:
            self.evaluator.leave()

    def formals(self):
        """The names in a lambda's pattern, and whether each has a default; None for any other value.  This forces the value."""
        cdef Machine* m = self.evaluator.m
        cdef Word w
        cdef Code* code
        cdef uint32_t i
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_function(w) or kind_of(w) != KIND_CLOSURE:
                return None
            code = code_of(m, w)
            self.evaluator.check(DONE if code.is_linked else RAISE)
            if code.formals == NULL:
                return None
            return {_bytes(symbol_string(m, code.formals.symbols[i])): bool(code.formals.has_default[i])
                    for i in range(code.formals.count)}
        finally:
            self.evaluator.leave()

    def has_ellipsis(self):
        """Whether a lambda's pattern has `...`.  This forces the value."""
        cdef Word w
        cdef Code* code
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_function(w) or kind_of(w) != KIND_CLOSURE:
                return False
            code = code_of(self.evaluator.m, w)
            self.evaluator.check(DONE if code.is_linked else RAISE)
            return code.formals != NULL and bool(code.formals.has_ellipsis)
        finally:
            self.evaluator.leave()
