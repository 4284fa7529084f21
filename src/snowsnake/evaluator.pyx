# cython: language_level=3
"""The wiring: one machine with its builtins and its host, behind Python classes.

In: sources, options, Python values.  Out: handles on values of the machine, their texts and Python forms, errors as exceptions.
The machine runs without the GIL.  A handle is a root of the collector; when Python drops it, its place is queued
and freed at the next call, because that may happen in any thread.
"""
import gc
import os
from _thread import get_ident        # not `threading`: importing it takes longer than a small evaluation

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset, strlen

from snowsnake.builtins.regex cimport regex_release
from snowsnake.builtins.registry cimport builtin_table, builtin_table_count
from snowsnake.cache.pack cimport Cache, cache_flush, cache_new
from snowsnake.host.host cimport host_configure, host_records, host_resolve_import
from snowsnake.machine.attrs cimport Entry, attrs_build, attrs_flat, attrs_order, scratch_entries
from snowsnake.machine.coercion cimport *
from snowsnake.machine.collector cimport census, collect, collect_expressions, set_limits, tally_nursery
from snowsnake.machine.errors cimport describe, error_clear, raise_bytes, raise_type
from snowsnake.machine.heap cimport *
from snowsnake.machine.importing cimport load_source, machine_import
from snowsnake.machine.lifecycle cimport machine_free, machine_new
from snowsnake.machine.link cimport code_of
from snowsnake.machine.loop cimport machine_call, machine_force
from snowsnake.machine.positions cimport position_file, position_in
from snowsnake.machine.state cimport *
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport *
from snowsnake.output.nix_text cimport PRINT_CODES, PRINT_KINDS, print_value

from snowsnake.diagnostics.error import make_error
from snowsnake.host.options import HostOptions

import snowsnake.builtins.internal     # first: the numbers of the internal builtins
import snowsnake.builtins.subjects     # all the others

cdef extern from "unistd.h" nogil:
    int getpid()
    int gettid()

cdef extern from "signal.h" nogil:
    ctypedef void (*Handler)(int)
    struct sigaction_type "sigaction":
        Handler sa_handler
        int sa_flags
    int sigaction(int number, const sigaction_type* action, sigaction_type* old)
    int SIGINT

cdef enum:
    ATTENTION_INTERRUPT = 1           # as in machine/collector.pyx
    ATTENTION_TIMEOUT = 2
    PIPE_OPERATORS = 1                # feature bit of the parser
    LEAST_EXPRESSIONS = 1000
    WORDS_PER_EXPRESSION = 256        # of the heap: so many more expressions before they are looked at

# In the order of machine/word.pxd's enum Kind, which starts at 1.
_KINDS = ("thunk", "closure", "builtin", "partial", "attrs", "keys", "order", "list", "string", "float", "wide int", "path",
          "with", "search path", "home path", "attr name", "raw", "layered")
cdef const char* _NO_JSON = "cannot convert a thunk to JSON"
cdef Machine* _interruptible = NULL   # the machine that runs in the main thread: a signal handler has no other way to it


cdef void _on_interrupt(int number) noexcept nogil:
    cdef Machine* m = _interruptible
    if m != NULL:
        m.attention |= ATTENTION_INTERRUPT
        m.soft_limit = NULL


cdef bytes _bytes(Word s):
    return PyBytes_FromStringAndSize(<char*>string_data(s), string_size(s))


