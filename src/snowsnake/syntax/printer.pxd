# cython: language_level=3
"""Syntax tree to canonical Nix: see printer.pyx."""
from snowsnake.syntax.nodes cimport Ast, Text
from snowsnake.syntax.text_buffer cimport TextBuffer

# Appends the tree's text.  False if it nests too deep to be printed; then the text is incomplete.
cdef bint print_nix(Ast* ast, Text base_path, Text home, TextBuffer* buffer) noexcept nogil
