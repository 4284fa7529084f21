# cython: language_level=3
"""The search path: `<name>`, and the entries, some of which are URLs.

In: names.  Out: paths, which are remembered for each entry.
"""
from libc.stdint cimport uint32_t, uint8_t
from libc.string cimport memcmp, memset, strlen

from snowsnake.diagnostics.message_table cimport (
    MESSAGE_NOT_IN_SEARCH_PATH, MESSAGE_NO_SEARCH_ENTRY, MESSAGE_SEARCH_ENTRY_NOT_DOWNLOADED, MESSAGE_SEARCH_IN_PURE_MODE,
)
from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_byte, bytes_free, bytes_text, make_view, view_is
from snowsnake.foundation.paths cimport path_join
from snowsnake.host.byte_map cimport MapEntry, map_add, map_find
from snowsnake.host.files cimport host_resolve, status_now
from snowsnake.host.messages cimport host_warn_of_fault
from snowsnake.host.places cimport CHANGED, raise_changed
from snowsnake.host.policy cimport host_allows, host_check_access, host_require_feature
from snowsnake.host.records cimport RECORD_STATUS, record_fault, record_type
from snowsnake.host.state cimport FEATURE_FLAKES, FILE_NONE, RESOLVE_FULL, Host, TreeFetcher, host_of, is_guarded
from snowsnake.machine.attention cimport error_disregard, must_stop, stop
from snowsnake.machine.errors cimport error_clear, raise_message, raise_text, worded
from snowsnake.machine.state cimport DONE, ERROR_INTERRUPT, ERROR_MEMORY, ERROR_TIMEOUT, RAISE, Machine


cdef bint matches_prefix(View prefix, View name, View* rest) noexcept nogil:
    """Whether a name begins with a prefix, as whole components; *rest* is what follows."""
    cdef bint needs_slash = prefix.size > 0 and prefix.size < name.size
    if needs_slash and name.data[prefix.size] != c'/':
        return False
    if name.size < prefix.size or (prefix.size and memcmp(name.data, prefix.data, prefix.size) != 0):
        return False
    rest[0] = make_view(name.data + prefix.size + needs_slash, name.size - prefix.size - needs_slash)
    return True


cdef bint starts_with(View text, const char* start) noexcept nogil:
    cdef size_t size = strlen(start)
    return text.size >= size and memcmp(text.data, start, size) == 0


cdef bint is_pseudo_url(View text) noexcept nogil:
    cdef size_t i
    cdef View scheme
    if starts_with(text, "channel:"):
        return True
    for i in range(text.size):
        if i + 2 < text.size and text.data[i] == c':' and text.data[i + 1] == c'/' and text.data[i + 2] == c'/':
            scheme = make_view(text.data, i)
            return view_is(scheme, "http") or view_is(scheme, "https") or view_is(scheme, "file") or \
                view_is(scheme, "channel") or view_is(scheme, "git") or view_is(scheme, "s3") or view_is(scheme, "ssh")
    return False


# All machines share this function of builtins/fetching.pyx.
cdef TreeFetcher _tree_fetcher = NULL


cdef void host_fetch_with(TreeFetcher fetcher) noexcept nogil:
    global _tree_fetcher
    _tree_fetcher = fetcher


cdef MapEntry* fetched_entry(Machine* m, View folder, Bytes* path) noexcept nogil:
    """Fetches an entry that is a URL, and remembers where its tree lies.  An entry that cannot be downloaded is missing; a flake must exist."""
    cdef MapEntry* known = NULL
    cdef bint is_flake = starts_with(folder, "flake:")
    if is_flake and host_require_feature(m, FEATURE_FLAKES, "flakes") != DONE:
        return NULL
    if _tree_fetcher(m, folder, path) != DONE:
        if is_flake or m.error.code == ERROR_INTERRUPT or m.error.code == ERROR_TIMEOUT or m.error.code == ERROR_MEMORY:
            return NULL
        error_clear(m)
        path.size = 0
        host_warn_of_fault(m, worded(MESSAGE_SEARCH_ENTRY_NOT_DOWNLOADED, <int>folder.size, <char*>folder.data).text)
        host_warn_of_fault(m, worded(MESSAGE_NO_SEARCH_ENTRY, <int>folder.size, <char*>folder.data).text)
    known = map_add(&host_of(m).search_resolved, folder.data, folder.size, path.data if path.size else NULL, path.size)
    bytes_free(path)
    if known == NULL:
        raise_text(m, ERROR_MEMORY, NULL)
    return known


