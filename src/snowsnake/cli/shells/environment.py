"""The environment of a builder as data, and as a script for bash: `nix print-dev-env`, `nix develop`.

In: the JSON that dump_environment.sh wrote.  Out: JSON, or a script.
"""

import os

from snowsnake.build.structured import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Variables that belong to the build, or to the user, and not to the environment.
_LEFT_OUT = frozenset((
    "BASHOPTS", "HOME", "NIX_BUILD_TOP", "NIX_ENFORCE_PURITY", "NIX_LOG_FD", "NIX_REMOTE", "PPID", "SHELLOPTS", "SSL_CERT_FILE", "TEMP",
    "TEMPDIR", "TERM", "TMP", "TMPDIR", "TZ", "UID",
))  # fmt: skip
# The earlier values of these variables follow those of the environment.
_KEPT_BEHIND = ("PATH", "XDG_DATA_DIRS")
_TYPES = {"exported": str, "var": str, "array": list, "associative": dict}
_ATTRIBUTE_FILES = {".attrs.sh": "NIX_ATTRS_SH_FILE", ".attrs.json": "NIX_ATTRS_JSON_FILE"}


class BuildEnvironment:
    """Variables and functions of a shell; `attribute_files` has the texts of a derivation with structured attributes, by name.

    >>> found = BuildEnvironment(b'{"variables": {"a": {"type": "exported", "value": "b c"}}, "bashFunctions": {"f": " \\\\n    true\\\\n"}}')
    >>> found.to_json()["variables"], found.functions
    ({'a': {'type': 'exported', 'value': 'b c'}}, {'f': ' \\n    true\\n'})
    """

    def __init__(self, text: bytes) -> None:
        import json

        try:
            given = json.loads(text.decode("utf-8", "surrogateescape"), strict=False)
            self.variables: dict[str, dict[str, Any]] = {
                name: {"type": facts["type"], "value": _TYPES[facts["type"]](facts["value"])} for name, facts in sorted(given["variables"].items())
            }
            self.functions: dict[str, str] = dict(sorted(given["bashFunctions"].items()))
            self.attribute_files: dict[str, str] = given.get("structuredAttrs", {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"this is not an environment of a builder: {error}") from None

    def to_json(self) -> "dict[str, Any]":
        """The data that `nix print-dev-env --json` prints."""
        found: dict[str, Any] = {"bashFunctions": self.functions, "variables": self.variables}
        return found | {"structuredAttrs": self.attribute_files} if self.attribute_files else found

    @property
    def system(self) -> str:
        """The system of the derivation; empty if it has none."""
        found = self.variables.get("system", {}).get("value", "")
        return found if isinstance(found, str) else ""

    def output_paths(self) -> dict[str, str]:
        """The paths where the builder would put its outputs, by name."""
        outputs = self.variables.get("outputs", {}).get("value")
        if isinstance(outputs, dict):
            return {str(name): str(path) for name, path in outputs.items()}
        names = outputs.split() if isinstance(outputs, str) else outputs or []
        return {name: str(self.variables[name]["value"]) for name in names if name in self.variables}

    def script(self, folder: str, replacements: "Mapping[str, str]") -> str:
        """The script that sets up the environment in the user's shell; outputs are written to folders below *folder*."""
        lines = ["unset shellHook"]
        for name in _KEPT_BEHIND:
            lines += [f"{name}=${{{name}:-}}", f'nix_saved_{name}="${name}"']
        for name, facts in self.variables.items():
            if name not in _LEFT_OUT:
                lines += _declaration(name, facts["type"], facts["value"])
        for name, body in self.functions.items():
            lines.append(f"{name} ()\n{{\n{body}}}")
        lines += [f'{name}="${name}${{nix_saved_{name}:+:$nix_saved_{name}}}"' for name in _KEPT_BEHIND]
        lines.append('export NIX_BUILD_TOP="$(mktemp -d -t nix-shell.XXXXXX)"')
        lines += [f'export {name}="$NIX_BUILD_TOP"' for name in ("TMP", "TMPDIR", "TEMP", "TEMPDIR")]
        lines.append('eval "${shellHook:-}"\n')
        outputs = {path: os.path.join(folder, name) for name, path in self.output_paths().items()}
        return _replaced("\n".join(lines), {**outputs, **replacements})

    def write_attribute_files(self, folder: str) -> dict[str, str]:
        """Writes structured attributes to files in *folder*; returns the texts that name these files in the environment, with the paths that replace them."""
        found = {}
        for file, variable in _ATTRIBUTE_FILES.items():
            if file in self.attribute_files and variable in self.variables:
                place = os.path.join(folder, file)
                with open(place, "w", encoding="utf-8", errors="surrogateescape") as stream:
                    stream.write(self.attribute_files[file])
                found[str(self.variables[variable]["value"])] = place
        return found


def _declaration(name: str, kind: str, value: "Any") -> list[str]:
    if kind == "array":
        return [f"declare -a {name}=({''.join(quoted(item) + ' ' for item in value)})"]
    if kind == "associative":
        pairs = "".join(f"[{quoted(key)}]={quoted(item)} " for key, item in sorted(value.items()))
        return [f"declare -A {name}=({pairs})"]
    return [f"{name}={quoted(value)}", *([f"export {name}"] if kind == "exported" else [])]


def _replaced(text: str, replacements: "Mapping[str, str]") -> str:
    for old, new in sorted(replacements.items()):
        if old:
            text = text.replace(old, new)
    return text
