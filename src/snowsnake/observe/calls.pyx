# cython: language_level=3
"""Watches calls of functions: writes a line when each begins and ends (`trace-function-calls`), and takes samples of the stack of calls
(`eval-profiler`).

In: a machine.  Out: messages; how often each stack was met, as text: its calls from the outermost to the innermost with `;` between them.

The stack is that of C++ Nix, where no call replaces another: a tail call stays until the activation that made it ends.  Arithmetic that is done
before its value is needed (`EagerArithmetic`) does not count as a call.  A call is pushed when its operation sees a function, and popped when the
activation that made it goes on or ends.  An activation that begins without such an operation is a call by a builtin, which has no place in the
source.
"""
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport strcmp

from snowsnake.bytecode.image cimport take
from snowsnake.bytecode.opcodes cimport (
    OP_ARITHMETIC, OP_BRANCH_COMPARE, OP_CALL, OP_CALL_BUILTIN, OP_CALL_N, OP_DIV, OP_LESS, OP_LESS_OR_EQ, OP_LINK, OP_MORE, OP_MORE_OR_EQ, OP_MUL, OP_NATIVE, OP_NEGATE,
    OP_RETURN, OP_SUB, OP_TAIL_CALL_N,
)
from snowsnake.foundation.arrays cimport has_room
from snowsnake.host.messages cimport LEVEL_INFO, is_said, say
from snowsnake.machine.attrs cimport attrs_position
from snowsnake.machine.attention cimport error_disregard
from snowsnake.machine.errors cimport format_text
from snowsnake.machine.heap cimport CODE_APPLY2
from snowsnake.machine.link cimport link_code
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.positions cimport file_text, position_file, position_in, position_of, position_place
from snowsnake.machine.state cimport Code, File, Frame, Machine, Observer
from snowsnake.machine.word cimport (
    KIND_BUILTIN, KIND_CLOSURE, TAG_ATTRS, TAG_FUNCTION, TAG_THUNK, Word, applied_function, attrs_find, header_code, header_size, is_string,
    is_thunk, kind_of, pointer_of, string_data, string_size, tag_of, val,
)
from snowsnake.observe.clock cimport CLOCK_MONOTONIC, CLOCK_REALTIME, now_ns
from snowsnake.observe.traced_loop cimport traced_run

cdef enum:
    DEPTHS = 4096

cdef enum CallKind:
    OF_LAMBDA = 0
    OF_BUILTIN = 1
    # The call is of a set that has the attribute `__functor`.
    OF_FUNCTOR = 2
    # The value cannot be called, or we do not know yet what it is.
    OF_ANYTHING = 3

ctypedef const char* Name

cdef struct Call:
    # The activation that made the call has this depth.
    int64_t depth
    # This points to the operation that made the call; it is NULL if a builtin made the call.
    const uint8_t* pc
    # The call has this position in the source; 0 means that it has none.
    uint32_t position
    # The source of an operator ends here; 0 means that the call is not an operator, or that `position` already is that of the operator itself.
    uint32_t end
    # If a lambda is called, its code has this index in the machine.
    uint32_t code
    int kind
    # If this is true, the call is the last operation of its activation, and it stays on our stack until that activation ends.
    bint is_last
    # If this is true, the called function has begun, and it runs in the activation that made the call.
    bint has_begun
    # If a builtin is called, it has this name.
    Name name
    # If the call makes a derivation, this is the derivation's name, in memory from malloc. It is NULL if we have no name.
    char* label
    # A Python object holds the text of the call; it is NULL until we need the text.
    void* text

cdef struct Watcher:
    Observer head
    Call* calls
    uint64_t count
    uint64_t capacity
    # The last operation ran in this frame.
    Frame* frame
    bint writes_lines
    bint takes_samples
    int64_t period_ns
    int64_t sampled_ns
    # If this is true, we take a sample at the next operation, because only then the chunk that is called has its name.
    bint is_due
    # The CallWatcher owns this struct.
    void* owner
    # Some calls wait until their function is evaluated. We keep the position + 1 of each of them, by depth modulo DEPTHS.
    uint32_t[DEPTHS] waiting


