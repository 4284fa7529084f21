# cython: language_level=3
"""What evaluation may touch: options, policy and the record of what was read; files, search path and sources are included.

In: `HostOptions` from Python, paths and names from builtins and the compiler.  Out: contents, types, found paths, store
paths, or an error in the machine.  Files are only read; an embedded store, if one is attached, does the writing.
"""
from cpython.ref cimport Py_INCREF, Py_XDECREF, PyObject
from libc.errno cimport EISDIR, ELOOP, ENOTDIR
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, getenv
from libc.string cimport memchr, memcmp, memcpy, memmove, memset, strcmp, strlen
from libc.time cimport time

from snowsnake.cache.pack cimport FileStamp
from snowsnake.foundation.allocate cimport allocate_zeros, copy_text
from snowsnake.host.byte_map cimport MapEntry, map_add, map_find, map_free
from snowsnake.host.disk cimport FOLLOW_LINKS, close, disk_home, disk_type
from snowsnake.host.messages cimport LEVEL_CHATTY, LEVEL_TALKATIVE, LOG_JSON, LOG_TEXT, LOG_TOLD, is_said, say, say_warning
from snowsnake.host.mounts cimport mount_disk_path
from snowsnake.host.paths cimport base_name_start, canonicalise, parent_size, path_is_in, path_join
from snowsnake.host.places cimport (
    CHANGED, MISSING, PLACE_DISK, Mount, Place, is_elsewhere, object_end, place_is_shown, place_link, place_list, place_of, place_read,
    place_stamp, place_tree, place_type, raise_changed, raise_directory, raise_missing, raise_system,
)
from snowsnake.host.records cimport (
    RECORD_DIRECTORY, RECORD_FILE, RECORD_HOME, RECORD_LINK, RECORD_STATUS, RECORD_TARGET, RECORD_TIME, RECORD_VALID, RECORD_VARIABLE,
    STATE_ABSENT, STATE_FOUND, record, record_entries, record_file, record_path, record_tree, record_type,
)
from snowsnake.machine.attention cimport error_disregard
from snowsnake.machine.buffer cimport buffer_append, buffer_byte, buffer_free, buffer_reserve, buffer_text
from snowsnake.machine.errors cimport error_clear, format_text, raise_bytes, raise_fault, raise_text
from snowsnake.machine.heap cimport CODE_APPLY
from snowsnake.machine.state cimport (
    DONE, ERROR_ACCESS, ERROR_FILE, ERROR_INTERRUPT, ERROR_MEMORY, ERROR_SEARCH_PATH, ERROR_TIMEOUT, ERROR_VALUE,
    FAULT_NOT_BUILT, FAULT_OTHER, RAISE, ByteBuffer, Error, Machine,
)
from snowsnake.machine.word cimport KIND_BUILTIN, THUNK_SUSPENDED, header_code, header_size, header_state, is_function, kind_of, pointer_of
from snowsnake.store.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_clear, bytes_free, bytes_init, bytes_text, make_view, view_is, view_of, view_text,
)
from snowsnake.store.digests cimport HASH_SHA256, Hasher, digest_equal, hasher_final, hasher_init
from snowsnake.store.drv_store cimport DrvStore, drv_store_free, drv_store_init
from snowsnake.store.nar cimport (
    NAR_DIRECTORY, NarSink, NarTree, nar_sink_finish, nar_sink_init, nar_tree_expand, nar_tree_free,
    nar_tree_path, nar_write_contents, nar_write_tree,
)
from snowsnake.store.store_path cimport store_path_source

import os


cdef enum:
    OWN_ENVIRONMENT = 1 << 30         # beside the features: variables come from the options

# ---- life and options -------------------------------------------------------------------------------------------

cdef int host_new(Machine* m) noexcept nogil:
    cdef Host* h = <Host*>allocate_zeros(1, sizeof(Host))
    m.host = h
    if h == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    h.store_dir = copy_text("/nix/store")
    h.working_directory = copy_text("/")
    if h.store_dir == NULL or h.working_directory == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    h.store_dir_size = strlen(h.store_dir)
    bytes_init(&h.scratch)
    return DONE


