"""Outputs whose paths are known only after building: their names before that, and the derivations that need them.

In: derivations.  Out: keys of outputs (`sha256:…!out`), realisations; derivations with the paths of their inputs ("resolved").
"""

from __future__ import annotations

import os

from snowsnake.foundation import light_json
from snowsnake.store import aterm, hashing, store_path
from snowsnake.store.derivation import Derivation
from snowsnake.store.derivation_paths import DerivationMemory
from snowsnake.store.hash import Hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field, replace

    from snowsnake.foundation.json_type import Json
    from snowsnake.store.signing import SecretKey
else:
    from snowsnake.store.light_dataclass import dataclass, field, replace

_UNKNOWN = frozenset(("floating", "impure", "deferred"))
_PATH_BYTES = 20


@dataclass
class Realisation:
    """The path of a built output.  *key*: the hash of its derivation, as `DerivationHashes.of` computes it, "!" and its name."""

    key: str
    path: str
    signatures: list[str] = field(default_factory=list)

    def to_json(self, *, signed: bool = True) -> dict[str, Json]:
        """The form of `nix realisation info` and of binary caches; without signatures, it is the text that signatures sign."""
        found: dict[str, Json] = {"dependentRealisations": {}, "id": self.key, "outPath": self.path.rpartition("/")[2]}
        return found | {"signatures": sorted(self.signatures)} if signed else found

    @property
    def fingerprint(self) -> bytes:
        return light_json.dumps(self.to_json(signed=False), is_compact=True, sorts_keys=True).encode("utf-8", "surrogateescape")

    def sign(self, key: SecretKey) -> None:
        self.signatures = sorted({*self.signatures, key.sign(self.fingerprint)})

    @classmethod
    def from_json(cls, given: object, store_dir: str) -> Realisation:
        if not isinstance(given, dict):
            raise ValueError("a realisation is an object")
        key, base, signatures = given.get("id"), given.get("outPath"), given.get("signatures", [])
        if not isinstance(key, str) or not isinstance(base, str) or not isinstance(signatures, list):
            raise ValueError("a realisation has an id, an outPath and signatures")
        if not all(isinstance(signature, str) for signature in signatures):
            raise ValueError("signatures of a realisation are strings")
        split_key(key)
        path = f"{store_dir}/{base}"
        store_path.parse(path, store_dir)
        return cls(key, path, list(signatures))


def split_key(key: str) -> tuple[str, str]:
    """(hash, name of the output).

    >>> split_key("sha256:" + "0" * 64 + "!out")[1]
    'out'
    """
    digest, mark, name = key.partition("!")
    if not mark or not name:
        raise ValueError(f"Invalid derivation output id {key}")
    Hash.parse(digest)
    return digest, name


def has_unknown_outputs(drv: Derivation) -> bool:
    return any(output.kind in _UNKNOWN for output in drv.outputs.values())


def is_impure(drv: Derivation) -> bool:
    """Whether it is built again each time, whatever its outputs were before."""
    return any(output.kind == "impure" for output in drv.outputs.values())


class DerivationHashes:
    """The hashes of derivations in a store, whose texts *read* returns."""

    def __init__(self, read: Callable[[str], bytes], store_dir: str) -> None:
        self._memory = DerivationMemory(store_dir, read)

    def of(self, drv: Derivation) -> str:
        """The hash that names a derivation's outputs: of its text without their paths, and with hashes in place of its inputs.

        For a fixed output, it is a hash of the fixed hash.
        """
        if len(drv.outputs) == 1 and (output := next(iter(drv.outputs.values()))).hash is not None:
            prefix = store_path.method_prefix(output.method or "flat")
            text = f"fixed:out:{prefix}{output.algorithm}:{output.hash.base16}:{output.path}".encode()
            return "sha256:" + hashing.digest("sha256", text).hex()
        inputs = sorted({(self._memory.modulo(path)[0].hex(), name) for path, names in drv.input_drvs.items() for name in names})
        masked = replace(
            drv, outputs={name: replace(output, path="") for name, output in drv.outputs.items()},
            env={name: "" if name in drv.outputs else value for name, value in drv.env.items()},
        )  # fmt: skip
        return "sha256:" + hashing.digest("sha256", _text(masked, inputs)).hex()


def _text(drv: Derivation, inputs: list[tuple[str, str]]) -> bytes:
    outputs = [(name, o.path, o.kind, o.method, o.algorithm, o.hash.digest if o.hash else None) for name, o in drv.outputs.items()]
    # Inputs that are outputs of outputs do not count, but the text has the form for them.
    form: list[tuple[str, str]] | None = [] if drv.dynamic_inputs else None
    return aterm.write(outputs, inputs, list(drv.input_srcs), drv.system, drv.builder, drv.args, list(drv.env.items()), form)


def needs_resolving(drv: Derivation, *, knows_realisations: bool) -> bool:
    """Whether a derivation is built as another one, which has paths in place of its inputs.  For fixed outputs, this only saves builds."""
    if not drv.input_drvs:
        return False
    if drv.dynamic_inputs:
        return True
    kinds = {output.kind for output in drv.outputs.values()}
    return bool(kinds & _UNKNOWN) or (knows_realisations and kinds == {"fixed"})


