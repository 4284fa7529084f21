"""Configuration as text: the lines of nix.conf and of NIX_CONFIG.

In: text.  Out: (name, value) pairs in the order of the text, those of included files at their place.
"""

import os

from snowsnake.settings.kinds import words
from snowsnake.settings.places import absolute, read

# The greatest depth of includes; a greater one is an error, so that files which include each other are one.
_MOST_INCLUDES = 100


def pairs(text: str, source: str, depth: int = 0) -> list[tuple[str, str]]:
    """Names and values of a configuration text, in order, including those of included files.

    >>> pairs("cores = 3  # a comment\\n\\nsubstituters = a   b\\n", "nix.conf")
    [('cores', '3'), ('substituters', 'a b')]
    """
    found: list[tuple[str, str]] = []
    for raw in text.split("\n"):
        line = raw.partition("#")[0]
        tokens = words(line)
        if not tokens:
            continue
        is_include = tokens[0] in ("include", "!include")
        if len(tokens) < 2 or (is_include and len(tokens) != 2) or (not is_include and tokens[1] != "="):
            from snowsnake.settings.errors import SettingError

            raise SettingError(f"syntax error in configuration line '{line}' in \"{source}\"")
        if is_include:
            found += _included(tokens[1], source, depth, is_optional=tokens[0] == "!include")
        else:
            found.append((tokens[0], " ".join(tokens[2:])))
    return found


def _included(name: str, source: str, depth: int, *, is_optional: bool) -> list[tuple[str, str]]:
    from snowsnake.settings.errors import SettingError

    path = absolute(os.path.join(os.path.dirname(source), name))
    if not os.path.lexists(path):
        if is_optional:
            return []
        raise SettingError(f'file "{path}" included from "{source}" not found', is_usage=False)
    if depth == _MOST_INCLUDES:
        raise SettingError(f'file "{path}" included from "{source}": files include each other', is_usage=False)
    text = read(path)
    return pairs(text, path, depth + 1) if text is not None else []
