"""Entries of the builtins about the surroundings (environment.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "getEnv",
        "name",
        "S",
        cost="n",
        of="the bytes of *name*",
        doc="The value of the environment variable *name*; an empty string if it is not set, or if evaluation is pure or restricted.",
        example='builtins.getEnv "A_VARIABLE_THAT_IS_NOT_SET" => ""',
    ),
    BuiltinRow(
        "currentSystem",
        "",
        "",
        is_constant=True,
        needs="impure",
        doc="The system that evaluation is for, as `x86_64-linux`: this machine's, unless the option `system` says otherwise. Missing in pure evaluation.",
        example="builtins.isString builtins.currentSystem => true",
    ),
    BuiltinRow(
        "currentTime",
        "",
        "",
        is_constant=True,
        needs="time",
        doc="Seconds since 1970 when first asked for; the same for the whole evaluation. Missing in pure evaluation.",
        example="builtins.currentTime == builtins.currentTime => true",
    ),
    BuiltinRow("__time", "unused", "."),
    BuiltinRow(
        "storeDir",
        "",
        "",
        is_constant=True,
        doc="The folder of the logical store, in which store paths are named.",
        example='builtins.storeDir => "/nix/store"',
    ),
    BuiltinRow(
        "nixPath",
        "",
        "",
        is_constant=True,
        doc="The search path in which `<name>` is looked up, as a list of sets `{ path, prefix }`: from `-I` and `NIX_PATH`.",
        example="builtins.isList builtins.nixPath => true",
    ),
)