cdef list _way_to(Machine* m, uint32_t start, uint32_t end, object tree_of):
    """The nodes of the source around a span, from the root inwards; none if the source is not there any more."""
    cdef uint32_t number = 0
    cdef const uint8_t* text
    cdef File* file
    if not position_file(m, start, &number):
        return []
    file = &m.files[number]
    text = file_text(m, file)
    if text == NULL:
        return []
    return tree_of((<const char*>text)[:file.size_bytes], ()).way_to(start - file.position_base, end - file.position_base)


cdef uint32_t _operator_position(Machine* m, uint32_t start, uint32_t end, object tree_of):
    """The position of an operator in its source; its operation has that of the first operand."""
    cdef uint32_t number = 0
    cdef list way = _way_to(m, start, end, tree_of)
    last = way.pop() if way else None
    if last is None or last.kind != "binary" or not position_file(m, start, &number):
        return start
    return m.files[number].position_base + <uint32_t>last.place


cdef bytes _lambda_name(Machine* m, CodeOrigin* origin, object tree_of):
    """The name of the attribute or variable whose value a function is; a function that another one returns has the name of that one."""
    if origin.name.size_bytes:
        return (<const char*>origin.name.data)[:origin.name.size_bytes]
    for step in reversed(_way_to(m, origin.start, origin.end, tree_of)):
        if step.kind != "lambda" or step.name:
            return step.name.encode() if step.kind == "lambda" else b""
    return b""


cdef uint32_t _position(Machine* m, Call* call, void* owner) noexcept nogil:
    """The position of a call in C++ Nix: for an operator, that of the operator itself.  It is looked up when it is first needed."""
    if call.end:
        with gil:
            call.position = _operator_position(m, call.position, call.end, (<CallWatcher>owner).tree_of)
            call.end = 0
    return call.position


cdef void _write_line(Machine* m, const char* what, Call* call, void* owner) noexcept nogil:
    cdef uint32_t file = 0, line = 0, column = 0
    cdef uint32_t position
    if not is_said(m, LEVEL_INFO):
        return
    position = _position(m, call, owner)
    if position_place(m, position, &file, &line, &column):
        say(m, LEVEL_INFO, format_text("function-trace %s %s:%u:%u at %lld", what, m.files[file].path, line, column, <long long>now_ns(CLOCK_REALTIME)))
    else:
        say(m, LEVEL_INFO, format_text("function-trace %s \xc2\xabnone\xc2\xbb:0 at %lld", what, <long long>now_ns(CLOCK_REALTIME)))


cdef void _pop(Machine* m, Watcher* w) noexcept nogil:
    w.count -= 1
    if w.writes_lines:
        _write_line(m, "exited", &w.calls[w.count], w.owner)
    free(w.calls[w.count].label)
    if w.calls[w.count].text != NULL:
        with gil:
            (<CallWatcher>w.owner).forget(&w.calls[w.count])


cdef void _push(Machine* m, Watcher* w, Call call) noexcept nogil:
    cdef int64_t now
    if w.is_due:
        # There was no operation since the last call, at which we would have taken the sample.
        _sample(m, w)
    if not has_room(&w.calls, w.count, &w.capacity, 64):
        # Memory ran out, so the profile lacks this call.
        free(call.label)
        return
    w.calls[w.count] = call
    w.count += 1
    if w.writes_lines:
        _write_line(m, "entered", &w.calls[w.count - 1], w.owner)
    if w.takes_samples:
        now = now_ns(CLOCK_MONOTONIC)
        if now - w.sampled_ns > w.period_ns:
            w.sampled_ns = now
            w.is_due = True


cdef void _sample(Machine* m, Watcher* w) noexcept nogil:
    w.is_due = False
    with gil:
        (<CallWatcher>w.owner).sample(m)


cdef char* _derivation_name(Machine* m, Word attrs) noexcept nogil:
    """The name in the arguments of a derivation, if it is evaluated."""
    cdef Word* found = attrs_find(attrs, m.symbol_name) if tag_of(attrs) == TAG_ATTRS else NULL
    cdef Word name = 0 if found == NULL else val(found[0])
    return format_text("%.*s", <int>string_size(name), <char*>string_data(name)) if found != NULL and is_string(name) else NULL


