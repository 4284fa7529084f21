"""The lines of a trace, in C++ Nix's words and order.

In: notes of the machine's activations, outermost first; the error's message and place.  Out: (kind, name, place) for each line,
and where the message itself shows a place.
"""

from snowsnake.bytecode.opcode_numbers import OPCODES
from snowsnake.diagnostics.error import RawFrame, RawPosition
from snowsnake.diagnostics.notes import note_line
from snowsnake.syntax.api import name_text
from snowsnake.traces.builtin_lines import BuiltinLines
from snowsnake.traces.cause import Cause
from snowsnake.traces.note import Note
from snowsnake.traces.operator_lines import CALLS
from snowsnake.traces.recursion_lines import RecursionLines
from snowsnake.traces.source_tree import SourceTree, Step
from snowsnake.traces.trace_state import COERCIONS, COMPARERS, SELECTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOKS = frozenset((OPCODES["HasAttrName"],))
_HAVE_TAILS = ("lambda", "let", "with", "if", "assert")
# In C++ Nix, what these force has a place: that of the builtin.
_DEEP = ("deepSeq", "__deepForce")
_ARGUMENT_ERRORS = ("missing-argument", "unexpected-argument")


def frames_of(
    notes: list[Note],
    cause: Cause,
    position: RawPosition | None,
    call_site: RawPosition | None,
    features: "Iterable[str]",
) -> tuple[list[RawFrame], RawPosition | None, bool]:
    """The lines of the trace, the place of the error, and whether the message shows it (otherwise a line does).

    `call_site` is the place from which the innermost function was called, if its caller's activation does not exist any more.
    """
    return _Trace(notes, cause, position, call_site, features).made()

# A command writes its output with these internal builtins.  Traces treat them like builtins of the language.
_WRITERS = ("__toXML", "__toPlainJSON", "__toShallowJSON")


