# cython: language_level=3
"""Copies files and trees to the logical store: computes their store paths, and hands them to a store.

In: paths of sources.  Out: store paths; archives for an embedded store.
"""
from libc.stdint cimport uint32_t, uint8_t
from libc.string cimport memcmp, memset

from snowsnake.diagnostics.message_table cimport MESSAGE_COPYING, MESSAGE_HASHING, MESSAGE_SOURCE_COPIED, MESSAGE_SOURCE_NAMED_DRV
from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_clear, bytes_free, bytes_init, bytes_text, make_view, view_text
from snowsnake.foundation.paths cimport base_name_start
from snowsnake.host.byte_map cimport MapEntry, map_add, map_find
from snowsnake.host.disk cimport close
from snowsnake.host.files cimport host_real_path, read_internal, resolve_and_check
from snowsnake.host.internal_files cimport is_internal
from snowsnake.host.messages cimport LEVEL_CHATTY, is_said, say
from snowsnake.host.places cimport host_shows, place_tree, place_type
from snowsnake.host.policy cimport host_allow
from snowsnake.host.records cimport RECORD_STATUS, record_fault, record_tree, record_type
from snowsnake.host.state cimport FILE_NONE, RESOLVE_PARENTS, STORE_OBJECT_SOURCE, Host, StoreObject, host_of, host_store_dir, is_guarded
from snowsnake.host.store_hooks cimport host_write_object, raise_store_error, raise_taken
from snowsnake.machine.errors cimport raise_message, raise_text, worded
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_MEMORY, ERROR_VALUE, RAISE, Machine
from snowsnake.store.hash_functions cimport HASH_SHA256, Digest, Hasher, digest_equal, hasher_final, hasher_init
from snowsnake.store.nar cimport (
    NAR_DIRECTORY, NarSink, NarTree, nar_sink_finish, nar_sink_init, nar_tree_expand, nar_tree_free, nar_tree_path, nar_write_contents,
    nar_write_tree,
)
from snowsnake.store.store_path cimport store_path_source


cdef int host_path_to_store(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* store_path) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef MapEntry* known = map_find(&h.copied, path, size_bytes)
    cdef Bytes resolved
    cdef Bytes made
    cdef References none
    cdef int outcome
    memset(&none, 0, sizeof(none))
    if known == NULL:
        if size_bytes >= 4 and memcmp(path + size_bytes - 4, b".drv", 4) == 0:
            return raise_message(m, worded(MESSAGE_SOURCE_NAMED_DRV))
        memset(&resolved, 0, sizeof(resolved))
        bytes_init(&made)
        outcome = resolve_and_check(m, path, size_bytes, RESOLVE_PARENTS, &resolved)
        if outcome == DONE:
            outcome = host_source_path(m, make_view(resolved.data, resolved.size), source_name(path, size_bytes), &none, &made)
        if outcome == DONE:
            if is_said(m, LEVEL_CHATTY):
                say(m, LEVEL_CHATTY, worded(
                    MESSAGE_SOURCE_COPIED, <int>size_bytes, <const char*>path, <int>made.size, <const char*>made.data).text)
            known = map_add(&h.copied, path, size_bytes, made.data, made.size)
            if known == NULL:
                outcome = raise_text(m, ERROR_MEMORY, NULL)
        bytes_free(&resolved)
        bytes_free(&made)
        if outcome != DONE:
            return outcome
    if not bytes_append(store_path, known.value, known.value_size):
        return raise_text(m, ERROR_MEMORY, NULL)
    return DONE


cdef View source_name(const uint8_t* path, size_t size) noexcept nogil:
    cdef size_t start = base_name_start(path, size)
    if size > 0 and path[0] == c'<':
        return make_view(path + start, size - start - 1)
    return make_view(path + start, size - start) if start < size else view_text("source")


