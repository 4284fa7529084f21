# cython: language_level=3
"""The state words of derivationStrict, which its two parts share."""

# words above the argument while derivationStrict runs
cdef enum:
    SLOT_PHASE = 1
    # the place of the current attribute in name order
    SLOT_INDEX
    # the step that is being done for it
    SLOT_STEP
    # Flag bits, then the hash kind << 8 and the ingestion method << 16
    SLOT_FLAGS
    SLOT_NAME
    SLOT_BUILDER
    SLOT_SYSTEM
    # the hash that the attribute `outputHash` says
    SLOT_HASH
    # string or list, or null
    SLOT_OUTPUTS
    # the index of the element in hand, of `args` or `outputs`
    SLOT_ELEMENT
    # pairs follow from here on: a symbol (as an int; null for an argument of the builder) and a string
    SLOT_PAIRS

cdef enum:
    FLAG_STRUCTURED = 1
    FLAG_IGNORE_NULLS = 2
    FLAG_CONTENT_ADDRESSED = 4
    FLAG_IMPURE = 8
