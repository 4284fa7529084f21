# cython: language_level=3
"""Inputs that are outputs of derivations which are outputs themselves (feature dynamic-derivations).

A *chain* is the part of a context's element before the path of a derivation: `!out!dev!` means the output `out` of the derivation that is
the output `dev`.  *Children* are what the text of a `.drv` says about them, `[("dev",["out"])]`, beside the names of plain outputs.
"""
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.aterm cimport InputDrv

# Takes the last name off a chain, that of the output which the chain begins with in words; False if there is none.
cdef bint take_name(View* chain, View* name) noexcept nogil
# The placeholder of the output that a chain names.
cdef bint chain_placeholder(View store_dir, View drv_path, View chain, Bytes* out, Bytes* error) noexcept nogil
# 2.34's words for what is wrong with an output: the string is not its placeholder; nobody has built it.
cdef void wrong_placeholder(View text, View drv_path, View chain, View expected, Bytes* error) noexcept nogil
cdef void unbuilt_output(View drv_path, View names, Bytes* error) noexcept nogil
# Of inputs whose `children` are chains, makes one for each derivation, with its children; their texts are in *texts*, which must outlive them.
# Returns False if memory runs out.
cdef bint merge_chains(InputDrv* inputs, size_t* count, Bytes* texts) noexcept nogil
