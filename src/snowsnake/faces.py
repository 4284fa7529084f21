"""The public names of packages without code of their own: `snowsnake.syntax`, `snowsnake.bytecode`.

Each name is imported when it is first used, because every start of a command imports these packages (tools/native.c calls `attribute`).
The packages' stubs tell type checkers what each name is: `__init__.pyi` beside their `__init__.py`.
"""

from importlib import import_module
from typing import Any

FACES = {
    "snowsnake.syntax": {
        "tree": ("Comment", "KINDS", "Node", "Tree", "Visitor", "parse", "parse_file"),
        "editing": ("Edits",),
    },
    "snowsnake.bytecode": {
        "bytecode_face": ("compile",),
        "bytecode.decode": ("Capture", "DecodeFault", "Operation", "operations"),
        "bytecode.disassembler": ("disassemble",),
        "bytecode.instructions": ("INSTRUCTIONS", "Op", "Operand", "SPECIFIED_COUNT"),
        "bytecode.verifier": ("verify", "verify_all"),
        "bytecode.view": ("Chunk", "Constant", "Keys", "Span"),
    },
}


def attribute(package: str, name: str) -> Any:
    """The value of a public name of a package; AttributeError if it has none."""
    for module, names in FACES[package].items():
        if name in names:
            return getattr(import_module(f"snowsnake.{module}"), name)
    if name == "__all__":
        return sorted(name for names in FACES[package].values() for name in names)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
