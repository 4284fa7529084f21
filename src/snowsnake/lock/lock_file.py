"""Lock files: versions 5 to 7 are read; version 7 is written, byte for byte like C++ Nix 2.34.

In: the text of a `flake.lock`.  Out: a graph of `LockNode`s; its text; the changes between two.  A lock file comes from strangers: if it
is cyclic, too large or absurd, it is an error.
"""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.input_forms import DEFAULT_FEATURES, is_flake_id
from snowsnake.foundation import light_json
from snowsnake.foundation.record import Whole
from snowsnake.lock.references import Reference, attributes_of_json, version_of_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from typing import Any

    from snowsnake.foundation.json_type import Json

# The names of inputs on the way from the root, as in `nixops/nixpkgs`.
InputPath = tuple[str, ...]

# Lock files of real projects have some hundred kilobytes; a larger one than this is an error.
LARGEST_BYTES = 64 << 20
MOST_NODES = 100_000
# Inputs of inputs may nest at most this deep.
DEEPEST = 200


class LockNode:
    """An input that was locked (or the root, which has no references), with its own inputs.

    An input is another node, or a path from the root that it follows.  `parent` is the input whose flake a relative path starts from.
    `is_read`: it comes from a lock file, and was not made now.
    """

    __slots__ = ("inputs", "locked", "original", "is_flake", "parent", "is_read")

    def __init__(
        self,
        locked: Reference | None = None,
        original: Reference | None = None,
        is_flake: bool = True,
        parent: InputPath | None = None,
        is_read: bool = False,
    ) -> None:
        self.inputs: dict[str, LockNode | InputPath] = {}
        self.locked = locked
        self.original = original
        self.is_flake = is_flake
        self.parent = parent
        self.is_read = is_read


