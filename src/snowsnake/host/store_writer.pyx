# cython: language_level=3
"""Connects an evaluation to an embedded store: objects that the host wants to write go to a `LocalStore` (or to what takes its place).

In: a machine and the place of a store.  Out: `StoreWriter`, which the interpreter keeps; the host's hooks call it without the GIL.
Only evaluators with a store import this module; the store, and with it SQLite, is loaded when it is first needed.
"""
import os
import sys

from cpython.bytes cimport PyBytes_FromStringAndSize

from snowsnake.foundation.buffer cimport Bytes, View, bytes_append
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.host.attention cimport attention_of
from snowsnake.host.state cimport (
    REALISED, REALISE_FAILED, REALISE_UNABLE, STORE_OBJECT_DERIVATION, STORE_OBJECT_FLAT, STORE_OBJECT_TEXT, Host, Realised, StoreObject,
    host_of,
)
from snowsnake.machine.state cimport Machine

from snowsnake.diagnostics.error import EvaluationError

_FAULTS = (OSError, ValueError)


cdef class StoreWriter:
    """The embedded store of one machine.  The machine has its address: the interpreter must keep it as long as the machine."""

    cdef object place
    # This is the store, or None until we need it.
    cdef object opened
    # Builds in the store ask this whether the machine has to stop.
    cdef object attention
    # We call this function, if it is not None, with each path that evaluation needs in the store.
    cdef public object on_write
    # Once this is true, we write nothing more.
    cdef public bint is_stopped
    # The text of a store path has this many characters before its name.
    cdef size_t skipped
    cdef object __weakref__

    def __init__(self, size_t machine, place):
        cdef Machine* m = <Machine*>machine
        cdef Host* h = host_of(m)
        # A store path begins with the folder, a slash, a hash and a hyphen.
        self.skipped = len((<bytes>h.store_dir).decode("utf-8", "surrogateescape")) + 1 + 32 + 1
        self.place = place
        self.attention = attention_of(m)
        if not getattr(place, "opens_late", False):
            try:
                self.store
            except _FAULTS as error:
                raise EvaluationError("file", _message(place.name, error)) from None
        h.writer = write_object
        h.settler = settle_objects
        h.asker = ask_object
        h.describer = describe_object
        h.opener = open_archive
        h.realiser = realise_outputs
        h.writer_context = <void*>self

    @property
    def store(self):
        """The open store."""
        if self.opened is None:
            from snowsnake.foundation.finalizing import finalize

            self.opened = self.place.open()
            self.opened.must_stop = self.attention
            finalize(self, _close, self.opened)
        return self.opened

    def close(self):
        """Writes pending additions and closes the store, if it is open."""
        if self.opened is not None:
            _close(self.opened)

    def enter_child(self):
        """Lets the store be opened again, in a child of the process that opened it: two processes must not share databases and sockets.

        Pending additions must have been written before the fork.
        """
        self.close()
        self.opened = None

    def flush(self):
        """Ensures that everything handed on is on disk and valid.  A failure is an EvaluationError."""
        if self.opened is None:
            return
        try:
            self.opened.flush()
        except _FAULTS as error:
            raise EvaluationError("file", _message(self.opened.root, error)) from None

    cdef int write(self, const StoreObject* written) except -1:
        if self.is_stopped:
            return 0
        path = _text(written.path)
        # We keep the path before we ask whether it is valid, so that nobody deletes it in between.
        self.store.keep(path)
        if self.on_write is not None:
            self.on_write(path)
        if self.store.is_valid(path) and not (getattr(self.opened, "repairs", False) and self.opened.is_damaged(path)):
            return 0
        name = path[self.skipped:]
        references = [_text(written.references[i]) for i in range(written.reference_count)]
        if written.kind == STORE_OBJECT_DERIVATION:
            made = self.store.add_derivation(_bytes(written.data), path, path)
        elif written.kind == STORE_OBJECT_TEXT:
            made = self.store.add_text(name, _bytes(written.data), references)
        elif written.source_path.size:
            source = os.fsdecode(_bytes(written.source_path))
            made = self.store.add_source(name, source, "flat" if written.kind == STORE_OBJECT_FLAT else "nar", None, references)
            if made != path:
                raise ValueError(f"'{source}' changed while it was copied")
        elif written.kind == STORE_OBJECT_FLAT:
            made = self.store.add_flat(name, _bytes(written.data))
        elif written.archive != NULL:
            with open(os.dup(written.archive[0]), "rb") as archive:
                archive.seek(0)
                made = self.store.add_archive(name, archive, references)
        else:
            made = self.store.add_archive(name, _bytes(written.data), references)
        if made != path:
            raise ValueError(f"the store made '{made}' of '{path}'")
        return 0


def _close(store):
    try:
        store.close()
    except _FAULTS as error:
        sys.stderr.write(f"warning: {_message(store.root, error)}\n")


cdef bytes _bytes(View view):
    return PyBytes_FromStringAndSize(<const char*>view.data, view.size)


