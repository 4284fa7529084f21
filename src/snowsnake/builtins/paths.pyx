# cython: language_level=3
"""Builtins that read files and directories: contents, lists, types, and the search path.

In: paths as absolute text with its context.  Out: contents, types, found paths.  All access goes through the host.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memset, strlen

from snowsnake.builtins.protocol cimport call_internal1, done, force
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.builtins.store_context cimport context_of_contents, realise_context, realise_path, string_view, take_plain_string, trace_realising
from snowsnake.diagnostics.message_table cimport MESSAGE_CONTENTS_WITH_NUL, MESSAGE_PATH_NOT_FOUND_SINCE
from snowsnake.foundation.buffer cimport Bytes, view_of
from snowsnake.host.files cimport host_file_type, host_read_directory, host_read_file_as
from snowsnake.host.places cimport Reading, raise_missing
from snowsnake.host.search cimport host_search_entry, host_search_failed
from snowsnake.host.state cimport FILE_DIRECTORY, FILE_NONE, FILE_REGULAR, FILE_SYMLINK
from snowsnake.machine.attention cimport error_disregard
from snowsnake.machine.attrs cimport Attr, attrs_build, attrs_position, scratch_entries
from snowsnake.machine.descriptions cimport raise_missing_attribute, raise_type
from snowsnake.machine.errors cimport error_clear, of_part, raise_message, worded
from snowsnake.machine.heap cimport heap_reserve, make_given_path, make_string, push, stack_reserve
from snowsnake.machine.internals cimport INTERNAL_COERCE, INTERNAL_COERCE_PATH
from snowsnake.machine.state cimport DONE, ERROR_ACCESS, ERROR_FILE, PART_ATTRIBUTE, PART_ELEMENT, RAISE, Machine, TraceEntry
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport (
    WORD_NULL, Word, attrs_find, attrs_is_layered, bool_word, is_attrs, is_list, is_path, is_string, is_thunk,
    list_items, list_size, path_string, pointer_of, small_int, string_data, string_size, val,
)


# ---- files ------------------------------------------------------------------------------------------------------

cdef int read_file(Machine* m, Word* fp) noexcept nogil:
    cdef Bytes content
    cdef Reading reading
    cdef Word path = fp[0]
    cdef uint32_t context = 0
    cdef int outcome
    memset(&content, 0, sizeof(Bytes))
    memset(&reading, 0, sizeof(Reading))
    reading.makes_text = True
    outcome = realise_path(m, &path)
    if outcome == DONE:
        outcome = host_read_file_as(m, string_data(path), string_size(path), &content, &reading)
    if outcome == DONE and content.size and memchr(content.data, 0, content.size) != NULL:
        outcome = raise_message(m, worded(MESSAGE_CONTENTS_WITH_NUL, <int>string_size(fp[0]), <char*>string_data(fp[0])))
    if outcome == DONE:
        outcome = context_of_contents(m, fp[0], view_of(&content), &context)
    if reading.text:
        if outcome == DONE:
            pointer_of(reading.text)[1] = <Word>context << 32
            m.result = reading.text
        return outcome
    if outcome == DONE and not heap_reserve(m, (content.size >> 3) + 4):
        outcome = RAISE
    if outcome == DONE:
        m.result = make_string(m, content.data, content.size, context)
    free(content.data)
    return outcome


# ---- types and directories --------------------------------------------------------------------------------------

cdef Word _type_name(Machine* m, int file_type) noexcept nogil:
    cdef const char* name = "unknown"
    if file_type == FILE_REGULAR:
        name = "regular"
    elif file_type == FILE_DIRECTORY:
        name = "directory"
    elif file_type == FILE_SYMLINK:
        name = "symlink"
    return make_string(m, name, strlen(name), 0)


cdef int read_file_type(Machine* m, Word* fp) noexcept nogil:
    cdef int file_type = FILE_NONE
    if realise_path(m, fp) != DONE or \
            host_file_type(m, string_data(fp[0]), string_size(fp[0]), False, &file_type) != DONE:
        return RAISE
    if file_type == FILE_NONE:
        return raise_missing(m, string_data(fp[0]), string_size(fp[0]))
    return done(m, _type_name(m, file_type))


cdef int read_dir(Machine* m, Word* fp) noexcept nogil:
    cdef Bytes listing
    cdef int outcome
    memset(&listing, 0, sizeof(listing))
    outcome = realise_path(m, fp)
    if outcome == DONE:
        outcome = host_read_directory(m, string_data(fp[0]), string_size(fp[0]), &listing)
    if outcome == DONE:
        outcome = _directory_set(m, &listing)
    free(listing.data)
    return outcome


cdef int _directory_set(Machine* m, Bytes* listing) noexcept nogil:
    cdef uint64_t count = 0
    cdef size_t at = 0, size
    cdef Word[5] names
    cdef Attr* entries
    cdef int i
    while at < listing.size:
        at += 2 + strlen(<char*>listing.data + at + 1)
        count += 1
    # The reservation includes room for new symbols.
    if not heap_reserve(m, 64 + 4 * count + (listing.size >> 2)):
        return RAISE
    entries = scratch_entries(m, count)
    if entries == NULL:
        return RAISE
    for i in range(5):
        names[i] = _type_name(m, i)
    count = 0
    at = 0
    while at < listing.size:
        size = strlen(<char*>listing.data + at + 1)
        entries[count].symbol = symbol_intern(m, listing.data + at + 1, size)
        entries[count].position = 0
        entries[count].value = names[listing.data[at]]
        count += 1
        at += 2 + size
    m.result = attrs_build(m, entries, count)
    free(entries)
    return DONE if m.result else RAISE


cdef int path_exists(Machine* m, Word* fp) noexcept nogil:
    """State: fp[1] says whether the text requires a directory, by `/` or `/.` at its end; the path's text is above it."""
    cdef Word w = fp[0]
    cdef uint8_t* text
    cdef uint64_t n
    cdef bint must_be_directory = False
    cdef int file_type = FILE_NONE
    if m.sp == fp + 1:
        if is_string(w):
            n = string_size(w)
            text = string_data(w)
            must_be_directory = n >= 1 and (text[n - 1] == c'/' or (n >= 2 and text[n - 1] == c'.' and text[n - 2] == c'/'))
        push(m, small_int(1 if must_be_directory else 0))
        if not is_path(w):
            return call_internal1(m, INTERNAL_COERCE_PATH, w)
        push(m, path_string(w))
    w = m.sp[-1]
    must_be_directory = fp[1] != 0
    if realise_path(m, &m.sp[-1]) != DONE:
        return RAISE
    w = m.sp[-1]
    if host_file_type(m, string_data(w), string_size(w), must_be_directory, &file_type) != DONE:
        if m.error.code != ERROR_ACCESS:
            return RAISE
        error_clear(m)
        file_type = FILE_NONE
    return done(m, bool_word(file_type == FILE_DIRECTORY if must_be_directory else file_type != FILE_NONE))


