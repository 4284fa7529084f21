"""Flake registries: the inputs that short names mean.

In: files of version 2 (`registry.json`).  Out: `Registries.resolve`: an input and the folder that the registry adds.
Of the four, the first that knows a name counts: the command line's, the user's, the system's, the global one.
"""

import os

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.input import Input
from snowsnake.fetch.input_forms import Attributes
from snowsnake.foundation import light_json
from snowsnake.lock.references import Reference, attributes_of_json, version_of_json
from snowsnake.settings.places import configuration_folder, xdg_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from snowsnake.fetch import Fetcher

MOST_STEPS = 100
LARGEST_BYTES = 64 << 20
KINDS = ("flags", "user", "system", "global")
# Inputs of flakes are looked up in these registries only.
LIMITED = ("flags", "global")


class RegistryEntry:
    """An entry of a registry: the input that it replaces, and the replacement; `is_exact`: it replaces only exactly this input."""

    __slots__ = ("source", "target", "is_exact")

    def __init__(self, source: Input, target: Reference, is_exact: bool = False) -> None:
        self.source = source
        self.target = target
        self.is_exact = is_exact

    def resolve(self, input: Input) -> Input | None:
        """The entry's replacement for an input; None if the entry does not apply."""
        if self.is_exact:
            return self.target.input if self.source == input else None
        if not self.source.contains(input):
            return None
        return self.target.input.overridden(
            input.ref if self.source.ref is None else None, input.rev if self.source.rev is None else None
        )


class Registry:
    """The entries of one registry; `kind` is one of `KINDS`."""

    def __init__(self, kind: str, entries: "Iterable[RegistryEntry]" = ()) -> None:
        self.kind = kind
        self.entries = list(entries)

    def add(self, source: Reference, target: Reference) -> None:
        """Adds an entry, after those that are there."""
        self.entries.append(RegistryEntry(source.input, target))

    def remove(self, source: Reference) -> None:
        """Removes all entries for an input."""
        self.entries = [entry for entry in self.entries if entry.source != source.input]

    def to_text(self) -> str:
        """The text of the registry's file, as C++ Nix writes it."""
        rows = []
        for entry in self.entries:
            row: dict[str, object] = {"from": _sorted(entry.source.attrs), "to": entry.target.to_attributes()}
            if entry.is_exact:
                row["exact"] = True
            rows.append(row)
        return light_json.indented({"flakes": rows or None, "version": 2})

    def write(self, path: str) -> None:
        """Writes the registry's file; another process sees the old file or the new one.  Raises FlakeError if an entry is not UTF-8."""
        from snowsnake.foundation.replacing import replace_file

        try:
            text = self.to_text().encode()
        except UnicodeEncodeError:
            raise FlakeError("value", "an entry that is not UTF-8 cannot be written to a registry") from None
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        replace_file(path, [text])


def _sorted(attributes: Attributes) -> Attributes:
    return {name: attributes[name] for name in sorted(attributes)}


