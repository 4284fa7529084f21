"""The outputs of a flake as a tree; the kind of each is found when it is read.

In: the handle of a flake's outputs.  Out: `Output`s.  A failing output has its error in `error`, and does not end the others.
"""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.foundation.arguments import a_str, a_text
from snowsnake.foundation.record import Whole
from snowsnake.plain import is_derivation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from snowsnake.handle import Handle

# Outputs by the number of names down to the values: `packages.SYSTEM.NAME`, `formatter.SYSTEM`, `overlays.NAME`.
_BY_SYSTEM_AND_NAME = frozenset(("apps", "checks", "devShells", "packages"))
_BY_SYSTEM = frozenset(("defaultPackage", "devShell", "formatter"))
_BY_NAME = frozenset(("nixosConfigurations", "nixosModules", "templates", "overlays"))
# A set in these outputs, at most this many names deep, is not shown if it is empty.
_HIDDEN_IF_EMPTY = {
    **dict.fromkeys((*_BY_SYSTEM_AND_NAME, "legacyPackages"), 2),
    **dict.fromkeys(("formatter", "nixosConfigurations", "nixosModules", "overlays"), 1),
}

FOLDER, DERIVATION, APP, TEMPLATE, UNKNOWN = "folder", "derivation", "app", "template", "unknown"
OVERLAY, MODULE, CONFIGURATION = "nixpkgs-overlay", "nixos-module", "nixos-configuration"
OMITTED, HIDDEN, NOT_A_DERIVATION = "omitted", "hidden", "not-a-derivation"


