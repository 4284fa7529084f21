"""An input: what to fetch, as the attributes of its scheme.

In: a URL or attributes.  Out: `Input`, which never changes; facts learnt by fetching make a new one.
"""

from __future__ import annotations

from snowsnake.fetch import input_forms
from snowsnake.fetch.addresses import Address, parse_address
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.input_forms import DEFAULT_FEATURES, NO_REVISION, Attributes
from snowsnake.foundation.record import Whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container



class Input(Whole):
    """What to fetch.  `attrs`: str, int or bool by name, including `type`.

    >>> found = Input.from_url("github:NixOS/nixpkgs/23.05")
    >>> found.type, found.ref, found.is_locked, found.to_url()
    ('github', '23.05', False, 'github:NixOS/nixpkgs/23.05')
    """

    __slots__ = ("attrs", "_features", "_trusts_forges")

    def __init__(self, attrs: Attributes, features: Container[str] = DEFAULT_FEATURES, trusts_forges: bool = True) -> None:
        if not issubclass(type(attrs), dict):
            raise TypeError(f"the attributes of an input are a dict, not {type(attrs).__name__}")
        self.attrs = attrs
        self._features = features
        self._trusts_forges = trusts_forges

    @classmethod
    def from_attrs(
        cls, attrs: Attributes, features: Container[str] = DEFAULT_FEATURES, trusts_forges: bool = True
    ) -> Input:
        """Makes an input; raises MalformedInput if the attributes do not fit their scheme.  An unknown scheme accepts any, but cannot be fetched."""
        attrs = dict(attrs)
        if input_forms.check_attributes(attrs, features) == "git":
            attrs["url"] = input_forms.fix_git_url(str(attrs["url"])).to_text()
        return cls(attrs, features, trusts_forges)

    @classmethod
    def from_url(
        cls,
        url: str | Address,
        is_tree: bool = True,
        features: Container[str] = DEFAULT_FEATURES,
        trusts_forges: bool = True,
    ) -> Input:
        """Makes an input of a URL.  *is_tree*: see `input_forms.attributes_of`."""
        address = parse_address(url) if isinstance(url, str) else url
        return cls.from_attrs(input_forms.attributes_of(address, is_tree, features), features, trusts_forges)

    def with_attrs(self, **changes: str | int | bool | None) -> Input:
        """A copy with other attributes; None removes one."""
        attrs = {name: value for name, value in {**self.attrs, **changes}.items() if value is not None}
        return Input(attrs, self._features, self._trusts_forges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Input) and self.attrs == other.attrs

    def __hash__(self) -> int:
        return hash(frozenset(self.attrs.items()))

    def __repr__(self) -> str:
        return f"Input({self.attrs!r})"

    @property
    def key(self) -> frozenset[tuple[str, str, str | int | bool]]:
        """The attributes, in a form that tells `True` from 1."""
        return frozenset((name, type(value).__name__, value) for name, value in self.attrs.items())

    # ---- single attributes --------------------------------------------------------------------------------------

    @property
    def type(self) -> str:
        return input_forms.string_of(self.attrs, "type")

    @property
    def is_known(self) -> bool:
        """Whether the fetcher supports its scheme."""
        return self.type in input_forms.SCHEMES

    @property
    def name(self) -> str:
        """The name in the store path."""
        return input_forms.optional_string(self.attrs, "name") or "source"

    @property
    def ref(self) -> str | None:
        return input_forms.optional_string(self.attrs, "ref")

    @property
    def rev(self) -> str | None:
        """The revision in base 16."""
        return input_forms.revision_text(self.attrs)

    @property
    def rev_count(self) -> int | None:
        return input_forms.number_of(self.attrs, "revCount")

    @property
    def last_modified(self) -> int | None:
        return input_forms.number_of(self.attrs, "lastModified")

    @property
    def nar_hash(self) -> str | None:
        """The hash as SRI."""
        found = input_forms.tree_hash_of(self.attrs)
        return None if found is None else str(found.sri)

    def flag(self, name: str) -> bool:
        return input_forms.boolean_of(self.attrs, name)

    @property
    def is_direct(self) -> bool:
        """False if a registry must resolve it."""
        return self.type != "indirect"

    @property
    def is_locked(self) -> bool:
        """Whether it determines one tree, so that fetching it again returns the same."""
        kind = self.type
        if kind == "git":
            return self.rev not in (None, NO_REVISION)
        if kind == "hg":
            return self.rev is not None
        if kind in input_forms.FORGES:
            return self.rev is not None and (self._trusts_forges or self.nar_hash is not None)
        return kind in ("path", "tarball", "file") and self.nar_hash is not None

    @property
    def is_final(self) -> bool:
        """Whether fetching must not add attributes."""
        return self.flag("__final")

    @property
    def relative_path(self) -> str | None:
        """The path of a `path` input that is relative to the flake that names it."""
        if self.type != "path" or input_forms.absolute_path(self.attrs) is not None:
            return None
        return input_forms.string_of(self.attrs, "path")

    @property
    def source_path(self) -> str | None:
        """The folder on this machine, or the repository's working tree, that may be written to; None if there is none."""
        kind = self.type
        if kind == "path":
            return input_forms.absolute_path(self.attrs)
        if kind not in ("git", "hg") or self.ref is not None or self.rev is not None:
            return None
        address = parse_address(input_forms.string_of(self.attrs, "url"))
        return address.file_path if address.scheme == "file" else None

    def to_url(self, more: dict[str, str] | None = None) -> str:
        """The input as a URL; *more* is added to its query."""
        return input_forms.address_of(self.attrs, more, self._features)

    def __str__(self) -> str:
        return self.to_url()

    # ---- compared and changed -----------------------------------------------------------------------------------

    def contains(self, other: Input) -> bool:
        """Whether *other* is this input, or this one at some branch or revision."""
        if not isinstance(other, Input):
            raise TypeError(f"an input is compared with an Input, not {type(other).__name__}")
        return self == other or self == other.with_attrs(ref=None, rev=None)

    def overridden(self, ref: str | None, rev: str | None) -> Input:
        """A copy with another branch and revision: `flake:name/branch` sets them in the input that a registry has for the name."""
        if ref is None and rev is None:
            return self
        kind = self.type
        if kind in input_forms.FORGES:
            if ref is not None and rev is not None:
                raise FetchFailure(
                    f"cannot apply both a commit hash ({rev}) and a branch/tag name ('{ref}') to input '{self.to_url()}'"
                )
            return self.with_attrs(ref=ref, rev=rev)
        if kind in ("git", "hg", "indirect"):
            changed = self.with_attrs(**{"ref": self.attrs.get("ref") if ref is None else ref, "rev": rev or self.attrs.get("rev")})
            if kind == "git" and changed.ref is None and changed.rev is not None:
                raise FetchFailure(f"Git input '{changed.to_url()}' has a commit hash but no branch/tag name")
            return changed
        if ref is not None:
            raise FetchFailure(f"don't know how to set branch/tag name of input '{self.to_url()}' to '{ref}'")
        raise FetchFailure(f"don't know how to set revision of input '{self.to_url()}' to '{rev}'")
