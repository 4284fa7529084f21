"""Imports every module of builtins, which binds them."""

import snowsnake.builtins.attrsets  # noqa: F401
import snowsnake.builtins.closure  # noqa: F401
import snowsnake.builtins.context  # noqa: F401
import snowsnake.builtins.control  # noqa: F401
import snowsnake.builtins.conversion  # noqa: F401
import snowsnake.builtins.derivation_sets  # noqa: F401
import snowsnake.builtins.derivations  # noqa: F401
import snowsnake.builtins.environment  # noqa: F401
import snowsnake.builtins.fetching  # noqa: F401
import snowsnake.builtins.flakes  # noqa: F401
import snowsnake.builtins.hashes  # noqa: F401
import snowsnake.builtins.imports  # noqa: F401
import snowsnake.builtins.internal  # noqa: F401
import snowsnake.builtins.lists  # noqa: F401
import snowsnake.builtins.numbers  # noqa: F401
import snowsnake.builtins.paths  # noqa: F401
import snowsnake.builtins.regex  # noqa: F401
import snowsnake.builtins.sorting  # noqa: F401
import snowsnake.builtins.sources  # noqa: F401
import snowsnake.builtins.store_context  # noqa: F401
import snowsnake.builtins.strings  # noqa: F401
import snowsnake.builtins.types  # noqa: F401
import snowsnake.builtins.versions  # noqa: F401
