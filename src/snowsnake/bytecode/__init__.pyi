"""The public names, for type checkers; see snowsnake/faces.py."""
# ruff: noqa: I001

from snowsnake.bytecode.decode import (
    Capture as Capture,
    DecodeFault as DecodeFault,
    Operation as Operation,
    operations as operations,
)
from snowsnake.bytecode.disassembler import disassemble as disassemble
from snowsnake.bytecode.instructions import (
    INSTRUCTIONS as INSTRUCTIONS,
    SPECIFIED_COUNT as SPECIFIED_COUNT,
    Op as Op,
    Operand as Operand,
)
from snowsnake.bytecode.verifier import verify as verify, verify_all as verify_all
from snowsnake.bytecode.view import Chunk as Chunk, Constant as Constant, Keys as Keys, Span as Span
from snowsnake.bytecode_face import compile as compile

__all__: list[str]
