# cython: language_level=3
"""The default level of `let`, attribute sets, `inherit` and dynamic attributes.

A scope whose names see each other gets a slot for each name; values are pushed one after the other, and a thunk that refers to a
later slot captures it deferred.  Nothing is evaluated before the last Finalise.
"""
from libc.stdint cimport uint64_t, uint8_t
from libc.string cimport memset

from snowsnake.bytecode.builder cimport Builder, builder_constant, builder_jump
from snowsnake.bytecode.chunk cimport CHUNK_THUNK, CONSTANT_ATTRS, CONSTANT_CHUNK, CONSTANT_KEYS, CONSTANT_NAME, CONSTANT_NULL
from snowsnake.bytecode.opcodes cimport (
    OP_ATTRS_DYNAMIC, OP_ATTRS_KEYS, OP_ATTRS_OVERRIDE, OP_CLOSE_SCOPE, OP_CONSTANT, OP_DYNAMIC_NAME, OP_EAGER_SELECT, OP_FINALISE,
    OP_GET_LOCAL, OP_RETURN, OP_SELECT, OP_SELECT_PLACE, OP_THUNK_SUSPENDED,
)
from snowsnake.bytecode.varint cimport varint_read
from snowsnake.compiler.emit cimport (
    depth_of, global_constant, keep, land, name_constant, op, op1, op_return, operand, push_plain, text_constant, text_of,
)
from snowsnake.compiler.expressions cimport evaluate, evaluate_result, is_passive, push_variable
from snowsnake.compiler.globals cimport find_global
from snowsnake.compiler.lazy cimport delay, delay_with_variable, may_be_forced, place_of, push_thunk
from snowsnake.compiler.names cimport fresh_name
from snowsnake.compiler.new_nodes cimport new_node, select_name
from snowsnake.compiler.orders cimport NamedIndex, Turns, forget_turns, order_of, turns_of_bindings
from snowsnake.compiler.rewrite cimport has_overrides
from snowsnake.compiler.scope cimport (
    MEANS_NOTHING, begin_chunk, capture, close_chunk, declare, declare_here, forget_locals, is_variable,
)
from snowsnake.compiler.specified cimport place_node, specified
from snowsnake.compiler.state cimport NO_PLACE, NONE
from snowsnake.syntax.global_names cimport find_builtin
from snowsnake.syntax.global_table cimport Global
from snowsnake.syntax.leaving cimport hold, release
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_INHERIT_FROM, BINDING_PLAIN, NO_NAME, NODE_ATTRS, NODE_SELECT, NODE_VARIABLE,
    SELECT_ENVIRONMENT, Binding, Name, Text,
)


# This describes the expression of `inherit (e)`.
cdef struct Source:
    # The code uses a variable of an enclosing scope, or of this one, directly; this is NULL for other expressions.
    Node* variable
    # Otherwise this local, a phantom, holds the delayed expression.
    uint32_t local
    # The expression is `builtins`.
    bint is_builtins
    # The expression needs a phantom.
    bint is_needed


# ---- sets from their values -------------------------------------------------------------------------------------

cdef Keys* new_keys(Compiler* c, uint32_t count) noexcept nogil:
    cdef Keys* keys = <Keys*>keep(c, sizeof(Keys))
    memset(keys, 0, sizeof(Keys))
    keys.count = count
    keys.names = <Text*>keep(c, count * sizeof(Text))
    keys.start_bytes = <uint32_t*>keep(c, count * sizeof(uint32_t))
    return keys


cdef void push_attrs(Compiler* c, Bindings* bindings, NamedIndex* order, Node* node) noexcept nogil:
    """Builds the set from its values, which are on the stack in name order."""
    cdef Keys* keys
    cdef uint32_t i
    if bindings.count == 0:
        push_plain(c, CONSTANT_ATTRS, node)
        return
    keys = new_keys(c, bindings.count)
    for i in range(bindings.count):
        keys.names[i] = order[i].name
        keys.start_bytes[i] = bindings.items[order[i].index].start_byte
    builder_constant(&c.open.code, CONSTANT_KEYS).own.keys = keys
    op1(c, OP_ATTRS_KEYS, c.open.code.constant_count - 1, node, 1 - <int>bindings.count)


# ---- inherit (e) ------------------------------------------------------------------------------------------------

