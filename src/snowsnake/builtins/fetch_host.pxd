# cython: language_level=3
"""What builtins that fetch share: see fetch_host.pyx.  All need the GIL."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef object fetcher_of(Machine* m)
    # the machine's `fetch.Fetcher`, made when first asked for
cdef object access_of(Machine* m)
    # what the policy allows, for the engine: engines/fetch_calls.py
cdef int mount_source(Machine* m, object source) except -1
    # evaluation may read a `fetch.Source` at its store path
cdef int mount_tree(Machine* m, str store_path, object tree) except -1
    # likewise any tree of fetch/
cdef int raise_python(Machine* m, object error) noexcept
    # any exception as an error of the machine; RAISE
cdef object text_of(Word s)
    # a string of the machine
cdef int build_result(Machine* m, object pairs) except -1
    # m.result: a set of (name, value); a value that is a StorePathText becomes a string with itself as context
