"""The operations of `nix-store` that only read a store: queries, graphs, environments, logs, archives.

In: a `StoreRequest` with an open store.  Out: lines or bytes on stdout; the exit code.
"""

import sys

from snowsnake.cli.old.store import StoreRequest
from snowsnake.cli.old.store_derivations import needed_derivation, require_built
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import QUIET, write, write_text
from snowsnake.foundation.tree_lines import branch, margin
from snowsnake.store.graph import closure, sorted_paths
from snowsnake.store.interface import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from snowsnake.store.path_info import PathInfo

_COLOURS = ("black", "red", "green", "blue", "magenta", "burlywood")


def query(request: StoreRequest) -> None:
    """`--query` with one of its kinds; without a kind, `--outputs`."""
    chosen = ""
    options: set[str] = set()
    for word in request.flags:
        before = chosen
        if word in _KIND_OF:
            chosen = _KIND_OF[word]
            if chosen == "--binding":
                if not request.words:
                    raise UsageError("expected binding name")
                request.flags = [request.words.pop(0)]
        elif word in _OPTION_OF:
            options.add(_OPTION_OF[word])
        else:
            raise UsageError(f"unknown flag '{word}'")
        if before and before != chosen:
            raise UsageError(f"query type '{word}' conflicts with earlier flag")
    _KINDS[chosen or "--outputs"][1](request, options)


def _wanted(request: StoreRequest, word: str, options: set[str], uses_outputs: bool | None = None) -> list[str]:
    """The object that a word names; with `--use-output`, the outputs of a derivation instead of the derivation."""
    store = request.store
    path = request.path(word)
    is_derivation = path.endswith(".drv")
    if "--force-realise" in options:
        request.count_root()
        for name, output in require_built(request, path, []):
            request.rooted(output, name)
    uses = "--use-output" in options if uses_outputs is None else uses_outputs
    if not uses or not is_derivation:
        return [path]
    found = []
    for made in needed_derivation(store, path).outputs.values():
        if not made.path:
            raise UsageError(
                "Cannot use output path of floating content-addressing derivation until we know what it is (e.g. by building it)"
            )
        found.append(made.path)
    return sorted(set(found))


def _all_wanted(request: StoreRequest, options: set[str]) -> list[str]:
    return [path for word in request.words for path in _wanted(request, word, options)]


def _outputs(request: StoreRequest, options: set[str]) -> None:
    for word in request.words:
        for path in _wanted(request, word, options, True):
            write_text(path)


def _print_sorted(store: Store, paths: set[str]) -> None:
    for path in reversed(sorted_paths(store, paths)):
        write_text(path)


def _requisites(request: StoreRequest, options: set[str]) -> None:
    paths = _all_wanted(request, options)
    _print_sorted(request.store, closure(request.store, paths, includes_outputs="--include-outputs" in options))


def _references(request: StoreRequest, options: set[str]) -> None:
    paths = _all_wanted(request, options)
    _print_sorted(request.store, {found for path in paths for found in request.store.known(path).references})


def _referrers(request: StoreRequest, options: set[str]) -> None:
    paths = _all_wanted(request, options)
    _print_sorted(request.store, {found for path in paths for found in request.store.referrers(path)})


def _referrers_closure(request: StoreRequest, options: set[str]) -> None:
    paths = _all_wanted(request, options)
    # Nobody refers to a path that is not valid.
    valid = [path for path in paths if request.store.is_valid(path)]
    _print_sorted(request.store, {*paths, *closure(request.store, valid, follows_referrers=True)})


def _deriver(request: StoreRequest, options: set[str]) -> None:
    for word in request.words:
        write_text(request.store.known(request.path(word)).deriver or "unknown-deriver")


def _valid_derivers(request: StoreRequest, options: set[str]) -> None:
    _print_sorted(request.store, {found for word in request.words for found in request.store.valid_derivers(request.path(word))})


