"""Finds out why two derivations differ, through their inputs, and lists the causes first.

In: two `.drv` paths and a way to read derivations.  Out: `Difference`s.  A difference in an input explains the difference of its
users, so inputs that differ are followed, and each pair of derivations is compared once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from snowsnake.foundation.arguments import a_function, a_str
from snowsnake.store.derivation import Derivation
from snowsnake.store.path import STORE_DIR, object_name


@dataclass(frozen=True)
class Change:
    """One change.  *what*: name, system, builder, args, env, output, source or input.  *old*, *new*: None if it is absent on that side."""

    what: str
    key: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        label = f"{self.what} {self.key}".rstrip()
        if self.old is None:
            return f"{label} added: {self.new}"
        if self.new is None:
            return f"{label} removed: {self.old}"
        return f"{label}: {self.old} -> {self.new}"


@dataclass
class Difference:
    """One pair of derivations.  *trail*: names from the roots to this pair.  *is_cause*: it differs by itself, not
    only because an input does."""

    old_path: str
    new_path: str
    trail: tuple[str, ...]
    changes: list[Change] = field(default_factory=list)
    is_cause: bool = False

    def __str__(self) -> str:
        lines = [" > ".join(self.trail), f"  - {self.old_path}", f"  + {self.new_path}"]
        return "\n".join(lines + [f"    {change}" for change in self.changes])


def diff(
    old: str, new: str, read: Callable[[str], Derivation], read_new: Callable[[str], Derivation] | None = None
) -> list[Difference]:
    """The differences between the derivations at paths *old* and *new*: causes before their consequences, deepest first.

    *read* returns the derivation at a path (`LocalStore.read_derivation`), *read_new* does so on the side of *new*.  Each is read once.

    >>> drvs = {f"/{text}": Derivation("x", "s", "b", env={"text": text}) for text in ("old", "new")}
    >>> for difference in diff("/old", "/new", drvs.__getitem__):
    ...     print(difference)
    x
      - /old
      + /new
        env text: old -> new
    """
    a_function("read", read)
    read_new = cache(read_new or read)
    read = cache(read)
    found: list[Difference] = []
    seen: set[tuple[str, str]] = set()
    # The walk is depth first, without recursion: a pair is reported after its inputs.
    waiting: list[tuple[str, str, tuple[str, ...], Difference | None]] = [(a_str("old", old), a_str("new", new), (), None)]
    while waiting:
        old_path, new_path, trail, finished = waiting.pop()
        if finished is not None:
            found.append(finished)
            continue
        if old_path == new_path or (old_path, new_path) in seen:
            continue
        seen.add((old_path, new_path))
        a, b = read(old_path), read_new(new_path)
        trail = (*trail, a.name if a.name == b.name else f"{a.name} -> {b.name}")
        difference = Difference(old_path, new_path, trail)
        pairs = _match_inputs(a, b)[0]
        renamed = {k: v for x, y in [(old_path, new_path), *pairs] for k, v in _renamed(read(x), read_new(y)).items()}
        _compare(a, b, difference, renamed)
        waiting.append((old_path, new_path, trail, difference))
        waiting.extend((x, y, trail, None) for x, y in reversed(pairs))
    return [d for d in found if d.is_cause] + [d for d in found if not d.is_cause]


def _renamed(a: Derivation, b: Derivation) -> dict[str, str]:
    """Maps the output paths of a derivation to those of its counterpart."""
    return {o.path: b.outputs[name].path for name, o in a.outputs.items() if o.path and name in b.outputs}


def _compare(a: Derivation, b: Derivation, difference: Difference, renamed: dict[str, str]) -> None:
    """Fills in the changes; *renamed* maps old output paths of the derivation and its inputs to new ones."""
    changes = difference.changes
    pairs, only_old, only_new = _match_inputs(a, b)
    for x, y in pairs:
        changes.append(Change("input", _name(x), x, y))
    inherited = len(changes)
    for path in only_old:
        changes.append(Change("input", _name(path), path, None))
    for path in only_new:
        changes.append(Change("input", _name(path), None, path))
    for what in ("name", "system", "builder"):
        if getattr(a, what) != getattr(b, what):
            changes.append(Change(what, "", getattr(a, what), getattr(b, what)))
    changes += _list_changes("args", a.args, b.args)
    changes += _set_changes("source", a.input_srcs, b.input_srcs)
    changes += [
        Change("input", f"{_name(x)} outputs", " ".join(a.input_drvs[x]), " ".join(b.input_drvs[y]))
        for x, y in [*pairs, *((p, p) for p in a.input_drvs if p in b.input_drvs)]
        if a.input_drvs[x] != b.input_drvs[y]
    ]
    changes += _output_changes(a, b)
    changes += _env_changes(a, b)
    own = [change for change in changes[inherited:] if not _follows(change, a, b, renamed)]
    difference.is_cause = bool(own)
    difference.changes = own + [change for change in changes if change not in own]


def _follows(change: Change, a: Derivation, b: Derivation, renamed: dict[str, str]) -> bool:
    """Whether a change follows from others: its texts differ only in store paths."""
    if change.old is None or change.new is None or change.what == "source":
        return False
    text = change.old
    for old, new in renamed.items():
        text = text.replace(old, new)
    if text == change.new:
        return True
    if a.input_drvs == b.input_drvs and change.key not in a.outputs:
        return False
    return _without_hashes(change.old, a.store_dir) == _without_hashes(change.new, b.store_dir)


def _without_hashes(text: str, store_dir: str = STORE_DIR) -> str:
    parts = text.split(store_dir + "/")
    return parts[0] + "".join("<store>/" + (part[33:] if part[32:33] == "-" else part) for part in parts[1:])


def _name(path: str) -> str:
    return object_name(path).removesuffix(".drv")


def _match_inputs(a: Derivation, b: Derivation) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """(pairs, only old, only new): pairs the inputs that only one side has, by name, or by name without version if there is only one choice."""
    old = [path for path in sorted(a.input_drvs) if path not in b.input_drvs]
    new = [path for path in sorted(b.input_drvs) if path not in a.input_drvs]
    pairs: list[tuple[str, str]] = []
    for key in (_name, _stem):
        for path in list(old):
            same = [other for other in new if key(other) == key(path)]
            rivals = [other for other in old if key(other) == key(path)]
            if len(same) == len(rivals) and (len(same) == 1 or key is _name and same):
                pairs.append((path, same[0]))
                old.remove(path)
                new.remove(same[0])
    return pairs, old, new


def _stem(path: str) -> str:
    """The name up to the first part that starts with a digit."""
    parts = _name(path).split("-")
    kept = [parts[0]]
    for part in parts[1:]:
        if part[:1].isdigit():
            break
        kept.append(part)
    return "-".join(kept)


def _list_changes(what: str, old: list[str], new: list[str]) -> list[Change]:
    return [
        Change(what, str(i), old[i] if i < len(old) else None, new[i] if i < len(new) else None)
        for i in range(max(len(old), len(new)))
        if old[i : i + 1] != new[i : i + 1]
    ]


def _set_changes(what: str, old: list[str], new: list[str]) -> list[Change]:
    gone = {_name(path): path for path in old if path not in new}
    come = {_name(path): path for path in new if path not in old}
    return [Change(what, name, gone.get(name), come.get(name)) for name in sorted({*gone, *come})]


def _env_changes(a: Derivation, b: Derivation) -> list[Change]:
    return [
        Change("env", key, a.env.get(key), b.env.get(key))
        for key in sorted({*a.env, *b.env})
        if a.env.get(key) != b.env.get(key)
    ]


def _output_changes(a: Derivation, b: Derivation) -> list[Change]:
    found = []
    for name in sorted({*a.outputs, *b.outputs}):
        x, y = a.outputs.get(name), b.outputs.get(name)
        if x is None or y is None:
            found.append(Change("output", name, _shown(x), _shown(y)))
        elif x != y and (x.kind, x.method, x.hash) != (y.kind, y.method, y.hash):
            found.append(Change("output", name, f"{x.kind} {x.method} {x.hash}", f"{y.kind} {y.method} {y.hash}"))
    return found


def _shown(output: object) -> str | None:
    return None if output is None else getattr(output, "path", "") or getattr(output, "kind", "")
