"""Entries of the fetchers and of flakes (fetching.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "fetchurl",
        "source",
        "v",
        framed=True,
        cost="outside",
        doc="The store path of one file: *source* is its address or a set of `url`, `sha256` and `name` (otherwise the address's last part). "
        "Pure evaluation needs the hash.",
        example="builtins.isFunction builtins.fetchurl => true",
        phrases={
            "argument 1": "while evaluating the url we should fetch",
            "attribute name": "while evaluating the name of the content we should fetch@",
            "attribute sha256": "while evaluating the sha256 of the content we should fetch@",
            "attribute url": "while evaluating the url we should fetch@",
        },
        always=("attribute name", "attribute sha256", "attribute url"),
    ),
    BuiltinRow(
        "fetchTarball",
        "source",
        "v",
        framed=True,
        is_global=True,
        cost="outside",
        doc="The store path of the tree in an archive (tar, also compressed, or zip): *source* is its address or a set of `url`, `sha256` (of "
        'the unpacked tree) and `name` (otherwise "source"). A folder that is alone at the top is left out. Pure evaluation needs the hash.',
        example="builtins.isFunction fetchTarball => true",
        phrases={
            "argument 1": "while evaluating the url we should fetch",
            "attribute name": "while evaluating the name of the content we should fetch@",
            "attribute sha256": "while evaluating the sha256 of the content we should fetch@",
            "attribute url": "while evaluating the url we should fetch@",
        },
        always=("attribute name", "attribute sha256", "attribute url"),
    ),
    BuiltinRow(
        "fetchGit",
        "source",
        "v",
        framed=True,
        is_global=True,
        cost="outside",
        doc="A tree from a Git repository: *source* is its address or path, or a set of `url`, `ref`, `rev`, `name`, `submodules`, `shallow`, "
        "`allRefs`, `lfs`, `exportIgnore` and what signatures need. Of a folder without `ref` and `rev` the files are taken as they are, those that Git "
        "knows. The result has `outPath`, `rev`, `shortRev`, `revCount`, `lastModified`, `narHash` and more.",
        example="builtins.isFunction fetchGit => true",
        phrases={"coerced": "while evaluating the first argument passed to 'fetchGit'"},
    ),
    BuiltinRow(
        "fetchMercurial",
        "source",
        "v",
        framed=True,
        is_global=True,
        varies=True,
        cost="outside",
        doc="A tree from a Mercurial repository: *source* is its address or path, or a set of `url`, `rev` (a branch, too) and `name`. The result has "
        "`outPath`, `branch`, `rev`, `shortRev` and `revCount`.",
        example="builtins.isFunction fetchMercurial => true",
        phrases={
            "attribute name": "while evaluating the `name` attribute passed to builtins.fetchMercurial@",
            "attribute rev": "while evaluating the `rev` attribute passed to builtins.fetchMercurial@",
            "coerced": "while evaluating the first argument passed to builtins.fetchMercurial",
        },
        always=("attribute name", "attribute rev"),
    ),
    BuiltinRow(
        "fetchTree",
        "source",
        "v",
        framed=True,
        is_global=True,
        feature="fetch-tree",
        cost="outside",
        doc="A tree from any source: a set with its `type` and what that needs, or (with `flakes`) an address. Only there with "
        "the feature `fetch-tree` or `flakes`.",
        example="builtins ? fetchTree => true",
        phrases={
            "attribute type": "while evaluating the `type` argument passed to 'fetchTree'@",
            "coerced": "while evaluating the first argument passed to 'fetchTree'",
        },
        always=("attribute type",),
    ),
    BuiltinRow(
        "fetchClosure",
        "arguments",
        "a",
        framed=True,
        feature="fetch-closure",
        cost="outside",
        doc="A path from the binary cache `fromStore` with all that it refers to: `fromPath`; `toPath`, the content-addressed path that it is rewritten "
        "to; `inputAddressed`, which needs a signature by one of `trusted-public-keys`. Only there with the feature `fetch-closure`.",
        example="builtins.isFunction builtins.fetchClosure => true",
    ),
    BuiltinRow(
        "getFlake",
        "reference",
        "S",
        framed=True,
        varies=True,
        cost="outside",
        doc="The flake that a reference means, locked and called: its outputs, `inputs`, `outPath`, `sourceInfo`. Inputs are fetched when they "
        "are needed. Needs the feature `flakes`; pure evaluation wants a reference that says exactly one tree.",
        example="builtins.isFunction builtins.getFlake => true",
        argument_form="only",
    ),
    BuiltinRow("__fetchLocked", "input", "a", framed=True),
    BuiltinRow(
        "parseFlakeRef",
        "reference",
        "S",
        framed=True,
        cost="n",
        of="the bytes of the reference",
        doc="The attributes of a flake reference: `type` and what its scheme has (`owner`, `repo`, `ref`, `rev`, `url`, `path`, …). Nothing is "
        "fetched or looked up. Needs the feature `flakes`.",
        example='builtins.parseFlakeRef "github:NixOS/nixpkgs/23.05?dir=lib" '
        '=> { dir = "lib"; owner = "NixOS"; ref = "23.05"; repo = "nixpkgs"; type = "github"; }',
        feature="flakes",
        argument_form="only",
    ),
    BuiltinRow(
        "flakeRefToString",
        "attributes",
        "a",
        framed=True,
        cost="n",
        of="the bytes of the reference",
        doc="The flake reference that *attributes* (strings, ints, Booleans) say: what `parseFlakeRef` takes apart. Needs the feature `flakes`.",
        example='builtins.flakeRefToString { type = "path"; path = "/src"; dir = "lib"; } => "path:/src?dir=lib"',
        feature="flakes",
        argument_form="only",
    ),
)