cdef str _text(View view):
    return _bytes(view).decode("utf-8", "surrogateescape")


cdef str _message(str root, error):
    if isinstance(error, OSError) and error.strerror:
        return f"writing to the store in '{root}': {error.strerror}"
    return str(error) or type(error).__name__


cdef bint write_object(void* context, const StoreObject* written, Bytes* error) noexcept nogil:
    with gil:
        return _attempt(<StoreWriter>context, written, error)


cdef bint settle_objects(void* context, Bytes* error) noexcept nogil:
    with gil:
        return _attempt(<StoreWriter>context, NULL, error)


cdef Realised realise_outputs(void* context, View wanted, Bytes* names, Bytes* closure, Bytes* error) noexcept nogil:
    with gil:
        return _realise(<StoreWriter>context, wanted, names, closure, error)


cdef Realised _realise(StoreWriter writer, View wanted, Bytes* names, Bytes* closure, Bytes* error) noexcept:
    cdef bytes lines
    try:
        from snowsnake.store.graph import closure as closure_of

        items = _text(wanted).split("\n")[:-1]
        if items[0].startswith("?"):
            # The question is for an output that was built before.
            lines = writer.store.known_output(items[0][1:]).encode("utf-8", "surrogateescape")
            bytes_append(names, <const char*>lines, len(lines))
            return REALISED
        outputs = writer.store.realise(items)
        lines = "".join(_names(writer.store, items, outputs)).encode("utf-8", "surrogateescape")
        bytes_append(names, <const char*>lines, len(lines))
        if closure != NULL:
            lines = "".join(path + "\n" for path in sorted(closure_of(writer.store, outputs))).encode("utf-8", "surrogateescape")
            bytes_append(closure, <const char*>lines, len(lines))
        return REALISED
    except BaseException as fault:
        from snowsnake.store.interface import NoBuilder

        _note(writer, fault, error)
        return REALISE_UNABLE if isinstance(fault, NoBuilder) else REALISE_FAILED


def _names(store, items, outputs):
    """The placeholders of outputs whose paths were not known, with their paths."""
    from snowsnake.store.realisation import output_placeholder

    derivations = {}
    if len(items) != len(outputs):
        return
    for item, path in zip(items, outputs):
        drv_path, _, name = item.partition("!")
        if "!" in name:
            yield f"{output_placeholder(item, store.store_dir)}\t{path}\n"
            continue
        if drv_path not in derivations:
            derivations[drv_path] = store.read_derivation(drv_path)
        if derivations[drv_path].outputs[name].kind == "impure":
            raise ValueError(f"cannot operate on output '{name}' of the unbuilt derivation '{drv_path}'")
        if not derivations[drv_path].outputs[name].path:
            yield f"{output_placeholder(item, store.store_dir)}\t{path}\n"


cdef int open_archive(void* context, Bytes* error) noexcept nogil:
    with gil:
        return _open(<StoreWriter>context, error)


cdef int _open(StoreWriter writer, Bytes* error) noexcept:
    try:
        return writer.store.open_temporary()
    except BaseException as fault:
        _note(writer, fault, error)
    return -1


cdef bint _attempt(StoreWriter writer, const StoreObject* written, Bytes* error) noexcept:
    try:
        if written == NULL:
            writer.store.flush()
        else:
            writer.write(written)
        return True
    except BaseException as fault:
        _note(writer, fault, error)
    return False


cdef int _note(StoreWriter writer, fault, Bytes* error) except -1:
    cdef bytes message
    handed_over(fault)
    if isinstance(fault, _FAULTS):
        message = _message(writer.place.name if writer.opened is None else writer.opened.root, fault).encode("utf-8", "surrogateescape")
    else:
        # This is an interruption, or memory ran out: the evaluation ends with it.
        message = (type(fault).__name__ + " while writing to the store").encode()
    bytes_append(error, <const char*>message, len(message))
    return 0


cdef bint ask_object(void* context, View path) noexcept nogil:
    with gil:
        try:
            return (<StoreWriter>context).store.is_valid(_text(path))
        except BaseException as fault:
            # We report a faulty database when we write something.
            if not handed_over(fault) and not isinstance(fault, _FAULTS):
                raise
            return False


cdef bint describe_object(void* context, View path, Bytes* lines) noexcept nogil:
    with gil:
        return _describe(<StoreWriter>context, path, lines)


cdef bint _describe(StoreWriter writer, View path, Bytes* lines) noexcept:
    cdef bytes references
    try:
        found = writer.store.known(_text(path)).references
        references = "".join(reference + "\n" for reference in sorted(found)).encode("utf-8", "surrogateescape")
    except BaseException as fault:
        if handed_over(fault) or isinstance(fault, MemoryError):
            return False
        # The path is not valid, or the database is faulty, which we report when we write something.
        if isinstance(fault, _FAULTS):
            return True
        raise
    bytes_append(lines, <const char*>references, len(references))
    return not lines.failed
