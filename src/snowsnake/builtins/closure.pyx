# cython: language_level=3
"""The builtin genericClosure: visits what an operator returns, breadth first, each key once.

In: a set with `startSet` and `operator`.  Out: the list of visited elements.  Keys are kept in a red-black tree of
small heap objects (lists of five words: key, left, right, parent, colour), because a comparison of keys may force, and
must be able to stop.  Keys are compared in the order of C++ Nix's ordered set, so that the same pair causes an error.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from libc.string cimport memcpy

from snowsnake.builtins.protocol cimport call1, call_internal2, done, force, is_callable
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.descriptions cimport describe_after, of_attribute, raise_missing_attribute, raise_type
from snowsnake.machine.errors cimport of_part
from snowsnake.machine.heap cimport heap_reserve, new_list, pop, push, write_barrier
from snowsnake.machine.internals cimport INTERNAL_LESS
from snowsnake.machine.notes cimport (
    NOTE_CLOSURE_COMPARED, NOTE_CLOSURE_ELEMENT, NOTE_CLOSURE_WITH, NOTE_OPERATOR_CALLED,
)
from snowsnake.machine.state cimport DONE, Machine, RAISE, TAIL, TraceEntry, PART_RESULT
from snowsnake.machine.symbols cimport compare_strings, symbol_intern
from snowsnake.machine.word cimport (
    WORD_NULL, WORD_TRUE, Word, attrs_find, float_value, int_value, is_attrs, is_float, is_int, is_list, is_string,
    is_thunk, list_items, list_size, pointer_of, small_int, val,
)

cdef enum:
    # At most this many elements of two lists are compared without a pause.
    MOST_COMPARED = 256

# These words of state are above the argument on the stack.
cdef enum:
    PHASE = 1
    OPERATOR
    # A list with room at its end: its elements from HEAD to TAIL_ are not visited yet.
    QUEUE
    HEAD
    TAIL_
    # A list of the visited elements, with room at its end, too.
    VISITED
    VISITED_COUNT
    ROOT
    # The search for a key has reached this node.
    NODE
    SLOTS

# The phases say what the walk does next.
cdef enum:
    # It visits the next element.
    VISIT
    # It compares the key of that element with NODE.
    DESCEND
    # It compares NODE, the predecessor of the key, with the key: they are equal unless NODE is less.
    CONFIRM
    # It receives the operator's answer.
    OPERATE
    # It forces the elements of the answer, from index NODE on.
    RECEIVE

# These are the fields of a node of the tree.
cdef enum:
    KEY
    LEFT
    RIGHT
    PARENT
    COLOUR
    FIELDS

cdef enum:
    # The colours are small ints, written as words.
    BLACK = 0
    RED = 8


# ---- the tree ---------------------------------------------------------------------------------------------------

cdef inline Word _get(Word node, int field) noexcept nogil:
    # A node is a list, but never a view, so its fields follow its header.
    return pointer_of(node)[1 + field]


cdef inline void _set(Machine* m, Word node, int field, Word value) noexcept nogil:
    pointer_of(node)[1 + field] = value
    write_barrier(m, node)


cdef inline void _replace_child(Machine* m, Word* root, Word parent, Word old, Word new) noexcept nogil:
    if parent == WORD_NULL:
        root[0] = new
    elif _get(parent, LEFT) == old:
        _set(m, parent, LEFT, new)
    else:
        _set(m, parent, RIGHT, new)


cdef void _rotate(Machine* m, Word* root, Word x, int side) noexcept nogil:
    """Moves x down to *side* (LEFT or RIGHT), and its child on the other side up."""
    cdef int other = RIGHT if side == LEFT else LEFT
    cdef Word y = _get(x, other), middle = _get(y, side)
    _set(m, x, other, middle)
    if middle != WORD_NULL:
        _set(m, middle, PARENT, x)
    _set(m, y, PARENT, _get(x, PARENT))
    _replace_child(m, root, _get(x, PARENT), x, y)
    _set(m, y, side, x)
    _set(m, x, PARENT, y)


cdef void _rebalance(Machine* m, Word* root, Word x) noexcept nogil:
    cdef Word parent, grandparent, uncle
    cdef int side, other
    while x != root[0] and _get(_get(x, PARENT), COLOUR) == RED:
        parent = _get(x, PARENT)
        grandparent = _get(parent, PARENT)
        side = LEFT if _get(grandparent, LEFT) == parent else RIGHT
        other = RIGHT if side == LEFT else LEFT
        uncle = _get(grandparent, other)
        if uncle != WORD_NULL and _get(uncle, COLOUR) == RED:
            _set(m, parent, COLOUR, BLACK)
            _set(m, uncle, COLOUR, BLACK)
            _set(m, grandparent, COLOUR, RED)
            x = grandparent
            continue
        if x == _get(parent, other):
            x = parent
            _rotate(m, root, x, side)
            parent = _get(x, PARENT)
        _set(m, parent, COLOUR, BLACK)
        _set(m, grandparent, COLOUR, RED)
        _rotate(m, root, grandparent, other)
    _set(m, root[0], COLOUR, BLACK)


cdef inline Word _neighbour(Word node, int side, int other) noexcept nogil:
    """The node before (LEFT, RIGHT) or after (RIGHT, LEFT) another one; WORD_NULL if there is none."""
    cdef Word parent
    if _get(node, side) != WORD_NULL:
        node = _get(node, side)
        while _get(node, other) != WORD_NULL:
            node = _get(node, other)
        return node
    parent = _get(node, PARENT)
    while parent != WORD_NULL and _get(parent, side) == node:
        node = parent
        parent = _get(node, PARENT)
    return parent


cdef void _insert(Machine* m, Word* root, Word parent, bint on_left, Word key) noexcept nogil:
    cdef Word node = new_list(m, FIELDS)
    _set(m, node, KEY, key)
    _set(m, node, LEFT, WORD_NULL)
    _set(m, node, RIGHT, WORD_NULL)
    _set(m, node, PARENT, parent)
    _set(m, node, COLOUR, RED)
    if parent == WORD_NULL:
        root[0] = node
    else:
        _set(m, parent, LEFT if on_left else RIGHT, node)
    _rebalance(m, root, node)


cdef int _less_lists(Word a, Word b) noexcept nogil:
    """Whether a < b, for lists of evaluated integers or strings; -1 if an element that matters is something else, or if both lists are long."""
    cdef uint64_t na = list_size(a), nb = list_size(b), i
    cdef Word x, y
    cdef int c
    for i in range(min(min(na, nb), MOST_COMPARED)):
        x = val(list_items(a)[i])
        y = val(list_items(b)[i])
        if is_int(x) and is_int(y):
            if int_value(x) != int_value(y):
                return 1 if int_value(x) < int_value(y) else 0
        elif is_string(x) and is_string(y):
            c = compare_strings(x, y)
            if c:
                return 1 if c < 0 else 0
        else:
            return -1
    if min(na, nb) > MOST_COMPARED:
        return -1
    return 1 if na < nb else 0


cdef inline int _less_now(Word a, Word b) noexcept nogil:
    """Returns a < b, or -1 if that cannot be seen at once."""
    if is_string(a) and is_string(b):
        return 1 if compare_strings(a, b) < 0 else 0
    if is_int(a) and is_int(b):
        return 1 if int_value(a) < int_value(b) else 0
    if is_float(a) and is_float(b):
        return 1 if float_value(a) < float_value(b) else 0
    if is_list(a) and is_list(b):
        return _less_lists(a, b)
    return -1


# ---- lists that grow --------------------------------------------------------------------------------------------

cdef bint _append(Machine* m, Word* list, Word* used, Word* items, uint64_t count) noexcept nogil:
    """Appends to a list with room at its end; returns False, with an error set, if memory is short."""
    cdef uint64_t size = <uint64_t>int_value(used[0]), room = list_size(list[0]), i
    cdef Word grown
    if size + count > room:
        room = 2 * (size + count) + 8
        if room > 1000 and not heap_reserve(m, room + 1):
            return False
        grown = new_list(m, room)
        memcpy(list_items(grown), list_items(list[0]), size * sizeof(Word))
        for i in range(size, room):
            list_items(grown)[i] = WORD_NULL
        list[0] = grown
    memcpy(list_items(list[0]) + size, items, count * sizeof(Word))
    if count:
        write_barrier(m, list[0])
    used[0] = small_int(<int64_t>(size + count))
    return True


# ---- the walk ---------------------------------------------------------------------------------------------------

cdef int _begin(Machine* m, Word* fp) noexcept nogil:
    """Checks the argument, and pushes the state words."""
    cdef uint32_t start = symbol_intern(m, "startSet", 8), operation = symbol_intern(m, "operator", 8)
    cdef Word* place = attrs_find(fp[0], start)
    cdef Word elements, f
    cdef int i
    if place == NULL:
        return of_attribute(m, fp[0], start, raise_missing_attribute(m, start))
    elements = val(place[0])
    if is_thunk(elements):
        return force(m, elements)
    if not is_list(elements):
        return of_attribute(m, fp[0], start, raise_type(m, "a list", elements))
    if list_size(elements) == 0:
        return done(m, elements)
    place = attrs_find(fp[0], operation)
    if place == NULL:
        return of_attribute(m, fp[0], operation, raise_missing_attribute(m, operation))
    f = val(place[0])
    if is_thunk(f):
        return force(m, f)
    if not is_callable(m, f):
        return of_attribute(m, fp[0], operation, raise_type(m, "a function", f))
    for i in range(SLOTS - 1):
        push(m, small_int(0))
    fp[PHASE] = small_int(VISIT)
    fp[OPERATOR] = f
    fp[QUEUE] = elements
    fp[TAIL_] = small_int(<int64_t>list_size(elements))
    fp[VISITED] = m.empty_list
    fp[ROOT] = WORD_NULL
    return TAIL


cdef inline Word _element(Word* fp) noexcept nogil:
    return val(list_items(fp[QUEUE])[int_value(fp[HEAD])])


cdef int _finish(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = <uint64_t>int_value(fp[VISITED_COUNT])
    cdef Word result
    if n > 1000 and not heap_reserve(m, n + 1):
        return RAISE
    result = new_list(m, n)
    memcpy(list_items(result), list_items(fp[VISITED]), n * sizeof(Word))
    return done(m, result)


cdef inline void _visit_next(Word* fp) noexcept nogil:
    list_items(fp[QUEUE])[int_value(fp[HEAD])] = WORD_NULL
    fp[HEAD] = small_int(int_value(fp[HEAD]) + 1)
    fp[PHASE] = small_int(VISIT)


cdef int _key(Machine* m, Word* fp, Word* key) noexcept nogil:
    """Forces the current element, and the key in it; returns DONE, FORCE or RAISE."""
    cdef Word element = _element(fp)
    cdef uint32_t symbol
    cdef Word* place
    if is_thunk(element):
        return force(m, element)
    if not is_attrs(element):
        return raise_type(m, "a set", element)
    symbol = symbol_intern(m, "key", 3)
    place = attrs_find(element, symbol)
    if place == NULL:
        return raise_missing_attribute(m, symbol)
    key[0] = val(place[0])
    return force(m, key[0]) if is_thunk(key[0]) else DONE


cdef int _accept(Machine* m, Word* fp, Word parent, bint on_left, Word key) noexcept nogil:
    """Visits the element of a new key: inserts the key, and calls the operator with the element."""
    cdef Word element = _element(fp)
    _insert(m, &fp[ROOT], parent, on_left, key)
    if not _append(m, &fp[VISITED], &fp[VISITED_COUNT], &element, 1):
        return RAISE
    fp[PHASE] = small_int(OPERATE)
    return call1(m, fp[OPERATOR], element)


cdef int _receive(Machine* m, Word* fp) noexcept nogil:
    """Forces the operator's result (on top of the stack) from index NODE on, then appends it."""
    cdef Word list = m.sp[-1], w
    cdef uint64_t n, i = <uint64_t>int_value(fp[NODE])
    if not is_list(list):
        return of_part(m, PART_RESULT, raise_type(m, "a list", list))
    n = list_size(list)
    while i < n:
        w = val(list_items(list)[i])
        if is_thunk(w):
            fp[NODE] = small_int(<int64_t>i)
            return force(m, w)
        i += 1
    m.sp -= 1
    _visit_next(fp)
    return TAIL if _append(m, &fp[QUEUE], &fp[TAIL_], list_items(list), n) else RAISE


