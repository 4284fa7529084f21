# cython: language_level=3
"""What a string's context says about the store, and whether the store has what it names.

In: context elements.  Out: their parts, or an error.  A store that can be written to builds the outputs that do not exist yet.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memcmp, memset

from snowsnake.builtins.protocol cimport force
from snowsnake.diagnostics.message_table cimport MESSAGE_INVALID_PATH
from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_byte, bytes_free, bytes_init, bytes_view, make_view, view_of
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.host.files cimport host_resolve
from snowsnake.host.logical_store cimport host_known_output, host_realise, host_references, host_store_has
from snowsnake.host.state cimport RESOLVE_FULL, host_is_in_store, host_store_dir
from snowsnake.host.store_hooks cimport raise_store_error
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport format_text, of_part, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_reserve, make_string
from snowsnake.machine.notes cimport NOTE_REALISED_PATH
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, ERROR_VALUE, RAISE, Context, Machine, TraceEntry
from snowsnake.machine.symbols cimport context_make, context_single, context_united, symbol_intern, symbol_string
from snowsnake.machine.word cimport is_string, is_thunk, string_context, string_data, string_size, val
from snowsnake.store.dynamic_inputs cimport take_name
from snowsnake.store.store_path cimport STORE_HASH_SIZE, store_path_split, views_sort

cdef extern from "string.h":
    void* memmem(const void* text, size_t text_size, const void* wanted, size_t wanted_size) noexcept nogil


cdef enum:
    # This is one more Part (machine/state.pxd): the fault is in the store, not in the builtin's input.
    PART_REALISED = 24


cdef Element context_element(Machine* m, uint32_t symbol) noexcept nogil:
    cdef Word s = symbol_string(m, symbol)
    cdef uint8_t* text = string_data(s)
    cdef size_t size = string_size(s)
    cdef const uint8_t* end
    cdef const uint8_t* rest = NULL
    cdef Element e
    e.output = make_view(NULL, 0)
    e.kind = ELEMENT_PATH
    e.path = make_view(text, size)
    if size and text[0] == c'=':
        e.kind = ELEMENT_DERIVATION
        e.path = make_view(text + 1, size - 1)
    elif size and text[0] == c'!':
        end = <const uint8_t*>memchr(text + 1, c'!', size - 1)
        if end != NULL:
            e.kind = ELEMENT_OUTPUT
            e.output = make_view(text + 1, <size_t>(end - text - 1))
            rest = end + 1
            end = <const uint8_t*>memchr(rest, c'!', <size_t>(text + size - rest))
            while end != NULL:
                e.kind = ELEMENT_DYNAMIC
                rest = end + 1
                end = <const uint8_t*>memchr(rest, c'!', <size_t>(text + size - rest))
            e.path = make_view(rest, <size_t>(text + size - rest))
    e.chain = make_view(text, <size_t>(e.path.data - text))
    return e


cdef void _add_names(View chain, Bytes* out) noexcept nogil:
    """Appends the names of a chain in the opposite order, which is how stores are asked: `!dev!out` for `!out!dev!`."""
    cdef View name
    while take_name(&chain, &name):
        bytes_byte(out, c'!')
        bytes_view(out, name)


cdef int known_derivation(Machine* m, Element e, Bytes* path) noexcept nogil:
    cdef Bytes wanted
    cdef int outcome
    bytes_init(&wanted)
    bytes_view(&wanted, e.path)
    _add_names(make_view(e.output.data + e.output.size, <size_t>(e.path.data - e.output.data) - e.output.size), &wanted)
    outcome = raise_text(m, ERROR_MEMORY, NULL) if wanted.failed else host_known_output(m, view_of(&wanted), path)
    bytes_free(&wanted)
    return outcome


cdef int realise_context(Machine* m, Word* path) noexcept nogil:
    cdef uint32_t context = context_united(m, string_context(path[0]))
    cdef Context* c = &m.contexts[context]
    cdef Element e
    cdef View dir_ = host_store_dir(m)
    cdef Bytes wanted, names
    cdef uint32_t i
    cdef int outcome = DONE
    if string_context(path[0]) == 0:
        return DONE
    bytes_init(&wanted)
    bytes_init(&names)
    for i in range(c.count):
        e = context_element(m, c.elements[i])
        if not host_store_has(m, e.path):
            bytes_free(&wanted)
            return raise_message(m, worded(MESSAGE_INVALID_PATH, <int>(e.path.size - dir_.size - 1), <char*>e.path.data + dir_.size + 1))
        if e.kind == ELEMENT_OUTPUT or e.kind == ELEMENT_DYNAMIC:
            bytes_view(&wanted, e.path)
            _add_names(e.chain, &wanted)
            bytes_byte(&wanted, c'\n')
    if wanted.failed:
        outcome = raise_text(m, ERROR_MEMORY, NULL)
    elif wanted.size:
        outcome = host_realise(m, view_of(&wanted), _object_of(m, path[0]), &names)
    if outcome == DONE and (names.size or names.failed):
        outcome = _rename(m, path, &names)
    bytes_free(&wanted)
    bytes_free(&names)
    return outcome


cdef int _rename(Machine* m, Word* path, Bytes* names) noexcept nogil:
    """Replaces placeholders in the path.  *names*: lines, each with a placeholder, a tab, and the path that replaces it."""
    cdef Bytes text, made
    cdef const uint8_t* line = names.data
    cdef const uint8_t* tab
    cdef const uint8_t* end
    cdef const uint8_t* found
    cdef size_t at
    cdef int outcome = DONE
    bytes_init(&text)
    bytes_append(&text, string_data(path[0]), string_size(path[0]))
    while line < names.data + names.size and not text.failed:
        tab = <const uint8_t*>memchr(line, c'\t', names.data + names.size - line)
        end = <const uint8_t*>memchr(tab, c'\n', names.data + names.size - tab)
        bytes_init(&made)
        at = 0
        while True:
            found = <const uint8_t*>memmem(text.data + at, text.size - at, line, tab - line)
            if found == NULL:
                break
            bytes_append(&made, text.data + at, found - text.data - at)
            bytes_append(&made, tab + 1, end - tab - 1)
            at = found - text.data + (tab - line)
        bytes_append(&made, text.data + at, text.size - at)
        bytes_free(&text)
        text = made
        line = end + 1
    if names.failed or text.failed:
        outcome = raise_text(m, ERROR_MEMORY, NULL)
    elif not heap_reserve(m, (text.size >> 3) + 4):
        outcome = RAISE
    else:
        path[0] = make_string(m, text.data, text.size, string_context(path[0]))
    bytes_free(&text)
    return outcome


cdef int realise_path(Machine* m, Word* path) noexcept nogil:
    return of_part(m, PART_REALISED, realise_context(m, path))


cdef uint32_t trace_realising(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    """Writes a note with the path, which is the last string with a context among the builtin's words."""
    if m.error.part != PART_REALISED or fp != m.fp:
        return 0
    while top > fp:
        top -= 1
        if is_string(top[0]) and string_context(top[0]) != 0:
            entries[0].note = NOTE_REALISED_PATH
            entries[0].text = format_text("%.*s", <int>string_size(top[0]), <char*>string_data(top[0]))
            return 1
    return 0


