"""Parsing for Python and the commands: a tree, or the faults as errors with places.

In: source bytes and their name.  Out: `Syntax`; EvaluationError with `others` for the further faults of the same source.
"""

from collections.abc import Iterable

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.source import Position, SourceMap
from snowsnake.syntax.api import PIPE_OPERATORS, ParsedTree, parse_text


class Syntax:
    """A parsed expression: canonical Nix, and the tree as JSON."""

    def __init__(self, tree: ParsedTree, name: str) -> None:
        self._tree = tree
        self.name = name

    def to_nix(self) -> str:
        """What `nix-instantiate --parse` prints: every operator in parentheses, names in order."""
        return self.to_nix_bytes().decode("utf-8", "surrogateescape")

    def to_nix_bytes(self) -> bytes:
        try:
            return self._tree.to_nix()
        except RecursionError as error:
            raise EvaluationError("depth", str(error)) from None

    def to_json(self) -> str:
        """The tree as JSON: an object for each node, with its kind and its span of bytes."""
        try:
            return self._tree.to_json()
        except RecursionError as error:
            raise EvaluationError("depth", str(error)) from None


def parse_source(source: bytes, name: str, base_path: str, features: Iterable[str] = ()) -> Syntax:
    """Parse an expression and look for undefined variables; relative paths start at `base_path`."""
    bits = PIPE_OPERATORS if "pipe-operators" in features else 0
    try:
        tree = parse_text(source, base_path, features=bits)
    except RecursionError as error:
        raise EvaluationError("depth", str(error)) from None
    faults = tree.faults
    if faults:
        errors = _errors(faults, source, name)
        errors[0].others = errors[1:]
        raise errors[0]
    return Syntax(tree, name)


def _errors(faults: list, source: bytes, name: str) -> list[EvaluationError]:
    lines = SourceMap(source)
    errors = []
    for start_byte, end_byte, message, other_byte in faults:
        if other_byte is not None:
            message += f" at {Position(name, lines, other_byte, other_byte)}"
        errors.append(EvaluationError(_code(message), message, Position(name, lines, start_byte, end_byte)))
    return errors


def _code(message: str) -> str:
    if message.startswith("undefined variable"):
        return "undefined-variable"
    return "duplicate-attribute" if "already defined" in message else "syntax"


def compile_source(source: bytes, name: str, base_path: str, level: int = 1, features: Iterable[str] = ()) -> str:
    """The bytecode of an expression, disassembled: every chunk with its constants and captures."""
    from snowsnake.bytecode.disassembler import disassemble
    from snowsnake.compiler.compile import compile_text
    from snowsnake.compiler.fault import CompileFault

    features = tuple(features)
    parse_source(source, name, base_path, features)       # for its better errors: all faults, with their codes
    try:
        chunk = compile_text(source, base_path, level, "pipe-operators" in features)
    except CompileFault as fault:
        place = Position(name, SourceMap(source), fault.start_byte, fault.end_byte)
        raise EvaluationError(_code(str(fault)), str(fault), place) from None
    return disassemble(chunk, source)
