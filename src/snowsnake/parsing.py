"""Parsing for Python and the commands: a tree, or the faults as errors with places.

In: source bytes and their name.  Out: `Syntax`; EvaluationError with `others` for the further faults of the same source.
"""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import a_list
from snowsnake.source import Position, SourceMap
from snowsnake.syntax.api import ParsedTree, global_names, parse_text
from snowsnake.syntax.features import LINTS, feature_bits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from snowsnake.bytecode.view import Chunk

# A source that is larger is not parsed again for the exact words of its error.
LARGEST_SEARCHED_BYTES = 4_000_000
# A source that is larger is not parsed again for a suggestion, which must not take longer than all the rest.
LARGEST_NAMED_BYTES = 64 << 10


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

    def outline(self) -> "Any":
        """What the expression states without being evaluated: a `Literal` of syntax/outline.pyx."""
        return self._tree.outline()

    def turns(self) -> dict[str, int]:
        """When C++ Nix meets each name, which is the order in which it goes through sets."""
        return self._tree.turns()

    def to_json(self) -> str:
        """The tree as JSON: an object for each node, with its kind and its span of bytes."""
        try:
            return self._tree.to_json()
        except RecursionError as error:
            raise EvaluationError("depth", str(error)) from None


def parse_source(
    source: bytes,
    name: str,
    base_path: str,
    features: "Iterable[str]" = (),
    warn: "Callable[[str], None] | None" = None,
    check_variables: bool = True,
) -> Syntax:
    """Parses an expression and (`check_variables`) looks for undefined variables; relative paths start at `base_path`."""
    bits = feature_bits(features)
    try:
        tree = parse_text(source, base_path, features=bits, check_bindings=check_variables)
    except RecursionError as too_deep:
        raise EvaluationError("depth", str(too_deep)) from None
    if warn is not None:
        for start_byte, end_byte in tree.or_calls:
            warn(or_warning(Position(name, source, start_byte, end_byte)))
    faults = tree.faults
    if faults:
        errors = _errors(faults, source, name)
        for fault in errors:
            if fault.code == "undefined-variable" and fault.position is not None:
                fault.suggestions = similar_variables(source, fault.position.start_byte, fault.position.text, features)
        errors[0].others = errors[1:]
        raise errors[0]
    # The bits of lints are above those of features.
    if bits >= min(LINTS.values()):
        _lint(source, name, bits, warn)
    return Syntax(tree, name)


def _lint(source: bytes, name: str, bits: int, warn: "Callable[[str], None] | None") -> None:
    from snowsnake.machine.lint import lint

    for finding in lint(source, name, bits):
        if finding.is_fatal:
            raise EvaluationError("syntax", finding.message, finding.position)
        if warn is not None:
            warn(finding.warning)


def or_warning(position: Position) -> str:
    """What C++ Nix says about `f or` as an argument or a list element."""
    return (
        f"at {position}: This expression uses `or` as an identifier in a way that will change in a future Nix release.\n"
        "Wrap this entire expression in parentheses to preserve its current meaning:\n"
        f"    ({position.text})\n"
        "Give feedback at https://github.com/NixOS/nix/pull/11121"
    )


def complete_syntax_error(error: EvaluationError, source: bytes, features: "Iterable[str]" = ()) -> None:
    """Completes the error of a source that the machine could not compile: with its exact code and words, and with the further faults."""
    if error.position is None or len(source) > LARGEST_SEARCHED_BYTES:
        return
    bits = feature_bits(features)
    faults = parse_text(source, "/", features=bits, check_bindings=False).faults
    if faults and faults[0][1] == error.position.start_byte:
        first, *error.others = _errors(faults, source, error.position.file)
        error.code, error.message, error.args = first.code, first.message, first.args


def _errors(faults: "list[tuple[str, int, int, str, int | None]]", source: bytes, name: str) -> list[EvaluationError]:
    lines = SourceMap(source)
    errors = []
    for code, start_byte, end_byte, message, other_byte in faults:
        if other_byte is not None:
            message += f" at {Position(name, lines, other_byte, other_byte)}"
        errors.append(EvaluationError(code, message, Position(name, lines, start_byte, end_byte)))
    return errors


def compile_source(
    source: bytes,
    name: str,
    base_path: str,
    level: int = 1,
    features: "Iterable[str]" = (),
    index: int | None = None,
) -> str:
    """The bytecode of an expression, disassembled: every chunk with its constants and captures.

    `index`: only the chunk with this number and those below it.
    """
    return "".join(compiled_pieces(source, name, base_path, level, features, index))


def compiled_pieces(
    source: bytes,
    name: str,
    base_path: str,
    level: int = 1,
    features: "Iterable[str]" = (),
    index: int | None = None,
) -> "Iterator[str]":
    """`compile_source` in pieces, one for each chunk."""
    from snowsnake.bytecode.disassembler import listing

    chunk = compile_chunk(source, name, base_path, level, features)
    if index is not None:
        chunk = next((inner for inner in chunk.walk() if inner.index == index), chunk)
    return listing(chunk, source)


def compile_chunk(source: bytes, name: str, base_path: str, level: int, features: "Iterable[str]" = ()) -> "Chunk":
    """The bytecode of an expression as data."""
    from snowsnake.compiler.compile import compile_text
    from snowsnake.compiler.fault import CompileFault

    features = tuple(a_list("features", features, "names"))
    # This raises better errors: all faults, with their codes.
    parse_source(source, name, base_path, features)
    try:
        chunk: Chunk = compile_text(source, base_path, level, feature_bits(features))
        return chunk
    except CompileFault as fault:
        place = Position(name, SourceMap(source), fault.start_byte, fault.end_byte)
        raise EvaluationError(fault.code, str(fault), place) from None


def similar_variables(source: bytes, offset: int, wanted: str, features: "Iterable[str]" = ()) -> list[str]:
    """Names that look like an undefined variable, among those that can be used at its place.

    >>> similar_variables(b"let length = 1; f = x: lenght; in f", 23, "lenght")
    ['length']
    """
    from snowsnake.diagnostics.suggestions import nearest

    # `__curPos` can be used anywhere, but not inherited.
    return nearest(wanted, visible_names(source, offset, features) - {wanted})


def visible_names(source: bytes, offset: int, features: "Iterable[str]" = ()) -> set[str]:
    """Variables bound around a byte of the source, and the global ones."""
    names = {"true", "false", "null", "builtins"} | global_names()
    if len(source) > LARGEST_NAMED_BYTES:
        return names
    try:
        names |= parse_text(source, "/", features=feature_bits(features), check_bindings=False).names_at(offset)
    except (RecursionError, ValueError):
        # The source is too deep, or has further faults: the globals must do.
        pass
    return names
