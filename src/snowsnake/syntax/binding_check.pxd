# cython: language_level=3
"""Variables that nothing binds: see binding_check.pyx."""
from snowsnake.syntax.nodes cimport Ast

# Appends a fault to the tree for each undefined variable.  False if the tree nests too deep to be looked through.
cdef bint check_bindings(Ast* ast) noexcept nogil
