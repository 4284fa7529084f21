"""The folder for compiled files: options take precedence over variables, and variables over the default.

In: the environment, and what the user asked for.  Out: a folder, or None for no cache.  This module neither reads nor makes folders.
"""

import os

# Type checkers take this for true.  Every start of the command would pay for these imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT_LIMIT_MIB = 256


def default_folder(environment: "Mapping[str, str]") -> str | None:
    """SNOWSNAKE_CACHE_DIR; without it `snowsnake` in XDG_CACHE_HOME or in `~/.cache`; None with SNOWSNAKE_NO_CACHE=1.

    >>> default_folder({"HOME": "/home/eve"})
    '/home/eve/.cache/snowsnake'
    >>> default_folder({"HOME": "/home/eve", "XDG_CACHE_HOME": "/fast", "SNOWSNAKE_NO_CACHE": "0"})
    '/fast/snowsnake'
    >>> default_folder({"SNOWSNAKE_CACHE_DIR": "/c", "SNOWSNAKE_NO_CACHE": "1"}) is None
    True
    """
    if environment.get("SNOWSNAKE_NO_CACHE", "") not in ("", "0"):
        return None
    given = environment.get("SNOWSNAKE_CACHE_DIR")
    if given:
        return os.path.abspath(given)
    base = environment.get("XDG_CACHE_HOME", "")
    # The specification says that relative paths are invalid and to be ignored.
    if not base.startswith("/"):
        home = environment.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = os.path.join(home, ".cache")
    return os.path.join(base, "snowsnake")


def limit_bytes(environment: "Mapping[str, str]") -> int:
    """SNOWSNAKE_CACHE_LIMIT in MiB, or the default; a text that is not a number is ignored.

    >>> limit_bytes({}) >> 20, limit_bytes({"SNOWSNAKE_CACHE_LIMIT": "64"}) >> 20
    (256, 64)
    """
    text = environment.get("SNOWSNAKE_CACHE_LIMIT", "")
    return (int(text) if text.isdecimal() and len(text) < 8 else DEFAULT_LIMIT_MIB) << 20


def machine_options(
    environment: "Mapping[str, str]", *, is_off: bool = False, folder: str | None = None, by_content: bool = False
) -> "dict[str, Any]":
    """Keywords of the machine for a cache, empty for none.  A *folder* that was asked for counts more than the variables.

    >>> machine_options({}, folder="/c", by_content=True)
    {'cache': b'/c', 'cache_limit_bytes': 268435456, 'cache_by_content': True}
    >>> machine_options({}), machine_options({}, is_off=True, folder="/c")
    ({}, {})
    """
    chosen = os.path.abspath(folder) if folder else default_folder(environment)
    if is_off or chosen is None or "\0" in chosen:
        return {}
    return {"cache": os.fsencode(chosen), "cache_limit_bytes": limit_bytes(environment), "cache_by_content": by_content}
