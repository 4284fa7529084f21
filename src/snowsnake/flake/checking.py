"""`flake check`: whether the outputs of a flake are what their names say.  Everything is evaluated.

In: the handle of a flake's outputs.  Out: messages; the first error, or with `keeps_going` all of them; the derivations of checks.
"""

import re
from functools import partial

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.kinds import FlakeError
from snowsnake.selection import TYPE_NAMES, Selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_REPLACEMENTS = {
    "defaultPackage": "packages.<system>.default",
    "defaultApp": "apps.<system>.default",
    "defaultTemplate": "templates.default",
    "defaultBundler": "bundlers.<system>.default",
    "overlay": "overlays.default",
    "devShell": "devShells.<system>.default",
    "nixosModule": "nixosModules.default",
}
_UNCHECKED = frozenset(
    """lib darwinConfigurations darwinModules flakeModule flakeModules herculesCI homeConfigurations homeModule homeModules
    nixopsConfigurations""".split()
)


class Checker:
    """`say` gets progress, `warn` warnings, `report` errors that do not end the check (`keeps_going`); `shown`: how messages call a path."""

    def __init__(
        self,
        evaluator: "Any",
        system: str,
        say: "Callable[[str], None]",
        warn: "Callable[[str], None]",
        report: "Callable[[EvaluationError], None]",
        *,
        keeps_going: bool = False,
        all_systems: bool = False,
        shown: "Callable[[str], str]" = str,
    ) -> None:
        self.evaluator = evaluator
        self.system = system
        self.say = say
        self.warn = warn
        self.report = report
        self.shown = shown
        self.keeps_going = keeps_going
        self.all_systems = all_systems
        self.omitted: set[str] = set()
        self.checks: dict[str, list[str]] = {}     # derivation -> attributes, of the checks for this system
        self.failed = False

    def guarded(self, text: str, action: "Callable[[], Any]") -> "Any":
        """Run a check; what goes wrong in it says what was being done."""
        try:
            return action()
        except EvaluationError as error:
            error.trace.insert(0, Frame("text", text, None))
            if not self.keeps_going:
                raise
            self.report(error)
            self.failed = True
            return None

    def check(self, outputs: "Any") -> None:
        names = _names(outputs)
        for name in sorted(names, key=lambda name: (name != "hydraJobs", name)):
            self.say(f"checking flake output '{name}'...")
            value = outputs.select(name.encode("utf-8", "surrogateescape"))
            self.guarded(f"while checking flake output '{name}'", partial(self.output, name, value))

    def output(self, name: str, value: "Any") -> None:
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
            for inner in _names(value):
                by_name[name](f"{name}.{inner}", _at(value, inner))
        elif name in alone:
            alone[name](name, value)
        elif name in by_system:
            for system in self.systems(value):
                by_system[name](f"{name}.{system}", _at(value, system))
        elif name in by_system_and_name:
            for system in self.systems(value):
                for inner in _names(_at(value, system)):
                    by_system_and_name[name](f"{name}.{system}.{inner}", _at(_at(value, system), inner))
        elif name == "legacyPackages":
            list(self.systems(value))
        elif name not in _UNCHECKED:
            self.warn(f"unknown flake output '{name}'")

    def systems(self, value: "Any") -> list[str]:
        """The systems of an output that are checked."""
        found = []
        for system in _names(value):
            if "-" not in system:
                self.guarded_raise(f"'{system}' is not a valid system type, at {self.place_of(value, system)}")
            if system == self.system or self.all_systems:
                found.append(system)
            else:
                self.omitted.add(system)
        return found

    def place_of(self, attributes: "Any", name: str) -> str:
        """Where an attribute is defined."""
        ask = self.evaluator.evaluate(b"builtins.unsafeGetAttrPos", "/")
        place = ask.call(self.evaluator.from_python(name), attributes).to_python()
        return "«none»:0" if place is None else f"{self.shown(place['file'])}:{place['line']}:{place['column']}"

    def guarded_raise(self, message: str) -> None:
        error = FlakeError("value", message)
        if not self.keeps_going:
            raise error
        self.report(error)
        self.failed = True

    # ---- kinds --------------------------------------------------------------------------------------------------

    def derivation(self, path: str, value: "Any") -> str | None:
        """The path of its file, unless something is wrong with it."""

        def act() -> str:
            self.say(f"checking derivation {path}...")
            if not _is_derivation(value):
                raise FlakeError("type", f"flake attribute '{path}' is not a derivation")
            drv_path: str = value.select(b"drvPath").coerce_to_string().decode("utf-8", "replace")
            self.say(f"derivation evaluated to {drv_path}")
            return drv_path

        return self.guarded(f"while checking the derivation '{path}'", act)

    def check_derivation(self, path: str, value: "Any") -> None:
        drv_path = self.derivation(path, value)
        if drv_path is not None and path.split(".")[1] == self.system:
            self.checks.setdefault(drv_path, []).append(path)

    def app(self, path: str, value: "Any") -> None:
        def act() -> None:
            self.say(f"checking app '{path}'...")
            names = _names(value)
            for name in ("type", "program"):
                if name not in names:
                    raise FlakeError("missing-attribute", f"app '{path}' lacks attribute '{name}'")
                _expect(_at(value, name), "string")
            if "meta" not in names:
                self.warn(f"app '{path}' lacks attribute 'meta'")
            elif "description" not in _names(_at(value, "meta")):
                self.warn(f"app '{path}' lacks attribute 'meta.description'")
            else:
                _expect(_at(_at(value, "meta"), "description"), "string")
            for name in names:
                if name not in ("type", "program", "meta"):
                    raise FlakeError("value", f"app '{path}' has unsupported attribute '{name}'")

        self.guarded(f"while checking the app definition '{path}'", act)

    def overlay(self, path: str, value: "Any") -> None:
        def act() -> None:
            self.say(f"checking overlay '{path}'...")
            kind = value.type_name()
            if kind != "lambda":
                raise FlakeError("type", f"overlay is not a function, but {TYPE_NAMES[kind]} instead")
            if value.formals() is not None or _argument_name(value) not in ("final", "_", "_final"):
                raise FlakeError("value", "overlay does not take an argument named 'final'")

        self.guarded(f"while checking the overlay '{path}'", act)

    def module(self, path: str, value: "Any") -> None:
        def act() -> None:
            self.say(f"checking NixOS module '{path}'...")
            value.force()

        self.guarded(f"while checking the NixOS module '{path}'", act)

    def configuration(self, path: str, value: "Any") -> None:
        def act() -> None:
            self.say(f"checking NixOS configuration '{path}'...")
            top = Selector(self.evaluator, {}).select(value, "config.system.build.toplevel")
            if not _is_derivation(top):
                raise FlakeError("type", "attribute 'config.system.build.toplevel' is not a derivation")

        self.guarded(f"while checking the NixOS configuration '{path}'", act)

    def hydra_jobs(self, path: str, value: "Any") -> None:
        def act() -> None:
            self.say(f"checking Hydra job '{path}'...")
            if _is_derivation(value):
                raise FlakeError("type", "jobset should not be a derivation at top-level")
            for name in _names(value):
                inner, inner_path = _at(value, name), f"{path}.{name}"
                _expect(inner, "set")
                if _is_derivation(inner):
                    self.say(f"checking Hydra job '{inner_path}'...")
                    self.derivation(inner_path, inner)
                else:
                    self.hydra_jobs(inner_path, inner)

        if path.count(".") > 500:
            raise FlakeError("depth", f"Hydra jobs nest more than 500 levels deep: '{path[:60]}…'")
        self.guarded(f"while checking the Hydra jobset '{path}'", act)

    def template(self, path: str, value: "Any") -> None:
        def act() -> None:
            self.say(f"checking template '{path}'...")
            names = _names(value)
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

        self.guarded(f"while checking the template '{path}'", act)

    def bundler(self, path: str, value: "Any") -> None:
        def act() -> None:
            self.say(f"checking bundler '{path}'...")
            if value.type_name() != "lambda":
                raise FlakeError("type", "bundler must be a function")

        self.guarded(f"while checking the template '{path}'", act)


def _argument_name(function: "Any") -> str:
    """What a lambda calls its argument."""
    origin = function.code()
    if origin is None:
        return ""
    (_, source, start, end), _ = origin
    found = re.match(rb"([A-Za-z_][A-Za-z0-9_'-]*)\s*:", (source or b"")[start:end])
    return found[1].decode() if found else ""


def _names(value: "Any") -> list[str]:
    _expect(value, "set")
    return [name.decode("utf-8", "surrogateescape") for name in value.keys()]


def _at(value: "Any", name: str) -> "Any":
    return value.select(name.encode("utf-8", "surrogateescape"))


def _expect(value: "Any", wanted: str) -> None:
    found = value.type_name()
    if found != wanted:
        raise FlakeError("type", f"expected {TYPE_NAMES[wanted]} but found {TYPE_NAMES[found]}: {value.describe()}")


def _is_derivation(value: "Any") -> bool:
    if value.type_name() != "set" or b"type" not in value.keys():
        return False
    kind = value.select(b"type")
    return kind.type_name() == "string" and kind.string() == b"derivation"