cdef Code* _code_of(Machine* m, Word function) noexcept nogil:
    """The code of a closure or thunk, if it is from a source and not the machine's own; otherwise NULL."""
    cdef uint32_t index
    if tag_of(function) != TAG_THUNK and not (tag_of(function) == TAG_FUNCTION and kind_of(function) == KIND_CLOSURE):
        return NULL
    index = header_code(pointer_of(function)[0])
    return m.codes[index] if CODE_APPLY2 < index < m.code_count else NULL


cdef bint _is_of_machine(Machine* m, Word function) noexcept nogil:
    """Whether a function is a builtin that no program can name, such as the one that prints a value."""
    return tag_of(function) == TAG_FUNCTION and kind_of(function) == KIND_BUILTIN and m.builtins[header_size(pointer_of(function)[0])].name[0] == c'_'


cdef void _describe(Machine* m, Word callee, Call* call) noexcept nogil:
    """Sets the fields of a call that say what is called."""
    call.kind = OF_ANYTHING
    if tag_of(callee) == TAG_FUNCTION:
        if kind_of(applied_function(callee)) == KIND_CLOSURE:
            call.kind = OF_LAMBDA
            call.code = header_code(pointer_of(applied_function(callee))[0])
            # The machine knows the name of a function only when its code is linked.
            if link_code(m, call.code) == NULL:
                error_disregard(m)
        else:
            callee = applied_function(callee)
            call.kind = OF_BUILTIN
            call.name = m.builtins[header_size(pointer_of(callee)[0])].name
    elif tag_of(callee) == TAG_ATTRS and attrs_find(callee, m.symbol_functor) != NULL:
        call.kind = OF_FUNCTOR


cdef bint _is_internal(Call* call) noexcept nogil:
    """Whether the call is one of a builtin that C++ Nix does not have."""
    return call.kind == OF_BUILTIN and call.name[0] == c'_'


cdef bint _makes_derivation(Call* call) noexcept nogil:
    return call.kind == OF_BUILTIN and strcmp(call.name, "derivationStrict") == 0


cdef Name _operator(const uint8_t* pc) noexcept nogil:
    """The builtin that an operator stands for; NULL for other operations."""
    cdef uint8_t op = pc[1] if pc[0] == OP_ARITHMETIC or pc[0] == OP_BRANCH_COMPARE else pc[0]
    if op == OP_SUB or op == OP_NEGATE:
        return "sub"
    if op == OP_MUL:
        return "mul"
    if op == OP_DIV:
        return "div"
    if op == OP_LESS or op == OP_LESS_OR_EQ or op == OP_MORE or op == OP_MORE_OR_EQ:
        return "lessThan"
    return NULL


cdef uint32_t _place_of(Machine* m, Word function, const uint8_t* pc, uint32_t* end) noexcept nogil:
    """The position of an operation in its source; 0 for the machine's own code."""
    cdef Code* code = _code_of(m, function)
    return 0 if code == NULL or not code.start <= pc < code.start + code.size_bytes else position_in(m, code, pc + 1, end)


cdef void _end_calls(Machine* m, Watcher* w, int64_t depth, const uint8_t* pc) noexcept nogil:
    """Pops the calls that are over when the activation at a depth is about to run an operation."""
    cdef Call* top
    while w.count:
        top = &w.calls[w.count - 1]
        if top.depth == depth and top.is_last:
            top.has_begun = top.has_begun or top.pc != pc
            return
        if top.depth == depth and top.pc == pc:
            # The operation of this call has waited for a value and runs again.
            return
        if top.depth < depth:
            return
        _pop(m, w)


cdef Call* _top(Watcher* w) noexcept nogil:
    return &w.calls[w.count - 1] if w.count else NULL


cdef void _enter(Machine* m, Watcher* w, int64_t depth, Word function) noexcept nogil:
    """Pushes the call of a function whose activation has just begun, unless an operation of a program has called it."""
    cdef Call* top = _top(w)
    cdef Call call
    if top != NULL and top.depth == depth - 1:
        return
    call = Call(depth=depth - 1, pc=NULL, position=0, end=0, code=0, kind=OF_ANYTHING, is_last=False, has_begun=False, name=NULL, label=NULL, text=NULL)
    _describe(m, function, &call)
    if not _is_internal(&call):
        _push(m, w, call)


