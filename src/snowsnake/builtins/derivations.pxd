# cython: language_level=3
"""What other builtins need of derivations."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.derivation cimport DerivationResult
from snowsnake.store.hashes cimport Digest

cdef int builtin_number(Machine* m, const char* name) noexcept nogil
    # index in m.builtins
cdef int parse_stated_hash(Machine* m, Word text, int kind, Digest* digest) noexcept nogil
    # a hash that a user wrote (kind: of its algorithm, or HASH_NONE); an empty one stands for zeros, with a warning
cdef int derivation_set(Machine* m, DerivationResult* result) noexcept nogil
    # m.result: { drvPath, and each output }, every string with its context
cdef char* derivation_trace(Machine* m, Word* fp) noexcept nogil
    # of a running derivationStrict: "while evaluating attribute 'x' of derivation 'y'", malloc'ed; NULL if there is nothing to say
