"""`Settings`: the value of each setting, and who set it.

In: environment variables, configuration text, options.  Out: typed values by name.  It knows nothing about the language's values, and
prints nothing: warnings go to a function, errors are `SettingError`s.
"""

from snowsnake.settings import places
from snowsnake.settings.known import ALIASES, KNOWN

# The other modules are imported where they are needed: most commands find no configuration, and set nothing.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from snowsnake.settings.flags import Flag
    from snowsnake.settings.kinds import Kind



_FEATURE_LISTS = ("experimental-features", "extra-experimental-features")
_MAPS = ("map", "mounts")
# The further lines of an invalid value are below the first one in the warning.
_BELOW_WARNING = " " * len("warning: ")
_SEARCH_PATHS = ("nix-path", "extra-nix-path")


def kind_of(name: str) -> "Kind":
    """The type of a setting, which reads and writes its values."""
    from snowsnake.settings.kinds import KINDS

    kind, _, _, _ = KNOWN[name]
    return KINDS[kind]


def resolve(name: str) -> tuple[str, bool] | None:
    """A name of nix.conf or of `--option` as (name in the table, whether its value is added); None for an unknown one.

    >>> resolve("build-cores"), resolve("extra-substituters"), resolve("extra-cores")
    (('cores', False), ('substituters', True), None)
    """
    known = ALIASES.get(name, name)
    if known in KNOWN:
        return known, False
    if name.startswith("extra-"):
        known = ALIASES.get(name[6:], name[6:])
        if known in KNOWN and kind_of(known).append is not None:
            return known, True
    return None


