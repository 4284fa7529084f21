"""Lines of a trace for what code was doing: operands, conditions, names, pieces of strings, recursions.

In: a note of code, and the node of the syntax tree at its place.  Out: lines, in C++ Nix's words.
"""

from snowsnake.bytecode.opcode_numbers import OPCODES
from snowsnake.diagnostics.error import RawPosition
from snowsnake.traces.arguments import argument_text
from snowsnake.traces.note import Note
from snowsnake.traces.source_tree import SourceTree, Step
from snowsnake.traces.trace_state import (
    BINDERS,
    COERCIONS,
    COMPARERS,
    RESULT_OF_TO_STRING,
    SELECTS,
    TAG_ATTRS,
    TAG_THUNK,
    TraceState,
)

_LOGIC = {"&&": "AND (&&)", "||": "OR (||)", "->": "IMPL (->)"}
_ARITHMETIC = {"-": "sub", "*": "mul", "/": "div"}
_COMPARISONS = ("<", "<=", ">", ">=")
_FORCES_SET = frozenset((OPCODES["SelectPlace"],))
# Of an operator, these say that the scope binds `__sub` or the like.
CALLS = frozenset(OPCODES[name] for name in ("Call", "CallN", "TailCallN"))
_FORCES_BOTH = frozenset((OPCODES["Select"], OPCODES["TrySelect"]))
FORCES_NAME = frozenset(OPCODES[name] for name in ("AttrsSelect", "AttrsTrySelect"))
FORCES_RESULT = frozenset((OPCODES["Return"], OPCODES["Force"]))


