# cython: language_level=3
"""Hashes that a user wrote: see hashes.pyx."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.hash_functions cimport Digest

cdef int parse_stated_hash(Machine* m, Word text, int kind, Digest* digest) noexcept nogil
    # kind: of its algorithm, or HASH_NONE; an empty text stands for zeros, with a warning
cdef int require_hash_features(Machine* m, Word text) noexcept nogil
    # the experimental feature that a stated hash needs, if it needs one
