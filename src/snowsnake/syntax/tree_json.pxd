# cython: language_level=3
"""Syntax tree to JSON: see tree_json.pyx."""
from snowsnake.syntax.nodes cimport Ast
from snowsnake.syntax.text_buffer cimport TextBuffer

# Appends the tree as JSON.  False if it nests too deep to be printed; then the text is incomplete.
cdef bint print_json(Ast* ast, TextBuffer* buffer) noexcept nogil
