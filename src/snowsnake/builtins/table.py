"""The table of builtins: all facts about a builtin that are needed without running it.

`registry.define` binds compiled functions to these rows; the manual, completion and tests read them (row.py explains the fields).
Names with two leading underscores that Nix does not have are operations of the machine.

tools/generate.py writes what the machine needs into `signature_table.pxd` and what the compiler needs into `syntax/global_table.pxd`, so that
an evaluation does not import this module.

The rows of a subject are the tuple ROWS of a module of its own, `table_<subject>.py`.
"""

from snowsnake.builtins.row import BuiltinRow
from snowsnake.builtins.table_attrsets import ROWS as _ATTRSETS
from snowsnake.builtins.table_context import ROWS as _CONTEXT
from snowsnake.builtins.table_control import ROWS as _CONTROL
from snowsnake.builtins.table_conversion import ROWS as _CONVERSION
from snowsnake.builtins.table_derivations import ROWS as _DERIVATIONS
from snowsnake.builtins.table_environment import ROWS as _ENVIRONMENT
from snowsnake.builtins.table_fetching import ROWS as _FETCHING
from snowsnake.builtins.table_foreign import ROWS as _FOREIGN
from snowsnake.builtins.table_hashes import ROWS as _HASHES
from snowsnake.builtins.table_internal import ROWS as _INTERNAL
from snowsnake.builtins.table_lists import ROWS as _LISTS
from snowsnake.builtins.table_numbers import ROWS as _NUMBERS
from snowsnake.builtins.table_paths import ROWS as _PATHS
from snowsnake.builtins.table_regex import ROWS as _REGEX
from snowsnake.builtins.table_sources import ROWS as _SOURCES
from snowsnake.builtins.table_strings import ROWS as _STRINGS
from snowsnake.builtins.table_types import ROWS as _TYPES
from snowsnake.builtins.table_versions import ROWS as _VERSIONS

TABLE: dict[str, BuiltinRow] = {}
for _entries in (
    _INTERNAL,
    _ATTRSETS,
    _CONTROL,
    _LISTS,
    _NUMBERS,
    _TYPES,
    _CONTEXT,
    _CONVERSION,
    _HASHES,
    _REGEX,
    _STRINGS,
    _VERSIONS,
    _DERIVATIONS,
    _ENVIRONMENT,
    _FETCHING,
    _PATHS,
    _SOURCES,
    _FOREIGN,
):
    for _entry in _entries:
        if TABLE.setdefault(_entry.name, _entry) is not _entry:
            raise ValueError(f"two rows of builtins are called '{_entry.name}'")
