"""Entries of the builtins that bring something into the store (sources.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "path",
        "attributes",
        "a",
        framed=True,
        cost="outside",
        doc="The store path that a file or tree is copied to. *attributes*: `path`; `name` in the store (else the path's last component); `filter`, "
        "as for `filterSource`; `recursive` (true; false: the hash of one file's contents); `sha256`, the hash that must come out. "
        "The whole tree is read.",
        example='builtins.isString (builtins.path { path = <nix/fetchurl.nix>; name = "x"; }) => true',
        phrases={
            "argument 1": "while evaluating the argument passed to 'builtins.path'",
            "attribute filter": "while evaluating the `filter` parameter passed to builtins.path@",
            "attribute name": "while evaluating the `name` attribute passed to builtins.path@",
            "attribute path": "while evaluating the 'path' attribute passed to 'builtins.path'@",
            "attribute recursive": "while evaluating the `recursive` attribute passed to builtins.path@",
            "attribute sha256": "while evaluating the `sha256` attribute passed to builtins.path@",
            "result": "while evaluating the return value of the path filter function",
        },
        always=("attribute filter", "attribute name", "attribute path", "attribute recursive", "attribute sha256"),
    ),
    BuiltinRow(
        "filterSource",
        "filter path",
        "..",
        framed=True,
        cost="outside",
        doc='The store path of the part of a tree that *filter* wants: a function of the path as a string and the type ("regular", "directory", '
        '"symlink", "unknown") of each entry, depth first, in byte order. What is below a refused directory is not asked for.',
        example='builtins.isFunction (builtins.filterSource (path: type: type != "directory")) => true',
        phrases={
            "argument 2": "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'",
            "coerced": "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'",
            "result": "while evaluating the return value of the path filter function",
        },
        always=("argument 1", "argument 2"),
    ),
    BuiltinRow(
        "toFile",
        "name text",
        "Ss",
        cost="n",
        of="the bytes of *text*",
        doc="The store path of a file with the contents *text*, which may refer to store paths but not to derivations.",
        example='builtins.toFile "a" "b" => "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"',
    ),
    BuiltinRow(
        "storePath",
        "path",
        "p",
        cost="n",
        of="the bytes of *path*",
        doc="A path in the store as a string that depends on it, instead of a copy. Whether it exists is not looked at. Not in pure evaluation.",
        example='builtins.storePath "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a" => "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"',
        argument_form="quoted",
        phrases={"coerced": "while evaluating the first argument passed to 'builtins.storePath'"},
        always=("argument 1",),
    ),
)
