# cython: language_level=3
"""The connection between a machine and its fetcher: policy, mounted sources, errors.

In: a machine.  Out: Python objects of `fetch/`; sources in the logical store; exceptions as errors.  `fetch/` is only imported when a
program fetches something.
"""
import os

from libc.errno cimport errno
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from snowsnake.diagnostics.message_table cimport MESSAGE_INTERRUPTED
from snowsnake.foundation.buffer cimport Bytes, make_view
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.host.attention cimport attention_of
from snowsnake.host.files cimport host_resolve
from snowsnake.host.host cimport host_hold, host_mount
from snowsnake.host.policy cimport host_check_access, host_has_feature
from snowsnake.host.records cimport RECORD_SOURCE, STATE_DISPUTED, STATE_FIXED, STATE_FOUND, record
from snowsnake.host.state cimport (
    FEATURE_FETCH_CLOSURE, FEATURE_FETCH_TREE, FEATURE_FLAKES, FEATURE_VERIFIED_FETCHES, OBJECT_FETCH_PROGRESS, OBJECT_SETTINGS, RESOLVE_FULL, Host,
    host_object, host_of,
)
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport Attr, attrs_build, scratch_entries
from snowsnake.machine.errors cimport error_clear, format_text, raise_bytes, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_reserve, make_int, make_string
from snowsnake.machine.notes cimport NOTE_FETCHING
from snowsnake.machine.state cimport DONE, ERROR_ACCESS, ERROR_FILE, ERROR_INTERNAL, ERROR_MEMORY, ERROR_VALUE, FAULT_FETCH, RAISE, Machine
from snowsnake.machine.symbols cimport context_single, symbol_intern
from snowsnake.machine.unwind cimport trace_note
from snowsnake.machine.word cimport WORD_FALSE, WORD_TRUE, string_data, string_size
from snowsnake.store.exact_open cimport exact_open

_FEATURES = {
    "flakes": FEATURE_FLAKES,
    "fetch-tree": FEATURE_FETCH_TREE,
    "fetch-closure": FEATURE_FETCH_CLOSURE,
    "verified-fetches": FEATURE_VERIFIED_FETCHES,
}


class Pending(Exception):
    """The machine has an error already."""


# Only code that has this object can make objects with a machine.
cdef object _KEY = object()


cdef class _Record:
    """Records a fetched source with the host: its URL and its hash."""

    cdef Machine* m

    def __call__(self, str address, str hash, bint is_locked):
        cdef bytes name = address.encode("utf-8", "surrogateescape")
        cdef bytes value = hash.encode()
        if not record(self.m, RECORD_SOURCE, make_view(<const char*>name, len(name)), STATE_FIXED if is_locked else STATE_FOUND,
                      <const char*>value, len(value)):
            raise Pending


cdef class Access:
    """What the policy of an evaluation allows."""

    cdef Machine* m

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("the evaluator makes it")

    @property
    def fetcher(self):
        return fetcher_of(self.m)

    @property
    def is_pure(self):
        return bool(host_of(self.m).is_pure)

    @property
    def is_restricted(self):
        return bool(host_of(self.m).is_restricted)

    def has_feature(self, name):
        return host_has_feature(self.m, _FEATURES[name])

    def check_path(self, str path):
        """Raises an exception unless evaluation may read the path."""
        self._resolved(path)

    def open_file(self, str path, int flags):
        """A descriptor of what evaluation may read; OSError if it cannot be opened.

        Exactly the path that was resolved and found allowed is opened: if somebody puts a link there meanwhile, opening fails."""
        cdef bytes resolved
        cdef int fd
        try:
            resolved = self._resolved(path)
        except Pending:
            from snowsnake.fetch.errors import ForbiddenAccess

            error_clear(self.m)
            raise ForbiddenAccess(f"access to absolute path '{path}' is forbidden in restricted mode") from None
        fd = exact_open(resolved, 0, flags)
        if fd < 0:
            raise OSError(errno, os.strerror(errno), path)
        return fd

    cdef bytes _resolved(self, str path):
        """The target of a path, if evaluation may read both; otherwise raises Pending."""
        cdef bytes text = path.encode("utf-8", "surrogateescape")
        cdef bytes found = None
        cdef const uint8_t* data = <const uint8_t*><const char*>text
        cdef Bytes resolved
        cdef int outcome = host_check_access(self.m, data, len(text))
        memset(&resolved, 0, sizeof(resolved))
        # C++ Nix stops checking here, and follows links even to what the policy forbids; we also check the target.
        if outcome == DONE:
            outcome = host_resolve(self.m, data, len(text), RESOLVE_FULL, &resolved)
        if outcome == DONE:
            outcome = host_check_access(self.m, resolved.data, resolved.size)
        if outcome == DONE:
            found = (<const char*>resolved.data)[:resolved.size]
        free(resolved.data)
        if outcome != DONE:
            raise Pending
        return found


cdef object access_of(Machine* m):
    cdef Access access = Access(_KEY)
    access.m = m
    return access