cdef Source* find_sources(Compiler* c, Bindings* bindings, uint32_t* phantoms) noexcept nogil:
    """Finds how each expression of `inherit (e)` will be reached; the caller frees the result.  Phantoms are counted, not made yet."""
    cdef Source* sources
    cdef Node* node
    cdef uint32_t i
    cdef bint has_builtins = False
    phantoms[0] = 0
    if bindings.from_count == 0:
        return NULL
    sources = <Source*>hold(bindings.from_count * sizeof(Source))
    for i in range(bindings.from_count):
        node = bindings.froms[i]
        sources[i].variable = NULL
        sources[i].local = NONE
        sources[i].is_builtins = False
        sources[i].is_needed = False
        if is_variable(c, node) and c.heads[node.name] != NONE:
            sources[i].variable = node
            continue
        sources[i].is_builtins = node.kind == NODE_VARIABLE and node.name == c.name_builtins
        sources[i].is_needed = not sources[i].is_builtins
        has_builtins = has_builtins or sources[i].is_builtins
    if has_builtins:
        find_needed_builtins(c, bindings, sources)
    for i in range(bindings.from_count):
        phantoms[0] += sources[i].is_needed
    return sources


cdef void find_needed_builtins(Compiler* c, Bindings* bindings, Source* sources) noexcept nogil:
    """`inherit (builtins)` needs the set for a name that is not known while compiling."""
    cdef Global* found
    cdef Source* source
    cdef uint32_t i
    for i in range(bindings.count):
        if bindings.items[i].kind != BINDING_INHERIT_FROM:
            continue
        source = sources + bindings.items[i].from_index
        if source.is_builtins and not source.is_needed:
            found = find_builtin(c.names[bindings.items[i].name])
            source.is_needed = found == NULL or not found.is_fixed


cdef uint64_t source_place(Compiler* c, Source* source) noexcept nogil:
    """The place of the set in this chunk; NO_PLACE if its value is not there yet."""
    if source.variable != NULL:
        return place_of(c, source.variable)
    if c.locals[source.local].owner != c.open.index:
        return <uint64_t>capture(c, source.local) << 1 | 1
    if c.locals[source.local].is_initialised:
        return <uint64_t>c.locals[source.local].slot << 1
    return NO_PLACE


cdef void delay_inherited(Compiler* c, Binding* binding, Source* source, uint32_t local) noexcept nogil:
    """The value of a name of `inherit (e) name`: at once if the set is there, otherwise a thunk that selects it."""
    cdef Global* folded = NULL
    cdef uint64_t place
    cdef uint32_t found = NONE
    cdef Node node
    memset(&node, 0, sizeof(Node))
    node.start_byte = binding.start_byte
    node.end_byte = binding.end_byte
    if source.is_builtins:
        folded = find_builtin(c.names[binding.name])
    if folded != NULL and folded.is_fixed:
        if not folded.is_function:
            op1(c, OP_CONSTANT, global_constant(c, folded), &node, 1)
            return
        # The function gets a cell of its own, as in delay_select.
        begin_chunk(c, CHUNK_THUNK, &node, binding.name, 0)
        op1(c, OP_CONSTANT, global_constant(c, folded), &node, 1)
        op(c, OP_RETURN, &node, 0)
        close_chunk(c, &node, local)
        return
    place = source_place(c, source)
    if place != NO_PLACE and source.variable != NULL and may_be_forced(c, source.variable):
        op1(c, OP_EAGER_SELECT, place, &node, 0)
        operand(c, name_constant(c, binding.name))
        found = builder_jump(&c.open.code)
    begin_chunk(c, CHUNK_THUNK, &node, binding.name, 0)
    op1(c, OP_SELECT_PLACE, source_place(c, source), &node, 1)
    operand(c, name_constant(c, binding.name))
    op_return(c, &node)
    close_chunk(c, &node, local)
    if found != NONE:
        land(c, found)


# ---- sets without rec -------------------------------------------------------------------------------------------