cdef int _place(Machine* m, Word* fp, int less) noexcept nogil:
    """Searches for the key's place from NODE on, given the answer of the comparison that was called, or -1."""
    cdef Word key = 0, node, child
    cdef int outcome = _key(m, fp, &key)
    if outcome != DONE:
        return outcome
    if fp[ROOT] == WORD_NULL:
        return _accept(m, fp, WORD_NULL, False, key)
    while True:
        if must_stop(m):
            return stop(m)
        node = fp[NODE]
        if int_value(fp[PHASE]) == DESCEND:
            if less < 0:
                less = _less_now(key, _get(node, KEY))
            if less < 0:
                return call_internal2(m, INTERNAL_LESS, key, _get(node, KEY))
            child = _get(node, LEFT if less else RIGHT)
            if child != WORD_NULL:
                fp[NODE] = child
                less = -1
                continue
            if less:
                child = _neighbour(node, LEFT, RIGHT)
                if child == WORD_NULL:
                    return _accept(m, fp, node, True, key)
                fp[NODE] = child
            fp[PHASE] = small_int(CONFIRM)
            less = -1
            continue
        if less < 0:
            less = _less_now(_get(node, KEY), key)
        if less < 0:
            return call_internal2(m, INTERNAL_LESS, _get(node, KEY), key)
        if not less:
            # The key is known already.
            _visit_next(fp)
            return TAIL
        child = _get(node, RIGHT)
        if child == WORD_NULL:
            return _accept(m, fp, node, False, key)
        while _get(child, LEFT) != WORD_NULL:
            child = _get(child, LEFT)
        return _accept(m, fp, child, True, key)


