"""Programs in which a builtin is what Nix calls or looks at by itself: `__toString`, `__functor`, `outPath`, an operator, a comparator.

In: the table of builtins.  Out: expressions, the same each time, until the table grows.
"""

from collections.abc import Iterator

from program_tables.callbacks import NOT_GIVEN, arguments_of
from snowsnake.builtins.table import TABLE

# F is the builtin, or its application to all arguments but the last.
CALLED = ['"${{ __toString = F; x = 1; }}"', "builtins.toJSON { __toString = F; x = 1; }", "{ __functor = F; x = 1; } 1", "{ __functor = F; x = 1; } 1 2",
          "{ __functor = self: F; x = 1; } 1", "map { __functor = F; } [ 1 ]", "builtins.sort F [ 2 1 ]",
          "builtins.genericClosure { startSet = [ { key = 1; } ]; operator = F; }"]  # fmt: skip
GIVEN = ['"${{ outPath = F; }}"', "builtins.toJSON F", "[ F ] == [ F ]", "[ F ] == [ builtins.NAME ]", "let f = F; in [ f ] == [ f ]", "builtins.functionArgs F", "F.a", "F // { }",
         "builtins.genericClosure { startSet = [ { key = F; } { key = F; } ]; operator = x: [ ]; }"]  # fmt: skip
# For a few builtins: what takes no function, and says what it found.
WRONG = ["F < F", "F + 1", '"a" + F', "F ++ [ ]", "F ? a", "F.a or 1", "if F then 1 else 2", "(-F)", "!F", "with F; x", "./. + F", "{ ${F} = 1; }", "import F",
         "builtins.listToAttrs [ { name = F; value = F; } ]", 'derivation { name = "x"; system = "y"; builder = F; }', "throw F", "abort F",
         'builtins.hashString "md5" F', "[ F { a = F; } ]", "builtins.toXML F", "builtins.typeOf F"]  # fmt: skip
SHOWN = ["derivation", "map", "elemAt"]


def programs() -> Iterator[str]:
    for entry in TABLE.values():
        if entry.is_constant or entry.feature or entry.name.startswith(("__", "fetch")) or entry.name in NOT_GIVEN - {"derivation", "import"}:
            continue
        rest = arguments_of(entry.name, entry.forces)[:-1]
        forms = [f"builtins.{entry.name}"] + [f"(builtins.{entry.name} {' '.join(rest)})"] * bool(rest)
        texts = CALLED + GIVEN + (WRONG if entry.name in SHOWN else [])
        for form in forms:
            yield from (text.replace("F", form).replace("NAME", entry.name) for text in texts if text in CALLED or form is forms[0])
