"""`snowsnake config show`: the settings of nix.conf with their values, where each was set, and whether it has an effect here.

In: nix.conf in all its places, NIX_CONFIG, options.  Out: lines, JSON, or the value of one setting.
"""

import json
import os

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, write_text
from snowsnake.settings import Settings
from snowsnake.settings.errors import SettingError
from snowsnake.settings.table import BY_NAME

OPTIONS = (
    CommandOption("--json", "", "print JSON: value, origin, default, type, what it does"),
    CommandOption("--all", "", "also those that nobody has set"),
    CommandOption("--option", "NAME VALUE", "set a setting, as nix-instantiate does", is_repeatable=True),
    HELP_OPTION,
)
USAGE = "snowsnake config show [OPTION …] [NAME]"
SUMMARY = "Show the settings that somebody has set (--all: all of them), where, and what they do."


def run(given: Arguments, reporter: Reporter) -> int:
    _, words = given.action("show")
    if len(words) > 1:
        raise UsageError(f"more than one setting was named: {' '.join(words)}")
    settings = Settings.load(os.environ, warn=reporter.warning)
    for name, value in given.texts("option"):
        settings.set_or_warn(name, value)
    settings.finish()
    reporter.follow(settings)
    if words and words[0] not in BY_NAME:
        from snowsnake.diagnostics.suggestions import nearest, sentence

        alike = nearest(words[0], BY_NAME)
        raise SettingError(f"unknown setting '{words[0]}'" + (f". {sentence(alike)}" if alike else ""), is_usage=False)
    if words and not given.flag("json"):
        write_text(settings.text(words[0]))
        return 0
    names = words or [name for name in sorted(BY_NAME) if given.flag("all") or settings.is_set(name)]
    if given.flag("json"):
        write_text(json.dumps({name: _facts(settings, name) for name in names}, indent=2, ensure_ascii=False))
        return 0
    for name in names:
        *_, what = BY_NAME[name]
        write_text(f"{name} = {settings.text(name)}    # {settings.origin(name)}: {what}")
    return 0


def _facts(settings: Settings, name: str) -> dict[str, object]:
    _, aliases, kind, _, feature, since, carried_out, what = BY_NAME[name]
    return {
        "value": settings[name],
        "origin": settings.origin(name),
        "default": settings.default(name),
        "type": kind,
        "aliases": aliases.split(),
        "feature": feature or None,
        "since": since,
        "carriedOut": carried_out,
        "what": what,
    }
