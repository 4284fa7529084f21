# cython: language_level=3
"""The state of a host, which its parts share; and its types: kinds of files, features, what a store is asked to write.

For all functions of the host: a path is bytes with a length, absolute and canonical unless a comment says otherwise.  Functions that return
int return DONE or RAISE (an error has been set).  Results in Bytes are appended to an empty buffer, which the caller frees.
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

# which symlinks of a path are followed
cdef enum Resolve:
    RESOLVE_NONE = 0
    # the links in all components but the last
    RESOLVE_PARENTS = 1
    RESOLVE_FULL = 2

# the bits of Host.features
cdef enum Feature:
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
    # not a feature: variables come from the options
    OWN_ENVIRONMENT = 1 << 30

# the index in HostOptions.objects
cdef enum HostObject:
    # the values of nix.conf, or None for their defaults
    OBJECT_SETTINGS
    # makes the object that shows the progress of fetching, or None
    OBJECT_FETCH_PROGRESS
    # a dict of variables, if not those of the process
    OBJECT_VARIABLES
    # a function that gets messages, or None
    OBJECT_ON_MESSAGE
    # the store of an evaluation that writes to none (StoreToRead), or None
    OBJECT_STORE_TO_READ

cdef enum StoreObjectKind:
    # data: the contents (builtins.toFile)
    STORE_OBJECT_TEXT = 1
    # data or archive: the NAR; without either, source_path is serialised
    STORE_OBJECT_SOURCE
    # data, or source_path: the contents of one file, hashed flat
    STORE_OBJECT_FLAT
    # the data is the derivation as ATerm
    STORE_OBJECT_DERIVATION

# an object for an embedded store to write; everything is borrowed
cdef struct StoreObject:
    int kind
    # where it is in the logical store
    View path
    # the path it was copied from, or empty
    View source_path
    View data
    # descriptor of a file that holds the NAR, or NULL
    const int* archive
    # they are distinct, and in byte order
    const View* references
    size_t reference_count

# Functions of an embedded store; they are called without the GIL, and return False, with *error* set, on failure.
ctypedef bint (*StoreWriter)(void* context, const StoreObject* written, Bytes* error) noexcept nogil
    # Takes an object, unless it exists; it may be written to disk later.
ctypedef bint (*StoreSettler)(void* context, Bytes* error) noexcept nogil
    # Ensures that all objects that were taken are on disk.
ctypedef bint (*StoreAsker)(void* context, View path) noexcept nogil
    # Whether a path is valid.
ctypedef bint (*StoreDescriber)(void* context, View path, Bytes* lines) noexcept nogil
    # Appends the references of an object as lines; nothing if they are not known.  Returns False if there is no memory.
ctypedef int (*StoreOpener)(void* context, Bytes* error) noexcept nogil
    # Returns the descriptor of an empty file for an archive, which vanishes when it is closed; -1 on failure.

# the result of asking for outputs that evaluation reads
cdef enum Realised:
    REALISED
    REALISE_FAILED
    # there is no builder
    REALISE_UNABLE

ctypedef Realised (*StoreRealiser)(void* context, View wanted, Bytes* names, Bytes* closure, Bytes* error) noexcept nogil
    # Makes outputs of derivations valid, if they can be built.  wanted has `DRV!OUTPUT` and a newline for each.  For each whose path is known
    # only now, names gets its placeholder, a tab, its path and a newline.  closure, if it is not NULL, gets all paths and their references, as lines.

cdef struct SearchEntry:
    char* prefix
    size_t prefix_size
    # the path as the user wrote it
    char* path
    size_t path_size

cdef struct Host:
    bint is_pure
    bint is_restricted
    # Feature bits
    uint32_t features
    # canonical paths: these and what is below them may be read (pure and restricted)
    ByteMap allowed
    SearchEntry* search
    uint32_t search_count
    # a search path entry as written -> its absolute path, or nothing if it is missing
    ByteMap search_resolved
    char* working_directory
    # NULL if the environment says it
    char* home
    # the value of builtins.currentSystem
    char* system
    # the logical store, "/nix/store"
    char* store_dir
    size_t store_dir_size
    # the folder on disk that stands for it, or NULL: store_dir itself
    char* real_store
    # 0 until it is first asked for
    int64_t current_time
    # canonical paths of folders that lookups passed through: they are not symlinks
    ByteMap directories
    # path -> store path
    ByteMap copied
    # kind (one byte) and name -> value: what evaluation asked, in order (records.pxd)
    ByteMap records
    # NULL if nothing is written
    StoreWriter writer
    StoreSettler settler
    StoreAsker asker
    StoreDescriber describer
    StoreOpener opener
    StoreRealiser realiser
    void* writer_context
    # store paths that the writer took and that may not be on disk yet
    ByteMap unsettled
    KnownDerivations known_derivations
    bint has_known_derivations
    # active path filters (builtins/sources.pyx)
    void* walks
    void (*free_walks)(Host* host) noexcept nogil
    void (*record_walks)(Machine* m) noexcept nogil
    # attributes that derivations know (builtins/derivations.pyx); 0: not looked up yet
    uint32_t[32] symbols
    # numbers of builtins that other builtins make thunks of
    uint32_t[8] builtins
    # the generation in which each symbol was last seen (contexts of a derivation)
    uint32_t* marks
    uint32_t mark_count
    uint32_t generation
    # arrays of the current derivation
    Bytes scratch
    Bytes path_buffer
    # a path in a mounted file system
    Bytes rest_buffer
    # whether texts that evaluation puts into the logical store are kept, and can be read
    bint is_writable
    # store path -> where it was copied from, while nothing has written it (is_writable)
    ByteMap sources
    # store path -> address of its Mount (places.pxd): fetched sources, which are read in place
    ByteMap mounts
    # store path -> contents: texts of the logical store that nothing has written
    ByteMap texts
    # whether the texts of derivations are kept, even without a writer
    bint keeps_derivations
    # store path -> text, if they are kept: these answer questions about derivations, and evaluation does not read them
    ByteMap derivations
    # messages up to this level are written (host/messages.pxd)
    int verbosity
    # the form of messages: LOG_TEXT, LOG_JSON or LOG_TOLD (host/messages.pxd)
    int log_form
    # whether evaluation may read what must be built first (allow-import-from-derivation)
    bint imports_derivations
    # whether a warning reports that (trace-import-from-derivation)
    bint traces_imports
    # the host.Borrowed of the interpreter, which owns every Python object that the host borrows: there, the collector of cycles sees them
    void* held
    # the tuple HostOptions.objects (`host_object`); borrowed
    void* objects
    # the fetcher (Python) once something was fetched (builtins/fetching.pyx), or NULL; borrowed
    void* fetcher

# Fetches the tree at an address: *path* becomes its place in the logical store.  Returns DONE, or RAISE with the error.  It is called without the GIL.
ctypedef int (*TreeFetcher)(Machine* m, View address, Bytes* path) noexcept nogil

cdef inline Host* host_of(Machine* m) noexcept nogil:
    return <Host*>m.host

cdef inline object host_object(Host* h, int which):
    """A Python object of the options (`HostObject`)."""
    return (<tuple>h.objects)[which]

cdef inline bint is_guarded(Machine* m) noexcept nogil:
    """Whether there is a policy about what may be read."""
    return host_of(m).is_pure or host_of(m).is_restricted

cdef inline bint host_is_in_store(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    """Whether a path is an object of the logical store, or below one."""
    cdef Host* h = host_of(m)
    return size_bytes > h.store_dir_size + 1 and path[h.store_dir_size] == c'/' and \
        memcmp(path, h.store_dir, h.store_dir_size) == 0

cdef inline View host_store_dir(Machine* m) noexcept nogil:
    return make_view(host_of(m).store_dir, host_of(m).store_dir_size)
