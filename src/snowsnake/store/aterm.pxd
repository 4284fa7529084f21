# cython: language_level=3
"""A derivation as C data, and its ATerm text.

Views point into memory that somebody else owns: the text that was parsed, or the machine's heap.  A parsed derivation
owns its arrays and the strings that had escapes; `derivation_free` releases them.  The text must outlive it.
"""
from libc.stdint cimport uint8_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.hash_functions cimport Digest

cdef enum OutputKind:
    OUTPUT_INPUT_ADDRESSED = 1        # the path follows from the inputs
    OUTPUT_FIXED                      # the path follows from the given hash
    OUTPUT_FLOATING                   # content-addressed, known after building (feature ca-derivations)
    OUTPUT_IMPURE                     # built anew every time (feature impure-derivations)
    OUTPUT_DEFERRED                   # input-addressed, but an input is floating: known later

cdef struct Output:
    View name
    View path                         # empty if it is not known
    uint8_t kind                      # OutputKind
    uint8_t method                    # IngestionMethod, for FIXED, FLOATING, IMPURE
    Digest digest                     # of FIXED; for FLOATING and IMPURE only digest.kind counts

cdef struct Variable:                 # a variable of the environment
    View name
    View value

cdef struct InputDrv:                 # one output of one derivation
    View path
    View output                       # data NULL: the derivation is named without an output
    bint all_outputs                  # for derivation_finish only: every output, and the whole closure of the .drv
    View children                     # data NULL: none; otherwise text or a chain (dynamic_inputs.pxd), and no output

cdef struct DerivationFields:
    Output* outputs                   # by name
    size_t output_count
    InputDrv* input_drvs              # by path, then output; distinct
    size_t input_drv_count
    View* input_srcs                  # in byte order, distinct
    size_t input_src_count
    View platform
    View builder
    View* args
    size_t arg_count
    Variable* env                     # by name, distinct
    size_t env_count
    Bytes unescaped                   # strings that had escapes
    bint is_dynamic                   # an input has children: the text has the form "xp-dyn-drv"

cdef struct Splice:                   # where the value of an output's variable belongs in a text without that value
    size_t offset
    size_t output                     # index in DerivationFields.outputs

cdef void derivation_init(DerivationFields* self) noexcept nogil
cdef void derivation_free(DerivationFields* self) noexcept nogil
cdef void aterm_write(const DerivationFields* drv, Bytes* out) noexcept nogil

# The parts of the text, for hashing several variants of one derivation:
#   Derive([OUTPUTS],[INPUTS],TAIL
cdef void aterm_start(bint is_dynamic, Bytes* out) noexcept nogil            # `Derive([`, or what stands for it
cdef void aterm_string(View text, Bytes* out) noexcept nogil
cdef void aterm_plain(View text, Bytes* out) noexcept nogil                  # in quotes, for texts with nothing to escape
cdef void aterm_outputs(const DerivationFields* drv, bint is_masked, Bytes* out) noexcept nogil
cdef void aterm_inputs(const InputDrv* inputs, size_t count, Bytes* out) noexcept nogil
# If *splices* is not NULL (it has room for output_count), variables named like outputs are written empty, and their places noted in it.
cdef size_t aterm_tail(const DerivationFields* drv, Splice* splices, Bytes* out) noexcept nogil

# Returns the OutputKind of all outputs; 0, with Nix's message, if there are none or several kinds.
cdef int derivation_kind(const DerivationFields* drv, Bytes* error) noexcept nogil
cdef void method_and_algorithm(const Output* output, Bytes* out) noexcept nogil   # "r:sha256"
cdef int compare_inputs(const void* a, const void* b) noexcept nogil         # InputDrv, for qsort
cdef int compare_variables(const void* a, const void* b) noexcept nogil      # Variable
cdef int compare_outputs(const void* a, const void* b) noexcept nogil        # Output
