# cython: language_level=3
"""Fetchers: this module checks their arguments and turns them into Python values; engines/fetch_calls.py and `fetch/` do the rest.

In: a URL, or a set.  Out: a store path that can be read, or a set with what is known about the source.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp

from snowsnake.builtins.derivations cimport BUILTIN_TO_JSON, builtin_word
from snowsnake.builtins.fetch_host cimport (
    access_of, build_result, mount_source, mount_tree, raise_python, text_of,
)
from snowsnake.builtins.hashes cimport parse_stated_hash
from snowsnake.builtins.protocol cimport call1, call_internal1, force
from snowsnake.builtins.registry cimport define
from snowsnake.builtins.store_context cimport store_string, string_view, take_plain_string
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_ADVICE_ADD_NAME, MESSAGE_ADVICE_CHANGE_NAME, MESSAGE_ADVICE_PASS_SET, MESSAGE_FETCH_GIT_WITH_TYPE,
    MESSAGE_FETCH_TREE_WITHOUT_TYPE, MESSAGE_FETCH_WITHOUT_HASH, MESSAGE_INVALID_FETCHED_NAME, MESSAGE_INVALID_FETCH_ARGUMENT,
    MESSAGE_INVALID_REFERENCE_ATTRIBUTE, MESSAGE_NEGATIVE_ARGUMENT, MESSAGE_NEGATIVE_ATTRIBUTE, MESSAGE_NO_URL,
    MESSAGE_UNSUPPORTED_ARGUMENT, MESSAGE_UNSUPPORTED_FETCH_ARGUMENT,
)
from snowsnake.foundation.buffer cimport Bytes, View, bytes_append, bytes_free, bytes_init, make_view, view_is
from snowsnake.host.policy cimport host_require_feature
from snowsnake.host.search cimport host_fetch_with
from snowsnake.host.state cimport FEATURE_VERIFIED_FETCHES, host_of
from snowsnake.machine.attrs cimport attrs_position
from snowsnake.machine.descriptions cimport of_attribute, raise_type, shown_type
from snowsnake.machine.errors cimport of_part, raise_message, raise_text, worded
from snowsnake.machine.evaluation_order cimport attrs_turns
from snowsnake.machine.frames cimport raise_depth
from snowsnake.machine.heap cimport heap_reserve, make_string, push
from snowsnake.machine.internals cimport INTERNAL_COERCE
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, RAISE, Machine
from snowsnake.machine.shown_names cimport shown_name
from snowsnake.machine.symbols cimport symbol_string
from snowsnake.machine.word cimport (
    WORD_NULL, WORD_TRUE, attrs_find, attrs_keys, attrs_size, attrs_values, int_value, is_attrs, is_bool, is_int,
    is_list, is_path, is_string, is_thunk, keys_symbols, list_items, list_size, path_string, small_int, string_context,
    string_data, string_size, val,
)
from snowsnake.store.hash_functions cimport HASH_SHA256, Digest
from snowsnake.store.store_path cimport store_name_check

from snowsnake.builtins.fetch_host import Pending

# These words are above the argument while its attributes are forced.
cdef enum:
    SLOT_INDEX = 1
    SLOT_URL
    SLOT_NAME
    SLOT_HASH
    SLOT_END

cdef enum:
    # Python receives lists and sets with at most this many levels, because each level is a call in C.
    MOST_LEVELS = 500


# ---- fetchurl and fetchTarball ----------------------------------------------------------------------------------

cdef int fetchurl(Machine* m, Word* fp) noexcept nogil:
    return _fetch(m, fp, "fetchurl", False)


cdef int fetch_tarball(Machine* m, Word* fp) noexcept nogil:
    return _fetch(m, fp, "fetchTarball", True)


cdef int _fetch(Machine* m, Word* fp, const char* who, bint unpacks) noexcept nogil:
    cdef int outcome
    if m.sp == fp + 1:
        while m.sp < fp + SLOT_END:
            push(m, WORD_NULL)
        fp[SLOT_INDEX] = small_int(0)
    if is_attrs(fp[0]):
        outcome = _take_attributes(m, fp, who)
    else:
        outcome = take_plain_string(m, fp[0], &fp[SLOT_URL])
        if outcome == RAISE:
            return of_part(m, 1, RAISE)
    if outcome != DONE:
        return outcome
    if fp[SLOT_URL] == WORD_NULL:
        return raise_message(m, worded(MESSAGE_NO_URL))
    return _fetch_url(m, fp, who, unpacks)


cdef int _take_attributes(Machine* m, Word* fp, const char* who) noexcept nogil:
    cdef uint32_t* order = attrs_turns(m, fp[0])
    cdef uint64_t n = attrs_size(fp[0]), i = <uint64_t>fp[SLOT_INDEX] >> 3
    cdef View name
    cdef int slot, outcome
    if order == NULL:
        return RAISE
    while i < n:
        fp[SLOT_INDEX] = small_int(<int64_t>i)
        name = string_view(symbol_string(m, keys_symbols(attrs_keys(fp[0]))[order[i]]))
        if view_is(name, "url"):
            slot = SLOT_URL
        elif view_is(name, "name"):
            slot = SLOT_NAME
        elif view_is(name, "sha256"):
            slot = SLOT_HASH
        else:
            return raise_message(m, worded(MESSAGE_UNSUPPORTED_FETCH_ARGUMENT, <int>name.size, <char*>name.data, who))
        outcome = take_plain_string(m, attrs_values(fp[0])[order[i]], &fp[slot])
        if outcome == RAISE:
            return of_attribute(m, fp[0], keys_symbols(attrs_keys(fp[0]))[order[i]], RAISE)
        if outcome != DONE:
            return outcome
        i += 1
    fp[SLOT_INDEX] = small_int(<int64_t>n)
    return DONE


cdef View _name_of(Word* fp, bint unpacks) noexcept nogil:
    cdef View url = string_view(fp[SLOT_URL])
    cdef size_t end = url.size, start
    if fp[SLOT_NAME] != WORD_NULL and string_size(fp[SLOT_NAME]):
        return string_view(fp[SLOT_NAME])
    if unpacks and fp[SLOT_NAME] == WORD_NULL:
        return make_view(<const uint8_t*>b"source", 6)
    while end > 1 and url.data[end - 1] == c'/':
        end -= 1
    start = end
    while start > 0 and url.data[start - 1] != c'/':
        start -= 1
    return make_view(url.data + start, end - start)


cdef int _check_name(Machine* m, Word* fp, View name, const char* who) noexcept nogil:
    cdef Bytes error
    cdef int outcome
    cdef int advice = MESSAGE_ADVICE_PASS_SET
    cdef char* resolution
    bytes_init(&error)
    if store_name_check(name, &error):
        bytes_free(&error)
        return DONE
    if fp[SLOT_NAME] != WORD_NULL:
        advice = MESSAGE_ADVICE_CHANGE_NAME
    elif is_attrs(fp[0]):
        advice = MESSAGE_ADVICE_ADD_NAME
    resolution = worded(advice, who).text
    outcome = raise_message(m, worded(
        MESSAGE_INVALID_FETCHED_NAME, <int>string_size(fp[SLOT_URL]), <char*>string_data(fp[SLOT_URL]), <int>error.size, <char*>error.data,
        resolution if resolution != NULL else <char*>""))
    free(resolution)
    bytes_free(&error)
    return outcome


cdef int _fetch_url(Machine* m, Word* fp, const char* who, bint unpacks) noexcept nogil:
    cdef Digest digest
    cdef bint has_hash = fp[SLOT_HASH] != WORD_NULL
    if has_hash and parse_stated_hash(m, fp[SLOT_HASH], HASH_SHA256, &digest) != DONE:
        return RAISE
    if unpacks and starts_channel(fp[SLOT_URL]) and _full_address(m, fp) != DONE:
        return RAISE
    if host_of(m).is_restricted and check_uri(m, fp[SLOT_URL]) != DONE:
        return RAISE
    if _check_name(m, fp, _name_of(fp, unpacks), who) != DONE:
        return RAISE
    if not has_hash and host_of(m).is_pure:
        return raise_message(m, worded(MESSAGE_FETCH_WITHOUT_HASH, who))
    return _download(m, fp[SLOT_URL], _name_of(fp, unpacks), &digest if has_hash else NULL, unpacks)


cdef bint starts_channel(Word url) noexcept nogil:
    return string_size(url) >= 8 and memcmp(string_data(url), b"channel:", 8) == 0


cdef int _full_address(Machine* m, Word* fp) noexcept with gil:
    cdef bytes text
    try:
        from snowsnake.builtins.engines.fetch_calls import full_address

        text = full_address(text_of(fp[SLOT_URL])).encode("utf-8", "surrogateescape")
        if not heap_reserve(m, len(text) // 8 + 64):
            return RAISE
        fp[SLOT_URL] = make_string(m, <const char*>text, len(text), 0)
        return DONE
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


cdef int check_uri(Machine* m, Word url) noexcept with gil:
    try:
        from snowsnake.builtins.engines.fetch_calls import check_uri as check

        check(access_of(m), text_of(url))
        return DONE
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


cdef int _store_text(Machine* m, str store_path) except -1:
    """Makes m.result a store path, as a string whose context is the path itself."""
    cdef bytes path = store_path.encode("utf-8", "surrogateescape")
    if not heap_reserve(m, 4096):
        return RAISE
    m.result = store_string(m, make_view(<const char*>path, len(path)))
    return DONE


cdef int _download(Machine* m, Word url, View name, const Digest* expected, bint unpacks) noexcept with gil:
    try:
        from snowsnake.builtins.engines.fetch_calls import fetch_url

        store_path, tree = fetch_url(
            access_of(m), text_of(url), (<char*>name.data)[:name.size].decode("utf-8", "surrogateescape"),
            (<char*>expected.data)[:32] if expected != NULL else None, unpacks)
        mount_tree(m, store_path, tree)
        return _store_text(m, store_path)
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


# ---- Mercurial --------------------------------------------------------------------------------------------------

cdef int fetch_mercurial(Machine* m, Word* fp) noexcept nogil:
    cdef uint32_t* order
    cdef uint32_t symbol
    cdef uint64_t i
    cdef Word w
    cdef View name
    cdef char* shown
    if not is_attrs(fp[0]):
        if is_string(fp[0]) or is_path(fp[0]):
            return _fetch_mercurial(m, fp[0], WORD_NULL)
        return call_internal1(m, INTERNAL_COERCE, fp[0]) if m.sp == fp + 1 else _fetch_mercurial(m, fp[1], WORD_NULL)
    order = attrs_turns(m, fp[0])
    if order == NULL:
        return RAISE
    for i in range(attrs_size(fp[0])):
        symbol = keys_symbols(attrs_keys(fp[0]))[order[i]]
        name = string_view(symbol_string(m, symbol))
        if not (view_is(name, "url") or view_is(name, "rev") or view_is(name, "name")):
            shown = shown_name(m, symbol)
            raise_message(m, worded(MESSAGE_UNSUPPORTED_ARGUMENT, shown, "fetchMercurial"))
            free(shown)
            m.error.position = attrs_position(fp[0], symbol)
            return RAISE
        w = val(attrs_values(fp[0])[order[i]])
        if is_thunk(w):
            return force(m, w)
        if view_is(name, "url") and not is_string(w):
            if not is_path(w) and m.sp == fp + 1:
                return call_internal1(m, INTERNAL_COERCE, w)
            continue
        if not is_string(w):
            return of_attribute(m, fp[0], symbol, raise_type(m, "a string", w))
        if string_context(w) and not view_is(name, "url"):
            return of_attribute(m, fp[0], symbol, raise_context(m, w))
    return _fetch_mercurial(m, fp[0], fp[1] if m.sp > fp + 1 else WORD_NULL)


cdef int _fetch_mercurial(Machine* m, Word given, Word url) noexcept with gil:
    """Fetches *given*, a string, path or set.  *url*: the `url` of the set if it had to be coerced to a string; otherwise null."""
    try:
        from snowsnake.builtins.engines.fetch_calls import fetch_mercurial

        plain = _plain(m, given)
        if url != WORD_NULL:
            plain["url"] = text_of(url)
        source, pairs = fetch_mercurial(access_of(m), plain)
        mount_source(m, source)
        build_result(m, pairs)
        return DONE
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


# ---- trees ------------------------------------------------------------------------------------------------------

cdef int force_input_attributes(Machine* m, Word attrs, const char* what, bint are_scalars) noexcept nogil:
    cdef uint32_t* order = attrs_turns(m, attrs)
    cdef uint64_t i
    cdef Word w
    cdef char* name
    cdef char* shown
    if order == NULL:
        return RAISE
    for i in range(attrs_size(attrs)):
        w = val(attrs_values(attrs)[order[i]])
        if is_thunk(w):
            return force(m, w)
        if is_int(w) and int_value(w) < 0:
            name = shown_name(m, keys_symbols(attrs_keys(attrs))[order[i]])
            raise_message(m, worded(MESSAGE_NEGATIVE_ATTRIBUTE, what, name, <long long>int_value(w)))
            free(name)
            return RAISE
        if are_scalars and not is_int(w) and not is_string(w) and not is_bool(w):
            name = shown_name(m, keys_symbols(attrs_keys(attrs))[order[i]])
            shown = shown_type(m, w)
            raise_message(m, worded(MESSAGE_INVALID_REFERENCE_ATTRIBUTE, name, shown))
            free(name)
            free(shown)
            return RAISE
    return DONE


cdef int _force_tree_attributes(Machine* m, Word* fp, const char* who) noexcept nogil:
    """Forces all attributes, in name order.  Values that cannot be attributes of an input are errors."""
    cdef uint32_t* order = attrs_turns(m, fp[0])
    cdef uint64_t i
    cdef uint32_t symbol
    cdef Word w, name
    cdef char* shown
    cdef char* type_
    if order == NULL:
        return RAISE
    for i in range(attrs_size(fp[0])):
        w = val(attrs_values(fp[0])[order[i]])
        if is_thunk(w):
            return force(m, w)
        symbol = keys_symbols(attrs_keys(fp[0]))[order[i]]
        name = symbol_string(m, symbol)
        if view_is(string_view(name), "type"):
            if not is_string(w):
                return of_attribute(m, fp[0], m.symbol_type, raise_type(m, "a string", w))
            if string_context(w):
                return of_attribute(m, fp[0], m.symbol_type, raise_context(m, w))
        elif is_int(w) and int_value(w) < 0:
            shown = shown_name(m, symbol)
            raise_message(m, worded(MESSAGE_NEGATIVE_ARGUMENT, who, shown, <long long>int_value(w)))
            free(shown)
            return RAISE
        elif is_int(w) or is_string(w) or is_bool(w) or is_path(w):
            continue
        elif view_is(string_view(name), "publicKeys"):
            if host_require_feature(m, FEATURE_VERIFIED_FETCHES, "verified-fetches") != DONE:
                return RAISE
            # The text is above the argument then.
            if m.sp == fp + 1:
                return call1(m, builtin_word(m, BUILTIN_TO_JSON), w)
        else:
            shown = shown_name(m, symbol)
            type_ = shown_type(m, w)
            raise_message(m, worded(MESSAGE_INVALID_FETCH_ARGUMENT, shown, who, type_))
            free(shown)
            free(type_)
            return RAISE
    return DONE


cdef object _plain(Machine* m, Word w, int depth=0):
    """Returns a value that is forced deeply as a Python object."""
    w = val(w)
    if depth > MOST_LEVELS:
        raise_depth(m)
        raise Pending
    if is_path(w):
        return text_of(path_string(w))
    if is_string(w):
        return text_of(w)
    if is_int(w):
        return int_value(w)
    if is_bool(w):
        return w == WORD_TRUE
    if is_list(w):
        return [_plain(m, list_items(w)[i], depth + 1) for i in range(list_size(w))]
    if is_attrs(w):
        if attrs_turns(m, w) == NULL:
            raise MemoryError
        return {text_of(symbol_string(m, keys_symbols(attrs_keys(w))[i])): _plain(m, attrs_values(w)[i], depth + 1) for i in range(attrs_size(w))}
    return None


cdef int _fetch_plain(Machine* m, Word given, Word keys, bint is_git) noexcept with gil:
    """Fetches a tree; *keys*: `publicKeys` as JSON if the program gave data, or 0."""
    try:
        from snowsnake.builtins.engines.fetch_calls import fetch_tree

        plain = _plain(m, given)
        if keys:
            plain["publicKeys"] = text_of(keys)
        source, pairs = fetch_tree(access_of(m), plain, is_git)
        mount_source(m, source)
        build_result(m, pairs)
        return DONE
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


cdef int _fetch_any_tree(Machine* m, Word* fp, const char* who, bint is_git) noexcept nogil:
    cdef int outcome
    if is_attrs(fp[0]):
        if not is_git and attrs_find(fp[0], m.symbol_type) == NULL:
            return raise_message(m, worded(MESSAGE_FETCH_TREE_WITHOUT_TYPE))
        if is_git and attrs_find(fp[0], m.symbol_type) != NULL:
            return raise_message(m, worded(MESSAGE_FETCH_GIT_WITH_TYPE))
        outcome = _force_tree_attributes(m, fp, who)
        return outcome if outcome != DONE else _fetch_plain(m, fp[0], fp[1] if m.sp > fp + 1 else 0, is_git)
    if is_string(fp[0]) or is_path(fp[0]):
        return _fetch_plain(m, fp[0], 0, is_git)
    if m.sp == fp + 1:
        return call_internal1(m, INTERNAL_COERCE, fp[0])
    return _fetch_plain(m, fp[1], 0, is_git)


cdef int fetch_tree(Machine* m, Word* fp) noexcept nogil:
    return _fetch_any_tree(m, fp, "fetchTree", False)


cdef int fetch_git(Machine* m, Word* fp) noexcept nogil:
    return _fetch_any_tree(m, fp, "fetchGit", True)


# ---- closures ---------------------------------------------------------------------------------------------------

cdef int fetch_closure(Machine* m, Word* fp) noexcept nogil:
    cdef uint32_t* order
    cdef uint64_t i
    cdef Word w
    order = attrs_turns(m, fp[0])
    if order == NULL:
        return RAISE
    for i in range(attrs_size(fp[0])):
        w = val(attrs_values(fp[0])[order[i]])
        if is_thunk(w):
            return force(m, w)
    return _fetch_closure(m, fp[0])


cdef int _fetch_closure(Machine* m, Word given) noexcept with gil:
    try:
        from snowsnake.builtins.engines.fetch_calls import fetch_closure as fetch

        made, trees = fetch(access_of(m), _plain(m, given))
        for store_path, tree in trees:
            mount_tree(m, store_path, tree)
        return _store_text(m, made)
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


# ---- for the search path ----------------------------------------------------------------------------------------

cdef int _fetch_entry(Machine* m, View address, Bytes* path) noexcept nogil:
    return _fetch_tree_at(m, address, path)


cdef int _fetch_tree_at(Machine* m, View address, Bytes* path) noexcept with gil:
    cdef bytes found
    try:
        from snowsnake.builtins.engines.fetch_calls import fetch_address

        store_path, tree = fetch_address(access_of(m), (<char*>address.data)[:address.size].decode("utf-8", "surrogateescape"))
        mount_tree(m, store_path, tree)
        found = store_path.encode("utf-8", "surrogateescape")
        if not bytes_append(path, <const uint8_t*><const char*>found, len(found)):
            return raise_text(m, ERROR_MEMORY, NULL)
        return DONE
    except BaseException as error:
        # No exception may pass through C.
        return raise_python(m, error)


host_fetch_with(_fetch_entry)
define("fetchurl", fetchurl)
define("fetchTarball", fetch_tarball)
define("fetchGit", fetch_git)
define("fetchMercurial", fetch_mercurial)
define("fetchClosure", fetch_closure)
define("fetchTree", fetch_tree)
