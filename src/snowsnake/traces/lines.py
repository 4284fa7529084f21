"""The lines of a trace, in C++ Nix's words and order.

In: notes of the machine's activations, outermost first; the error's message and place.  Out: (kind, name, place) for each line,
and where the message itself shows a place.
"""

from snowsnake.bytecode.opcode_numbers import OPCODES
from snowsnake.source import SourceMap
from snowsnake.traces.arguments import argument_text, inside_text, is_wrapped
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
_FORCES_SET = frozenset((OPCODES["SelectPlace"],))
_SELECTS = frozenset(OPCODES[name] for name in ("Select", "SelectPlace", "TrySelect", "Return", "Force"))
_FORCES_RESULT = frozenset((OPCODES["Return"], OPCODES["Force"]))
_DEEP_ELEMENT = "while evaluating list element"
_FUNCTOR = "while calling a functor (an attribute set with a '__functor' attribute)"
# Where C++ Nix keeps its definition of `derivation`, which Snowsnake has built in.
_DERIVATION_SOURCE = b"\n" * 35 + b"\n  strict = derivationStrict drvAttrs;\n\n"
_DERIVATION_PLACE = ("«nix-internal»/derivation-internal.nix", _DERIVATION_SOURCE, 47, 48)
_FETCHING = "while fetching the input '"
_ARGUMENT_ERRORS = ("missing-argument", "unexpected-argument")


def frames_of(
    notes: list[Note],
    code: str,
    message: bytes,
    position: RawPosition | None,
    call_site: RawPosition | None,
    features: "Iterable[str]",
) -> tuple[list[Line], RawPosition | None, bool]:
    """The lines of the trace, the place of the error, and whether the message shows it (else a line does).

    `call_site` is where the innermost function was called from, if its caller's activation is gone.
    """
    return _Trace(notes, code, message.decode("utf-8", "replace"), position, call_site, features).made()


