"""The operations of `nix-store` that add, build, remove or check objects, and those that need no store.

In: a `StoreRequest`.  Out: lines or bytes on stdout; the exit code.
"""

import os
import sys

from snowsnake.cli import hashing
from snowsnake.cli.building import BuildErrors, report_missing
from snowsnake.cli.old.command_line import whole_number
from snowsnake.cli.old.store import StoreRequest
from snowsnake.cli.old.store_derivations import needed_derivation, require_built
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import QUIET, write_text
from snowsnake.diagnostics.error import EvaluationError, as_error
from snowsnake.store.interface import Store
from snowsnake.store.sizes import size_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# --- realising


def _split_outputs(request: StoreRequest, word: str) -> tuple[str, list[str]]:
    """`PATH!out,dev`: an object, and names of outputs."""
    path, mark, names = word.partition("!")
    return request.path(path), names.split(",") if mark else []


def realise(request: StoreRequest) -> None:
    """`--realise`: prints the outputs of derivations; those that are not valid are built first."""
    flags = request.refuse_flags("--dry-run", "--repair", "--check", "--ignore-unknown")
    wanted = [_split_outputs(request, word) for word in request.words]
    items = [f"{path}!{','.join(names) or '*'}" if path.endswith(".drv") else path for path, names in wanted]
    with BuildErrors():
        missing = request.store.missing(items)
    if "--dry-run" in flags:
        report_missing(missing, request.reporter)
        return
    for path, names in wanted:
        known = needed_derivation(request.store, path).outputs if names and path.endswith(".drv") else {}
        for name in sorted(names):
            if name not in known:
                raise ValueError(f"derivation '{path}' does not have output '{name}'")
    report_missing(missing, request.reporter)
    if missing.builds or missing.fetches or flags & {"--check", "--repair"}:
        store = request.store
        make = store.check if "--check" in flags else store.repair if "--repair" in flags else store.realise
        with BuildErrors(tells_kind=True):
            make(items)
    if "--ignore-unknown" in flags:
        # 2.34.8 prints nothing in this case.
        return
    for path, names in wanted:
        results = require_built(request, path, names)
        request.count_root()
        shown = sorted({request.rooted(output, name) for name, output in results})
        if not request.is_silent:
            for link in shown:
                write_text(link)


# --- adding


def add(request: StoreRequest) -> None:
    """`--add`: adds files and folders under their names."""
    request.refuse_flags(message="unknown flag")
    from snowsnake.store.adding import add_path

    for word in request.words:
        write_text(add_path(request.store, os.path.basename(word.rstrip("/")), _source(word)))


def add_fixed(request: StoreRequest) -> None:
    """`--add-fixed ALGORITHM`: adds files by the hash of their bytes, or with `--recursive` by the hash of their archives."""
    flags = request.refuse_flags("--recursive")
    if not request.words:
        raise UsageError("first argument must be hash algorithm")
    from snowsnake.store.adding import add_path

    algorithm = hashing.algorithm(request.words[0], request.common.settings)
    for word in request.words[1:]:
        write_text(add_path(request.store, os.path.basename(word.rstrip("/")), _source(word), "nar" if flags else "flat", algorithm))


def _source(word: str) -> str:
    path = hashing.real_parent(word)
    if not os.path.lexists(path):
        raise EvaluationError("file", f"path '/{path}' does not exist")
    return path


def print_fixed_path(request: StoreRequest) -> None:
    """`--print-fixed-path ALGORITHM HASH NAME`."""
    flags = request.refuse_flags("--recursive")
    if len(request.words) != 3:
        raise UsageError("'--print-fixed-path' requires three arguments")
    from snowsnake.store import store_path

    word, text, name = request.words
    algorithm, digest = hashing.parse(text, hashing.algorithm(word, request.common.settings), request.common.settings)
    method = "nar" if flags else "flat"
    write_text(store_path.fixed_path(name, method, algorithm, digest, (), False, request.store.store_dir))


def import_(request: StoreRequest) -> None:
    """`--import`: adds the objects of a stream."""
    request.refuse_flags()
    request.refuse_words()
    from snowsnake.store.export import import_paths

    for path in list(import_paths(request.store, sys.stdin.buffer)):
        write_text(path)


def load_database(request: StoreRequest) -> None:
    """`--load-db`."""
    request.refuse_flags(message="unknown flag")
    request.refuse_words()
    _register(request, replaces=True, has_hashes=True, canonicalises=False)


def register_validity(request: StoreRequest) -> None:
    """`--register-validity`: makes objects valid whose files are in the store already."""
    flags = request.refuse_flags("--reregister", "--hash-given")
    request.refuse_words()
    _register(request, replaces="--reregister" in flags, has_hashes="--hash-given" in flags, canonicalises=True)


def _register(request: StoreRequest, *, replaces: bool, has_hashes: bool, canonicalises: bool) -> None:
    from snowsnake.cli.collecting import local_store
    from snowsnake.store.registration import read_registrations

    store = local_store(request.store)
    infos = []
    for info in read_registrations(sys.stdin.buffer, store.store_dir, has_hashes=has_hashes):
        if replaces or not store.is_valid(info.path):
            infos.append(info)
    store.make_valid(infos, canonicalises=canonicalises)


def init(request: StoreRequest) -> None:
    """`--init`: makes the store, which happens when it is opened."""
    request.refuse_flags(message="unknown flag")
    request.refuse_words()


# --- archives of any files


def dump(request: StoreRequest) -> None:
    """`--dump`: writes the archive of a file or folder."""
    word = _only_word(request)
    from snowsnake.store import nar

    sys.stdout.flush()
    if not os.path.lexists(word):
        raise EvaluationError("file", f"path '/{os.path.abspath(word)}' does not exist")
    nar.pack_into(word, sys.stdout.fileno())


