# cython: language_level=3
"""`import` of a .drv file: the derivation as a set."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int import_derivation(Machine* m, Word path) noexcept nogil
    # Returns the set of a derivation that is in the store on disk: like the set of `derivation`, but without the attributes that `derivation` was given.
