"""`nix __dump-language` and `nix __dump-cli`: the tables of builtins and commands as JSON, for editors and manuals.

In: nothing.  Out: JSON on stdout, in the form that 2.34.8 has.
"""

from snowsnake.cli.nix.options import GLOBAL
from snowsnake.cli.nix.table import GROUPS, ROWS, Row
from snowsnake.cli.options import CommandOption
from snowsnake.cli.output import write_text
from snowsnake.foundation import light_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.foundation.json_type import Json

# Constants whose value may differ between machines or moments.
_IMPURE = ("currentSystem", "currentTime")
_TYPES = {"currentTime": "integer", "langVersion": "integer", "null": "null", "true": "Boolean", "false": "Boolean", "nixPath": "list", "builtins": "set"}


def dump(words: list[str]) -> int:
    """Prints the table that `words[0]`, one of the two names, asks for."""
    data = _language() if words[0] == "__dump-language" else command_line()
    write_text(light_json.in_one_line(data))
    return 0


def _language() -> "dict[str, Json]":
    from snowsnake.builtins.table import TABLE

    found: dict[str, Json] = {}
    for name, entry in TABLE.items():
        if name.startswith("__"):
            continue
        fact: dict[str, Json] = {"doc": entry.doc}
        if entry.is_constant:
            fact["type"] = _TYPES.get(name, "string")
            if name in _IMPURE:
                fact["impure-only"] = True
        else:
            fact["args"] = entry.arguments.split()
        if entry.feature:
            fact["experimental-feature"] = entry.feature
        found[name] = fact
    return found


def command_line() -> "dict[str, Any]":
    """The commands with their options, in the form of `__dump-cli`."""
    top: dict[str, Any] = {"args": [], "commands": {}, "description": "an evaluator for the Nix language", "flags": _flags(GLOBAL)}
    for row in ROWS:
        *groups, name = row.name.split()
        place = top
        for group in groups:
            place = place["commands"].setdefault(group, {"args": [], "commands": {}, "flags": {}, "description": GROUPS[group]})
        place["commands"].setdefault(name, {}).update(_command(row))
    return {"args": top, "fetchers": {}, "stores": {}}


def _command(row: Row) -> "dict[str, Json]":
    words: list[dict[str, Json]] = [{"label": word.rstrip("?*"), "optional": word[-1] in "?*"} for word in row.words]
    for word, fact in zip(row.words, words, strict=True):
        if word[-1] != "*":
            fact["arity"] = 1
    feature = row.feature or "nix-command"
    return {"args": words, "description": row.summary, "flags": _flags(row.options), "category": {"experimental-feature": feature}}


def _flags(options: tuple[CommandOption, ...]) -> "dict[str, Any]":
    found: dict[str, Any] = {}
    for option in options:
        for name in option.names:
            if name.startswith("--"):
                labels = [value.lower().rstrip("*") for value in option.values]
                found[name[2:]] = {"description": option.help, "labels": labels} | ({} if option.takes_rest else {"arity": len(labels)})
                short = [other[1:] for other in option.names if not other.startswith("--")]
                if short:
                    found[name[2:]]["shortName"] = short[0]
    return found