def _binding(request: StoreRequest, options: set[str]) -> None:
    name = request.flags[0]
    for word in request.words:
        path = request.path(word)
        if not path.endswith(".drv"):
            deriver = request.store.known(path).deriver
            if deriver is None:
                raise ValueError(f"deriver of path '{path}' is not known")
            path = deriver
        env = needed_derivation(request.store, path).env
        if name not in env:
            raise ValueError(f"derivation '{path}' has no environment binding named '{name}'")
        write_text(env[name])


def _hash(request: StoreRequest, options: set[str]) -> None:
    for path in _all_wanted(request, options):
        write_text(request.store.known(path).hash.format("nix32", with_algorithm=True))


def _size(request: StoreRequest, options: set[str]) -> None:
    for path in _all_wanted(request, options):
        write_text(str(request.store.known(path).nar_size))


def _resolve(request: StoreRequest, options: set[str]) -> None:
    for word in request.words:
        write_text(request.path(word))


def _tree(request: StoreRequest, options: set[str]) -> None:
    done: set[str] = set()
    for word in request.words:
        work = [(request.path(word), "", "")]
        while work:
            path, first, rest = work.pop()
            if path in done:
                write_text(f"{first}{path} [...]")
                continue
            done.add(path)
            write_text(first + path)
            # An object that other children refer to is printed after them, which keeps the tree flat: the child that is pushed last is printed first.
            children = sorted_paths(request.store, request.store.known(path).references)
            for number, child in enumerate(children):
                is_last = number == 0
                work.append((child, rest + branch(is_last), rest + margin(is_last)))


def _edges(store: Store, roots: list[str]) -> "Iterator[tuple[PathInfo, list[str]]]":
    """(object, its references) for each object that the roots need; of the objects found so far, the one with the least path comes next."""
    import heapq

    waiting = sorted(set(roots))
    seen = set(waiting)
    while waiting:
        path = heapq.heappop(waiting)
        info = store.known(path)
        others = [other for other in sorted(info.references) if other != path]
        yield info, others
        for other in others:
            if other not in seen:
                seen.add(other)
                heapq.heappush(waiting, other)


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _graph(request: StoreRequest, options: set[str]) -> None:
    roots = _all_wanted(request, options)
    write_text("digraph G {")
    colour = 0
    for info, others in _edges(request.store, roots):
        base = _base(info.path)
        write_text(f'"{base}" [label = "{base[33:]}", shape = box, style = filled, fillcolor = "#ff0000"];')
        for other in others:
            write_text(f'"{_base(other)}" -> "{base}" [color = "{_COLOURS[colour % len(_COLOURS)]}"];')
            colour += 1
    write_text("}")


def _graphml(request: StoreRequest, options: set[str]) -> None:
    roots = _all_wanted(request, options)
    write_text("<?xml version='1.0' encoding='utf-8'?>")
    write_text("<graphml xmlns='http://graphml.graphdrawing.org/xmlns'")
    write_text("    xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'")
    write_text("    xsi:schemaLocation='http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd'>")
    keys = (("narSize", "long"), ("name", "string"), ("type", "string"))
    declared = "".join(f"<key id='{name}' for='node' attr.name='{name}' attr.type='{kind}'/>" for name, kind in keys)
    write_text(declared + "<graph id='G' edgedefault='directed'>")
    for info, others in _edges(request.store, roots):
        base = _base(info.path)
        name, dash, _ = base[33:].partition("-")
        kind = "derivation" if base.endswith(".drv") else "output-path"
        write_text(f'  <node id="{base}">')
        for key, value in (("narSize", str(info.nar_size)), ("name", name + dash if dash else ""), ("type", kind)):
            write_text(f'    <data key="{key}">{value}</data>')
        write_text("  </node>")
        for other in others:
            write_text(f'  <edge source="{base}" target="{_base(other)}"/>')
    write_text("</graph>")
    write_text("</graphml>")


