"""`flake check`: whether the outputs of a flake match what their names promise.  Everything is evaluated.

In: the handle of a flake's outputs.  Out: messages; the first error, or with `keeps_going` all errors; the derivations of checks.
"""

from functools import partial

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.plain import is_derivation
from snowsnake.selection import TYPE_NAMES, Selector, attribute_position, wrong_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from typing import TypeVar

    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter
    from snowsnake.source import Position

    T = TypeVar("T")

_REPLACEMENTS = {
    "defaultPackage": "packages.<system>.default",
    "defaultApp": "apps.<system>.default",
    "defaultTemplate": "templates.default",
    "defaultBundler": "bundlers.<system>.default",
    "overlay": "overlays.default",
    "devShell": "devShells.<system>.default",
    "nixosModule": "nixosModules.default",
}
# The number of names that evaluation makes in `turns`: they come after all names in the source.
_LAST = 1 << 32
# `hydraJobs` may nest at most this deep.
_DEEPEST = 500
_UNCHECKED = frozenset(
    """lib darwinConfigurations darwinModules flakeModule flakeModules herculesCI homeConfigurations homeModule homeModules
    nixopsConfigurations""".split()
)


class Attribute:
    """An attribute of the outputs: its path, its value, and where it is defined."""

    __slots__ = ("path", "place", "value")

    def __init__(self, path: str, value: "Handle", place: "Position | None") -> None:
        self.path = path
        self.value = value
        self.place = place

    def inner(self, name: str) -> "Attribute":
        return _attribute(f"{self.path}.{name}", self.value, name)