cdef void evaluate_attrs(Compiler* c, Node* node) noexcept nogil:
    cdef Bindings* bindings = node.own.bindings
    cdef NamedIndex* order
    cdef Source* sources
    cdef uint32_t locals_before = c.local_count
    cdef uint32_t phantoms = 0, names, i
    cdef Binding* binding
    if has_overrides(c, node):
        overriding_attrs(c, node)
        return
    if node.flags & ATTRS_REC:
        evaluate_rec_attrs(c, node)
        return
    order = order_of(c, bindings)
    names = declare_names(c, bindings, node)
    sources = find_sources(c, bindings, &phantoms)
    for i in range(bindings.from_count):
        if sources[i].is_needed:
            delay(c, bindings.froms[i], NONE, NO_NAME)
            sources[i].local = declare_here(c, NO_NAME)
    for i in range(bindings.count):
        binding = bindings.items + order[i].index
        if binding.kind == BINDING_INHERIT_FROM:
            delay_inherited(c, binding, sources + binding.from_index, NONE)
        else:
            delay(c, binding.value, NONE, binding.name)
    push_attrs(c, bindings, order, node)
    add_dynamic(c, bindings, names, False, node)
    close_scope(c, phantoms + <uint32_t>(names != NONE), node)
    forget_locals(c, locals_before)
    release(order)
    release(sources)


cdef void close_scope(Compiler* c, uint32_t count, Node* node) noexcept nogil:
    if count:
        op1(c, OP_CLOSE_SCOPE, count, node, -<int>count)


cdef enum:
    # A set with more dynamic attributes has a table of their names; with fewer, all of it is built again for each name that has effects.
    FEW_DYNAMIC = 8


cdef uint32_t declare_names(Compiler* c, Bindings* bindings, Node* node) noexcept nogil:
    """Makes the local that holds the table of dynamic names, before the set: returns its slot, or NONE if there is no table."""
    if bindings.dynamic_count <= FEW_DYNAMIC:
        return NONE
    push_plain(c, CONSTANT_NULL, node)
    declare_here(c, NO_NAME)
    return depth_of(c) - 1


cdef uint32_t _dynamic_keys(Compiler* c, Bindings* bindings, uint32_t first, uint32_t end) noexcept nogil:
    """The constant with the places of dynamic names."""
    cdef Keys* keys = <Keys*>keep(c, sizeof(Keys))
    cdef uint32_t i
    memset(keys, 0, sizeof(Keys))
    keys.count = end - first
    keys.start_bytes = <uint32_t*>keep(c, (end - first) * sizeof(uint32_t))
    for i in range(first, end):
        keys.start_bytes[i - first] = bindings.dynamic[i].start_byte
    builder_constant(&c.open.code, CONSTANT_KEYS).own.keys = keys
    return c.open.code.constant_count - 1


cdef uint32_t _end_of_batch(Compiler* c, Bindings* bindings, uint32_t first) noexcept nogil:
    """The end of the dynamic names that are checked together: a name with effects waits until those before it are checked."""
    cdef uint32_t end = first + 1
    while end < bindings.dynamic_count and is_passive(c, bindings.dynamic[end].name):
        end += 1
    return end


cdef void push_name(Compiler* c, Node* name) noexcept nogil:
    """Pushes a dynamic name, at either level."""
    if c.level > 0:
        evaluate(c, name, False, NO_NAME)
    else:
        specified(c, name, NONE, NO_NAME)


cdef void add_dynamic(Compiler* c, Bindings* bindings, uint32_t names, bint in_turn, Node* node) noexcept nogil:
    """Adds the dynamic attributes to the set on the stack.

    `names`: the slot of the table of their names, or NONE; `in_turn`: without a table, each name waits for those before it.
    """
    cdef uint32_t first = 0, end, i, keys = NONE
    while first < bindings.dynamic_count:
        if names != NONE:
            end = bindings.dynamic_count
            keys = _dynamic_keys(c, bindings, first, end)
        else:
            end = first + 1 if in_turn else _end_of_batch(c, bindings, first)
        for i in range(first, end):
            push_name(c, bindings.dynamic[i].name)
            if names != NONE:
                op1(c, OP_DYNAMIC_NAME, keys, node, 0)
                operand(c, i)
                operand(c, names)
            push_lazily(c, bindings.dynamic[i].value, NONE, NO_NAME)
        if names == NONE:
            keys = _dynamic_keys(c, bindings, first, end)
        op1(c, OP_ATTRS_DYNAMIC, keys, node, -2 * <int>(end - first))
        first = end


# ---- scopes whose names see each other --------------------------------------------------------------------------

