"""Loads every module of builtins, which binds them.

Through the shared object and not by `import`, for which the interpreter runs Python code: that is a million instructions of each start.
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
