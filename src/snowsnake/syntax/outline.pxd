# cython: language_level=3
"""What a tree says without being evaluated: see outline.pyx."""
from snowsnake.syntax.nodes cimport Ast

cdef object outline_of(Ast* ast)
