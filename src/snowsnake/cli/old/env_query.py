"""`nix-env --query`: finds packages and shows facts about each.

In: an `EnvRequest` and settings.  Out: a table, JSON or XML on stdout.
"""

import os

from snowsnake.cli.old.command_line import Common, value_of
from snowsnake.cli.old.env_output import World, write_json, write_table, write_xml
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import show_statistics
from snowsnake.cli.packages import PASSED_OVER, Package, PackageSearch, split_name
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.library_sort import sorted_places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.cli.old.env import EnvRequest
    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle
    from snowsnake.settings import Settings

_FLAGS = {
    "--status": "status", "-s": "status", "--no-name": "no_name", "--system": "system", "--description": "description",
    "--compare-versions": "compare", "-c": "compare", "--drv-path": "drv_path", "--out-path": "out_path", "--meta": "meta", "--xml": "xml",
    "--json": "json", "--attr-path": "attr_path", "-P": "attr_path",
}  # fmt: skip
_AVAILABLE = {"--available": True, "-a": True, "--installed": False}
# A pattern that has only these characters is just a name.
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ -"
# The order of characters: letters count as upper case, and bytes beyond ASCII come first, because C's `char` is signed.
_FOLDED = bytes((byte - 32 if 97 <= byte <= 122 else byte) ^ 0x80 for byte in range(256))


class Query:
    """The facts that the command line asks for."""

    def __init__(self, flags: list[str]) -> None:
        self.shown: set[str] = set()
        self.is_available = False
        self.attribute_path = ""
        rest = list(flags)
        while rest:
            word = rest.pop(0)
            if word in _FLAGS:
                self.shown.add(_FLAGS[word])
            elif word in _AVAILABLE:
                self.is_available = _AVAILABLE[word]
            elif word in ("--attr", "-A"):
                self.attribute_path = value_of(word, rest)
            else:
                raise UsageError(f"unknown flag '{word}'")
        if "attr_path" in self.shown and not self.is_available:
            raise UsageError("--attr-path(-P) only works with --available")


def query(request: "EnvRequest", common: Common) -> None:
    wanted = Query(request.flags)
    _make_default_expression(common.settings)
    session = request.evaluation.open(common, is_writable=False)
    shown = wanted.shown
    installed: list[Package] = []
    available: list[Package] = []
    if not wanted.is_available or shown & {"compare", "status"}:
        installed = _installed(session, _profile(request, common))
    if wanted.is_available or "compare" in shown:
        available = _available(request, session, wanted.attribute_path)
    mine, others = (available, installed) if wanted.is_available else (installed, available)
    packages = in_order(select(mine, request.words), lambda package: _name_key(package.name))
    world = World(session)
    if "compare" in shown:
        for other in others:
            name, version = split_name(other.name)
            world.others.setdefault(name, []).append(version)
    if "status" in shown:
        world.installed_paths = {package.out_path for package in installed}
    if "status" in shown or request.is_prebuilt_only:
        for package in packages:
            try:
                package.out_path  # noqa: B018
            except EvaluationError as error:
                if error.code not in PASSED_OVER:
                    raise
                package.has_failed = True
        if "json" not in shown:
            world.substitutable = substitutable(common, {package.out_path for package in packages if not package.has_failed})
    packages = [package for package in packages if not package.has_failed]
    if request.is_prebuilt_only and "json" not in shown:
        packages = [package for package in packages if world.is_valid(package.out_path) or package.out_path in world.substitutable]
    write = write_json if "json" in shown else write_xml if "xml" in shown else write_table
    write(packages, shown, world, common.reporter)
    show_statistics(session.evaluator)


def substitutable(common: Common, paths: set[str]) -> set[str]:
    """The paths that a substituter has: one of the settings, or one of the daemon to which the store belongs."""
    from snowsnake.cli.stores import open_reference, store_options
    from snowsnake.cli.substituters import substituters_of
    from snowsnake.settings.places import store_folder
    from snowsnake.store.place import DaemonPlace

    settings = common.settings
    place: Any = store_options(settings, common.reporter.warning, is_writable=True).get("store")
    if isinstance(place, DaemonPlace):
        with place.open() as store:
            return store.substitutable(paths)
    store_dir = store_folder(settings.environment) if place is None else place.store_dir
    substituters = substituters_of(settings, None, open_reference)
    return set() if substituters is None else substituters.having(paths, store_dir)


# ---- choosing packages ----------------------------------------------------------------------------------------------


def select(packages: list[Package], words: list[str]) -> list[Package]:
    """The packages that match a name or a regular expression, in the order of the words; each once."""
    if not words:
        return packages
    names = [split_name(package.name) for package in packages]
    chosen: dict[int, None] = {}
    for word in words:
        name, version = split_name(word)
        matches = _matcher(name)
        found = [number for number, (n, v) in enumerate(names) if matches(n) and version in ("", v)]
        chosen.update(dict.fromkeys(found))
        if not found and word != "*":
            alike: set[str] = set()
            for other, _ in names:
                if other.startswith(name):
                    alike.add(other)
                    if len(alike) >= 3:
                        break
            message = f"selector '{word}' matches no derivations"
            if alike:
                message += ", maybe you meant:" + "".join(f"\n{other}" for other in sorted(alike))
            raise EvaluationError("value", message)
    return [packages[number] for number in chosen]


