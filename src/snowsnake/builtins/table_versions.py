"""Rows of the builtins for version numbers and the names of derivations (versions.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "compareVersions", "s1 s2", "SS",
        cost="n",
        of="the bytes of both versions",
        doc="Returns -1, 0 or 1 if version *s1* is older than, equal to, or newer than *s2*. Components are compared one "
        "by one, numbers by value. The component `pre` comes before the end of a version; other names come after the "
        "end but before numbers. Raises a type error, and an error for strings with context.",
        example='builtins.compareVersions "1.10" "1.9" => 1',
    ),
    BuiltinRow(
        "splitVersion", "s", "S",
        cost="n",
        of="the bytes of *s*",
        doc="Returns the list of the components of a version. Components are separated by `.` and `-`, and where a number "
        "meets a name. Raises a type error, and an error for a string with context.",
        example='builtins.splitVersion "1.2pre3" => [ "1" "2" "pre" "3" ]',
    ),
    BuiltinRow(
        "parseDrvName", "s", "S",
        cost="n",
        of="the bytes of *s*",
        doc="Returns a set of the `name` and the `version` in the name of a derivation. The version begins after the "
        "first `-` that is not followed by a letter. Raises a type error, and an error for a string with context.",
        example='builtins.parseDrvName "nix-2.34" => { name = "nix"; version = "2.34"; }',
    ),
)