cdef MapEntry* resolve_entry(Machine* m, View folder) noexcept nogil:
    """An entry's folder, made absolute; an entry without a value is missing.  NULL: an error has been raised."""
    cdef Host* h = host_of(m)
    cdef MapEntry* known = map_find(&h.search_resolved, folder.data, folder.size)
    cdef Bytes path, full
    cdef bint is_there = False
    cdef bint is_absolute = folder.size != 0 and folder.data[0] == c'/'
    cdef int kind = FILE_NONE
    if known != NULL:
        return known
    # Each step walks over a path, which may be a text of 100 MB, so we look for a request to stop between the steps.
    if must_stop(m):
        stop(m)
        return NULL
    memset(&path, 0, sizeof(path))
    if is_pseudo_url(folder) or starts_with(folder, "flake:"):
        return fetched_entry(m, folder, &path)
    memset(&full, 0, sizeof(full))
    if is_absolute or bytes_text(&path, h.working_directory):
        if path_join(&path, 0, folder.data, folder.size) and (path.size or bytes_byte(&path, c'/')):
            if is_guarded(m) and is_absolute and host_check_access(m, path.data, path.size) != DONE:
                bytes_free(&path)
                return NULL
            # A path that the policy hides counts as absent.
            if host_resolve(m, path.data, path.size, RESOLVE_FULL, &full) == DONE and host_allows(m, full.data, full.size):
                is_there = status_now(m, &full, &kind) == DONE and kind > FILE_NONE
            if not is_there and m.error.code:
                error_disregard(m)
            if must_stop(m):
                bytes_free(&path)
                bytes_free(&full)
                stop(m)
                return NULL
            if not is_there:
                host_warn_of_fault(m, worded(MESSAGE_NO_SEARCH_ENTRY, <int>folder.size, <char*>folder.data).text)
            known = map_add(&h.search_resolved, folder.data, folder.size, path.data if is_there else NULL,
                            path.size if is_there else 0)
    bytes_free(&path)
    bytes_free(&full)
    if known == NULL:
        raise_text(m, ERROR_MEMORY, NULL)
    return known


cdef int host_search_entry(Machine* m, View prefix, View folder, View name, Bytes* path, bint* is_found) noexcept nogil:
    cdef View rest
    cdef MapEntry* entry
    cdef Bytes joined
    cdef int outcome, kind = FILE_NONE
    is_found[0] = False
    if not matches_prefix(prefix, name, &rest):
        return DONE
    entry = resolve_entry(m, folder)
    if entry == NULL:
        return RAISE
    if entry.value == NULL:
        return DONE
    if must_stop(m):
        return stop(m)
    memset(&joined, 0, sizeof(joined))
    # The text after the prefix stays below the folder: `..` in it goes no higher.
    if not (bytes_append(&joined, entry.value, entry.value_size)
            and canonical_below(&joined, rest.data, rest.size)):
        bytes_free(&joined)
        return raise_text(m, ERROR_MEMORY, NULL)
    outcome = host_resolve(m, joined.data, joined.size, RESOLVE_FULL, path)
    if outcome == DONE:
        outcome = host_check_access(m, path.data, path.size)
    bytes_free(&joined)
    if outcome == DONE:
        outcome = record_fault(m, path.data, path.size, status_now(m, path, &kind))
        if outcome == CHANGED:
            outcome = raise_changed(m, path.data, path.size)
        if outcome == DONE and not record_type(m, RECORD_STATUS, path.data, path.size, kind):
            outcome = RAISE
    is_found[0] = outcome == DONE and kind > FILE_NONE
    return outcome


cdef bint canonical_below(Bytes* path, const uint8_t* rest, size_t size) noexcept nogil:
    cdef Bytes below
    cdef bint done
    memset(&below, 0, sizeof(below))
    done = path_join(&below, 0, rest, size) and path_join(path, 0, below.data, below.size)
    bytes_free(&below)
    return done


cdef int host_resolve_search_path(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef uint32_t i
    for i in range(h.search_count):
        if resolve_entry(m, make_view(h.search[i].path, h.search[i].path_size)) == NULL:
            return RAISE
    return DONE


cdef int host_find_file(Machine* m, const uint8_t* name, size_t size_bytes, Bytes* path) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef uint32_t i
    cdef bint is_found = False
    for i in range(h.search_count):
        if host_search_entry(m, make_view(h.search[i].prefix, h.search[i].prefix_size),
                             make_view(h.search[i].path, h.search[i].path_size), make_view(name, size_bytes), path,
                             &is_found) != DONE:
            return RAISE
        if is_found:
            return DONE
    return host_search_failed(m, make_view(name, size_bytes), path)


cdef int host_search_failed(Machine* m, View name, Bytes* path) noexcept nogil:
    path.size = 0
    if starts_with(name, "nix/"):
        if bytes_text(path, "<nix") and path_join(path, 4, name.data + 4, name.size - 4) \
                and (path.size > 4 or bytes_byte(path, c'/')) and bytes_byte(path, c'>'):
            return DONE
        return raise_text(m, ERROR_MEMORY, NULL)
    if host_of(m).is_pure:
        return raise_message(m, worded(MESSAGE_SEARCH_IN_PURE_MODE, <int>name.size, <char*>name.data))
    return raise_message(m, worded(MESSAGE_NOT_IN_SEARCH_PATH, <int>name.size, <char*>name.data))
