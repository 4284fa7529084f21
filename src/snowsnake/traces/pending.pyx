# cython: language_level=3
"""A pending error of a machine as the exception.

In: a machine whose last outcome was an error.  Out: the exception, with its place, its trace and what it suggests; the machine has no
error any more.  This is imported when there is an error to explain.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t

from snowsnake.host.byte_map cimport MapEntry
from snowsnake.host.files import source_text
from snowsnake.host.state cimport Host, host_of
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.positions cimport position_file, position_in
from snowsnake.machine.state cimport (
    ERROR_INFINITE_RECURSION, ERROR_MEMORY, ERROR_MISSING_ARGUMENT, ERROR_SYNTAX, ERROR_TYPE, ERROR_UNDEFINED_VARIABLE,
    ERROR_UNEXPECTED_ARGUMENT, PART_ATTRIBUTE, PART_ATTRIBUTE_ELEMENT, TRACE_FUNCTOR, TRACE_GONE, Code, Error, File,
    Machine, TraceEntry,
)
from snowsnake.machine.symbols cimport symbol_string
from snowsnake.machine.word cimport Word, string_data, string_size

from snowsnake.diagnostics.catalogue import CATALOGUE
from snowsnake.diagnostics.error import make_error
from snowsnake.diagnostics.notes import KINDS as NOTE_KINDS, note_line
from snowsnake.diagnostics.suggestions import MAX_DISTANCE, nearest
from snowsnake.parsing import complete_syntax_error, similar_variables
from snowsnake.syntax.api import name_text
from snowsnake.syntax.features import feature_names
from snowsnake.traces.cause import FAULTS, Cause, part_name
from snowsnake.traces.cycle import cycle_of
from snowsnake.traces.libraries import mark_libraries
from snowsnake.traces.lines import frames_of
from snowsnake.traces.note import Note, Selection, names_of
from snowsnake.traces.source_tree import first_met, same_bytes


cdef class Places:
    """Positions of a machine as (path, source or None, start, end); a source is looked up once."""

    cdef Machine* m
    cdef dict sources

    def __cinit__(self, size_t machine):
        self.m = <Machine*>machine
        self.sources = {}

    def place(self, uint32_t position, uint32_t end):
        """None if the position has no place (any more)."""
        cdef uint32_t number = 0, offset
        cdef File* file
        if not position_file(self.m, position, &number):
            return None
        file = &self.m.files[number]
        path = (<bytes>file.path).decode("utf-8", "surrogateescape")
        if number not in self.sources:
            self.sources[number] = self.source(number, path)
        offset = position - file.position_base
        return path, self.sources[number], offset, (end - file.position_base) if end > position else offset + 1

    cdef object source(self, uint32_t number, str path):
        """A file's bytes, or None.  The source of a compiled file is not kept, so the file is read again."""
        cdef File* file = &self.m.files[number]
        if file.source != NULL:
            return PyBytes_FromStringAndSize(<char*>file.source, file.size_bytes)
        source = source_text(<size_t>self.m, <bytes>file.path) if path.startswith("/") else None
        return same_bytes(path, source) if source is not None else None

    cdef object extent(self, Code* code):
        cdef CodeOrigin origin
        return self.place(origin.start, origin.end) if code_origin(self.m, code, &origin) else None

    cdef list search_folders(self):
        """The folders of the search path that were looked in."""
        cdef Host* h = host_of(self.m)
        cdef MapEntry* entry
        cdef uint32_t i
        found = []
        for i in range(h.search_resolved.count):
            entry = &h.search_resolved.entries[i]
            if entry.value != NULL and entry.value_size > 1:
                found.append(PyBytes_FromStringAndSize(<const char*>entry.value, entry.value_size).decode("utf-8", "surrogateescape"))
        return found

    cdef list notes(self, uint32_t asked_code):
        """What the machine noted of its activations, outermost first; *asked_code*: see `take_error`."""
        cdef Machine* m = self.m
        cdef TraceEntry* entry
        cdef uint32_t i
        cdef uint32_t outermost_code = 0
        notes = []
        selections = {}
        # In the end, this is the outermost activation of code.
        outermost = None
        for i in range(m.error.trace_count):
            entry = &m.error.trace[i]
            place = self.place(entry.position, entry.position_end)
            if NOTE_KINDS[entry.note] == "selection":
                names = names_of(entry.text) if entry.text != NULL else []
                selections[place[2:]] = Selection(self.place(entry.selected, 0), names)
                continue
            text = (<bytes>entry.text).decode("utf-8", "replace") if entry.text != NULL else ""
            if entry.note:
                name = self.symbol_name(entry.symbol) if entry.symbol else ""
                line = NOTE_KINDS[entry.note]
                notes.append(Note("text", note_line(line, name, name_text(name), text), place, line=line, attribute=name, selected=self.place(entry.selected, 0)))
            elif entry.text != NULL:
                notes.append(Note("context", text, place))
            elif entry.builtin:
                name = (<bytes>m.builtins[entry.builtin - 1].name).decode()
                given = self.extent(m.codes[entry.code - 1]) if entry.code else None
                notes.append(Note("builtin", name, None, extent=given, operands=(entry.left, entry.right), argument=entry.argument,
                                  part=self.part(entry), selected=self.place(entry.selected, 0)))
            elif entry.code:
                outermost = self.activation(entry, place)
                outermost.selections, selections = selections, {}
                outermost_code = entry.code
                notes.append(outermost)
        notes.reverse()
        first = next((note for note in notes if not note.is_internal), None)
        if first is not None and first is outermost:
            first.is_from_outside = outermost_code == asked_code
        return notes

    cdef str symbol_name(self, uint32_t symbol, str errors="replace"):
        cdef Word s = symbol_string(self.m, symbol)
        return PyBytes_FromStringAndSize(<const char*>string_data(s), string_size(s)).decode("utf-8", errors)

    cdef str part(self, TraceEntry* entry):
        if entry.part != PART_ATTRIBUTE and entry.part != PART_ATTRIBUTE_ELEMENT:
            return part_name(entry.part)
        return part_name(entry.part, self.symbol_name(entry.symbol))

    cdef object activation(self, TraceEntry* entry, place):
        cdef Code* code = self.m.codes[entry.code - 1]
        cdef CodeOrigin origin
        cdef uint32_t arity = code.arity
        name = ""
        kind = "function" if arity else "thunk"
        if code_origin(self.m, code, &origin):
            name = PyBytes_FromStringAndSize(<const char*>origin.name.data, origin.name.size_bytes).decode("utf-8", "replace")
            if origin.chunk == 0:
                # A file has no arguments, but with `scopedImport` its code takes the set of names.
                kind = "file"
                arity = 0
        else:
            # This is the machine's own code, which holds a function and its arguments.
            arity = code.upvalue_count - 1
        return Note(
            kind, name, place, extent=self.extent(code), opcode=entry.opcode, operands=(entry.left, entry.right),
            argument=entry.argument, selected=self.place(entry.selected, 0), is_gone=(entry.flags & TRACE_GONE) != 0,
            is_functor=(entry.flags & TRACE_FUNCTOR) != 0, arity=arity,
        )

    cdef bytes symbol_bytes(self, uint32_t symbol):
        cdef Word s = symbol_string(self.m, symbol)
        return PyBytes_FromStringAndSize(<const char*>string_data(s), string_size(s))

    cdef list similar_names(self, bytes wanted):
        """The existing names that look like the one that was not found."""
        cdef Error* e = &self.m.error
        cdef Word s
        cdef uint32_t i
        cdef uint64_t size = len(wanted), most = MAX_DISTANCE
        found = []
        for i in range(e.candidate_count):
            if e.candidates[i] == 0:
                break
            s = symbol_string(self.m, e.candidates[i])
            if size <= string_size(s) + most and string_size(s) <= size + most:
                found.append(PyBytes_FromStringAndSize(<const char*>string_data(s), string_size(s)))
        return nearest(wanted, found)

    cdef list faulty_arguments(self):
        """All arguments that an error about arguments may be about; the machine has named the first one."""
        cdef Error* e = &self.m.error
        cdef uint32_t i
        cdef bint is_behind = False
        names = []
        for i in range(e.candidate_count):
            if is_behind:
                names.append(self.symbol_bytes(e.candidates[i]))
            is_behind = is_behind or e.candidates[i] == 0
        return names

    cdef bytes named_argument(self, list names, bint ignores_past):
        """The argument that C++ Nix names: the one that it met first in the source of the function, or else in that of the call, or else before.

        *ignores_past*: if neither source has them all, the least name instead of the one that was met before.
        """
        cdef Error* e = &self.m.error
        cdef uint32_t i
        sources = []
        for i in range(min(e.trace_count, 2)):
            place = self.extent(self.m.codes[e.trace[i].code - 1]) if e.trace[i].code else None
            if place is not None and place[1] is not None:
                sources.append(place[1])
        return first_met(sorted(names) if ignores_past else names, sources, feature_names(self.m.features))

    cdef bytes argument_message(self, str row, bytes name):
        """The machine's message about an argument, with another name."""
        cdef TraceEntry* entry = &self.m.error.trace[0]
        cdef CodeOrigin origin
        function = ""
        if self.m.error.trace_count and entry.code and code_origin(self.m, self.m.codes[entry.code - 1], &origin):
            function = PyBytes_FromStringAndSize(<const char*>origin.name.data, origin.name.size_bytes).decode("utf-8", "surrogateescape")
        from snowsnake.diagnostics.messages import words_of

        shown = name_text(name.decode("utf-8", "surrogateescape"))
        return words_of(row, function=f"function '{function or 'anonymous lambda'}'", name=shown).encode("utf-8", "surrogateescape")

    cdef object last_tail_call(self):
        """The place from which the function with the error was called, if that was a tail call: the caller's frame is gone."""
        cdef Machine* m = self.m
        cdef Code* code
        cdef uint32_t i, start, end = 0
        if m.error.tail_pc == NULL or m.error.trace_count == 0 or m.error.trace[0].code == 0 \
                or m.codes[m.error.trace[0].code - 1] != m.error.tail_target:
            return None
        for i in range(m.code_count):
            code = m.codes[i]
            if code.is_linked and code.start <= m.error.tail_pc < code.start + code.size_bytes:
                start = position_in(m, code, m.error.tail_pc + 1, &end)
                return self.place(start, end)
        return None


