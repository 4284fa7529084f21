# cython: language_level=3
"""The meaning of a name that no scope of the program binds: see global_names.pyx."""
from libc.stdint cimport uint32_t
from snowsnake.syntax.global_table cimport Global
from snowsnake.syntax.nodes cimport Text

cdef int compare_text(const Text* a, const Text* b) noexcept nogil
cdef Global* find_builtin(Text name) noexcept nogil
    # Returns the attribute of `builtins` with this name, or NULL.
cdef Global* find_global_name(Text name, uint32_t features) noexcept nogil
    # Returns the name in the global scope that these features (syntax/features.py) create, or NULL.
cdef Global* global_at(uint32_t index) noexcept nogil
cdef uint32_t global_index(const Global* which) noexcept nogil
cdef uint32_t global_count() noexcept nogil
