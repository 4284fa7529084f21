# The logical store: what is in it, what copying a source there would give, the hook that really writes.  Included by host.pyx.

cdef bint host_is_in_store(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    cdef Host* h = host_of(m)
    return size_bytes > h.store_dir_size + 1 and path[h.store_dir_size] == c'/' and \
        memcmp(path, h.store_dir, h.store_dir_size) == 0


cdef View host_store_dir(Machine* m) noexcept nogil:
    return make_view(host_of(m).store_dir, host_of(m).store_dir_size)


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
    if place_type(m, store_path.data, store_path.size, &kind) == RAISE:
        error_disregard(m)
    return kind > FILE_NONE


cdef int host_write_object(Machine* m, const StoreObject* written) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes error
    if m.is_exhausted:                # what is written may be made of what could not be had
        return raise_text(m, ERROR_MEMORY, NULL)
    if h.writer == NULL:
        if written.kind == STORE_OBJECT_DERIVATION:               # too many to keep for nobody
            if h.keeps_derivations and map_add(
                    &h.derivations, written.path.data, written.path.size, written.data.data, written.data.size) == NULL:
                return raise_text(m, ERROR_MEMORY, NULL)
            return DONE
        # Kept for this evaluation: `import (builtins.toFile …)` reads what nothing has written.
        if not h.is_writable:
            return DONE
        if written.source_path.size:
            if map_add(&h.sources, written.path.data, written.path.size, written.source_path.data, written.source_path.size) == NULL:
                return raise_text(m, ERROR_MEMORY, NULL)
        elif written.kind != STORE_OBJECT_SOURCE and map_add(
                &h.texts, written.path.data, written.path.size, written.data.data, written.data.size) == NULL:
            return raise_text(m, ERROR_MEMORY, NULL)
        return DONE
    bytes_init(&error)
    if not h.writer(h.writer_context, written, &error):
        return raise_store_error(m, ERROR_FILE, &error)
    bytes_free(&error)
    if map_add(&h.unsettled, written.path.data, written.path.size, NULL, 0) == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    return DONE


cdef int host_settle(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef Bytes error
    bytes_init(&error)
    if not h.settler(h.writer_context, &error):
        return raise_store_error(m, ERROR_FILE, &error)
    bytes_free(&error)
    map_free(&h.unsettled)
    return DONE


cdef int host_realise(Machine* m, View wanted, View object_) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef const uint8_t* mark = <const uint8_t*>memchr(wanted.data, c'!', wanted.size)
    cdef const uint8_t* end = <const uint8_t*>memchr(wanted.data, c'\n', wanted.size)
    cdef int drv_size = <int>(mark - wanted.data), output_size = <int>(end - mark - 1)
    cdef const char* drv = <const char*>wanted.data
    cdef const char* output = <const char*>mark + 1
    cdef Bytes error, closure
    cdef Realised outcome
    if not h.imports_derivations:
        return raise_fault(m, FAULT_NOT_BUILT, ERROR_FILE, format_text(
            "cannot build '%.*s^%.*s' during evaluation because the option 'allow-import-from-derivation' is disabled",
            drv_size, drv, output_size, output))
    if h.traces_imports:
        host_warn(m, format_text("built '%.*s^%.*s' during evaluation due to an import from derivation", drv_size, drv, output_size, output))
    bytes_init(&error)
    bytes_init(&closure)
    if h.realiser == NULL:
        if host_store_has(m, object_):
            return DONE
        return raise_fault(m, FAULT_NOT_BUILT, ERROR_FILE, format_text(
            "cannot build '%.*s^%.*s' during evaluation: there is no store to build in", drv_size, drv, output_size, output))
    outcome = h.realiser(h.writer_context, wanted, &closure if is_guarded(m) else NULL, &error)
    if outcome != REALISED:
        bytes_free(&closure)
        raise_store_error(m, ERROR_FILE, &error)
        m.error.fault = FAULT_NOT_BUILT if outcome == REALISE_UNABLE else FAULT_OTHER
        return RAISE
    bytes_free(&error)
    allow_lines(m, view_of(&closure))
    bytes_free(&closure)
    return DONE


cdef void allow_lines(Machine* m, View paths) noexcept nogil:
    """Lets evaluation read paths that stand in lines."""
    cdef const uint8_t* end
    while paths.size:
        end = <const uint8_t*>memchr(paths.data, c'\n', paths.size)
        host_allow(m, paths.data, <size_t>(end - paths.data))
        paths = make_view(end + 1, paths.size - <size_t>(end - paths.data) - 1)


cdef bint host_shows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    return host_allows(m, path, size_bytes) and place_is_shown(m, path, size_bytes)


def source_text(size_t machine, bytes path):
    """What a file of the evaluation holds, wherever it is kept, for the excerpt of an error; None if it is gone.

    The error that is pending stays as it is.
    """
    cdef Machine* m = <Machine*>machine
    cdef const uint8_t* text = <const uint8_t*><const char*>path
    cdef ByteBuffer content, resolved
    cdef FileStamp stamp
    cdef Error pending = m.error
    cdef int outcome
    memset(&content, 0, sizeof(content))
    memset(&resolved, 0, sizeof(resolved))
    memset(&m.error, 0, sizeof(m.error))
    try:
        outcome = resolve_and_check(m, text, len(path), RESOLVE_FULL, &resolved)
        if outcome == DONE:
            outcome = read_resolved(m, &resolved, &content, &stamp)
        return (<const char*>content.data)[:content.size_bytes] if outcome == DONE else None
    finally:
        error_clear(m)
        m.error = pending
        buffer_free(&content)
        buffer_free(&resolved)


cdef bint read_derivation(void* context, View drv_path, Bytes* text, Bytes* error) noexcept nogil:
    """The DrvReader of an evaluator: derivations that are in the store on disk."""
    cdef Machine* m = <Machine*>context
    cdef ByteBuffer content
    cdef FileStamp stamp
    cdef int outcome
    memset(&content, 0, sizeof(content))
    outcome = place_read(m, drv_path.data, drv_path.size, &content, &stamp)
    if outcome != CHANGED and not record_file(m, drv_path.data, drv_path.size, outcome, &stamp, &content):
        outcome = RAISE
    if outcome == DONE:
        bytes_append(text, content.data, content.size_bytes)
    elif outcome != RAISE:
        bytes_text(error, "path '")
        bytes_append(error, drv_path.data + host_of(m).store_dir_size + 1, drv_path.size - host_of(m).store_dir_size - 1)
        bytes_text(error, "' is not valid")
    else:
        bytes_append(error, m.error.message, m.error.message_size_bytes)
        error_clear(m)
    buffer_free(&content)
    return outcome == DONE


cdef DrvStore* host_drv_store(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    if not h.has_drv_store:
        if not drv_store_init(&h.drv_store, host_store_dir(m)):
            raise_text(m, ERROR_MEMORY, NULL)
            return NULL
        h.drv_store.reader = read_derivation
        h.drv_store.reader_context = <void*>m
        h.drv_store.allows_floating = host_has_feature(m, FEATURE_CA_DERIVATIONS)
        h.drv_store.allows_impure = host_has_feature(m, FEATURE_IMPURE_DERIVATIONS)
        h.has_drv_store = True
        m.derivations = &h.drv_store
    return &h.drv_store


# ---- sources ----------------------------------------------------------------------------------------------------

cdef int host_path_to_store(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* store_path) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef MapEntry* known = map_find(&h.copied, path, size_bytes)
    cdef ByteBuffer resolved
    cdef Bytes made
    cdef int outcome
    if known == NULL:
        if size_bytes >= 4 and memcmp(path + size_bytes - 4, b".drv", 4) == 0:
            return raise_text(m, ERROR_VALUE, format_text("file names are not allowed to end in '.drv'"))
        memset(&resolved, 0, sizeof(resolved))
        bytes_init(&made)
        outcome = resolve_and_check(m, path, size_bytes, RESOLVE_PARENTS, &resolved)
        if outcome == DONE:
            outcome = host_source_path(m, make_view(resolved.data, resolved.size_bytes), source_name(path, size_bytes), &made)
        if outcome == DONE:
            if is_said(m, LEVEL_CHATTY):
                say(m, LEVEL_CHATTY, format_text("copied source '%.*s' -> '%.*s'", <int>size_bytes, <const char*>path,
                                                 <int>made.size, <const char*>made.data))
            known = map_add(&h.copied, path, size_bytes, made.data, made.size)
            if known == NULL:
                outcome = raise_text(m, ERROR_MEMORY, NULL)
        buffer_free(&resolved)
        bytes_free(&made)
        if outcome != DONE:
            return outcome
    if not buffer_append(store_path, known.value, known.value_size):
        return raise_text(m, ERROR_MEMORY, NULL)
    return DONE


cdef View source_name(const uint8_t* path, size_t size) noexcept nogil:
    cdef size_t start = base_name_start(path, size)
    if size > 0 and path[0] == c'<':
        return make_view(path + start, size - start - 1)
    return make_view(path + start, size - start) if start < size else view_text("source")


cdef int host_source_path(Machine* m, View path, View name, Bytes* store_path) noexcept nogil:
    """The store path of a resolved path, serialised whole (as far as the policy shows it)."""
    cdef NarTree tree
    cdef Bytes error
    cdef int outcome
    if is_internal(m, path.data, path.size):
        return internal_source_path(m, path, name, store_path)
    bytes_init(&error)
    outcome = host_open_tree(m, path, &tree, &error)
    if outcome == DONE:
        outcome = tree_path(m, &tree, path, name, store_path, &error)
        nar_tree_free(&tree)
    bytes_free(&error)
    return outcome


cdef int tree_path(Machine* m, NarTree* tree, View path, View name, Bytes* store_path, Bytes* error) noexcept nogil:
    cdef NarSink sink
    cdef Hasher hasher
    cdef Digest digest
    cdef bint done = not is_guarded(m) or hide_forbidden(m, tree, error)
    if is_said(m, LEVEL_CHATTY):
        say(m, LEVEL_CHATTY, format_text("hashing '%.*s'..." if host_of(m).writer == NULL else "copying '%.*s' to the store...",
                                         <int>path.size, <const char*>path.data))
    hasher_init(&hasher, HASH_SHA256)
    nar_sink_init(&sink, &hasher, NULL, -1)
    done = done and nar_write_tree(tree, &sink, error)
    done = nar_sink_finish(&sink, error) and done
    hasher_final(&hasher, &digest)
    if not record_tree(m, path, tree, not is_guarded(m), &digest if done else NULL):
        return RAISE
    if not done:
        return raise_taken(m, ERROR_FILE, error)
    if not store_path_source(host_store_dir(m), name, &digest, NULL, 0, False, store_path, error):
        return raise_taken(m, ERROR_VALUE, error)
    host_allow(m, store_path.data, store_path.size)
    if host_of(m).writer != NULL and (is_guarded(m) or tree.files != NULL):    # what is on disk is not what is copied
        return host_write_tree(m, tree, make_view(store_path.data, store_path.size), &digest)
    return write_source(m, make_view(store_path.data, store_path.size), path)


cdef int raise_taken(Machine* m, int code, Bytes* error) noexcept nogil:
    """As `raise_store_error`; *error* may be freed again."""
    cdef int outcome = raise_store_error(m, code, error)
    bytes_init(error)
    return outcome


cdef int internal_source_path(Machine* m, View path, View name, Bytes* store_path) noexcept nogil:
    """Of `<nix/fetchurl.nix>` and its like, which are on no disk."""
    cdef ByteBuffer content
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
        nar_write_contents(make_view(content.data, content.size_bytes), False, &sink)
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
    buffer_free(&content)
    bytes_free(&error)
    bytes_free(&archive)
    return outcome


cdef int write_source(Machine* m, View store_path, View path) noexcept nogil:
    """Hands a copied source on as the place where it lies."""
    cdef StoreObject written
    cdef Bytes real
    cdef int outcome = DONE
    memset(&written, 0, sizeof(written))
    written.kind = STORE_OBJECT_SOURCE
    written.path = store_path
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


cdef int host_write_tree(Machine* m, NarTree* tree, View store_path, const Digest* digest) noexcept nogil:
    """The second walk: the first told the path, and whether it is there already.  The archive goes through a file of the store's."""
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
    """A tree for what is at a resolved path; RAISE (and nothing to free) if there is nothing that can be serialised."""
    cdef int outcome = place_tree(m, path, tree, error)
    cdef int kind = FILE_NONE
    if outcome == DONE:
        return DONE
    if place_type(m, path.data, path.size, &kind) == DONE and not record_type(m, RECORD_STATUS, path.data, path.size, kind):
        return RAISE
    return outcome


cdef int host_record_tree(Machine* m, View path, const NarTree* tree, const Digest* digest) noexcept nogil:
    return DONE if record_tree(m, path, tree, False, digest) else RAISE


cdef bint hide_forbidden(Machine* m, NarTree* tree, Bytes* error) noexcept nogil:
    """Leave out what a restricted evaluation may not see; entries come in breadth first and the list grows meanwhile."""
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


cdef int raise_store_error(Machine* m, int code, Bytes* error) noexcept nogil:
    if error.size == 0 or error.failed:
        bytes_free(error)
        return raise_text(m, ERROR_MEMORY, NULL)
    raise_bytes(m, code, error.data, error.size)
    bytes_free(error)
    return RAISE
