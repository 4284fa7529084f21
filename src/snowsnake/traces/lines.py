"""The lines of a trace, in C++ Nix's words and order.

In: notes of the machine's activations, outermost first; the error's message and place.  Out: (kind, name, place) for each line,
and where the message itself shows a place.
"""

from snowsnake.bytecode.opcode_numbers import OPCODES
from snowsnake.diagnostics.notes import note_line
from snowsnake.source import SourceMap
from snowsnake.syntax.api import name_text
from snowsnake.traces.arguments import AT_ATTRIBUTE, argument_text, is_wrapped, part_text
from snowsnake.traces.cause import Cause
from snowsnake.traces.note import Note, RawPosition
from snowsnake.traces.source_tree import SourceTree, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Line = tuple[str, str, "RawPosition | None"]

_TAG_INT, _TAG_THUNK, _TAG_ATTRS, _TAG_LIST, _TAG_STRING, _TAG_BOX = 0, 1, 2, 3, 5, 6
_LOGIC = {"&&": "AND (&&)", "||": "OR (||)", "->": "IMPL (->)"}
_ARITHMETIC = {"-": "sub", "*": "mul", "/": "div"}
_COMPARISONS = ("<", "<=", ">", ">=")
_COMPARERS = ("__less", "__notLess")
_LOOKS = frozenset((OPCODES["HasAttrName"],))
_FORCES_SET = frozenset((OPCODES["SelectPlace"],))
_SELECTS = frozenset(OPCODES[name] for name in ("Select", "SelectPlace", "TrySelect", "Return", "Force"))
_FORCES_RESULT = frozenset((OPCODES["Return"], OPCODES["Force"]))
_COERCIONS = ("__coerce", "__coerceStore", "__coercePath")
_RESULT_OF_TO_STRING = "while evaluating the result of the `__toString` attribute"
_BINDERS = ("attrs", "let", "legacyLet")
# Where C++ Nix keeps its definition of `derivation`, which Snowsnake has built in.
_DERIVATION_LINES = {
    29: b"*/",
    30: b"drvAttrs@{",
    31: b"  outputs ? [ \"out\" ],",
    37: b"  strict = derivationStrict drvAttrs;",
    49: b"    value = commonAttrs // {",
    50: b"      outPath = builtins.getAttr outputName strict;",
    51: b"      drvPath = strict.drvPath;",
    52: b"      type = \"derivation\";",
}
_DERIVATION_SOURCE = b"\n".join(_DERIVATION_LINES.get(line, b"") for line in range(1, 54))


def _derivation_place(line: int, word: bytes) -> RawPosition:
    start = _DERIVATION_SOURCE.index(word, _DERIVATION_SOURCE.index(_DERIVATION_LINES[line]))
    return "«nix-internal»/derivation-internal.nix", _DERIVATION_SOURCE, start, start + 1


_DERIVATION_PLACES = {
    "argument": _derivation_place(30, b"drvAttrs"),
    "derivationStrict": _derivation_place(37, b"derivationStrict"),
    "outPath": _derivation_place(50, b"outPath"),
    "getAttr": _derivation_place(50, b"builtins.getAttr"),
    "drvPath": _derivation_place(51, b"drvPath"),
}
_PART_OF_FAULT = {"not-coercible": "coerced", "not-absolute": "coerced", "not-comparable": "compared", "no-attribute": "attributes"}
_ARGUMENT_ERRORS = ("missing-argument", "unexpected-argument")


def frames_of(
    notes: list[Note],
    cause: Cause,
    position: RawPosition | None,
    call_site: RawPosition | None,
    features: "Iterable[str]",
) -> tuple[list[Line], RawPosition | None, bool]:
    """The lines of the trace, the place of the error, and whether the message shows it (else a line does).

    `call_site` is where the innermost function was called from, if its caller's activation is gone.
    """
    return _Trace(notes, cause, position, call_site, features).made()


