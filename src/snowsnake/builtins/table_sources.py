"""Rows of the builtins that copy or write something to the store (sources.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "path",
        "attributes",
        "a",
        framed=True,
        cost="outside",
        doc="Copies a file or a tree to the store and returns its store path. *attributes* has `path`; `name`, the name "
        "in the store (if it is missing, the last component of the path); `filter`, a function as in `filterSource`; "
        "`recursive` (true if it is missing; with false, the store path is made of the hash of one file's contents); "
        "and `sha256`, the expected hash. The whole tree is read.",
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
        doc="Copies a part of a tree to the store and returns its store path. *filter* is called for each entry with the "
        'path, which is a string, and the type ("regular", "directory", "symlink" or "unknown"), and returns whether '
        "the entry is copied. It is called depth first, in byte order, and not for the entries of a directory that it "
        "refused.",
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
        doc="Writes *text* to a file in the store and returns its store path. The text may refer to store paths, but not "
        "to derivations.",
        example='builtins.toFile "a" "b" => "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"',
    ),
    BuiltinRow(
        "storePath",
        "path",
        "p",
        cost="n",
        of="the bytes of *path*",
        doc="Returns the store path *path* as a string whose context is that path, without a copy. It does not check that "
        "the path exists. Raises an error in pure evaluation.",
        example='builtins.storePath "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a" => "/nix/store/g76zcpqc540lrc8i6g7xy6ip0npn2hnp-a"',
        argument_form="quoted",
        phrases={"coerced": "while evaluating the first argument passed to 'builtins.storePath'"},
        always=("argument 1",),
    ),
)
