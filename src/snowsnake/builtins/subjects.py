"""Loads every module of builtins; each module binds its functions to the rows of the table.

The shared object loads them, because `import` would run Python code for each module: a million instructions at each start.
"""

import snowsnake._native as _native

SUBJECTS = (
    "attrsets",
    "closure",
    "context",
    "control",
    "conversion",
    "derivation_sets",
    "derivations",
    "environment",
    "fetching",
    "flakes",
    "foreign",
    "hashes",
    "imports",
    "internal",
    "lists",
    "numbers",
    "paths",
    "regex",
    "sorting",
    "sources",
    "store_context",
    "strings",
    "types",
    "versions",
)

for _subject in SUBJECTS:
    _native.load(f"snowsnake.builtins.{_subject}")
