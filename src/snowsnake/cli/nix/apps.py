"""Apps: the programs that `nix run`, `nix fmt` and `nix bundle` find in an output of a flake or an attribute of a file.

In: a `Call`, a word.  Out: an `App`; `built` builds its store objects.
"""

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.evaluate import has_source, load, open_output
from snowsnake.cli.nix.installables import Installables, Target, context_targets, text_at
from snowsnake.cli.nix.outputs import split_outputs
from snowsnake.cli.output import OnlyEvaluating
from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.foundation.json_type import Json
    from snowsnake.handle import Handle
    from snowsnake.store.interface import Store


class App:
    """`program`: its path, which may have placeholders of outputs; `targets`: the objects that it needs; `source_path`: the folder of its flake."""

    __slots__ = ("program", "targets", "source_path")

    def __init__(self, program: str, targets: list[Target], source_path: str | None = None) -> None:
        self.program = program
        self.targets = targets
        self.source_path = source_path


def default_apps(system: str) -> "tuple[tuple[str, ...], tuple[str, ...]]":
    """(defaults, prefixes): the attribute paths for a reference without attribute, and the prefixes that `nix run` tries before an attribute."""
    from snowsnake.flake.session import package_places

    defaults, prefixes = package_places(system)
    return (f"apps.{system}.default", f"defaultApp.{system}", *defaults), (f"apps.{system}.", *prefixes)


def find_app(call: Call, installables: Installables, word: str, defaults: "tuple[str, ...]", prefixes: "tuple[str, ...]") -> App:
    """The app that a word names."""
    with OnlyEvaluating(is_repeatable=installables.looks_again):
        return _found_app(call, installables, word, defaults, prefixes)


def _found_app(call: Call, installables: Installables, word: str, defaults: "tuple[str, ...]", prefixes: "tuple[str, ...]") -> App:
    installables.open_evaluation_store()
    if has_source(call):
        prefix = split_outputs(word)[0]
        session, value = load(call, "" if prefix == "." else prefix)
        program, targets = _app(value, "")
        session.evaluator.flush_store()
        return App(program, targets)
    installables.refuse_store_path(word)
    session, output = open_output(call, split_outputs(word)[0], defaults, prefixes)

    def evaluate() -> "list[Json]":
        program, targets = _app(*output.found())
        return [program, [[target.path, target.outputs] for target in targets]]

    program, found = output.answer(["app"], evaluate)
    session.evaluator.flush_store()
    targets = [Target(path, path, None if outputs is None else tuple(outputs)) for path, outputs in found]
    return App(program, targets, output.source_path)


def built(call: Call, installables: Installables, app: App) -> str:
    """Builds or fetches what an app needs, and returns the path of its program."""
    from snowsnake.cli.nix.build import make_valid

    store = installables.store
    make_valid(call, store, app.targets)
    program = app.program
    if "ca-derivations" in call.settings["experimental-features"]:
        program = _without_placeholders(store, program, app.targets)
    if not program.startswith(store.store_dir + "/"):
        raise EvaluationError("value", f"app program '{program}' is not in the Nix store")
    return program


def _without_placeholders(store: "Store", program: str, targets: list[Target]) -> str:
    from snowsnake.store.realisation import output_placeholder

    for target in targets:
        if target.outputs is not None:
            for name, path in store.made_outputs(target.built(store)).items():
                program = program.replace(output_placeholder(f"{target.path}!{name}", store.store_dir), path)
    return program


def _app(value: "Handle", path: str) -> "tuple[str, list[Target]]":
    """The program of a value, and the objects that it needs.  `path` is the attribute path in a flake; empty for an attribute of a file."""
    kind = _text(value, "type", path)
    wanted = "app" if path.partition(".")[0] in ("apps", "defaultApp") else "derivation"
    if kind != wanted:
        raise EvaluationError("type", f"attribute '{path}' should have type '{wanted}'")
    if kind == "app":
        return _text(value, "program", path), context_targets(value.select(b"program"))
    drv_path = _text(value, "drvPath", path)
    name = _main_program(value, path)
    return f"{_text(value, 'outPath', path)}/bin/{name}", [Target(path, drv_path, (_text(value, "outputName", path),))]


def _main_program(value: "Handle", path: str) -> str:
    """The name of a package's program: `meta.mainProgram`, `pname`, or its name without the version."""
    from snowsnake.cli.packages import split_name

    keys = value.keys()
    if b"meta" in keys:
        meta = value.select(b"meta")
        if meta.type_name() == "set" and b"mainProgram" in meta.keys():
            return text_at(meta.select(b"mainProgram"), f"{path}.meta.mainProgram")
    if b"pname" in keys:
        return _text(value, "pname", path)
    return split_name(_text(value, "name", path))[0]


def _text(value: "Handle", name: str, path: str) -> str:
    """The string in an attribute; an error if it is missing."""
    where = f"{path}.{name}" if path else name
    if value.type_name() != "set" or name.encode() not in value.keys():
        raise EvaluationError("missing-attribute", f"attribute '{where}' does not exist")
    return text_at(value.select(name.encode()), where)
