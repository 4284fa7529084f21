# cython: language_level=3
"""Syntax tree to JSON: see tree_json.pyx."""
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.syntax.nodes cimport Ast

# Appends the tree as JSON.  False if it nests too deep to be printed; then the text is incomplete.
cdef bint print_json(Ast* ast, Bytes* buffer) noexcept nogil