class OperatorLines(TraceState):
    """The lines of operators, conditions and pieces of strings, and of the expressions around them."""

    def _surroundings(self, note: Note, way: list[Step], tree: SourceTree) -> None:
        """The expressions that the nodes around the place are evaluating."""
        failing = self._failing_condition(note, way)
        for outer, inner in zip(way, way[1:], strict=False):
            if inner.role in ("left", "right"):
                self._operand_line(note, outer, inner, tree)
            elif outer.kind == "legacyLet" and inner.role == "value" and inner.name == "body":
                self._add(note, "attribute", "body", inner.name_start)
            elif inner.role == "condition" and outer.kind == "if":
                self._add(note, "text", "while evaluating a branch condition", outer.start)
            elif inner.role == "condition" and inner is not failing:
                self._add(note, "text", "in the condition of the assert statement", outer.start)
            elif inner.role == "condition":
                self._at(note, outer.start)
            elif inner.role == "operand":
                self._argument_line(note, outer, inner, tree)
            elif inner.role in ("body", "name") and (found := note.selections.get((outer.start, outer.end))) is not None and found.place is not None:
                self._lines.append(("attribute", tree.attribute_path(outer, names=found.names), found.place))

    def _failing_condition(self, note: Note, way: list[Step]) -> Step | None:
        """The condition that was found to be false: the innermost one, of the last activation of code."""
        if self._code != "assertion" or any(other.is_code for other in self._notes[self._notes.index(note) + 1 :]):
            return None
        conditions = [inner for outer, inner in zip(way, way[1:], strict=False) if inner.role == "condition" and outer.kind != "if"]
        return conditions[-1] if conditions else None

    def _operand_line(self, note: Note, node: Step, child: Step, tree: SourceTree) -> None:
        """The line of an operator whose operand is being evaluated."""
        if node.operator in _LOGIC:
            self._add(note, "text", f"in the {child.role} operand of the {_LOGIC[node.operator]} operator", node.place)
        elif node.operator == "//" and child.operator == "//":
            # A chain of `//` is one update.
            return
        elif node.operator == "//":
            self._add(note, "text", f"in the {child.role} operand of the update (//) operator", tree.position_of(child))
        elif node.operator in _ARITHMETIC:
            self._add(note, "builtin", _ARITHMETIC[node.operator], node.place)
        elif node.operator in _COMPARISONS:
            self._comparison(note, node)

    def _argument_line(self, note: Note, node: Step, child: Step, tree: SourceTree) -> None:
        """The line of `!` or a sign whose operand is being evaluated."""
        if node.kind == "not":
            self._add(note, "text", "in the argument of the not operator", tree.position_of(child))
        else:
            self._add(note, "builtin", "sub", node.start)

    def _comparison(self, note: Note, node: Step) -> None:
        """The lines of a comparison; those of `a >= b` are the lines of `! (a < b)`."""
        if node.operator in ("<=", ">="):
            self._add(note, "text", "in the argument of the not operator", node.place)
        self._add(note, "builtin", "lessThan", node.place)

    def _demand(self, note: Note, node: Step, inner: Note, tree: SourceTree) -> None:
        """The current operation forces a value, which the next activation evaluates."""
        child: Step | None = node if node.kind == "variable" else None
        name = tree.child(node, "name") if note.operands[1] == TAG_THUNK else None
        if note.opcode in (OPCODES["AttrsDynamic"], OPCODES["DynamicName"]):
            child = tree.child(node, "name")
        elif name is not None and (note.opcode in FORCES_NAME or node.kind == "hasAttr"):
            child = name
        elif node.kind == "select" and not self._forces_set(note, node, inner, tree):
            self._attribute(node, tree)
        elif node.kind == "select":
            child = tree.child(node, "set")
        elif node.kind == "binary" and note.opcode not in CALLS:
            child = self._operand(node, tree, self._forced_side(node, note.operands))
            if child is not None:
                self._operand_line(note, node, child, tree)
        elif node.kind in ("not", "negate") and note.opcode not in CALLS:
            child = tree.child(node, "operand")
            if child is not None:
                self._argument_line(note, node, child, tree)
        elif node.kind == "apply":
            child = tree.child(node, "function")
        elif node.kind == "string":
            child = next((part for part in tree.children(node) if part.kind == "variable"), None)
        elif node.kind == "hasAttr":
            child = tree.child(node, "set")
            if child is not None and child.kind == "select" and not tree.is_selected(inner.name, child):
                # What is selected is an attribute of its path.
                child = None
            if child is None or child.kind != "select":
                # An attribute on the way has no line.
                self._asked = "variable"
        elif node.kind in BINDERS and note.opcode in _FORCES_SET:
            child = self._inherited_from(note, node, tree)
        if child is not None and child.kind == "select":
            self._attribute(child, tree)
        elif child is not None and child.kind == "variable":
            self._asked = "variable"

    @staticmethod
    def _forces_set(note: Note, node: Step, inner: Note, tree: SourceTree) -> bool:
        """Whether a selection was forcing the set, not yet an attribute."""
        if note.opcode not in _FORCES_BOTH or note.selected is not None:
            return note.opcode in _FORCES_SET
        return not tree.is_selected(inner.name, node)

    @staticmethod
    def _inherited_from(note: Note, node: Step, tree: SourceTree) -> Step | None:
        """The `e` of the `inherit (e) name` that a note belongs to."""
        if note.place is None:
            return None
        before = [child for child in tree.children(node) if child.role == "from" and child.end <= note.place[2]]
        return max(before, key=lambda child: child.end, default=None)

    def _recursion(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        """A value was needed for itself: traces/recursion_lines.py."""
        raise NotImplementedError

    def _failure(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        """The current operation raised the error itself, or the internal builtin that carries it out did."""
        if self._code == "assertion":
            return
        rest = self._notes[self._notes.index(inner) :] if inner is not None else []
        is_last = len(rest) <= 1 or all(other.is_internal for other in rest)
        if not is_last:
            if inner is not None and inner.name in COMPARERS:
                self._comparison(note, node)
            elif node.kind == "string" and inner is not None and inner.argument and self._notes[-1] is not inner:
                self._piece(node, tree, inner)
            return
        if self._code == "infinite-recursion":
            self._recursion(note, node, tree, inner)
        elif node.role == "part" and inner is not None and inner.name in COERCIONS:
            self._coerced_early(note, node, tree)
        elif self._code == "not-a-function" and node.kind == "apply":
            self._position = self._called(self._position)
        elif self._code == "not-a-function" and node.kind in ("string", "path"):
            # The function is a `__toString`.
            self._at(note, self._piece_start(node, tree, inner))
        elif self._cause.wants("a Boolean"):
            self._boolean(note, node, tree)
        elif node.kind == "select" and self._cause.wants("a set"):
            self._add(note, "text", "while selecting an attribute", node.start)
            self._is_shown = False
        elif node.kind in BINDERS and note.opcode in SELECTS and self._cause.wants("a set"):
            # It is the selection of `inherit (e) name`.
            self._lines.append(("text", "while selecting an attribute", self._position))
            self._is_shown = False
        elif node.kind in ("select", "hasAttr") and (self._cause.wants("a string") or self._code == "context"):
            self._selected_name(note, node, tree)
        elif node.kind in ("attrs", "legacyLet") and note.opcode == OPCODES["AttrsOverride"] and self._cause.wants("a set"):
            self._add(note, "text", "while evaluating the `__overrides` attribute", None)
            self._position = None
        elif node.kind == "attrs" and (self._cause.wants("a string") or self._code == "context"):
            self._dynamic_name(note, node, tree)
        elif node.kind == "variable" and self._cause.wants("a set"):
            self._with(note, tree)
        elif self._cause.kind == "not-coercible" and node.role == "left" and node.operator != "+" and tree.way_to(node.start, node.end)[-2].operator == "+":
            # It is a constant before the `+`.
            self._add(note, "text", "while evaluating a path segment", tree.way_to(node.start, node.end)[-2].start)
            self._is_shown = False
        elif self._code == "file" and node.kind in ("string", "binary"):
            # The error of a path that is copied to the store has no place.
            self._position = None
        elif node.kind in ("string", "path") and self._cause.kind == "not-coercible":
            self._coerced_piece(note, node, tree, inner)
        elif node.kind == "binary":
            self._binary(note, node, tree, inner)
        elif note.opcode == OPCODES["FindFile"]:
            self._add(note, "builtin", "findFile", node.start)
            self._is_shown = False
        elif node.kind == "negate" and self._code == "type":
            self._add(note, "builtin", "sub", node.start)
            self._add(note, "text", argument_text("sub", 2), None)
            self._is_shown = False

    def _boolean(self, note: Note, node: Step, tree: SourceTree) -> None:
        """The message's place is that of the line above it."""
        if node.kind == "not":
            child = tree.child(node, "operand")
            self._add(note, "text", "in the argument of the not operator", None if child is None else tree.position_of(child))
        kind, _, place = self._last_line
        if kind == "text":
            self._position = place

    def _selected_name(self, note: Note, node: Step, tree: SourceTree) -> None:
        """The name in a selection, or after `?`, is not a text."""
        found = note.selections.get((node.start, node.end))
        child = tree.child(node, "name", found.names.index(None) if found is not None and None in found.names else 0)
        place = None if child is None else tree.position_of(child)
        self._add(note, "text", "while evaluating an attribute name", place)
        self._is_shown = place is not None
        if self._code == "context":
            self._position = None
        elif place is not None:
            self._at(note, place)

    def _dynamic_name(self, note: Note, node: Step, tree: SourceTree) -> None:
        # A string without `${` around it has the place of its quote.
        starts = [min(child.name_start, child.start) for child in tree.children(node) if child.role == "name"]
        failed = None if self._position is None else self._position[2]
        start = failed if failed in starts else next(iter(starts), None)
        if node.role == "value" and node.name_start == node.start and note.extent is not None and note.extent[2] == node.start:
            # `a.${b} = c` is `a = { ${b} = c; }`, and all of it is where the path starts.
            start = node.start
        self._add(note, "text", "while evaluating the name of a dynamic attribute", start)
        if self._code == "context":
            self._position = None
        elif start is not None:
            self._at(note, start)

    @staticmethod
    def _with_in_hand(note: Note, tree: SourceTree) -> Step | None:
        """The `with` whose set is being looked into."""
        outer = [] if note.place is None else [step for step in tree.way_to(note.place[2], note.place[3]) if step.kind == "with"]
        return outer[-max(1, min(note.operands[0], len(outer)))] if outer else None

    def _with(self, note: Note, tree: SourceTree) -> None:
        outer = self._with_in_hand(note, tree)
        if outer is not None:
            self._add(note, "text", "while evaluating the first subexpression of a with expression", outer.start)
            self._is_shown = False

    @staticmethod
    def _piece_in_hand(node: Step, tree: SourceTree, inner: Note | None) -> Step | None:
        """The piece of a string or path that is being made a text."""
        if inner is None or not inner.argument:
            return None
        first = tree.child(node, "part")
        # The slash is a piece of its own.
        is_split = node.kind == "path" and first is not None and tree.source[first.end - 1 : first.end] == b"/"
        return tree.child(node, "part", inner.argument - 1 - is_split)

    def _piece_start(self, node: Step, tree: SourceTree, inner: Note | None) -> int:
        """The start of the piece of a string or path that could not be made a text."""
        child = self._piece_in_hand(node, tree, inner)
        return node.start if child is None or child.kind == "text" else child.name_start

    @staticmethod
    def _early_start(node: Step, tree: SourceTree) -> int:
        """The start of a piece that is made a text before a later piece is evaluated."""
        pieces = tree.children(tree.way_to(node.start, node.end)[-2])
        return next((piece.name_start for piece in pieces if (piece.start, piece.end) == (node.start, node.end)), node.start)

    def _place_of_text(self, note: Note, node: Step, tree: SourceTree, inner: Note) -> RawPosition | None:
        """The place of what an operator, a string or a path makes a text of."""
        if note.place is None:
            return None
        if node.role == "part":
            start = self._early_start(node, tree)
        elif node.kind == "binary" and node.operator == "+":
            start = self._operand_start(node, tree, "left" if inner.argument == 1 else "right")
        elif node.kind in ("string", "path"):
            pieces = [child for child in tree.children(node) if child.kind != "text"]
            start = pieces[0].name_start if len(pieces) == 1 else self._piece_start(node, tree, inner)
        else:
            return None
        return (*note.place[:2], start, start + 1)

    def _coerced_early(self, note: Note, node: Step, tree: SourceTree) -> None:
        """A piece of a string could not be made a text, which happened before a later piece was evaluated."""
        start = self._early_start(node, tree)
        if self._cause.kind == "not-coercible":
            text = RESULT_OF_TO_STRING if self._notes[-1].part == "result" else "while evaluating a path segment"
            self._add(note, "text", text, start)
            self._is_shown = False
        elif self._code == "file":
            # The error of a path that is copied to the store has no place.
            self._position = None
        elif self._code == "not-a-function":
            self._at(note, start)

    def _coerced_piece(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        text = "while evaluating a path segment"
        if self._notes[-1].part == "result":
            text = RESULT_OF_TO_STRING
        self._add(note, "text", text, self._piece_start(node, tree, inner))
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
        if self._code == "not-a-function" and (node.operator in _ARITHMETIC or node.operator in _COMPARISONS):
            # The operator is a call of `__sub` or the like, which the scope binds to something else.
            if node.operator in ("<=", ">="):
                self._add(note, "text", "in the argument of the not operator", node.place)
            self._at(note, node.place)
        elif node.operator == "++":
            self._add(note, "text", "while evaluating one of the elements to concatenate", node.place)
            self._is_shown = False
        elif node.operator == "//":
            side = "left" if right == TAG_ATTRS else "right"
            child = self._operand(node, tree, side)
            self._add(note, "text", f"in the {side} operand of the update (//) operator", None if child is None else tree.position_of(child))
            self._is_shown = False
        elif node.operator in _ARITHMETIC:
            name = _ARITHMETIC[node.operator]
            self._add(note, "builtin", name, node.place)
            if is_type:
                is_first = self._is_number(right) if name == "div" else not self._is_number(left)
                kind = "float " if self._cause.wants("a float") else ""
                self._add(note, "text", argument_text(name, 1 if is_first else 2, kind), None)
            self._is_shown = False
        elif node.operator in _COMPARISONS:
            self._comparison(note, node)
            self._is_shown = False
        elif node.operator == "+":
            self._sum(note, node, tree, inner)

    def _sum(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        side = "left" if inner is not None and inner.argument == 1 and self._cause.kind != "not-addable" else "right"
        child = self._operand(node, tree, side)
        if self._cause.kind == "not-coercible":
            text = RESULT_OF_TO_STRING if self._notes[-1].part == "result" else "while evaluating a path segment"
            self._add(note, "text", text, self._operand_start(node, tree, side))
            self._is_shown = False
        elif (self._cause.kind == "not-addable" or self._code == "not-a-function") and child is not None:
            self._at(note, self._operand_start(node, tree, side))
        elif self._code == "overflow" and child is not None:
            self._at(note, child.start)
        elif self._code == "context":
            self._at(note, node.place)
