# cython: language_level=3
"""derivationStrict: see derivations.pyx.  This declares what its last part (derivation_input.pyx) and other builtins use."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

# attributes with a meaning of their own: the indices of the symbols that derivation_symbols returns
cdef enum:
    NAME_NAME = 0
    NAME_STRUCTURED_ATTRS
    NAME_IGNORE_NULLS
    NAME_CONTENT_ADDRESSED
    NAME_IMPURE
    NAME_ARGS
    NAME_BUILDER
    NAME_SYSTEM
    NAME_OUTPUTS
    NAME_OUTPUT_HASH
    NAME_OUTPUT_HASH_ALGO
    NAME_OUTPUT_HASH_MODE
    # the names from here to NAME_MAX_CLOSURE_SIZE have no effect in structured derivations
    NAME_ALLOWED_REFERENCES
    NAME_ALLOWED_REQUISITES
    NAME_DISALLOWED_REFERENCES
    NAME_DISALLOWED_REQUISITES
    NAME_MAX_SIZE
    NAME_MAX_CLOSURE_SIZE
    NAME_ALL
    NAME_DRV_ATTRS
    NAME_DRV_PATH
    NAME_OUT_PATH
    NAME_TYPE
    NAME_OUTPUT_NAME
    NAME_COUNT

# builtins that other builtins call by thunks that they make
cdef enum:
    BUILTIN_DERIVATION_STRICT = 0
    BUILTIN_GET_ATTR
    BUILTIN_TO_JSON
    BUILTIN_DERIVATION_PATH
    BUILTIN_DERIVATION_OUTPUT
    BUILTIN_VALUE
    BUILTIN_TIME
    BUILTIN_FETCH_LOCKED


cdef uint32_t* derivation_symbols(Machine* m) noexcept nogil
    # Returns the symbols, indexed by NAME_…; they are looked up once per machine.
cdef Word builtin_word(Machine* m, int which) noexcept nogil
    # Returns the function value of one of BUILTIN_….
