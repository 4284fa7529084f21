"""Traces: what C++ Nix would have been doing when an error was raised, derived from the machine's activations and the sources.

The machine keeps nothing for errors while it runs.  When it raises one, it notes the place of each activation, and the syntax tree of the source
shows what that place is part of.  This package is imported when there is an error to explain.
"""

from snowsnake.traces.lines import frames_of
from snowsnake.traces.note import Note

__all__ = ["Note", "frames_of"]