cdef uint32_t _place_of_need(Machine* m, Frame* fr, Call* call) noexcept nogil:
    """The place of a call that makes an element of a lazy list: where the element is needed, or the function itself if an internal builtin needs it."""
    cdef CodeOrigin origin
    if _is_of_machine(m, fr.function) and call.kind == OF_LAMBDA and code_origin(m, m.codes[call.code], &origin):
        return origin.start
    return position_of(m, fr.function, fr.pc + 1)


cdef void _step(Machine* m, const uint8_t* pc, Word* fp, Word* sp, Frame* fr, Word function) noexcept nogil:
    cdef Watcher* w = <Watcher*>m.observer
    cdef int64_t depth = fr - m.frames_base
    cdef bint is_new = fr > w.frame
    cdef Call* top
    if pc[0] == OP_LINK:
        # The machine does not know the chunk yet; we see it with its first operation.
        return
    w.frame = fr
    if w.is_due:
        _sample(m, w)
    _end_calls(m, w, depth, pc)
    if is_new and tag_of(function) == TAG_FUNCTION and (pc[0] == OP_NATIVE or _code_of(m, function) != NULL):
        _enter(m, w, depth, function)
    top = _top(w)
    if pc[0] == OP_NATIVE and top != NULL and top.depth == depth - 1 and _makes_derivation(top) and top.label == NULL:
        top.label = _derivation_name(m, val(fp[0]))
        if top.label != NULL and top.text != NULL:
            with gil:
                (<CallWatcher>w.owner).forget(top)
    _make_call(m, w, depth, pc, sp, fr, function)


cdef void _make_call(Machine* m, Watcher* w, int64_t depth, const uint8_t* pc, Word* sp, Frame* fr, Word function) noexcept nogil:
    """Pushes the call that the operation at *pc* is about to make, if it makes one."""
    cdef bint is_own
    cdef Code* code
    cdef Call call
    cdef Call* top = _top(w)
    cdef const uint8_t* p
    cdef Word* argument = NULL
    cdef Word callee = 0
    cdef Name name = _operator(pc)
    cdef uint32_t end = 0
    if pc[0] == OP_CALL or pc[0] == OP_CALL_N or pc[0] == OP_TAIL_CALL_N:
        callee = val(sp[-1])
        if is_thunk(callee):
            w.waiting[depth % DEPTHS] = _place_of(m, function, pc, &end) + 1
            # The machine evaluates the function first, and then it runs this operation again.
            return
        argument = sp - 2
    elif pc[0] == OP_CALL_BUILTIN and _code_of(m, function) != NULL:
        p = pc + 1
        callee = _code_of(m, function).constants[take(&p)]
        argument = sp - take(&p)
    elif name == NULL:
        return
    if top != NULL and top.depth == depth and top.pc == pc and not top.has_begun:
        return
    code = _code_of(m, function)
    is_own = tag_of(function) == TAG_FUNCTION if code == NULL else not code.start <= pc < code.start + code.size_bytes
    if is_own and w.waiting[depth % DEPTHS] == 0:
        # The machine's own code goes on with a call: it passes a further argument, or it calls the function of a functor.
        return
    call = Call(depth=depth, pc=pc, position=_place_of(m, function, pc, &end), code=0, kind=OF_BUILTIN,
                end=0, is_last=pc[0] == OP_TAIL_CALL_N or (pc[0] == OP_CALL and pc[1] == OP_RETURN), has_begun=False, name=name, label=NULL, text=NULL)
    if name == NULL:
        _describe(m, callee, &call)
        if _is_internal(&call):
            return
        if _makes_derivation(&call):
            call.label = _derivation_name(m, val(argument[0]))
    elif pc[0] != OP_NEGATE and call.position:
        call.end = end
    if w.waiting[depth % DEPTHS]:
        call.position = w.waiting[depth % DEPTHS] - 1
        w.waiting[depth % DEPTHS] = 0
    elif code == NULL and tag_of(function) == TAG_THUNK:
        call.position = _place_of_need(m, fr, &call)
    _push(m, w, call)
    if call.kind == OF_FUNCTOR:
        call.kind = OF_ANYTHING
        call.position = attrs_position(callee, m.symbol_functor)
        _push(m, w, call)


