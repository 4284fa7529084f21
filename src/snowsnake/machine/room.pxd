# cython: language_level=3
"""Memory that is left for what is beside the heap: syntax trees, documents, tables."""
from libc.stdint cimport uint64_t

from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word


cdef inline size_t left_bytes(Machine* m) noexcept nogil:
    """What the heap leaves of the memory limit; at least 1."""
    cdef Word* young = m.hp if m.young_hp == NULL else m.young_hp
    cdef Word* old = m.old_top if m.young_hp == NULL else m.hp
    cdef uint64_t used = <uint64_t>(young - m.heap_base) + <uint64_t>(old - m.old_base)
    return 1 if used >= m.memory_limit_words else (m.memory_limit_words - used) * sizeof(Word)
