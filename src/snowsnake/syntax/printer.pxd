# cython: language_level=3
"""Syntax tree to canonical Nix: see printer.pyx."""
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.syntax.nodes cimport Ast, Text

# Appends the tree's text.  False if it nests too deep to be printed; then the text is incomplete.
cdef bint print_nix(Ast* ast, Text base_path, Text home, Bytes* buffer) noexcept nogil