class Output(Whole):
    """An output, or a set of outputs.

    `kind` is `folder`, `derivation`, `app`, `template`, `nixpkgs-overlay`, `nixos-module`, `nixos-configuration`, `unknown`, `omitted` (of
    another system, or `legacyPackages`: `reason` says which option shows it), `hidden` (a set deep in `legacyPackages`) or `not-a-derivation`.
    Each property evaluates what it needs and nothing else, and raises an EvaluationError if that fails; `error` is that error, or None.
    """

    def __init__(self, handle: "Handle", path: tuple[str, ...], options: "ShowOptions") -> None:
        if not hasattr(handle, "select") or not issubclass(type(path), tuple):
            raise TypeError("outputs come from `show`")
        self.handle = handle
        self.path = path
        self._options = options
        self._kind: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path; empty for the flake itself."""
        return self.path[-1] if self.path else ""

    @property
    def dotted_path(self) -> str:
        """The path in the form of selection paths."""
        return ".".join(f'"{part}"' if "." in part or '"' in part or not part else part for part in self.path)

    @property
    def kind(self) -> str:
        """The kind of the output, as described above; it evaluates what is needed to find it."""
        if self._kind is None:
            self._kind = self._find_kind()
        return self._kind

    @property
    def reason(self) -> str:
        """The option that shows an omitted output."""
        if self.path[0] == "legacyPackages" and not self._options.shows_legacy:
            return "--legacy"
        return "--all-systems"

    @property
    def error(self) -> EvaluationError | None:
        """The error of reading this output; None if there is none."""
        try:
            if self.kind == DERIVATION:
                self.derivation_name  # noqa: B018
            elif self.kind in (APP, TEMPLATE):
                self.description  # noqa: B018
        except EvaluationError as error:
            return error
        return None

    def _find_kind(self) -> str:
        path = self.path
        depth = len(path)
        if depth == 0:
            return FOLDER
        top = path[0]
        if top in _BY_SYSTEM_AND_NAME and depth < 3 or depth == 1 and (top in _BY_SYSTEM or top in _BY_NAME or top == "defaultApp"):
            return FOLDER
        if depth == 2 and top in _BY_SYSTEM or depth == 3 and top in _BY_SYSTEM_AND_NAME and top != "apps":
            if self._is_of_other_system():
                return OMITTED
            return DERIVATION if self.is_derivation() else NOT_A_DERIVATION
        if top == "hydraJobs":
            return DERIVATION if self.is_derivation() else FOLDER
        if top == "legacyPackages":
            return self._legacy_kind(depth)
        if depth == 2 and top == "defaultApp" or depth == 3 and top == "apps":
            return APP
        if depth == 1 and top == "defaultTemplate" or depth == 2 and top == "templates":
            return TEMPLATE
        if depth == 1 and top == "overlay" or depth == 2 and top == "overlays":
            return OVERLAY
        if depth == 2 and top == "nixosConfigurations":
            return CONFIGURATION
        return MODULE if depth == 1 and top == "nixosModule" or depth == 2 and top == "nixosModules" else UNKNOWN

    def _legacy_kind(self, depth: int) -> str:
        if depth == 1:
            return FOLDER
        if not self._options.shows_legacy or self._is_of_other_system():
            return OMITTED
        if self.is_derivation():
            return DERIVATION
        return FOLDER if depth <= 2 else HIDDEN

    def _is_of_other_system(self) -> bool:
        return not self._options.shows_all_systems and self.path[1] != self._options.system

    # ---- inside -------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of the attributes; none of them is evaluated."""
        if self.handle.type_name() != "set":
            raise FlakeError("type", f"'{self.dotted_path}' is not an attribute set")
        return [name.decode("utf-8", "surrogateescape") for name in self.handle.keys()]

    def child(self, name: str) -> "Output":
        """An attribute, not yet evaluated."""
        handle = self.handle.select(_bytes_of(name))
        return Output(handle, (*self.path, name), self._options)

    def children(self) -> "Iterator[Output]":
        """The outputs inside, without sets that turn out to be empty."""
        for name in self.names():
            child = self.child(name)
            if child.has_content():
                yield child

    @property
    def needs_building(self) -> bool:
        """Whether finding out the kind would require building something (import from derivation)."""
        try:
            self.kind  # noqa: B018
            if self._kind == DERIVATION:
                self.derivation_name  # noqa: B018
        except EvaluationError as error:
            return is_import_from_derivation(error)
        return False

    def has_content(self) -> bool:
        """Whether there is anything to show: frameworks make empty sets for systems, which are not shown."""
        if len(self.path) > _HIDDEN_IF_EMPTY.get(self.path[0], 0):
            return True
        try:
            return any(self.child(name).has_content() for name in self.names())
        except EvaluationError:
            return True

    def get(self, *names: str) -> "Handle | None":
        """An attribute below; None if there is none."""
        value = self.handle
        for name in names:
            key = _bytes_of(name)
            if value.type_name() != "set" or key not in value.keys():
                return None
            value = value.select(key)
        return value

    def is_derivation(self) -> bool:
        """Whether it is a derivation, by its attribute `type`."""
        return is_derivation(self.handle)

    @property
    def derivation_name(self) -> str:
        """The attribute `name` of a derivation."""
        name = self.get("name")
        if name is None:
            raise FlakeError("missing-attribute", f"attribute 'name' missing in derivation '{self.dotted_path}'")
        return _text(name, f"{self.dotted_path}.name")

    @property
    def description(self) -> str | None:
        """The `meta.description` of a derivation or an app, the `description` of a template."""
        if self.kind == TEMPLATE:
            found = self.get("description")
            if found is None:
                raise FlakeError("missing-attribute", f"attribute '{self.dotted_path}.description' does not exist")
            return _text(found, f"{self.dotted_path}.description")
        found = self.get("meta", "description")
        description = None if found is None else _text(found, f"{self.dotted_path}.meta.description")
        if self.kind == APP:
            given = self.get("type")
            if given is None or _text(given, f"{self.dotted_path}.type") != "app":
                raise FlakeError("value", "not an app definition")
        return description

    def to_data(self) -> "dict[str, Any]":
        """The form of a leaf in `nix flake show --json`."""
        kind = self.kind
        if kind == DERIVATION:
            return {"description": self.description or "", "name": self.derivation_name, "type": kind}
        if kind == APP:
            description = self.description
            return {"type": kind} | ({} if description is None else {"description": description})
        if kind == TEMPLATE:
            return {"description": self.description, "type": kind}
        return {} if kind in (FOLDER, OMITTED, HIDDEN, NOT_A_DERIVATION) else {"type": kind}

    def __repr__(self) -> str:
        return f"<Output {self.dotted_path or '.'}>"


def is_import_from_derivation(error: EvaluationError) -> bool:
    """Whether an error says that something would have to be built first."""
    return error.fault == "not-built"


def _bytes_of(name: str) -> bytes:
    return a_text("the name of an output", a_str("the name of an output", name))


def _text(value: "Handle", path: str) -> str:
    if value.type_name() != "string":
        raise FlakeError("type", f"'{path}' is not a string")
    return str(value.string(), "utf-8", "surrogateescape")


class ShowOptions:
    """The choice of outputs that are shown: those of one system or of all, and `legacyPackages` or not."""

    __slots__ = ("system", "shows_legacy", "shows_all_systems")

    def __init__(self, system: str, shows_legacy: bool = False, shows_all_systems: bool = False) -> None:
        self.system = system
        self.shows_legacy = shows_legacy
        self.shows_all_systems = shows_all_systems


def show(outputs: "Handle", system: str, *, legacy: bool = False, all_systems: bool = False) -> Output:
    """The root of the tree."""
    return Output(outputs, (), ShowOptions(system, legacy, all_systems))