cdef void host_free(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    if h == NULL:
        return
    if h.free_walks != NULL:
        h.free_walks(h)
    free_search(h)
    map_free(&h.allowed)
    map_free(&h.search_resolved)
    map_free(&h.directories)
    map_free(&h.copied)
    map_free(&h.records)
    map_free(&h.sources)
    map_free(&h.texts)
    map_free(&h.derivations)
    map_free(&h.unsettled)
    if h.mounts.count:
        free_mounts(h)
    free(h.search)
    free(h.working_directory)
    free(h.home)
    free(h.system)
    free(h.store_dir)
    free(h.real_store)
    free(h.marks)
    bytes_free(&h.scratch)
    buffer_free(&h.path_buffer)
    buffer_free(&h.rest_buffer)
    if h.has_drv_store:
        drv_store_free(&h.drv_store)
    if h.settings != NULL or h.fetcher != NULL:
        release(h)
    free(h)
    m.host = NULL
    m.derivations = NULL


cdef void release(Host* h) noexcept with gil:
    Py_XDECREF(<PyObject*>h.fetcher)
    Py_XDECREF(<PyObject*>h.settings)
    h.fetcher = NULL
    h.settings = NULL


cdef void free_mounts(Host* h) noexcept with gil:
    cdef uint32_t i
    cdef Mount* mount
    for i in range(h.mounts.count):
        memcpy(&mount, h.mounts.entries[i].value, sizeof(mount))
        Py_XDECREF(<PyObject*>mount.files)
        free(mount.disk)
        free(mount)
    map_free(&h.mounts)


cdef object host_mount(Machine* m, bytes store_path, object files):
    cdef Host* h = host_of(m)
    cdef const uint8_t* text = <const uint8_t*><const char*>store_path
    cdef size_t size = len(store_path)
    cdef ByteBuffer disk
    cdef Bytes error
    cdef Mount* mount
    if b"\0" in store_path or not host_is_in_store(m, text, size) or object_end(m, text, size) != size or size == h.store_dir_size + 1:
        raise ValueError(f"'{os.fsdecode(store_path)}' is no path in the store '{os.fsdecode(<bytes>h.store_dir)}'")
    memset(&disk, 0, sizeof(disk))
    bytes_init(&error)
    if not mount_disk_path(<void*>files, make_view(text, 0), &disk, &error):
        message = error.data[:error.size].decode("utf-8", "surrogateescape")
        bytes_free(&error)
        raise ValueError(f"mounting '{os.fsdecode(store_path)}': {message}")
    bytes_free(&error)
    if map_find(&h.mounts, text, size) != NULL:            # the same source, fetched once more
        buffer_free(&disk)
        return None
    mount = <Mount*>allocate_zeros(1, sizeof(Mount))
    if mount == NULL or map_add(&h.mounts, text, size, &mount, sizeof(mount)) == NULL:
        free(mount)
        buffer_free(&disk)
        raise MemoryError
    Py_INCREF(files)
    mount.files = <void*>files
    mount.disk = <char*>disk.data
    host_allow(m, text, size)
    return None


cdef void free_search(Host* h) noexcept nogil:
    cdef uint32_t i
    for i in range(h.search_count):
        free(h.search[i].prefix)
        free(h.search[i].path)
    h.search_count = 0


cdef char* copied(bytes text) except NULL:
    cdef char* copy = copy_text(<const char*>text)
    if copy == NULL:
        raise MemoryError
    return copy


cdef object replace(char** field, bytes text):
    cdef char* copy = copied(text)
    free(field[0])
    field[0] = copy


_FEATURES = {
    "ca-derivations": FEATURE_CA_DERIVATIONS,
    "impure-derivations": FEATURE_IMPURE_DERIVATIONS,
    "dynamic-derivations": FEATURE_DYNAMIC_DERIVATIONS,
    "flakes": FEATURE_FLAKES | FEATURE_FETCH_TREE,
    "fetch-tree": FEATURE_FETCH_TREE,
    "fetch-closure": FEATURE_FETCH_CLOSURE,
    "git-hashing": FEATURE_GIT_HASHING,
    "blake3-hashes": FEATURE_BLAKE3_HASHES,
    "pipe-operators": FEATURE_PIPE_OPERATORS,
    "parse-toml-timestamps": FEATURE_PARSE_TOML_TIMESTAMPS,
    "verified-fetches": FEATURE_VERIFIED_FETCHES,
}


cdef object host_configure(Machine* m, object options):
    cdef Host* h = host_of(m)
    cdef uint32_t i
    h.is_pure = options.pure
    h.is_restricted = options.restricted
    h.is_writable = options.is_writable
    h.keeps_derivations = options.keeps_derivations
    kept = options.settings
    Py_INCREF(kept)
    Py_XDECREF(<PyObject*>h.settings)
    h.settings = <void*>kept
    settings = kept[0]
    h.imports_derivations = settings is None or bool(settings["allow-import-from-derivation"])
    h.traces_imports = settings is not None and bool(settings["trace-import-from-derivation"])
    h.features = 0
    for name in options.features:
        h.features |= <uint32_t>_FEATURES.get(name, 0)
    replace(&h.working_directory, options.working_directory)
    replace(&h.system, options.system)
    replace(&h.store_dir, options.store_dir)
    h.store_dir_size = strlen(h.store_dir)
    h.verbosity = options.verbosity
    h.log_form = LOG_TOLD if kept[3] is not None else LOG_JSON if options.log_format == "internal-json" else LOG_TEXT
    if kept[2] is not None:
        h.features |= OWN_ENVIRONMENT
    if h.verbosity >= LEVEL_TALKATIVE and h.log_form != LOG_TOLD:                # in C++ Nix a file; here it is built in
        say(m, LEVEL_TALKATIVE, format_text(b"evaluating file '\xc2\xabnix-internal\xc2\xbb/derivation-internal.nix'"))
    if options.home is not None:
        replace(&h.home, options.home)
    if options.real_store is not None:
        replace(&h.real_store, options.real_store)
    free_search(h)
    free(h.search)
    h.search = <SearchEntry*>allocate_zeros(len(options.search_path) + 1, sizeof(SearchEntry))
    if h.search == NULL:
        raise MemoryError
    for i, (prefix, path) in enumerate(options.search_path):
        h.search[i].prefix = copied(prefix)
        h.search[i].prefix_size = len(prefix)
        h.search_count = i + 1
        h.search[i].path = copied(path)
        h.search[i].path_size = len(path)
    for path in options.allowed_paths:
        host_allow(m, <const uint8_t*><const char*>path, len(path))
    return None


cdef list host_records(Machine* m):
    return record_entries(m)


cdef object host_settings(Machine* m):
    """Settings that have an influence on results, as text that JSON can hold."""
    cdef Host* h = host_of(m)
    cdef uint32_t i
    return {
        "pure": bool(h.is_pure),
        "restricted": bool(h.is_restricted),
        "allowed paths": sorted([os.fsdecode((<const char*>h.allowed.entries[i].key)[:h.allowed.entries[i].key_size])
                                 for i in range(h.allowed.count)
                                 if not host_is_in_store(m, h.allowed.entries[i].key, h.allowed.entries[i].key_size)]),
        "features": sorted([name for name, bits in _FEATURES.items() if h.features & <uint32_t>bits]),
        "search path": [[os.fsdecode(<bytes>h.search[i].prefix), os.fsdecode(<bytes>h.search[i].path)] for i in range(h.search_count)],
        "working directory": os.fsdecode(<bytes>h.working_directory),
        "home": None if h.home == NULL else os.fsdecode(<bytes>h.home),
        "system": (<bytes>host_system(m)).decode(),
        "store": os.fsdecode(<bytes>h.store_dir),
        "is writable": bool(h.is_writable),
    }


cdef object host_store_places(Machine* m):
    cdef Host* h = host_of(m)
    return os.fsdecode(<bytes>h.store_dir), None if h.real_store == NULL else os.fsdecode(<bytes>h.real_store)


# ---- policy -----------------------------------------------------------------------------------------------------

cdef inline bint is_guarded(Machine* m) noexcept nogil:
    return host_of(m).is_pure or host_of(m).is_restricted


cdef bint host_allows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    """Allowed paths, what is below them, and the folders on the way to them."""
    cdef Host* h = host_of(m)
    cdef MapEntry* e
    cdef uint32_t i
    cdef size_t size = size_bytes
    if not is_guarded(m) or is_internal(m, path, size_bytes):
        return True
    while True:
        if map_find(&h.allowed, path, size) != NULL:
            return True
        if size <= 1:
            break
        size = parent_size(path, size)
    for i in range(h.allowed.count):
        e = &h.allowed.entries[i]
        if path_is_in(e.key, e.key_size, path, size_bytes):
            return True
    return False


cdef int host_check_access(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    if host_allows(m, path, size_bytes):
        return DONE
    return raise_text(m, ERROR_ACCESS, format_text(
        "access to absolute path '%.*s' is forbidden in pure evaluation mode (use '--impure' to override)"
        if host_of(m).is_pure else "access to absolute path '%.*s' is forbidden in restricted mode",
        <int>size_bytes, <const char*>path))


cdef void host_allow(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    if is_guarded(m):
        map_add(&host_of(m).allowed, path, size_bytes, NULL, 0)


cdef const char* _own_variable(Machine* m, const char* name) noexcept with gil:
    """The dict was made for this evaluator, and keeps what it returns."""
    found = (<dict>(<tuple>host_of(m).settings)[2]).get(<bytes>name)
    return NULL if found is None else <const char*><bytes>found


cdef const char* host_getenv(Machine* m, const char* name) noexcept nogil:
    cdef const char* value
    if is_guarded(m):
        return NULL
    value = _own_variable(m, name) if host_of(m).features & OWN_ENVIRONMENT else getenv(name)
    record_variable(m, name, value)
    return value


cdef void record_variable(Machine* m, const char* name, const char* value) noexcept nogil:
    if not record(m, RECORD_VARIABLE, view_text(name), STATE_ABSENT if value == NULL else STATE_FOUND, value,
                  0 if value == NULL else strlen(value)):
        error_disregard(m)


cdef const char* host_system(Machine* m) noexcept nogil:
    if host_of(m).system == NULL:
        return "x86_64-linux"
    return host_of(m).system


cdef int64_t host_time(Machine* m) noexcept nogil:
    cdef Host* h = host_of(m)
    if h.current_time == 0:
        h.current_time = time(NULL)
    if not record(m, RECORD_TIME, make_view(NULL, 0), STATE_FOUND, &h.current_time, sizeof(h.current_time)):
        error_clear(m)
    return h.current_time


cdef bint host_is_time(Machine* m, Word thunk) noexcept nogil:
    cdef Word* p = pointer_of(thunk)
    return header_state(p[0]) == THUNK_SUSPENDED and header_code(p[0]) == CODE_APPLY and is_function(p[1]) and kind_of(p[1]) == KIND_BUILTIN \
        and strcmp(m.builtins[header_size(pointer_of(p[1])[0])].name, "__time") == 0


cdef bint host_has_feature(Machine* m, uint32_t feature) noexcept nogil:
    return (host_of(m).features & feature) != 0


cdef int host_require_feature(Machine* m, uint32_t feature, const char* name) noexcept nogil:
    if host_has_feature(m, feature):
        return DONE
    return raise_text(m, ERROR_VALUE, format_text(
        "experimental Nix feature '%s' is disabled; add '--extra-experimental-features %s' to enable it", name, name))


cdef void host_warn(Machine* m, char* message) noexcept nogil:
    if message != NULL:
        say_warning(m, message, strlen(message), False)
        free(message)


include "internal_files.pxi"
include "files.pxi"
include "search.pxi"
include "sources.pxi"
