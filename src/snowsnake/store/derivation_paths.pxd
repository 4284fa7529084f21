# cython: language_level=3
"""Finishes derivations: computes output paths and the .drv path, and remembers what each derivation hashes to.

A `KnownDerivations` belongs to one machine (one thread at a time) and remembers, for every derivation path that it has seen, the
hash modulo fixed outputs, the output names and the references.  The machine's `derivationStrict` fills a
`DerivationInput` and calls `derivation_finish` once.

Who owns what
  in:  every View of a `DerivationInput` is borrowed during the call; the arrays `outputs`, `env`, `input_drvs` and
       `input_srcs` may come in any order and are sorted in place.
  out: `DerivationResult.drv_path` points into the KnownDerivations and lives as long as it does.  `outputs`, `references` and `text` point into its
       scratch memory and live until the next call of a function of this module with the same KnownDerivations.
  error: appended to the caller's `Bytes`; nothing is remembered from a call that failed.
"""
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.aterm cimport InputDrv, Variable
from snowsnake.store.hash_functions cimport Digest
from snowsnake.store.known_derivations cimport (
    KnownDerivations, derivations_add_references, derivations_closure, derivations_free, derivations_init,
    derivations_outputs,
)

cdef struct DerivationInput:
    # the name without ".drv"; the caller need not check it, because errors are Nix's
    View name
    View platform
    View builder
    View* args
    size_t arg_count
    # the names are distinct; variables of the outputs may be absent, and are replaced
    Variable* env
    size_t env_count
    # the names are distinct
    View* outputs
    size_t output_count
    # OUTPUT_INPUT_ADDRESSED, OUTPUT_FIXED, OUTPUT_FLOATING, OUTPUT_IMPURE
    int kind
    # IngestionMethod, for all kinds but input-addressed
    int method
    # the hash of a FIXED output; of FLOATING and IMPURE ones, only digest.kind is used
    Digest digest
    # pairs may repeat; all_outputs adds the whole closure, as a drvPath in a string does
    InputDrv* input_drvs
    size_t input_drv_count
    # some of them have children (dynamic_inputs.pxd), as text
    bint is_dynamic
    # a path may occur twice
    View* input_srcs
    size_t input_src_count

cdef struct FinishedOutput:
    View name
    # for floating, impure and deferred outputs, the placeholder in other derivations
    View path
    # whether `path` is a store path
    bint is_known

cdef struct DerivationResult:
    View drv_path
    # the ATerm, to be written if the evaluator writes
    View text
    # sorted by name
    FinishedOutput* outputs
    size_t output_count
    # references of the .drv: distinct, in byte order
    const View* references
    size_t reference_count

cdef bint derivation_finish(KnownDerivations* self, DerivationInput* input, DerivationResult* result, Bytes* error) noexcept nogil
