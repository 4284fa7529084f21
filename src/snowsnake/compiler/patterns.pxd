# cython: language_level=3
"""The default level of lambdas and their parameters: see patterns.pyx."""
from libc.stdint cimport uint32_t

from snowsnake.bytecode.chunk cimport Keys
from snowsnake.compiler.orders cimport NamedIndex, Turns
from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.nodes cimport Formal, Name, Node, Pattern

cdef void push_lambda(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil
cdef Keys* formals_of(Compiler* c, Pattern* pattern, NamedIndex* order) noexcept nogil
cdef Name name_of_default(Formal* formal) noexcept nogil
    # Returns the name that a formal gives to its default, or NO_NAME.
cdef void turns_of_formals(Compiler* c, Pattern* pattern, Turns* turns) noexcept nogil
cdef void bind_pattern(Compiler* c, Node* node) noexcept nogil