class _Trace:
    def __init__(self, notes, code, message, position, call_site, features) -> None:  # type: ignore[no-untyped-def]
        self._notes = _without_machine(notes)
        self._compared = _take_trailing(self._notes, "while comparing two list elements")
        self._code: str = code
        self._message: str = message
        self._position: RawPosition | None = position
        self._call_site: RawPosition | None = call_site
        self._features = tuple(features)
        self._trees: dict[tuple[str, int], SourceTree] = {}
        self._lines: list[Line] = []
        self._is_shown = True
        self._asked = ""                              # the attribute path, or `variable x`, that the next activation is the value of
        self._place: RawPosition | None = None        # where the caller of a builtin stands

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
        self._lines += [(note.kind, note.name, None) for note in self._compared]
        if self._code == "assertion" and self._notes and self._notes[-1].kind == "text":
            self._is_shown = False             # the first of the lines that say what differs is at the assertion
        return self._lines, self._position, self._is_shown

    def _given(self, note: Note) -> Line:
        """A line that the machine words itself; some places read differently."""
        tree = self._tree(note.place)
        if note.name == _FUNCTOR:
            return note.kind, note.name, self._place
        if tree is None or note.place is None:
            return note.kind, note.name, note.place
        if note.name.startswith("while evaluating derivation '"):
            line, column = SourceMap(tree.source).place(note.place[2])
            return note.kind, f"{note.name}\n  whose name attribute is located at {note.place[0]}:{line}:{column}", None
        if note.name.startswith("while evaluating the condition of the assertion"):
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
        if note.kind == "function":
            self._lines.append(("function", note.name, note.extent))
        elif is_import and note.kind == "file" and note.extent is not None:
            self._lines.append(("file", note.extent[0], None))
        self._place = note.place or self._place
        tree, way = self._way(note)
        if tree is not None and way:
            self._surroundings(note, way)
            is_said = way[-1].kind == "select" and self._selection(note, way[-1], tree, inner)
            if is_innermost or (inner is not None and inner.kind == "builtin" and inner.name.startswith("__")):
                self._failure(note, way[-1], tree, inner)
            elif inner is not None and inner.kind == "thunk":
                self._demand(note, way[-1], tree)
            if is_said:
                self._asked = "attribute"      # its line is there
        if inner is not None and inner.kind == "function":
            self._call_line(note.place, inner)

    def _call_line(self, place: RawPosition | None, inner: Note) -> None:
        if inner.is_functor:
            self._lines.append(("text", _FUNCTOR, place))
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
        tails = tree.tails(note.extent[2:])
        if len(tails) > 1:
            tails = [node for node in tails if node.kind in kinds]
        if len(tails) != 1:
            return
        place = (*note.extent[:2], tails[0].start, tails[0].end)
        self._place = place
        if inner is None or (inner.kind == "builtin" and inner.name.startswith("__")):
            if self._code == "not-a-function" and self._position is None:
                self._position = place
        elif tails[0].kind == "select":
            self._asked = tree.attribute_path(tails[0])
        elif tails[0].kind == "variable":
            self._asked = "variable " + tree.name_at(tails[0].start)
        elif inner.kind == "function":
            self._call_line(place, inner)

    def _inner_is_of_call(self, inner: Note) -> bool:
        return inner is self._notes[-1] and self._is_of_call(inner)

    def _is_of_call(self, note: Note) -> bool:
        """Whether the error is about how this function was called."""
        if self._code in _ARGUMENT_ERRORS:
            return True
        return (
            self._message.startswith("expected a set but found") and note.extent is not None and note.opcode == OPCODES["BindFormals"]
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
        return tree, tree.way_inside(note.extent[2:], note.place[2], note.place[3])

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

    def _surroundings(self, note: Note, way: list[Step]) -> None:
        """What the nodes around the place are evaluating."""
        for outer, inner in zip(way, way[1:], strict=False):
            if inner.role in ("left", "right"):
                self._operand_line(note, outer, inner)
            elif inner.role == "condition" and outer.kind == "if":
                self._add(note, "text", "while evaluating a branch condition", outer.start)
            elif inner.role == "condition" and self._code != "assertion":
                self._add(note, "text", "in the condition of the assert statement", outer.start)
            elif inner.role == "condition":
                self._at(note, outer.start)
            elif inner.role == "operand" and outer.kind == "not":
                self._add(note, "text", "in the argument of the not operator", inner.position)
            elif inner.role == "operand":
                self._add(note, "builtin", "sub", outer.start)

    def _operand_line(self, note: Note, node: Step, child: Step) -> None:
        """The line of an operator whose operand is being evaluated."""
        if node.operator in _LOGIC:
            self._add(note, "text", f"in the {child.role} operand of the {_LOGIC[node.operator]} operator", node.place)
        elif node.operator == "//":
            self._add(note, "text", f"in the {child.role} operand of the update (//) operator", child.position)
        elif node.operator in _ARITHMETIC:
            self._add(note, "builtin", _ARITHMETIC[node.operator], node.place)
        elif node.operator in _COMPARISONS:
            self._add(note, "builtin", "lessThan", node.place)

    # ---- a value that an operation asked for ------------------------------------------------------------------

    def _demand(self, note: Note, node: Step, tree: SourceTree) -> None:
        """The operation at hand forces a value, which the activation that follows evaluates."""
        child: Step | None = node if node.kind == "variable" else None
        if node.kind == "select" and note.opcode not in _FORCES_SET:
            self._attribute(node, tree)
        elif node.kind == "select":
            child = tree.child_at(node, node.start)
        elif node.kind == "binary":
            child = self._operand(node, tree, self._forced_side(node, note.operands))
            if child is not None:
                self._operand_line(note, node, child)
        elif node.kind in ("not", "negate", "apply"):
            child = tree.child_at(node, node.start + (node.kind != "apply"))
        if child is not None and child.kind == "select":
            self._attribute(child, tree)
        elif child is not None and child.kind == "variable":
            self._asked = "variable " + tree.name_at(child.start)

    def _forced_side(self, node: Step, operands: tuple[int, int]) -> str:
        left, right = operands
        if node.operator == "//":
            return "left" if right == _TAG_ATTRS else "right"
        return "left" if left == _TAG_THUNK else "right"

    def _operand(self, node: Step, tree: SourceTree, side: str) -> Step | None:
        return tree.child_at(node, node.start if side == "left" else node.place + len(node.operator))

    def _attribute(self, node: Step, tree: SourceTree) -> None:
        """A selected attribute is asked for: the activation that follows is what it is defined as."""
        self._asked = tree.attribute_path(node)

    def _definition(self, note: Note, before: Note | None) -> None:
        """The line of an attribute whose definition is being evaluated; `_asked` is how it was asked for, if that is known.

        Builtins tell themselves what they are at.
        """
        asked, self._asked = self._asked, ""
        name, place = self._defined(note)
        is_told = before is not None and before.kind in ("builtin", "text") and not before.name.startswith(("__", _DEEP_ELEMENT))
        if not name or (is_told and not note.is_behind_machine):
            return
        if asked in ("attribute", "variable " + name):
            return
        if not asked.endswith(name):           # asked for in tail position, by an activation that is gone
            asked = name
        if self._lines and self._lines[-1][0] == "text" and self._lines[-1][2] is not None and self._lines[-1][2][2] == place[2]:
            return                             # a line of deep evaluation says so already
        self._lines.append(("attribute", asked, place))

    def _defined(self, note: Note) -> tuple[str, RawPosition]:
        """The attribute that a thunk is the value of, and its place; no name if it is none."""
        nothing = ("", ("", b"", 0, 0))
        tree = self._tree(note.extent)
        if note.kind != "thunk" or tree is None or note.extent is None:
            return nothing
        way = tree.way_to(note.extent[2], note.extent[3])
        if len(way) < 2 or way[-1].role != "value" or way[-2].kind != "attrs" or (way[-1].start, way[-1].end) != note.extent[2:]:
            return nothing
        start = way[-1].name_start
        return way[-1].name, (note.extent[0], note.extent[1], start, start + 1)

    # ---- an operation that failed -----------------------------------------------------------------------------

    def _failure(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        """The operation at hand raised the error itself, or the machine's own builtin did that it runs as."""
        message = self._message
        if self._code == "assertion":
            return
        is_last = inner is None or inner is self._notes[-1] or self._notes[-1].name.startswith("__")
        if not is_last:
            if inner is not None and inner.name in _COMPARERS:
                self._add(note, "builtin", "lessThan", node.place)
            elif node.kind == "string" and inner is not None and inner.argument and self._notes[-1] is not inner:
                self._piece(node, tree, inner)
            return
        if self._code == "infinite-recursion":
            self._recursion(note, node, tree)
        elif message.startswith("expected a Boolean"):
            self._boolean(note, node, tree)
        elif node.kind == "select" and message.startswith("expected a set"):
            self._add(note, "text", "while selecting an attribute", node.start)
            self._is_shown = False
        elif node.kind in ("select", "hasAttr") and message.startswith("expected a string"):
            start = tree.source.find(b"${", node.start, node.end)
            child = tree.child_at(node, start + 2) if start >= 0 else None
            self._add(note, "text", "while evaluating an attribute name", None if child is None else child.position)
            self._is_shown = child is not None and child.position is not None
            if child is not None and child.position is not None:
                self._at(note, child.position)
        elif node.kind == "attrs" and message.startswith("expected a string"):
            self._dynamic_name(note, node, tree)
        elif node.kind == "variable" and message.startswith("expected a set"):
            self._with(note, tree)
        elif node.kind in ("string", "path") and message.startswith("cannot coerce"):
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
            node = self._operand(node, tree, self._forced_side(node, note.operands)) or node
        if again is None or node.kind != "select":
            return
        name, place = self._defined(again)
        if name and tree.attribute_path(node).endswith(name):
            self._lines.append(("attribute", tree.attribute_path(node), place))
            self._position = place

    def _boolean(self, note: Note, node: Step, tree: SourceTree) -> None:
        """The place of the message is that of the line above it."""
        if node.kind == "not":
            child = tree.child_at(node, node.start + 1)
            self._add(note, "text", "in the argument of the not operator", None if child is None else child.position)
        if self._lines and self._lines[-1][0] == "text":
            self._position = self._lines[-1][2]

    def _dynamic_name(self, note: Note, node: Step, tree: SourceTree) -> None:
        start = tree.source.find(b"${", node.start, node.end)
        self._add(note, "text", "while evaluating the name of a dynamic attribute", start if start >= 0 else None)
        if start >= 0:
            self._at(note, start)

    def _with(self, note: Note, tree: SourceTree) -> None:
        if note.place is None:
            return
        outer = [step for step in tree.way_to(note.place[2], note.place[3]) if step.kind == "with"]
        if outer:
            self._add(note, "text", "while evaluating the first subexpression of a with expression", outer[-1].start)
            self._is_shown = False

    def _coerced_piece(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        start = None
        if inner is not None and inner.argument:
            start = tree.item_start(node, inner.argument - 1)
        if start is not None:
            start = tree.source.rfind(b"${", node.start, start)
        text = "while evaluating a path segment"
        if len(self._notes) > 1 and self._notes[-2].name.startswith("__coerce"):
            text = "while evaluating the result of the `__toString` attribute"
        self._add(note, "text", text, node.start if start is None or start < 0 else start)
        self._is_shown = False

    def _piece(self, node: Step, tree: SourceTree, inner: Note) -> None:
        """A piece of a string that is a selected attribute is being evaluated."""
        start = tree.item_start(node, inner.argument - 1)
        after = self._notes[self._notes.index(inner) + 1]
        child = None if start is None else tree.child_at(node, start)
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
            self._add(note, "text", f"in the {side} operand of the update (//) operator", None if child is None else child.position)
            self._is_shown = False
        elif node.operator in _ARITHMETIC:
            name = _ARITHMETIC[node.operator]
            self._add(note, "builtin", name, node.place)
            if is_type:
                is_first = self._is_number(right) if name == "div" else not self._is_number(left)
                self._add(note, "text", argument_text(name, 1 if is_first else 2), None)
            self._is_shown = False
        elif node.operator in _COMPARISONS:
            self._add(note, "builtin", "lessThan", node.place)
            self._is_shown = False
        elif node.operator == "+":
            self._sum(note, node, tree, inner)

    def _is_number(self, tag: int) -> bool:
        """As far as the tag tells; a box may be a path, which the message then shows."""
        return tag == _TAG_INT or (tag == _TAG_BOX and "found a path" not in self._message)

    def _sum(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        side = "left" if inner is not None and inner.argument == 1 and not self._message.startswith("cannot add") else "right"
        child = self._operand(node, tree, side)
        if self._message.startswith("cannot coerce"):
            self._add(note, "text", "while evaluating a path segment", None if child is None else child.start)
            self._is_shown = False
        elif self._message.startswith("cannot add") and child is not None:
            self._at(note, child.start)
        elif self._code == "overflow" and child is not None:
            self._at(note, child.start)
        elif self._code == "context":
            self._at(note, node.place)

    # ---- builtins ---------------------------------------------------------------------------------------------

    def _builtin(self, note: Note, inner: Note | None, number: int) -> None:
        name = note.name
        if name == "__toStringCoerce" and (number == 0 or self._notes[number - 1].is_code):
            name = "toString"                  # the builtin is the machine's own operation
        if name == "__fetchTree":
            name = "fetchTree"                 # which is a constant, for the machine
        if name.startswith("__"):
            return
        if name == "derivationStrict":
            self._lines.append(("builtin", name, _DERIVATION_PLACE))
        elif name != "addErrorContext":
            self._lines.append(("builtin", name, self._place))
        rest = self._notes[number + 1 :]
        if name == "genericClosure":
            rest = [other for other in rest if other.kind != "text"]
        rest = [other for other in rest if not other.name.startswith(_FETCHING)]
        is_last = all(other.kind == "builtin" and other.name.startswith("__") for other in rest)
        if is_last and (self._position is None or self._position[:3:2] == (self._place or self._position)[:3:2]):
            self._is_shown = False             # the line shows it
        text = None
        if note.argument and (is_last or is_wrapped(name, note.argument)):
            text = argument_text(name, note.argument)
        elif is_last:
            text = self._inside(name, note)
        elif name == "toString" and inner is not None and inner.name == "__toStringCoerce" and inner.operands[0] == _TAG_LIST:
            text = argument_text(name, 1)
        if text is None:
            return
        if inner is not None and inner.kind == "text" and name == "genericClosure":
            self._lines.append(self._given(self._notes.pop(number + 1)))         # with which element, before what is wrong
        self._lines.append(("text", text, note.extent if name == "concatMap" and text == self._inside(name, note) else None))

    def _inside(self, name: str, note: Note) -> str | None:
        """The line for what a builtin finds wrong in its arguments."""
        if name in ("add", "sub", "mul") and self._code == "type":
            return argument_text(name, 2 if self._is_number(note.operands[0]) else 1)
        if name == "div" and self._code == "type":
            return argument_text(name, 1 if self._is_number(note.operands[1]) else 2)
        return inside_text(name, self._message)


def _take_trailing(notes: list[Note], name: str) -> list[Note]:
    """Lines about what a comparison is at: they come behind those of the comparison."""
    taken: list[Note] = []
    while notes and (notes[-1].kind, notes[-1].name) == ("text", name):
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
            if is_twice or (found[-1].name == "getAttr" and note.name == "derivationStrict"):     # of `derivation` itself
                found.pop()
        note.is_behind_machine = is_own
        is_own = False
        found.append(note)
    return found