def resolve(drv: Derivation, actual: Callable[[str, str], str]) -> Derivation:
    """The derivation with the paths of its inputs in place of their placeholders.  *actual* returns the path of a derivation's output."""
    sources = set(drv.input_srcs)
    names: dict[str, str] = {}
    wanted = [(path, (output,)) for path, outputs in drv.input_drvs.items() for output in outputs]
    for path, chain in wanted + drv.dynamic_chains():
        found = path
        for output in chain:
            found = actual(found, output)
        sources.add(found)
        names[output_placeholder("!".join((path, *chain)), drv.store_dir)] = found

    def rewritten(text: str) -> str:
        for old, new in names.items():
            if old in text:
                text = text.replace(old, new)
        return text

    made = replace(
        drv, builder=rewritten(drv.builder), args=[rewritten(word) for word in drv.args], input_drvs={}, dynamic_inputs={}, input_srcs=sorted(sources),
        env=dict(sorted((rewritten(name), rewritten(value)) for name, value in drv.env.items())), outputs=dict(drv.outputs),
    )  # fmt: skip
    digest = DerivationHashes(lambda path: b"", drv.store_dir).of(made).removeprefix("sha256:")
    for name, given in drv.outputs.items():
        if given.kind == "deferred":
            path = make_path(f"output:{name}", digest, output_name(drv.name, name), drv.store_dir)
            made.env[name] = path
            made.outputs[name] = replace(given, kind="input", path=path)
    return made


def output_placeholder(item: str, store_dir: str) -> str:
    """The text that represents an output in derivations that need it.  *item*: `DRV!out`, or `DRV!out!dev` for one of a derivation that is an output."""
    path, first, *others = item.split("!")
    placeholder = store_path.downstream_placeholder(path, first, store_dir)
    for name in others:
        placeholder = store_path.next_placeholder(placeholder, name)
    return placeholder


def output_name(name: str, output: str) -> str:
    """The name of the store object of an output."""
    return name if output == "out" else f"{name}-{output}"


def scratch_path(drv_path: str, drv: Derivation, output: str) -> str:
    """The path at which an output is built whose own path is not known yet.  It is the same as in 2.34, because the builder may print it.
    An impure derivation has another one each time."""
    digest = os.urandom(32).hex() if is_impure(drv) else "0" * 64
    return make_path(f"rewrite:{drv_path.rpartition('/')[2]}:name:{output}", digest, output_name(drv.name, output), drv.store_dir)


def check_path(drv_path: str, path: str) -> str:
    """The path at which an existing output is built again."""
    base = path.rpartition("/")[2]
    return make_path(f"rewrite:{drv_path.rpartition('/')[2]}:{base}", "0" * 64, base[33:], path.rpartition("/")[0])


def make_path(kind: str, digest: str, name: str, store_dir: str) -> str:
    """The store path that follows from a SHA-256 *digest*; *kind* is the beginning of the text that is hashed, such as `output:out`."""
    whole = hashing.digest("sha256", f"{kind}:sha256:{digest}:{store_dir}:{name}".encode("utf-8", "surrogateescape"))
    folded = bytearray(_PATH_BYTES)
    for place, byte in enumerate(whole):
        folded[place % _PATH_BYTES] ^= byte
    return f"{store_dir}/{hashing.format_hash('sha1', bytes(folded), 'nix32')}-{name}"


def _key_of(key: Callable[[Derivation], str], drv: Derivation) -> Callable[[], str]:
    return lambda: key(drv)


def known_outputs(drv: Derivation, key: Callable[[], str], find: Callable[[str], Realisation | None]) -> dict[str, str]:
    """The paths of a derivation's outputs, as far as they are known.  *key* returns its hash, if it is needed; *find* a realisation by its key."""
    found = {name: output.path for name, output in drv.outputs.items() if output.path}
    if len(found) < len(drv.outputs) and not is_impure(drv):
        digest = key()
        for name in drv.outputs:
            if name not in found and (realisation := find(f"{digest}!{name}")) is not None:
                found[name] = realisation.path
    return found



def resolved_outputs(
    drv_path: str, read: Callable[[str], Derivation], key: Callable[[Derivation], str], find: Callable[[str], Realisation | None]
) -> dict[str, str]:
    """Does what `known_outputs` does, also if only the derivation that this one is resolved to is known.

    The outputs of its inputs are found first, without recursion.
    """
    done: dict[str, dict[str, str]] = {}
    waiting = [drv_path]
    while waiting:
        path = waiting[-1]
        drv = read(path)
        known = known_outputs(drv, _key_of(key, drv), find)
        needed = [] if len(known) == len(drv.outputs) else [other for other in drv.input_drvs if other not in done]
        needed += _derivations_on_the_way(drv, done) if not needed and len(known) < len(drv.outputs) else []
        if needed:
            waiting += needed
            continue
        waiting.pop()
        inputs = [(other, (name,)) for other, names in drv.input_drvs.items() for name in names] + drv.dynamic_chains()
        if len(known) < len(drv.outputs) and all(_is_found(other, names, done) for other, names in inputs):
            resolved = resolve(drv, lambda other, name: done[other][name])
            known |= known_outputs(resolved, _key_of(key, resolved), find)
        done[path] = known
    return done[drv_path]


def _derivations_on_the_way(drv: Derivation, done: dict[str, dict[str, str]]) -> list[str]:
    """Derivations that are outputs of inputs, whose outputs are to be found next."""
    found = []
    for path, names in drv.dynamic_chains():
        at: str | None = path
        for name in names[:-1]:
            at = done[at].get(name) if at is not None else None
            if at is not None and at not in done:
                found.append(at)
                break
    return found


def _is_found(path: str, names: tuple[str, ...], done: dict[str, dict[str, str]]) -> bool:
    at: str | None = path
    for name in names:
        at = done.get(at, {}).get(name) if at is not None else None
    return at is not None