cdef bint needs_slot(Compiler* c, Binding* binding) noexcept nogil:
    """Whether `inherit name` binds anything.  It does not if the name means the same inside and outside, whatever is between."""
    return binding.kind != BINDING_INHERIT or (c.heads[binding.name] == NONE and find_global(c, binding.name) == NULL)


cdef void settle_inherited(Compiler* c, Bindings* bindings) noexcept nogil:
    """Makes `inherit name` a plain binding to the name's present meaning, if a set with `__overrides` around it binds the name."""
    cdef uint32_t i
    if c.name_overrides == NO_NAME:
        return
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_INHERIT and not is_variable(c, bindings.items[i].value):
            bindings.items[i].kind = BINDING_PLAIN


cdef void push_binding(Compiler* c, Binding* binding, Source* sources, uint32_t local, bint waits) noexcept nogil:
    """Pushes the value of a binding.  `waits`: it is a thunk, even if it is only a name of a value that is already there."""
    cdef bint is_named = c.locals[local].name != NO_NAME
    cdef uint32_t start = c.open.code.code_size
    if binding.kind == BINDING_INHERIT_FROM:
        delay_inherited(c, binding, sources + binding.from_index, local)
    elif binding.kind == BINDING_INHERIT and is_named:
        push_outer(c, binding)
    elif waits:
        push_thunk(c, binding.value, local, NO_NAME)
    else:
        delay(c, binding.value, local, binding.name)
    c.locals[local].is_initialised = True
    c.locals[local].is_suspended = is_thunk_at(c, start)


cdef bint is_thunk_at(Compiler* c, uint32_t start) noexcept nogil:
    """Whether the operation at `start` pushes a thunk."""
    cdef Builder* b = &c.open.code
    cdef uint32_t size
    cdef uint64_t constant
    # If there is no operation, the compiler gave up, because the source is nested too deeply.
    if start == b.code_size:
        return False
    if b.code[start] != OP_CONSTANT:
        return b.code[start] == OP_THUNK_SUSPENDED
    constant = varint_read(b.code + start + 1, &size)
    return b.constants[constant].kind == CONSTANT_CHUNK and not b.constants[constant].is_lambda


cdef void push_outer(Compiler* c, Binding* binding) noexcept nogil:
    """An inherited name that nothing outside binds: it is in a with-scope, or nowhere."""
    if c.open.with_count > 0:
        delay_with_variable(c, binding.value, binding.name)
    else:
        push_variable(c, binding.value, MEANS_NOTHING, 0)


cdef void finalise(Compiler* c, uint32_t first_local, Node* node) noexcept nogil:
    """Patches the deferred captures of all locals from this one on."""
    cdef uint32_t i
    for i in range(first_local, c.local_count):
        if c.locals[i].needs_finaliser:
            op1(c, OP_FINALISE, c.locals[i].slot, node, 0)


cdef void push_sources(Compiler* c, Bindings* bindings, Source* sources) noexcept nogil:
    cdef uint32_t i
    for i in range(bindings.from_count):
        if sources[i].local != NONE:
            delay(c, bindings.froms[i], sources[i].local, NO_NAME)
            c.locals[sources[i].local].is_initialised = True


cdef uint32_t declare_sources(Compiler* c, Bindings* bindings, Source* sources, uint32_t slot) noexcept nogil:
    """Makes phantoms for the expressions of `inherit (e)` that need one; returns the next free slot."""
    cdef uint32_t i
    for i in range(bindings.from_count):
        if sources[i].is_needed:
            sources[i].local = declare(c, NO_NAME, slot)
            slot += 1
    return slot


cdef Source* open_sources(Compiler* c, Bindings* bindings) noexcept nogil:
    """Finds the sources of a scope that its own names are in, once these are declared; the caller frees the result."""
    cdef uint32_t phantoms = 0
    return find_sources(c, bindings, &phantoms)


