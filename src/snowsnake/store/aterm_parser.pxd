# cython: language_level=3
"""Parses the text of a `.drv` into `DerivationFields`."""
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.aterm cimport DerivationFields

cdef enum:
    # derivations may be outputs of derivations so many levels deep
    MOST_LEVELS = 100

# Refuses punctuation that is not canonical, duplicate names, paths outside store_dir and trailing bytes; it sorts what is out of order.
# `derivation_free` must release *out*, even after a failure; its views point into *text*.
cdef bint aterm_parse(View store_dir, View text, DerivationFields* out, Bytes* error) noexcept nogil
