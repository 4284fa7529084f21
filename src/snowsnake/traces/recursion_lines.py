"""Lines and place of an infinite recursion: what needed a value that was being evaluated.

In: the note of the innermost activation, and the node of the syntax tree at its place.  Out: lines, in C++ Nix's words, and the place of the error.
C++ Nix knows the place from what forces the value: a variable that is evaluated has its own, the argument of a builtin (`-` and `<` are calls of builtins) that of
the call, the set of a `with` that of the `with`.
"""

from snowsnake.bytecode.opcode_numbers import OPCODES
from snowsnake.syntax.api import name_text
from snowsnake.traces.note import Note
from snowsnake.traces.operator_lines import CALLS, FORCES_NAME, FORCES_RESULT, OperatorLines
from snowsnake.traces.source_tree import SourceTree, Step
from snowsnake.traces.trace_state import BINDERS, SELECTS

_LOOKS_IN_WITH = frozenset((OPCODES["ResolveWith"], OPCODES["ResolveWithName"]))
# These operators call builtins.
_CALLED = ("-", "*", "/", "<", "<=", ">", ">=")


class RecursionLines(OperatorLines):
    """The lines of what needed its own value."""

    def _recursion(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> None:
        if node.kind == "binary":
            self._recursive_operand(note, node, tree)
        elif node.kind in ("not", "negate"):
            self._argument_line(note, node, node, tree)
            self._is_shown = node.kind == "not"
            self._at_variable(note, tree.child(node, "operand"))
        elif node.kind == "select":
            self._recursive_selection(note, node, tree)
        elif node.kind in ("string", "path"):
            pieces = [child for child in tree.children(node) if child.kind != "text"]
            self._at_variable(note, self._piece_in_hand(node, tree, inner) or (pieces[0] if len(pieces) == 1 else None))
        elif node.kind in BINDERS and note.opcode in SELECTS:
            self._recursive_inheritance(note, node, tree)
        elif node.kind == "attrs":
            failed = None if self._position is None else self._position[2]
            names = [child for child in tree.children(node) if child.role == "name"]
            self._at_variable(note, next((child for child in names if child.name_start == failed), names[0] if len(names) == 1 else None))
        elif node.kind == "variable" and note.opcode in _LOOKS_IN_WITH:
            outer = self._with_in_hand(note, tree)
            if outer is not None:
                self._at(note, outer.start)

    def _recursive_operand(self, note: Note, node: Step, tree: SourceTree) -> None:
        child = self._operand(node, tree, self._forced_side(node, note.operands))
        if child is None:
            return
        if note.opcode not in CALLS:
            self._operand_line(note, node, child, tree)
        if child.kind == "select":
            self._recursive_selection(note, child, tree)
        elif node.operator in _CALLED:
            # The line of the builtin shows the place.
            self._at(note, node.place)
            self._is_shown = False
        else:
            self._at_variable(note, child)

    def _recursive_selection(self, note: Note, node: Step, tree: SourceTree) -> None:
        found = self._found(note, node)
        if note.opcode in FORCES_NAME:
            names = [child for child in tree.children(node) if child.role == "name"]
            self._at_variable(note, names[0] if len(names) == 1 else None)
        elif found is not None:
            if note.opcode in FORCES_RESULT:
                self._position = found.place
        elif not self._needed_again(node, tree):
            self._at_variable(note, tree.child(node, "set"))

    def _recursive_inheritance(self, note: Note, node: Step, tree: SourceTree) -> None:
        """The selection of `inherit (e) name`."""
        if note.selected is not None and note.place is not None:
            self._lines.append(("attribute", name_text(note.name), note.selected))
            self._position = note.selected
        else:
            self._at_variable(note, self._inherited_from(note, node, tree))

    def _needed_again(self, node: Step, tree: SourceTree) -> bool:
        """Adds the line of an attribute that is needed again: the message is at its definition."""
        again = next((note for note in self._notes if note.is_code and note.argument), None)
        if again is None:
            return False
        name, place = self._defined(again)
        path = tree.attribute_path(node, name)
        if not name or not path.endswith(name_text(name)):
            return False
        self._lines.append(("attribute", path, place))
        self._position = place
        return True

    def _at_variable(self, note: Note, child: Step | None) -> None:
        """Moves the place of the message to a variable that is evaluated; other expressions have activations of their own."""
        if child is not None and child.kind == "variable":
            self._at(note, child.start)
