"""The version of Snowsnake, and of the Nix that it is compatible with."""

import snowsnake

VERSION = snowsnake.__version__
NIX_VERSION = snowsnake.NIX_VERSION
