"""Traces: what C++ Nix would have been doing when an error was raised, read off the machine's activations and the sources.

The machine keeps nothing for errors while it runs: it notes where each activation stood, and the syntax tree of the source says in
what that place stands.  This is imported when there is an error to explain.
"""

from snowsnake.traces.lines import frames_of
from snowsnake.traces.note import Note

__all__ = ["Note", "frames_of"]
