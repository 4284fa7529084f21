"""`nix path-info`: prints sizes, hashes, references and signatures of store objects.

In: a `Call`.  Out: a line for each object, or JSON.
"""

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.installables import store_paths
from snowsnake.cli.nix.store import asked
from snowsnake.cli.old.command_line import whole_number
from snowsnake.cli.output import write_text
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.store.graph import reachable
from snowsnake.store.interface import Store
from snowsnake.store.path_info import PathInfo
from snowsnake.store.sizes import size_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.foundation.json_type import Json

_OLD_JSON = (
    "'--json' without '--json-format' is deprecated; please specify '--json-format 1' or '--json-format 2'."
    " This will become an error in a future release."
)


def run(call: Call) -> None:
    given = call.given
    version = _json_version(given.text("json_format")) if given.flag("json_format") else 0
    with asked(call) as installables:
        paths = store_paths(call, installables)
        if given.flag("json"):
            if not version:
                call.reporter.warning(_OLD_JSON)
            print_json(_facts(installables.store, paths, version or 1, given.flag("closure_size")), call)
            return
        width = max(map(len, paths), default=0)
        infos = _Infos(installables.store)
        for path in paths:
            _print(call, infos, path, width)


def _json_version(text: str) -> int:
    version = whole_number(text)
    if version not in (1, 2):
        raise EvaluationError("value", f"unsupported path info JSON format version {version}; supported versions are 1 and 2")
    return version


def _facts(store: Store, paths: list[str], version: int, shows_closures: bool) -> "dict[str, Json]":
    found: dict[str, Json] = {}
    infos = _Infos(store)
    for path in paths:
        info = store.info(path)
        facts = info.to_json(version, store.store_dir) if info is not None else None
        if facts is not None and shows_closures:
            facts["closureSize"] = infos.closure_size(path)
        found[path if version == 1 else path.rpartition("/")[2]] = facts
    return found if version == 1 else {"info": found, "storeDir": store.store_dir, "version": version}


class _Infos:
    """The facts about valid objects.  The store is asked once for each: closures of many paths have most of their objects in common."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, PathInfo] = {}

    def of(self, path: str) -> PathInfo:
        if path not in self._known:
            self._known[path] = self._store.known(path)
        return self._known[path]

    def closure_size(self, path: str) -> int:
        """The bytes of the archives of an object and of all that it refers to."""
        return sum(self._known[other].nar_size for other in reachable([path], lambda other: self.of(other).references))


def _print(call: Call, infos: _Infos, path: str, width: int) -> None:
    given = call.given
    info = infos.of(path)
    text = path
    if given.flag("size") or given.flag("closure_size") or given.flag("sigs"):
        text = text.ljust(width)
    sizes = [info.nar_size] if given.flag("size") else []
    if given.flag("closure_size"):
        sizes.append(infos.closure_size(path))
    for size in sizes:
        text += "\t" + (size_text(size, is_aligned=True) if given.flag("human_readable") else f"{size:11d}")
    if given.flag("sigs"):
        words = (["ultimate"] if info.is_ultimate else []) + ([f"ca:{info.ca}"] if info.ca else []) + info.signatures
        text += "\t" + " ".join(words)
    write_text(text)
