# cython: language_level=3
"""The logical store: whether a path is valid, outputs that must be built first, derivations that are on disk.

In: store paths, outputs that evaluation reads.  Out: answers, recorded; built outputs, through the store's hooks.
"""
import os

from libc.stdint cimport uint8_t
from libc.string cimport memchr, memset

from snowsnake.cache.layout cimport FileStamp
from snowsnake.diagnostics.message_table cimport MESSAGE_BUILDS_NOT_ALLOWED, MESSAGE_BUILT_DURING_EVALUATION, MESSAGE_NO_STORE_TO_BUILD_IN
from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_free, bytes_init, bytes_text, bytes_view, make_view, view_of
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.host.internal_files cimport is_internal
from snowsnake.host.messages cimport host_warn
from snowsnake.host.places cimport CHANGED, is_elsewhere, place_read, place_type, real_store_has
from snowsnake.host.policy cimport host_allow, host_has_feature
from snowsnake.host.records cimport RECORD_VALID, STATE_ABSENT, STATE_FOUND, record, record_file
from snowsnake.host.state cimport (
    FEATURE_CA_DERIVATIONS, FEATURE_DYNAMIC_DERIVATIONS, FEATURE_IMPURE_DERIVATIONS, FILE_NONE, OBJECT_STORE_TO_READ, REALISED, REALISE_UNABLE, Host, Realised,
    host_object, host_of, host_store_dir, is_guarded,
)
from snowsnake.host.store_hooks cimport raise_store_error
from snowsnake.machine.attention cimport error_disregard
from snowsnake.machine.errors cimport error_clear, raise_message, raise_text, worded
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_MEMORY, FAULT_NOT_BUILT, FAULT_OTHER, RAISE, Machine
from snowsnake.store.dynamic_inputs cimport unbuilt_output
from snowsnake.store.known_derivations cimport KnownDerivations, derivations_init, derivations_references


cdef bint host_store_has(Machine* m, View store_path) noexcept nogil:
    cdef bint answer = store_has(m, store_path)
    if not is_internal(m, store_path.data, store_path.size) and not is_elsewhere(m, store_path.data, store_path.size) \
            and not record(m, RECORD_VALID, store_path, STATE_FOUND if answer else STATE_ABSENT, NULL, 0):
        error_clear(m)
    return answer


cdef bint store_has(Machine* m, View store_path) noexcept nogil:
    cdef int kind = FILE_NONE
    if is_internal(m, store_path.data, store_path.size) or is_elsewhere(m, store_path.data, store_path.size):
        return True
    if host_of(m).asker != NULL:
        return host_of(m).asker(host_of(m).writer_context, store_path)
    if host_of(m).real_store != NULL:
        return real_store_has(m, store_path)
    if place_type(m, store_path.data, store_path.size, &kind) == RAISE:
        error_disregard(m)
    return kind > FILE_NONE


cdef int host_realise(Machine* m, View wanted, View object_, Bytes* names) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef const uint8_t* mark = <const uint8_t*>memchr(wanted.data, c'!', wanted.size)
    cdef const uint8_t* end = <const uint8_t*>memchr(wanted.data, c'\n', wanted.size)
    cdef int drv_size = <int>(mark - wanted.data), output_size = <int>(end - mark - 1)
    cdef const char* drv = <const char*>wanted.data
    cdef const char* output = <const char*>mark + 1
    cdef Bytes error, closure
    cdef Realised outcome
    if not h.imports_derivations:
        return raise_message(m, worded(MESSAGE_BUILDS_NOT_ALLOWED, drv_size, drv, output_size, output))
    if h.traces_imports:
        host_warn(m, worded(MESSAGE_BUILT_DURING_EVALUATION, drv_size, drv, output_size, output).text)
    bytes_init(&error)
    bytes_init(&closure)
    if h.realiser == NULL:
        if host_store_has(m, object_):
            return DONE
        return raise_message(m, worded(MESSAGE_NO_STORE_TO_BUILD_IN, drv_size, drv, output_size, output))
    outcome = h.realiser(h.writer_context, wanted, names, &closure if is_guarded(m) else NULL, &error)
    if outcome != REALISED:
        bytes_free(&closure)
        raise_store_error(m, ERROR_FILE, &error)
        m.error.fault = FAULT_NOT_BUILT if outcome == REALISE_UNABLE else FAULT_OTHER
        return RAISE
    bytes_free(&error)
    allow_lines(m, view_of(&closure))
    bytes_free(&closure)
    return DONE


