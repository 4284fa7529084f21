"""Entries of the builtins that bring something into the store (sources.pyx)."""

from snowsnake.builtins.entry import Entry

ENTRIES = (
    Entry(
        "path",
        "attributes",
        "a",
        framed=True,
        doc="The store path that a file or tree is copied to. *attributes*: `path`; `name` in the store (else the path's last component); `filter`, "
        "as for `filterSource`; `recursive` (true; false: the hash of one file's contents); `sha256`, the hash that must come out. "
        "The whole tree is read.",
        example='builtins.isString (builtins.path { path = <nix/fetchurl.nix>; name = "x"; }) => true',
    ),
    Entry(
        "filterSource",
        "filter path",
        "..",
        framed=True,
        doc='The store path of the part of a tree that *filter* wants: a function of the path as a string and the type ("regular", "directory", '
        '"symlink", "unknown") of each entry, depth first, in byte order. What is below a refused directory is not asked for.',
        example='builtins.isFunction (builtins.filterSource (path: type: type != "directory")) => true',
    ),
    Entry(
        "toFile",
        "name text",
        "Ss",
        doc="The store path of a file with the contents *text*, which may refer to store paths but not to derivations.",
        example='builtins.toFile "a" "b" => "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"',
    ),
    Entry(
        "storePath",
        "path",
        "p",
        doc="A path in the store as a string that depends on it, instead of a copy. Whether it exists is not looked at. Not in pure evaluation.",
        example='builtins.storePath "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a" => "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"',
    ),
)
