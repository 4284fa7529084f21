# cython: language_level=3
"""How messages name tokens: see token_names.pyx."""
from libc.stdint cimport uint8_t

cdef const char* token_name(uint8_t kind) noexcept nogil