cdef object fetcher_of(Machine* m):
    cdef Host* h = host_of(m)
    cdef _Record kept
    if h.fetcher == NULL:
        from snowsnake.builtins.engines.fetch_calls import make_fetcher

        fetcher = make_fetcher(
            host_object(h, OBJECT_SETTINGS),
            host_object(h, OBJECT_FETCH_PROGRESS),
            frozenset([name for name, bit in _FEATURES.items() if h.features & <uint32_t>bit]),
            (<bytes>h.store_dir).decode("utf-8", "surrogateescape"),
            (<object>h.writer_context).store if h.writer != NULL else None,
            (<bytes>h.working_directory).decode("utf-8", "surrogateescape"),
            attention_of(m),
        )
        kept = _Record()
        kept.m = m
        fetcher.on_fetched = kept
        if h.is_restricted:
            from functools import partial

            from snowsnake.builtins.engines.fetch_calls import check_uri

            access = access_of(m)
            fetcher.open_checked = access.open_file
            fetcher.check_uri = partial(check_uri, access)
        host_hold(m, fetcher)
        h.fetcher = <void*>fetcher
    return <object>h.fetcher


cdef int mount_source(Machine* m, object source) except -1:
    return mount_tree(m, source.store_path, source.files)


cdef int mount_tree(Machine* m, str store_path, object tree) except -1:
    """Mounts a tree, whose files are read where they are: in Git objects, a folder, an archive."""
    host_mount(m, store_path.encode("utf-8", "surrogateescape"), tree)
    return 0


cdef int raise_python(Machine* m, object error) noexcept:
    """Errors of fetching keep their notes, those of registries and flakes their kind; any other exception is our bug."""
    cdef bytes message
    cdef int code = ERROR_FILE
    try:
        from snowsnake.diagnostics.error import EvaluationError
        from snowsnake.fetch.errors import FetchCancelled, FetchFailure, ForbiddenAccess, MalformedInput

        if isinstance(error, Pending):
            return RAISE
        if handed_over(error) or isinstance(error, FetchCancelled) or isinstance(error, KeyboardInterrupt):
            return _raise_stop(m)
        message = str(error).encode("utf-8", "surrogateescape")
        if isinstance(error, ForbiddenAccess):
            code = ERROR_ACCESS
        elif isinstance(error, MalformedInput):
            code = ERROR_VALUE
        elif isinstance(error, MemoryError):
            return raise_text(m, ERROR_MEMORY, NULL)
        elif isinstance(error, EvaluationError):
            code = ERROR_ACCESS if error.code == "access" else ERROR_VALUE
        elif not isinstance(error, FetchFailure):
            code = ERROR_INTERNAL
            message = (type(error).__name__ + ": ").encode() + message
        # A source that is missing now may be there the next time, which nobody can check.
        if code == ERROR_FILE and not record(m, RECORD_SOURCE, make_view(<const char*>message, len(message)), STATE_DISPUTED, NULL, 0):
            return RAISE
        raise_bytes(m, code, <const char*>message, len(message))
        if isinstance(error, FetchFailure) or isinstance(error, EvaluationError):
            m.error.fault = FAULT_FETCH
            m.error.exit_code = error.exit_code
            kind = error.kind.encode() if isinstance(error, FetchFailure) else type(error).__name__.encode()
            m.error.subject = symbol_intern(m, <const char*>kind, len(kind))
        for note in getattr(error, "notes", ()):
            message = note.encode("utf-8", "surrogateescape").replace(b"\0", b"?")
            trace_note(m, NOTE_FETCHING, format_text("%s", <const char*>message))
        return RAISE
    except BaseException:
        # Memory is short, or the user interrupts, so no better error can be made.
        return raise_text(m, ERROR_MEMORY, NULL)


cdef int _raise_stop(Machine* m) noexcept:
    return stop(m) if must_stop(m) else raise_message(m, worded(MESSAGE_INTERRUPTED))


cdef object text_of(Word s):
    return (<char*>string_data(s))[:string_size(s)].decode("utf-8", "surrogateescape")


cdef int build_result(Machine* m, object pairs) except -1:
    cdef Attr* entries
    cdef bytes name, data
    cdef uint32_t i = 0, context
    encoded = [(key.encode(), value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value,
                key == "outPath") for key, value in pairs]
    if not heap_reserve(m, sum([len(value) for _, value, _ in encoded if isinstance(value, bytes)]) // 8 + 4096):
        raise Pending
    entries = scratch_entries(m, len(encoded))
    if entries == NULL:
        raise Pending
    for name, value, is_path in encoded:
        entries[i].symbol = symbol_intern(m, <const char*>name, len(name))
        entries[i].position = 0
        if isinstance(value, bool):
            entries[i].value = WORD_TRUE if value else WORD_FALSE
        elif isinstance(value, int):
            entries[i].value = make_int(m, <int64_t>value)
        else:
            data = value
            context = context_single(m, symbol_intern(m, <const char*>data, len(data))) if is_path else 0
            entries[i].value = make_string(m, <const char*>data, len(data), context)
        i += 1
    m.result = attrs_build(m, entries, i)
    free(entries)
    return 0
