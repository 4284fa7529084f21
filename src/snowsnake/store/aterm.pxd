# cython: language_level=3
"""A derivation as C data, and its ATerm text.

Views point into memory that somebody else owns: the text that was parsed, or the machine's heap.  A parsed derivation
owns its arrays and the strings that had escapes; `derivation_free` releases them.  The text must outlive it.
"""
from libc.stdint cimport uint8_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.hash_functions cimport Digest

cdef enum OutputKind:
    # the path follows from the inputs
    OUTPUT_INPUT_ADDRESSED = 1
    # the path follows from the given hash
    OUTPUT_FIXED
    # content-addressed, known after building (feature ca-derivations)
    OUTPUT_FLOATING
    # built again each time that it is wanted (feature impure-derivations)
    OUTPUT_IMPURE
    # input-addressed, but the path is unknown until a floating input is built
    OUTPUT_DEFERRED

cdef struct Output:
    View name
    # empty if it is not known
    View path
    # its OutputKind
    uint8_t kind
    # IngestionMethod, for FIXED, FLOATING, IMPURE
    uint8_t method
    # the hash of a FIXED output; of FLOATING and IMPURE ones, only digest.kind is used
    Digest digest

# a variable of the environment
cdef struct Variable:
    View name
    View value

# one output of one derivation
cdef struct InputDrv:
    View path
    # data NULL: the derivation is named without an output
    View output
    # whether every output is needed, and the whole closure of the .drv; only derivation_finish uses this
    bint all_outputs
    # data NULL if there are none; otherwise text or a chain (dynamic_inputs.pxd), and `output` is empty
    View children

cdef struct DerivationFields:
    # sorted by name
    Output* outputs
    size_t output_count
    # sorted by path and then by output; distinct
    InputDrv* input_drvs
    size_t input_drv_count
    # in byte order, distinct
    View* input_srcs
    size_t input_src_count
    View platform
    View builder
    View* args
    size_t arg_count
    # sorted by name; distinct
    Variable* env
    size_t env_count
    # strings that had escapes
    Bytes unescaped
    # whether the text has the form "xp-dyn-drv", which inputs with children need
    bint is_dynamic

# where the value of an output's variable belongs in a text without that value
cdef struct Splice:
    size_t offset
    # an index in DerivationFields.outputs
    size_t output

cdef void derivation_init(DerivationFields* self) noexcept nogil
cdef void derivation_free(DerivationFields* self) noexcept nogil
cdef void aterm_write(const DerivationFields* drv, Bytes* out) noexcept nogil

# The parts of the text, for hashing several variants of one derivation:
#   Derive([OUTPUTS],[INPUTS],[TAIL
# Writes `Derive([`, or `DrvWithVersion("xp-dyn-drv",[`.
cdef void aterm_start(bint is_dynamic, Bytes* out) noexcept nogil
cdef void aterm_string(View text, Bytes* out) noexcept nogil
# Writes quotes around a text that has nothing to escape.
cdef void aterm_plain(View text, Bytes* out) noexcept nogil
cdef void aterm_outputs(const DerivationFields* drv, bint is_masked, Bytes* out) noexcept nogil
cdef void aterm_inputs(const InputDrv* inputs, size_t count, Bytes* out) noexcept nogil
# If *splices* is not NULL (it has room for output_count), variables named like outputs are written empty, and it receives their
# places; returns how many there are.
cdef size_t aterm_tail(const DerivationFields* drv, Splice* splices, Bytes* out) noexcept nogil

# Returns the OutputKind of all outputs; 0, with Nix's message, if there are none or several kinds.
cdef int derivation_kind(const DerivationFields* drv, Bytes* error) noexcept nogil
# "r:sha256"
cdef void method_and_algorithm(const Output* output, Bytes* out) noexcept nogil
# InputDrv, for qsort
cdef int compare_inputs(const void* a, const void* b) noexcept nogil
# Variable
cdef int compare_variables(const void* a, const void* b) noexcept nogil
# Output
cdef int compare_outputs(const void* a, const void* b) noexcept nogil