cdef uint32_t bind_names(Compiler* c, Bindings* bindings, NamedIndex* order, const bint* waits, bint all_slots, Node* node) noexcept nogil:
    """Gives every name a slot and its value; returns the number of slots, including sources of `inherit (e)`.

    `order`: names get their slots in this order, or in that of the source if NULL.  `waits`: of `Turns`.  `all_slots`: even a useless inherit
    has a slot (unnamed), because the values must be adjacent.
    """
    cdef uint32_t base = depth_of(c), slot = depth_of(c), first_local = c.local_count
    cdef uint32_t i, which, index, first_value
    cdef bint* is_named = <bint*>hold(bindings.count * sizeof(bint))
    cdef Binding* binding
    cdef Source* sources
    settle_inherited(c, bindings)
    # This finds what an inherited name means outside, before any name is declared.
    for i in range(bindings.count):
        is_named[i] = needs_slot(c, bindings.items + i)
    # Slots are numbered from the sources on, but which sources need one depends on the names, so this declares the names first.
    for i in range(bindings.count):
        which = i if order == NULL else order[i].index
        binding = bindings.items + which
        if is_named[which] or all_slots:
            declare(c, binding.name if is_named[which] else NO_NAME, slot)
            slot += 1
    sources = open_sources(c, bindings)
    first_value = c.local_count
    slot = declare_sources(c, bindings, sources, base)
    for i in range(first_local, first_value):
        c.locals[i].slot += slot - base
    push_sources(c, bindings, sources)
    which = first_local
    for i in range(bindings.count):
        index = i if order == NULL else order[i].index
        if all_slots or is_named[index]:
            push_binding(c, bindings.items + index, sources, which, waits != NULL and waits[index])
            which += 1
    finalise(c, first_local, node)
    for i in range(first_local, c.local_count):
        c.locals[i].is_suspended = False
    release(sources)
    release(is_named)
    return c.local_count - first_local


cdef void evaluate_let(Compiler* c, Node* node, bint tail) noexcept nogil:
    cdef uint32_t locals_before = c.local_count
    cdef uint32_t slots
    cdef Turns turns
    turns_of_bindings(c, node.own.bindings, False, &turns)
    slots = bind_names(c, node.own.bindings, turns.order, turns.waits, False, node)
    forget_turns(&turns)
    evaluate_result(c, node.a, tail)
    if tail:
        c.open.code.depth -= slots
    else:
        close_scope(c, slots, node)
    forget_locals(c, locals_before)


cdef void copy_slots(Compiler* c, uint32_t count, NamedIndex* order, NamedIndex* slot_order, uint32_t first_slot, Node* node) noexcept nogil:
    """Pushes the values in `order`; they are in slots in `slot_order`, or in the same if that is NULL."""
    cdef uint32_t* slots
    cdef uint32_t i
    if slot_order == NULL:
        for i in range(count):
            op1(c, OP_GET_LOCAL, first_slot + i, node, 1)
        return
    slots = <uint32_t*>hold(count * sizeof(uint32_t))
    for i in range(count):
        slots[slot_order[i].index] = first_slot + i
    for i in range(count):
        op1(c, OP_GET_LOCAL, slots[order[i].index], node, 1)
    release(slots)


cdef void evaluate_rec_attrs(Compiler* c, Node* node) noexcept nogil:
    """The slots of a `rec` set are in name order, because the set is built of their values; if another order shows, it is built of copies."""
    cdef Bindings* bindings = node.own.bindings
    cdef NamedIndex* order = order_of(c, bindings)
    cdef uint32_t locals_before = c.local_count, base = depth_of(c), names = declare_names(c, bindings, node)
    cdef Turns turns
    turns_of_bindings(c, bindings, True, &turns)
    bind_names(c, bindings, order if turns.order == NULL else turns.order, turns.waits, True, node)
    # The set gets copies, because names and values of dynamic attributes can use the slots.
    if bindings.dynamic_count or turns.order != NULL:
        copy_slots(c, bindings.count, order, turns.order, depth_of(c) - bindings.count, node)
    forget_turns(&turns)
    push_attrs(c, bindings, order, node)
    add_dynamic(c, bindings, names, False, node)
    close_scope(c, depth_of(c) - base - 1, node)
    forget_locals(c, locals_before)
    release(order)


cdef void evaluate_legacy_let(Compiler* c, Node* node) noexcept nogil:
    """`let { …; body = e; }` is `rec { …; body = e; }.body`."""
    cdef Node* attrs = new_node(c, NODE_ATTRS, node)
    attrs.flags = ATTRS_REC
    attrs.own.bindings = node.own.bindings
    evaluate(c, attrs, False, NO_NAME)
    op1(c, OP_SELECT, text_constant(c, CONSTANT_NAME, text_of(<const uint8_t*>b"body", 4), 0), node, 0)


