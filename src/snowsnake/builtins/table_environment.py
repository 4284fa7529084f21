"""Rows of the builtins that return facts about the machine and the settings (environment.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "getEnv",
        "name",
        "S",
        cost="n",
        of="the bytes of *name*",
        doc="Returns the value of the environment variable *name*. The result is an empty string if the variable is not "
        "set, or if evaluation is pure or restricted.",
        example='builtins.getEnv "A_VARIABLE_THAT_IS_NOT_SET" => ""',
    ),
    BuiltinRow(
        "currentSystem",
        "",
        "",
        is_constant=True,
        needs="impure",
        doc="The system for which evaluation takes place, such as `x86_64-linux`: the system of this machine, unless the "
        "option `system` names another. It is missing in pure evaluation.",
        example="builtins.isString builtins.currentSystem => true",
    ),
    BuiltinRow(
        "currentTime",
        "",
        "",
        is_constant=True,
        needs="time",
        doc="The time in seconds since 1970 at which the program first asked for it; it is the same for the whole "
        "evaluation. It is missing in pure evaluation.",
        example="builtins.currentTime == builtins.currentTime => true",
    ),
    BuiltinRow("__time", "unused", "."),
    BuiltinRow(
        "storeDir",
        "",
        "",
        is_constant=True,
        doc="The folder of the logical store, which is the beginning of every store path.",
        example='builtins.storeDir => "/nix/store"',
    ),
    BuiltinRow(
        "nixPath",
        "",
        "",
        is_constant=True,
        doc="The search path in which `<name>` is looked up, as a list of sets `{ path, prefix }`. It comes from the "
        "option `-I` and the environment variable `NIX_PATH`.",
        example="builtins.isList builtins.nixPath => true",
    ),
)
