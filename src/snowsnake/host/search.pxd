# cython: language_level=3
"""The search path: `<name>`, and the entries, some of which are addresses."""
from libc.stdint cimport uint8_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.host.state cimport TreeFetcher
from snowsnake.machine.state cimport Machine

cdef void host_fetch_with(TreeFetcher fetcher) noexcept nogil
    # Sets the function that fetches entries that are addresses.  All machines share it.
cdef int host_find_file(Machine* m, const uint8_t* name, size_t size_bytes, Bytes* path) noexcept nogil
    # Looks `<name>` up in the search path of the machine.  Raises ERROR_SEARCH_PATH if it is not found.
cdef int host_resolve_search_path(Machine* m) noexcept nogil
    # Looks at all entries of the search path of the machine: warns of those that are missing, and fetches those that are addresses.
cdef int host_search_entry(Machine* m, View prefix, View folder, View name, Bytes* path, bint* is_found) noexcept nogil
    # Looks at one entry of a search path (builtins.findFile).
cdef int host_search_failed(Machine* m, View name, Bytes* path) noexcept nogil
    # To be called after all entries: finds `<nix/…>`, or raises ERROR_SEARCH_PATH.
