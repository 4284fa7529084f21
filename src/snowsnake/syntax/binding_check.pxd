# cython: language_level=3
"""Variables that nothing binds: see binding_check.pyx."""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport Ast, Node, SyntaxFault, Text

# Appends a fault to the tree for each undefined variable, or says that it is nested too deeply to be checked.  Returns False if memory ran out.
cdef bint check_bindings(Ast* ast, bint* is_too_deep) noexcept nogil

# Returns the undefined variable that C++ Nix names, of a tree that has one; NULL if the tree is nested too deeply.  The names include those that a
# compiler made; the caller runs on a deep stack with that limit.
cdef SyntaxFault* first_undefined(Ast* ast, Node* root, const Text* names, uint32_t name_count, const char* limit) noexcept nogil