cdef int _run(Machine* m) noexcept nogil:
    cdef Watcher* w = <Watcher*>m.observer
    cdef int64_t depth = m.fr - m.frames_base
    cdef int outcome
    w.frame = m.fr
    outcome = traced_run(m)
    if w.is_due:
        _sample(m, w)
    while w.count and w.calls[w.count - 1].depth >= depth:
        _pop(m, w)
    w.frame = m.fr
    return outcome


# Only `attach` has this object, so nothing else can make watchers.
cdef object _KEY = object()


cdef class CallWatcher:
    """The observer of one machine; must live as long as the machine does."""

    cdef Watcher watcher
    # The text of each stack leads to how often we met that stack.
    cdef dict counts
    # This callable makes the syntax tree of a source; it is traces.source_tree.SourceTree.
    cdef object tree_of

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("watchers come from attach")
        self.counts = {}

    def __dealloc__(self):
        cdef uint64_t i
        for i in range(self.watcher.count):
            self.forget(&self.watcher.calls[i])
        free(self.watcher.calls)

    cdef void forget(self, Call* call) noexcept:
        if call.text != NULL:
            Py_DECREF(<object>call.text)
            call.text = NULL

    cdef void sample(self, Machine* m) noexcept:
        cdef uint64_t i
        cdef Call* call
        cdef list texts = []
        for i in range(self.watcher.count):
            call = &self.watcher.calls[i]
            if call.text == NULL:
                text = _text_of(m, call, self)
                Py_INCREF(text)
                call.text = <void*>text
            texts.append(<object>call.text)
        stack = b";".join(texts)
        self.counts[stack] = self.counts.get(stack, 0) + 1

    def lines(self):
        """`STACK COUNT` of each stack that was met, as bytes, in the order of the source."""
        import re

        def order(item):
            return re.sub(rb"[0-9]+", lambda number: number[0].zfill(10), item[0])

        return [b"%s %d" % item for item in sorted(self.counts.items(), key=order)]


cdef bytes _place(Machine* m, uint32_t position):
    cdef uint32_t file = 0, line = 0, column = 0
    if not position_place(m, position, &file, &line, &column):
        return b""
    return b"%s:%d:%d" % (<bytes>m.files[file].path, line, column)


cdef bytes _text_of(Machine* m, Call* call, CallWatcher watcher):
    """A call as C++ Nix names it in a profile."""
    cdef CodeOrigin origin
    cdef bytes place = _place(m, _position(m, call, <void*>watcher))
    # C++ Nix has `derivation` as a function that is written in Nix, so we do not name it as a builtin.
    if call.kind == OF_BUILTIN and strcmp(call.name, "derivation"):
        name = <bytes>call.name
        if call.label != NULL:
            name += b":" + <bytes>call.label
        return (place + b":" if place else b"") + b"primop " + name
    if call.kind == OF_LAMBDA and call.code < m.code_count and m.codes[call.code] != NULL and code_origin(m, m.codes[call.code], &origin):
        place = place or _place(m, origin.start)
        name = _lambda_name(m, &origin, watcher.tree_of)
        if name:
            place += b":" + name
    place = place or "«none»:0".encode()
    return place + b":functor" if call.kind == OF_FUNCTOR else place


def attach(size_t machine, bint writes_lines, object frequency, object tree_of):
    """Watches the machine at this address; the result must be kept as long as the machine.

    *frequency*: samples in a second; 0: one at each call; None: none.  *tree_of* makes the syntax tree of a source, as traces/source_tree.py does.
    """
    cdef Machine* m = <Machine*>machine
    cdef CallWatcher watcher = CallWatcher.__new__(CallWatcher, _KEY)
    watcher.watcher.head.run = _run
    watcher.watcher.head.step = _step
    watcher.watcher.writes_lines = writes_lines
    watcher.watcher.takes_samples = frequency is not None
    watcher.watcher.period_ns = 1000000000 // frequency if frequency else -1
    watcher.watcher.sampled_ns = now_ns(CLOCK_MONOTONIC)
    watcher.watcher.owner = <void*>watcher
    watcher.tree_of = tree_of
    m.observer = <Observer*>&watcher.watcher
    return watcher
