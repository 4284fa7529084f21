# cython: language_level=3
"""The end of derivationStrict: see derivation_input.pyx."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.store.derivation_paths cimport DerivationResult

cdef int check_outputs(Machine* m, Word outputs) noexcept nogil
    # names with blanks between them, or a list of names: an error for none, two of one name, and names that cannot be
cdef int finish_derivation(Machine* m, Word* fp) noexcept nogil
    # m.result: the set of a derivation whose attributes have all been walked
cdef int derivation_set(Machine* m, DerivationResult* result) noexcept nogil
    # m.result: { drvPath, and each output }, every string with its context
