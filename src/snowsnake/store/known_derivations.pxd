# cython: language_level=3
"""The derivations that a machine knows: hash modulo fixed outputs, output names and references of every store path that it has seen.

A `KnownDerivations` belongs to one machine and is used by one thread at a time.  The Views that it returns point into it and live as
long as it does.  Functions that can fail return False and append a message to *error*.
"""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.aterm cimport DerivationFields, InputDrv, Output, Splice
from snowsnake.store.hash_functions cimport Digest

# Appends to *text* the ATerm text of a derivation that was not made here; returns False, with *error* set, if there is none.
ctypedef bint (*DerivationReader)(void* context, View drv_path, Bytes* text, Bytes* error) noexcept nogil

cdef struct Slab:
    Slab* next
    size_t used
    size_t capacity

cdef enum ModuloKind:
    # The path has no derivation hash, or none yet.
    MODULO_UNKNOWN = 0
    MODULO_REGULAR
    # The derivation or an input is floating or impure: output paths are known only after building.
    MODULO_DEFERRED

# one store path: a derivation, a text, a source
cdef struct StoreEntry:
    View path
    uint32_t hash
    # its ModuloKind
    uint8_t modulo_kind
    # whether it is being read: meeting it again means a cycle
    bint is_pending
    bint has_references
    # where KnownDerivations.names has the output names, in order
    uint32_t outputs_start
    uint32_t output_count
    # where KnownDerivations.references has the ids of entries
    uint32_t references_start
    uint32_t reference_count
    uint8_t modulo[32]

cdef struct KnownDerivations:
    # the slabs own it
    View store_dir
    # NULL if derivations cannot be read
    DerivationReader reader
    void* reader_context
    # whether the feature ca-derivations is on
    bint allows_floating
    # whether the feature impure-derivations is on
    bint allows_impure
    # whether the feature dynamic-derivations is on
    bint allows_dynamic
    # strings with stable addresses
    Slab* slabs
    StoreEntry* entries
    uint32_t entry_count
    uint32_t entry_capacity
    # a hash table of indices of entries, plus 1; 0 marks a free slot
    uint32_t* slots
    uint32_t slot_count
    # where `names` has the last list of output names, because consecutive derivations often have the same
    uint32_t last_names_start
    uint32_t last_names_count
    # where `names` has the list that is only "out"
    uint32_t out_names_start
    bint has_out_names
    # View[]; `derivations_free` relies on this being the first of the buffers, and `text` the last
    Bytes names
    # uint32_t[]
    Bytes references
    # Output[]
    Bytes scratch_outputs
    # Variable[]
    Bytes scratch_env
    # inputs with hashes in place of paths: InputDrv[]
    Bytes scratch_inputs
    # the digits of these hashes
    Bytes scratch_hex
    # View[]
    Bytes scratch_references
    # View[]: closures
    Bytes scratch_views
    # Splice[]
    Bytes scratch_splices
    # FinishedOutput[]
    Bytes scratch_results
    # InputDrv[]: with closures
    Bytes scratch_expanded
    # View[]: with closures
    Bytes scratch_srcs
    # output paths and placeholders, one after the other
    Bytes paths
    Bytes file_name
    # parts of the ATerm text (aterm.pxd): outputs, outputs without paths, inputs with hashes in place of paths, the tail; and the whole text
    Bytes head
    Bytes masked_head
    Bytes inputs
    Bytes tail
    Bytes text

cdef bint derivations_init(KnownDerivations* self, View store_dir) noexcept nogil
cdef void derivations_free(KnownDerivations* self) noexcept nogil

# Remembers what a text or source refers to, for closures (builtins.toFile with references).
cdef bint derivations_add_references(KnownDerivations* self, View path, const View* references, size_t count, Bytes* error) noexcept nogil
# Appends all paths that *path* refers to, directly or not, and itself, to *out* as sorted Views that the KnownDerivations owns.
cdef bint derivations_closure(KnownDerivations* self, View path, Bytes* out, Bytes* error) noexcept nogil
# Appends the output names of a derivation, which is read if it is not known, to *out* as Views that the KnownDerivations owns.
cdef bint derivations_outputs(KnownDerivations* self, View drv_path, Bytes* out, Bytes* error) noexcept nogil
# Appends the references of a path as lines; returns False if nothing is known about it.
cdef bint derivations_references(KnownDerivations* self, View path, Bytes* lines) noexcept nogil

# Computes the hash modulo fixed outputs of a parsed derivation (of the masked text if is_masked); *kind* receives its ModuloKind.
cdef bint derivation_modulo(KnownDerivations* self, View name, const DerivationFields* drv, bint is_masked, Digest* out, int* kind,
                            Bytes* error) noexcept nogil
# Returns the name of the derivation in the path of a .drv; an empty one if it is not such a path.
cdef View derivation_name(View store_dir, View drv_path) noexcept nogil

# --- for derivation_paths.pyx
cdef enum:
    # what `intern_path` returns if memory runs out
    NO_ENTRY = 0xffffffff

cdef uint32_t intern_path(KnownDerivations* self, View path) noexcept nogil
cdef bint out_of_memory(Bytes* error) noexcept nogil
cdef bint is_drv(View path) noexcept nogil
cdef void* array_of(Bytes* buffer, size_t count, size_t item_size) noexcept nogil
# Sorts inputs and removes repeated ones; returns how many remain.
cdef size_t sort_inputs(InputDrv* inputs, size_t count) noexcept nogil
cdef bint make_known(KnownDerivations* self, const InputDrv* inputs, size_t count, Bytes* error) noexcept nogil
cdef bint write_modulo_inputs(KnownDerivations* self, View name, const InputDrv* inputs, size_t count, int* kind,
                              Bytes* error) noexcept nogil
cdef void hash_parts(KnownDerivations* self, const Bytes* head, const DerivationFields* drv, const Splice* splices, size_t splice_count,
                     Digest* out) noexcept nogil
cdef void fixed_modulo(KnownDerivations* self, const Output* output, Digest* out) noexcept nogil
cdef void impure_modulo(Digest* out) noexcept nogil
cdef size_t collect_references(KnownDerivations* self, const DerivationFields* drv) noexcept nogil
cdef bint remember(KnownDerivations* self, uint32_t entry, const DerivationFields* drv, const View* references, size_t count,
                   const Digest* modulo, int kind, Bytes* error) noexcept nogil