class LockFile(Whole):
    """The graph of a lock file, from its root."""

    def __init__(self, root: LockNode | None = None) -> None:
        self.root = root or LockNode()

    def to_data(self) -> "tuple[dict[str, Json], dict[LockNode, str]]":
        """The lock file as the data of its JSON, and the key of each node."""
        keys: dict[LockNode, str] = {}
        taken: set[str] = set()
        # By name: the number that the next node of this name tries first, because all lower numbers are taken.
        counts: dict[str, int] = {}
        nodes: dict[str, Json] = {}
        rows: dict[LockNode, dict[str, Json]] = {}

        def enter(name: str, node: LockNode) -> bool:
            """Chooses the key of a node; returns whether the node is new."""
            if node in keys:
                return False
            key, count = name, counts.get(name, 2)
            while key in taken:
                key = f"{name}_{count}"
                count += 1
            counts[name] = count
            taken.add(key)
            keys[node] = key
            rows[node] = {}
            return True

        # Nodes are entered in the order of a recursive walk, on which the numbers of equal names depend.
        enter("root", self.root)
        stack: list[tuple[LockNode, Iterator[str]]] = [(self.root, iter(sorted(self.root.inputs)))]
        while stack:
            node, names = stack[-1]
            name = next(names, None)
            if name is None:
                stack.pop()
                nodes[keys[node]] = _row(node, rows[node])
                continue
            target = node.inputs[name]
            if isinstance(target, LockNode):
                if enter(name, target):
                    stack.append((target, iter(sorted(target.inputs))))
                rows[node][name] = keys[target]
            else:
                rows[node][name] = list(target)
        return {"nodes": nodes, "root": keys[self.root], "version": 7}, keys

    def to_text(self) -> str:
        """The file's text, without its last newline."""
        return light_json.indented(self.to_data()[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LockFile):
            return NotImplemented
        return self.to_data()[0] == other.to_data()[0]

    __hash__ = None                       # type: ignore[assignment]

    def nodes(self) -> "Iterator[LockNode]":
        """Every node below the root, once."""
        seen = {self.root}
        work = [self.root]
        while work:
            for target in work.pop().inputs.values():
                if isinstance(target, LockNode) and target not in seen:
                    seen.add(target)
                    work.append(target)
                    yield target

    def all_inputs(self) -> "dict[InputPath, LockNode | InputPath]":
        """Each input by its path; an input that several inputs share is entered once."""
        found: dict[InputPath, LockNode | InputPath] = {}
        done = {self.root}
        stack: list[tuple[InputPath, LockNode, Iterator[str]]] = [((), self.root, iter(sorted(self.root.inputs)))]
        while stack:
            prefix, node, names = stack[-1]
            name = next(names, None)
            if name is None:
                stack.pop()
                continue
            target = node.inputs[name]
            found[(*prefix, name)] = target
            if isinstance(target, LockNode) and target not in done:
                done.add(target)
                stack.append(((*prefix, name), target, iter(sorted(target.inputs))))
        return found

    def find(self, path: InputPath) -> LockNode | None:
        """The node at a path, which may lead through `follows`; None if there is none."""
        return self._find(path, [])

    def _find(self, path: InputPath, visited: list[InputPath]) -> LockNode | None:
        if path in visited:
            cycle = [*visited[visited.index(path) :], path]
            raise FlakeError("value", f"follow cycle detected: [{' -> '.join(map(path_text, cycle))}]")
        if len(visited) > DEEPEST:
            raise FlakeError("value", f"inputs follow one another over more than {DEEPEST} steps: '{path_text(path)}'")
        visited.append(path)
        node = self.root
        for name in path:
            target = node.inputs.get(name)
            if isinstance(target, tuple):
                target = self._find(target, visited)
            if target is None:
                return None
            node = target
        return node

    def check(self) -> None:
        """Raises FlakeError if a followed input does not exist."""
        for path, target in self.all_inputs().items():
            if isinstance(target, tuple) and target and self.find(target) is None:
                raise FlakeError(
                    "value", f"input '{path_text(path)}' follows a non-existent input '{path_text(target)}'"
                )


def _row(node: LockNode, inputs: "dict[str, Json]") -> "dict[str, Json]":
    row: dict[str, Any] = {}
    if inputs:
        row["inputs"] = inputs
    if node.locked is not None and node.original is not None:
        row["original"] = node.original.to_attributes()
        row["locked"] = node.locked.to_attributes()
        if not node.is_flake:
            row["flake"] = False
        if node.parent is not None:
            row["parent"] = list(node.parent)
    return row


# ---- paths of inputs --------------------------------------------------------------------------------------------


def path_text(path: InputPath) -> str:
    """A path as text: `nixops/nixpkgs`."""
    return "/".join(path)


def parse_input_path(text: str) -> InputPath:
    """Splits `nixops/nixpkgs`; empty parts do not count.

    >>> parse_input_path("nixops/nixpkgs")
    ('nixops', 'nixpkgs')
    """
    path = tuple(part for part in text.split("/") if part)
    for part in path:
        if not is_flake_id(part):
            raise FlakeError("value", f"invalid flake input attribute path element '{part}'")
    return path


# ---- reading ----------------------------------------------------------------------------------------------------


def read_lock_file(
    data: bytes,
    name: str,
    is_locked: "Callable[[Reference], bool]",
    warn: "Callable[[str], None]",
    features: "Container[str]" = DEFAULT_FEATURES,
) -> LockFile:
    """The lock file in `data`; `name` is its name in messages.

    `is_locked`: whether an input determines exactly one tree.  An entry that is not locked is an error, or a warning if it has a hash.
    `features`: the experimental features that are on.
    """
    if len(data) > LARGEST_BYTES:
        raise FlakeError("value", f"lock file '{name}' is larger than {LARGEST_BYTES >> 20} MiB")
    try:
        document = light_json.loads_file(data)
    except (ValueError, RecursionError) as error:
        reason = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise FlakeError("value", f"Could not parse '{name}': {reason}") from None
    return _Reader(document, name, is_locked, warn, features).read()


class _Reader:
    """Makes the graph from a lock file's JSON, any part of which may be wrong."""

    def __init__(
        self, document: object, name: str, is_locked: "Callable[..., bool]", warn: "Callable[[str], None]", features: "Container[str]"
    ) -> None:
        self._features = features
        self._name = name
        self._is_locked = is_locked
        self._warn = warn
        self._document = self._set(document, "it")

    def _malformed(self, what: str) -> EvaluationError:
        return FlakeError("value", f"lock file '{self._name}' is malformed: {what}")

    def _set(self, value: object, what: str) -> "dict[str, Any]":
        if not isinstance(value, dict):
            raise self._malformed(f"{what} is not an object")
        return value

    def _set_or_null(self, value: object, what: str) -> "dict[str, Any]":
        return {} if value is None else self._set(value, what)

    def _text(self, value: object, what: str) -> str:
        if not isinstance(value, str):
            raise self._malformed(f"{what} is not a string")
        return value

    def _path(self, value: object, what: str) -> InputPath:
        if not isinstance(value, list):
            raise self._malformed(f"{what} is not an array")
        return tuple(self._text(part, f"an element of {what}") for part in value)

    def read(self) -> LockFile:
        try:
            version = version_of_json(self._document)
        except ValueError as error:
            raise self._malformed(str(error)) from None
        if not 5 <= version <= 7:
            raise FlakeError("value", f"lock file '{self._name}' has unsupported version {version}")
        root_key = self._text(self._document.get("root"), "'root'")
        rows = self._set_or_null(self._document.get("nodes"), "'nodes'")
        if len(rows) > MOST_NODES:
            raise FlakeError("value", f"lock file '{self._name}' has more than {MOST_NODES} nodes")
        lock_file = LockFile()
        nodes = {root_key: lock_file.root}
        root_row = rows.get(root_key)
        # A lock file without a root locks nothing, as in C++ Nix.
        work = [(lock_file.root, root_row if isinstance(root_row, dict) else {})]
        while work:
            node, row = work.pop()
            waiting = []
            for name, target in self._set_or_null(row.get("inputs"), "'inputs' of a node").items():
                if isinstance(target, list):
                    node.inputs[name] = self._path(target, f"input '{name}'")
                    continue
                key = self._text(target, f"input '{name}'")
                if key == root_key:
                    raise FlakeError("value", "lock file contains cycle to root node")
                if key not in nodes:
                    if key not in rows:
                        raise FlakeError("value", f"lock file references missing node '{key}'")
                    inner = self._set(rows[key], f"node '{key}'")
                    nodes[key] = self._node(inner, key)
                    waiting.append((nodes[key], inner))
                node.inputs[name] = nodes[key]
            work += reversed(waiting)
        self._refuse_cycles(lock_file.root)
        return lock_file

    def _refuse_cycles(self, root: LockNode) -> None:
        """Raises FlakeError if a node is an input of itself.

        C++ Nix runs out of stack then; in lock files that it writes, only `follows` can form a circle.
        """
        done: set[LockNode] = set()
        open_nodes = {root}
        stack = [(root, iter(root.inputs.items()))]
        while stack:
            node, targets = stack[-1]
            name, target = next(targets, ("", None))
            if target is None:
                stack.pop()
                open_nodes.discard(node)
                done.add(node)
            elif isinstance(target, LockNode) and target in open_nodes:
                raise FlakeError("value", f"lock file '{self._name}' contains a cycle: input '{name}' contains itself")
            elif isinstance(target, LockNode) and target not in done:
                if len(stack) > DEEPEST:
                    raise FlakeError("value", f"inputs in lock file '{self._name}' nest more than {DEEPEST} levels deep")
                open_nodes.add(target)
                stack.append((target, iter(target.inputs.items())))

    def _node(self, row: "dict[str, Json]", key: str) -> LockNode:
        locked = self._reference(row, "locked", "info")
        original = self._reference(row, "original", "")
        is_flake = row.get("flake", True)
        if not isinstance(is_flake, bool):
            raise self._malformed(f"'flake' of node '{key}' is not a Boolean")
        parent = self._path(row["parent"], f"'parent' of node '{key}'") if "parent" in row else None
        if not locked.input.is_known:
            raise FlakeError("value", f"lock file has an input of the unknown type '{locked.input.type}'")
        if locked.input.relative_path is None and not self._is_locked(locked):
            if not locked.input.nar_hash:
                from snowsnake.fetch.input_forms import shown

                raise FlakeError(
                    "value",
                    f"Lock file contains unlocked input '{shown(locked.input.attrs)}'. Use '--allow-dirty-locks' to accept this lock file.",
                )
            self._warn(
                f"Lock file entry '{locked}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash. "
                "This is not reproducible and will break after garbage collection or when shared."
            )
        return LockNode(locked, original, is_flake, parent, is_read=True)

    def _reference(self, row: "dict[str, Json]", field: str, more: str) -> Reference:
        if field not in row:
            raise FlakeError("missing-attribute", f"attribute '{field}' missing in lock file")
        try:
            return Reference.of_attributes({**attributes_of_json(row[field]), **attributes_of_json(row.get(more))}, self._features)
        except FetchFailure as error:
            raise FlakeError("value", str(error)) from None


# ---- what changed -----------------------------------------------------------------------------------------------


def difference(old: LockFile, new: LockFile) -> str:
    """The changes from one lock file to the other, a paragraph for each input, in C++ Nix's form."""
    before, after = old.all_inputs(), new.all_inputs()
    lines: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        name = path_text(path)
        if path not in before:
            lines += (f"• Added input '{name}':", f"    {_described(after[path])}")
        elif path not in after:
            lines.append(f"• Removed input '{name}'")
        elif not _is_same(before[path], after[path]):
            lines += (f"• Updated input '{name}':", f"    {_described(before[path])}", f"  → {_described(after[path])}")
    return "".join(line + "\n" for line in lines)


def _is_same(one: "LockNode | InputPath", other: "LockNode | InputPath") -> bool:
    if isinstance(one, LockNode) and isinstance(other, LockNode):
        # C++ Nix marks as final what it reads and what it fetches; a relative path is not fetched, so that a new entry counts as changed.
        is_relative = one.locked is not None and one.locked.input.relative_path is not None
        return one.locked == other.locked and (not is_relative or one.is_read == other.is_read)
    return one == other


def _described(target: "LockNode | InputPath") -> str:
    if isinstance(target, tuple):
        return f"follows '{path_text(target)}'"
    assert target.locked is not None
    modified = target.locked.input.last_modified
    return f"'{target.locked}'" + (f" ({date_text(modified, '%Y-%m-%d')})" if modified is not None else "")


def date_text(seconds: int, form: str, *, is_local: bool = False) -> str:
    """A time (in seconds since 1970) in a form of `strftime`, in UTC or with *is_local* in this machine's zone; `?` if its year is out of range.

    As in C++ Nix, numbers from 2 ** 63 on are times before 1970.

    >>> date_text(86400, "%Y-%m-%d"), date_text((1 << 64) - 1, "%Y-%m-%d"), date_text((1 << 63) - 1, "%Y-%m-%d")
    ('1970-01-02', '1969-12-31', '?')
    """
    import time

    signed = seconds - (1 << 64) if seconds >> 63 else seconds
    try:
        return time.strftime(form, time.localtime(signed) if is_local else time.gmtime(signed))
    except (OverflowError, OSError, ValueError):
        return "?"