cdef int host_known_output(Machine* m, View wanted, Bytes* path) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef const uint8_t* mark = <const uint8_t*>memchr(wanted.data, c'!', wanted.size)
    cdef Bytes line, error
    cdef Realised outcome
    bytes_init(&line)
    bytes_init(&error)
    if h.realiser == NULL and ask_store_for_output(h, wanted, path):
        return DONE
    if h.realiser == NULL:
        unbuilt_output(make_view(wanted.data, mark - wanted.data), make_view(mark + 1, wanted.size - <size_t>(mark - wanted.data) - 1), &error)
        return raise_store_error(m, ERROR_FILE, &error)
    # The question mark makes store_writer.pyx return an output that is there; it builds nothing.
    bytes_text(&line, "?")
    bytes_view(&line, wanted)
    bytes_text(&line, "\n")
    outcome = h.realiser(h.writer_context, view_of(&line), path, NULL, &error)
    bytes_free(&line)
    if outcome != REALISED:
        return raise_store_error(m, ERROR_FILE, &error)
    bytes_free(&error)
    return DONE


cdef bint host_references(Machine* m, View store_path, Bytes* lines) noexcept nogil:
    cdef Host* h = host_of(m)
    if h.has_known_derivations and derivations_references(&h.known_derivations, store_path, lines):
        return not lines.failed
    if h.describer == NULL:
        return ask_store_to_read(h, store_path, lines)
    return h.describer(h.writer_context, store_path, lines)


cdef bint ask_store_for_output(Host* h, View wanted, Bytes* path) noexcept nogil:
    with gil:
        return known_there(h, wanted, path)


cdef bint known_there(Host* h, View wanted, Bytes* path) noexcept:
    """Whether the store that is only read knows an output, whose path is then appended."""
    cdef bytes found
    try:
        store = host_object(h, OBJECT_STORE_TO_READ)
        found = b"" if store is None else os.fsencode(store.known_output(os.fsdecode(wanted.data[:wanted.size])))
    except BaseException as fault:
        if not handed_over(fault) and not isinstance(fault, MemoryError):
            raise
        return False
    bytes_append(path, <const char*>found, len(found))
    return len(found) > 0 and not path.failed


cdef bint ask_store_to_read(Host* h, View store_path, Bytes* lines) noexcept nogil:
    with gil:
        return describe(h, store_path, lines)


cdef bint describe(Host* h, View store_path, Bytes* lines) noexcept:
    """Does what a StoreDescriber does, with the store that is only read."""
    cdef bytes references
    try:
        store = host_object(h, OBJECT_STORE_TO_READ)
        if store is None:
            return True
        found = store.references(os.fsdecode(store_path.data[:store_path.size]))
        references = "".join([reference + "\n" for reference in sorted(found)]).encode("utf-8", "surrogateescape")
    except BaseException as fault:
        if not handed_over(fault) and not isinstance(fault, MemoryError):
            raise
        return False
    bytes_append(lines, <const char*>references, len(references))
    return not lines.failed


cdef void allow_lines(Machine* m, View paths) noexcept nogil:
    """Lets evaluation read these paths, which are lines."""
    cdef const uint8_t* end
    while paths.size:
        end = <const uint8_t*>memchr(paths.data, c'\n', paths.size)
        host_allow(m, paths.data, <size_t>(end - paths.data))
        paths = make_view(end + 1, paths.size - <size_t>(end - paths.data) - 1)


cdef bint read_derivation(void* context, View drv_path, Bytes* text, Bytes* error) noexcept nogil:
    """The DerivationReader of a machine: reads derivations that are in the store on disk."""
    cdef Machine* m = <Machine*>context
    cdef Bytes content
    cdef FileStamp stamp
    cdef int outcome
    memset(&content, 0, sizeof(content))
    outcome = place_read(m, drv_path.data, drv_path.size, &content, &stamp, NULL)
    if outcome != CHANGED and not record_file(m, drv_path.data, drv_path.size, outcome, &stamp, &content):
        outcome = RAISE
    if outcome == DONE:
        bytes_append(text, content.data, content.size)
    elif outcome != RAISE:
        bytes_text(error, "path '")
        bytes_append(error, drv_path.data + host_of(m).store_dir_size + 1, drv_path.size - host_of(m).store_dir_size - 1)
        bytes_text(error, "' is not valid")
    else:
        bytes_append(error, m.error.message, m.error.message_size_bytes)
        error_clear(m)
    bytes_free(&content)
    return outcome == DONE


cdef KnownDerivations* host_derivations(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    if not h.has_known_derivations:
        if not derivations_init(&h.known_derivations, host_store_dir(m)):
            raise_text(m, ERROR_MEMORY, NULL)
            return NULL
        h.known_derivations.reader = read_derivation
        h.known_derivations.reader_context = <void*>m
        h.known_derivations.allows_floating = host_has_feature(m, FEATURE_CA_DERIVATIONS)
        h.known_derivations.allows_impure = host_has_feature(m, FEATURE_IMPURE_DERIVATIONS)
        h.known_derivations.allows_dynamic = host_has_feature(m, FEATURE_DYNAMIC_DERIVATIONS)
        h.has_known_derivations = True
        m.derivations = &h.known_derivations
    return &h.known_derivations
