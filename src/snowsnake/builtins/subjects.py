"""Imports every module of builtins, which binds them; the internal ones come first."""

from importlib import import_module

for _subject in (
    "internal", "attrsets", "closure", "context", "control", "conversion", "derivations", "derivation_sets", "environment", "fetching",
    "flakes", "hashes", "imports", "json", "lists", "numbers", "paths", "regex", "sorting", "sources", "store_context", "strings",
    "toml", "types", "versions", "xml",
):  # fmt: skip
    try:
        import_module(f"snowsnake.builtins.{_subject}")
    except ModuleNotFoundError:
        pass
    except KeyError as _e:
        print(_subject, _e)