cdef View _object_of(Machine* m, Word path) noexcept nogil:
    """The path of the store object that contains a path, or the path itself if it is not in the store."""
    cdef uint8_t* text = string_data(path)
    cdef size_t size = string_size(path), end
    if host_is_in_store(m, text, size):
        end = host_store_dir(m).size + 1
        while end < size and text[end] != c'/':
            end += 1
        size = end
    return make_view(text, size)


cdef int context_of_contents(Machine* m, Word path, View contents, uint32_t* context) noexcept nogil:
    """The context of a file's contents: the references of the store object that holds it, as far as the contents name them."""
    cdef View store_dir = host_store_dir(m)
    cdef size_t size
    cdef const uint8_t* end
    cdef Bytes resolved, lines
    cdef int outcome
    if not _may_name_paths(contents):
        return DONE
    memset(&resolved, 0, sizeof(resolved))
    outcome = host_resolve(m, string_data(path), string_size(path), RESOLVE_FULL, &resolved)
    if outcome == DONE and resolved.size > store_dir.size + 1 + STORE_HASH_SIZE and memcmp(resolved.data, store_dir.data, store_dir.size) == 0 \
            and resolved.data[store_dir.size] == c'/':
        end = <const uint8_t*>memchr(resolved.data + store_dir.size + 1, c'/', resolved.size - store_dir.size - 1)
        size = resolved.size if end == NULL else <size_t>(end - resolved.data)
        bytes_init(&lines)
        if not host_references(m, make_view(resolved.data, size), &lines) or not _named(m, view_of(&lines), store_dir.size + 1, contents, context):
            outcome = raise_text(m, ERROR_MEMORY, NULL)
        bytes_free(&lines)
    free(resolved.data)
    return outcome