cdef int generic_closure(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome, less = -1
    cdef int64_t phase
    cdef Word copy
    if m.sp == fp + 1:
        outcome = _begin(m, fp)
        if outcome != TAIL:
            return outcome
        # The queue starts as a copy of the start set: nobody else has it, so visited elements may be overwritten in it.
        copy = m.empty_list
        outcome = 1 if _append_copy(m, fp, copy) else 0
        if not outcome:
            return RAISE
    while True:
        phase = int_value(fp[PHASE])
        if phase == OPERATE:
            fp[PHASE] = small_int(RECEIVE)
            fp[NODE] = small_int(0)
            phase = RECEIVE
        if phase == RECEIVE:
            outcome = _receive(m, fp)
            if outcome != TAIL:
                return outcome
            continue
        if phase == VISIT:
            if fp[HEAD] == fp[TAIL_]:
                return _finish(m, fp)
            fp[PHASE] = small_int(DESCEND)
            fp[NODE] = fp[ROOT]
        elif m.sp == fp + SLOTS + 1:
            less = 1 if pop(m) == WORD_TRUE else 0
        outcome = _place(m, fp, less)
        if outcome != TAIL:
            return outcome
        less = -1


cdef bint _append_copy(Machine* m, Word* fp, Word list) noexcept nogil:
    cdef Word start = fp[QUEUE]
    fp[QUEUE] = list
    fp[TAIL_] = small_int(0)
    return _append(m, &fp[QUEUE], &fp[TAIL_], list_items(start), list_size(start))


# ---- traces -----------------------------------------------------------------------------------------------------

cdef void _tell(Machine* m, TraceEntry* entry, uint8_t note, Word element) noexcept nogil:
    entry.note = note
    entry.text = describe_after(m, element)


cdef Word _element_with(Machine* m, Word* fp, Word key) noexcept nogil:
    """The visited element that has exactly this key."""
    cdef int64_t i
    cdef Word* place
    for i in range(int_value(fp[VISITED_COUNT])):
        place = attrs_find(val(list_items(fp[VISITED])[i]), symbol_intern(m, "key", 3))
        if place != NULL and val(place[0]) == val(key):
            return val(list_items(fp[VISITED])[i])
    return WORD_NULL


cdef Word _key_to_show(Word* fp, Word key) noexcept nogil:
    """The key that C++ Nix shows: the least one that cannot be compared, whichever was met first."""
    cdef Word node = fp[ROOT]
    while _get(node, LEFT) != WORD_NULL:
        node = _get(node, LEFT)
    while node != fp[NODE] and node != WORD_NULL and _less_now(val(key), _get(node, KEY)) >= 0:
        node = _neighbour(node, RIGHT, LEFT)
    return _get(fp[NODE] if node == WORD_NULL else node, KEY)


cdef uint32_t _trace(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    """Writes into the trace which step is being done for which element."""
    cdef int64_t phase
    cdef Word element
    cdef Word* key
    if top < fp + SLOTS or fp[HEAD] == fp[TAIL_]:
        return 0
    phase = int_value(fp[PHASE])
    element = _element(fp)
    if phase == OPERATE or phase == RECEIVE:
        _tell(m, entries, NOTE_OPERATOR_CALLED, element)
        return 1
    if not is_attrs(element) or attrs_find(element, symbol_intern(m, "key", 3)) == NULL:
        _tell(m, entries, NOTE_CLOSURE_ELEMENT, element)
        return 1
    key = attrs_find(element, symbol_intern(m, "key", 3))
    if fp[NODE] == WORD_NULL or fp[NODE] == fp[ROOT] and is_thunk(val(key[0])):
        # The key is still being evaluated.
        return 0
    _tell(m, entries, NOTE_CLOSURE_WITH, _element_with(m, fp, _key_to_show(fp, key[0])))
    _tell(m, entries + 1, NOTE_CLOSURE_COMPARED, element)
    return 2


define("genericClosure", generic_closure)
define_trace("genericClosure", _trace)