cdef class Evaluator:
    """One machine.  Used by one thread at a time; several evaluators run in as many threads.

    `level`: 0 is the specified bytecode, 1 the default.  `trace`: "operations" or "timing" writes what the machine does to stderr.  `search_path`: (prefix, path) pairs.  Limits of 0 are the defaults:
    four fifths of the memory, a call depth of two million, no time limit.  `cache`: the folder of compiled files, none if empty;
    `cache_by_content`: a file is known by its content alone, not by its time and size.
    """

    cdef Machine* m
    cdef list released
    cdef object owner                 # ident of the thread inside, or None
    cdef double timeout_s
    cdef dict sources                 # of files that an error names, while it is turned into an exception
    cdef uint64_t expressions         # compiled since those that nobody can run any more were forgotten
    cdef uint64_t most_expressions
    cdef object tracer                # keeps the observer's state alive
    cdef object store_writer          # likewise; None: nothing is written
    cdef object __weakref__

    def __cinit__(self, **options):
        self.m = NULL
        self.released = []
        self.sources = {}
        self.owner = None
        self.expressions = 0
        self.most_expressions = LEAST_EXPRESSIONS

    def __init__(self, *, int level=1, search_path=(), bint pure=False, bint restricted=False, allowed_paths=(), features=(),
                 uint64_t memory_limit_bytes=0, uint32_t depth_limit=0, double timeout_s=0.0, bint stress=False,
                 bint trace_verbose=False, bint abort_on_warn=False, store=None, environment=None, str trace="",
                 bytes cache=b"", uint64_t cache_limit_bytes=256 << 20, bint cache_by_content=False, bint count_objects=False,
                 **host_options):
        cdef Machine* m = machine_new(builtin_table(), builtin_table_count(), memory_limit_bytes, depth_limit)
        if m == NULL:                  # a program that made hundreds of evaluators may hold dead ones in reference cycles
            gc.collect()
            m = machine_new(builtin_table(), builtin_table_count(), memory_limit_bytes, depth_limit)
            if m == NULL:
                raise MemoryError("no address space for an evaluator")
        self.m = m
        m.level = level
        m.stress = stress
        m.trace_verbose = trace_verbose
        m.abort_on_warn = abort_on_warn
        if "pipe-operators" in features:
            m.features |= PIPE_OPERATORS
        if count_objects:
            m.tally = <Tally*>calloc(1, sizeof(Tally))
        if trace:
            from snowsnake.observe.tracer import attach

            self.tracer = attach(<size_t>m, trace == "timing")
        self.timeout_s = timeout_s
        if store is not None:
            host_options["real_store"] = store + "/nix/store"
        if cache:
            m.cache = cache_new(cache, cache_limit_bytes, cache_by_content)
        host_configure(m, HostOptions(search_path=search_path, pure=pure, restricted=restricted, allowed_paths=allowed_paths,
                                      features=features, **host_options))
        if store is not None:
            from snowsnake.host.store_writer import StoreWriter

            self.store_writer = StoreWriter(<size_t>m, store)
        set_limits(m)

    def __dealloc__(self):
        if self.m != NULL:
            regex_release(self.m)
        machine_free(self.m)

    # ---- sources ------------------------------------------------------------------------------------------------

    def evaluate(self, bytes source, str base_path, str name="«string»"):
        """Compile an expression; relative paths start at *base_path*.  Nothing is forced.

        Raises EvaluationError for syntax errors and undefined variables.
        """
        cdef bytes base = os.fsencode(base_path)
        cdef bytes label = name.encode("utf-8", "surrogateescape")
        cdef uint32_t size = <uint32_t>len(source)
        cdef const char* label_text = label
        cdef const uint8_t* base_text = <const uint8_t*><const char*>base
        cdef uint32_t base_size = <uint32_t>len(base)
        cdef uint8_t* copy
        cdef Word w = 0
        cdef int outcome
        if len(source) > 0xFFFFFF00:
            raise make_error(ERROR_MEMORY, "an expression of more than 4 GiB")
        self.enter()
        try:
            copy = <uint8_t*>malloc(size + 1)
            if copy == NULL:
                raise MemoryError
            memcpy(copy, <const char*>source, size)
            copy[size] = 0
            self.forget()
            with nogil:
                outcome = load_source(self.m, label_text, base_text, base_size, copy, size, WORD_NULL, &w)
            self.check(outcome)
            return self.handle(w)
        finally:
            self.leave()

    def evaluate_file(self, str path):
        """Compile a file (a folder's default.nix), as `import` does: the same file is compiled once.  Nothing is forced."""
        cdef bytes name = os.fsencode(os.path.abspath(path))
        cdef const uint8_t* text = <const uint8_t*><const char*>name
        cdef size_t size = len(name)
        cdef ByteBuffer resolved
        cdef Word w = 0
        cdef int outcome
        memset(&resolved, 0, sizeof(resolved))
        self.enter()
        try:
            with nogil:
                outcome = host_resolve_import(self.m, text, size, &resolved)
                if outcome == DONE:
                    outcome = machine_import(self.m, resolved.data, resolved.size_bytes, &w)
            self.check(outcome)
            return self.handle(w)
        finally:
            free(resolved.data)
            self.leave()

    def from_python(self, value):
        """A value of None, bool, int, float, str, bytes, a list or tuple, or a dict with str or bytes keys.

        Strings have no context.  An int that needs more than 64 bits is an OverflowError, another type a TypeError.
        """
        self.enter()
        try:
            return self.handle(self.build(value, 0))
        finally:
            self.leave()

    cdef int forget(self) except -1:
        """Now and then free the expressions that nobody can run any more; what that costs grows with the heap."""
        cdef Machine* m = self.m
        self.expressions += 1
        if self.expressions < self.most_expressions:
            return 0
        with nogil:
            collect_expressions(m)
            set_limits(m)
        self.expressions = 0
        self.most_expressions = LEAST_EXPRESSIONS + <uint64_t>(m.old_top - m.old_base) // WORDS_PER_EXPRESSION
        return 0

    cdef Word build(self, value, int depth) except? 0x57:
        cdef Machine* m = self.m
        cdef bytes data
        cdef Word w
        cdef Entry* entries
        cdef uint64_t i
        if depth > 500:
            raise ValueError("a Python value nested more than 500 levels deep, or one that contains itself")
        if value is None:
            return WORD_NULL
        if value is True:
            return WORD_TRUE
        if value is False:
            return WORD_FALSE
        if isinstance(value, int):
            return make_int(m, <int64_t>value)
        if isinstance(value, float):
            return make_float(m, value)
        if isinstance(value, Handle):
            if (<Handle>value).evaluator is not self:
                raise ValueError("a value of another evaluator")
            return m.handles[(<Handle>value).slot]
        if isinstance(value, (str, bytes)):
            data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            self.reserve(len(data) // 8)
            return make_string(m, <const char*>data, len(data), 0)
        if isinstance(value, (list, tuple)):
            words = [self.build(item, depth + 1) for item in value]
            self.reserve(len(words))
            w = new_list(m, len(words))
            for i in range(<uint64_t>len(words)):
                list_items(w)[i] = words[i]
            return w
        if isinstance(value, dict):
            items = [(key.encode("utf-8", "surrogateescape") if isinstance(key, str) else bytes(key),
                      self.build(item, depth + 1)) for key, item in value.items()]
            entries = scratch_entries(m, len(items))
            if entries == NULL:
                raise MemoryError
            for i in range(<uint64_t>len(items)):
                data = items[i][0]
                entries[i].symbol = symbol_intern(m, <const char*>data, len(data))
                entries[i].position = 0
                entries[i].value = items[i][1]
            w = attrs_build(m, entries, len(items))
            free(entries)
            return w
        raise TypeError(f"{type(value).__name__} has no Nix form")

    cdef int reserve(self, uint64_t words) except -1:
        if not heap_reserve(self.m, words + 4096):
            self.check(RAISE)
        return 0

    def flush_store(self):
        """What went to the embedded store is on disk and valid afterwards; an EvaluationError says what went wrong."""
        if self.store_writer is not None:
            self.store_writer.flush()

    @property
    def store(self):
        """The embedded store that is written to (a `LocalStore`), or None."""
        return None if self.store_writer is None else self.store_writer.store

    # ---- what it did --------------------------------------------------------------------------------------------

    def files_read(self):
        """Paths of the files and folders that were read, in order, each once."""
        return [os.fsdecode(path) for kind, path in host_records(self.m) if kind in ("file", "directory")]

    def records(self):
        """(kind, path or name) of everything that was read from outside."""
        return [(kind, os.fsdecode(path)) for kind, path in host_records(self.m)]

    def statistics(self):
        """Counters of the machine; sizes in bytes, times in nanoseconds.

        `made` has the objects made so far and their bytes, by kind, if the evaluator was told to `count_objects`.
        """
        cdef Machine* m = self.m
        cdef Tally tally
        cdef uint64_t symbol_bytes = 0, i
        for i in range(m.symbol_count):
            symbol_bytes += string_size(symbol_string(m, <uint32_t>i))
        memset(&tally, 0, sizeof(tally))
        if m.tally != NULL:
            tally_nursery(m, &tally)
        return {
            "heap_bytes": ((m.hp - m.heap_base) + (m.old_top - m.old_base)) * sizeof(Word),
            "made_bytes": (m.made_words + (m.hp - m.heap_base)) * sizeof(Word),
            "made": {name: (tally.objects[kind], tally.words[kind] * sizeof(Word)) for kind, name in enumerate(_KINDS, 1)},
            "collections": m.collection_count,
            "nursery_collections": m.minor_count,
            "promoted_bytes": m.promoted_words * sizeof(Word),
            "collection_ns": m.collection_ns,
            "updates": m.update_count,
            "updates_known": m.update_known_count,
            "symbols": m.symbol_count,
            "symbol_bytes": symbol_bytes,
            "contexts": m.context_count,
            "codes": m.code_count,
            "codes_linked": sum([m.codes[i].is_linked for i in range(m.code_count)]),
            "files": m.file_count,
            "files_from_cache": 0 if m.cache == NULL else (<Cache*>m.cache).hit_count,
            "files_to_cache": 0 if m.cache == NULL else (<Cache*>m.cache).write_count,
            "load_ns": m.load_ns,
            "source_bytes": sum([m.files[i].size_bytes for i in range(m.file_count)]),
            "failures": m.failure_count,
            "handles": m.handle_count,
        }

    def census(self):
        """Objects and bytes of the heap by kind, dead ones included; thunks also by state: a look into the memory.

        >>> Evaluator().census()["builtin"][0] > 100
        True
        """
        cdef uint64_t[32] objects
        cdef uint64_t[32] words
        cdef uint64_t[8] states
        memset(objects, 0, sizeof(objects))
        memset(words, 0, sizeof(words))
        memset(states, 0, sizeof(states))
        census(self.m, objects, words, states)
        counted = {name: (objects[kind], words[kind] * sizeof(Word)) for kind, name in enumerate(_KINDS, 1)}
        for state, name in enumerate(("suspended", "running", "done", "failed")):
            counted[f"thunk {name}"] = (0, states[state] * sizeof(Word))
        return counted

    def machine_address(self):
        """Where the machine is: for the experiment with images of the heap (docs/decisions/images.md), and for nothing else."""
        return <size_t>self.m

    def chunks(self):
        """(kind, name, place, bytes of code, upvalues, arity) of everything compiled so far, in the order of compiling."""
        from snowsnake.observe.compiled import compiled

        return [(kind, name, self.place(place[0], place[1]), *sizes) for kind, name, place, *sizes in compiled(<size_t>self.m)]

    def collect(self):
        """Run the collector now."""
        self.enter()
        try:
            with nogil:
                collect(self.m)
                set_limits(self.m)
        finally:
            self.leave()

    def cancel(self):
        """Stop what the machine is doing, from another thread: it raises an `interrupt` error."""
        self.m.attention |= ATTENTION_INTERRUPT
        self.m.soft_limit = NULL

    def _time_out(self):
        self.m.attention |= ATTENTION_TIMEOUT
        self.m.soft_limit = NULL

    # ---- entering and leaving -------------------------------------------------------------------------------------

    cdef int enter(self) except -1:
        cdef Machine* m = self.m
        me = get_ident()
        if self.owner is not None:
            raise RuntimeError("this evaluator is at work; use one evaluator for each thread")
        self.owner = me
        while self.released:
            index = self.released.pop()
            m.handles[<uint32_t>index] = small_int(m.handle_free)
            m.handle_free = <uint32_t>index + 1
        return 0

    cdef void leave(self):
        if self.m.cache != NULL:
            cache_flush(<Cache*>self.m.cache)
        self.owner = None

    cdef Handle handle(self, Word w):
        """A handle on a word; must not be called while the machine runs."""
        cdef Machine* m = self.m
        cdef uint32_t index
        cdef Handle h
        if m.handle_free:
            index = m.handle_free - 1
            m.handle_free = <uint32_t>(m.handles[index] >> 3)
        else:
            if m.handle_count == m.handle_capacity:
                m.handle_capacity = m.handle_capacity * 2 if m.handle_capacity else 64
                m.handles = <Word*>realloc(m.handles, m.handle_capacity * sizeof(Word))
            index = m.handle_count
            m.handle_count += 1
        m.handles[index] = w
        h = Handle.__new__(Handle)
        h.evaluator = self
        h.slot = index
        return h

    cdef int run_call(self, uint32_t count) except -1:
        """Call the function on top of the machine's stack; count 0: force the word on top.  m.result is the value."""
        global _interruptible
        cdef Machine* m = self.m
        cdef Machine* outer = _interruptible
        cdef sigaction_type ours
        cdef sigaction_type theirs
        cdef bint is_main = gettid() == getpid()
        cdef int outcome
        timer = None
        if self.timeout_s > 0:
            import threading

            timer = threading.Timer(self.timeout_s, self._time_out)
            timer.daemon = True
            timer.start()
        if is_main:
            memset(&ours, 0, sizeof(ours))
            ours.sa_handler = _on_interrupt
            _interruptible = m
            sigaction(SIGINT, &ours, &theirs)
        with nogil:
            if count == 0:
                m.sp -= 1
                outcome = machine_force(m, m.sp[0])
            else:
                outcome = machine_call(m, count)
        if is_main:
            sigaction(SIGINT, &theirs, NULL)
            _interruptible = outer
        if timer is not None:
            timer.cancel()
        if outcome != DONE and m.error.code == ERROR_INTERRUPT and is_main:
            error_clear(m)
            raise KeyboardInterrupt
        self.check(outcome)
        return 0

    cdef object place(self, uint32_t position, uint32_t end):
        """(path, source or None, start, end) of a position; None if it has none."""
        cdef Machine* m = self.m
        cdef uint32_t number = 0, offset
        cdef File* file
        if not position_file(m, position, &number):
            return None
        file = &m.files[number]
        path = (<bytes>file.path).decode("utf-8", "surrogateescape")
        if number not in self.sources:
            self.sources[number] = self.source_of(number, path)
        source = self.sources[number]
        offset = position - file.position_base
        return (path, source, offset, (end - file.position_base) if end > position else offset + 1)

    cdef object source_of(self, uint32_t number, str path):
        """A file's bytes, or None: what has been compiled is not kept, and is read again."""
        cdef File* file = &self.m.files[number]
        if file.source != NULL:
            return PyBytes_FromStringAndSize(<char*>file.source, file.size_bytes)
        if not path.startswith("/"):
            return None
        from snowsnake.host.host import source_text

        return source_text(<size_t>self.m, <bytes>file.path)

    cdef int check(self, int outcome) except -1:
        """Turn a pending error of the machine into the exception."""
        cdef Machine* m = self.m
        if outcome == DONE:
            return 0
        from snowsnake.diagnostics.catalogue import CATALOGUE
        from snowsnake.traces.cycle import cycle_of
        from snowsnake.traces.lines import frames_of

        message = PyBytes_FromStringAndSize(m.error.message, m.error.message_size_bytes)
        wanted, candidates = b"", []
        code = m.error.code
        if code == ERROR_MISSING_ATTRIBUTE or code == ERROR_UNEXPECTED_ARGUMENT:
            message, *candidates = message.split(b"\0")          # machine/errors.pyx, add_candidates
            if candidates:
                wanted, *candidates = candidates
        position = self.place(m.error.position, m.error.position_end)
        entries = self.trace()
        call_site = None
        if code == ERROR_MISSING_ARGUMENT or code == ERROR_UNEXPECTED_ARGUMENT or code == ERROR_TYPE:
            call_site = self.last_tail_call(entries)
        omitted = m.error.trace_total - m.error.trace_count
        features = ("pipe-operators",) if m.features & PIPE_OPERATORS else ()
        error_clear(m)
        cycle = cycle_of(entries) if code == ERROR_INFINITE_RECURSION else []
        frames, position, shows = frames_of(entries, CATALOGUE[code].name, message, position, call_site, features)
        self.sources.clear()
        error = make_error(code, message, position, frames, shows_place=shows, cycle=cycle, omitted_frames=omitted, wanted=wanted, candidates=candidates)
        if code == ERROR_SYNTAX and position is not None and position[1] is not None:
            from snowsnake.parsing import complete_syntax_error

            complete_syntax_error(error, position[1], features)
        if code == ERROR_UNDEFINED_VARIABLE and position is not None and position[1] is not None:
            from snowsnake.parsing import similar_variables

            error.suggestions = similar_variables(position[1], position[2], error.position.text, features)
        raise error

    cdef list trace(self):
        """What the machine noted of its activations, outermost first, for traces.py."""
        cdef Machine* m = self.m
        cdef TraceEntry* entry
        cdef Code* code
        cdef uint32_t i
        from snowsnake.traces.note import Note

        entries = []
        for i in range(m.error.trace_count):
            entry = &m.error.trace[i]
            place = self.place(entry.position, entry.position_end)
            if entry.text != NULL:
                kind = "context" if entry.builtin else "text"
                entries.append(Note(kind, (<bytes>entry.text).decode("utf-8", "replace"), place))
            elif entry.builtin:
                name = (<bytes>m.builtins[entry.builtin - 1].name).decode()
                entries.append(Note("builtin", name, None, operands=(entry.left, entry.right), argument=entry.argument))
            elif entry.code:
                code = m.codes[entry.code - 1]
                entries.append(self.activation(code, place, entry.opcode, (entry.left, entry.right), entry.argument))
        entries.reverse()
        return entries

    cdef object activation(self, Code* code, place, int opcode, tuple operands, int is_cycle):
        from snowsnake.traces.note import Note

        kind = "function" if code.arity else "file" if code.chunk != NULL and code.chunk.index == 0 else "thunk"
        return Note(kind, self.code_name(code), place, extent=self.code_place(code), opcode=opcode, operands=operands,
                    argument=is_cycle)

    cdef object last_tail_call(self, list entries):
        """Where the function that the error is in was called from, if that was a tail call: its frame is gone."""
        cdef Machine* m = self.m
        cdef Code* code
        cdef uint32_t i
        if m.tail_pc == NULL or not entries or m.error.trace[0].code == 0 \
                or m.codes[m.error.trace[0].code - 1] != m.tail_target:
            return None
        for i in range(m.code_count):
            code = m.codes[i]
            if code.chunk != NULL and code.is_linked and code.chunk.code <= m.tail_pc < code.chunk.code + code.chunk.code_size_bytes:
                return self.span_place(code)
        return None

    cdef object span_place(self, Code* code):
        cdef uint32_t end = 0, start = position_in(code, self.m.tail_pc + 1, &end)
        return self.place(start, end)

    cdef object code_name(self, Code* code):
        if code.chunk == NULL or code.chunk.name.size_bytes == 0:
            return ""
        return PyBytes_FromStringAndSize(<const char*>code.chunk.name.data, code.chunk.name.size_bytes).decode("utf-8", "replace")

    cdef object code_place(self, Code* code):
        if code.chunk == NULL or code.position_base == 0:
            return None
        return self.place(code.position_base + code.chunk.start_byte, code.position_base + code.chunk.end_byte)


cdef class Handle:
    """A value of an evaluator, forced or not."""

    cdef Evaluator evaluator
    cdef uint32_t slot

    def __dealloc__(self):
        if self.evaluator is not None and self.evaluator.released is not None:     # None: Python cleared a cycle
            self.evaluator.released.append(self.slot)

    cdef Word word(self):
        return val(self.evaluator.m.handles[self.slot])

    cdef Word forced(self) except? 0x57:
        """The value, forced; call between enter() and leave()."""
        cdef Machine* m = self.evaluator.m
        cdef Word w = self.word()
        if is_thunk(w):
            push(m, w)
            self.evaluator.run_call(0)
            m.handles[self.slot] = m.result
            w = val(m.result)             # a function comes back in its cell, which `==` compares
        return w

    cdef Word internal_call(self, int which) except? 0x57:
        cdef Machine* m = self.evaluator.m
        push(m, self.word())
        push(m, m.internals[which])
        self.evaluator.run_call(1)
        return val(m.result)

    cdef Word builtin_call(self, const char* name, tuple flags=()) except? 0x57:
        """Call a builtin by name on this value and then Booleans."""
        cdef Machine* m = self.evaluator.m
        cdef uint32_t i
        cdef Word function = 0
        for i in range(m.builtin_count):
            if m.builtins[i].name == (<bytes>name):
                function = m.builtins[i].word
        if function == 0:
            raise RuntimeError(f"no builtin {(<bytes>name).decode()}")
        push(m, self.word())
        for flag in flags:
            push(m, WORD_TRUE if flag else WORD_FALSE)
        push(m, function)
        self.evaluator.run_call(<uint32_t>len(flags) + 1)
        return val(m.result)

    def force(self):
        """Evaluate to weak head normal form."""
        self.evaluator.enter()
        try:
            self.forced()
        finally:
            self.evaluator.leave()

    def deep_force(self):
        """Evaluate everything inside lists and sets as well."""
        self.evaluator.enter()
        try:
            self.evaluator.m.handles[self.slot] = self.internal_call(INTERNAL_DEEP_FORCE)
        finally:
            self.evaluator.leave()

    def type_name(self):
        """"int", "float", "string", "path", "null", "bool", "list", "set" or "lambda".  Forces."""
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
        finally:
            self.evaluator.leave()
        return _type_name(w)

    def string(self):
        """The bytes of a string.  Forces; an error if it is not one."""
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_string(w):
                self.evaluator.check(raise_type(self.evaluator.m, "a string", w))
            return _bytes(w)
        finally:
            self.evaluator.leave()

    def to_python(self):
        """None, bool, int, float, str, list or dict; a path as its text, a function as its Handle.  Forces deeply.

        Strings that are not UTF-8 are decoded with surrogate escapes.  Shared values become shared objects.
        """
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.internal_call(INTERNAL_DEEP_FORCE)
            return self.convert(w)
        finally:
            self.evaluator.leave()

    cdef object scalar(self, Word w):
        """A value that holds no others; NotImplemented for lists and sets."""
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
        return self.evaluator.handle(w)

    cdef object convert(self, Word root):
        """Without recursion: containers are made empty, remembered by address, and filled from a list of work."""
        cdef Machine* m = self.evaluator.m
        cdef Word w, item
        cdef uint64_t i, n
        cdef uint32_t* order
        seen = {}
        root_object = self.scalar(root)
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
            for i in range(n):
                item = val(list_items(w)[i] if is_list(w) else attrs_values(w)[order[i]])
                converted = self.scalar(item)
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
        """Nix text as `nix-instantiate --eval` prints it.  Forces the value, deeply if *strict*.

        *kinds*: what is not printed in full reads `«thunk»`, `«lambda f @ file:1:2»` instead of `<CODE>`, `<LAMBDA>`.
        """
        cdef Machine* m = self.evaluator.m
        cdef ByteBuffer out
        cdef Word w
        memset(&out, 0, sizeof(out))
        self.evaluator.enter()
        try:
            w = self.internal_call(INTERNAL_DEEP_FORCE) if strict else self.forced()
            m.handles[self.slot] = w
            self.evaluator.check(print_value(m, w, &out, PRINT_KINDS if kinds else PRINT_CODES))
            return PyBytes_FromStringAndSize(<char*>out.data, out.size_bytes)
        finally:
            free(out.data)
            self.evaluator.leave()

    def describe(self):
        """Type and value in one short line, as error messages show them; forces nothing."""
        cdef char* text
        self.evaluator.enter()
        try:
            text = describe(self.evaluator.m, self.word())
            if text == NULL:
                raise MemoryError
            try:
                return (<bytes>text).decode("utf-8", "replace")
            finally:
                free(text)
        finally:
            self.evaluator.leave()

    def is_same(self, Handle other):
        """Whether both are the same object of the machine: for sets and lists, not merely equal ones.  Forces nothing."""
        return other.evaluator is self.evaluator and self.word() == other.word()

    def code(self):
        """(place, number of its chunk in its file) of a function, or of what is not evaluated yet; None for anything else."""
        cdef Word w = self.word()
        cdef Code* code
        while is_function(w) and kind_of(w) == KIND_PARTIAL:
            w = pointer_of(w)[1]
        if not (is_function(w) and kind_of(w) == KIND_CLOSURE) \
                and not (is_thunk(w) and header_state(pointer_of(w)[0]) == THUNK_SUSPENDED):
            return None
        self.evaluator.enter()
        try:
            code = code_of(self.evaluator.m, w)
            if code.chunk == NULL:
                return None
            return self.evaluator.code_place(code), code.chunk.index
        finally:
            self.evaluator.leave()

    def coerce_to_string(self):
        """The bytes of a string, path (copied to the store) or set that can be coerced, as `"${…}"` does it."""
        self.evaluator.enter()
        try:
            return _bytes(self.internal_call(INTERNAL_COERCE_STORE))
        finally:
            self.evaluator.leave()

    def to_json(self, *, bint strict=True):
        """JSON as `--json` prints it; paths are copied to the store.

        *strict* forces deeply; without it what is not evaluated is an error, as it is for `nix-instantiate --json`.
        """
        self.evaluator.enter()
        try:
            self.forced()
            if not strict and self.holds_thunk():
                self.evaluator.check(raise_bytes(self.evaluator.m, ERROR_TYPE, _NO_JSON, strlen(_NO_JSON)))
            return _bytes(self.builtin_call("toJSON"))
        finally:
            self.evaluator.leave()

    cdef bint holds_thunk(self) except -1:
        """Whether something inside the value is not evaluated."""
        cdef Machine* m = self.evaluator.m
        cdef Word w, item
        cdef uint64_t i, n
        seen = set()
        work = [self.word()]
        while work:
            w = work.pop()
            if is_thunk(w):
                return True
            if not (is_list(w) or is_attrs(w)) or <uint64_t>w in seen:
                continue
            seen.add(<uint64_t>w)
            n = list_size(w) if is_list(w) else attrs_size(w)
            if is_attrs(w) and not attrs_flat(self.evaluator.m, w):
                self.evaluator.check(RAISE)
            for i in range(n):
                item = val(list_items(w)[i] if is_list(w) else attrs_values(w)[i])
                work.append(item)
        return False

    def to_xml(self, *, bint strict=True, bint location=True):
        """XML as `--xml` prints it; *location*: with the places of attributes and functions."""
        self.evaluator.enter()
        try:
            self.forced()
            return _bytes(self.builtin_call("__toXML", (strict, location)))
        finally:
            self.evaluator.leave()

    def keys(self):
        """Names of a set, sorted.  Forces; an error if it is not a set."""
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
        """An attribute, not forced.  KeyError if it is not there."""
        cdef Machine* m = self.evaluator.m
        cdef Word w
        cdef Word* p
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_attrs(w):
                self.evaluator.check(raise_type(m, "a set", w))
            p = attrs_find(w, symbol_intern(m, <const char*>name, len(name)))
            if p == NULL:
                raise KeyError(name.decode("utf-8", "replace"))
            return self.evaluator.handle(p[0])
        finally:
            self.evaluator.leave()

    def index(self, Py_ssize_t i):
        """An element, not forced.  IndexError if it is not there."""
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_list(w):
                self.evaluator.check(raise_type(self.evaluator.m, "a list", w))
            if i < 0 or <uint64_t>i >= list_size(w):
                raise IndexError(i)
            return self.evaluator.handle(list_items(w)[i])
        finally:
            self.evaluator.leave()

    def call(self, *arguments):
        """Call a function with handles of the same evaluator; the result is forced."""
        cdef Machine* m = self.evaluator.m
        if not arguments or len(arguments) > 64:
            raise ValueError("from 1 to 64 arguments")
        for argument in arguments:
            if not isinstance(argument, Handle) or (<Handle>argument).evaluator is not self.evaluator:
                raise ValueError("arguments must be handles of the same evaluator")
        self.evaluator.enter()
        try:
            for argument in arguments:
                push(m, m.handles[(<Handle>argument).slot])
            push(m, m.handles[self.slot])
            self.evaluator.run_call(<uint32_t>len(arguments))
            return self.evaluator.handle(m.result)
        finally:
            self.evaluator.leave()

    def formals(self):
        """Of a lambda with a pattern: name → has a default; None for anything else.  Forces."""
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
            if not code.has_formals:
                return None
            return {_bytes(symbol_string(m, code.formal_symbols[i])): bool(code.formal_has_default[i])
                    for i in range(code.formal_count)}
        finally:
            self.evaluator.leave()

    def has_ellipsis(self):
        """Whether a lambda's pattern has `...`.  Forces."""
        cdef Word w
        self.evaluator.enter()
        try:
            w = self.forced()
            if not is_function(w) or kind_of(w) != KIND_CLOSURE:
                return False
            return bool(code_of(self.evaluator.m, w).has_ellipsis)
        finally:
            self.evaluator.leave()


cdef str _type_name(Word w):
    if is_attrs(w):
        return "set"
    if is_list(w):
        return "list"
    if is_string(w):
        return "string"
    if is_function(w):
        return "lambda"
    if w == WORD_NULL:
        return "null"
    if is_bool(w):
        return "bool"
    if is_int(w):
        return "int"
    if is_float(w):
        return "float"
    return "path"
