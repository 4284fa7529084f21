# cython: language_level=3
"""Parses the text of a `.drv` into `DerivationFields`."""
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.aterm cimport DerivationFields

cdef enum:
    # at most this many levels of derivations that are outputs of derivations
    MOST_LEVELS = 100

# Refuses punctuation that is not canonical, duplicate names, paths outside store_dir and trailing bytes; sorts what is out of order.
# The caller must release *out* with `derivation_free`, even after a failure; its views point into *text*.
cdef bint aterm_parse(View store_dir, View text, DerivationFields* out, Bytes* error) noexcept nogil
