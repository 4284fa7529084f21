# cython: language_level=3
"""Builtins for flakes: see flakes.pyx."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef Word flake_call(Machine* m, bytes source, bytes lock, bytes found) except 0
    # Returns the flake of a lock file as a thunk: call-flake.nix applied to its arguments (flake/calling.py).
