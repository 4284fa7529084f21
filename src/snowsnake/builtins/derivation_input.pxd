# cython: language_level=3
"""The last part of derivationStrict: see derivation_input.pyx."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.derivation_paths cimport DerivationResult

cdef int check_outputs(Machine* m, Word outputs) noexcept nogil
    # Takes a string of names with blanks between them, or a list of names.  It is an error if there is no name or too many, if a name is repeated,
    # or if one is `drvPath`.
cdef int finish_derivation(Machine* m, Word* fp) noexcept nogil
    # m.result becomes the set of a derivation whose attributes have all been walked.
cdef int derivation_set(Machine* m, DerivationResult* result) noexcept nogil
    # m.result becomes { drvPath, and each output }, every string with its context.
