"""Imports every module of builtins, which binds them; the internal ones come first."""

from snowsnake.builtins import (  # noqa: F401
    attrsets,
    closure,
    control,
    internal,
    lists,
    numbers,
    sorting,
    strings,
    types,
)
