# cython: language_level=3
"""The state of a host, which its parts share, and the words of its contract: types of files, features, what a store is asked to write.

Of all functions of the host: paths are bytes with a length, absolute and canonical unless said otherwise.  Functions that return int give DONE or
RAISE (an error has been set).  Bytes results are appended to an empty buffer that the caller frees.
A path that begins with `<nix/` is a file that the evaluator brings with it (`<nix/fetchurl.nix>`).
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp
from snowsnake.foundation.buffer cimport Bytes, View, make_view
from snowsnake.host.byte_map cimport ByteMap
from snowsnake.machine.state cimport Machine
from snowsnake.store.known_derivations cimport KnownDerivations

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
    OWN_ENVIRONMENT = 1 << 30         # no feature: variables come from the options

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
ctypedef bint (*StoreDescriber)(void* context, View path, Bytes* lines) noexcept nogil
    # what an object refers to, as lines; nothing if it is not known.  False: there is no memory
ctypedef int (*StoreOpener)(void* context, Bytes* error) noexcept nogil
    # descriptor of an empty file that goes when it is closed, for an archive; -1: a failure
cdef enum Realised:                   # what became of outputs that evaluation reads
    REALISED
    REALISE_FAILED
    REALISE_UNABLE                    # nothing here builds

ctypedef Realised (*StoreRealiser)(void* context, View wanted, Bytes* names, Bytes* closure, Bytes* error) noexcept nogil
    # makes outputs of derivations valid, if they can be built.  wanted: `DRV!OUTPUT` for each, with a newline after it; names gets, for each whose path is
    # known only now, what stands for it, a tab, its path and a newline; closure, if it is not NULL, gets all paths and what they refer to, as lines

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
    StoreDescriber describer
    StoreOpener opener
    StoreRealiser realiser
    void* writer_context
    ByteMap unsettled                 # store paths that the writer took and that may not be on disk yet
    KnownDerivations known_derivations
    bint has_known_derivations
    void* walks                       # path filters under way (builtins/sources.pyx)
    void (*free_walks)(Host* host) noexcept nogil
    uint32_t[32] symbols              # of the attributes that derivations know (builtins/derivations.pyx); 0: not looked up yet
    uint32_t[8] builtins              # numbers of builtins that others make thunks of
    uint32_t* marks                   # by symbol: generation in which it was last seen (contexts of a derivation)
    uint32_t mark_count
    uint32_t generation
    Bytes scratch                     # arrays of the derivation in hand
    Bytes path_buffer
    Bytes rest_buffer            # of a path in a mounted file system
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
ctypedef int (*TreeFetcher)(Machine* m, View address, Bytes* path) noexcept nogil

cdef inline Host* host_of(Machine* m) noexcept nogil:
    return <Host*>m.host

cdef inline bint is_guarded(Machine* m) noexcept nogil:
    """Whether a policy says what may be read."""
    return host_of(m).is_pure or host_of(m).is_restricted

cdef inline bint host_is_in_store(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    """Whether a path is an object of the logical store, or below one."""
    cdef Host* h = host_of(m)
    return size_bytes > h.store_dir_size + 1 and path[h.store_dir_size] == c'/' and \
        memcmp(path, h.store_dir, h.store_dir_size) == 0

cdef inline View host_store_dir(Machine* m) noexcept nogil:
    return make_view(host_of(m).store_dir, host_of(m).store_dir_size)
