# cython: language_level=3
"""How messages show the names of attributes: as Nix text, in quotes unless they are identifiers."""
from libc.stdint cimport uint8_t, uint32_t

from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.machine.symbols cimport symbol_string
from snowsnake.machine.word cimport Word, string_data, string_size
from snowsnake.syntax.names cimport name_text_bytes, write_name
from snowsnake.syntax.nodes cimport Text


cdef char* shown_name(Machine* m, uint32_t symbol) noexcept nogil:
    cdef Word s = symbol_string(m, symbol)
    cdef Text name
    cdef size_t size
    cdef char* shown
    name.data = string_data(s)
    name.size_bytes = <uint32_t>string_size(s)
    size = name_text_bytes(&name)
    shown = <char*>allocate_items(size + 1, 1)
    if shown == NULL:
        # The message that needs this name becomes a memory error.
        m.lacks_text = True
        return NULL
    write_name(&name, <uint8_t*>shown)
    shown[size] = 0
    return shown
