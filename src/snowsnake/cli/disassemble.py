"""`snowsnake disassemble`: the bytecode of a file or expression, with constants and captures.

In: a path or an expression, the level of the compiler.  Out: one listing for each chunk.
"""

import os

from snowsnake.cli.evaluate import settings_of, source_of
from snowsnake.cli.options import Option, UsageError, help_text, parse
from snowsnake.cli.output import Reporter, write

OPTIONS = (
    Option("-E --expr", "EXPR", "compile this expression instead of a file"),
    Option("--optimise", "N", "level of the compiler: 0 is plain bytecode, 1 the default"),
    Option("--feature", "NAME", "enable an experimental feature, such as pipe-operators", is_repeatable=True),
    Option("--option", "NAME VALUE", "set a setting of nix.conf", is_repeatable=True),
    Option("-h --help", "", "show this text"),
)
USAGE = "snowsnake disassemble [OPTION …] [FILE | -E EXPR]"
SUMMARY = "Compile a file (./default.nix if none is given, - for standard input) or an expression and print its bytecode."


def run(words: list[str], reporter: Reporter) -> int:
    given = parse(words, OPTIONS)
    if given.flag("help"):
        print(help_text(USAGE, SUMMARY, OPTIONS))
        return 0
    level = given.integer("optimise", 1)
    if level not in (0, 1):
        raise UsageError(f"option '--optimise' takes 0 or 1, not '{level}'")
    features = settings_of(given, reporter).words("experimental-features")
    name, data = source_of(given)
    write(disassembly(name, data, level, features).encode("utf-8", "surrogateescape"))
    return 0


def disassembly(name: str, data: bytes, level: int, features: list[str]) -> str:
    """The listing of a text called `name`, or of the file at the path `data` if the name is "file"."""
    from snowsnake.parsing import compile_source

    folder = os.getcwd()
    if name == "file":
        from snowsnake.cli.session import resolve_expression_path

        name = resolve_expression_path(os.path.abspath(os.fsdecode(data)))
        folder = os.path.dirname(name)
        with open(name, "rb") as file:
            data = file.read()
    return compile_source(data, name, folder, level, features)