def read_registry(path: str, kind: str, warn: "Callable[[str], None]") -> Registry:
    """A registry file; a missing one is empty, and an unreadable one is empty with a warning."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return Registry(kind)
    except OSError as error:
        warn(f"cannot read flake registry '{path}': {error.strerror}")
        return Registry(kind)
    return parse_registry(data, path, kind, warn)


def parse_registry(data: bytes, name: str, kind: str, warn: "Callable[[str], None]") -> Registry:
    """A registry from the text of its file.  If the text is wrong, *warn* is called, and only the entries before the fault count."""
    registry = Registry(kind)
    try:
        if len(data) > LARGEST_BYTES:
            raise ValueError(f"it is larger than {LARGEST_BYTES >> 20} MiB")
        document = light_json.loads_file(data)
        version = version_of_json(document)
        if version != 2:
            raise FlakeError("value", f"flake registry '{name}' has unsupported version {version}")
        rows = document.get("flakes") or ()
        for row in rows.values() if isinstance(rows, dict) else rows:
            registry.entries.append(_entry({} if row is None else row))
    except (EvaluationError, FetchFailure) as error:
        warn(f"cannot read flake registry '{name}': error: {error}")
    except (ValueError, RecursionError, TypeError) as error:
        reason = "it nests too deep" if isinstance(error, RecursionError) else error
        warn(f"cannot parse flake registry '{name}': {reason}")
    return registry


def _entry(row: object) -> RegistryEntry:
    """An entry from its data; ValueError says what is wrong with it."""
    if not isinstance(row, dict):
        raise ValueError("an entry is not an object")
    target = Reference.of_attributes(attributes_of_json(row.get("to")))
    source = Reference.of_attributes(attributes_of_json(row.get("from"))).input
    is_exact = row.get("exact", False)
    if not isinstance(is_exact, bool):
        raise ValueError("'exact' is not a Boolean")
    return RegistryEntry(source, target, is_exact)


class Registries:
    """The registries of a machine, which are read when they are first needed.

    `global_path` is a file, or a URL whose contents `download` returns; empty: there is none.
    """

    def __init__(
        self,
        environ: "Mapping[str, str]",
        global_path: str = "",
        warn: "Callable[[str], None] | None" = None,
        download: "Callable[[str], bytes] | None" = None,
    ) -> None:
        self.flags = Registry("flags")
        self._environ = environ
        self._global_path = global_path
        self._warn = warn or (lambda _: None)
        self._download = download
        self._read: dict[str, Registry] = {"flags": self.flags}

    def get(self, kind: str) -> Registry:
        """The registry of this kind, which is read when it is asked for the first time."""
        if kind not in self._read:
            self._read[kind] = self._load(kind)
        return self._read[kind]

    @property
    def _is_global_near(self) -> bool:
        """Whether looking into the global registry needs no download."""
        return "global" in self._read or self._global_path.startswith("/") or not self._global_path

    def _load(self, kind: str) -> Registry:
        if kind == "user":
            return read_registry(user_registry_path(self._environ), kind, self._warn)
        if kind == "system":
            return read_registry(system_registry_path(self._environ), kind, self._warn)
        path = self._global_path
        if not path:
            return Registry(kind)
        if not path.startswith("/"):
            if self._download is None:
                raise FlakeError("access", f"the flake registry '{path}' is not downloaded here")
            return parse_registry(self._download(path), path, kind, self._warn)
        return read_registry(path, kind, self._warn)

    def resolve(self, reference: Reference, kinds: "Iterable[str]" = KINDS) -> Reference:
        """The meaning of a reference: itself, or the replacement in the registries of these kinds.  Raises FlakeError if none knows it.

        >>> from snowsnake.lock.reference_text import parse_whole
        >>> registries = Registries({"HOME": "/none", "NIX_CONF_DIR": "/none"})
        >>> registries.flags.add(parse_whole("x"), parse_whole("/x?dir=sub"))
        >>> str(registries.resolve(parse_whole("x")))
        'path:/x?dir=sub'
        """
        kinds = tuple(kinds)
        if not kinds:
            return reference
        input, folder = reference.input, reference.folder
        for _ in range(MOST_STEPS):
            step = self._step(input, kinds)
            if step is None:
                if not input.is_direct:
                    raise FlakeError("value", f"cannot find flake '{input.to_url()}' in the flake registries")
                return Reference(input, folder)
            input, entry = step
            folder = entry.target.folder or reference.folder
        raise FlakeError("value", f"cycle detected in flake registry for '{input.to_url()}'")

    def _step(self, input: Input, kinds: tuple[str, ...]) -> tuple[Input, RegistryEntry] | None:
        for kind in kinds:
            if kind == "global" and input.is_direct and not self._is_global_near:
                # The global registry is not downloaded for an input that needs no registry.
                continue
            for entry in self.get(kind).entries:
                found = entry.resolve(input)
                if found is not None:
                    return found, entry
        return None


def registries_of(fetcher: "Fetcher", environ: "Mapping[str, str]") -> Registries:
    """The registries for a fetcher; its settings say where the global registry is, and it downloads that."""
    if fetcher.registries is None:

        def download(address: str) -> bytes:
            url = address if address.startswith("file+") else "file+" + address
            known = fetcher.cache.fact("registry", url)
            try:
                data = fetcher.fetch(fetcher.input_from_url(url)).files.read(b"")
            except FetchFailure as error:
                if known is None:
                    # Nobody asked for the registry as an input, and the message has its address.
                    error.notes.clear()
                    raise
                fetcher.warn(f"{error}; using cached version")
                return str(known["text"]).encode("utf-8", "surrogateescape")
            text = data.decode("utf-8", "surrogateescape")
            if known is None or known["text"] != text:
                fetcher.cache.note("registry", url, {"text": text})
            return bytes(data)

        fetcher.registries = Registries(environ, fetcher.settings["flake-registry"], fetcher.warn, download)
    found: Registries = fetcher.registries
    return found


def user_registry_path(environ: "Mapping[str, str]") -> str:
    """The path of the user's registry."""
    return os.path.join(xdg_folder(environ, "CONFIG"), "registry.json")


def system_registry_path(environ: "Mapping[str, str]") -> str:
    """The path of the machine's registry."""
    return os.path.join(configuration_folder(environ), "registry.json")