class Checker:
    """Checks the outputs of one flake.

    `activity` shows what its block does, `say` gets progress, `warn` warnings, `report` errors that do not end the check (`keeps_going`).
    `shown` returns the name of a path in messages.  `hydra_jobs_import`: whether `hydraJobs` may import from derivations, too, which they may not by
    default.  `turns`: the order in which C++ Nix meets the names of the flake.
    """

    def __init__(
        self,
        evaluator: "Interpreter",
        system: str,
        activity: "Callable[[str], AbstractContextManager[object]]",
        say: "Callable[[str], None]",
        warn: "Callable[[str], None]",
        report: "Callable[[EvaluationError], None]",
        *,
        keeps_going: bool = False,
        all_systems: bool = False,
        hydra_jobs_import: bool = False,
        shown: "Callable[[str], str]" = str,
        turns: "Mapping[str, int] | None" = None,
    ) -> None:
        self.evaluator = evaluator
        self.system = system
        self.activity = activity
        self.say = say
        self.warn = warn
        self.report = report
        self.shown = shown
        self.turns = turns or {}
        self.keeps_going = keeps_going
        self.all_systems = all_systems
        self.hydra_jobs_import = hydra_jobs_import
        self.omitted: set[str] = set()
        # The checks for this system: the paths of the attributes that are a derivation, by the path of its file.
        self.checks: dict[str, list[str]] = {}
        self.failed = False

    def names(self, value: "Handle") -> list[str]:
        """The names of a set in C++ Nix's order: names that evaluation makes come last."""
        _expect(value, "set")
        names = [name.decode("utf-8", "surrogateescape") for name in value.keys()]
        return sorted(names, key=lambda name: self.turns.get(name, _LAST))

    def guarded(self, what: str, found: Attribute, shown: str, action: "Callable[[], T]") -> "T | None":
        """Runs a check, and adds what was checked to the trace of an error in it.  *shown*: what is checked, in progress messages."""
        try:
            with self.activity(f"checking {shown}"):
                return action()
        except EvaluationError as error:
            error.trace.insert(0, Frame("text", f"while checking {what} '{found.path}'", found.place))
            if not self.keeps_going:
                raise
            self.report(error)
            self.failed = True
            return None

    def check(self, outputs: "Handle") -> None:
        """Checks all outputs, `hydraJobs` first, as C++ Nix does."""
        builds = self.evaluator.builds_during_evaluation
        try:
            for name in sorted(self.names(outputs), key=lambda name: name != "hydraJobs"):
                self.evaluator.builds_during_evaluation = builds and (name != "hydraJobs" or self.hydra_jobs_import)
                found = _attribute(name, outputs, name)
                self.guarded("flake output", found, f"flake output '{name}'", partial(self.output, name, found))
        finally:
            self.evaluator.builds_during_evaluation = builds

    def output(self, name: str, found: Attribute) -> None:
        """Checks one output as its name requires."""
        value = found.value
        value.force()
        if name in _REPLACEMENTS:
            self.warn(f"flake output attribute '{name}' is deprecated; use '{_REPLACEMENTS[name]}' instead")
        by_name = {"overlays": self.overlay, "nixosModules": self.module, "nixosConfigurations": self.configuration, "templates": self.template}
        alone = {"overlay": self.overlay, "nixosModule": self.module, "hydraJobs": self.hydra_jobs, "defaultTemplate": self.template}
        by_system = {
            "formatter": self.derivation,
            "defaultPackage": self.derivation,
            "devShell": self.derivation,
            "defaultApp": self.app,
            "defaultBundler": self.bundler,
        }
        by_system_and_name = {
            "checks": self.check_derivation,
            "packages": self.derivation,
            "devShells": self.derivation,
            "apps": self.app,
            "bundlers": self.bundler,
        }
        if name in by_name:
            for inner in self.names(value):
                by_name[name](found.inner(inner))
        elif name in alone:
            alone[name](found)
        elif name in by_system:
            for system in self.systems(found):
                by_system[name](found.inner(system))
        elif name in by_system_and_name:
            for system in self.systems(found):
                of_system = found.inner(system)
                for inner in self.names(of_system.value):
                    by_system_and_name[name](of_system.inner(inner))
        elif name == "legacyPackages":
            list(self.systems(found))
        elif name not in _UNCHECKED:
            self.warn(f"unknown flake output '{name}'")

    def systems(self, found: Attribute) -> list[str]:
        """The systems of an output that are checked."""
        systems = []
        for system in self.names(found.value):
            if "-" not in system:
                self.fail(f"'{system}' is not a valid system type, at {self.shown_place(found.inner(system))}")
            if system == self.system or self.all_systems:
                systems.append(system)
            else:
                self.omitted.add(system)
        return systems

    def shown_place(self, found: Attribute) -> str:
        return "«none»:0" if found.place is None else str(found.place.in_file(self.shown(found.place.file)))

    def fail(self, message: str) -> None:
        """Raises an error, or with `keeps_going` only reports it."""
        error = FlakeError("value", message)
        if not self.keeps_going:
            raise error
        self.report(error)
        self.failed = True

    # ---- kinds --------------------------------------------------------------------------------------------------

    def derivation(self, found: Attribute) -> str | None:
        """The path of a derivation's file; None if something is wrong with it."""
        path, value = found.path, found.value

        def act() -> str:
            if not is_derivation(value):
                raise FlakeError("type", f"flake attribute '{path}' is not a derivation")
            drv_path: str = value.select(b"drvPath").coerce_to_string().decode("utf-8", "replace")
            self.say(f"derivation evaluated to {drv_path}")
            return drv_path

        drv_path: str | None = self.guarded("the derivation", found, f"derivation {path}", act)
        return drv_path

    def check_derivation(self, found: Attribute) -> None:
        drv_path = self.derivation(found)
        if drv_path is not None and found.path.split(".")[1] == self.system:
            self.checks.setdefault(drv_path, []).append(found.path)

    def app(self, found: Attribute) -> None:
        path, value = found.path, found.value

        def act() -> None:
            names = self.names(value)
            for name in ("type", "program"):
                if name not in names:
                    raise FlakeError("missing-attribute", f"app '{path}' lacks attribute '{name}'")
                _expect(_at(value, name), "string")
            if "meta" not in names:
                self.warn(f"app '{path}' lacks attribute 'meta'")
            elif "description" not in self.names(_at(value, "meta")):
                self.warn(f"app '{path}' lacks attribute 'meta.description'")
            else:
                _expect(_at(_at(value, "meta"), "description"), "string")
            for name in names:
                if name not in ("type", "program", "meta"):
                    raise FlakeError("value", f"app '{path}' has unsupported attribute '{name}'")

        self.guarded("the app definition", found, f"app '{path}'", act)

    def overlay(self, found: Attribute) -> None:
        path, value = found.path, found.value

        def act() -> None:
            kind = value.type_name()
            if kind != "lambda":
                raise FlakeError("type", f"overlay is not a function, but {TYPE_NAMES[kind]} instead")
            if value.formals() is not None or _argument_name(value) not in ("final", "_", "_final"):
                raise FlakeError("value", "overlay does not take an argument named 'final'")

        self.guarded("the overlay", found, f"overlay '{path}'", act)

    def module(self, found: Attribute) -> None:
        path, value = found.path, found.value

        def act() -> None:
            value.force()

        self.guarded("the NixOS module", found, f"NixOS module '{path}'", act)

    def configuration(self, found: Attribute) -> None:
        path, value = found.path, found.value

        def act() -> None:
            top = Selector(self.evaluator, {}).select(value, "config.system.build.toplevel")
            if not is_derivation(top):
                raise FlakeError("type", "attribute 'config.system.build.toplevel' is not a derivation")

        self.guarded("the NixOS configuration", found, f"NixOS configuration '{path}'", act)

    def hydra_jobs(self, found: Attribute) -> None:
        path, value = found.path, found.value

        def act() -> None:
            if is_derivation(value):
                raise FlakeError("type", "jobset should not be a derivation at top-level")
            for name in self.names(value):
                inner = found.inner(name)
                _expect(inner.value, "set")
                if is_derivation(inner.value):
                    with self.activity(f"checking Hydra job '{inner.path}'"):
                        self.derivation(inner)
                else:
                    self.hydra_jobs(inner)

        if path.count(".") > _DEEPEST:
            raise FlakeError("depth", f"Hydra jobs nest more than {_DEEPEST} levels deep: '{path[:60]}…'")
        self.guarded("the Hydra jobset", found, f"Hydra job '{path}'", act)

    def template(self, found: Attribute) -> None:
        path, value = found.path, found.value

        def act() -> None:
            names = self.names(value)
            if "path" not in names:
                raise FlakeError("missing-attribute", f"template '{path}' lacks attribute 'path'")
            place = _at(value, "path").coerce_to_path()
            exists = self.evaluator.evaluate(b"builtins.pathExists", "/").call(self.evaluator.from_python(place))
            if not exists.to_python():
                raise FlakeError(
                    "file", f"template '{path}' refers to a non-existent path '{self.shown(place.decode('utf-8', 'replace'))}'"
                )
            if "description" not in names:
                raise FlakeError("missing-attribute", f"template '{path}' lacks attribute 'description'")
            _expect(_at(value, "description"), "string")
            for name in names:
                if name not in ("path", "description", "welcomeText"):
                    raise FlakeError("value", f"template '{path}' has unsupported attribute '{name}'")

        self.guarded("the template", found, f"template '{path}'", act)

    def bundler(self, found: Attribute) -> None:
        path, value = found.path, found.value

        def act() -> None:
            if value.type_name() != "lambda":
                raise FlakeError("type", "bundler must be a function")

        # C++ Nix, too, calls a bundler a template here.
        self.guarded("the template", found, f"bundler '{path}'", act)


def _argument_name(function: "Handle") -> str:
    """The name of a lambda's argument; empty for a builtin, and where the source cannot be read any more."""
    from snowsnake.json_tree import load
    from snowsnake.parsing import parse_source

    origin = function.code()
    if origin is None:
        return ""
    (name, source, start, end), _ = origin
    if source is None:
        return ""
    tree = load(parse_source(source[start:end], name, "/", ("pipe-operators",), check_variables=False).to_json())
    return str(tree.get("parameter", ""))


def _attribute(path: str, of: "Handle", name: str) -> Attribute:
    return Attribute(path, _at(of, name), attribute_position(of, name.encode("utf-8", "surrogateescape")))


def _at(value: "Handle", name: str) -> "Handle":
    return value.select(name.encode("utf-8", "surrogateescape"))


def _expect(value: "Handle", wanted: str) -> None:
    if value.type_name() != wanted:
        raise wrong_type(wanted, value)
