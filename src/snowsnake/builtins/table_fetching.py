"""Entries of the fetchers and of flakes (fetching.pyx)."""

from snowsnake.builtins.entry import Entry

_HASH = "0000000000000000000000000000000000000000000000000000"

ENTRIES = (
    Entry(
        "fetchurl",
        "source",
        "v",
        framed=True,
        doc="The store path of one file: *source* is its address or a set of `url`, `sha256` and `name` (else the address's last part). With a hash "
        "nothing is fetched: the path follows from it. Without one only `file://` addresses can be read.",
        example=f'builtins.fetchurl {{ url = "https://example.org/x"; sha256 = "{_HASH}"; }} '
        '=> "/nix/store/yplc6kklcg6k8aln037jq8jxq5v92wln-x"',
    ),
    Entry(
        "fetchTarball",
        "source",
        "v",
        framed=True,
        is_global=True,
        doc="The store path of the tree in an archive: *source* is its address or a set of `url`, `sha256` (of the unpacked tree) and `name` "
        '(else "source"). With a hash nothing is fetched: the path follows from it. Without one it is an error.',
        example="builtins.isFunction fetchTarball => true",
    ),
    Entry(
        "fetchGit",
        "source",
        "v",
        framed=True,
        is_global=True,
        doc="A tree from a Git repository. Repositories are not fetched: the arguments are checked, and then it is an error.",
        example="builtins.isFunction fetchGit => true",
    ),
    Entry(
        "fetchMercurial",
        "source",
        "v",
        framed=True,
        is_global=True,
        doc="A tree from a Mercurial repository. Repositories are not fetched: the arguments are checked, and then it is an error.",
        example="builtins.isFunction fetchMercurial => true",
    ),
    Entry(
        "fetchTree",
        "",
        "",
        is_constant=True,
        feature="fetch-tree",
        doc="A tree from any source. Only there with the feature `fetch-tree` or `flakes`. Nothing is fetched: it is an error.",
        example="builtins ? fetchTree => true",
    ),
    Entry("__fetchTree", "source", "v", framed=True),
    Entry(
        "getFlake",
        "reference",
        "S",
        framed=True,
        doc="The flake that a reference means, locked and called: its outputs, `inputs`, `outPath`, `sourceInfo`. Inputs are fetched when they "
        "are needed. Needs the feature `flakes`; pure evaluation wants a reference that says exactly one tree.",
        example="builtins.isFunction builtins.getFlake => true",
    ),
    Entry("__fetchLocked", "input", "a", framed=True),
    Entry(
        "parseFlakeRef",
        "reference",
        "S",
        framed=True,
        doc="The attributes of a flake reference: `type` and what its scheme has (`owner`, `repo`, `ref`, `rev`, `url`, `path`, …). Nothing is "
        "fetched or looked up. Needs the feature `flakes`.",
        example='builtins.parseFlakeRef "github:NixOS/nixpkgs/23.05?dir=lib" '
        '=> { dir = "lib"; owner = "NixOS"; ref = "23.05"; repo = "nixpkgs"; type = "github"; }',
        feature="flakes",
    ),
    Entry(
        "flakeRefToString",
        "attributes",
        "a",
        framed=True,
        doc="The flake reference that *attributes* (strings, ints, Booleans) say: what `parseFlakeRef` takes apart. Needs the feature `flakes`.",
        example='builtins.flakeRefToString { type = "path"; path = "/src"; dir = "lib"; } => "path:/src?dir=lib"',
        feature="flakes",
    ),
)
