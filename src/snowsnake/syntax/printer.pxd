# cython: language_level=3
"""From a syntax tree to canonical Nix: see printer.pyx."""
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.syntax.nodes cimport Ast, Text

# Appends the tree's text.  Returns False if the tree is nested too deeply to be printed; the text is then incomplete.
cdef bint print_nix(Ast* ast, Text base_path, Text home, Bytes* buffer) noexcept nogil