def restore(request: StoreRequest) -> None:
    """`--restore`: unpacks an archive."""
    word = _only_word(request)
    from snowsnake.store.nar_reader import unpack

    try:
        unpack(sys.stdin.buffer, word, allow_trailing=True)
    except ValueError as error:
        raise as_error(error) from None


def _only_word(request: StoreRequest) -> str:
    request.refuse_flags(message="unknown flag")
    if len(request.words) != 1:
        raise UsageError("only one argument allowed")
    return request.words[0]


# --- removing and checking


def delete(request: StoreRequest) -> None:
    """`--delete`: removes exactly these objects."""
    flags = request.refuse_flags("--ignore-liveness")
    delete_paths(request.store, [request.path(word) for word in request.words], "--ignore-liveness" in flags, request)


def delete_paths(store: Store, paths: list[str], ignores_liveness: bool, caller: "Any") -> None:
    """Removes objects, and says how much space that freed; *caller* has the settings and the reporter."""
    from snowsnake.cli.collecting import collector_of, local_store, tell_removed
    from snowsnake.store.binary_cache.store import BinaryCacheStore
    from snowsnake.store.daemon.connection import Garbage
    from snowsnake.store.daemon.store import DaemonStore

    if isinstance(store, BinaryCacheStore):
        raise UsageError(f"Garbage collection not supported by store '{store.url}'")
    if isinstance(store, DaemonStore):
        removed, freed = store.collect_garbage(Garbage.REMOVE_THESE, paths, ignores_liveness=ignores_liveness)
        tell_removed(len(removed), freed)
        return
    settings = caller.common.settings if isinstance(caller, StoreRequest) else caller.settings
    collector = collector_of(local_store(store), settings, caller.reporter.info, ignores_liveness=ignores_liveness)
    try:
        collector.delete(paths)
    finally:
        tell_removed(len(collector.removed), collector.freed_bytes)


def collect_garbage(request: StoreRequest) -> None:
    """`--gc`: removes dead objects, or prints the dead objects, the living objects or the roots."""
    from snowsnake.cli.collecting import collect, collector_of, local_store
    from snowsnake.store.daemon.connection import Garbage
    from snowsnake.store.daemon.store import DaemonStore
    from snowsnake.store.garbage import find_roots

    known = {"--print-roots", "--print-live", "--print-dead"}
    flags = []
    limit = None
    rest = list(request.flags)
    while rest:
        word = rest.pop(0)
        if word == "--max-freed":
            limit = whole_number(rest.pop(0))
        elif word not in known:
            raise UsageError(f"bad sub-operation '{word}' in GC")
        else:
            flags.append(word)
    request.refuse_words()
    if limit is not None and flags:
        raise UsageError("option --max-freed cannot be combined with --print-live, --print-dead, or --print-roots")
    if "--print-roots" in flags:
        found = find_roots(request.store, request.reporter.info)
        for link, target in sorted((link, target) for target, links in found.items() for link in links):
            write_text(f'"{link}" -> {target}')
        return
    if not flags:
        collect(request.store, limit, request.common.settings, request.reporter)
        return
    paths: set[str] = set()
    if isinstance(request.store, DaemonStore):
        paths.update(request.store.collect_garbage(Garbage.TELL_ALIVE if flags[-1] == "--print-live" else Garbage.TELL_DEAD)[0])
    else:
        collector = collector_of(local_store(request.store), request.common.settings, request.reporter.info)
        paths.update(collector.alive() if flags[-1] == "--print-live" else collector.dead())
    request.reporter.info("determining live/dead paths...")
    for path in sorted(paths):
        write_text(path)


def repair_path(request: StoreRequest) -> None:
    """`--repair-path`: fetches or builds objects again."""
    request.refuse_flags(message="no flags expected")
    repair_paths(request.store, [request.path(word) for word in request.words])


def repair_paths(store: Store, paths: list[str]) -> None:
    """Fetches or builds these valid objects again."""
    for path in paths:
        store.known(path)
        with BuildErrors(tells_kind=True):
            store.repair_path(path)


def optimise(request: StoreRequest) -> None:
    """`--optimise`: replaces equal files by links to one."""
    request.refuse_flags(message="no flags expected")
    request.refuse_words()
    optimise_store(request.store, request.reporter)


def optimise_store(store: Store, reporter: "Any") -> None:
    """Links equal files to each other, and says how much space that freed."""
    from snowsnake.cli.collecting import local_store

    def tell(path: str) -> None:
        if reporter.verbosity > QUIET:
            reporter.note(f"optimising path '{path}'...")

    found = local_store(store).optimise(tell)
    if found is not None:
        reporter.info(f"{size_text(found[1])} freed by hard-linking {found[0]} files")


def generate_key(request: StoreRequest) -> None:
    """`--generate-binary-cache-key NAME SECRET PUBLIC`: makes a key for signatures, in two files."""
    request.refuse_flags()
    if len(request.words) != 3:
        raise UsageError("three arguments expected")
    from snowsnake.store.signing import SecretKey

    name, secret, public = request.words
    key = SecretKey.new(name)
    for path, text, mode in ((public, key.public, 0o666), (secret, key.render(), 0o600)):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def verify(request: StoreRequest) -> int:
    """`--verify`: removes objects from the database whose files are gone; with `--check-contents`, also reports contents without the recorded hash."""
    request.refuse_words()
    flags = request.refuse_flags("--check-contents", "--repair")
    from snowsnake.cli.collecting import local_store
    from snowsnake.cli.verifying import verify_store

    has_faults = verify_store(local_store(request.store), request.reporter, checks_contents="--check-contents" in flags, repairs="--repair" in flags)
    return 1 if has_faults else 0
