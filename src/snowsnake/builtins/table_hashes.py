"""Rows of the builtins for hashes (hashes.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "hashString", "type s", "S.", framed=True,
        cost="n",
        of="the bytes of *s*",
        doc="Returns the hash of the bytes of *s* in base 16. *type* is `md5`, `sha1`, `sha256` or `sha512`. The context "
        "of *s* does not matter. Forces *type*, then *s*. Raises an error for an unknown *type*, and type errors.",
        example='builtins.hashString "md5" "" => "d41d8cd98f00b204e9800998ecf8427e"',
        always=("argument 2",),
    ),
    BuiltinRow(
        "hashFile", "type path", "S.", framed=True,
        cost="n",
        of="the bytes of the file",
        doc="Returns the hash of the contents of the file *path* in base 16. *type* is what `hashString` accepts. Forces "
        "*type*, then *path*. Raises an error for an unknown *type*, and for a file that cannot be read.",
        example='builtins.tryEval (builtins.isFunction (builtins.hashFile "md5")) => { success = true; value = true; }',
        phrases={"coerced": "while realising the context of a path", "argument 2": "while realising the context of a path"},
        always=("argument 2",),
    ),
    BuiltinRow(
        "convertHash", "args", "a", framed=True,
        cost="n",
        of="the bytes of the hash",
        doc="Returns a hash in another format. *args* has `hash`, `toHashFormat` (`base16`, `nix32`, `base64` or `sri`) "
        "and `hashAlgo`, which may be missing if `hash` names its algorithm or is in SRI format. Forces the "
        "attributes in the order `hash`, `hashAlgo`, `toHashFormat`. Raises an error if `hash` is not a hash of that "
        "algorithm, and type errors.",
        example='builtins.convertHash { hash = "d41d8cd98f00b204e9800998ecf8427e"; hashAlgo = "md5"; '
        'toHashFormat = "sri"; } => "md5-1B2M2Y8AsgTpgAmY7PhCfg=="',
        phrases={
            "attribute hash": "while evaluating the attribute 'hash'",
            "attribute hashAlgo": "while evaluating the attribute 'hashAlgo'",
            "attribute toHashFormat": "while evaluating the attribute 'toHashFormat'",
            "no attribute hash": "while locating the attribute 'hash'",
            "no attribute toHashFormat": "while locating the attribute 'toHashFormat'",
        },
        always=("attribute hash", "attribute hashAlgo", "attribute toHashFormat"),
    ),
)
