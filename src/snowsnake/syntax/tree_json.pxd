# cython: language_level=3
"""From a syntax tree to JSON: see tree_json.pyx."""
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.syntax.nodes cimport Ast

# Appends the tree as JSON.  Returns False if the tree is nested too deeply to be printed; the text is then incomplete.
cdef bint print_json(Ast* ast, Bytes* buffer) noexcept nogil
