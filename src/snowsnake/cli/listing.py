"""The bytecode of a whole source as a listing: for `snowsnake disassemble` and for `snowsnake eval --dump-bytecode`."""

import os


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
