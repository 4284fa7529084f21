"""Binary caches and other stores by their URLs: as the store of a command, and as substituters.

In: addresses with their parameters, settings.  Out: stores; `Substituters`.  No store is asked anything before that is needed.
"""

import os

from snowsnake.settings.errors import SettingError
from snowsnake.settings.store_reference import StoreReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.build.substitution import Substituters
    from snowsnake.cli.output import Reporter
    from snowsnake.fetch.fetcher import Fetcher
    from snowsnake.settings import Settings
    from snowsnake.store.binary_cache.files import CacheFiles
    from snowsnake.store.binary_cache.store import BinaryCacheStore
    from snowsnake.store.interface import Store

    Opener = Callable[[StoreReference, Settings, Callable[[str], None]], Store]

_CONNECTIONS = 25
# S3 accepts no smaller part.
_PART_BYTES = 5 << 20
# Parameters of URLs that have no effect; the first use of each causes a warning.
_NOT_CARRIED_OUT = ("narinfo-compression", "ls-compression", "log-compression", "tls-certificate", "tls-private-key")
_told: set[str] = set()


def open_cache(
    reference: StoreReference, given: "dict[str, Any]", store_dir: str, settings: "Settings", warn: "Callable[[str], None]", *, is_writable: bool = False
) -> "BinaryCacheStore":
    """Opens a binary cache.  *given*: the parameters of its URL, in their types."""
    from snowsnake.store.binary_cache.compressed import UnknownMethod, check_method
    from snowsnake.store.binary_cache.files import FolderFiles
    from snowsnake.store.binary_cache.remembered import Remembered
    from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
    from snowsnake.store.signing import SecretKey

    place = reference.place.rstrip("/") if reference.scheme != "file" else reference.place
    url = f"{reference.scheme}://{place}"
    remembered = None
    files: CacheFiles
    is_remote = reference.scheme != "file" or os.environ.get("_NIX_FORCE_HTTP") == "1"
    if reference.scheme == "file":
        if not reference.path():
            raise SettingError(f"store '{reference.render()}' has no folder", is_usage=False)
        files = FolderFiles(reference.path())
        files.is_remote = is_remote
    else:
        from snowsnake.fetch.cache_files import HttpFiles
        from snowsnake.fetch.fetcher import Fetcher

        fetcher = Fetcher(_values(settings), store_dir=store_dir, is_offline=settings.is_offline, on_warning=warn)
        connections = settings["http-connections"] or _CONNECTIONS
        if reference.scheme == "s3":
            files, url = _bucket(reference, given, url, fetcher, connections, warn)
        else:
            files = HttpFiles(url, fetcher, connections)
    if is_remote:
        remembered = Remembered(
            settings["narinfo-cache-meta-ttl"], settings["narinfo-cache-positive-ttl"], settings["narinfo-cache-negative-ttl"]
        )  # fmt: skip
    for name in (name for name in _NOT_CARRIED_OUT if given.get(name) and name not in _told):
        _told.add(name)
        warn(f"'{name}' of the store '{url}' is not carried out by Snowsnake")
    method = given.get("compression", "xz")
    try:
        check_method(method)
    except UnknownMethod:
        raise SettingError(f"option 'compression' has invalid value '{method}'") from None
    names = [name for name in (given.get("secret-key"), *(given.get("secret-keys") or "").split(",")) if name]
    options = CacheOptions(
        method, given.get("compression-level", -1), given.get("write-nar-listing", False),
        [SecretKey.read(name) for name in names], given.get("trusted", False), given.get("priority"), given.get("want-mass-query"),
        given.get("index-debug-info", False), given.get("local-nar-cache"),
    )  # fmt: skip
    return BinaryCacheStore(files, url, store_dir, options=options, remembered=remembered, is_writable=is_writable)


