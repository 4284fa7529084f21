"""The state that the lines of one trace share: notes, places, trees of sources, the lines so far.

In: notes and the cause of an error.  Out: the base of `operator_lines`, `builtin_lines` and `lines`.
"""

from snowsnake.bytecode.opcode_numbers import OPCODES
from snowsnake.diagnostics.error import RawFrame, RawPosition
from snowsnake.source import lines_of
from snowsnake.traces.cause import Cause
from snowsnake.traces.note import Note, Selection
from snowsnake.traces.source_tree import SourceTree, Step, is_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TAG_INT, TAG_THUNK, TAG_ATTRS, TAG_LIST, TAG_STRING, TAG_BOX = 0, 1, 2, 3, 5, 6
COMPARERS = ("__less", "__notLess")
COERCIONS = ("__coerce", "__coerceStore", "__coercePath")
SELECTS = frozenset(OPCODES[name] for name in ("Select", "SelectPlace", "TrySelect", "AttrsSelect", "AttrsTrySelect", "Return", "Force"))
BINDERS = ("attrs", "let", "legacyLet")
RESULT_OF_TO_STRING = "while evaluating the result of the `__toString` attribute"


class TraceState:
    """One trace under construction."""

    def __init__(
        self, notes: list[Note], cause: Cause, position: RawPosition | None, call_site: RawPosition | None, features: "Iterable[str]"
    ) -> None:
        self._notes = _without_machine(notes)
        self._compared = _take_trailing(self._notes, "ordered-elements")
        self._cause: Cause = cause
        self._code: str = cause.code
        self._position: RawPosition | None = position
        self._call_site: RawPosition | None = call_site
        # This is the number of the note in hand.
        self._number = 0
        self._features = tuple(features)
        self._trees: dict[tuple[str, int], SourceTree] = {}
        self._lines: list[RawFrame] = []
        self._is_shown = True
        # This is `variable` or `attribute` if the next activation is the value of one.
        self._asked = ""
        # This is the selection that asked for the value of the next activation.
        self._asked_in: tuple[SourceTree, Step] | None = None
        # This is the place of the operand or piece that an operator makes a text of.
        self._coerced_at: RawPosition | None = None
        # This says where the caller of a builtin is.
        self._place: RawPosition | None = None
        at_work = next((note.place for note in reversed(self._notes) if note.is_code), None)
        if "pipe-operators" in self._features and position is not None and at_work is not None and position[:3:2] == at_work[:3:2]:
            self._position = self._piped(at_work)
        # These are the last line that the machine itself added, and how many lines there were then.
        self._machine_note: Note | None = None
        self._machine_line = 0

    def _given(self, note: Note) -> RawFrame:
        """The line of a note whose words the machine chose.  C++ Nix shows the place of some of them in another way."""
        tree = self._tree(note.place)
        if tree is None or note.place is None:
            return note.kind, note.name, note.place
        if note.line == "derivation":
            line, column = lines_of(tree.source).place(note.place[2])
            return note.kind, f"{note.name}\n  whose name attribute is located at {note.place[0]}:{line}:{column}", None
        if note.line == "condition":
            outer = [step for step in tree.way_to(note.place[2], note.place[3]) if step.kind == "assert"]
            if outer:
                self._position = (*note.place[:2], outer[-1].start, outer[-1].start + 1)
                return note.kind, note.name, self._position
        return note.kind, note.name, note.place

    @property
    def _last_line(self) -> RawFrame:
        """The line that was added last; one without a kind if there is none yet."""
        return self._lines[-1] if self._lines else ("", "", None)

    def _inner(self, number: int) -> Note | None:
        return self._notes[number + 1] if number + 1 < len(self._notes) else None

    def _tree(self, place: RawPosition | None) -> SourceTree | None:
        if place is None or place[1] is None:
            return None
        key = (place[0], id(place[1]))
        if key not in self._trees:
            self._trees[key] = SourceTree(place[1], self._features)
        return self._trees[key]

    def _way(self, note: Note) -> tuple[SourceTree | None, list[Step]]:
        tree = self._tree(note.place)
        if tree is None or note.place is None or note.extent is None:
            return None, []
        way = tree.way_inside(note.extent[2:], note.place[2], note.place[3])
        if not way and note.kind == "thunk":
            # It belongs to `inherit (e) name`.
            way = [node for node in tree.way_to(*note.place[2:])[-1:] if node.kind in BINDERS]
        return tree, way

    def _add(self, note: Note, kind: str, text: str, offset: int | None) -> None:
        place = None
        if offset is not None and note.place is not None:
            place = (note.place[0], note.place[1], offset, offset + 1)
        self._lines.append((kind, text, place))

    def _at(self, note: Note, offset: int) -> None:
        """Moves the place of the message."""
        if note.place is not None:
            self._position = (note.place[0], note.place[1], offset, offset + 1)

    def _called(self, place: RawPosition | None) -> RawPosition | None:
        """The place of a call: `(f a) b` is `f a b` for C++ Nix, and begins where that `f` does."""
        tree = self._tree(place)
        if tree is None or place is None:
            return place
        way = tree.way_to(*place[2:])
        if way and way[-1].kind == "binary" and (is_call(way[-1]) or way[-1].operator in ("<=", ">=")) and (way[-1].start, way[-1].end) == place[2:]:
            # The scope binds `__sub` or the like.
            return (*place[:2], way[-1].place, way[-1].place + 1)
        if way and way[-1].kind == "hasAttr" and way[-1].start == place[2]:
            # `a ? b` is where its set is.
            start = tree.position_of(way[-1]) or place[2]
            return (*place[:2], start, max(place[3], start + 1))
        if not way or way[-1].kind != "apply" or way[-1].start != place[2]:
            return place
        start = tree.call_start(way[-1])
        return (*place[:2], start, max(place[3], start + 1))

    def _piped(self, place: RawPosition | None) -> RawPosition | None:
        """The place of a call that is a pipe is its operator; other places stay."""
        tree = self._tree(place)
        if tree is None or place is None:
            return place
        way = tree.way_to(*place[2:])
        is_pipe = bool(way) and way[-1].kind == "apply" and way[-1].place != way[-1].start == place[2]
        return self._called(place) if is_pipe else place

    @staticmethod
    def _found(note: Note, node: Step) -> Selection | None:
        """What the selection at the place of an activation has found, if it has found anything."""
        found = note.selections.get((node.start, node.end))
        if found is not None and found.place is not None:
            return found
        return None if note.selected is None else Selection(note.selected, [])

    def _attribute(self, node: Step, tree: SourceTree) -> None:
        """A selected attribute is needed: the next activation is its definition."""
        self._asked_in = (tree, node)

    def _is_number(self, tag: int) -> bool:
        return tag in (TAG_INT, TAG_BOX)

    def _operand(self, node: Step, tree: SourceTree, side: str) -> Step | None:
        return tree.child(node, side)

    def _operand_start(self, node: Step, tree: SourceTree, side: str) -> int:
        """The start of an operand, including parentheses around it."""
        return node.start if side == "left" else tree.token_start(node.place + len(node.operator))

    def _forced_side(self, node: Step, operands: tuple[int, int]) -> str:
        left, right = operands
        if node.operator == "//":
            return "left" if right == TAG_ATTRS else "right"
        return "left" if left == TAG_THUNK else "right"

    def _defined(self, note: Note) -> tuple[str, RawPosition]:
        """The attribute whose value a thunk is, and its place; the name is empty if there is none."""
        nothing = ("", ("", b"", 0, 0))
        tree = self._tree(note.extent)
        if note.kind != "thunk" or tree is None or note.extent is None:
            return nothing
        way = tree.way_to(note.extent[2], note.extent[3])
        while len(way) > 2 and not way[-1].name and way[-2].role == "value" and (way[-2].start, way[-2].end) == note.extent[2:]:
            # The thunk is the set that `a.${b} = c` makes for `a`, not the one in it.
            way.pop()
        if way and self._is_named(way[-1].kind, note.name) and note.name and tree.source[note.extent[2] : note.extent[3]].strip(b'"') == note.name.encode():
            # It belongs to `inherit (e) name`.
            return note.name, note.extent
        if len(way) < 2 or way[-1].role != "value" or (way[-1].start, way[-1].end) != note.extent[2:]:
            return nothing
        start = way[-1].name_start
        if not self._is_named(way[-2].kind, way[-1].name) and not _is_path(tree.source[start : way[-1].start]):
            return nothing
        return way[-1].name, (note.extent[0], note.extent[1], start, start + 1)

    @staticmethod
    def _is_named(kind: str, name: str) -> bool:
        """Whether C++ Nix has a line for what is bound to a name: of the old `let`, only for what is selected of it."""
        return kind == "attrs" or (kind == "legacyLet" and name == "body")


