# cython: language_level=3
"""Inputs that are outputs of derivations which are outputs themselves (feature dynamic-derivations).

A *chain* is the part of a context's element before the path of a derivation: `!out!dev!` means the output `out` of the derivation that is
the output `dev`.  *Children* are what the text of a `.drv` says about them, `[("dev",["out"])]`, beside the names of plain outputs.
"""
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.aterm cimport InputDrv

# Removes the last name from a chain: that of an output of the derivation whose path follows the chain.  False if the chain is empty.
cdef bint take_name(View* chain, View* name) noexcept nogil
# The placeholder of the output that a chain names.
cdef bint chain_placeholder(View store_dir, View drv_path, View chain, Bytes* out, Bytes* error) noexcept nogil
# These append 2.34's messages: a string is not the placeholder of its output; an output has not been built.
cdef void wrong_placeholder(View text, View drv_path, View chain, View expected, Bytes* error) noexcept nogil
cdef void unbuilt_output(View drv_path, View names, Bytes* error) noexcept nogil
# Merges the inputs whose `children` are chains into one input for each derivation, whose children are a part of *texts*, which must outlive it.
# Returns False if memory runs out.
cdef bint merge_chains(InputDrv* inputs, size_t* count, Bytes* texts) noexcept nogil