def _bucket(
    reference: StoreReference, given: "dict[str, Any]", url: str, fetcher: "Fetcher", connections: int, warn: "Callable[[str], None]"
) -> "tuple[CacheFiles, str]":
    """The files of a cache in a bucket, and its URL with the parameters that belong to it."""
    from snowsnake.fetch.cache_files import S3Files, Uploads
    from snowsnake.fetch.s3 import PARAMETERS, STYLES
    from snowsnake.store.sizes import size_text

    if given.get("addressing-style", "auto") not in STYLES:
        raise SettingError(f"option 'addressing-style' has invalid value '{given['addressing-style']}', expected 'auto', 'path', or 'virtual'")
    part_bytes, threshold = given.get("multipart-chunk-size", given.get("buffer-size", _PART_BYTES)), given.get("multipart-threshold", 100 << 20)
    for is_wrong, word, limit in ((part_bytes < _PART_BYTES, "least", _PART_BYTES), (part_bytes > 5 << 30, "most", 5 << 30)):
        if is_wrong:
            raise SettingError(f"multipart-chunk-size must be at {word} {size_text(limit)}, got {size_text(part_bytes)}")
    if given.get("multipart-upload") and threshold < part_bytes:
        warn(
            f"multipart-threshold ({size_text(threshold)}) is less than multipart-chunk-size ({size_text(part_bytes)}), which may result in "
            "single-part multipart uploads"
        )
    named = StoreReference(reference.scheme, url.partition("://")[2], {name: text for name, text in reference.parameters.items() if name in PARAMETERS}).render()
    uploads = Uploads(given.get("multipart-upload", False), part_bytes, threshold, given.get("storage-class", ""))
    return S3Files(url, named.partition("?")[2], fetcher, connections, uploads), named


def substituters_of(settings: "Settings", reporter: "Reporter | None", open_one: "Opener") -> "Substituters | None":
    """The substituters in the settings; None if nothing is to be substituted.  *open_one* opens a store by its URL."""
    if not settings["substitute"] or not settings["substituters"]:
        return None
    from snowsnake.build.substitution import Policy, Substituters
    from snowsnake.store.trust import PublicKeys

    def silent(text: str) -> None:
        pass

    policy = Policy(
        PublicKeys.parse(list(settings["trusted-public-keys"])),
        settings["require-sigs"],
        max(1, settings["max-substitution-jobs"]),
        settings["fallback"],
        (lambda offers: None) if reporter is None else lambda offers: reporter.notes([f"copying path '{offer.path}' from '{offer.source.url}'..." for offer in offers]),
        silent if reporter is None else reporter.warning,
        silent if reporter is None else reporter.failure,
    )
    return Substituters(lambda: open_all(settings, policy.on_warning, open_one), policy)


def open_all(settings: "Settings", warn: "Callable[[str], None]", open_one: "Opener") -> "list[Store]":
    """Opens the substituters; one that cannot be opened causes a warning and is left out."""
    from snowsnake.fetch.errors import FetchFailure
    from snowsnake.store.binary_cache.store import BinaryCacheStore

    found: list[Store] = []
    for address in dict.fromkeys(settings["substituters"]):
        if not settings.is_set("substituters") and not _has_network():
            continue
        try:
            store = open_one(StoreReference.parse(address), settings, warn)
            if isinstance(store, BinaryCacheStore):
                store.opened()
            found.append(store)
        except (ValueError, OSError, FetchFailure, SettingError) as error:
            warn(str(error))
    return found


def _has_network() -> bool:
    """Whether this machine has a network: without one, the default substituter is not asked."""
    try:
        with open("/proc/net/route") as file:
            if any(line.split()[:1] not in ([], ["lo"]) for line in file.readlines()[1:]):
                return True
        with open("/proc/net/if_inet6") as file:
            return any(line.split()[3:4] == ["00"] and line.split()[-1] != "lo" for line in file)
    except OSError:
        return True


def _values(settings: "Settings") -> "Any":
    """Settings as a mapping, for the type checker."""
    return settings