def _is_path(binding: bytes) -> bool:
    """Whether what is in front of a value, `a.b =`, is a path of several names: the sets that it makes are sets, in a `let` as well.

    >>> _is_path(b"a.b = "), _is_path(b'"a.b" = '), _is_path(b'a."b" = ')
    (True, False, True)
    """
    while b'"' in binding:
        before, _, rest = binding.partition(b'"')
        binding = before + rest.partition(b'"')[2]
    return b"." in binding


def _take_trailing(notes: list[Note], line: str) -> list[Note]:
    """Removes and returns the last notes if they are this *line*: what it says about a comparison follows the lines of the comparison."""
    taken: list[Note] = []
    while notes and notes[-1].line == line:
        taken.append(notes.pop())
    return taken


def _without_machine(notes: list[Note]) -> list[Note]:
    """Drops the machine's own code and calls.  A builtin that was entered through them has two notes, of which one is kept."""
    found: list[Note] = []
    is_own = False
    arguments = 0
    for note in notes:
        if note.is_code and note.extent is None:
            is_own = True
            arguments = note.arity
            continue
        if note.kind == "function" and found and found[-1].line == "functor" and found[-1].attribute:
            called = found.pop()
            note.is_functor = note.is_called_as_functor = True
            note.functor = called.selected
            is_own, arguments = called.is_behind_machine, called.machine_arguments
        if note.kind == "builtin" and found and found[-1].kind == "builtin":
            is_twice = is_own and found[-1].name == note.name
            if is_twice:
                found.pop()
            # The selections belong to `derivation` itself.
            elif found[-1].name in ("getAttr", "__derivationPath") and note.name == "derivationStrict":
                note.attribute = "outPath" if found.pop().name == "getAttr" else "drvPath"
                is_own = True
        note.is_behind_machine, note.machine_arguments = is_own, arguments
        is_own, arguments = False, 0
        found.append(note)
    return found
