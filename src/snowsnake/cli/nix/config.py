"""`nix config show`: prints all settings, or one.

In: a `Call`.  Out: lines `NAME = VALUE`, or JSON with the facts of the table about each setting.
"""

import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import write_text
from snowsnake.settings import Settings
from snowsnake.settings.errors import SettingError
from snowsnake.settings.table import BY_NAME, OURS, SINCE

# Settings whose default is not documented in C++ Nix.
_UNDOCUMENTED = ("build-users-group", "builders", "extra-platforms", "nix-path", "ssl-cert-file", "system-features")


def show(call: Call) -> int:
    settings = call.settings
    is_json = call.given.flag("json")
    if call.words:
        if is_json:
            raise UsageError("'--json' is not supported when specifying a setting name")
        name = call.words[0]
        if name not in BY_NAME or not _is_shown(settings, name):
            raise SettingError(f"could not find setting '{name}'", is_usage=False)
        write_text(settings.text(name))
    elif is_json:
        print_json({name: describe(settings, name) for name in sorted(BY_NAME) if SINCE[name] != OURS or settings.is_set(name)}, call)
    else:
        write_text("".join(f"{name} = {settings.text(name)}\n" for name in sorted(BY_NAME) if _is_shown(settings, name)))
    return 0


def describe(settings: Settings, name: str) -> "dict[str, object]":
    """The JSON object of a setting."""
    _, aliases, kind, _, feature, _, _, what = BY_NAME[name]
    return {
        "aliases": sorted(aliases.split()),
        "defaultValue": _plain(kind, settings.default(name)),
        "description": f"\n{what}\n\n",
        "documentDefault": name not in _UNDOCUMENTED,
        "experimentalFeature": feature or None,
        "value": _plain(kind, settings[name]),
    }


def _plain(kind: str, value: object) -> object:
    if kind == "mounts" and isinstance(value, dict):
        return {inside: {"optional": is_optional, "source": outside} for inside, (outside, is_optional) in value.items()}
    if kind == "sandbox":
        return {"true": True, "false": False}.get(str(value), value)
    return list(value) if isinstance(value, tuple) else value


def is_pretty(call: Call) -> bool:
    """Whether JSON is printed with line breaks, as `nix` does on a terminal and with `--pretty`."""
    return call.given.flag("pretty") or (sys.stdout.isatty() and not call.given.flag("no_pretty"))


def print_json(data: object, call: Call) -> None:
    """Prints JSON as `nix` does: in lines if `is_pretty`, otherwise in one."""
    from snowsnake.foundation import light_json

    write_text(light_json.indented(data) if is_pretty(call) else light_json.in_one_line(data))


def _is_shown(settings: Settings, name: str) -> bool:
    _, _, _, _, feature, since, _, _ = BY_NAME[name]
    if since == OURS and not settings.is_set(name):
        # 2.34 does not have our own settings.
        return False
    return not feature or feature in settings["experimental-features"]
