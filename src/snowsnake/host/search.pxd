# cython: language_level=3
"""The search path: `<name>` and its entries, addresses among them."""
from libc.stdint cimport uint8_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.host.state cimport TreeFetcher
from snowsnake.machine.state cimport Machine

cdef void host_fetch_with(TreeFetcher fetcher) noexcept nogil
    # how addresses among the entries are fetched: the same for all machines
cdef int host_find_file(Machine* m, const uint8_t* name, size_t size_bytes, Bytes* path) noexcept nogil
    # `<name>` in the search path of the machine; ERROR_SEARCH_PATH if it is not there
cdef int host_search_entry(Machine* m, View prefix, View folder, View name, Bytes* path, bint* is_found) noexcept nogil
    # one entry of a search path (builtins.findFile)
cdef int host_search_failed(Machine* m, View name, Bytes* path) noexcept nogil
    # after all entries: `<nix/…>`, or ERROR_SEARCH_PATH
