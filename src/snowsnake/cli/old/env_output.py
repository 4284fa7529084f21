"""Writes packages as `nix-env --query` does: as a table, JSON or XML.

In: packages in their order, the facts to show.  Out: bytes on stdout.
"""

import os

from snowsnake.builtins.engines.versions import compare
from snowsnake.cli.output import Reporter, write
from snowsnake.cli.packages import PASSED_OVER, Package, split_name
from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.foundation.light_json import quoted
from snowsnake.plain import NotPlain, plain_json_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial

    from snowsnake.cli.session import Session
else:
    # Importing `functools`, which has it, too, would double what is imported.
    from _functools import partial


class World:
    """The packages with which a package is compared: those that are installed, or those that are available."""

    def __init__(self, session: "Session") -> None:
        self.installed_paths: set[str] = set()
        self.substitutable: set[str] = set()
        # The versions by the name of the package.
        self.others: dict[str, list[str]] = {}
        self._store = session.evaluator.store

    def is_valid(self, path: str) -> bool:
        if self._store is not None:
            return bool(self._store.is_valid(path))
        return os.path.lexists(path)


def guarded_facts(package: Package, make: "Callable[[], object]") -> bool:
    """Calls `make()`, which reads facts of a package.  Returns False if the package fails with an error that the query passes over."""
    try:
        make()
    except EvaluationError as error:
        if error.code in PASSED_OVER:
            return False
        error.trace.insert(0, Frame("context", f"while querying the derivation named '{package.name}'", None))
        raise
    return True


def version_difference(version: str, others: list[str]) -> tuple[str, str]:
    """Compares a version with those in a set.  Returns `<` (the set has a newer one), `=`, `>` or `-` (the set is empty), and the version compared with."""
    sign, compared = "-", "?"
    mine = version.encode("utf-8", "surrogateescape")
    for other in others:
        order = compare(mine, other.encode("utf-8", "surrogateescape"))
        if order < 0:
            sign, compared = "<", other
        elif sign != "<" and order == 0:
            sign, compared = "=", other
        elif sign not in "<=" and order > 0:
            sign = ">"
            if not compared or compare(compared.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")) < 0:
                compared = other
    return sign, compared


def write_table(packages: list[Package], shown: set[str], world: World, reporter: Reporter) -> None:
    rows: list[list[bytes]] = []
    for package in packages:
        columns: list[str] = []
        if guarded_facts(package, partial(_columns, package, shown, world, columns)):
            rows.append([column.encode("utf-8", "surrogateescape") for column in columns])
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.replace(b"\n", b" ") for cell in row]
        padded = [cell.ljust(width + 2) for cell, width in zip(cells[:-1], widths[:-1], strict=True)]
        write(b"".join([*padded, *cells[-1:], b"\n"]))


def _columns(package: Package, shown: set[str], world: World, columns: list[str]) -> None:
    if "status" in shown:
        path = package.out_path
        columns.append(("I" if path in world.installed_paths else "-") + ("P" if world.is_valid(path) else "-") + "-S"[path in world.substitutable])
    if "attr_path" in shown:
        columns.append(package.attribute_path)
    if "no_name" not in shown:
        columns.append(package.name)
    if "compare" in shown:
        name, version = split_name(package.name)
        columns.append(" ".join(version_difference(version, world.others.get(name, []))))
    if "system" in shown:
        columns.append(package.system)
    if "drv_path" in shown:
        columns.append(package.drv_path or "-")
    if "out_path" in shown:
        outputs = package.outputs(True).items()
        columns.append(";".join(f"{path}" if name == "out" else f"{name}={path}" for name, path in outputs))
    if "description" in shown:
        columns.append(_description(package))


def _description(package: Package) -> str:
    try:
        found = package.meta("description")
    except NotPlain:
        return ""
    return found if isinstance(found, str) else ""


# ---- JSON -----------------------------------------------------------------------------------------------------------


# The facts, in the order of their names.
_FACTS = ("drvPath", "meta", "name", "outputName", "outputs", "pname", "system", "version")


def write_json(packages: list[Package], shown: set[str], world: World, reporter: Reporter) -> None:
    """Writes the form of `nlohmann::json::dump(2)`, from texts of the parts: all packages with their metadata would take gigabytes as Python objects."""
    texts: dict[str, bytes] = {}
    for package in packages:
        facts: dict[str, str] = {}
        meta: list[bytes] = []
        guarded_facts(package, partial(_json_facts, package, shown, facts, meta, reporter))
        texts[package.attribute_path] = _object(facts, meta)
    if not texts:
        write(b"{}\n")
        return
    begin = "{\n"
    for path in sorted(texts):
        write(f"{begin}  {quoted(path)}: ".encode("utf-8", "surrogateescape"))
        write(texts[path])
        begin = ",\n"
    write(b"\n}\n")


