"""Rows of the builtins for files, the search path and imports (paths.pyx, imports.pyx)."""

from snowsnake.builtins.row import BuiltinRow

_PATH = (
    "The path may be a path value, a string with an absolute path, or a set that coerces to one. The store paths in its context must be "
    "in the store on disk."
)

ROWS = (
    BuiltinRow(
        "readFile",
        "path",
        "p",
        cost="n",
        of="the bytes of the file",
        doc=f"Returns the contents of the file at *path* as a string. {_PATH} Raises an error if there is no such file, or "
        "if it holds a NUL byte.",
        example='builtins.readFile /dev/null => ""',
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "readFileType",
        "path",
        "p",
        cost="n",
        of="the bytes of *path*",
        doc='Returns the type of the file at *path*: "regular", "directory", "symlink" or "unknown". A symlink at the end '
        f"of the path is not followed. {_PATH}",
        example='builtins.readFileType /. => "directory"',
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "readDir",
        "path",
        "p",
        cost="n",
        of="the entries of the directory",
        doc="Returns the entries of the directory *path*: a set from names to types, which are those of `readFileType`. "
        f"{_PATH}",
        example="builtins.isAttrs (builtins.readDir /.) => true",
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "pathExists",
        "path",
        "v",
        framed=True,
        cost="n",
        of="the bytes of *path*",
        doc="Returns whether there is a file or directory at *path*. A symlink at the end of the path is not followed, "
        "unless the path is a string that ends in `/` or `/.`: in that case the result says whether there is a "
        "directory. The result is false for paths that a pure or restricted evaluation may not read.",
        example="builtins.pathExists /. => true",
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
    ),
    BuiltinRow(
        "toPath",
        "path",
        "p",
        cost="n",
        of="the bytes of *path*",
        doc="Returns the absolute path *path* as a string in canonical form. Deprecated: use `/. + string`.",
        example='builtins.toPath "/a/../b//c/" => "/b/c"',
        phrases={"coerced": "while evaluating the first argument passed to builtins.toPath"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "findFile",
        "search_path name",
        "l.",
        framed=True,
        cost="n",
        of="the entries of *search_path*",
        doc="Returns the path of *name* in *search_path*, a list of sets `{ prefix, path }`. `<name>` is short for a call "
        "of this function. The entries are tried in order; symlinks in the result are resolved. Raises an error that "
        "`tryEval` catches if no entry has the name.",
        example='builtins.findFile [ { path = "/"; } ] "." => /.',
        phrases={
            "element 1": "while evaluating an element of the list passed to builtins.findFile",
            "attribute path": "while evaluating the `path` attribute of an element of the list passed to builtins.findFile",
            "attribute prefix": "while evaluating the `prefix` attribute of an element of the list passed to builtins.findFile",
            "no attribute path": "in an element of the __nixPath",
            "no attribute prefix": "in an element of the __nixPath",
        },
        always=("argument 2", "attribute prefix"),
    ),
    BuiltinRow(
        "import",
        "path",
        "p",
        is_global=True,
        cost="1",
        doc="Returns the value of the Nix file at *path*, or of its `default.nix` if *path* is a directory. Each file is "
        "read and evaluated once. For a `.drv` file that is in the store on disk, it returns the derivation.",
        example="builtins.isFunction (import <nix/fetchurl.nix>) => true",
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "scopedImport",
        "scope path",
        ".p",
        framed=True,
        is_global=True,
        cost="1",
        doc="Does what `import` does, but the names of the set *scope* are in scope in the file, before the builtins. The "
        "file is read and evaluated again each time.",
        example='builtins.isFunction (scopedImport { derivation = throw "unused"; } <nix/fetchurl.nix>) => true',
        phrases={"argument 2": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 2",),
    ),
)