class Settings:
    """Every setting of the table, with its default until somebody sets it.

    >>> settings = Settings()
    >>> settings.set("extra-experimental-features", "flakes")
    >>> settings["tarball-ttl"], settings["experimental-features"], settings.origin("experimental-features")
    (3600, ('flakes', 'fetch-tree'), 'command line')

    `warn` gets each warning; without it they are collected in `warnings`.  Some defaults depend on `environment`.
    """

    def __init__(self, warn: "Callable[[str], None] | None" = None, environment: "Mapping[str, str] | None" = None) -> None:
        self.warnings: list[str] = []
        # Unknown names, with the first value of each.
        self.unknown: dict[str, str] = {}
        self.environment: Mapping[str, str] = {} if environment is None else environment
        self._warn = warn or self.warnings.append
        self._values: dict[str, object] = {}
        self._origins: dict[str, str] = {}
        # With `--offline`, nothing is requested from the network.
        self.is_offline = False
        # The number of changes so far, for callers that keep something made from the values.
        self.changes = 0
        # The settings that the user has set, and not only the machine's nix.conf.
        self._overridden: set[str] = set()
        # The features that the given flags need.
        self._needed: list[str] = []
        if "NIX_ABORT_ON_WARN" in self.environment or "NIX_IGNORE_SYMLINK_STORE" in self.environment:
            from snowsnake.settings.defaults import SWITCHES

            for variable, (name, texts) in SWITCHES.items():
                if self.environment.get(variable) in texts:
                    self._values[name] = True

    @classmethod
    def load(
        cls,
        environment: "Mapping[str, str]",
        overrides: "Iterable[tuple[str, str]]" = (),
        warn: "Callable[[str], None] | None" = None,
    ) -> "Settings":
        """The settings of this machine and this user; *overrides* are set as by `--option`, but an invalid value is an error."""
        settings = cls(warn, environment)
        path = places.machine_file(environment)
        settings._apply_file(path)
        settings._overridden.clear()
        for path in reversed(places.user_files(environment)):
            settings._apply_file(path)
        if "NIX_CONFIG" in environment:
            settings.apply(environment["NIX_CONFIG"], "NIX_CONFIG")
        if environment.get("NIX_PATH"):
            from snowsnake.settings.search_path import split_nix_path

            settings.set("nix-path", " ".join(split_nix_path(environment["NIX_PATH"])), origin="NIX_PATH")
        for name, text in overrides:
            settings.set(name, text)
        return settings

    def _apply_file(self, path: str) -> None:
        text = places.read(path)
        if text is not None:
            self.apply(text, path)

    def apply(self, text: str, source: str) -> None:
        """Applies a configuration text: experimental features first, since other settings need them."""
        from snowsnake.settings.configuration import pairs as read_pairs

        pairs = read_pairs(text, source)
        for name, value in pairs:
            if name in _FEATURE_LISTS:
                self.set(name, value, origin=source)
        for name, value in pairs:
            if name in _FEATURE_LISTS or (name in _SEARCH_PATHS and "NIX_PATH" in self.environment):
                continue
            self.set(name, value, origin=source)

    def set(self, name: str, text: str, *, origin: str = "command line") -> None:
        """Sets a value like `--option NAME TEXT`.  It keeps an unknown name for `warn_unknown`, and raises SettingError for an invalid value."""
        known = resolve(name)
        if known is None:
            self.unknown.setdefault(name, text)
            return
        self._overridden.add(known[0])
        self._assign(known[0], text, known[1], origin)

    def set_flag(self, flag: "Flag", values: list[str]) -> None:
        """Sets a value like a flag of the command line; `finish` checks later whether the feature of the flag is on."""
        if flag.feature:
            self._needed.append(flag.feature)
        self._overridden.add(flag.setting)
        if flag.count:
            self._assign(flag.setting, values[0], flag.action == "add", "command line")
        else:
            self._store(flag.setting, self._parsed(flag.setting, flag.action), "command line")

    def _assign(self, name: str, text: str, adds: bool, origin: str) -> None:
        """Sets a value, or adds it to the present one; it warns if the feature of the setting is off."""
        _, _, feature, _ = KNOWN[name]
        if feature and feature not in self["experimental-features"]:
            self._warn(f"Ignoring setting '{name}' because experimental feature '{feature}' is not enabled")
            return
        kind = kind_of(name)
        value = kind.parse(name, text, self._warn)
        if adds:
            assert kind.append is not None
            value = kind.append(self[name], value)
        self._store(name, value, origin)

    def _store(self, name: str, value: object, origin: str) -> None:
        self._values[name] = value
        self._origins[name] = origin
        self.changes += 1
        if name == "warn-short-path-literals":
            self._deprecated(name, "lint-short-path-literals", "warn" if value else "ignore", origin)

    def _deprecated(self, name: str, successor: str, text: str, origin: str) -> None:
        self._warn(f"'{name}' is deprecated, use '{successor} = {text}' instead")
        if successor not in self._overridden:
            self._values[successor] = text
            self._origins[successor] = origin

    def depth_limit(self) -> int:
        """The machine's limit of nested calls.  The machine counts the outermost expression as one, and 0 does not mean a limit for it."""
        return min(int(self["max-call-depth"]) + 1, (1 << 32) - 1)

    def set_default(self, name: str, value: object) -> None:
        """Sets the value that a command has unless somebody sets another one; the origin stays "default"."""
        if name not in self._origins:
            self._values[name] = value

    def set_or_warn(self, name: str, text: str) -> None:
        """Sets a value like `--option` of a command; an invalid value is a warning."""
        from snowsnake.settings.errors import SettingError

        try:
            self.set(name, text)
        except SettingError as error:
            if not error.is_usage:
                raise
            self._warn(str(error).replace("\n", "\n" + _BELOW_WARNING))

    def finish(self) -> None:
        """Warns of unknown names, and of settings that have no effect here; raises SettingError if a flag needs a feature that is off.

        A command calls this when it has read all of its words.
        """
        self.warn_unknown()
        for feature in self._needed:
            self.require(feature)
        self._warn_not_carried_out()

    def language(self) -> list[str]:
        """The features for an evaluator: those that are on, and the settings about literals in the form `lint-url-literals=warn`."""
        lints = [name for name in self._origins if name.startswith("lint-") and self[name] != "ignore"]
        return [*self["experimental-features"], *(f"{name}={self[name]}" for name in lints)]

    def warn_unknown(self) -> None:
        """Warns of each unknown name once, sorted."""
        for name in sorted(self.unknown):
            self._warn(f"unknown setting '{name}'")
        self.unknown.clear()

    def _warn_not_carried_out(self) -> None:
        """Warns of settings that have no effect here; of one that does not change results only if the user sets it: other programs read the machine's nix.conf, too."""
        for name in sorted(self._origins):
            _, _, _, is_carried_out = KNOWN[name]
            if is_carried_out == "yes" or self._values[name] == self.default(name):
                continue
            if is_carried_out == "no" or (name in self._overridden and self._values[name]):
                self._warn(f"setting '{name}' is not carried out by Snowsnake")

    def require(self, feature: str) -> None:
        """Raises SettingError unless an experimental feature is on."""
        if feature not in self["experimental-features"]:
            from snowsnake.settings.errors import SettingError
            from snowsnake.settings.features import missing

            raise SettingError(missing(feature), is_usage=False)

    def __getitem__(self, name: str) -> "Any":
        """The value of a setting, in its type in settings/kinds.py.  Raises KeyError if the table lacks the name."""
        if name not in self._values:
            _, default, _, _ = KNOWN[name]
            if default is ...:
                from snowsnake.settings.defaults import initial

                self._values[name] = self._parsed(name, initial(name, self.environment))
            else:
                self._values[name] = self.default(name)
        return self._values[name]

    def default(self, name: str) -> "Any":
        """The value that a setting has on this machine if nobody sets it."""
        kind, value, _, _ = KNOWN[name]
        if value is ...:
            from snowsnake.settings.defaults import DEFAULTS

            return self._parsed(name, DEFAULTS[name](self.environment))
        return {} if kind in _MAPS else value

    def _parsed(self, name: str, text: str) -> "Any":
        return kind_of(name).parse(name, text, self._warn)

    def origin(self, name: str) -> str:
        """Where the value comes from: the path of a file, "NIX_CONFIG", "NIX_PATH", "command line"; "default" if nobody did."""
        return self._origins.get(name, "default")

    def is_set(self, name: str) -> bool:
        """Whether somebody set it, to any value."""
        return name in self._origins

    @property
    def overridden(self) -> list[str]:
        """The settings that the user has set, and not only the machine's nix.conf."""
        return sorted(self._overridden)

    def text(self, name: str) -> str:
        """The value in the form of nix.conf."""
        return kind_of(name).render(self[name])