cdef int to_path(Machine* m, Word* fp) noexcept nogil:
    return done(m, fp[0])


# ---- search path ------------------------------------------------------------------------------------------------

# The step of the search for the current entry.
cdef enum FindStep:
    STEP_ENTRY = 0
    STEP_PREFIX = 1
    STEP_PATH = 2
    STEP_COERCED = 3


cdef int find_file(Machine* m, Word* fp) noexcept nogil:
    """State: fp[2] is 4 · the index of the current entry + the step; above it are prefix and path of each entry that is done."""
    cdef uint64_t n = list_size(fp[0]), i
    cdef int step, outcome
    cdef Word entry, w
    cdef Word* place
    cdef uint32_t symbol_prefix, symbol_path
    if m.sp == fp + 2:
        if not stack_reserve(m, 2 * n + 16):
            return RAISE
        push(m, 0)
    symbol_prefix = symbol_intern(m, b"prefix", 6)
    symbol_path = symbol_intern(m, b"path", 4)
    while True:
        i = <uint64_t>fp[2] >> 5
        step = <int>(fp[2] >> 3) & 3
        if i == n:
            break
        entry = val(list_items(fp[0])[i])
        if step == STEP_ENTRY:
            if is_thunk(entry):
                return force(m, entry)
            if not is_attrs(entry):
                return of_part(m, PART_ELEMENT + 1, raise_type(m, "a set", entry))
            step = STEP_PREFIX
        if step == STEP_PREFIX:
            place = attrs_find(entry, symbol_prefix)
            fp[2] = small_int(<int64_t>(i << 2) | STEP_PREFIX)
            outcome = take_plain_string(m, m.empty_string if place == NULL else place[0], &w)
            if outcome != DONE:
                return outcome
            push(m, w)
            step = STEP_PATH
        if step == STEP_PATH:
            place = attrs_find(entry, symbol_path)
            if place == NULL:
                return raise_missing_attribute(m, symbol_path)
            fp[2] = small_int(<int64_t>(i << 2) | STEP_COERCED)
            w = val(place[0])
            if not is_string(w):
                return call_internal1(m, INTERNAL_COERCE, w)
            push(m, w)
        if realise_context(m, &m.sp[-1]) != DONE:
            return _cannot_find(m, m.sp[-1])
        fp[2] = small_int(<int64_t>(i + 1) << 2)
    outcome = of_part(m, 2, take_plain_string(m, fp[1], &w))
    return _look_up(m, fp + 3, n, w) if outcome == DONE else outcome