cdef object _with_facts(error, str fault, str subject, int exit_code):
    error.fault = fault
    if fault == "fetch":
        from snowsnake.diagnostics import kinds

        error.exit_code = exit_code
        error.__class__ = getattr(kinds, subject)
    else:
        error.subject = subject
    return error


def take_error(size_t machine, uint32_t asked_code, bint is_brief, bint ignores_past):
    """Returns the pending error as an `EvaluationError`, and clears it.

    *asked_code*: the index + 1 of the code of the thunk that was asked for from outside, or 0; *is_brief*: without trace and suggestions;
    *ignores_past*: as `errors_ignore_past` of `runner.pyx`.
    """
    cdef Machine* m = <Machine*>machine
    cdef Places places = Places(machine)
    cdef int code = m.error.code
    message = PyBytes_FromStringAndSize(m.error.message, m.error.message_size_bytes) or (b"out of memory" if code == ERROR_MEMORY else b"")
    cause = Cause(CATALOGUE[code].name, FAULTS[m.error.fault], m.error.expected.decode() if m.error.expected != NULL else "")
    exit_code = m.error.exit_code
    subject = places.symbol_name(m.error.subject, "surrogateescape") if m.error.subject else ""
    if is_brief:
        error_clear(m)
        return _with_facts(make_error(code, message, shows_place=False), cause.kind, subject, exit_code)
    wanted = places.symbol_bytes(m.error.wanted) if m.error.candidates != NULL else b""
    if code == ERROR_MISSING_ARGUMENT or code == ERROR_UNEXPECTED_ARGUMENT:
        arguments = places.faulty_arguments()
        if len(arguments) > 1:
            wanted = places.named_argument(arguments, ignores_past)
            message = places.argument_message("MISSING_ARGUMENT" if code == ERROR_MISSING_ARGUMENT else "UNEXPECTED_ARGUMENT", wanted)
    suggestions = places.similar_names(wanted)
    position = places.place(m.error.position, m.error.position_end)
    notes = places.notes(asked_code)
    call_site = None
    if code == ERROR_MISSING_ARGUMENT or code == ERROR_UNEXPECTED_ARGUMENT or code == ERROR_TYPE:
        call_site = places.last_tail_call()
    omitted = m.error.trace_total - m.error.trace_count
    features = feature_names(m.features)
    error_clear(m)
    cycle = cycle_of(notes, features) if code == ERROR_INFINITE_RECURSION else []
    frames, position, shows_place = frames_of(notes, cause, position, call_site, features)
    error = make_error(code, message, position, frames, shows_place=shows_place, cycle=cycle, omitted_frames=omitted, suggestions=suggestions)
    # The compiler finds names that nothing binds; code that runs finds those that no set of a `with` has.
    kind = "not-in-with" if code == ERROR_UNDEFINED_VARIABLE and notes else cause.kind
    _with_facts(error, kind, subject, exit_code)
    if frames:
        start = (<bytes>m.files[0].path).decode("utf-8", "surrogateescape") if m.file_count else ""
        store = (<bytes>host_of(m).store_dir).decode("utf-8", "surrogateescape")
        mark_libraries(error.trace, start if start.startswith("/") else None, [] if ignores_past else places.search_folders(), store)
    if position is not None and position[1] is not None:
        if code == ERROR_SYNTAX:
            complete_syntax_error(error, position[1], features)
        elif code == ERROR_UNDEFINED_VARIABLE:
            error.suggestions = similar_variables(position[1], position[2], error.position.text, features)
    return error
