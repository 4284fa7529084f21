# cython: language_level=3
"""Variables that nothing binds: see binding_check.pyx."""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport Ast, Node, SyntaxFault, Text

# Appends a fault to the tree for each undefined variable.  Returns False if the tree is nested too deeply to be checked.
cdef bint check_bindings(Ast* ast) noexcept nogil

# The one that C++ Nix names, of a tree (names included that a compiler made) that has one, on a deep stack with that limit; NULL if it is nested too deeply.
cdef SyntaxFault* first_undefined(Ast* ast, Node* root, const Text* names, uint32_t name_count, const char* limit) noexcept nogil
