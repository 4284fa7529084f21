# cython: language_level=3
"""The order in which C++ Nix takes names: see turns.pyx."""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport Name, Text

cdef uint32_t turn_of(const Text* names, Name name) noexcept nogil
cdef uint32_t known_count() noexcept nogil
    # How many names C++ Nix knows from the start: their turns are below it.
cdef Text known_name(uint32_t turn) noexcept nogil