def _roots(request: StoreRequest, options: set[str]) -> None:
    from snowsnake.store.garbage import find_roots

    settings = request.common.settings
    users = closure(
        request.store,
        [path for path in _all_wanted(request, options) if path.endswith(".drv") or request.store.is_valid(path)],
        follows_referrers=True,
        includes_outputs=settings["keep-outputs"],
        includes_derivers=settings["keep-derivations"],
    )
    found = find_roots(request.store, request.reporter.info)
    for target in sorted(found):
        if target in users:
            for link in sorted(found[target]):
                write_text(f"{link} -> {target}")


_KINDS = {
    "--outputs": ((), _outputs),
    "--requisites": (("-R",), _requisites),
    "--references": ((), _references),
    "--referrers": (("--referers",), _referrers),
    "--referrers-closure": (("--referers-closure",), _referrers_closure),
    "--deriver": (("-d",), _deriver),
    "--valid-derivers": ((), _valid_derivers),
    "--binding": (("-b",), _binding),
    "--hash": ((), _hash),
    "--size": ((), _size),
    "--tree": ((), _tree),
    "--graph": ((), _graph),
    "--graphml": ((), _graphml),
    "--resolve": ((), _resolve),
    "--roots": ((), _roots),
}
_KIND_OF = {name: kind for kind, (others, _) in _KINDS.items() for name in (kind, *others)}
_OPTION_OF = {
    "--use-output": "--use-output", "-u": "--use-output", "--include-outputs": "--include-outputs",
    "--force-realise": "--force-realise", "--force-realize": "--force-realise", "-f": "--force-realise",
}  # fmt: skip


def print_env(request: StoreRequest) -> None:
    """`--print-env`: prints the environment of a derivation's builder as commands of a shell."""
    request.refuse_flags(message="unknown flag")
    if len(request.words) != 1:
        raise UsageError("'--print-env' requires one derivation store path")
    from snowsnake.cli.store_words import parsed

    path = parsed(request.store, request.words[0])
    from snowsnake.build.structured import quoted

    drv = needed_derivation(request.store, path)
    for name, value in sorted(drv.env.items()):
        # The empty line after it is 2.34.8's.
        write_text(f"export {name}; {name}={quoted(value)}\n")
    write_text(f"export _args; _args={quoted(' '.join(drv.args))}")


def read_log(request: StoreRequest) -> None:
    """`--read-log`: prints the logs of builds that the store keeps."""
    request.refuse_flags(message="unknown flag")
    from snowsnake.store.build_log import build_log

    for word in request.words:
        path = request.path(word)
        log = build_log(request.store, path)
        if log is None:
            raise ValueError(f"build log of derivation '{path}' is not available")
        write(log)


def dump_database(request: StoreRequest) -> None:
    """`--dump-db`."""
    request.refuse_flags(message="unknown flag")
    from snowsnake.store.registration import write_registration

    paths = [request.path(word) for word in request.words] if request.words else request.store.paths()
    for path in paths:
        write(write_registration(request.store.known(path)).encode("utf-8", "surrogateescape"))


def check_validity(request: StoreRequest) -> None:
    """`--check-validity`: raises an error for a path that is not valid, or (with `--print-invalid`) prints the path."""
    flags = request.refuse_flags("--print-invalid")
    for word in request.words:
        path = request.path(word)
        if request.store.is_valid(path):
            continue
        if not flags:
            raise ValueError(f"path '{path}' is not valid")
        write_text(path)


def export(request: StoreRequest) -> None:
    """`--export`: writes objects as a stream."""
    request.refuse_flags()
    from snowsnake.store.export import export_paths

    paths = sorted({request.path(word) for word in request.words})
    sys.stdout.flush()
    export_paths(request.store, paths, sys.stdout.fileno())


def verify_path(request: StoreRequest) -> int:
    """`--verify-path`: checks that the contents of objects have the hash that the store recorded."""
    request.refuse_flags(message="no flags expected")
    from snowsnake.cli.verifying import report_changed

    code = 0
    for word in request.words:
        path = request.path(word)
        request.reporter.remark(QUIET + 1, f"checking path '{path}'...")
        if report_changed(request.store, path, request.reporter.note):
            code = 1
    return code



