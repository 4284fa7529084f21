"""A derivation as a value: read from and written to `.drv` text and the JSON of `nix derivation show` (2.34, version 4).

In: ATerm bytes or JSON objects.  Out: `Derivation`.  Texts that are not UTF-8 keep their bytes as surrogate escapes.
"""

from __future__ import annotations

from snowsnake.foundation.record import Whole
from snowsnake.store import aterm, aterm_parser, store_path
from snowsnake.store.derivation_paths import DerivationMemory
from snowsnake.store.hash import Hash
from snowsnake.store.path import STORE_DIR

# Type checkers take this for true.  Otherwise every command would import `typing` and `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Set
    from dataclasses import dataclass, field
    from typing import Any

    from snowsnake.foundation.json_type import Json
else:
    from snowsnake.store.light_dataclass import dataclass, field

JSON_VERSION = 4


@dataclass(frozen=True)
class DerivationOutput(Whole):
    """One output.  *kind*: input (addressed), fixed, floating, impure, deferred.  *path* is "" if it is not known before the build."""

    path: str = ""
    kind: str = "input"
    # The method is `flat`, `nar`, `text` or `git`.
    method: str | None = None
    algorithm: str | None = None
    hash: Hash | None = None

    def to_json(self) -> dict[str, Json]:
        """An entry of "outputs" in `nix derivation show`."""
        if self.kind == "input":
            return {"path": self.path.rpartition("/")[2]}
        if self.kind == "deferred":
            return {}
        if self.kind == "fixed":
            assert self.hash is not None
            return {"hash": self.hash.sri, "method": self.method}
        if self.kind == "impure":
            return {"hashAlgo": self.algorithm, "impure": True, "method": self.method}
        return {"hashAlgo": self.algorithm, "method": self.method}


