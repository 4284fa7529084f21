# cython: language_level=3
"""Orders of the names of a scope: that of their bytes, and that in which C++ Nix gives them their values, where a program can tell.

`rec { a = b; b = [ 1 ]; }`: if b has its value before a, a is the same cell as b; otherwise a thunk, whose value is a copy of the list.
Printing shows which, by `<CODE>` and «repeated».  C++ Nix takes the names in the order in which it met them first: before all others those
that it knows from the start; then by place in the file (syntax/turns.pyx).  Names met in files that were read before are not counted.

In: the names of a scope that see each other.  Out: an order, if it differs from the usual one in a way that shows.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset

from snowsnake.foundation.merging cimport LONGEST_RUN, merge_sort
from snowsnake.syntax.global_names cimport compare_text
from snowsnake.syntax.leaving cimport hold, leave_if_asked, release
from snowsnake.syntax.nodes cimport BINDING_INHERIT, BINDING_PLAIN, NO_NAME, NODE_VARIABLE, Binding
from snowsnake.syntax.turns cimport turn_of


# ---- by name ----------------------------------------------------------------------------------------------------

cdef inline bint _leaves(const void* context) noexcept nogil:
    """A sort of millions of names takes seconds: see `leave_if_asked`."""
    leave_if_asked()
    return False


cdef inline bint _is_above_by_name(const void* context, const NamedIndex* a, const NamedIndex* b) noexcept nogil:
    return compare_text(&a.name, &b.name) > 0


cdef void sort_named(NamedIndex* items, uint32_t count) noexcept nogil:
    cdef NamedIndex* scratch = <NamedIndex*>hold(count * sizeof(NamedIndex)) if count > LONGEST_RUN else NULL
    merge_sort(items, scratch, count, _is_above_by_name, _leaves, NULL)
    release(scratch)


cdef NamedIndex* order_of(Compiler* c, Bindings* bindings) noexcept nogil:
    """The bindings in byte order of their names; the caller frees them."""
    cdef NamedIndex* order = <NamedIndex*>hold(bindings.count * sizeof(NamedIndex))
    cdef uint32_t i
    for i in range(bindings.count):
        order[i].name = c.names[bindings.items[i].name]
        order[i].index = i
    sort_named(order, bindings.count)
    return order


cdef NamedIndex* names_in_order(Compiler* c) noexcept nogil:
    """All names of the compilation in byte order, of equal texts the first one first; the caller frees them."""
    cdef NamedIndex* order = <NamedIndex*>hold(c.name_count * sizeof(NamedIndex))
    cdef uint32_t i
    for i in range(c.name_count):
        order[i].name = c.names[i]
        order[i].index = i
    sort_named(order, c.name_count)
    return order


cdef Name find_named(const NamedIndex* order, uint32_t count, const Text* wanted) noexcept nogil:
    """The first name with this text among those of `names_in_order`, or NO_NAME."""
    cdef uint32_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) >> 1
        if compare_text(&order[middle].name, wanted) < 0:
            low = middle + 1
        else:
            high = middle
    return order[low].index if low < count and compare_text(&order[low].name, wanted) == 0 else <Name>NO_NAME


# ---- by the turn in which C++ Nix takes them --------------------------------------------------------------------

# This describes a name of the scope.
cdef struct ScopePlace:
    Name name
    uint32_t turn
    # This is the index of the name in the source.
    uint32_t index


cdef inline bint _is_above_by_number(const void* context, const ScopePlace* a, const ScopePlace* b) noexcept nogil:
    return a.name > b.name


cdef inline bint _is_above_by_turn(const void* context, const ScopePlace* a, const ScopePlace* b) noexcept nogil:
    return a.turn > b.turn


cdef ScopePlace* _find_place(ScopePlace* places, uint32_t count, Name name) noexcept nogil:
    """The one of that name, or NULL; they are in the order of `_is_above_by_number`."""
    cdef uint32_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) >> 1
        if places[middle].name < name:
            low = middle + 1
        else:
            high = middle
    return places + low if low < count and places[low].name == name else NULL


cdef bint _is_before(Compiler* c, Bound* bound, uint32_t first, uint32_t second, bint by_name) noexcept nogil:
    """Whether a name would have its value before another one if nothing showed."""
    if not by_name:
        return first < second
    return compare_text(&c.names[bound[first].name], &c.names[bound[second].name]) < 0


cdef bint _note_aliases(Compiler* c, Bound* bound, uint32_t count, ScopePlace* places, bint by_name, bint* waits) noexcept nogil:
    """Fills `waits`; returns whether the order shows."""
    cdef bint shows = False, is_first, is_usually_first
    cdef uint32_t i
    cdef ScopePlace* of
    for i in range(count):
        if bound[i].alias == NO_NAME:
            continue
        leave_if_asked()
        of = _find_place(places, count, bound[i].alias)
        if of == NULL or of.index == i:
            continue
        is_first = turn_of(c.names, of.name) < turn_of(c.names, bound[i].name)
        is_usually_first = _is_before(c, bound, of.index, i, by_name)
        if bound[of.index].kind == BOUND_OUTSIDE:
            waits[i] = not is_first
            shows |= is_first and not is_usually_first
        elif bound[of.index].kind == BOUND_EARLY:
            shows |= not is_first or not is_usually_first
        else:
            shows |= is_first != is_usually_first
    return shows


cdef void find_turns(Compiler* c, Bound* bound, uint32_t count, bint by_name, Turns* turns) noexcept nogil:
    """`by_name`: the usual order is that of the names, not that of the source.  The caller forgets the turns."""
    cdef ScopePlace* places
    cdef ScopePlace* scratch
    cdef uint32_t i
    turns.order = NULL
    turns.waits = NULL
    for i in range(count):
        if bound[i].alias != NO_NAME:
            break
    else:
        return
    places = <ScopePlace*>hold(count * sizeof(ScopePlace))
    scratch = <ScopePlace*>hold(count * sizeof(ScopePlace))
    for i in range(count):
        places[i].name = bound[i].name
        places[i].index = i
    merge_sort(places, scratch, count, _is_above_by_number, _leaves, NULL)
    turns.waits = <bint*>hold(count * sizeof(bint))
    memset(turns.waits, 0, count * sizeof(bint))
    if _note_aliases(c, bound, count, places, by_name, turns.waits):
        for i in range(count):
            places[i].turn = turn_of(c.names, places[i].name)
        merge_sort(places, scratch, count, _is_above_by_turn, _leaves, NULL)
        turns.order = <NamedIndex*>hold(count * sizeof(NamedIndex))
        for i in range(count):
            turns.order[i].name = c.names[places[i].name]
            turns.order[i].index = places[i].index
    release(places)
    release(scratch)


cdef Name alias_of(const Node* value) noexcept nogil:
    """The name that a value is only another name of, or NO_NAME.  `value` may be NULL."""
    return value.name if value != NULL and value.kind == NODE_VARIABLE else <Name>NO_NAME


cdef bint _has_alias(Bindings* bindings) noexcept nogil:
    cdef uint32_t i
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_PLAIN and alias_of(bindings.items[i].value) != NO_NAME:
            return True
    return False


cdef void turns_of_bindings(Compiler* c, Bindings* bindings, bint by_name, Turns* turns) noexcept nogil:
    """See `find_turns`."""
    cdef Bound* bound
    cdef Binding* binding
    cdef uint32_t i
    turns.order = NULL
    turns.waits = NULL
    if not _has_alias(bindings):
        return
    bound = <Bound*>hold(bindings.count * sizeof(Bound))
    for i in range(bindings.count):
        binding = bindings.items + i
        bound[i].name = binding.name
        bound[i].alias = alias_of(binding.value) if binding.kind == BINDING_PLAIN else <Name>NO_NAME
        bound[i].kind = BOUND_HERE if binding.kind == BINDING_PLAIN else BOUND_OUTSIDE if binding.kind == BINDING_INHERIT else BOUND_EARLY
    find_turns(c, bound, bindings.count, by_name, turns)
    release(bound)


cdef void forget_turns(Turns* turns) noexcept nogil:
    release(turns.order)
    release(turns.waits)
