"""`snowsnake instantiate`: evaluates to derivations and prints the paths of their `.drv` files.

In: the same as for `snowsnake eval`.  Out: one path a line, or with `--json` one object for each derivation.
Nothing is written unless `--store DIR` names an embedded store.
"""

import sys

from snowsnake.cli.evaluate import SOURCE_OPTIONS, ReportsAfter, load, session_of
from snowsnake.cli.options import Arguments, CommandOption
from snowsnake.cli.output import Reporter, only_evaluates, write_line, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.derivation_search import FoundDerivation
    from snowsnake.foundation.json_type import Json

OPTIONS = (CommandOption("--json", "", "print name, attribute path, drvPath, output and outPath as JSON"),) + SOURCE_OPTIONS
USAGE = "snowsnake instantiate [OPTION …] [FILE | -E EXPR]"
SUMMARY = "Evaluate a file (./default.nix if none is given) or an expression and print the .drv paths of its derivations."


def run(given: Arguments, reporter: Reporter) -> int:
    only_evaluates()
    session = session_of(given, reporter, prints_nix=False)
    with ReportsAfter(session, given):
        root = load(session, given)
        facts = []
        for path in given.texts("attr") or [""]:
            found = list(session.derivations(session.selector.select(root, path)))
            # A program may read a path as soon as it is printed.
            session.evaluator.flush_store()
            for derivation in found:
                if given.flag("json"):
                    facts.append(_facts(derivation, path))
                else:
                    suffix = "" if derivation.output_name == "out" else "!" + derivation.output_name
                    write_line((derivation.drv_path + suffix).encode())
        if given.flag("json"):
            import json

            write_text(json.dumps(facts, indent=2, ensure_ascii=False))
        sys.stdout.flush()
    return 0


def _facts(derivation: "FoundDerivation", selected: str) -> "dict[str, Json]":
    value = derivation.value
    names = value.keys()
    path = ".".join(part for part in (selected, derivation.attribute_path) if part)
    facts: dict[str, Json] = {
        "name": value.select(b"name").string().decode("utf-8", "replace"),
        "attribute": path,
        "drvPath": derivation.drv_path,
        "outputName": derivation.output_name,
    }
    if b"outPath" in names:
        facts["outPath"] = value.select(b"outPath").string().decode("utf-8", "replace")
    return facts