@dataclass
class Derivation(Whole):
    """The contents of a `.drv` file: how something is built, and from what.

    >>> drv = Derivation("x", "s", "b", env={"builder": "b", "name": "x", "system": "s"}, outputs={"out": DerivationOutput()})
    >>> drv.finish(DerivationMemory())
    '/nix/store/5wq5jx7219pmi3xklyhl77fjbqvy6qaj-x.drv'
    >>> drv.env["out"] == drv.outputs["out"].path, Derivation.from_aterm(drv.to_aterm(), "x") == drv
    (True, True)
    """

    name: str
    system: str
    builder: str
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, DerivationOutput] = field(default_factory=dict)
    # This maps the path of each input to the names of its outputs.
    input_drvs: dict[str, list[str]] = field(default_factory=dict)
    input_srcs: list[str] = field(default_factory=list)
    store_dir: str = STORE_DIR
    # This maps the path of an input to its children (derivation_children.py).
    dynamic_inputs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and isinstance(self.system, str) and isinstance(self.builder, str)):
            raise TypeError("the name, the system and the builder of a Derivation are texts (str)")

    # --- ATerm

    @classmethod
    def from_aterm(cls, text: bytes, name: str, store_dir: str = STORE_DIR) -> Derivation:
        """Reads the bytes of a `.drv` file; ValueError says where the text is not a derivation.

        *name*: the derivation's name, or the path of its `.drv`, wherever the file is: the text does not contain the name.
        """
        if name.endswith(".drv"):
            base = name.rpartition("/")[2]
            store_path.check_base(base)
            name = base[33:].removesuffix(".drv")
        outputs, inputs, sources, system, builder, args, env, children = aterm_parser.parse(text, store_dir)
        drv = cls(name, system, builder, args, dict(env), store_dir=store_dir, input_srcs=sources)
        for output, path, kind, method, algorithm, digest in outputs:
            content = Hash(algorithm, digest) if digest is not None else None
            drv.outputs[output] = DerivationOutput(path, kind, method, algorithm, content)
        for path, output in inputs:
            names = drv.input_drvs.setdefault(path, [])
            if output is not None:
                names.append(output)
        if children:
            from snowsnake.store.derivation_children import read_children

            drv.dynamic_inputs = {path: read_children(written) for path, written in children}
        return drv

    def to_aterm(self) -> bytes:
        """The bytes of the `.drv` file."""
        outputs = [
            (name, o.path, o.kind, o.method, o.algorithm, o.hash.digest if o.hash else None)
            for name, o in self.outputs.items()
        ]
        inputs: list[tuple[str, str | None]] = []
        for path, names in self.input_drvs.items():
            inputs.extend((path, name) for name in sorted(set(names)))
            if not names:
                inputs.append((path, None))
        return aterm.write(
            outputs, inputs, self.input_srcs, self.system, self.builder, self.args, list(self.env.items()), self._children() or None
        )

    def _children(self) -> list[tuple[str, str]]:
        if not self.dynamic_inputs:
            return []
        from snowsnake.store.derivation_children import write_children

        return [(path, write_children(children)) for path, children in self.dynamic_inputs.items()]

    def dynamic_chains(self) -> list[tuple[str, tuple[str, ...]]]:
        """(path of an input, names) for each wanted output of an output: the names lead from the output that is a derivation to the wanted one."""
        if not self.dynamic_inputs:
            return []
        from snowsnake.store.derivation_children import chains

        return [(path, names) for path, children in sorted(self.dynamic_inputs.items()) for names in chains(children)]

    # --- what follows from it

    def require_features(self, features: frozenset[str]) -> None:
        """Raises a ValueError if the derivation needs an experimental feature that is not in *features*."""
        for output in self.outputs.values():
            if output.method == "text":
                require_feature("dynamic-derivations", features, "text-hashed derivation output")
            if output.kind == "impure":
                require_feature("impure-derivations", features)
            elif output.kind == "floating":
                require_feature("ca-derivations", features)
        if self.dynamic_inputs:
            require_feature("dynamic-derivations", features, f"derivation '{self.name}', ATerm format version 'xp-dyn-drv'")

    @property
    def references(self) -> list[str]:
        """The paths that the `.drv` file refers to."""
        return sorted({*self.input_drvs, *self.input_srcs})

    @property
    def drv_path(self) -> str:
        """The path of the `.drv` file; each access writes its text again and hashes it."""
        return store_path.text_path(f"{self.name}.drv", self.to_aterm(), self.references, self.store_dir)

    def finish(self, memory: DerivationMemory) -> str:
        """Computes the output paths and their variables, as evaluation does; returns the `.drv` path.  *memory* knows the input derivations."""
        if not isinstance(memory, DerivationMemory):
            raise TypeError(f"the memory of a Derivation is a DerivationMemory, not {type(memory).__name__}")
        kind = next(iter(self.outputs.values())).kind if self.outputs else "input"
        first = next(iter(self.outputs.values()), DerivationOutput())
        path, _, text = memory.finish(
            self.name,
            system=self.system,
            builder=self.builder,
            args=self.args,
            env={k: v for k, v in self.env.items() if k not in self.outputs},
            outputs=list(self.outputs),
            kind="input" if kind == "deferred" else kind,
            method=first.method or "flat",
            algorithm=first.algorithm or "sha256",
            digest=first.hash.digest if first.hash else None,
            input_drvs=[(drv, output) for drv, outputs in self.input_drvs.items() for output in outputs],
            input_srcs=self.input_srcs,
            children=self._children(),
        )
        made = Derivation.from_aterm(text, path, self.store_dir)
        self.outputs, self.env = made.outputs, made.env
        return str(path)

    # --- JSON

    def to_json(self) -> dict[str, Json]:
        """One derivation as `nix derivation show` prints it."""
        env = dict(sorted(self.env.items()))
        structured = env.pop("__json", None)
        found: dict[str, Json] = {
            "args": self.args,
            "builder": self.builder,
            "env": env,
            "inputs": {
                "drvs": {
                    path.rpartition("/")[2]: {"dynamicOutputs": self.dynamic_inputs.get(path, {}), "outputs": sorted(names)}
                    for path, names in sorted(self.input_drvs.items())
                },
                "srcs": [path.rpartition("/")[2] for path in sorted(self.input_srcs)],
            },
            "name": self.name,
            "outputs": {name: output.to_json() for name, output in sorted(self.outputs.items())},
            "system": self.system,
            "version": JSON_VERSION,
        }
        if structured is not None:
            import json

            try:
                found["structuredAttrs"] = json.loads(structured)
            except RecursionError:
                raise ValueError(f"derivation '{self.name}': '__json' is nested too deep") from None
            except ValueError as error:
                raise ValueError(f"derivation '{self.name}': '__json' is not JSON: {error}") from None
        return dict(sorted(found.items()))

    @classmethod
    def from_json(cls, given: Any, store_dir: str = STORE_DIR) -> Derivation:
        """Reads an object that `to_json` or `nix derivation show` wrote; ValueError says what is wrong with it."""
        version = _member(given, "version", int, JSON_VERSION)
        if version != JSON_VERSION:
            raise ValueError(
                f"Unsupported derivation JSON format version {version}, only format version {JSON_VERSION} is currently"
                " supported."
            )
        inputs = _member(given, "inputs", dict, {})
        drv = cls(
            _member(given, "name", str),
            _member(given, "system", str),
            _member(given, "builder", str),
            _texts(_member(given, "args", list, []), "args"),
            store_dir=store_dir,
        )
        store_path.check_name(drv.name)
        for key, value in _member(given, "env", dict, {}).items():
            drv.env[key] = _typed(value, str, f"env.{key}")
        if "structuredAttrs" in given:
            import json

            drv.env["__json"] = json.dumps(
                given["structuredAttrs"], ensure_ascii=False, separators=(",", ":"), sort_keys=True
            )
        sources = _texts(_member(inputs, "srcs", list, []), "inputs.srcs")
        drv.input_srcs = sorted({_store_path(path, store_dir) for path in sources})
        for path, wanted in _member(inputs, "drvs", dict, {}).items():
            if isinstance(wanted, dict) and wanted.get("dynamicOutputs"):
                from snowsnake.store.derivation_children import check_children

                drv.dynamic_inputs[_store_path(path, store_dir)] = check_children(wanted["dynamicOutputs"])
            names = _member(wanted, "outputs", list) if isinstance(wanted, dict) else wanted
            drv.input_drvs[_store_path(path, store_dir)] = sorted(set(_texts(names, f"inputs.drvs.{path}")))
        for name, output in _member(given, "outputs", dict).items():
            drv.outputs[name] = _output_from_json(drv, name, output)
        return drv


