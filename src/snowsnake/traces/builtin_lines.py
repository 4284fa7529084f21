"""Lines of a trace for what a builtin was doing: its arguments, their elements and attributes, results of functions that it was given.

In: the note of a builtin, and of what was inside it.  Out: lines, in C++ Nix's words.
"""

from snowsnake.diagnostics.error import RawFrame, RawPosition
from snowsnake.traces.arguments import AT_ATTRIBUTE, argument_text, is_wrapped, part_text
from snowsnake.traces.note import Note
from snowsnake.traces.trace_state import COERCIONS, RESULT_OF_TO_STRING, TAG_LIST, TAG_STRING, TraceState

# Traces show these numbered lines of the file in which C++ Nix defines `derivation`; Snowsnake has it built in.
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


class BuiltinLines(TraceState):
    """The lines of a builtin: that it was called, and which part of its input it was at."""

    def _builtin(self, note: Note, inner: Note | None, number: int) -> None:
        name = note.name
        if name == "__toStringCoerce" and self._is_to_string(note, number):
            # The builtin `toString` is this operation of the machine.
            name = "toString"
        if note.is_internal and name == note.name:
            return
        if name == "derivation":
            self._derivation_call(inner)
            return
        self._builtin_call(note, number, name)
        own, rest, inner = self._own_lines(name, inner, number)
        is_last = all(other.is_internal for other in rest)
        is_at_call = self._is_at_call()
        if is_last and is_at_call:
            # The line of the builtin shows the place.
            self._is_shown = False
        self._lines += own
        part = self._part(name, note, inner, is_last) if is_last or note.part else ""
        is_beside = is_last and self._is_beside_the_value(rest)
        if is_beside and name != "toString":
            if self._code == "not-a-function" and name == "path" and note.selected is not None:
                self._position, self._is_shown = note.selected, True
            part = ""
        text = self._text_of_part(name, part, inner, is_last)
        placed = own[-1][2] if own else None
        is_of_json = self._cause.kind == "not-convertible" or (self._code == "not-a-function" and name == "toJSON")
        if is_last and is_of_json and placed is not None and is_at_call:
            self._position = placed
            self._is_shown = True
        further: list[str] = []
        if name in ("toString", "derivationStrict") and part != "result of __toString":
            coercions = rest if name == note.name else [note, *rest]
            texts = self._texts_of_coercions(coercions, is_last and not is_beside and self._code != "infinite-recursion")
            further = texts[1:]
            if texts and texts[0]:
                text = texts[0]
            elif texts and text is None:
                text = argument_text(name, 1) if name == "toString" else part_text(name, note.part)
        if text is not None:
            place = self._place_of_result(note) if name == "concatMap" and part == "result" else None
            if name == "toJSON" and part == "result of __toString":
                place = placed
            self._add_part(note, text, place, is_last)
        self._lines += [("text", line, None) for line in further]

    def _own_lines(self, name: str, inner: Note | None, number: int) -> tuple[list[RawFrame], list[Note], Note | None]:
        """Returns the lines of what the builtin itself was doing, the notes of what was inside it, and the first of these notes."""
        rest = self._notes[number + 1 :]
        if name == "genericClosure":
            rest = [other for other in rest if other.kind != "text"]
        rest = [other for other in rest if other.line != "fetching"]
        own = []
        while inner is not None and inner.kind == "text" and inner.line != "functor":
            own.append(self._given(self._notes.pop(number + 1)))
            rest = rest[1:] if rest and rest[0] is inner else rest
            inner = self._inner(number)
        return own, rest, inner

    def _is_at_call(self) -> bool:
        """Whether the error is where the builtin is called."""
        if self._cause.kind == "not-convertible" and self._place is None and self._position is not None:
            # The place is that of a function that a command was to write as JSON.
            return False
        position = self._called(self._position)
        return position is None or self._place is None or position[:3:2] == self._place[:3:2]

    def _text_of_part(self, name: str, part: str, inner: Note | None, is_last: bool) -> str | None:
        """The line for a part of a builtin's input; None if C++ Nix has none."""
        # What needs its own value has no type yet.
        is_refused = is_last and self._code != "infinite-recursion"
        if part and (is_refused or is_wrapped(name, part)):
            return RESULT_OF_TO_STRING if part == "result of __toString" else part_text(name, part)
        return None

    def _add_part(self, note: Note, text: str, place: RawPosition | None, is_last: bool) -> None:
        """Adds the line for a part of a builtin's input.  A line about an attribute is where that was selected, and so is the error."""
        if text.endswith(AT_ATTRIBUTE):
            text = text.removesuffix(AT_ATTRIBUTE)
            place = note.selected
            if is_last and self._cause.kind == "wrong-type" and self._cause.expected not in ("a set", "a list"):
                self._position = place
                self._is_shown = True
        self._lines.append(("text", text, place))

    def _derivation_call(self, inner: Note | None) -> None:
        """The lines of a call of `derivation`, which is a function of the language in C++ Nix."""
        self._lines.append(("call-site", "", self._place))
        if inner is None and self._cause.wants("a set"):
            self._lines.append(("text", "while evaluating the value passed for the lambda argument", _DERIVATION_PLACES["argument"]))
            self._is_shown = False

    def _builtin_call(self, note: Note, number: int, name: str) -> None:
        """The line that says that a builtin was called."""
        before = self._notes[number - 1] if number else None
        if name == "derivationStrict" and note.is_behind_machine:
            self._derivation(note)
        elif name == "toJSON" and before is not None and before.name == "derivationStrict":
            # derivationStrict asked for the JSON of an attribute.
            pass
        elif name not in ("addErrorContext", "break"):
            # In the last of these cases, the rest of the arguments of a call waits there.
            is_called_by_code = before is None or before.is_code or (before.kind == "text" and not note.is_behind_machine) \
                or (number > 1 and before.name == "__equal" and self._notes[number - 2].is_gone)
            is_text = before is not None and before.name in COERCIONS
            self._lines.append(("builtin", name, self._place if is_called_by_code else self._coerced_at if is_text else None))
        if name == "zipAttrsWith" and self._code == "not-a-function" and self._position is None:
            # The result of the function is called with the list.
            self._position = note.extent

    def _is_to_string(self, note: Note, number: int) -> bool:
        """Whether the operation is a call of `toString`: by code, or one that was left for later (`map toString`).  `toString` also uses the operation itself."""
        before = self._notes[number - 1] if number else None
        return before is None or before.is_code or (note.is_behind_machine and before.name != "toString")

    def _place_of_result(self, note: Note) -> RawPosition | None:
        """The place of a function's result, if that is a function, or a set that is written there; otherwise the function's."""
        tree, extent = self._tree(note.extent), note.extent
        if note.selected is not None or tree is None or extent is None:
            return note.selected or extent
        body = tree.way_to(*extent[2:])[-1:]
        last = tree.child(body[0], "body") if body and body[0].kind == "lambda" else None
        return (*extent[:2], last.start, last.end) if last is not None and last.kind == "attrs" else extent

    @staticmethod
    def _texts_of_coercions(rest: list[Note], is_last: bool) -> list[str]:
        """What C++ Nix says of the values that something makes a text of; the first line, that of what makes it, is empty.

        Each list says of what it is the value; an element of it, and the result of a `__toString`, are further values.  *is_last*: the innermost one is refused.
        """
        texts: list[str] = []
        value = ""
        for number, other in enumerate(rest):
            if other.name not in ("__toStringCoerce", "__derivationString"):
                break
            if number > 0 and other.is_behind_machine and rest[number - 1].name == "__derivationString":
                # It is a call of `toString` that was left for later, with lines of its own.
                return texts
            if other.operands[0] == TAG_LIST:
                texts += [value, *["while evaluating one element of the list"] * (other.operands[1] - 1)]
                value = "while evaluating one element of the list"
            elif other.operands[0] == TAG_STRING:
                value = RESULT_OF_TO_STRING
        return [*texts, value] if is_last else texts

    def _derivation(self, note: Note) -> None:
        """The lines for an attribute of a derivation, which C++ Nix defines in Nix; it has no line for the selection of the attribute."""
        last = self._machine_note if self._machine_line == len(self._lines) else None
        if last is not None and last.line == "deep-attribute" and last.attribute in ("drvPath", "outPath"):
            self._lines[-1] = (last.kind, last.name, last.place or _DERIVATION_PLACES[last.attribute])
        if note.attribute != "drvPath":
            self._lines.append(("builtin", "getAttr", _DERIVATION_PLACES["getAttr"]))
        self._lines.append(("builtin", "derivationStrict", _DERIVATION_PLACES["derivationStrict"]))

    def _is_beside_the_value(self, rest: list[Note]) -> bool:
        """Whether a coercion failed, but not because of the type of the value: its `__toString` is not a function, its path cannot be copied."""
        return bool(rest) and self._code in ("not-a-function", "file") and rest[0].name in (*COERCIONS, "__toStringCoerce", "__derivationString")

    def _part(self, name: str, note: Note, inner: Note | None, is_last: bool) -> str:
        """The part of its input that a builtin refuses, or was evaluating."""
        if name == "scopedImport" and self._cause.wants("a set"):
            return "argument 1"
        if name in ("add", "sub", "mul") and self._code == "type" and not note.part:
            kind = "float " if name == "mul" and self._cause.wants("a float") else ""
            return "argument 2" if self._is_number(note.operands[0]) else f"{kind}argument 1"
        if name == "div" and self._code == "type" and not note.part:
            return "argument 1" if self._is_number(note.operands[1]) else "argument 2"
        if inner is not None and inner.part == "result" and inner.is_internal and inner.name != "__coercePath":
            return "result of __toString"
        if note.part:
            return f"no {note.part}" if is_last and self._cause.kind == "no-attribute" else note.part
        if note.argument:
            return f"argument {note.argument}"
        if self._cause.wants("a function"):
            return "function"
        return _PART_OF_FAULT.get(self._cause.kind, "content" if self._code == "value" else "")
