# cython: language_level=3
"""Everything that evaluation reads from outside goes through here, is checked against the policy, and is recorded.

Paths are bytes with a length, absolute and canonical unless said otherwise.  Functions that return int give DONE or
RAISE (an error has been set).  ByteBuffer results are appended to an empty buffer that the caller frees.
A path that begins with `<nix/` is a file that the evaluator brings with it (`<nix/fetchurl.nix>`).
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from snowsnake.cache.pack cimport FileStamp
from snowsnake.host.byte_map cimport ByteMap
from snowsnake.machine.state cimport ByteBuffer, Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.buffer cimport Bytes, View
from snowsnake.store.digests cimport Digest
from snowsnake.store.drv_store cimport DrvStore
from snowsnake.store.nar cimport NarTree

cdef enum FileType:
    FILE_NONE = 0
    FILE_REGULAR = 1
    FILE_DIRECTORY = 2
    FILE_SYMLINK = 3
    FILE_OTHER = 4

cdef enum Resolve:                    # which symlinks of a path are followed
    RESOLVE_NONE = 0
    RESOLVE_PARENTS = 1               # those of all components but the last
    RESOLVE_FULL = 2

cdef enum Feature:                    # bits of Host.features
    FEATURE_CA_DERIVATIONS = 1
    FEATURE_IMPURE_DERIVATIONS = 2
    FEATURE_DYNAMIC_DERIVATIONS = 4
    FEATURE_FLAKES = 8
    FEATURE_FETCH_TREE = 16
    FEATURE_FETCH_CLOSURE = 32
    FEATURE_GIT_HASHING = 64
    FEATURE_BLAKE3_HASHES = 128
    FEATURE_PIPE_OPERATORS = 256
    FEATURE_PARSE_TOML_TIMESTAMPS = 512
    FEATURE_VERIFIED_FETCHES = 1024

cdef enum StoreObjectKind:
    STORE_OBJECT_TEXT = 1             # data: the contents (builtins.toFile)
    STORE_OBJECT_SOURCE               # data or archive: the NAR; if there is neither, serialise source_path
    STORE_OBJECT_FLAT                 # data, or source_path: the contents of one file, hashed flat
    STORE_OBJECT_DERIVATION           # data: the ATerm

cdef struct StoreObject:              # what an embedded store is asked to write; everything is borrowed
    int kind
    View path                         # its place in the logical store
    View source_path                  # where it was copied from, or empty
    View data
    const int* archive                # descriptor of a file that holds the NAR, or NULL
    const View* references            # distinct, in byte order
    size_t reference_count

# Of an embedded store; called without the GIL, False with *error* is a failure.
ctypedef bint (*StoreWriter)(void* context, const StoreObject* written, Bytes* error) noexcept nogil
    # takes an object, or does nothing if it is there; it may be on disk later
ctypedef bint (*StoreSettler)(void* context, Bytes* error) noexcept nogil
    # afterwards all objects that were taken are on disk
ctypedef bint (*StoreAsker)(void* context, View path) noexcept nogil
    # whether a path is valid
ctypedef int (*StoreOpener)(void* context, Bytes* error) noexcept nogil
    # descriptor of an empty file that goes when it is closed, for an archive; -1: a failure
cdef enum Realised:                   # what became of outputs that evaluation reads
    REALISED
    REALISE_FAILED
    REALISE_UNABLE                    # nothing here builds

ctypedef Realised (*StoreRealiser)(void* context, View wanted, Bytes* closure, Bytes* error) noexcept nogil
    # makes outputs of derivations valid, if they can be built.  wanted: `DRV!OUTPUT` for each, with a newline after it; closure, if it is not NULL, gets them and
    # what they refer to, likewise

cdef struct SearchEntry:
    char* prefix
    size_t prefix_size
    char* path                        # as it was given
    size_t path_size

cdef struct Host:
    bint is_pure
    bint is_restricted
    uint32_t features                 # Feature bits
    ByteMap allowed                   # canonical paths; they and what is below them may be read (pure and restricted)
    SearchEntry* search
    uint32_t search_count
    ByteMap search_resolved           # a search path entry as given -> its absolute path, or nothing if it is missing
    char* working_directory
    char* home                        # or NULL: from the environment
    char* system                      # builtins.currentSystem
    char* store_dir                   # the logical store, "/nix/store"
    size_t store_dir_size
    char* real_store                  # the folder that stands for it on disk, or NULL: store_dir itself
    int64_t current_time              # 0 until somebody asks
    ByteMap directories               # canonical paths of folders that a path led through: they are no symlinks
    ByteMap copied                    # path -> store path
    ByteMap records                   # kind letter and path: what was read, in the order of the first time
    StoreWriter writer                # NULL: nothing is written
    StoreSettler settler
    StoreAsker asker
    StoreOpener opener
    StoreRealiser realiser
    void* writer_context
    ByteMap unsettled                 # store paths that the writer took and that may not be on disk yet
    DrvStore drv_store
    bint has_drv_store
    void* walks                       # path filters under way (builtins/sources.pyx)
    void (*free_walks)(Host* host) noexcept nogil
    uint32_t[32] symbols              # of the attributes that derivations know (builtins/derivations.pyx); 0: not looked up yet
    uint32_t[8] builtins              # numbers of builtins that others make thunks of
    uint32_t* marks                   # by symbol: generation in which it was last seen (contexts of a derivation)
    uint32_t mark_count
    uint32_t generation
    Bytes scratch                     # arrays of the derivation in hand
    ByteBuffer path_buffer
    ByteBuffer rest_buffer            # of a path in a mounted file system
    bint is_writable                  # texts are kept, and can be read
    ByteMap sources                   # store path -> where it was copied from, while nothing has written it (is_writable)
    ByteMap mounts                    # store path -> address of its Mount (places.pxd): fetched sources, read where they are
    ByteMap texts                     # store path -> contents: texts of the logical store that nothing has written
    bint keeps_derivations            # also without a writer
    ByteMap derivations               # store path -> text, if they are kept: for those who ask about them, not for evaluation
    int verbosity                     # messages up to this level are written (host/messages.pxd)
    int log_form                      # of messages: LOG_TEXT, LOG_JSON or LOG_TOLD (host/messages.pxd)
    bint imports_derivations          # evaluation may read what it must have built first (allow-import-from-derivation)
    bint traces_imports               # and tells of it (trace-import-from-derivation)
    void* settings                    # owned: the values of nix.conf (Python), or None for their defaults
    void* fetcher                     # owned: the fetcher (Python), once something was fetched (builtins/fetching.pyx); or NULL

# Of builtins that fetch: *path* is where the tree at an address lies in the logical store.  DONE; RAISE, with the error; called without the GIL.
ctypedef int (*TreeFetcher)(Machine* m, View address, ByteBuffer* path) noexcept nogil
cdef void host_fetch_with(TreeFetcher fetcher) noexcept nogil

cdef inline Host* host_of(Machine* m) noexcept nogil:
    return <Host*>m.host

cdef int host_new(Machine* m) noexcept nogil
    # sets m.host; options are set by host_configure before evaluation starts
cdef void host_free(Machine* m) noexcept nogil
cdef object host_configure(Machine* m, object options)
    # options: a host.options.HostOptions; before evaluation starts
cdef object host_mount(Machine* m, bytes store_path, object files)
    # a path directly in the logical store, and everything below it, is read through a file_system.FileSystem from now on, whatever the
    # policy; one that lies on disk as it is, is read there, without the GIL.  ValueError if it is no such path.
cdef list host_records(Machine* m)
    # (kind, name, value) of everything that was asked (host/records.pyx), in order, once each
cdef object host_settings(Machine* m)
    # a dict of the settings that have an influence on results
cdef object host_store_places(Machine* m)
    # the logical store, and the folder that stands for it or None
cdef int host_record_tree(Machine* m, View path, const NarTree* tree, const Digest* digest) noexcept nogil
    # a filtered tree that was copied

cdef int host_read_file(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* content) noexcept nogil
cdef bint host_file_stamp(Machine* m, const uint8_t* path, size_t size_bytes, FileStamp* stamp) noexcept nogil
    # what host_read_file would read, as it is now; it counts as read.  False: no regular file on disk that may be read, and no error
cdef int host_file_type(Machine* m, const uint8_t* path, size_t size_bytes, bint follow, int* file_type) noexcept nogil
    # FILE_NONE if there is nothing; an access error if the policy forbids looking
cdef int host_read_directory(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* entries) noexcept nogil
    # entries: (one byte FileType, name, NUL)…, unsorted
cdef int host_find_file(Machine* m, const uint8_t* name, size_t size_bytes, ByteBuffer* path) noexcept nogil
    # `<name>` in the search path of the machine; ERROR_SEARCH_PATH if it is not there
cdef int host_search_entry(Machine* m, View prefix, View folder, View name, ByteBuffer* path, bint* is_found) noexcept nogil
    # one entry of a search path (builtins.findFile)
cdef int host_search_failed(Machine* m, View name, ByteBuffer* path) noexcept nogil
    # after all entries: `<nix/…>`, or ERROR_SEARCH_PATH
cdef int host_home_path(Machine* m, const uint8_t* rest, size_t size_bytes, ByteBuffer* path) noexcept nogil
cdef int host_resolve_import(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* resolved) noexcept nogil
    # symlinks followed, a directory becomes its default.nix; the key of the import cache
cdef int host_resolve(Machine* m, const uint8_t* path, size_t size_bytes, int mode, ByteBuffer* resolved) noexcept nogil
    # symlinks followed as far as *mode* says; components that are not there stay as they are
cdef const char* host_getenv(Machine* m, const char* name) noexcept nogil
    # NULL if unset, or if the policy hides the environment
cdef const char* host_system(Machine* m) noexcept nogil
cdef int64_t host_time(Machine* m) noexcept nogil
    # seconds since 1970, the same whenever asked
cdef int host_path_to_store(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* store_path) noexcept nogil
    # the store path that copying this file or tree gives (`"${./x}"`); remembered per path

cdef int host_source_path(Machine* m, View path, View name, Bytes* store_path) noexcept nogil
    # likewise of a resolved path under another name; not remembered
cdef int host_write_tree(Machine* m, NarTree* tree, View store_path, const Digest* digest) noexcept nogil
    # hands a tree, with this hash, on to the embedded store, if there is one; it is not held in memory
cdef int host_open_tree(Machine* m, View path, NarTree* tree, Bytes* error) noexcept nogil
    # a tree to be filtered, of a resolved path that is a file, directory or symlink; RAISE: nothing is to be freed

cdef bint host_allows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # whether the policy lets evaluation read this path
cdef int host_check_access(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
cdef void host_allow(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # a store path that evaluation made may be read
cdef bint host_is_in_store(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
cdef View host_store_dir(Machine* m) noexcept nogil
cdef bint host_store_has(Machine* m, View store_path) noexcept nogil
    # whether an object (not something below one) is in the store on disk
cdef int host_real_path(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* real) noexcept nogil
    # where a path is on disk (differs for the logical store), NUL-terminated, appended
cdef int host_write_object(Machine* m, const StoreObject* written) noexcept nogil
    # hands an object to the embedded store, if there is one
cdef int host_settle(Machine* m) noexcept nogil
    # everything that the embedded store took is on disk, and can be read
cdef int host_realise(Machine* m, View wanted, View object_) noexcept nogil
    # outputs of derivations that evaluation reads (import from derivation; *wanted* as for StoreRealiser) are there afterwards, and may be
    # read; ERROR_FILE if they are not to be had, or the settings forbid it.  Without a
    # store to build in, it is enough that the object is there that is read
cdef bint host_shows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # whether the policy lets evaluation see what is at this path: as host_allows, and of a copied source what it shows of the source
cdef DrvStore* host_drv_store(Machine* m) noexcept nogil
    # the memory of derivations (also m.derivations); NULL: a memory error has been raised
cdef bint host_is_time(Machine* m, Word thunk) noexcept nogil
    # is it what `builtins.currentTime` is until somebody looks?
cdef bint host_has_feature(Machine* m, uint32_t feature) noexcept nogil
cdef int host_require_feature(Machine* m, uint32_t feature, const char* name) noexcept nogil
cdef int raise_store_error(Machine* m, int code, Bytes* error) noexcept nogil
    # raises the message in *error* and frees it
cdef void host_warn(Machine* m, char* message) noexcept nogil
    # prints `warning: …` on standard error; takes over a malloc'ed message