# ---- __overrides, at both levels --------------------------------------------------------------------------------
#
# In C++ Nix the names of a `rec` set are the slots of an environment, and a thunk or function looks into it when it runs.  C++ Nix
# evaluates `__overrides` as soon as all slots are filled, and replaces their values.  Code that has read a name before keeps the old value.
# Our code copies values into thunks, so such a set has its environment as an object: a set, in a slot without a name, that everything
# inside captures.  `is_variable` makes a selection from it of each name that the set binds.

cdef void push_lazily(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    """Pushes the delayed expression, for a local of this chunk, at either level."""
    if c.level > 0:
        delay(c, node, local, label)
    else:
        specified(c, node, local, label)
    if local != NONE:
        c.locals[local].is_initialised = True
        c.locals[local].is_suspended = True


cdef void push_suspended(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    """Pushes a thunk, whatever the expression is: C++ Nix has one even for a number here, which printing shows."""
    if c.level > 0:
        push_thunk(c, node, local, label)
    else:
        begin_chunk(c, CHUNK_THUNK, node, label, 0)
        specified(c, node, NONE, label)
        op(c, OP_RETURN, node, 0)
        close_chunk(c, node, local)
    c.locals[local].is_initialised = True


cdef void push_source_attr(Compiler* c, Binding* binding, Name source, uint32_t local) noexcept nogil:
    """A name of `inherit (e) name`, where `source` is the local with e."""
    cdef Node place = place_node(binding.start_byte, binding.end_byte)
    cdef Node* node = new_node(c, NODE_SELECT, &place)
    select_name(c, node, source, binding.name)
    push_suspended(c, node, local, binding.name)


cdef void overriding_attrs(Compiler* c, Node* node) noexcept nogil:
    """Pushes a set that has `__overrides`: [inherited names, sources of `inherit (e)`, values, environment]."""
    cdef Bindings* bindings = node.own.bindings
    cdef NamedIndex* order = order_of(c, bindings)
    cdef uint32_t* slots = <uint32_t*>hold(bindings.count * sizeof(uint32_t))
    cdef Name* sources = <Name*>hold(bindings.from_count * sizeof(Name))
    cdef uint32_t locals_before = c.local_count, base = depth_of(c), first = c.local_count, environment, local, i
    cdef uint32_t names = declare_names(c, bindings, node)
    cdef uint32_t slot = depth_of(c) + bindings.from_count + bindings.count
    cdef Name name
    cdef Binding* binding
    # Level 0 compiles the expression of `inherit (e) a b` once for each name, and the first time makes its variables selections.
    if not node.flags & SELECT_ENVIRONMENT:
        node.flags |= SELECT_ENVIRONMENT
        node.name = fresh_name(c)
    name = node.name
    # These values come from the scope outside.
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_INHERIT:
            slots[i] = depth_of(c)
            push_lazily(c, bindings.items[i].value, NONE, bindings.items[i].name)
            declare_here(c, NO_NAME)
    environment = declare(c, name, slot)
    for i in range(bindings.count):
        local = declare(c, bindings.items[i].name, slot)
        c.locals[local].environment = name
    for i in range(bindings.from_count):
        sources[i] = fresh_name(c)
        push_lazily(c, bindings.froms[i], declare(c, sources[i], depth_of(c)), NO_NAME)
    for i in range(bindings.count):
        binding = bindings.items + i
        if binding.kind != BINDING_INHERIT:
            slots[i] = depth_of(c)
            local = declare(c, NO_NAME, slots[i])
            if binding.kind == BINDING_INHERIT_FROM:
                push_source_attr(c, binding, sources[binding.from_index], local)
            else:
                push_suspended(c, binding.value, local, binding.name)
    for i in range(bindings.count):
        op1(c, OP_GET_LOCAL, slots[order[i].index], node, 1)
    push_attrs(c, bindings, order, node)
    c.locals[environment].is_initialised = True
    finalise(c, first, node)
    op1(c, OP_GET_LOCAL, slot, node, 1)
    op1(c, OP_SELECT, name_constant(c, c.name_overrides), node, 0)
    op1(c, OP_ATTRS_OVERRIDE, slot, node, 0)
    add_dynamic(c, bindings, names, True, node)
    close_scope(c, depth_of(c) - base - 1, node)
    forget_locals(c, locals_before)
    release(order)
    release(slots)
    release(sources)
