"""The reference, C++ Nix 2.34, that the recorders run; the environment says where it is."""

import os


def evaluator() -> str:
    """The command `nix-instantiate`; the program ends if SNOWSNAKE_REFERENCE does not name it."""
    return _named("SNOWSNAKE_REFERENCE", "a nix-instantiate 2.34")


def commands() -> str:
    """The folder of `nix`, `nix-store` and their kin; the program ends if SNOWSNAKE_REFERENCE_TOOLS does not name it."""
    return _named("SNOWSNAKE_REFERENCE_TOOLS", "a folder with the commands of Nix 2.34")


def _named(variable: str, what: str) -> str:
    found = os.environ.get(variable, "")
    if not found:
        raise SystemExit(f"{variable} must name {what}")
    return found
