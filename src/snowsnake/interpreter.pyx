# cython: language_level=3
"""Joins the parts: one machine with its builtins and its host.

In: options, sources, Python values.  Out: handles on values of the machine; what it has read, counted and compiled.
"""
import gc
import os

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from snowsnake.building cimport build, build_small
from snowsnake.builtins.fetch_host cimport access_of, fetcher_of, mount_source, mount_tree
from snowsnake.builtins.flakes cimport flake_call
from snowsnake.builtins.regex cimport regex_release
from snowsnake.builtins.registry cimport builtin_table, builtin_table_count
from snowsnake.cache.pack cimport cache_new, cache_share
from snowsnake.cache.state cimport Cache
from snowsnake.cache.writing cimport cache_flush
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.handle cimport Handle, make_handle
from snowsnake.host.byte_map cimport MapEntry, map_find
from snowsnake.host.files cimport host_resolve_import
from snowsnake.host.host cimport Borrowed, host_configure, host_forget_store_to_read, host_mount, host_records, host_settings, host_store_places
from snowsnake.host.places cimport PLACE_DISK, PLACE_FILES, FilePlace, place_of
from snowsnake.host.records cimport record_count, record_entries
from snowsnake.host.search cimport host_resolve_search_path
from snowsnake.host.state cimport host_of, host_store_dir
from snowsnake.machine.attrs cimport attrs_flat, attrs_merge
from snowsnake.machine.collector cimport census, collect, collect_expressions, plan_collection, prepare_forks, renew_nursery, set_limits, tally_nursery
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.heap cimport leave_old_space
from snowsnake.machine.importing cimport imports_free, load_source, machine_import
from snowsnake.machine.lifecycle cimport machine_free, machine_new
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, RAISE, Machine, Tally
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport TAG_LIST, WORD_NULL, Word, attrs_find, attrs_size, is_thunk, string_size
from snowsnake.runner cimport Runner
from snowsnake.syntax.parse_state cimport FEATURE_BINDINGS

from snowsnake.builtins.fetch_host import Pending
from snowsnake.diagnostics.error import make_error
from snowsnake.host.options import HostOptions, encoded
from snowsnake.syntax.features import feature_bits

# This import comes first, because it settles the numbers of the internal builtins.
import snowsnake.builtins.internal
# This import brings all other builtins.
import snowsnake.builtins.subjects

cdef enum:
    # After LEAST_EXPRESSIONS expressions, and one more for each WORDS_PER_EXPRESSION words of the heap, we free those that nobody can run any more.
    LEAST_EXPRESSIONS = 1000
    WORDS_PER_EXPRESSION = 256


