# cython: language_level=3
"""Hashes in a program's text: see hashes.pyx."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.hash_functions cimport Digest

cdef int parse_stated_hash(Machine* m, Word text, int kind, Digest* digest) noexcept nogil
    # kind is the algorithm, or HASH_NONE.  An empty text means zeros, with a warning.
cdef int require_hash_features(Machine* m, Word text) noexcept nogil
    # Requires the experimental feature that a given hash needs, if it needs one.
