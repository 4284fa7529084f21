"""Rows of the fetchers and of the functions for flakes (fetching.pyx, flakes.pyx)."""

from snowsnake.builtins.row import BuiltinRow

# A file, and an archive, are fetched by an address or by a set of these attributes.
_OF_CONTENT = {
    "argument 1": "while evaluating the url we should fetch",
    "attribute name": "while evaluating the name of the content we should fetch@",
    "attribute sha256": "while evaluating the sha256 of the content we should fetch@",
    "attribute url": "while evaluating the url we should fetch@",
}
ROWS = (
    BuiltinRow(
        "fetchurl",
        "source",
        "v",
        framed=True,
        cost="outside",
        doc="Downloads a file and returns its store path. *source* is the address, or a set of `url`, `sha256` and `name` "
        "(if it is missing, the last part of the address). Pure evaluation needs the hash.",
        example="builtins.isFunction builtins.fetchurl => true",
        phrases=_OF_CONTENT,
        always=("attribute name", "attribute sha256", "attribute url"),
    ),
    BuiltinRow(
        "fetchTarball",
        "source",
        "v",
        framed=True,
        is_global=True,
        cost="outside",
        doc="Downloads and unpacks an archive (tar, possibly compressed, or zip) and returns the store path of the tree. "
        "*source* is the address, or a set of `url`, `sha256` (the hash of the unpacked tree) and `name` (if it is "
        'missing, "source"). If the archive has one folder at the top and nothing beside it, the tree is the contents '
        "of that folder. Pure evaluation needs the hash.",
        example="builtins.isFunction fetchTarball => true",
        phrases=_OF_CONTENT,
        always=("attribute name", "attribute sha256", "attribute url"),
    ),
    BuiltinRow(
        "fetchGit",
        "source",
        "v",
        framed=True,
        is_global=True,
        cost="outside",
        doc="Fetches a tree from a Git repository. *source* is the address or path of the repository, or a set of `url`, "
        "`ref`, `rev`, `name`, `submodules`, `shallow`, `allRefs`, `lfs`, `exportIgnore` and the attributes with "
        "which signatures are checked. Without `ref` and `rev`, the tree of a local folder is its files as they are "
        "now, without those that Git does not track. The result is a set of `outPath`, `rev`, `shortRev`, `revCount`, "
        "`lastModified`, `narHash` and more.",
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
        doc="Fetches a tree from a Mercurial repository. *source* is the address or path of the repository, or a set of "
        "`url`, `rev` (a revision or a branch) and `name`. The result is a set of `outPath`, `branch`, `rev`, "
        "`shortRev` and `revCount`.",
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
        doc="Fetches a tree from a source of any type. *source* is a set of `type` and the attributes that this type "
        "needs; with the feature `flakes` it may be an address. `builtins` has this function only with the feature "
        "`fetch-tree` or `flakes`.",
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
        doc="Copies a store path and all paths that it refers to from the binary cache `fromStore`, and returns the path. "
        "`fromPath` is the path in the cache, `toPath` the content-addressed path to which it is rewritten. With "
        "`inputAddressed = true` the path is not rewritten and must have a signature by one of the "
        "`trusted-public-keys`. `builtins` has this function only with the feature `fetch-closure`.",
        example="builtins.isFunction builtins.fetchClosure => true",
    ),
    BuiltinRow(
        "getFlake",
        "reference",
        "S",
        framed=True,
        varies=True,
        cost="outside",
        doc="Locks and calls the flake that *reference* names, and returns a set of its outputs and of `inputs`, "
        "`outPath` and `sourceInfo`. An input is fetched when it is needed. The feature `flakes` must be on; in pure "
        "evaluation the reference must name exactly one tree.",
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
        doc="Returns the attributes of a flake reference: `type`, and those of its scheme (`owner`, `repo`, `ref`, `rev`, "
        "`url`, `path`, …). Nothing is fetched or looked up. Schemes other than `git`, `hg`, `file` and `tarball` need the feature `flakes`.",
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
        doc="Returns the flake reference that *attributes* (strings, ints and Booleans) describe. It is the inverse of "
        "`parseFlakeRef`, and needs the same features.",
        example='builtins.flakeRefToString { type = "path"; path = "/src"; dir = "lib"; } => "path:/src?dir=lib"',
        feature="flakes",
        argument_form="only",
    ),
)
