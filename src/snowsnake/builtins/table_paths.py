"""Entries of the builtins on files, the search path and imports (paths.pyx, imports.pyx)."""

from snowsnake.builtins.row import BuiltinRow

_PATH = "The path may be a path value, a string with an absolute path, or a set that coerces to one; what its context names must be in the store on disk."

ROWS = (
    BuiltinRow(
        "readFile",
        "path",
        "p",
        doc=f"The contents of the file at *path* as a string. {_PATH} Raises an error if there is no such file, or if it holds a NUL byte.",
        example='builtins.readFile /dev/null => ""',
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "readFileType",
        "path",
        "p",
        doc=f'What is at *path*: "regular", "directory", "symlink" or "unknown"; a symlink at the end of the path is not followed. {_PATH}',
        example='builtins.readFileType /. => "directory"',
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "readDir",
        "path",
        "p",
        doc=f"The entries of the directory *path*: a set from names to types as `readFileType` gives them. {_PATH}",
        example="builtins.isAttrs (builtins.readDir /.) => true",
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "pathExists",
        "path",
        "v",
        framed=True,
        doc="Whether there is something at *path*. A symlink at the end is not followed, unless the path is a string that ends in `/` "
        "or `/.`: then there must be a directory. What a pure or restricted evaluation may not see does not exist.",
        example="builtins.pathExists /. => true",
        phrases={"argument 1": "while realising the context of a path", "coerced": "while realising the context of a path"},
    ),
    BuiltinRow(
        "toPath",
        "path",
        "p",
        doc="The absolute path that *path* means, as a string in canonical form. Deprecated: use `/. + string`.",
        example='builtins.toPath "/a/../b//c/" => "/b/c"',
        phrases={"coerced": "while evaluating the first argument passed to builtins.toPath"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "findFile",
        "search_path name",
        "l.",
        framed=True,
        doc="Where *search_path*, a list of sets `{ prefix, path }`, has *name*: what `<name>` is short for. Entries are tried in order; "
        "symlinks in the result are resolved. Raises an error that `tryEval` catches if no entry has it.",
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
        doc="The value of the Nix file at *path*; of a directory, that of its `default.nix`. Each file is read and evaluated once. "
        "Importing a `.drv` that is in the store on disk gives the derivation.",
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
        doc="Like `import`, but the names of the set *scope* are in scope in the file, before the builtins. The file is read anew each time.",
        example='builtins.isFunction (scopedImport { derivation = throw "unused"; } <nix/fetchurl.nix>) => true',
        phrases={"argument 2": "while realising the context of a path", "coerced": "while realising the context of a path"},
        always=("argument 2",),
    ),
)