def _matcher(pattern: str) -> "Any":
    if pattern == "*":
        return lambda name: True
    if not pattern.strip(_PLAIN):
        return lambda name: name == pattern
    from snowsnake.cli.patterns import compiled

    found: list[Any] = []

    def matches(name: str) -> bool:
        # The pattern is compiled late: a wrong one is an error only if there is a name to compare.
        if not found:
            found.append(compiled(pattern))
        return found[0].match(name.encode("utf-8", "surrogateescape")) is not None

    return matches


def _name_key(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape").translate(_FOLDED)


def in_order(items: "list[Any]", key: "Any") -> "list[Any]":
    """The items, sorted by the algorithm of libstdc++'s `std::sort`, because that decides the order of equal items."""
    keys = list(map(key, items))
    ranks = {found: rank for rank, found in enumerate(sorted(set(keys)))}
    return [items[place] for place in sorted_places([ranks[found] for found in keys])]


# ---- the expression -------------------------------------------------------------------------------------------------


def _available(request: "EnvRequest", session: "Session", path: str) -> list[Package]:
    file = request.file or _default_expression(session.settings)
    root = source(session, file)
    value = session.selector.select(root, path)
    search = PackageSearch(session.selector, session.evaluator.store_dir, is_lenient=True)
    packages = search.run(value, path)
    if request.system_filter != "*":
        packages = [package for package in packages if package.system == request.system_filter]
    return packages


def _default_expression(settings: "Settings") -> str:
    from snowsnake.settings.places import default_expression

    return default_expression(os.environ, uses_xdg=settings["use-xdg-base-directories"])


def _make_default_expression(settings: "Settings") -> None:
    """Makes the folder that names the user's channels and those of root, as C++ Nix does at each start of `nix-env`."""
    from snowsnake.settings.places import state_folder, xdg_folder

    folder = _default_expression(settings)
    if os.path.lexists(folder):
        return
    of_root = os.path.join(state_folder(os.environ), "profiles/per-user/root/channels")
    try:
        os.makedirs(folder)
        if os.geteuid() == 0:
            os.symlink(of_root, os.path.join(folder, "channels"))
        else:
            os.symlink(os.path.join(xdg_folder(os.environ, "STATE"), "profiles/channels"), os.path.join(folder, "channels"))
            os.symlink(of_root, os.path.join(folder, "channels_root"))
    except OSError:
        # The command works without the folder.
        pass


def source(session: "Session", word: str) -> "Handle":
    """The value of a file or of a folder's `default.nix`; for a folder without one, the set of the values of the files and folders in it, by name."""
    is_local = not (word.startswith(("<", "flake:")) or "://" in word or word.startswith("channel:"))
    if not is_local or os.path.isfile(word) or os.path.lexists(os.path.join(word, "default.nix")):
        return session.evaluated_file(word)
    if not os.path.isdir(word):
        if word == _default_expression(session.settings):
            return session.expression(b"{ _combineChannels = [ ]; }")
        if os.path.lexists(word):
            raise EvaluationError("file", f"path '{os.path.abspath(word)}' is not a directory or a Nix expression")
        raise EvaluationError("file", f"path '{os.path.abspath(word)}' does not exist")
    found: dict[str, str] = {}
    _expressions(session, os.path.abspath(word), found)
    make = session.expression(b"paths: builtins.mapAttrs (_: import) paths // { _combineChannels = [ ]; }")
    return make.call(session.evaluator.from_python(found))


def _expressions(session: "Session", folder: str, found: dict[str, str]) -> None:
    for name in sorted(os.listdir(folder), key=os.fsencode):
        if name == "manifest.nix":
            continue
        path = os.path.realpath(os.path.join(folder, name))
        if os.path.isfile(path) if name.endswith(".nix") and path.endswith(".nix") else os.path.exists(os.path.join(path, "default.nix")):
            attribute = name.removesuffix(".nix")
            if attribute in found:
                hint = ""
                if "channels" in path and "channels" in folder:
                    hint = f"\nsuggestion: remove '{attribute}' from either the root channels or the user channels"
                session.reporter.warning(f"name collision in input Nix expressions, skipping '{path}'{hint}")
                continue
            found[attribute] = path
        elif os.path.isdir(path):
            _expressions(session, path, found)


def _profile(request: "EnvRequest", common: Common) -> str:
    from snowsnake.settings.places import user_profile

    if request.profile:
        return os.path.abspath(request.profile)
    given = os.environ.get("NIX_PROFILE", "")
    if given:
        return given
    return user_profile(os.environ, uses_xdg=common.settings["use-xdg-base-directories"])


def _installed(session: "Session", profile: str) -> list[Package]:
    if os.path.lexists(os.path.join(profile, "manifest.json")):
        raise EvaluationError("file", f"profile \"{profile}\" is incompatible with 'nix-env'; please use 'nix profile' instead")
    manifest = os.path.join(profile, "manifest.nix")
    if not os.path.lexists(manifest):
        return []
    from snowsnake.selection import Selector

    search = PackageSearch(Selector(session.evaluator, {}), session.evaluator.store_dir, is_lenient=False)
    return search.run(session.evaluated_file(manifest), "")
