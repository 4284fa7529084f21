# cython: language_level=3
"""The builtins import and scopedImport, which return the value of a file.

import reads, compiles and evaluates a file once per machine (machine/importing.pyx keeps the table); scopedImport does so at each call.
"""
from libc.stdint cimport uint64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memset

from snowsnake.builtins.derivation_sets cimport import_derivation
from snowsnake.builtins.protocol cimport done, force
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.builtins.store_context cimport realise_path, trace_realising
from snowsnake.foundation.buffer cimport Bytes, make_view
from snowsnake.host.files cimport host_resolve_import
from snowsnake.host.logical_store cimport host_store_has
from snowsnake.host.state cimport host_is_in_store, host_store_dir
from snowsnake.machine.attrs cimport attrs_flat
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.heap cimport push
from snowsnake.machine.importing cimport machine_import, machine_import_scoped
from snowsnake.machine.state cimport DONE, RAISE, Machine
from snowsnake.machine.word cimport WORD_NULL, Word, is_attrs, is_thunk, string_data, string_size, val
from snowsnake.store.store_path cimport store_is_path


cdef bint _is_derivation(Machine* m, Word path) noexcept nogil:
    """Whether a path is the .drv of a derivation that is in the store on disk."""
    cdef uint8_t* text = string_data(path)
    cdef uint64_t n = string_size(path)
    return n > 4 and memcmp(text + n - 4, b".drv", 4) == 0 and host_is_in_store(m, text, n) \
        and store_is_path(host_store_dir(m), make_view(text, n)) and host_store_has(m, make_view(text, n))


cdef int _import(Machine* m, Word path, Word scope) noexcept nogil:
    cdef Bytes resolved
    cdef int outcome
    if realise_path(m, &path) != DONE:
        return RAISE
    if _is_derivation(m, path):
        return import_derivation(m, path)
    memset(&resolved, 0, sizeof(resolved))
    outcome = host_resolve_import(m, string_data(path), string_size(path), &resolved)
    if outcome == DONE:
        if scope == WORD_NULL:
            outcome = machine_import(m, resolved.data, resolved.size, &m.result)
        else:
            outcome = machine_import_scoped(m, resolved.data, resolved.size, scope, &m.result)
    free(resolved.data)
    if outcome != DONE or not is_thunk(val(m.result)):
        return outcome
    # The frame stays while the file is evaluated, so that a trace shows where it was imported.
    push(m, val(m.result))
    return force(m, val(m.result))


cdef int import_(Machine* m, Word* fp) noexcept nogil:
    if m.sp > fp + 1:
        return done(m, val(fp[1]))
    return _import(m, fp[0], WORD_NULL)


cdef int scoped_import(Machine* m, Word* fp) noexcept nogil:
    cdef Word scope = val(fp[0])
    if m.sp > fp + 2:
        return done(m, val(fp[2]))
    if is_thunk(scope):
        return force(m, scope)
    if not is_attrs(scope):
        return raise_type(m, "a set", scope)
    # The names of the set become variables of the file.
    if not attrs_flat(m, scope):
        return RAISE
    return _import(m, fp[1], scope)


define("import", import_)
define("scopedImport", scoped_import)
define_trace("import", trace_realising)
define_trace("scopedImport", trace_realising)