# As for Borrowed: the collector of cycles clears the other objects of a cycle.
@cython.no_gc_clear
cdef class Interpreter(Runner):
    """One machine.  One thread at a time may use it; several interpreters run in as many threads.

    `level`: 0 is the specified bytecode, 1 the default.  `trace`: "operations" or "timing" writes what the machine does to
    stderr.  `watch`: (whether a line is written for each call that begins or ends, samples of the stack in a second or None), see
    observe/calls.pyx.  `store`: a folder, or the place of a store (store/place.py); evaluation writes what it adds into it.
    `search_path`: (prefix, path) pairs.  Limits of 0 are the defaults: four fifths of the memory, a call depth of two million, no time
    limit.  `cache`: the folder of compiled files, none if empty; `cache_by_content`: a file is recognised by its content alone, not by its
    time and size.  `prints_nix`: values may be printed as Nix text, in which a list that occurs twice through the same cell is shown
    once; without it such cells need no memory.  `hides_time`: `builtins.currentTime` does not exist, as in pure evaluation.
    """

    # We compiled this many expressions since we last freed the unreachable ones.
    cdef uint64_t expressions
    cdef uint64_t most_expressions
    # This keeps the observer's state alive.
    cdef object tracer
    # This keeps the store's state alive; it is None if we write nothing.
    cdef object store_writer
    cdef Borrowed held
    cdef object __weakref__

    def __cinit__(self):
        self.expressions = 0
        self.held = Borrowed()
        self.most_expressions = LEAST_EXPRESSIONS

    def __init__(self, *, int level=1, search_path=(), bint pure=False, bint restricted=False, allowed_paths=(), features=(),
                 uint64_t memory_limit_bytes=0, uint32_t depth_limit=0, double timeout_s=0.0, bint stress=False,
                 bint trace_verbose=False, bint abort_on_warn=False, store=None, str trace="", watch=None,
                 bytes cache=b"", uint64_t cache_limit_bytes=256 << 20, bint cache_by_content=False, bint count_objects=False,
                 bint prints_nix=True, bint hides_time=False, **host_options):
        cdef Machine* m
        if self.m != NULL:
            raise RuntimeError("an evaluator is initialised once")
        m = machine_new(builtin_table(), builtin_table_count(), memory_limit_bytes, depth_limit)
        if m == NULL:
            # A program that made hundreds of evaluators may hold dead ones in reference cycles.
            gc.collect()
            m = machine_new(builtin_table(), builtin_table_count(), memory_limit_bytes, depth_limit)
            if m == NULL:
                raise MemoryError("no address space for an evaluator")
        self.m = m
        try:
            m.level = level
            m.stress = stress
            m.kept_cells |= <uint64_t>prints_nix << TAG_LIST
            m.trace_verbose = trace_verbose
            m.abort_on_warn = abort_on_warn
            m.features = feature_bits(features, pure, hides_time)
            if count_objects:
                m.tally = <Tally*>allocate_zeros(1, sizeof(Tally))
                if m.tally == NULL:
                    raise MemoryError
            if trace:
                from snowsnake.observe.tracer import attach

                self.tracer = attach(<size_t>m, trace == "timing")
            elif watch is not None:
                from snowsnake.observe.calls import attach
                from snowsnake.traces.source_tree import SourceTree

                self.tracer = attach(<size_t>m, *watch, SourceTree)
            self.timeout_s = timeout_s
            if store is not None:
                if isinstance(store, str):
                    from snowsnake.store.place import StorePlace

                    store = StorePlace.in_root(store)
                host_options["store_dir"] = store.store_dir
                host_options["real_store"] = store.real
            if cache:
                m.cache = cache_new(cache, cache_limit_bytes, cache_by_content)
            host_configure(m, self.held, HostOptions(search_path=search_path, pure=pure, restricted=restricted, allowed_paths=allowed_paths,
                                          features=features, **host_options))
            if store is not None:
                from snowsnake.host.store_writer import StoreWriter

                self.store_writer = StoreWriter(<size_t>m, store)
            set_limits(m)
        except BaseException:
            # Nobody may use a machine that has only half of its options.
            self.m = NULL
            machine_free(m)
            raise

    def __dealloc__(self):
        if self.m != NULL:
            regex_release(self.m)
        machine_free(self.m)

    def stacks(self):
        """`STACK COUNT` of each stack of calls that was met; see `watch`."""
        return self.tracer.lines()

    # ---- sources ------------------------------------------------------------------------------------------------

    def evaluate(self, bytes source, str base_path, str name="«string»", scope=None, bint is_bindings=False):
        """Compiles an expression; relative paths start at *base_path*.  Nothing is forced.

        `scope`: plain data of names that the expression sees, or the handle of a set.  `is_bindings`: the source is the inside of a set
        (`a = 1; inherit b`), whose last `;` may be missing.  Raises EvaluationError for syntax errors and undefined variables.
        """
        cdef Machine* m = self.machine()
        cdef bytes base = encoded(base_path)
        cdef bytes label = name.encode("utf-8", "surrogateescape")
        cdef uint32_t size = <uint32_t>len(source)
        cdef const char* label_text = label
        cdef const uint8_t* base_text = <const uint8_t*><const char*>base
        cdef uint32_t base_size = <uint32_t>len(base)
        cdef uint8_t* copy
        cdef Word w = 0, names = WORD_NULL
        cdef int outcome
        if "\0" in name:
            raise ValueError("a name of a text with a NUL character")
        if len(source) > 0xFFFFFF00:
            raise make_error(ERROR_MEMORY, "an expression of more than 4 GiB")
        self.enter()
        try:
            copy = <uint8_t*>allocate_items(size + 1, 1)
            if copy == NULL:
                raise MemoryError
            memcpy(copy, <const char*>source, size)
            copy[size] = 0
            self.forget()
            try:
                if scope is not None:
                    names = build(self, scope)
                    if is_thunk(names):
                        raise ValueError("a scope is a set that is evaluated")
                    if not attrs_flat(m, names):
                        self.check(RAISE)
                    if attrs_size(names) == 0:
                        names = WORD_NULL
                self.start_run()
            except BaseException:
                free(copy)
                raise
            if is_bindings:
                m.features |= FEATURE_BINDINGS
            with nogil:
                outcome = load_source(m, label_text, base_text, base_size, copy, size, names, &w)
            m.features &= ~<uint32_t>FEATURE_BINDINGS
            self.finish_run(outcome)
            return make_handle(self, w)
        finally:
            self.leave()

    def evaluate_file(self, str path):
        """Compiles a file (a folder's default.nix) like `import`: the same file is compiled once.  Nothing is forced."""
        cdef bytes name = os.fsencode(os.path.abspath(path))
        cdef const uint8_t* text = <const uint8_t*><const char*>name
        cdef size_t size = len(name)
        cdef Bytes resolved
        cdef Word w = 0
        cdef int outcome
        memset(&resolved, 0, sizeof(resolved))
        self.enter()
        try:
            self.start_run()
            with nogil:
                outcome = host_resolve_import(self.m, text, size, &resolved)
                if outcome == DONE:
                    outcome = machine_import(self.m, resolved.data, resolved.size, &w)
            self.finish_run(outcome)
            return make_handle(self, w)
        finally:
            free(resolved.data)
            self.leave()

    def resolve_search_path(self):
        """Looks at all entries of the search path now, which is otherwise done when a name is looked up in it."""
        cdef int outcome
        self.enter()
        try:
            self.start_run()
            with nogil:
                outcome = host_resolve_search_path(self.m)
            self.finish_run(outcome)
        finally:
            self.leave()

    def forget_imports(self):
        """Forgets the files that were imported: the next `import` reads them again, because they may have changed."""
        cdef uint32_t i
        self.enter()
        try:
            imports_free(self.m)
            for i in range(self.m.file_count):
                if self.m.files[i].is_imported:
                    # The value was a root of the collector, and nobody needs it any more.
                    self.m.files[i].value = WORD_NULL
        finally:
            self.leave()

    def mount(self, str store_path, files):
        """Reads *store_path* and everything below it through a `host.file_system.FileSystem`; ValueError if it is not in the store."""
        self.enter()
        try:
            host_mount(self.m, os.fsencode(store_path), files)
        finally:
            self.leave()

    def add_builtins(self, dict added not None):
        """Adds attributes to `builtins`, of plain data.  Call it before anything is compiled.  Raises ValueError for names that exist."""
        cdef Machine* m = self.machine()
        cdef Word words
        cdef Handle known = self.evaluate(b"builtins", "/")
        known.force()
        for name in known.keys():
            if name.decode() in added:
                raise ValueError(f"builtins.{name.decode()} is there already: choose another name")
        self.enter()
        try:
            words = build(self, added)
            words = attrs_merge(m, known.word(), words)
            if words == 0 or not attrs_flat(m, words):
                self.check(RAISE)
            attrs_find(words, symbol_intern(m, "builtins", 8))[0] = words
            m.builtins_attrs = words
        finally:
            self.leave()

    def from_python(self, value, bint is_small=False):
        """Makes a value of None, bool, int, float, str, bytes, path, a list or tuple, or a dict with str or bytes keys.

        `is_small`: `building.is_plain` accepted the data.  Strings have no context.  Raises OverflowError for an int that needs more than
        64 bits, and TypeError for another type.
        """
        self.enter()
        try:
            return make_handle(self, build_small(self, value) if is_small else build(self, value))
        finally:
            self.leave()

    cdef int forget(self) except -1:
        """Frees, now and then, the expressions that nobody can run any more; the cost grows with the heap."""
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

    # ---- flakes -------------------------------------------------------------------------------------------------

    @property
    def fetcher(self):
        """The object that fetches sources for this interpreter (`fetch.Fetcher`)."""
        return fetcher_of(self.machine())

    def mount_source(self, source):
        """Lets evaluation read a fetched source at its store path."""
        mount_source(self.machine(), source)

    def fetch_tree(self, str address):
        """Fetches the tree at a URL (of an archive, `channel:…`, `flake:…`), and returns its path in the logical store; raises FetchFailure."""
        from snowsnake.builtins.engines.fetch_calls import fetch_address

        store_path, tree = fetch_address(access_of(self.machine()), address)
        mount_tree(self.m, store_path, tree)
        return store_path

    def check_input(self, input):
        """Raises FetchFailure if the policy forbids fetching an input."""
        from snowsnake.builtins.engines.fetch_calls import check_uri

        check_uri(access_of(self.machine()), input.to_url())

    def call_flake(self, bytes source, bytes lock, bytes found):
        """The flake of a lock file, not evaluated: see flake/calling.py."""
        self.enter()
        try:
            return make_handle(self, flake_call(self.m, source, lock, found))
        except Pending:
            self.check(RAISE)
        finally:
            self.leave()

    def flush_cache(self):
        """Writes what was compiled into the cache of compiled files.  The machine does this by itself when it comes to rest."""
        if self.machine().cache != NULL:
            cache_flush(<Cache*>self.m.cache)

    def gather_cache(self):
        """Lets what was compiled wait until there is much of it, or for `flush_cache`: each time it is written, the pack is locked and mapped.

        This is for one of several processes at the same work: each finds what the others have written meanwhile.
        """
        if self.machine().cache != NULL:
            cache_share(<Cache*>self.m.cache)

    def flush_store(self):
        """Ensures that what evaluation added to the embedded store is on disk and valid; an EvaluationError says what went wrong."""
        if self.store_writer is not None:
            self.store_writer.flush()

    def stop_writing(self):
        """Stops putting what is evaluated into the store; its paths stay the same."""
        if self.store_writer is not None:
            self.store_writer.flush()
            self.store_writer.is_stopped = True

    def close_store(self):
        """Flushes and closes the store that is written to.  Nothing may be evaluated afterwards."""
        if self.store_writer is not None:
            self.store_writer.close()

    @property
    def builds_during_evaluation(self):
        """Whether evaluation may read what has to be built first.  At first it is the setting `allow-import-from-derivation`."""
        return host_of(self.machine()).imports_derivations

    @builds_during_evaluation.setter
    def builds_during_evaluation(self, bint value):
        host_of(self.machine()).imports_derivations = value

    def watch_store(self, on_write):
        """Calls *on_write* with the path of each object that evaluation puts into the store, also if it was there before; None ends that."""
        if self.store_writer is not None:
            self.store_writer.on_write = on_write

    def enter_child(self):
        """Opens again what two processes must not share.  A child of the process that made the evaluator calls this before anything else.

        The parent must have flushed its store and its cache before it made the child; it can go on using the evaluator.
        """
        if self.store_writer is not None:
            self.store_writer.enter_child()
        else:
            host_forget_store_to_read(self.machine())
        if host_of(self.machine()).fetcher != NULL:
            self.fetcher.enter_child(self.store)
        renew_nursery(self.machine())

    def prepare_forks(self):
        """Makes it cheap to fork many children of this process: values that have lived long lie in large pages then, where Linux has them."""
        prepare_forks(self.machine())

    def derivation_text(self, str drv_path):
        """The text of a derivation that this evaluator made, or None.  It is known if the evaluator has a store, or the option `keeps_derivations`."""
        cdef bytes path = os.fsencode(drv_path)
        cdef MapEntry* entry
        if self.store_writer is not None:
            try:
                return self.store_writer.store.read(drv_path)
            except (OSError, ValueError):
                return None
        entry = map_find(&host_of(self.machine()).derivations, <const uint8_t*><const char*>path, len(path))
        return None if entry == NULL else entry.value[:entry.value_size]

    @property
    def store_dir(self):
        """The folder with which the paths of the logical store begin."""
        cdef View directory = host_store_dir(self.machine())
        return directory.data[:directory.size].decode("utf-8", "surrogateescape")

    @property
    def store(self):
        """The embedded store that is written to (a `LocalStore`), or None."""
        return None if self.store_writer is None else self.store_writer.store

    # ---- what it did --------------------------------------------------------------------------------------------

    def files_read(self):
        """Returns the paths of the files, folders and trees that were read, in order, each once."""
        return list(dict.fromkeys([os.fsdecode(path) for kind, path, _ in host_records(self.machine())
                                   if kind in ("file", "directory", "tree")]))

    def records(self):
        """(kind, path or name) of everything that was asked of the world, in order."""
        return [(kind, os.fsdecode(name)) for kind, name, _ in host_records(self.machine())]

    def record_count(self):
        """How many questions were asked of the world so far."""
        return record_count(self.machine())

    def dependencies(self, uint32_t skipped=0):
        """Everything that was asked, with the answers: `snowsnake.dependencies.Dependencies`.

        *skipped*: how many questions at the beginning are left out, except for those whose answers changed during the evaluation.
        """
        from snowsnake.dependencies import from_record

        record = record_entries(self.machine(), skipped)
        return from_record(record, host_settings(self.machine()), host_store_places(self.machine()))

    def record_sum(self):
        """A hash of everything that was asked, with the answers and the stamps of files; b"" if no stamp says whether an answer is still the same."""
        from snowsnake.dependencies import sum_of_record

        return sum_of_record(record_entries(self.machine(), 0))

    def lies_at(self, str path):
        """Where a path is read: (place on disk, None, b""), or (None, file system, path in it); (None, None, b"") if it cannot be read."""
        cdef bytes data = os.fsencode(path)
        cdef FilePlace place
        self.enter()
        try:
            if place_of(self.m, <const uint8_t*><const char*>data, len(data), &place) != DONE:
                error_clear(self.m)
                return None, None, b""
            if place.kind == PLACE_FILES:
                return None, <object>place.files, place.rest.data[:place.rest.size]
            return (<bytes>place.disk if place.kind == PLACE_DISK else None), None, b""
        finally:
            self.leave()

    def statistics(self):
        """Counters of the machine; sizes in bytes, times in nanoseconds.

        `made` has the number of objects made so far and their bytes, by kind, if the evaluator has the option `count_objects`.
        """
        cdef Machine* m = self.machine()
        cdef Tally tally
        cdef uint64_t symbol_bytes = 0, i
        for i in range(m.symbol_count):
            symbol_bytes += string_size(symbol_string(m, <uint32_t>i))
        memset(&tally, 0, sizeof(tally))
        leave_old_space(m)
        if m.tally != NULL:
            tally_nursery(m, &tally)
        from snowsnake.machine.object_table import NAMES

        return {
            "heap_bytes": ((m.hp - m.heap_base) + (m.old_top - m.old_base)) * sizeof(Word),
            "made_bytes": (m.made_words + (m.hp - m.heap_base)) * sizeof(Word),
            "made": {name: (tally.objects[kind], tally.words[kind] * sizeof(Word)) for kind, name in enumerate(NAMES, 1)},
            "collections": m.collection_count,
            "nursery_collections": m.minor_count,
            "promoted_bytes": m.promoted_words * sizeof(Word),
            "collection_ns": m.collection_ns,
            "collects_at_bytes": (m.collect_at - m.old_base) * sizeof(Word),
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
        """The number of objects in the heap and their bytes, by kind, dead ones included; for thunks, also the bytes by state.

        >>> Interpreter().census()["builtin"][0] > 100
        True
        """
        cdef uint64_t[32] objects
        cdef uint64_t[32] words
        cdef uint64_t[8] states
        memset(objects, 0, sizeof(objects))
        memset(words, 0, sizeof(words))
        memset(states, 0, sizeof(states))
        from snowsnake.machine.object_table import NAMES

        census(self.machine(), objects, words, states)
        counted = {name: (objects[kind], words[kind] * sizeof(Word)) for kind, name in enumerate(NAMES, 1)}
        for state, name in enumerate(("suspended", "running", "done", "failed")):
            counted[f"thunk {name}"] = (0, states[state] * sizeof(Word))
        return counted

    def machine_address(self):
        """The address of the machine, for tests that look into its memory (tests/unit/test_roots.py)."""
        return <size_t>self.machine()

    def chunks(self):
        """(kind, name, place, bytes of code, upvalues, arity) of everything compiled so far, in the order of compiling."""
        from snowsnake.observe.compiled import compiled
        from snowsnake.traces.pending import Places

        places = Places(<size_t>self.machine())
        return [(kind, name, places.place(*span), *sizes) for kind, name, span, *sizes in compiled(<size_t>self.m)]

    def made_bytes(self):
        """How many bytes of values were made so far: the number of `statistics`, without the time that its other numbers take."""
        cdef Machine* m = self.machine()
        leave_old_space(m)
        return (m.made_words + <uint64_t>(m.hp - m.heap_base)) * sizeof(Word)

    def limit_growth(self, uint64_t size_bytes):
        """Lowers the memory limit, so that values may take at most so many bytes more than now."""
        cdef Machine* m = self.machine()
        cdef uint64_t words
        leave_old_space(m)
        words = <uint64_t>(m.hp - m.heap_base) + <uint64_t>(m.old_top - m.old_base) + size_bytes // sizeof(Word)
        if words < m.memory_limit_words:
            m.memory_limit_words = words

    def let_grow(self, uint64_t size_bytes):
        """Lets the old space grow by so many bytes before it is collected, unless it grows by more anyway.

        A collection copies all values that have lived long, and nearly all of those of a package set are used to the end.  The heap does not
        exceed half of the memory limit because of this.
        """
        cdef Machine* m = self.machine()
        cdef uint64_t used
        leave_old_space(m)
        used = <uint64_t>(m.old_top - m.old_base)
        if size_bytes // sizeof(Word) > m.least_growth_words:
            m.least_growth_words = size_bytes // sizeof(Word)
            plan_collection(m, used, used)

    def collect(self):
        """Runs the collector now."""
        self.enter()
        try:
            with nogil:
                collect(self.m)
                set_limits(self.m)
        finally:
            self.leave()
