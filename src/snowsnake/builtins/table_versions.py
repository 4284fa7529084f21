"""Entries of the builtins on version numbers and the names of derivations."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "compareVersions", "s1 s2", "SS",
        cost="n",
        of="the bytes of both versions",
        doc="-1, 0 or 1: whether version *s1* is older than, the same as or newer than *s2*.  Components are compared one "
        "by one, numbers by value; `pre` comes before the end of a version, other names after it but before numbers.  "
        "Raises: a type error; an error for strings with context.",
        example='builtins.compareVersions "1.10" "1.9" => 1',
    ),
    BuiltinRow(
        "splitVersion", "s", "S",
        cost="n",
        of="the bytes of *s*",
        doc="The components of a version: the numbers and names between `.` and `-`, a number and a name that touch "
        "being two.  Raises: a type error; an error for a string with context.",
        example='builtins.splitVersion "1.2pre3" => [ "1" "2" "pre" "3" ]',
    ),
    BuiltinRow(
        "parseDrvName", "s", "S",
        cost="n",
        of="the bytes of *s*",
        doc="The name and the version in the name of a derivation: the version begins behind the first `-` that is not "
        "followed by a letter.  Raises: a type error; an error for a string with context.",
        example='builtins.parseDrvName "nix-2.34" => { name = "nix"; version = "2.34"; }',
    ),
)
