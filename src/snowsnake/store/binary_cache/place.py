"""Nix's folder for data that it can fetch again.  This is a module of its own because each evaluation of a flake imports it."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def nix_cache_folder(environ: "Mapping[str, str]" = os.environ) -> str:
    """`$NIX_CACHE_HOME`, or `nix` in `$XDG_CACHE_HOME` or `~/.cache`."""
    home = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return environ.get("NIX_CACHE_HOME") or os.path.join(home, "nix")