cdef int host_source_path(Machine* m, View path, View name, const References* references, Bytes* store_path) noexcept nogil:
    """The store path of a resolved path that is serialised as a whole (as far as the policy shows it)."""
    cdef NarTree tree
    cdef Bytes error
    cdef int outcome
    if is_internal(m, path.data, path.size):
        return internal_source_path(m, path, name, store_path)
    bytes_init(&error)
    outcome = host_open_tree(m, path, &tree, &error)
    if outcome == DONE:
        outcome = tree_path(m, &tree, path, name, references, store_path, &error)
        nar_tree_free(&tree)
    bytes_free(&error)
    return outcome


cdef int tree_path(
    Machine* m, NarTree* tree, View path, View name, const References* references, Bytes* store_path, Bytes* error,
) noexcept nogil:
    cdef NarSink sink
    cdef Hasher hasher
    cdef Digest digest
    cdef bint done = not is_guarded(m) or hide_forbidden(m, tree, error)
    if is_said(m, LEVEL_CHATTY):
        say(m, LEVEL_CHATTY, worded(
            MESSAGE_HASHING if host_of(m).writer == NULL else MESSAGE_COPYING, <int>path.size, <const char*>path.data).text)
    hasher_init(&hasher, HASH_SHA256)
    nar_sink_init(&sink, &hasher, NULL, -1)
    done = done and nar_write_tree(tree, &sink, error)
    done = nar_sink_finish(&sink, error) and done
    hasher_final(&hasher, &digest)
    if not record_tree(m, path, tree, not is_guarded(m), &digest if done else NULL):
        return RAISE
    if not done:
        return raise_taken(m, ERROR_FILE, error)
    if not store_path_source(host_store_dir(m), name, &digest, references.paths, references.count, False, store_path, error):
        return raise_taken(m, ERROR_VALUE, error)
    host_allow(m, store_path.data, store_path.size)
    # The tree is not on disk, or it is only a part of what is there.
    if host_of(m).writer != NULL and (is_guarded(m) or tree.files != NULL):
        return host_write_tree(m, tree, make_view(store_path.data, store_path.size), references, &digest)
    return write_source(m, make_view(store_path.data, store_path.size), path, references)


cdef int internal_source_path(Machine* m, View path, View name, Bytes* store_path) noexcept nogil:
    """The store path of `<nix/fetchurl.nix>` and its like, which are on no disk."""
    cdef Bytes content
    cdef NarSink sink
    cdef Hasher hasher
    cdef Digest digest
    cdef Bytes error, archive
    cdef StoreObject written
    cdef int outcome
    memset(&content, 0, sizeof(content))
    bytes_init(&error)
    bytes_init(&archive)
    hasher_init(&hasher, HASH_SHA256)
    nar_sink_init(&sink, &hasher, &archive, -1)
    outcome = read_internal(m, path.data, path.size, &content)
    if outcome == DONE:
        nar_write_contents(make_view(content.data, content.size), False, &sink)
    if not nar_sink_finish(&sink, &error) and outcome == DONE:
        outcome = raise_taken(m, ERROR_FILE, &error)
    if outcome == DONE:
        hasher_final(&hasher, &digest)
        if not store_path_source(host_store_dir(m), name, &digest, NULL, 0, False, store_path, &error):
            outcome = raise_taken(m, ERROR_VALUE, &error)
    if outcome == DONE:
        host_allow(m, store_path.data, store_path.size)
        memset(&written, 0, sizeof(written))
        written.kind = STORE_OBJECT_SOURCE
        written.path = make_view(store_path.data, store_path.size)
        written.data = make_view(archive.data, archive.size)
        outcome = host_write_object(m, &written)
    bytes_free(&content)
    bytes_free(&error)
    bytes_free(&archive)
    return outcome


