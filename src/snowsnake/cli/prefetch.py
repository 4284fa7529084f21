"""Downloads files and archives and adds them to a store: `nix-prefetch-url` and `nix store prefetch-file`.

In: an address, what its hash should be.  Out: the store path and the hash.  Without a store that may be written, the path is computed only.
"""

import os
import shutil
import tempfile
from urllib.parse import unquote, urlsplit

from snowsnake.cli.output import Reporter
from snowsnake.diagnostics.error import EvaluationError, as_error
from snowsnake.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store


class Wanted:
    """What to download.  `expected`: (algorithm, digest) of the result, if it is known."""

    def __init__(self, url: str, algorithm: str, *, name: str = "", expected: "tuple[str, bytes] | None" = None) -> None:
        self.url = url
        self.algorithm = expected[0] if expected is not None else algorithm
        self.expected = expected
        self.name = name or last_segment(url)
        self.unpacks = False
        self.is_executable = False

    @property
    def method(self) -> str:
        return "nar" if self.unpacks or self.is_executable else "flat"


def last_segment(url: str) -> str:
    """The text after the last slash of a URL's path."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url
    name = unquote(path.rpartition("/")[2], errors="surrogateescape")
    if not name:
        raise EvaluationError("value", f"cannot figure out file name for '{url}'")
    return name


def prefetch(wanted: Wanted, settings: Settings, reporter: Reporter, *, is_offline: bool = False) -> tuple[str, str, bytes]:
    """(store path, algorithm, digest) of a download."""
    from snowsnake.cli.hand_on import NotOurs
    from snowsnake.cli.stores import open_store
    from snowsnake.settings.places import store_folder
    from snowsnake.store import store_path

    try:
        store_path.check_name(wanted.name)
        try:
            store = open_store(settings, reporter.warning, is_writable=True)
        except NotOurs:
            from snowsnake.store.memory import MemoryStore

            store = MemoryStore(store_folder(settings.environment))
        with store:
            if wanted.expected is not None:
                algorithm, digest = wanted.expected
                path = str(store_path.fixed_path(wanted.name, wanted.method, algorithm, digest, (), False, store.store_dir))
                if store.is_valid(path):
                    return path, algorithm, digest
            with tempfile.TemporaryDirectory() as folder:
                return _added(wanted, _downloaded(wanted, settings, reporter, folder, is_offline), store, folder)
    except ValueError as error:
        raise as_error(error) from None


def _downloaded(wanted: Wanted, settings: Settings, reporter: Reporter, folder: str, is_offline: bool) -> str:
    from snowsnake.cli.fetch_progress import progress_for
    from snowsnake.fetch.downloads import download_file
    from snowsnake.fetch.fetcher import Fetcher

    # The server is asked each time.
    settings.set("tarball-ttl", "0")
    fetcher = Fetcher(
        settings,  # type: ignore[arg-type]  # it is asked by name only
        features=settings["experimental-features"],
        progress=lambda: progress_for(reporter),
        on_warning=reporter.warning,
        is_offline=is_offline,
    )
    try:
        tree = download_file(wanted.url, fetcher).tree
        found = tree.disk_path(b"")
        # The file is a copy, because the next fetch may change the fetched one.
        copy = os.path.join(folder, "file")
        if found is not None:
            shutil.copyfile(found, copy)
        else:
            with open(copy, "wb") as file:
                file.write(tree.read(b""))
        if wanted.unpacks:
            return _unpacked(copy, wanted.url, os.path.join(folder, "unpacked"))
        os.chmod(copy, 0o755 if wanted.is_executable else 0o644)
        return copy
    finally:
        fetcher.close()


def _unpacked(path: str, url: str, target: str) -> str:
    """The tree of an archive, or the only entry at its top."""
    from snowsnake.fetch import archive

    archive.unpack(path, target, is_named=True)
    names = os.listdir(target) if os.path.isdir(target) else []
    if not names:
        raise ValueError(f"archive '{url}' is empty")
    return os.path.join(target, names[0]) if len(names) == 1 else target


def _added(wanted: Wanted, source: str, store: "Store", folder: str) -> tuple[str, str, bytes]:
    from snowsnake.store.adding import add_path, content_path
    from snowsnake.store.memory import MemoryStore
    from snowsnake.store.path_info import split_content_address

    path, address = content_path(store.store_dir, wanted.name, source, wanted.method, wanted.algorithm)
    content = split_content_address(address)[1]
    if wanted.expected is not None and content.digest != wanted.expected[1]:
        raise ValueError(f"hash mismatch for '{folder}/'")
    if not isinstance(store, MemoryStore):
        add_path(store, wanted.name, source, wanted.method, wanted.algorithm)
    return path, content.algorithm, content.digest
