# cython: language_level=3
"""The state words of derivationStrict, which its two parts share."""

cdef enum:                            # words above the argument while derivationStrict runs
    SLOT_PHASE = 1
    SLOT_INDEX                        # the place of the current attribute in name order
    SLOT_STEP                         # the step that is being done for it
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
