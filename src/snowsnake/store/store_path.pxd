# cython: language_level=3
"""Store paths as plain C: making them from hashes, checking them, splitting them.  No Python object, no GIL, no global state.

*store_dir* is "/nix/store" without a final slash; it is part of what is hashed.  A path is appended to *out* whole
("/nix/store/<32 digits>-name").  Functions that can fail return False and append Nix's message to *error*.
References are whole store paths, distinct and in byte order (`views_sort` makes them so).
"""
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.hash_functions cimport Digest

# how an object is hashed for its content address
cdef enum IngestionMethod:
    # the file is hashed by its bytes ("sha256")
    INGEST_FLAT = 1
    # the object is hashed as its NAR ("r:sha256")
    INGEST_RECURSIVE
    # the file is hashed by its bytes, and may have references ("text:sha256")
    INGEST_TEXT
    # the object is hashed as Git's blob or tree ("git:sha1")
    INGEST_GIT

cdef enum:
    # the number of digits of the hash part
    STORE_HASH_SIZE = 32
    STORE_NAME_MAX = 211

# Sorts views in byte order and removes repeated ones; returns how many remain.
cdef size_t views_sort(View* views, size_t count) noexcept nogil

cdef bint store_name_check(View name, Bytes* error) noexcept nogil
# Checks the base name "<32 digits>-name" of a path.
cdef bint store_base_check(View base, Bytes* error) noexcept nogil
# Requires that *path* is exactly an object of the store; *base*, if not NULL, becomes its base name.
cdef bint store_path_parse(View store_dir, View path, View* base, Bytes* error) noexcept nogil
# For a path in or below a store object: *object* becomes the object's own path, *rest* what follows ("" or "/bin/sh").
cdef bint store_path_split(View store_dir, View path, View* object, View* rest, Bytes* error) noexcept nogil
cdef bint store_is_path(View store_dir, View path) noexcept nogil

cdef bint store_path_text(View store_dir, View name, const Digest* contents, const View* references, size_t count,
                          Bytes* out, Bytes* error) noexcept nogil
cdef bint store_path_source(View store_dir, View name, const Digest* nar, const View* references, size_t count,
                            bint refers_to_self, Bytes* out, Bytes* error) noexcept nogil
# *name* is the derivation's, without ".drv"; the path's name gets "-OUTPUT" unless the output is "out".
cdef bint store_path_output(View store_dir, View name, View output, const Digest* modulo, Bytes* out,
                            Bytes* error) noexcept nogil
cdef bint store_path_fixed(View store_dir, View name, int method, const Digest* digest, const View* references,
                           size_t count, bint refers_to_self, Bytes* out, Bytes* error) noexcept nogil
# Returns "", "r:", "text:" or "git:".
cdef const char* ingestion_prefix(int method) noexcept nogil

cdef void store_placeholder(View output, Bytes* out) noexcept nogil
# Replaces the placeholder of an output that is a derivation by the placeholder of an output of that derivation.
cdef bint store_next_placeholder(Bytes* placeholder, View output) noexcept nogil
# Appends the placeholder of an output whose path is known only after building; *drv_path* is the whole path.
cdef bint store_downstream_placeholder(View store_dir, View drv_path, View output, Bytes* out, Bytes* error) noexcept nogil
