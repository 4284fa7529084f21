# cython: language_level=3
"""The state words of derivationStrict, which its two parts share."""

# words above the argument while derivationStrict runs
cdef enum:
    SLOT_PHASE = 1
    # the place of the current attribute in name order
    SLOT_INDEX
    # the step that is being done for this attribute
    SLOT_STEP
    # flag bits, the hash kind << 8 and the ingestion method << 16
    SLOT_FLAGS
    SLOT_NAME
    SLOT_BUILDER
    SLOT_SYSTEM
    # the string of the attribute `outputHash`, or null
    SLOT_HASH
    # a string or a list of the names of outputs, or null
    SLOT_OUTPUTS
    # the index of the current element of `args`
    SLOT_ELEMENT
    # pairs follow from here on: a symbol (as an int; null for an argument of the builder) and a string
    SLOT_PAIRS

cdef enum:
    FLAG_STRUCTURED = 1
    FLAG_IGNORE_NULLS = 2
    FLAG_CONTENT_ADDRESSED = 4
    FLAG_IMPURE = 8