cdef int write_source(Machine* m, View store_path, View path, const References* references) noexcept nogil:
    """Passes a copied source on by its place on disk."""
    cdef StoreObject written
    cdef Bytes real
    cdef int outcome = DONE
    memset(&written, 0, sizeof(written))
    written.kind = STORE_OBJECT_SOURCE
    written.path = store_path
    written.references = references.paths
    written.reference_count = references.count
    if host_of(m).writer == NULL:
        written.source_path = path
        return host_write_object(m, &written)
    bytes_init(&real)
    outcome = host_real_path(m, path.data, path.size, &real)
    written.source_path = make_view(real.data, real.size - 1 if real.size else 0)
    if outcome == DONE:
        outcome = host_write_object(m, &written)
    bytes_free(&real)
    return outcome


cdef int host_write_tree(Machine* m, NarTree* tree, View store_path, const References* references, const Digest* digest) noexcept nogil:
    """Writes a tree to the store, through a temporary file of the store.

    This reads the tree a second time, because only its hash says which path it has, and whether the store has it already.
    """
    cdef Host* h = host_of(m)
    cdef StoreObject written
    cdef Bytes error
    cdef int archive, outcome
    if h.writer == NULL or h.asker(h.writer_context, store_path):
        return DONE
    bytes_init(&error)
    archive = h.opener(h.writer_context, &error)
    if archive < 0:
        return raise_store_error(m, ERROR_FILE, &error)
    if write_archive(tree, archive, digest, &error):
        memset(&written, 0, sizeof(written))
        written.kind = STORE_OBJECT_SOURCE
        written.path = store_path
        written.references = references.paths
        written.reference_count = references.count
        written.archive = &archive
        outcome = host_write_object(m, &written)
        bytes_free(&error)
    else:
        outcome = raise_store_error(m, ERROR_FILE, &error)
    close(archive)
    return outcome


cdef bint write_archive(NarTree* tree, int file, const Digest* expected, Bytes* error) noexcept nogil:
    cdef NarSink sink
    cdef Hasher hasher
    cdef Digest digest
    cdef bint done
    hasher_init(&hasher, HASH_SHA256)
    nar_sink_init(&sink, &hasher, NULL, file)
    done = nar_write_tree(tree, &sink, error)
    done = nar_sink_finish(&sink, error) and done
    if not done:
        return False
    hasher_final(&hasher, &digest)
    if digest_equal(expected, &digest):
        return True
    bytes_text(error, "'")
    bytes_append(error, tree.root.data, tree.root.size - 1)
    bytes_text(error, "' changed while it was copied")
    return False


cdef int host_open_tree(Machine* m, View path, NarTree* tree, Bytes* error) noexcept nogil:
    """A tree of a resolved path; RAISE (and nothing to free) if there is nothing that can be serialised."""
    cdef int outcome = place_tree(m, path, tree, error)
    cdef int kind = FILE_NONE
    if outcome == DONE:
        return DONE
    if place_type(m, path.data, path.size, &kind) == DONE and not record_type(m, RECORD_STATUS, path.data, path.size, kind):
        return RAISE
    return record_fault(m, path.data, path.size, outcome)


cdef int host_record_tree(Machine* m, View path, const NarTree* tree, const Digest* digest) noexcept nogil:
    return DONE if record_tree(m, path, tree, False, digest) else RAISE


cdef bint hide_forbidden(Machine* m, NarTree* tree, Bytes* error) noexcept nogil:
    """Leaves out the entries that a restricted evaluation may not see.  Expanding a folder appends its entries to the tree."""
    cdef uint32_t at = 0
    cdef Bytes path
    cdef bint done = True
    bytes_init(&path)
    while done and at < tree.count:
        bytes_clear(&path)
        nar_tree_path(tree, at, &path)
        if not path.failed and not host_shows(m, path.data, path.size):
            tree.entries[at].is_excluded = True
        elif tree.entries[at].kind == NAR_DIRECTORY:
            done = nar_tree_expand(tree, at, error)
        at += 1
    if path.failed:
        error.failed = True
    done = done and not path.failed
    bytes_free(&path)
    return done