def require_feature(name: str, features: Set[str], what: str = "") -> None:
    """Raises a ValueError in 2.34's words if an experimental feature is not enabled; *what* needs it."""
    if name not in features:
        raise ValueError(
            f"experimental Nix feature '{name}' is disabled{f' ({what})' if what else ''}; add '--extra-experimental-features {name}' to enable it"
        )


def show(derivations: Iterable[tuple[str, Derivation]]) -> dict[str, Json]:
    """(`.drv` path, derivation) pairs as `nix derivation show` prints them."""
    found = {path.rpartition("/")[2]: drv.to_json() for path, drv in derivations}
    return {"derivations": dict(sorted(found.items())), "version": JSON_VERSION}


def closure(roots: Iterable[str], read: Callable[[str], Derivation]) -> dict[str, Derivation]:
    """All derivations that *roots* need, including *roots* (`nix derivation show --recursive`)."""
    found: dict[str, Derivation] = {}
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = read(path)
            waiting.extend(found[path].input_drvs)
    return found


def _typed(value: object, kind: type, where: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"'{where}' should be of type {kind.__name__}, not {type(value).__name__}")
    return value


def _member(given: object, key: str, kind: type, default: object = None) -> Any:
    if not isinstance(given, dict):
        raise ValueError(f"an object with '{key}' was expected, not {type(given).__name__}")
    if key not in given:
        if default is None:
            raise ValueError(f"'{key}' is missing")
        return default
    return _typed(given[key], kind, key)


def _texts(values: object, where: str) -> list[str]:
    return [_typed(value, str, where) for value in _typed(values, list, where)]


def _store_path(text: str, store_dir: str) -> str:
    path = text if text.startswith("/") else f"{store_dir}/{text}"
    store_path.parse(path, store_dir)
    return path


def _output_from_json(drv: Derivation, name: str, given: object) -> DerivationOutput:
    if not isinstance(given, dict):
        raise ValueError(f"output '{name}' should be an object")
    method = given.get("method")
    if method is not None and _typed(method, str, "method") not in aterm.METHODS:
        raise ValueError(f"output '{name}': unknown method '{method}'")
    if "hash" in given:
        algorithm = None if given.get("hashAlgo") is None else _typed(given["hashAlgo"], str, "hashAlgo")
        content = Hash.parse(_typed(given["hash"], str, "hash"), algorithm)
        full = drv.name if name == "out" else f"{drv.name}-{name}"
        path = store_path.fixed_path(
            full, method or "flat", content.algorithm, content.digest, (), False, drv.store_dir
        )
        return DerivationOutput(path, "fixed", method or "flat", content.algorithm, content)
    if "hashAlgo" in given:
        algorithm = Hash.of_bytes(b"", _typed(given["hashAlgo"], str, "hashAlgo")).algorithm
        return DerivationOutput("", "impure" if given.get("impure") else "floating", method or "nar", algorithm)
    if "path" in given:
        return DerivationOutput(_store_path(_typed(given["path"], str, "path"), drv.store_dir))
    return DerivationOutput("", "deferred")
