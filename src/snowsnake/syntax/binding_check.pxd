# cython: language_level=3
"""Variables that nothing binds: see binding_check.pyx."""
from snowsnake.syntax.nodes cimport Ast

# Appends a fault to the tree for each undefined variable.  Returns False if the tree is nested too deeply to be checked.
cdef bint check_bindings(Ast* ast) noexcept nogil
