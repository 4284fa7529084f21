# cython: language_level=3
"""Functions that all builtins that fetch use: see fetch_host.pyx.  All need the GIL."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef object fetcher_of(Machine* m)
    # Returns the machine's `fetch.Fetcher`, which is made when it is first needed.
cdef object access_of(Machine* m)
    # Returns an object that tells engines/fetch_calls.py what the policy allows.
cdef int mount_source(Machine* m, object source) except -1
    # Lets evaluation read the files of a `fetch.Source` at its store path.
cdef int mount_tree(Machine* m, str store_path, object tree) except -1
    # Does the same for any tree of fetch/.
cdef int raise_python(Machine* m, object error) noexcept
    # Raises any Python exception as an error of the machine, and returns RAISE.
cdef object text_of(Word s)
    # Returns the text of a string word.
cdef int build_result(Machine* m, object pairs) except -1
    # m.result becomes a set of the (name, value) pairs; the string `outPath` gets itself as context.
