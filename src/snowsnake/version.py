"""The version of Snowsnake, and of the Nix that it is compatible with."""

from snowsnake import NIX_VERSION, __version__

VERSION = __version__
__all__ = ["NIX_VERSION", "VERSION"]