class _Trace:
    def __init__(self, notes, cause, position, call_site, features) -> None:  # type: ignore[no-untyped-def]
        self._notes = _without_machine(notes)
        self._compared = _take_trailing(self._notes, "ordered-elements")
        self._cause: Cause = cause
        self._code: str = cause.code
        self._position: RawPosition | None = position
        self._call_site: RawPosition | None = call_site
        self._features = tuple(features)
        self._trees: dict[tuple[str, int], SourceTree] = {}
        self._lines: list[Line] = []
        self._is_shown = True
        self._asked = ""                              # `variable x`, if that is what the next activation is the value of
        self._asked_in: tuple[SourceTree, Step] | None = None       # or the selection that asked for it
        self._place: RawPosition | None = None        # where the caller of a builtin stands
        self._told: Note | None = None                # the last line of the machine's own, and how many lines there were then
        self._told_at = 0

    def made(self) -> tuple[list[Line], RawPosition | None, bool]:
        is_import = False
        for number, note in enumerate(self._notes):
            inner = self._inner(number)
            if note.is_code:
                self._activation(note, inner, is_import, self._notes[number - 1] if number else None)
                is_import = False
            elif note.kind == "builtin":
                self._builtin(note, inner, number)
                is_import = note.name in ("import", "scopedImport")
            else:
                self._lines.append(self._given(note))
                self._told, self._told_at = note, len(self._lines)
        self._lines += [(note.kind, note.name, None) for note in self._compared]
        if self._code == "assertion" and self._notes and self._notes[-1].kind == "text":
            self._is_shown = False             # the first of the lines that say what differs is at the assertion
        return self._lines, self._position, self._is_shown

    def _given(self, note: Note) -> Line:
        """A line that the machine words itself; some places read differently."""
        tree = self._tree(note.place)
        if note.line == "functor":
            return note.kind, note.name, self._place
        if tree is None or note.place is None:
            return note.kind, note.name, note.place
        if note.line == "derivation":
            line, column = SourceMap(tree.source).place(note.place[2])
            return note.kind, f"{note.name}\n  whose name attribute is located at {note.place[0]}:{line}:{column}", None
        if note.line == "condition":
            outer = [step for step in tree.way_to(note.place[2], note.place[3]) if step.kind == "assert"]
            if outer:
                self._position = (*note.place[:2], outer[-1].start, outer[-1].start + 1)
                return note.kind, note.name, self._position
        return note.kind, note.name, note.place

    def _inner(self, number: int) -> Note | None:
        return self._notes[number + 1] if number + 1 < len(self._notes) else None

    # ---- code -----------------------------------------------------------------------------------------------

    def _activation(self, note: Note, inner: Note | None, is_import: bool, before: Note | None) -> None:
        is_innermost = inner is None
        self._definition(note, before)
        if note.is_gone:
            self._leave(note, inner)
            return
        if is_innermost and note.kind == "function" and self._is_of_call(note):
            self._call(note)
            return
        if note.kind == "function" and note.opcode == OPCODES["BindFormals"] and inner is not None and inner.kind == "thunk":
            pass                               # its argument is evaluated first
        elif note.kind == "function":
            if note.is_behind_machine and note.arity == 1 and (not self._lines or self._lines[-1][0] != "call"):
                self._lines.append(("call", "", note.extent))        # it was to be called later: that call stands nowhere
            self._lines.append(("function", note.name, self._innermost_lambda(note)))
        elif is_import and note.kind == "file" and note.extent is not None:
            self._lines.append(("file", note.extent[0], None))
        self._place = self._called(self._only_call(note, inner) or note.place) or self._place
        tree, way = self._way(note)
        if tree is not None and way:
            self._surroundings(note, way, tree)
            is_said = way[-1].kind == "select" and self._selection(note, way[-1], tree, inner)
            if is_innermost or (inner is not None and inner.is_internal):
                self._failure(note, way[-1], tree, inner)
            elif inner is not None and inner.kind == "thunk":
                self._demand(note, way[-1], tree)
            if is_said:
                self._asked = "attribute"      # its line is there
        if inner is not None and inner.kind == "function":
            self._call_line(self._called(note.place), inner)

    def _only_call(self, note: Note, inner: Note | None) -> RawPosition | None:
        """Where a builtin was called in tail position: the machine does not know, but one place may be all there is."""
        if inner is None or inner.kind != "builtin" or inner.is_internal or note.place != note.extent:
            return None
        tree = self._tree(note.extent)
        if tree is None or note.extent is None:
            return None
        calls = [node for node in tree.tails(note.extent[2:], note.arity) if node.kind == "apply"]
        if len(calls) != 1:
            return None
        place = (*note.extent[:2], calls[0].start, calls[0].end)
        if self._position is not None and self._position[2] == note.extent[2]:
            self._position = place
        return place

    def _called(self, place: RawPosition | None) -> RawPosition | None:
        """The place of a call: `(f a) b` is `f a b` for C++ Nix, and begins where that `f` does."""
        tree = self._tree(place)
        if tree is None or place is None:
            return place
        way = tree.way_to(*place[2:])
        node = way[-1] if way and way[-1].kind == "apply" and way[-1].start == place[2] else None
        while node is not None:
            inner = min(tree.children(node), key=lambda child: child.start, default=None)
            if inner is None or inner.role != "function" or inner.kind != "apply":
                break
            node = inner
        return place if node is None else (*place[:2], node.start, place[3])

    def _innermost_lambda(self, note: Note) -> RawPosition | None:
        """Where the function is that takes the last of the arguments that ours takes at once."""
        tree = self._tree(note.extent)
        if tree is None or note.extent is None or note.arity < 2:
            return note.extent
        way = tree.way_to(*note.extent[2:])
        node = way[-1] if way and way[-1].kind == "lambda" else None
        for _ in range(note.arity - 1):
            node = tree.child(node, "body") if node is not None else None
            if node is None or node.kind != "lambda":
                return note.extent
        return note.extent if node is None else (*note.extent[:2], node.start, node.end)

    def _call_line(self, place: RawPosition | None, inner: Note) -> None:
        if inner.is_functor:
            self._lines.append(("text", note_line("functor"), place))
        self._lines.append(("call-site" if self._inner_is_of_call(inner) else "call", "", place))

    def _selection(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> bool:
        """What goes wrong in a selection is told with the attribute that it found last."""
        if note.selected is None or (note.opcode not in _SELECTS and (inner is None or inner.kind != "thunk")):
            return False
        self._lines.append(("attribute", tree.attribute_path(node), note.selected))
        return True

    def _leave(self, note: Note, inner: Note | None) -> None:
        """What left in tail position: it did so where only one place of its source can lead to what came after it."""
        tree = self._tree(note.extent)
        if tree is None or note.extent is None:
            return
        kinds = ("select", "variable") if inner is not None and inner.kind == "thunk" else ("apply",)
        tails = tree.tails(note.extent[2:], note.arity)
        if len(tails) > 1:
            tails = [node for node in tails if node.kind in kinds]
        if len(tails) != 1:
            return
        place = self._called((*note.extent[:2], tails[0].start, tails[0].end))
        self._place = place
        if inner is None or inner.is_internal:
            if self._code == "not-a-function" and self._position is None:
                self._position = place
        elif tails[0].kind == "select":
            self._asked_in = (tree, tails[0])
        elif tails[0].kind == "variable":
            self._asked = "variable " + tails[0].variable
        elif inner.kind == "function":
            self._call_line(place, inner)

    def _inner_is_of_call(self, inner: Note) -> bool:
        return inner is self._notes[-1] and self._is_of_call(inner)

    def _is_of_call(self, note: Note) -> bool:
        """Whether the error is about how this function was called."""
        if self._code in _ARGUMENT_ERRORS:
            return True
        return (
            self._cause.wants("a set") and note.extent is not None and note.opcode == OPCODES["BindFormals"]
        )

    def _call(self, note: Note) -> None:
        if self._call_site is not None and (not self._lines or self._lines[-1][0] != "call-site"):
            self._lines.append(("call-site", "", self._call_site))
        if self._code not in _ARGUMENT_ERRORS:
            self._lines.append(("text", "while evaluating the value passed for the lambda argument", note.extent))
            self._is_shown = False
        else:
            self._position = note.extent

    def _way(self, note: Note) -> tuple[SourceTree | None, list[Step]]:
        tree = self._tree(note.place)
        if tree is None or note.place is None or note.extent is None:
            return None, []
        way = tree.way_inside(note.extent[2:], note.place[2], note.place[3])
        if not way and note.kind == "thunk":
            way = [node for node in tree.way_to(*note.place[2:])[-1:] if node.kind in _BINDERS]       # of `inherit (e) name`
        return tree, way

    def _tree(self, place: RawPosition | None) -> SourceTree | None:
        if place is None or place[1] is None:
            return None
        key = (place[0], id(place[1]))
        if key not in self._trees:
            self._trees[key] = SourceTree(place[1], self._features)
        return self._trees[key]

    def _add(self, note: Note, kind: str, text: str, offset: int | None) -> None:
        place = None
        if offset is not None and note.place is not None:
            place = (note.place[0], note.place[1], offset, offset + 1)
        self._lines.append((kind, text, place))

    def _at(self, note: Note, offset: int) -> None:
        """Move the place of the message."""
        if note.place is not None:
            self._position = (note.place[0], note.place[1], offset, offset + 1)

    def _surroundings(self, note: Note, way: list[Step], tree: SourceTree) -> None:
        """What the nodes around the place are evaluating."""
        for outer, inner in zip(way, way[1:], strict=False):
            if inner.role in ("left", "right"):
                self._operand_line(note, outer, inner, tree)
            elif outer.kind == "legacyLet" and inner.role == "value" and inner.name == "body":
                self._add(note, "attribute", "body", inner.name_start)
            elif inner.role == "condition" and outer.kind == "if":
                self._add(note, "text", "while evaluating a branch condition", outer.start)
            elif inner.role == "condition" and self._code != "assertion":
                self._add(note, "text", "in the condition of the assert statement", outer.start)
            elif inner.role == "condition":
                self._at(note, outer.start)
            elif inner.role == "operand" and outer.kind == "not":
                self._add(note, "text", "in the argument of the not operator", tree.position_of(inner))
            elif inner.role == "operand":
                self._add(note, "builtin", "sub", outer.start)

    def _operand_line(self, note: Note, node: Step, child: Step, tree: SourceTree) -> None:
        """The line of an operator whose operand is being evaluated."""
        if node.operator in _LOGIC:
            self._add(note, "text", f"in the {child.role} operand of the {_LOGIC[node.operator]} operator", node.place)
        elif node.operator == "//":
            self._add(note, "text", f"in the {child.role} operand of the update (//) operator", tree.position_of(child))
        elif node.operator in _ARITHMETIC:
            self._add(note, "builtin", _ARITHMETIC[node.operator], node.place)
        elif node.operator in _COMPARISONS:
            self._comparison(note, node)

    def _comparison(self, note: Note, node: Step) -> None:
        """`a >= b` is `! (a < b)`, and so are the places."""
        if node.operator in ("<=", ">="):
            self._add(note, "text", "in the argument of the not operator", node.place)
        self._add(note, "builtin", "lessThan", node.place)

    # ---- a value that an operation asked for ------------------------------------------------------------------

    def _demand(self, note: Note, node: Step, tree: SourceTree) -> None:
        """The operation at hand forces a value, which the activation that follows evaluates."""
        child: Step | None = node if node.kind == "variable" else None
        if node.kind == "select" and note.opcode not in _FORCES_SET:
            self._attribute(node, tree)
        elif node.kind == "select":
            child = tree.child(node, "set")
        elif node.kind == "binary":
            child = self._operand(node, tree, self._forced_side(node, note.operands))
            if child is not None:
                self._operand_line(note, node, child, tree)
        elif node.kind in ("not", "negate", "apply"):
            child = tree.child(node, "function" if node.kind == "apply" else "operand")
        if child is not None and child.kind == "select":
            self._attribute(child, tree)
        elif child is not None and child.kind == "variable":
            self._asked = "variable " + child.variable

    def _forced_side(self, node: Step, operands: tuple[int, int]) -> str:
        left, right = operands
        if node.operator == "//":
            return "left" if right == _TAG_ATTRS else "right"
        return "left" if left == _TAG_THUNK else "right"

    def _operand(self, node: Step, tree: SourceTree, side: str) -> Step | None:
        return tree.child(node, side)

    def _attribute(self, node: Step, tree: SourceTree) -> None:
        """A selected attribute is asked for: the activation that follows is what it is defined as."""
        self._asked_in = (tree, node)

    def _definition(self, note: Note, before: Note | None) -> None:
        """The line of an attribute whose definition is being evaluated; `_asked` is how it was asked for, if that is known.

        Builtins tell themselves what they are at.
        """
        asked, self._asked = self._asked, ""
        asked_in, self._asked_in = self._asked_in, None
        name, place = self._defined(note)
        is_told = before is not None and before.kind in ("builtin", "text") and not (before.is_internal or before.is_element)
        if not name or note.is_from_outside or (is_told and not note.is_behind_machine) or (before is not None and self._is_unnamed(name, before)):
            return
        if asked in ("attribute", "variable " + name):
            return
        shown = name_text(name)
        path = asked_in[0].attribute_path(asked_in[1], name) if asked_in is not None else ""
        asked = path if path.endswith(shown) else shown         # else asked for in tail position, by an activation that is gone
        if self._lines and self._lines[-1][0] == "text" and self._lines[-1][2] is not None and self._lines[-1][2][2] == place[2]:
            return                             # a line of deep evaluation says so already
        self._lines.append(("attribute", asked, place))

    def _is_unnamed(self, name: str, before: Note) -> bool:
        """Whether C++ Nix asked for an attribute without a line for it: while it compares, coerces, looks for a name, overrides."""
        if before.name == "__equal" or before.name in _COMPARERS:
            return before.part.startswith("attribute ")
        if before.name in (*_COERCIONS, "__toStringCoerce"):
            return name == "outPath" or before.part != ""
        return before.is_code and (before.opcode in _LOOKS or (before.opcode == OPCODES["AttrsOverride"] and name == "__overrides"))

    def _defined(self, note: Note) -> tuple[str, RawPosition]:
        """The attribute that a thunk is the value of, and its place; no name if it is none."""
        nothing = ("", ("", b"", 0, 0))
        tree = self._tree(note.extent)
        if note.kind != "thunk" or tree is None or note.extent is None:
            return nothing
        way = tree.way_to(note.extent[2], note.extent[3])
        while len(way) > 2 and not way[-1].name and way[-2].role == "value" and (way[-2].start, way[-2].end) == note.extent[2:]:
            way.pop()                          # the set that `a.${b} = c` makes for `a`, not the one in it
        if len(way) < 2 or way[-1].role != "value" or not self._is_named(way[-2].kind, way[-1].name) or (way[-1].start, way[-1].end) != note.extent[2:]:
            return nothing
        start = way[-1].name_start
        return way[-1].name, (note.extent[0], note.extent[1], start, start + 1)

    @staticmethod
    def _is_named(kind: str, name: str) -> bool:
        """Whether C++ Nix has a line for what is bound to a name: of the old `let`, only for what is selected of it."""
        return kind == "attrs" or (kind == "legacyLet" and name == "body")

    # ---- an operation that failed -----------------------------------------------------------------------------

    def _failure(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        """The operation at hand raised the error itself, or the machine's own builtin did that it runs as."""
        if self._code == "assertion":
            return
        rest = self._notes[self._notes.index(inner) :] if inner is not None else []
        is_last = len(rest) <= 1 or all(other.is_internal for other in rest)
        if not is_last:
            if inner is not None and inner.name in _COMPARERS:
                self._comparison(note, node)
            elif node.kind == "string" and inner is not None and inner.argument and self._notes[-1] is not inner:
                self._piece(node, tree, inner)
            return
        if self._code == "infinite-recursion":
            self._recursion(note, node, tree)
        elif self._code == "not-a-function" and node.kind == "apply":
            self._position = self._called(self._position)
        elif self._cause.wants("a Boolean"):
            self._boolean(note, node, tree)
        elif node.kind == "select" and self._cause.wants("a set"):
            self._add(note, "text", "while selecting an attribute", node.start)
            self._is_shown = False
        elif node.kind in _BINDERS and note.opcode in _SELECTS and self._cause.wants("a set"):
            self._lines.append(("text", "while selecting an attribute", self._position))     # of `inherit (e) name`
            self._is_shown = False
        elif node.kind in ("select", "hasAttr") and (self._cause.wants("a string") or self._code == "context"):
            child = tree.child(node, "name")
            self._add(note, "text", "while evaluating an attribute name", None if child is None else child.position)
            self._is_shown = child is not None and child.position is not None
            if self._code == "context":
                self._position = None
            elif child is not None and child.position is not None:
                self._at(note, child.position)
        elif node.kind == "attrs" and note.opcode == OPCODES["AttrsOverride"] and self._cause.wants("a set"):
            self._add(note, "text", "while evaluating the `__overrides` attribute", None)
            self._position = None
        elif node.kind == "attrs" and (self._cause.wants("a string") or self._code == "context"):
            self._dynamic_name(note, node, tree)
        elif node.kind == "variable" and self._cause.wants("a set"):
            self._with(note, tree)
        elif self._code == "file" and node.kind in ("string", "binary"):
            self._position = None              # a path that is copied to the store: the error stands alone
        elif node.kind in ("string", "path") and self._cause.kind == "not-coercible":
            self._coerced_piece(note, node, tree, inner)
        elif node.kind == "binary":
            self._binary(note, node, tree, inner)
        elif self._code == "search-path":
            self._add(note, "builtin", "findFile", node.start)
            self._is_shown = False
        elif node.kind == "negate" and self._code == "type":
            self._add(note, "builtin", "sub", node.start)
            self._add(note, "text", argument_text("sub", 2), None)
            self._is_shown = False

    def _recursion(self, note: Note, node: Step, tree: SourceTree) -> None:
        """An attribute that is asked for again: the message is at its definition."""
        if node.kind == "select" and note.selected is not None:
            if note.opcode in _FORCES_RESULT:
                self._position = note.selected
            return
        again = next((note for note in self._notes if note.is_code and note.argument), None)
        if node.kind == "binary":
            side = self._forced_side(node, note.operands)
            child = self._operand(node, tree, side)
            if node.operator == "//" and child is not None and child.position is not None:
                self._add(note, "text", f"in the {side} operand of the update (//) operator", child.position)
                self._at(note, child.position)
            node = child or node
        if again is None or node.kind != "select":
            return
        name, place = self._defined(again)
        path = tree.attribute_path(node, name)
        if name and path.endswith(name_text(name)):
            self._lines.append(("attribute", path, place))
            self._position = place

    def _boolean(self, note: Note, node: Step, tree: SourceTree) -> None:
        """The place of the message is that of the line above it."""
        if node.kind == "not":
            child = tree.child(node, "operand")
            self._add(note, "text", "in the argument of the not operator", None if child is None else tree.position_of(child))
        if self._lines and self._lines[-1][0] == "text":
            self._position = self._lines[-1][2]

    def _dynamic_name(self, note: Note, node: Step, tree: SourceTree) -> None:
        child = tree.child(node, "name")
        start = None if child is None else child.name_start
        if node.role == "value" and node.name_start == node.start and note.extent is not None and note.extent[2] == node.start:
            start = node.start                 # `a.${b} = c` is `a = { ${b} = c; }`, all of it where the path starts
        self._add(note, "text", "while evaluating the name of a dynamic attribute", start)
        if self._code == "context":
            self._position = None
        elif start is not None:
            self._at(note, start)

    def _with(self, note: Note, tree: SourceTree) -> None:
        if note.place is None:
            return
        outer = [step for step in tree.way_to(note.place[2], note.place[3]) if step.kind == "with"]
        if outer:
            depth = max(1, min(note.operands[0], len(outer)))
            self._add(note, "text", "while evaluating the first subexpression of a with expression", outer[-depth].start)
            self._is_shown = False

    def _coerced_piece(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        child = None
        if inner is not None and inner.argument:
            first = tree.child(node, "part")
            is_split = node.kind == "path" and first is not None and tree.source[first.end - 1 : first.end] == b"/"      # the slash is a piece of its own
            child = tree.child(node, "part", inner.argument - 1 - is_split)
        text = "while evaluating a path segment"
        if self._notes[-1].part == "result" or (len(self._notes) > 1 and self._notes[-2].name in _COERCIONS):
            text = _RESULT_OF_TO_STRING
        self._add(note, "text", text, node.start if child is None or child.kind == "text" else child.name_start)
        self._is_shown = False

    def _piece(self, node: Step, tree: SourceTree, inner: Note) -> None:
        """A piece of a string that is a selected attribute is being evaluated."""
        after = self._notes[self._notes.index(inner) + 1]
        child = tree.child(node, "part", inner.argument - 1)
        if child is not None and child.kind == "select" and after.kind == "thunk":
            self._attribute(child, tree)

    def _binary(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        left, right = note.operands
        is_type = self._code == "type"
        if node.operator == "++":
            self._add(note, "text", "while evaluating one of the elements to concatenate", node.place)
            self._is_shown = False
        elif node.operator == "//":
            side = "left" if right == _TAG_ATTRS else "right"
            child = self._operand(node, tree, side)
            self._add(note, "text", f"in the {side} operand of the update (//) operator", None if child is None else tree.position_of(child))
            self._is_shown = False
        elif node.operator in _ARITHMETIC:
            name = _ARITHMETIC[node.operator]
            self._add(note, "builtin", name, node.place)
            if is_type:
                is_first = self._is_number(right) if name == "div" else not self._is_number(left)
                self._add(note, "text", argument_text(name, 1 if is_first else 2), None)
            self._is_shown = False
        elif node.operator in _COMPARISONS:
            self._comparison(note, node)
            self._is_shown = False
        elif node.operator == "+":
            self._sum(note, node, tree, inner)

    def _is_number(self, tag: int) -> bool:
        return tag in (_TAG_INT, _TAG_BOX)

    def _operand_start(self, node: Step, tree: SourceTree, side: str) -> int:
        """Where an operand starts, parentheses around it included."""
        return node.start if side == "left" else tree.token_start(node.place + len(node.operator))

    def _sum(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        side = "left" if inner is not None and inner.argument == 1 and self._cause.kind != "not-addable" else "right"
        child = self._operand(node, tree, side)
        if self._cause.kind == "not-coercible":
            text = _RESULT_OF_TO_STRING if self._notes[-1].part == "result" else "while evaluating a path segment"
            self._add(note, "text", text, self._operand_start(node, tree, side))
            self._is_shown = False
        elif self._cause.kind == "not-addable" and child is not None:
            self._at(note, self._operand_start(node, tree, side))
        elif self._code == "overflow" and child is not None:
            self._at(note, child.start)
        elif self._code == "context":
            self._at(note, node.place)

    # ---- builtins ---------------------------------------------------------------------------------------------

    def _builtin(self, note: Note, inner: Note | None, number: int) -> None:
        name = note.name
        if name == "__toStringCoerce" and (number == 0 or self._notes[number - 1].is_code):
            name = "toString"                  # the builtin is the machine's own operation
        if note.is_internal and name == note.name:
            return
        before = self._notes[number - 1] if number else None
        if name == "derivation":
            self._lines.append(("call-site", "", self._place))
            if inner is None and self._cause.wants("a set"):
                self._lines.append(("text", "while evaluating the value passed for the lambda argument", _DERIVATION_PLACES["argument"]))
                self._is_shown = False
            return
        if name == "derivationStrict" and note.is_behind_machine:
            self._derivation()
        elif name == "toJSON" and before is not None and before.name == "derivationStrict":
            pass                               # it has the attribute's JSON made
        elif name not in ("addErrorContext", "break"):
            is_called_by_code = before is None or before.is_code or (before.kind == "text" and not note.is_behind_machine)
            self._lines.append(("builtin", name, self._place if is_called_by_code else None))
        if name == "zipAttrsWith" and self._code == "not-a-function" and self._position is None:
            self._position = note.extent       # what it calls with the list is a result
        rest = self._notes[number + 1 :]
        if name == "genericClosure":
            rest = [other for other in rest if other.kind != "text"]
        rest = [other for other in rest if other.line != "fetching"]
        own = []
        while inner is not None and inner.kind == "text" and inner.line != "functor":
            own.append(self._given(self._notes.pop(number + 1)))                 # what it was at, before what is wrong with that
            rest = rest[1:] if rest and rest[0] is inner else rest
            inner = self._inner(number)
        is_last = all(other.is_internal for other in rest)
        if is_last and (self._position is None or self._position[:3:2] == (self._place or self._position)[:3:2]):
            self._is_shown = False             # the line shows it
        self._lines += own
        text = None
        part = self._part(name, note, inner) if is_last or note.part else ""
        if part and (is_last or is_wrapped(name, part)):
            text = _RESULT_OF_TO_STRING if part == "result of __toString" else part_text(name, part)
        elif name == "toString" and inner is not None and inner.name == "__toStringCoerce" and inner.operands[0] == _TAG_LIST:
            text = argument_text(name, 1)
        placed = own[-1][2] if own else None
        if is_last and self._cause.kind == "not-convertible" and placed is not None and (
            self._position is None or self._position[:3:2] == (self._place or self._position)[:3:2]
        ):
            self._position = placed
            self._is_shown = True
        further = None
        if is_last and name in ("toString", "derivationStrict") and part != "result of __toString":
            further = self._text_of_to_string(rest)
        if further == _RESULT_OF_TO_STRING:
            text, further = further, None
        if text is None:
            if further is not None:
                self._lines.append(("text", further, None))
            return
        place = self._place_of_result(note.extent) if name == "concatMap" and part == "result" else None
        if name == "toJSON" and part == "result of __toString":
            place = placed
        if text.endswith(AT_ATTRIBUTE):
            text = text.removesuffix(AT_ATTRIBUTE)
            place = note.selected
            if is_last and self._cause.kind == "wrong-type" and self._cause.expected not in ("a set", "a list"):
                self._position = place
                self._is_shown = True
        self._lines.append(("text", text, place))
        if further is not None:
            self._lines.append(("text", further, None))

    def _place_of_result(self, extent: RawPosition | None) -> RawPosition | None:
        """Where what a function returned is, if that is a set or a function that stands there; else where the function is."""
        tree = self._tree(extent)
        if tree is None or extent is None:
            return extent
        body = tree.way_to(*extent[2:])[-1:]
        last = tree.child(body[0], "body") if body and body[0].kind == "lambda" else None
        return (*extent[:2], last.start, last.end) if last is not None and last.kind in ("attrs", "lambda") else extent

    def _text_of_to_string(self, rest: list[Note]) -> str | None:
        """What `toString` does with a list's element, or with what a `__toString` returned, that is no text."""
        coercions = [other for other in rest if other.name in ("__toStringCoerce", "__derivationString")]
        if len(coercions) < 2:
            return None
        if any(other.operands[0] == _TAG_LIST for other in coercions[:-1]):
            return "while evaluating one element of the list"
        return _RESULT_OF_TO_STRING if coercions[-2].operands[0] == _TAG_STRING else None

    def _derivation(self) -> None:
        """The lines of an attribute of a derivation, which C++ Nix has a definition of in Nix; selections of it have none there."""
        told = self._told if self._told_at == len(self._lines) else None
        if told is not None and (told.line != "deep-attribute" or told.attribute not in ("drvPath", "outPath")):
            told = None
        is_drv_path = told.attribute == "drvPath" if told is not None else self._selects("drvPath")
        if told is not None:
            self._lines[-1] = (told.kind, told.name, _DERIVATION_PLACES["drvPath" if is_drv_path else "outPath"])
        if not is_drv_path:
            self._lines.append(("builtin", "getAttr", _DERIVATION_PLACES["getAttr"]))
        self._lines.append(("builtin", "derivationStrict", _DERIVATION_PLACES["derivationStrict"]))

    def _selects(self, name: str) -> bool:
        """Whether the place at hand is a selection of an attribute of this name."""
        tree = self._tree(self._place)
        if tree is None or self._place is None:
            return False
        way = tree.way_to(*self._place[2:])
        return bool(way) and way[-1].kind == "select" and ("." + tree.attribute_path(way[-1])).endswith("." + name)

    def _part(self, name: str, note: Note, inner: Note | None) -> str:
        """What of its input a builtin finds wrong, or was evaluating."""
        if name == "scopedImport" and self._cause.wants("a set"):
            return "argument 1"
        if name in ("add", "sub", "mul") and self._code == "type" and not note.part:
            return "argument 2" if self._is_number(note.operands[0]) else "argument 1"
        if name == "div" and self._code == "type" and not note.part:
            return "argument 1" if self._is_number(note.operands[1]) else "argument 2"
        if inner is not None and inner.part == "result" and inner.is_internal and inner.name != "__coercePath":
            return "result of __toString"
        if note.part:
            return f"no {note.part}" if self._cause.kind == "no-attribute" else note.part
        if note.argument:
            return f"argument {note.argument}"
        if self._cause.wants("a function"):
            return "function"
        return _PART_OF_FAULT.get(self._cause.kind, "content" if self._code == "value" else "")


def _take_trailing(notes: list[Note], line: str) -> list[Note]:
    """Lines about what a comparison is at: they come behind those of the comparison."""
    taken: list[Note] = []
    while notes and notes[-1].line == line:
        taken.append(notes.pop())
    return taken


def _without_machine(notes: list[Note]) -> list[Note]:
    """Without the machine's own code and calls; a builtin that is entered through that is there twice then."""
    found: list[Note] = []
    is_own = False
    for note in notes:
        if note.is_code and note.extent is None:
            is_own = True
            continue
        if note.kind == "builtin" and found and found[-1].kind == "builtin":
            is_twice = is_own and found[-1].name == note.name
            if is_twice:
                found.pop()
            elif found[-1].name == "getAttr" and note.name == "derivationStrict":     # of `derivation` itself
                found.pop()
                is_own = True
        note.is_behind_machine = is_own
        is_own = False
        found.append(note)
    return found