cdef inline bint _is_digit(uint8_t c) noexcept nogil:
    """Whether a character may occur in the hash of a store path."""
    return c'0' <= c <= c'9' or (c'a' <= c <= c'z' and c != c'e' and c != c'o' and c != c't' and c != c'u')


cdef bint _may_name_paths(View contents) noexcept nogil:
    """Whether the contents have, somewhere, as many digits in a row as the hash of a store path has."""
    cdef size_t start = 0, at
    while start + STORE_HASH_SIZE <= contents.size:
        at = start + STORE_HASH_SIZE
        while at > start and _is_digit(contents.data[at - 1]):
            at -= 1
        if at == start:
            return True
        start = at
    return False


cdef bint _named(Machine* m, View lines, size_t skipped, View contents, uint32_t* context) noexcept nogil:
    """Makes a context of the paths in *lines* whose hash part occurs in the contents; returns False if memory is short.  *skipped*: the bytes before the hash."""
    cdef uint32_t* elements = <uint32_t*>allocate_items(lines.size // (skipped + STORE_HASH_SIZE) + 1, sizeof(uint32_t))
    cdef const uint8_t* end
    cdef uint32_t count = 0
    if elements == NULL:
        return False
    while lines.size:
        end = <const uint8_t*>memchr(lines.data, c'\n', lines.size)
        if memmem(contents.data, contents.size, lines.data + skipped, STORE_HASH_SIZE) != NULL:
            elements[count] = symbol_intern(m, lines.data, <uint64_t>(end - lines.data))
            count += 1
        lines = make_view(end + 1, lines.size - <size_t>(end - lines.data) - 1)
    if count:
        context[0] = context_make(m, elements, count)
    free(elements)
    return True


cdef int keep_references(Machine* m, Word path, KeptReferences* kept) noexcept nogil:
    cdef View object_, rest, lines
    cdef Bytes error
    cdef const uint8_t* end
    cdef size_t count = 0
    memset(kept, 0, sizeof(KeptReferences))
    if string_context(path) == 0 or not host_is_in_store(m, string_data(path), string_size(path)):
        return DONE
    bytes_init(&error)
    if not store_path_split(host_store_dir(m), make_view(string_data(path), string_size(path)), &object_, &rest, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    bytes_free(&error)
    if not host_references(m, object_, &kept.lines):
        return raise_text(m, ERROR_MEMORY, NULL)
    if kept.lines.size == 0:
        return DONE
    lines = view_of(&kept.lines)
    kept.views = <View*>allocate_items(lines.size // (host_store_dir(m).size + STORE_HASH_SIZE) + 1, sizeof(View))
    if kept.views == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    while lines.size:
        end = <const uint8_t*>memchr(lines.data, c'\n', lines.size)
        kept.views[count] = make_view(lines.data, <size_t>(end - lines.data))
        count += 1
        lines = make_view(end + 1, lines.size - <size_t>(end - lines.data) - 1)
    kept.list.paths = kept.views
    kept.list.count = views_sort(kept.views, count)
    return DONE


cdef void free_references(KeptReferences* kept) noexcept nogil:
    free(kept.views)
    bytes_free(&kept.lines)


cdef Word store_string(Machine* m, View store_path) noexcept nogil:
    return make_string(m, store_path.data, store_path.size,
                       context_single(m, symbol_intern(m, store_path.data, store_path.size)))


cdef int take_plain_string(Machine* m, Word w, Word* slot) noexcept nogil:
    w = val(w)
    if is_thunk(w):
        return force(m, w)
    if not is_string(w):
        return raise_type(m, "a string", w)
    if string_context(w):
        return raise_context(m, w)
    slot[0] = w
    return DONE
