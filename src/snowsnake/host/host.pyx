# cython: language_level=3
"""Makes and frees a host, sets its options, and returns what was read.

In: `HostOptions` from Python.  Out: the state of a host (host/state.pxd), which the other modules of this room use.
"""
cimport cython
from libc.stdint cimport uint32_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset, strlen

from snowsnake.diagnostics.message_table cimport MESSAGE_EVALUATING_DERIVATION_FILE
from snowsnake.foundation.allocate cimport allocate_zeros, copy_text
from snowsnake.foundation.buffer cimport Bytes, bytes_free, bytes_init, make_view
from snowsnake.host.byte_map cimport map_add, map_find, map_free
from snowsnake.host.environment cimport host_system
from snowsnake.host.messages cimport LEVEL_TALKATIVE, LOG_JSON, LOG_TEXT, LOG_TOLD, say
from snowsnake.host.mounts cimport mount_disk_path
from snowsnake.host.places cimport Mount, object_end
from snowsnake.host.policy cimport host_allow
from snowsnake.host.records cimport record_entries
from snowsnake.host.state cimport (
    FEATURE_BLAKE3_HASHES, FEATURE_CA_DERIVATIONS, FEATURE_DYNAMIC_DERIVATIONS, FEATURE_FETCH_CLOSURE, FEATURE_FETCH_TREE, FEATURE_FLAKES,
    FEATURE_GIT_HASHING, FEATURE_IMPURE_DERIVATIONS, FEATURE_PARSE_TOML_TIMESTAMPS, FEATURE_PIPE_OPERATORS, FEATURE_VERIFIED_FETCHES,
    OBJECT_ON_MESSAGE, OBJECT_SETTINGS, OBJECT_STORE_TO_READ, OBJECT_VARIABLES, OWN_ENVIRONMENT, Host, SearchEntry, host_is_in_store,
    host_object, host_of,
)
from snowsnake.machine.errors cimport raise_text, worded
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, Machine
from snowsnake.store.known_derivations cimport derivations_free

import os


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
    bytes_free(&h.path_buffer)
    bytes_free(&h.rest_buffer)
    if h.has_known_derivations:
        derivations_free(&h.known_derivations)
    free(h)
    m.host = NULL
    m.derivations = NULL


cdef void free_mounts(Host* h) noexcept nogil:
    cdef uint32_t i
    cdef Mount* mount
    for i in range(h.mounts.count):
        memcpy(&mount, h.mounts.entries[i].value, sizeof(mount))
        free(mount.disk)
        free(mount)
    map_free(&h.mounts)


# The collector of cycles must not take from a machine what it still borrows; what else is in a cycle can be cleared.
@cython.no_gc_clear
cdef class Borrowed:
    """The Python objects that a host borrows."""

    def __cinit__(self):
        self.objects = ()


cdef object host_hold(Machine* m, object thing):
    cdef Borrowed held = <Borrowed>host_of(m).held
    held.objects += (thing,)


cdef object host_mount(Machine* m, bytes store_path, object files):
    cdef Host* h = host_of(m)
    cdef const uint8_t* text = <const uint8_t*><const char*>store_path
    cdef size_t size = len(store_path)
    cdef Bytes disk
    cdef Bytes error
    cdef Mount* mount
    if b"\0" in store_path or not host_is_in_store(m, text, size) or object_end(m, text, size) != size or size == h.store_dir_size + 1:
        raise ValueError(f"'{os.fsdecode(store_path)}' is not a path in the store '{os.fsdecode(<bytes>h.store_dir)}'")
    memset(&disk, 0, sizeof(disk))
    bytes_init(&error)
    if not mount_disk_path(<void*>files, make_view(text, 0), &disk, &error):
        message = error.data[:error.size].decode("utf-8", "surrogateescape")
        bytes_free(&error)
        raise ValueError(f"mounting '{os.fsdecode(store_path)}': {message}")
    bytes_free(&error)
    if map_find(&h.mounts, text, size) != NULL:
        # The same source was fetched before, so its mount is there.
        bytes_free(&disk)
        return None
    mount = <Mount*>allocate_zeros(1, sizeof(Mount))
    if mount == NULL or map_add(&h.mounts, text, size, &mount, sizeof(mount)) == NULL:
        free(mount)
        bytes_free(&disk)
        raise MemoryError
    host_hold(m, files)
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


cdef object host_configure(Machine* m, Borrowed held, object options):
    cdef Host* h = host_of(m)
    cdef uint32_t i
    h.is_pure = options.pure
    h.is_restricted = options.restricted
    h.is_writable = options.is_writable
    h.keeps_derivations = options.keeps_derivations
    h.held = <void*>held
    objects = options.objects
    host_hold(m, objects)
    h.objects = <void*>objects
    settings = host_object(h, OBJECT_SETTINGS)
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
    h.log_form = LOG_TOLD if host_object(h, OBJECT_ON_MESSAGE) is not None else LOG_JSON if options.log_format == "internal-json" else LOG_TEXT
    if host_object(h, OBJECT_VARIABLES) is not None:
        h.features |= OWN_ENVIRONMENT
    # C++ Nix evaluates a file that defines `derivation`, and says so; here it is built in.
    if h.verbosity >= LEVEL_TALKATIVE and h.log_form != LOG_TOLD:
        say(m, LEVEL_TALKATIVE, worded(MESSAGE_EVALUATING_DERIVATION_FILE).text)
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
    return record_entries(m, 0)


cdef object host_settings(Machine* m):
    """The settings that influence results, as text that JSON can represent."""
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


cdef object host_forget_store_to_read(Machine* m):
    store = host_object(host_of(m), OBJECT_STORE_TO_READ)
    if store is not None:
        store.enter_child()


cdef object host_store_places(Machine* m):
    cdef Host* h = host_of(m)
    return os.fsdecode(<bytes>h.store_dir), None if h.real_store == NULL else os.fsdecode(<bytes>h.real_store)