def _json_facts(package: Package, shown: set[str], facts: dict[str, str], meta: list[bytes], reporter: Reporter) -> None:
    """Fills *facts* with texts of JSON by name, and *meta* with those of its parts, in C++ Nix's order of evaluation.  An error leaves out what follows."""
    name, version = split_name(package.name)
    plain = None if "out_path" in shown else package.plain_facts()
    system, output_name, outputs = plain or (package.system, package.output_name, None)
    facts["name"], facts["pname"], facts["version"] = quoted(package.name), quoted(name), quoted(version)
    facts["system"], facts["outputName"] = quoted(system), quoted(output_name)
    paths = package.outputs("out_path" in shown) if outputs is None else dict.fromkeys(outputs)
    lines = [f"{quoted(output)}: {'null' if path is None else quoted(path)}" for output, path in paths.items()]
    facts["outputs"] = "{\n      " + ",\n      ".join(lines) + "\n    }" if lines else "{}"
    if "drv_path" in shown and package.drv_path is not None:
        facts["drvPath"] = quoted(package.drv_path)
    if "meta" in shown:
        facts["meta"] = "{}"
        value = package.whole_meta()
        if value is not None:
            plain_json_parts(value, 6, meta, partial(_note_invalid, package, reporter))


def _note_invalid(package: Package, reporter: Reporter, part: bytes) -> None:
    reporter.note(f"derivation '{package.name}' has invalid meta attribute '{part.decode('utf-8', 'surrogateescape')}'")


def _object(facts: dict[str, str], meta: list[bytes]) -> bytes:
    if not facts:
        # The package failed before its first fact was found.
        return b"null"
    if meta:
        facts["meta"] = "{\n      \0\n    }"
    text = "{\n    " + ",\n    ".join([f'"{fact}": {facts[fact]}' for fact in _FACTS if fact in facts]) + "\n  }"
    data = text.encode("utf-8", "surrogateescape")
    # No text of JSON has a NUL, so the one in the place of `meta` is found.
    return data.replace(b"\0", b",\n      ".join(meta), 1) if meta else data


# ---- XML ------------------------------------------------------------------------------------------------------------

_ESCAPES = str.maketrans({'"': "&quot;", "<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": "&#xA;"})


def write_xml(packages: list[Package], shown: set[str], world: World, reporter: Reporter) -> None:
    write(b"<?xml version='1.0' encoding='utf-8'?>\n<items>\n")
    try:
        for package in packages:
            guarded_facts(package, partial(_item, package, shown, world, reporter))
    finally:
        write(b"</items>\n")


def _item(package: Package, shown: set[str], world: World, reporter: Reporter) -> None:
    facts = _xml_facts(package, shown, world)
    _element(1, "item", facts, is_empty=False)
    try:
        for name, path in package.outputs("out_path" in shown).items():
            _element(2, "output", {"name": name} if path is None else {"name": name, "path": path})
        if "meta" in shown:
            for name in package.meta_names():
                _meta_element(package, name, reporter)
    finally:
        write(b"  </item>\n")


def _xml_facts(package: Package, shown: set[str], world: World) -> dict[str, str]:
    facts: dict[str, str] = {}
    if "status" in shown:
        path = package.out_path
        facts |= {"installed": "01"[path in world.installed_paths], "valid": "01"[world.is_valid(path)]}
        facts["substitutable"] = "01"[path in world.substitutable]
    facts["attrPath"] = package.attribute_path
    name, version = split_name(package.name)
    facts |= {"name": package.name, "pname": name, "version": version}
    if "compare" in shown:
        sign, compared = version_difference(version, world.others.get(name, []))
        if sign != "-":
            facts |= {"versionDiff": sign, "maxComparedVersion": compared}
    if package.system:
        facts["system"] = package.system
    if "drv_path" in shown and package.drv_path is not None:
        facts["drvPath"] = package.drv_path
    facts["outputName"] = package.output_name
    if "description" in shown and (description := _description(package)):
        facts["description"] = description
    return facts


def _meta_element(package: Package, name: str, reporter: Reporter) -> None:
    try:
        data = package.meta(name)
    except NotPlain:
        reporter.note(f"derivation '{package.name}' has invalid meta attribute '{name}'")
        return
    kind, text = (
        ("bool", "true" if data else "false") if isinstance(data, bool)
        else ("string", data) if isinstance(data, str)
        else ("int", str(data)) if isinstance(data, int)
        else ("float", f"{data:.6g}") if isinstance(data, float)
        else ("strings", "")
    )  # fmt: skip
    if kind != "strings":
        _element(2, "meta", {"name": name, "type": kind, "value": text})
        return
    _element(2, "meta", {"name": name, "type": kind}, is_empty=False)
    entries = list(data.items()) if isinstance(data, dict) else [("", item) for item in data] if isinstance(data, list) else []
    for key, item in entries:
        if isinstance(item, str):
            _element(3, "string", {"type": key, "value": item} if isinstance(data, dict) else {"value": item})
    write(b"    </meta>\n")


def _element(depth: int, name: str, facts: dict[str, str], is_empty: bool = True) -> None:
    parts = "".join(f' {key}="{facts[key].translate(_ESCAPES)}"' for key in sorted(facts))
    write(f"{'  ' * depth}<{name}{parts}{' />' if is_empty else '>'}\n".encode("utf-8", "surrogateescape"))
