# cython: language_level=3
"""Derivations finished: output paths, the .drv path, and the memory of what each derivation hashes to.

A `DrvStore` belongs to one evaluator (one thread at a time) and remembers, for every derivation path that it has seen, the
hash modulo fixed outputs, the output names and the references.  The evaluator's `derivationStrict` fills a
`DerivationInput` and calls `derivation_finish` once.

Who owns what
  in:  every View of a `DerivationInput` is borrowed for the time of the call; the arrays `outputs`, `env`, `input_drvs` and
       `input_srcs` may come in any order and are sorted in place.
  out: `DerivationResult.drv_path` points into the DrvStore and lives as long as it.  `outputs` and `text` point into the
       DrvStore's scratch memory and live until the next call of a function of this module on the same DrvStore.
  error: appended to the caller's `Bytes`; nothing is remembered from a call that failed.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t
from snowsnake.store.aterm cimport Derivation, InputDrv, Splice, Variable
from snowsnake.store.buffer cimport Bytes, View
from snowsnake.store.hashes cimport Digest

# Gives the ATerm text of a derivation that was not made here: appended to *text*; False and *error* when there is none.
ctypedef bint (*DrvReader)(void* context, View drv_path, Bytes* text, Bytes* error) noexcept nogil

cdef struct Slab:
    Slab* next
    size_t used
    size_t capacity

cdef enum ModuloKind:
    MODULO_UNKNOWN = 0                # a path without a derivation hash (yet)
    MODULO_REGULAR
    MODULO_DEFERRED                   # something below is floating or impure: output paths are known after building

cdef struct StoreEntry:               # one store path: a derivation, a text, a source
    View path
    uint32_t hash
    uint8_t modulo_kind               # ModuloKind
    bint is_pending                   # being read: meeting it again is a cycle
    bint has_references
    uint32_t outputs_start            # in DrvStore.names: output names in order
    uint32_t output_count
    uint32_t references_start         # in DrvStore.references: ids of entries
    uint32_t reference_count
    uint8_t modulo[32]

cdef struct DrvStore:
    View store_dir                    # owned (in slabs)
    DrvReader reader                  # may be NULL
    void* reader_context
    bint allows_floating              # feature ca-derivations: may read such a .drv
    bint allows_impure                # feature impure-derivations
    Slab* slabs                       # strings with stable addresses
    StoreEntry* entries
    uint32_t entry_count
    uint32_t entry_capacity
    uint32_t* slots                   # hash table: entry index + 1, 0 free
    uint32_t slot_count
    uint32_t last_names_start         # the last list of output names: many derivations in a row have the same
    uint32_t last_names_count
    uint32_t out_names_start          # the list that is only "out"
    bint has_out_names
    Bytes names                       # View[]; first of the buffers, `text` is the last
    Bytes references                  # uint32_t[]
    Bytes scratch_outputs             # Output[]
    Bytes scratch_env                 # Variable[]
    Bytes scratch_inputs              # inputs with hashes in place of paths: InputDrv[]
    Bytes scratch_hex                 # their digits
    Bytes scratch_references          # View[]
    Bytes scratch_views               # View[]: closures
    Bytes scratch_splices             # Splice[]
    Bytes scratch_results             # DerivationOutput[]
    Bytes scratch_expanded            # InputDrv[]: with closures
    Bytes scratch_srcs                # View[]: with closures
    Bytes paths                       # output paths and placeholders, one after the other
    Bytes file_name
    Bytes head
    Bytes masked_head
    Bytes inputs
    Bytes tail
    Bytes text

cdef struct DerivationInput:
    View name                         # without ".drv"; already checked or not: errors are Nix's
    View platform
    View builder
    View* args
    size_t arg_count
    Variable* env                     # distinct names; those of the outputs may be absent and are replaced
    size_t env_count
    View* outputs                     # distinct names
    size_t output_count
    int kind                          # OUTPUT_INPUT_ADDRESSED, OUTPUT_FIXED, OUTPUT_FLOATING, OUTPUT_IMPURE
    int method                        # IngestionMethod, for all but input-addressed
    Digest digest                     # OUTPUT_FIXED; FLOATING and IMPURE: only digest.kind
    InputDrv* input_drvs              # pairs may repeat; all_outputs adds the whole closure, as a drvPath in a string does
    size_t input_drv_count
    View* input_srcs                  # may repeat
    size_t input_src_count

cdef struct DerivationOutput:
    View name
    View path                         # floating, impure, deferred: the placeholder that stands for it in other derivations
    bint is_known                     # path is a store path

cdef struct DerivationResult:
    View drv_path
    View text                         # the ATerm, to be written if the evaluator writes
    DerivationOutput* outputs         # by name
    size_t output_count
    const View* references            # of the .drv: distinct, in byte order
    size_t reference_count

cdef bint drv_store_init(DrvStore* self, View store_dir) noexcept nogil
cdef void drv_store_free(DrvStore* self) noexcept nogil

cdef bint derivation_finish(DrvStore* self, DerivationInput* input, DerivationResult* result, Bytes* error) noexcept nogil

# Remembers what a text or source refers to, for closures (builtins.toFile with references).
cdef bint drv_store_add_references(DrvStore* self, View path, const View* references, size_t count, Bytes* error) noexcept nogil
# All paths that *path* refers to, directly or not, itself included; sorted Views appended to *out* (owned by the DrvStore).
cdef bint drv_store_closure(DrvStore* self, View path, Bytes* out, Bytes* error) noexcept nogil
# Output names of a derivation, read if it is not known; appended to *out* as Views owned by the DrvStore.
cdef bint drv_store_outputs(DrvStore* self, View drv_path, Bytes* out, Bytes* error) noexcept nogil
# True when the derivation was made or read here: no reader is asked.
cdef bint drv_store_knows(DrvStore* self, View path) noexcept nogil

# For a derivation that was parsed: its hash modulo fixed outputs (of the masked text when is_masked).
cdef bint derivation_modulo(DrvStore* self, View name, const Derivation* drv, bint is_masked, Digest* out, int* kind,
                            Bytes* error) noexcept nogil
# Name of the derivation in the path of a .drv.
cdef View derivation_name(View store_dir, View drv_path) noexcept nogil
