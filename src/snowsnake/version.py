"""The version of Snowsnake, and of the Nix that it is compatible with."""

VERSION = "0.1.0"
NIX_VERSION = "2.34.8"