cdef int _cannot_find(Machine* m, Word path) noexcept nogil:
    """Adds to the pending error which file was looked for, if the error is about a file."""
    cdef char* message = m.error.message
    if m.error.code != ERROR_FILE or message == NULL:
        return RAISE
    m.error.message = NULL
    error_disregard(m)
    raise_message(m, worded(MESSAGE_PATH_NOT_FOUND_SINCE, <int>string_size(path), <char*>string_data(path), message))
    free(message)
    return RAISE


cdef uint32_t _trace_finding(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    """Writes the current attribute of an entry into the first trace entry."""
    cdef uint64_t i
    cdef int step
    cdef Word entry
    if top < fp + 3 or not is_list(fp[0]):
        return 0
    i = <uint64_t>fp[2] >> 5
    step = <int>(fp[2] >> 3) & 3
    entry = val(list_items(fp[0])[i]) if i < list_size(fp[0]) else WORD_NULL
    if step == STEP_ENTRY or not is_attrs(entry) or attrs_is_layered(entry) or top == fp + 3 + 2 * (i + 1):
        return 0
    entries[0].symbol = symbol_intern(m, b"prefix", 6) if step == STEP_PREFIX else symbol_intern(m, b"path", 4)
    entries[0].part = PART_ATTRIBUTE
    entries[0].selected = attrs_position(entry, entries[0].symbol)
    return 0


cdef int _look_up(Machine* m, Word* pairs, uint64_t count, Word name) noexcept nogil:
    cdef Bytes found
    cdef bint is_found = False
    cdef int outcome = DONE
    cdef uint64_t i
    memset(&found, 0, sizeof(found))
    for i in range(count):
        outcome = host_search_entry(m, string_view(pairs[2 * i]), string_view(pairs[2 * i + 1]), string_view(name), &found, &is_found)
        if outcome != DONE or is_found:
            break
    if outcome == DONE and not is_found:
        outcome = host_search_failed(m, string_view(name), &found)
    if outcome == DONE:
        m.result = make_given_path(m, found.data, found.size)
    free(found.data)
    return outcome


define("readFile", read_file)
define("readFileType", read_file_type)
define("readDir", read_dir)
define("pathExists", path_exists)
define("toPath", to_path)
define("findFile", find_file)
define_trace("readFile", trace_realising)
define_trace("readFileType", trace_realising)
define_trace("readDir", trace_realising)
define_trace("pathExists", trace_realising)
define_trace("findFile", _trace_finding)
