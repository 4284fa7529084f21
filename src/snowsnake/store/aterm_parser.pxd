# cython: language_level=3
"""Reading the text of a `.drv` into a `Derivation`."""
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.aterm cimport DerivationFields

# Refuses what is not canonical punctuation, duplicate names, paths outside store_dir, trailing bytes; order is put right.
# *out* is to be released with `derivation_free`, after a failure as well; its views point into *text*.
cdef bint aterm_parse(View store_dir, View text, DerivationFields* out, Bytes* error) noexcept nogil
