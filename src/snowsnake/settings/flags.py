"""The flags of settings on a command line: `--NAME`, `--no-NAME`, `--NAME VALUE`, `--extra-NAME VALUE`.

In: a word that begins with two hyphens.  Out: the setting, what happens to it, how many values follow; None for another word.
"""

from snowsnake.settings.known import ALIASES, KNOWN

TRUE, FALSE, RELAXED, SET, ADD = "true", "false", "relaxed", "set", "add"


class Flag:
    """The effect of a word of a command line on a setting; `feature` must be on, or the command fails."""

    __slots__ = ("setting", "action", "count", "feature")

    def __init__(self, setting: str, action: str) -> None:
        self.setting = setting
        self.action = action
        self.count = 1 if action in (SET, ADD) else 0
        _, _, self.feature, _ = KNOWN[setting]


def flag(word: str) -> Flag | None:
    """The flag that a word is.

    An old name (an alias) has the meaning of the last flag that C++ Nix registers for a setting: it adds to a list, and switches
    a boolean *off*.

    >>> [(f.setting, f.action) for f in map(flag, ["--fallback", "--no-fallback", "--extra-nix-path", "--build-cores"])]
    [('fallback', 'true'), ('fallback', 'false'), ('nix-path', 'add'), ('cores', 'set')]
    >>> flag("--build-fallback").action, flag("--binary-caches").action, flag("--json")
    ('false', 'add', None)
    """
    if not word.startswith("--"):
        return None
    name = word[2:]
    if name in KNOWN:
        return Flag(name, TRUE if _is_switch(name) else SET)
    if name in ALIASES:
        setting = ALIASES[name]
        return Flag(setting, RELAXED if setting == "sandbox" else FALSE if _is_switch(setting) else ADD if _is_list(setting) else SET)
    if name.startswith("no-") and name[3:] in KNOWN and _is_switch(name[3:]):
        return Flag(name[3:], FALSE)
    if name.startswith("extra-") and name[6:] in KNOWN and _is_list(name[6:]):
        return Flag(name[6:], ADD)
    return Flag("sandbox", RELAXED) if name == "relaxed-sandbox" else None


def _is_switch(name: str) -> bool:
    kind, _, _, _ = KNOWN[name]
    return kind in ("bool", "sandbox")


def _is_list(name: str) -> bool:
    from snowsnake.settings.kinds import KINDS

    kind, _, _, _ = KNOWN[name]
    return KINDS[kind].append is not None