class _Trace(RecursionLines, BuiltinLines):
    def made(self) -> tuple[list[RawFrame], RawPosition | None, bool]:
        is_import = False
        for number, note in enumerate(self._notes):
            self._number = number
            inner = self._inner(number)
            if note.is_code:
                self._activation(note, inner, is_import, self._notes[number - 1] if number else None)
                is_import = False
            elif note.kind == "builtin":
                self._builtin(note, inner, number)
                is_import = note.name == "import"
            else:
                self._lines.append(self._functor_call(note) if note.line == "functor" else self._given(note))
                self._machine_note, self._machine_line = note, len(self._lines)
        self._lines += [(note.kind, note.name, None) for note in self._compared]
        kind, name, place = self._last_line
        if self._notes and self._notes[-1].is_code and kind == "builtin" and place is None:
            # Neither the error nor its place belongs to the builtin.
            self._lines[-1] = ("text", f"while calling the '{name}' builtin", None)
        if self._code == "assertion" and self._notes and self._notes[-1].kind == "text":
            # The first of the lines that say what differs is at the assertion.
            self._is_shown = False
        return self._lines, self._position, self._is_shown

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
            # Its argument is evaluated first.
            pass
        elif note.kind == "function":
            asker = self._asker()
            functor, functor_set = self._functor(note) if note.arity == 2 or note.is_called_as_functor else (None, None)
            if (functor is not None or note.is_called_as_functor) and (note.is_behind_machine or (asker is not None and asker.kind == "builtin")):
                said = 1 if note.is_called_as_functor and functor is None else 2
                if note.is_behind_machine and self._lines[-said:-said + 1 or None] and self._lines[-said][:2] == ("text", note_line("functor")):
                    # The lines below replace those that the caller has added: they are more exact.
                    del self._lines[-said:]
                self._lines.append(("text", note_line("functor"), self._place_of_functor_call(note, functor_set)))
                if functor is not None:
                    self._lines.append(("call", "", functor))
            elif (place := self._later_call(note, self._innermost_lambda(note))) is not None and self._last_line[0] != "call":
                self._lines.append(("call", "", place))
            self._lines.append(("function", note.name, self._innermost_lambda(note)))
        elif is_import and note.kind == "file" and note.extent is not None:
            self._lines.append(("file", note.extent[0], None))
        self._place = self._called(self._only_call(note, inner) or note.place) or self._place
        tree, way = self._way(note)
        if tree is not None and way:
            self._surroundings(note, way, tree)
            if way[-1].operator in ("<=", ">=") and inner is not None and not inner.is_internal and (inner.kind != "thunk" or note.opcode in CALLS):
                # The scope binds `__lessThan`.
                self._add(note, "text", "in the argument of the not operator", way[-1].place)
            if inner is not None and inner.is_internal:
                self._coerced_at = self._place_of_text(note, way[-1], tree, inner)
            is_said = way[-1].kind == "select" and self._selection(note, way[-1], tree, inner)
            if is_innermost or (inner is not None and inner.is_internal):
                self._failure(note, way[-1], tree, inner)
            elif inner is not None and inner.kind == "thunk" and way[-1].kind in _HAVE_TAILS:
                self._demand_of_tail_call(note, inner, tree)
            elif inner is not None and inner.kind == "thunk":
                self._demand(note, way[-1], inner, tree)
            if is_said:
                # The attribute has its line already.
                self._asked = "attribute"
        if inner is not None and inner.kind == "function":
            self._call_line(self._called(note.place), inner)

    def _demand_of_tail_call(self, note: Note, inner: Note, tree: SourceTree) -> None:
        """The function of a call in tail position is forced.  The machine does not know which call that is."""
        if note.extent is None:
            return
        functions = [tree.called(node) for node in tree.tails(note.extent[2:], note.arity) if node.kind == "apply"]
        selections = [node for node in functions if node.kind == "select" and tree.is_selected(inner.name, node)]
        if selections:
            self._attribute(selections[0], tree)
        elif any(node.kind == "variable" for node in functions):
            self._asked = "variable"

    def _only_call(self, note: Note, inner: Note | None) -> RawPosition | None:
        """The place where a builtin was called in tail position: the machine does not know it, but there may be only one candidate."""
        if inner is None or inner.kind != "builtin" or inner.is_internal or note.place != note.extent:
            return None
        tree = self._tree(note.extent)
        if tree is None or note.extent is None:
            return None
        calls = [node for node in tree.tails(note.extent[2:], note.arity) if node.kind == "apply"]
        if len(calls) != 1:
            return None
        place = (*note.extent[:2], calls[0].start, calls[0].end)
        if self._position is not None and self._position[:3:2] == note.extent[:3:2]:
            self._position = place
        return place

    def _innermost_lambda(self, note: Note) -> RawPosition | None:
        """The place of the function that takes the last of the arguments that our chunk takes at once."""
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

    def _later_call(self, note: Note, function: RawPosition | None) -> RawPosition | None:
        """The place of a call that was left for later, and is nowhere in the source.

        For an element of `map` it is the place of its *function*, for an attribute of `mapAttrs` that of what needs it, for `__toString` that of what becomes a text.
        """
        asker = self._asker()
        if asker is not None and asker.name in COERCIONS:
            return self._coerced_at
        if not note.is_behind_machine or (asker is not None and not asker.is_code and asker.name not in _DEEP):
            return None
        if note.machine_arguments > 1:
            return self._place if asker is not None and asker.is_code else None
        return function

    def _call_line(self, place: RawPosition | None, inner: Note) -> None:
        functor = self._functor(inner)[0] if inner.is_functor or self._inner_is_of_call(inner) else None
        if inner.is_functor or functor is not None:
            self._lines.append(("text", note_line("functor"), place))
        place = functor if inner.is_called_as_functor else functor or place
        if place is None:
            return
        # C++ Nix has this line without `--show-trace` as long as the argument is matched with the function's pattern.
        is_of_call = self._inner_is_of_call(inner) or inner.opcode == OPCODES["BindFormals"]
        self._lines.append(("call-site" if is_of_call else "call", "", place))

    def _selection(self, note: Note, node: Step, tree: SourceTree, inner: Note | None) -> bool:
        """An error in a selection is reported with the attribute that the selection found last."""
        found = self._found(note, node)
        if found is None or (note.opcode not in SELECTS and (inner is None or inner.kind != "thunk")):
            return False
        self._lines.append(("attribute", tree.attribute_path(node, names=found.names), found.place))
        return True

    def _leave(self, note: Note, inner: Note | None) -> None:
        """The lines of an activation that left in tail position, if only one expression in tail position of its source can have led to what came after it."""
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
            if self._code == "not-a-function" and not self._is_inside(note):
                self._position = place
        elif tails[0].kind == "select":
            self._asked_in = (tree, tails[0])
        elif tails[0].kind == "variable":
            self._asked = "variable"
        elif inner.kind == "function":
            self._call_line(place, inner)

    def _is_inside(self, note: Note) -> bool:
        """Whether the error is in the source of this activation; otherwise its place is that of a builtin that asked."""
        place, extent = self._position, note.extent
        return place is not None and extent is not None and place[0] == extent[0] and extent[2] <= place[2] < extent[3]

    def _inner_is_of_call(self, inner: Note) -> bool:
        return inner is self._notes[-1] and self._is_of_call(inner)

    def _is_of_call(self, note: Note) -> bool:
        """Whether the error is about the way in which this function was called."""
        if self._code in _ARGUMENT_ERRORS:
            return True
        is_of_argument = self._cause.wants("a set") or self._code == "infinite-recursion"
        return is_of_argument and note.extent is not None and note.opcode == OPCODES["BindFormals"]

    def _call(self, note: Note) -> None:
        """The error is about the call of the innermost function: which call that was, unless a line says it already."""
        is_said = self._last_line[0] == "call-site"
        if self._call_site is not None and not is_said:
            self._lines.append(("call-site", "", self._call_site))
        elif not is_said:
            self._call_by_machine(note)
        if self._code not in (*_ARGUMENT_ERRORS, "infinite-recursion"):
            self._lines.append(("text", "while evaluating the value passed for the lambda argument", note.extent))
            self._is_shown = False
        else:
            self._position = note.extent

    def _call_by_machine(self, note: Note) -> None:
        """A builtin called the function, or it was to be called later: that call is nowhere in the source.

        The call of a functor is at the place of the attribute `__functor`.
        """
        asker = self._asker()
        if not note.is_behind_machine and (asker is None or asker.kind != "builtin"):
            return
        functor, functor_set = self._functor(note)
        place = self._later_call(note, functor_set or note.extent)
        if note.is_called_as_functor:
            self._lines.append(("text", note_line("functor"), self._place_of_functor_call(note, functor_set)))
            place = functor
        elif functor is not None:
            self._lines.append(("text", note_line("functor"), place))
            place = functor
        if place is not None or self._code in _ARGUMENT_ERRORS:
            self._lines.append(("call-site", "", place))

    def _asker(self) -> Note | None:
        """What had the activation in hand evaluated: code or a builtin."""
        number = self._number - 1
        while number >= 0 and self._notes[number].kind in ("text", "context"):
            number -= 1
        return self._notes[number] if number >= 0 else None

    def _functor_call(self, note: Note) -> RawFrame:
        """The line of the call of a functor that is not a function of the program, or was not reached."""
        place = self._place
        if note.attribute:
            place = self._place_of_functor_call(note, self._set_around(note.selected))
            position = self._called(self._position)
            if position is not None and self._place is not None and position[:3:2] == self._place[:3:2]:
                self._position = note.selected
            self._place = note.selected
        return note.kind, note.name, place

    def _place_of_functor_call(self, note: Note, functor_set: RawPosition | None) -> RawPosition | None:
        """The place of the call that called a functor."""
        asker = self._asker()
        if note.is_behind_machine:
            return self._later_call(note, functor_set)
        return self._place if asker is None or asker.is_code or asker.is_internal else None

    def _set_around(self, place: RawPosition | None) -> RawPosition | None:
        """The place of the set in which an attribute is written."""
        tree = self._tree(place)
        way = tree.way_to(*place[2:]) if tree is not None and place is not None else []
        around = next((node for node in reversed(way) if node.kind == "attrs"), None)
        return None if around is None or place is None else (*place[:2], around.start, around.start + 1)

    def _functor(self, note: Note) -> tuple[RawPosition | None, RawPosition | None]:
        """The places of the attribute `__functor` whose value a function is, and of the set that has the attribute."""
        if note.is_called_as_functor:
            return note.functor, self._set_around(note.functor)
        nothing = None, None
        tree = self._tree(note.extent)
        way = tree.way_to(*note.extent[2:]) if tree is not None and note.extent is not None else []
        if note.name != "__functor" or len(way) < 2 or note.extent is None:
            return nothing
        if note.arity == 1 and way[-1].role == "body" and way[-2].kind == "lambda":
            # The chunk is only the inner function; `__functor` is the function around it, which takes the set itself.
            way.pop()
        if way[-1].role != "value" or way[-1].name != "__functor" or way[-1].end != note.extent[3]:
            return nothing
        path = note.extent[:2]
        return (*path, way[-1].name_start, way[-1].name_start + 1), (*path, way[-2].start, way[-2].start + 1)

    def _definition(self, note: Note, before: Note | None) -> None:
        """The line of an attribute whose definition is being evaluated; `_asked` says what needed it, if that is known.

        Builtins have lines of their own.
        """
        asked, self._asked = self._asked, ""
        asked_in, self._asked_in = self._asked_in, None
        name, place = self._defined(note)
        is_said = before is not None and before.kind in ("builtin", "text") and (not before.is_internal or before.name in _WRITERS)
        if not name or note.is_from_outside or (is_said and not note.is_behind_machine):
            return
        if before is not None and asked_in is None and self._is_unnamed(name, before):
            return
        if asked in ("attribute", "variable"):
            return
        shown = name_text(name)
        path = asked_in[0].attribute_path(asked_in[1], name) if asked_in is not None else ""
        # If the path does not have the name, an activation that is gone asked for the attribute in tail position.
        asked = path if f".{shown}." in f".{path}." else shown
        kind, _, last = self._last_line
        if kind == "text" and last is not None and last[2] == place[2]:
            # Deep evaluation has added a line for it already.
            return
        self._lines.append(("attribute", asked, place))

    def _is_unnamed(self, name: str, before: Note) -> bool:
        """Whether C++ Nix needs the attribute without a line for it: while it compares, coerces, resolves a name, overrides."""
        if before.name in ("__equal", "__assertEqual") or before.name in COMPARERS:
            return before.part.startswith("attribute ")
        if before.name in (*COERCIONS, "__toStringCoerce", "__derivationString"):
            return name in ("outPath", "__toString") or before.part != ""
        if before.name == "toJSON":
            return name == "__toString"
        return before.is_code and (before.opcode in _LOOKS or (before.opcode == OPCODES["AttrsOverride"] and name == "__overrides"))
