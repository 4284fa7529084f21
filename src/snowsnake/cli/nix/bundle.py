"""`nix bundle`: a function of a flake makes a derivation of a package or an app, which is built.

In: a `Call`.  Out: a link to the output.
"""

import os

from snowsnake.cli.building import BuildErrors
from snowsnake.cli.nix.apps import default_apps
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.evaluate import attribute_with_set, has_source, open_session, output_of, prepare
from snowsnake.cli.nix.installables import is_derivation
from snowsnake.cli.nix.store import asked
from snowsnake.cli.output import evaluates_no_more, only_evaluates
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.selection import drv_path_of, store_path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle

BUNDLER = "github:NixOS/bundlers"


def run(call: Call) -> None:
    """`nix bundle`."""
    word = call.words[0] if call.words else "."
    with asked(call, is_writable=True) as installables:
        only_evaluates()
        installables.open_evaluation_store()
        prepare(call)
        session = open_session(call)
        if has_source(call):
            value = attribute_with_set(call, session, "" if word == "." else word)[0]
        else:
            installables.refuse_store_path(word)
            value = output_of(call, session, word, *default_apps(call.settings["system"])).value()
        bundle, drv_path, path = _bundled(session, *_bundler(call, session), value)
        session.evaluator.flush_store()
        evaluates_no_more()
        with BuildErrors(tells_kind=True):
            installables.store.realise([f"{drv_path}!*"])
        installables.store.add_root(os.path.abspath(call.given.text("out_link") or _name(bundle)), path)


def _bundler(call: Call, session: "Session") -> "tuple[Handle, str]":
    """The function that makes a bundle, and what messages call it."""
    from snowsnake.cli.flake_options import open_flakes
    from snowsnake.cli.nix.flake_output import FlakeOutput
    from snowsnake.lock.locking import LockOptions

    system = call.settings["system"]
    flakes = open_flakes(call.given, call.reporter, session)
    defaults = (f"bundlers.{system}.default", f"defaultBundler.{system}")
    text = call.given.text("bundler") or BUNDLER
    locked, reference, paths = flakes.place(text, call.given.base_folder or os.getcwd(), lambda: LockOptions(may_write=False), defaults, (f"bundlers.{system}.",))
    output = FlakeOutput(session, flakes, locked, reference, paths, is_refreshed=call.given.flag("refresh"))
    return output.value(), output.called


def _bundled(session: "Session", bundler: "Handle", called: str, value: "Handle") -> "tuple[Handle, str, str]":
    """The bundle of a value, with the paths of its derivation and its output."""
    bundle = bundler.call(value)
    if not is_derivation(bundle) or not {b"drvPath", b"outPath"}.issubset(bundle.keys()):
        raise EvaluationError("type", f"the bundler '{called}' does not produce a derivation")
    store_dir = session.evaluator.store_dir
    return bundle, drv_path_of(bundle.select(b"drvPath"), store_dir), store_path_of(bundle.select(b"outPath"), store_dir)


def _name(bundle: "Handle") -> str:
    if b"name" not in bundle.keys():
        raise EvaluationError("missing-attribute", "attribute 'name' missing")
    return bundle.select(b"name").string().decode("utf-8", "surrogateescape")
