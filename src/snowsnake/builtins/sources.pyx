# cython: language_level=3
"""Builtins that add to the logical store: path, filterSource, toFile, storePath.

In: paths, texts, a filter.  Out: store paths with themselves as context.  Nothing is written to disk unless the host has a writer.
A filter is called for one entry after the other, depth first, in byte order of the names.  The tree that it works on belongs to
the host's list of walks, so that an error in the filter leaks nothing.
Over 600 lines: path and filterSource share all their steps, and the walk with a filter is one of them.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset, strlen

from snowsnake.builtins.hashes cimport parse_stated_hash
from snowsnake.builtins.protocol cimport call2, call_internal1, done, force, need_function
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.builtins.store_context cimport (
    ELEMENT_DERIVATION, ELEMENT_PATH, Element, KeptReferences, context_element, free_references, keep_references, realise_context, store_string,
    string_view, take_plain_string,
)
from snowsnake.cache.layout cimport FileStamp
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_ADDED_PATH_MISMATCH, MESSAGE_FILE_REFERS_TO_DERIVATION, MESSAGE_PATH_NOT_IN_STORE, MESSAGE_PATH_NOT_SUBSTITUTABLE,
    MESSAGE_PATH_WITHOUT_PATH, MESSAGE_STORE_PATH_IN_PURE_MODE, MESSAGE_UNSUPPORTED_ARGUMENT,
)
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_free, bytes_init, make_view, view_equal, view_is, view_of, view_text,
)
from snowsnake.foundation.paths cimport base_name_start
from snowsnake.host.files cimport host_file_stamp, host_read_file, host_real_path, host_resolve
from snowsnake.host.logical_store cimport host_derivations, host_store_has
from snowsnake.host.places cimport host_shows
from snowsnake.host.policy cimport host_allow, host_check_access
from snowsnake.host.sources cimport References, host_open_tree, host_record_tree, host_source_path, host_write_tree
from snowsnake.host.state cimport (
    RESOLVE_FULL, STORE_OBJECT_FLAT, STORE_OBJECT_TEXT, Host, StoreObject, host_is_in_store, host_of, host_store_dir,
)
from snowsnake.host.store_hooks cimport host_write_object, raise_store_error
from snowsnake.machine.attrs cimport attrs_position
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport format_text, of_part, raise_message, raise_text, worded
from snowsnake.machine.evaluation_order cimport attrs_turns, turns_made
from snowsnake.machine.heap cimport heap_reserve, make_string, pop, push
from snowsnake.machine.internals cimport INTERNAL_COERCE_PATH
from snowsnake.machine.notes cimport NOTE_ADDED_PATH
from snowsnake.machine.state cimport (
    DONE, ERROR_FILE, ERROR_MEMORY, ERROR_VALUE, PART_ATTRIBUTE, PART_RESULT, RAISE, Context, Machine, TraceEntry,
)
from snowsnake.machine.shown_names cimport shown_name
from snowsnake.machine.symbols cimport context_single, context_union, context_united, symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_NULL, WORD_TRUE, Word, attrs_find, attrs_is_layered, attrs_keys, attrs_size, attrs_values, int_value, is_attrs,
    is_bool, is_path, is_string, is_thunk, keys_symbols, path_string, small_int, string_context, string_data,
    string_size, val,
)
from snowsnake.store.hash_functions cimport HASH_SHA256, Digest, Hasher, hash_bytes, hash_file, hasher_final, hasher_init
from snowsnake.store.known_derivations cimport KnownDerivations, derivations_add_references
from snowsnake.store.nar cimport (
    NAR_DIRECTORY, NarSink, NarTree, nar_kind_name, nar_sink_finish, nar_sink_init, nar_tree_expand, nar_tree_free, nar_tree_path,
    nar_write_tree,
)
from snowsnake.store.store_path cimport (
    INGEST_FLAT, INGEST_RECURSIVE, store_is_path, store_path_fixed, store_path_source, store_path_split, store_path_text,
)

# These words are above the arguments while a source is being added.
cdef enum:
    SLOT_PHASE = 0
    # The index of the current attribute, in the order of names.
    SLOT_INDEX
    # The name, the path, the filter and the hash are null until they are known.
    SLOT_NAME
    SLOT_PATH
    SLOT_FILTER
    SLOT_RECURSIVE
    SLOT_HASH
    # The address of the Walk, as an int.
    SLOT_WALK
    SLOT_END

cdef enum SourcePhase:
    PHASE_NAME = 0
    PHASE_PATH
    PHASE_OTHERS
    PHASE_ADD
    PHASE_WALK

cdef enum:
    # A file of at least this many bytes is not read as a whole.
    LARGE_FILE = 1 << 20

# A walk goes through a tree and calls the filter for its entries.
cdef struct Walk:
    Walk* next
    NarTree tree
    # The filter is called for this entry.
    uint32_t entry
    bint is_recorded


cdef Word* _open_slots(Machine* m, Word* slots) noexcept nogil:
    cdef int i
    if m.sp == slots:
        for i in range(SLOT_END):
            push(m, WORD_NULL)
        slots[SLOT_PHASE] = small_int(PHASE_NAME)
        slots[SLOT_INDEX] = small_int(0)
        slots[SLOT_RECURSIVE] = WORD_TRUE
    return slots


cdef uint32_t _trace_path(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    """Writes the current attribute, or the path that is being added, into the trace."""
    cdef Word* s = fp + 1
    cdef uint32_t* order
    cdef uint64_t i
    if top < s + SLOT_END or not is_attrs(fp[0]) or attrs_is_layered(fp[0]):
        return 0
    if s[SLOT_PHASE] == small_int(PHASE_WALK) or s[SLOT_PHASE] == small_int(PHASE_ADD):
        return _trace_adding(s, entries)
    if s[SLOT_PHASE] == small_int(PHASE_NAME):
        entries[0].symbol = m.symbol_name
    elif s[SLOT_PHASE] == small_int(PHASE_PATH):
        entries[0].symbol = symbol_intern(m, b"path", 4)
    else:
        order = turns_made(fp[0])
        i = <uint64_t>s[SLOT_INDEX] >> 3
        if order == NULL or i >= attrs_size(fp[0]):
            return 0
        entries[0].symbol = keys_symbols(attrs_keys(fp[0]))[order[i]]
    entries[0].part = PART_ATTRIBUTE
    entries[0].selected = attrs_position(fp[0], entries[0].symbol)
    return 0


cdef uint32_t _trace_filtered(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    cdef Word* s = fp + 2
    if top >= s + SLOT_END and (s[SLOT_PHASE] == small_int(PHASE_WALK) or s[SLOT_PHASE] == small_int(PHASE_ADD)):
        return _trace_adding(s, entries)
    return 0


cdef uint32_t _trace_adding(Word* s, TraceEntry* entries) noexcept nogil:
    if not is_string(s[SLOT_PATH]):
        return 0
    entries[0].note = NOTE_ADDED_PATH
    entries[0].text = format_text("%.*s", <int>string_size(s[SLOT_PATH]), <char*>string_data(s[SLOT_PATH]))
    return 1


# ---- path and filterSource --------------------------------------------------------------------------------------

cdef int path(Machine* m, Word* fp) noexcept nogil:
    """Forces `name` and `path` first, as C++ Nix does, then the other attributes in the order of their names."""
    cdef Word* s = _open_slots(m, fp + 1)
    cdef Word* place
    cdef int outcome
    if s[SLOT_PHASE] == small_int(PHASE_NAME):
        place = attrs_find(fp[0], m.symbol_name)
        outcome = DONE if place == NULL else take_plain_string(m, place[0], &s[SLOT_NAME])
        if outcome != DONE:
            return outcome
        s[SLOT_PHASE] = small_int(PHASE_PATH)
    if s[SLOT_PHASE] == small_int(PHASE_PATH):
        place = attrs_find(fp[0], symbol_intern(m, b"path", 4))
        if place != NULL:
            outcome = _take_path(m, s, place[0])
            if outcome != DONE:
                return outcome
        s[SLOT_PHASE] = small_int(PHASE_OTHERS)
    if s[SLOT_PHASE] == small_int(PHASE_OTHERS):
        outcome = _take_others(m, fp[0], s)
        if outcome != DONE:
            return outcome
        if s[SLOT_PATH] == WORD_NULL:
            return raise_message(m, worded(MESSAGE_PATH_WITHOUT_PATH))
        s[SLOT_PHASE] = small_int(PHASE_ADD)
    return _add(m, s)


cdef int filter_source(Machine* m, Word* fp) noexcept nogil:
    """Checks the path before it looks at the filter."""
    cdef Word* s = _open_slots(m, fp + 2)
    cdef int outcome
    if s[SLOT_PHASE] == small_int(PHASE_NAME):
        outcome = _take_path(m, s, fp[1])
        if outcome != DONE:
            return outcome
        s[SLOT_PHASE] = small_int(PHASE_OTHERS)
    if s[SLOT_PHASE] == small_int(PHASE_OTHERS):
        outcome = need_function(m, &fp[0])
        if outcome != DONE:
            return outcome
        s[SLOT_FILTER] = fp[0]
        s[SLOT_PHASE] = small_int(PHASE_ADD)
    return _add(m, s)


cdef int _take_path(Machine* m, Word* s, Word w) noexcept nogil:
    if m.sp > s + SLOT_END:
        s[SLOT_PATH] = pop(m)
        return DONE
    w = val(w)
    if is_thunk(w):
        return force(m, w)
    if is_path(w):
        s[SLOT_PATH] = path_string(w)
        return DONE
    return call_internal1(m, INTERNAL_COERCE_PATH, w)


cdef int _take_others(Machine* m, Word attrs, Word* s) noexcept nogil:
    cdef uint32_t* order = attrs_turns(m, attrs)
    cdef uint64_t n = attrs_size(attrs), i = <uint64_t>s[SLOT_INDEX] >> 3
    cdef uint32_t symbol
    cdef Digest digest
    cdef int outcome
    if order == NULL:
        return RAISE
    while i < n:
        symbol = keys_symbols(attrs_keys(attrs))[order[i]]
        outcome = _take_other(m, s, symbol, &attrs_values(attrs)[order[i]])
        if outcome != DONE:
            # If the attribute is not supported, the message shows its place.
            if outcome == RAISE and m.error.code == ERROR_VALUE:
                m.error.position = attrs_position(attrs, symbol)
            s[SLOT_INDEX] = small_int(<int64_t>i)
            return outcome
        i += 1
    s[SLOT_INDEX] = small_int(<int64_t>n)
    return DONE if s[SLOT_HASH] == WORD_NULL else parse_stated_hash(m, s[SLOT_HASH], HASH_SHA256, &digest)


cdef int _raise_unsupported(Machine* m, uint32_t symbol) noexcept nogil:
    cdef char* name = shown_name(m, symbol)
    raise_message(m, worded(MESSAGE_UNSUPPORTED_ARGUMENT, name, "builtins.path"))
    free(name)
    return RAISE


cdef int _take_other(Machine* m, Word* s, uint32_t symbol, Word* value) noexcept nogil:
    cdef View text = string_view(symbol_string(m, symbol))
    cdef Word w = val(value[0])
    if view_is(text, "name") or view_is(text, "path"):
        return DONE
    if view_is(text, "filter"):
        s[SLOT_FILTER] = w
        return need_function(m, &s[SLOT_FILTER])
    if view_is(text, "sha256"):
        return take_plain_string(m, w, &s[SLOT_HASH])
    if not view_is(text, "recursive"):
        return _raise_unsupported(m, symbol)
    if is_thunk(w):
        return force(m, w)
    if not is_bool(w):
        return raise_type(m, "a Boolean", w)
    s[SLOT_RECURSIVE] = w
    return DONE


# ---- adding -----------------------------------------------------------------------------------------------------

cdef View _source_name(Word* s) noexcept nogil:
    cdef View given = string_view(s[SLOT_PATH])
    cdef size_t start
    if s[SLOT_NAME] != WORD_NULL and string_size(s[SLOT_NAME]):
        return string_view(s[SLOT_NAME])
    start = base_name_start(given.data, given.size)
    return make_view(given.data + start, given.size - start) if start < given.size else view_text("source")


cdef int _expected(Machine* m, Word* s, const References* references, Bytes* expected) noexcept nogil:
    """The store path that follows from the given hash."""
    cdef Digest digest
    cdef Bytes error
    if parse_stated_hash(m, s[SLOT_HASH], HASH_SHA256, &digest) != DONE:
        return RAISE
    bytes_init(&error)
    if store_path_fixed(host_store_dir(m), _source_name(s), INGEST_RECURSIVE if s[SLOT_RECURSIVE] == WORD_TRUE else INGEST_FLAT,
                        &digest, references.paths, references.count, False, expected, &error):
        bytes_free(&error)
        return DONE
    return raise_store_error(m, ERROR_VALUE, &error)


cdef int _add(Machine* m, Word* s) noexcept nogil:
    cdef Bytes resolved
    cdef Bytes expected, made
    cdef KeptReferences references
    cdef int outcome
    cdef bint is_there = False
    if s[SLOT_PHASE] == small_int(PHASE_WALK):
        return _walk(m, s)
    memset(&resolved, 0, sizeof(resolved))
    bytes_init(&expected)
    bytes_init(&made)
    memset(&references, 0, sizeof(references))
    outcome = realise_context(m, &s[SLOT_PATH])
    if outcome == DONE:
        outcome = keep_references(m, s[SLOT_PATH], &references)
    if outcome == DONE and s[SLOT_HASH] != WORD_NULL:
        outcome = _expected(m, s, &references.list, &expected)
        is_there = outcome == DONE and host_store_has(m, view_of(&expected))
    if outcome == DONE and is_there:
        host_allow(m, expected.data, expected.size)
        m.result = store_string(m, view_of(&expected))
    elif outcome == DONE:
        outcome = host_resolve(m, string_data(s[SLOT_PATH]), string_size(s[SLOT_PATH]), RESOLVE_FULL, &resolved)
        if outcome == DONE:
            outcome = host_check_access(m, resolved.data, resolved.size)
        if outcome == DONE:
            if s[SLOT_RECURSIVE] != WORD_TRUE:
                outcome = _flat_path(m, s, &references.list, &resolved, &made)
            elif s[SLOT_FILTER] == WORD_NULL:
                outcome = host_source_path(m, make_view(resolved.data, resolved.size), _source_name(s), &references.list, &made)
            else:
                outcome = _open_walk(m, s, &resolved)
        if outcome == DONE and s[SLOT_WALK] == WORD_NULL:
            outcome = _deliver(m, s, &references.list, &made, &expected)
    free_references(&references)
    bytes_free(&expected)
    bytes_free(&made)
    free(resolved.data)
    if outcome == DONE and s[SLOT_WALK] != WORD_NULL:
        return _walk(m, s)
    return outcome


cdef int _deliver(Machine* m, Word* s, const References* references, Bytes* made, Bytes* expected) noexcept nogil:
    cdef KnownDerivations* derivations
    cdef Bytes error
    if expected.size and not view_equal(view_of(made), view_of(expected)):
        return raise_message(m, worded(MESSAGE_ADDED_PATH_MISMATCH, <int>string_size(s[SLOT_PATH]), <char*>string_data(s[SLOT_PATH])))
    if references.count:
        derivations = host_derivations(m)
        bytes_init(&error)
        if derivations == NULL or not derivations_add_references(derivations, view_of(made), references.paths, references.count, &error):
            return raise_store_error(m, ERROR_MEMORY, &error)
        bytes_free(&error)
    host_allow(m, made.data, made.size)
    return done(m, store_string(m, view_of(made)))


cdef int _flat_path(Machine* m, Word* s, const References* references, Bytes* resolved, Bytes* made) noexcept nogil:
    cdef Bytes content
    cdef StoreObject written
    cdef FileStamp stamp
    cdef Digest digest
    cdef int outcome
    # A policy demands that a file is opened without following links; hashing by name follows them.
    if not host_of(m).is_pure and not host_of(m).is_restricted and \
            host_file_stamp(m, resolved.data, resolved.size, &stamp) and stamp.size_bytes >= LARGE_FILE:
        return _large_flat_path(m, s, references, resolved, made)
    memset(&content, 0, sizeof(content))
    memset(&written, 0, sizeof(written))
    outcome = host_read_file(m, resolved.data, resolved.size, &content)
    if outcome == DONE:
        hash_bytes(HASH_SHA256, content.data, content.size, &digest)
        written.data = make_view(content.data, content.size)
        outcome = _write_flat(m, s, references, &digest, &written, made)
    free(content.data)
    return outcome


cdef int _large_flat_path(Machine* m, Word* s, const References* references, Bytes* resolved, Bytes* made) noexcept nogil:
    """Reads the file piece by piece, and passes its path on instead of its contents."""
    cdef StoreObject written
    cdef Digest digest
    cdef uint64_t size = 0
    cdef Bytes real, error
    cdef int outcome
    memset(&written, 0, sizeof(written))
    bytes_init(&real)
    bytes_init(&error)
    outcome = host_real_path(m, resolved.data, resolved.size, &real)
    if outcome == DONE and not hash_file(HASH_SHA256, <const char*>real.data, &digest, &size, &error):
        outcome = raise_store_error(m, ERROR_FILE, &error)
        bytes_init(&error)
    if outcome == DONE:
        written.source_path = make_view(resolved.data, resolved.size) if host_of(m).writer == NULL \
            else make_view(real.data, real.size - 1)
        outcome = _write_flat(m, s, references, &digest, &written, made)
    bytes_free(&real)
    bytes_free(&error)
    return outcome


cdef int _write_flat(Machine* m, Word* s, const References* references, Digest* digest, StoreObject* written, Bytes* made) noexcept nogil:
    cdef Bytes error
    bytes_init(&error)
    if not store_path_fixed(host_store_dir(m), _source_name(s), INGEST_FLAT, digest, references.paths, references.count, False, made, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    bytes_free(&error)
    written.kind = STORE_OBJECT_FLAT
    written.path = view_of(made)
    return host_write_object(m, written)


# ---- filters ----------------------------------------------------------------------------------------------------

cdef void _free_walks(Host* h) noexcept nogil:
    cdef Walk* walk = <Walk*>h.walks
    cdef Walk* next_
    while walk != NULL:
        next_ = walk.next
        nar_tree_free(&walk.tree)
        free(walk)
        walk = next_
    h.walks = NULL


cdef void _record_walks(Machine* m) noexcept nogil:
    """Records the trees of walks that have not come to their end, because a filter failed, say: nobody knows any more what they saw."""
    cdef Walk* walk = <Walk*>host_of(m).walks
    while walk != NULL:
        if not walk.is_recorded:
            walk.is_recorded = host_record_tree(m, _root_of(walk), &walk.tree, NULL) == DONE
        walk = walk.next


cdef View _root_of(Walk* walk) noexcept nogil:
    return make_view(walk.tree.root.data, walk.tree.root.size - 1)


cdef void _close_walk(Machine* m, Walk* walk) noexcept nogil:
    cdef Walk** link = <Walk**>&host_of(m).walks
    while link[0] != NULL and link[0] != walk:
        link = &link[0].next
    if link[0] == walk:
        link[0] = walk.next
    nar_tree_free(&walk.tree)
    free(walk)


cdef int _open_walk(Machine* m, Word* s, Bytes* resolved) noexcept nogil:
    cdef Walk* walk = <Walk*>allocate_zeros(1, sizeof(Walk))
    cdef Bytes error
    if walk == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    bytes_init(&error)
    if host_open_tree(m, make_view(resolved.data, resolved.size), &walk.tree, &error) != DONE:
        free(walk)
        bytes_free(&error)
        return RAISE
    walk.next = <Walk*>host_of(m).walks
    host_of(m).walks = walk
    host_of(m).free_walks = _free_walks
    host_of(m).record_walks = _record_walks
    s[SLOT_WALK] = small_int(<int64_t>walk)
    s[SLOT_PHASE] = small_int(PHASE_WALK)
    if not nar_tree_expand(&walk.tree, 0, &error):
        return raise_store_error(m, ERROR_FILE, &error)
    bytes_free(&error)
    walk.entry = walk.tree.entries[0].first_child if walk.tree.entries[0].child_count else 0
    return DONE


cdef uint32_t _after(NarTree* tree, uint32_t entry) noexcept nogil:
    """The next entry that is not below this one; 0 at the end."""
    cdef uint32_t parent
    while entry:
        parent = tree.entries[entry].parent
        if entry + 1 < tree.entries[parent].first_child + tree.entries[parent].child_count:
            return entry + 1
        entry = parent
    return 0


cdef int _walk(Machine* m, Word* s) noexcept nogil:
    """Calls the filter once for each entry; when this is entered again, the answer is on top of the stack."""
    cdef Walk* walk = <Walk*>int_value(s[SLOT_WALK])
    cdef NarTree* tree = &walk.tree
    cdef Bytes text
    cdef Word answer
    cdef Word type_, name
    if m.sp > s + SLOT_END:
        answer = pop(m)
        if not is_bool(answer):
            return of_part(m, PART_RESULT, raise_type(m, "a Boolean", answer))
        if _take_answer(m, walk, answer == WORD_TRUE) != DONE:
            return RAISE
    while walk.entry:
        bytes_init(&text)
        nar_tree_path(tree, walk.entry, &text)
        if text.failed:
            bytes_free(&text)
            return raise_text(m, ERROR_MEMORY, NULL)
        if not heap_reserve(m, (text.size >> 3) + 64):
            bytes_free(&text)
            return RAISE
        if not host_shows(m, text.data, text.size):
            bytes_free(&text)
            if _take_answer(m, walk, False) != DONE:
                return RAISE
            continue
        name = make_string(m, text.data, text.size, 0)
        bytes_free(&text)
        type_ = make_string(m, nar_kind_name(tree.entries[walk.entry].kind), strlen(nar_kind_name(tree.entries[walk.entry].kind)), 0)
        return call2(m, s[SLOT_FILTER], name, type_)
    return _end_walk(m, s, walk)


cdef int _take_answer(Machine* m, Walk* walk, bint is_wanted) noexcept nogil:
    cdef uint32_t entry = walk.entry
    cdef Bytes error
    if not is_wanted:
        walk.tree.entries[entry].is_excluded = True
    elif walk.tree.entries[entry].kind == NAR_DIRECTORY:
        bytes_init(&error)
        if not nar_tree_expand(&walk.tree, entry, &error):
            return raise_store_error(m, ERROR_FILE, &error)
        bytes_free(&error)
        if walk.tree.entries[entry].child_count:
            walk.entry = walk.tree.entries[entry].first_child
            return DONE
    walk.entry = _after(&walk.tree, entry)
    return DONE


cdef int _end_walk(Machine* m, Word* s, Walk* walk) noexcept nogil:
    """Hashes the tree, and adds it to the store; a store that does not have it yet reads the tree once more."""
    cdef Hasher hasher
    cdef NarSink sink
    cdef Digest digest
    cdef Bytes made, expected, error
    cdef KeptReferences references
    cdef bint is_done
    cdef int outcome
    bytes_init(&made)
    bytes_init(&expected)
    bytes_init(&error)
    hasher_init(&hasher, HASH_SHA256)
    nar_sink_init(&sink, &hasher, NULL, -1)
    is_done = nar_write_tree(&walk.tree, &sink, &error)
    is_done = nar_sink_finish(&sink, &error) and is_done
    hasher_final(&hasher, &digest)
    outcome = keep_references(m, s[SLOT_PATH], &references)
    if outcome == DONE and host_record_tree(m, _root_of(walk), &walk.tree, &digest if is_done else NULL) != DONE:
        outcome = RAISE
    if is_done:
        is_done = store_path_source(
            host_store_dir(m), _source_name(s), &digest, references.list.paths, references.list.count, False, &made, &error)
    if not is_done and outcome == DONE:
        outcome = raise_store_error(m, ERROR_FILE, &error)
        bytes_init(&error)
    elif outcome == DONE and s[SLOT_HASH] != WORD_NULL:
        outcome = _expected(m, s, &references.list, &expected)
    if outcome == DONE:
        outcome = host_write_tree(m, &walk.tree, view_of(&made), &references.list, &digest)
    _close_walk(m, walk)
    s[SLOT_WALK] = WORD_NULL
    if outcome == DONE:
        outcome = _deliver(m, s, &references.list, &made, &expected)
    free_references(&references)
    bytes_free(&made)
    bytes_free(&expected)
    bytes_free(&error)
    return outcome


# ---- toFile and storePath ---------------------------------------------------------------------------------------

cdef int to_file(Machine* m, Word* fp) noexcept nogil:
    cdef uint32_t context = context_united(m, string_context(fp[1]))
    cdef Context* c = &m.contexts[context]
    cdef uint32_t count = c.count if string_context(fp[1]) else 0
    cdef View* references = <View*>allocate_zeros(count + 1, sizeof(View))
    cdef Element e
    cdef uint32_t i
    cdef int outcome = DONE
    if references == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    for i in range(count):
        e = context_element(m, c.elements[i])
        if e.kind != ELEMENT_PATH:
            outcome = _refuse_derivation(m, fp[0], e)
            break
        references[i] = e.path
    if outcome == DONE:
        outcome = _text_path(m, fp[0], fp[1], references, count)
    free(references)
    return outcome


cdef int _refuse_derivation(Machine* m, Word name, Element e) noexcept nogil:
    cdef size_t skipped = host_store_dir(m).size + 1
    return raise_message(m, worded(
        MESSAGE_FILE_REFERS_TO_DERIVATION, <int>string_size(name), <char*>string_data(name),
        <char*>"=" if e.kind == ELEMENT_DERIVATION else <char*>"!", <int>(e.chain.size - 2 if e.output.size else 0),
        <char*>e.chain.data + 1, <char*>"" if e.kind == ELEMENT_DERIVATION else <char*>"!",
        <int>(e.path.size - skipped), <char*>e.path.data + skipped))


cdef int _text_path(Machine* m, Word name, Word text, View* references, size_t count) noexcept nogil:
    cdef KnownDerivations* derivations = host_derivations(m)
    cdef StoreObject written
    cdef Digest digest
    cdef Bytes made, error
    cdef int outcome = DONE
    if derivations == NULL:
        return RAISE
    bytes_init(&made)
    bytes_init(&error)
    hash_bytes(HASH_SHA256, string_data(text), string_size(text), &digest)
    if not store_path_text(host_store_dir(m), string_view(name), &digest, references, count, &made, &error) or \
            not derivations_add_references(derivations, view_of(&made), references, count, &error):
        bytes_free(&made)
        return raise_store_error(m, ERROR_VALUE, &error)
    bytes_free(&error)
    memset(&written, 0, sizeof(written))
    written.kind = STORE_OBJECT_TEXT
    written.path = view_of(&made)
    written.data = string_view(text)
    written.references = references
    written.reference_count = count
    outcome = host_write_object(m, &written)
    if outcome == DONE:
        host_allow(m, made.data, made.size)
        m.result = store_string(m, view_of(&made))
    bytes_free(&made)
    return outcome


cdef int store_path_(Machine* m, Word* fp) noexcept nogil:
    cdef Bytes resolved
    cdef int outcome = DONE
    if host_of(m).is_pure:
        return raise_message(m, worded(MESSAGE_STORE_PATH_IN_PURE_MODE))
    memset(&resolved, 0, sizeof(resolved))
    if store_is_path(host_store_dir(m), string_view(fp[0])):
        outcome = DONE if _copy(&resolved, string_view(fp[0])) else raise_text(m, ERROR_MEMORY, NULL)
    else:
        outcome = host_resolve(m, string_data(fp[0]), string_size(fp[0]), RESOLVE_FULL, &resolved)
    if outcome == DONE:
        outcome = _store_path_string(m, make_view(resolved.data, resolved.size), string_context(fp[0]))
    free(resolved.data)
    return outcome


cdef bint _copy(Bytes* to, View text) noexcept nogil:
    cdef Bytes copy
    bytes_init(&copy)
    bytes_append(&copy, text.data, text.size)
    to.data = copy.data
    to.size = copy.size
    to.capacity = copy.capacity
    return not copy.failed


cdef int _store_path_string(Machine* m, View path, uint32_t context) noexcept nogil:
    cdef View object_, rest
    cdef Bytes error
    cdef uint32_t own
    if not host_is_in_store(m, path.data, path.size):
        return raise_message(m, worded(MESSAGE_PATH_NOT_IN_STORE, <int>path.size, <char*>path.data))
    bytes_init(&error)
    if not store_path_split(host_store_dir(m), path, &object_, &rest, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    bytes_free(&error)
    if host_of(m).writer != NULL and not host_store_has(m, object_):
        return raise_message(m, worded(MESSAGE_PATH_NOT_SUBSTITUTABLE, <int>object_.size, <char*>object_.data))
    own = context_single(m, symbol_intern(m, object_.data, object_.size))
    return done(m, make_string(m, path.data, path.size, context_union(m, context, own)))


define("path", path)
define("filterSource", filter_source)
define_trace("path", _trace_path)
define_trace("filterSource", _trace_filtered)
define("toFile", to_file)
define("storePath", store_path_)
