# cython: language_level=3
"""derivationStrict: see derivations.pyx.  What its end (derivation_input.pyx) and other builtins need of it."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef enum:                            # derivation_symbols: attributes with a meaning of their own
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
    NAME_ALLOWED_REFERENCES           # from here to NAME_MAX_CLOSURE_SIZE: without effect in structured derivations
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

cdef enum:                            # builtins that other builtins make thunks of
    BUILTIN_DERIVATION_STRICT = 0
    BUILTIN_GET_ATTR
    BUILTIN_TO_JSON
    BUILTIN_DERIVATION_OUTPUT
    BUILTIN_VALUE
    BUILTIN_FETCH_TREE
    BUILTIN_FETCH_LOCKED

cdef enum:                            # words above the argument while derivationStrict runs
    SLOT_PHASE = 1
    SLOT_INDEX                        # place of the attribute at hand in name order
    SLOT_STEP                         # what is under way for it
    SLOT_FLAGS                        # Flag bits, then the hash kind << 8 and the ingestion method << 16
    SLOT_NAME
    SLOT_BUILDER
    SLOT_SYSTEM
    SLOT_HASH                         # outputHash
    SLOT_OUTPUTS                      # string or list, or null
    SLOT_ELEMENT                      # index in args or outputs
    SLOT_PAIRS                        # from here on: symbol (as an int; null for an argument of the builder) and string

cdef enum:
    FLAG_STRUCTURED = 1
    FLAG_IGNORE_NULLS = 2
    FLAG_CONTENT_ADDRESSED = 4
    FLAG_IMPURE = 8

cdef uint32_t* derivation_symbols(Machine* m) noexcept nogil
    # by NAME_…; looked up once per machine
cdef Word builtin_word(Machine* m, int which) noexcept nogil
    # the function value of one of BUILTIN_…
