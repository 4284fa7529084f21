# cython: language_level=3
"""Bindings under construction: adding them, finding names, merging nested definitions.

In: bindings in source order.  Out: Bindings in which `a.b = 1; a.c = 2; a = { d = 3; };` is one `a`, and faults for
names defined twice.

As in C++ Nix, a second definition is merged into the first if both are written as sets; it becomes part of the first
one, which decides whether the whole is recursive.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.probing cimport is_free_slot, probe
from snowsnake.syntax.deep_stack cimport leave_out_of_memory
from snowsnake.syntax.names cimport name_text_bytes, write_name
from snowsnake.syntax.nodes cimport BINDING_INHERIT_FROM, BINDING_PLAIN, NO_NAME, NODE_ATTRS, DynamicBinding, Name, Text, arena_give_back
from snowsnake.syntax.parse_state cimport SPARE_SIZES, add_fault, allocate, allocate_text, depth_fault, is_too_deep, new_node

cdef extern from *:
    int __builtin_ctz(unsigned int x) noexcept nogil

cdef enum:
    # This is the second capacity. The first is 1, because many sets have one attribute, and nearly all sets of a deep source do.
    SECOND_CAPACITY = 4
    # Up to this many names, a scan finds a name as fast as an index does.
    LARGEST_UNINDEXED = 12
    # We do not shrink larger arrays, because what was never written in them takes no memory.
    MOST_SHRUNK = 4096
    # When a set ends, we free its index if that has more places than this.
    LARGE_INDEX = 1 << 18
    # A message shows at most this many bytes of an attribute path.
    LONGEST_SHOWN_BYTES = 1000


# This struct has the bindings of a set that is being parsed. A `Bindings*` points to its first field.
cdef struct OpenBindings:
    Bindings bindings
    uint32_t capacity
    uint32_t dynamic_capacity
    uint32_t from_capacity
    uint32_t index_mask
    # From the moment when this is true, the arrays that the bindings get belong to this set alone.
    bint is_closed
    # The index leads from a name to its position in `items` + 1, with open addressing. It is NULL while the set has few names.
    uint32_t* index


cdef Bindings* new_set(ParseState* state) noexcept nogil:
    cdef OpenBindings* builder = <OpenBindings*>allocate(state, (sizeof(OpenBindings) + 7) & ~<size_t>7)
    memset(builder, 0, sizeof(OpenBindings))
    return &builder.bindings


cdef inline uint32_t larger_capacity(uint32_t capacity) noexcept nogil:
    return 1 if capacity == 0 else SECOND_CAPACITY if capacity == 1 else capacity * 2


cdef void* grown(ParseState* state, void* items, uint32_t count, uint32_t* capacity, size_t item_bytes) noexcept nogil:
    """Makes room for one more item: returns the same array, or a copy with twice the capacity."""
    cdef void* larger
    if count < capacity[0]:
        return items
    capacity[0] = larger_capacity(capacity[0])
    larger = allocate(state, capacity[0] * item_bytes)
    if count != 0:
        memcpy(larger, items, count * item_bytes)
    return larger


cdef inline int size_class(uint32_t capacity) noexcept nogil:
    """The index in `spare_bindings`, or SPARE_SIZES for an array that is not kept there."""
    cdef int index = __builtin_ctz(capacity | <uint32_t>1 << SPARE_SIZES)
    return index if <uint32_t>1 << index == capacity else SPARE_SIZES


cdef Binding* take_array(ParseState* state, uint32_t capacity) noexcept nogil:
    cdef int index = size_class(capacity)
    cdef void* array
    if index == SPARE_SIZES or state.spare_bindings[index] == NULL:
        return <Binding*>allocate(state, capacity * sizeof(Binding))
    array = state.spare_bindings[index]
    state.spare_bindings[index] = (<void**>array)[0]
    return <Binding*>array


cdef void give_array(ParseState* state, Binding* array, uint32_t capacity) noexcept nogil:
    cdef int index = size_class(capacity)
    if index < SPARE_SIZES:
        (<void**>array)[0] = state.spare_bindings[index]
        state.spare_bindings[index] = array
    else:
        arena_give_back(&state.ast.arena, array)


cdef void resize_set(ParseState* state, OpenBindings* builder, uint32_t capacity, bint was_closed) noexcept nogil:
    cdef Binding* items = builder.bindings.items
    builder.bindings.items = <Binding*>allocate(state, capacity * sizeof(Binding)) if builder.is_closed else take_array(state, capacity)
    if items != NULL:
        memcpy(builder.bindings.items, items, builder.bindings.count * sizeof(Binding))
        if not was_closed:
            give_array(state, items, builder.capacity)
    builder.capacity = capacity


cdef void close_set(ParseState* state, Bindings* bindings) noexcept nogil:
    cdef OpenBindings* builder = <OpenBindings*>bindings
    builder.is_closed = True
    if builder.index_mask >= LARGE_INDEX:
        arena_give_back(&state.ast.arena, builder.index)
        # We make the index again if a name is added after all.
        builder.index = NULL
        builder.index_mask = 0
    if bindings.count < builder.capacity <= MOST_SHRUNK:
        resize_set(state, builder, bindings.count, False)


cdef inline uint32_t hash_of_name(Name name) noexcept nogil:
    return name * <uint32_t>2654435761U >> 7


cdef inline bint is_slot_of(uint64_t at, OpenBindings* builder, Name name) noexcept nogil:
    return builder.index[at] == 0 or builder.bindings.items[builder.index[at] - 1].name == name


cdef inline void index_name(OpenBindings* builder, Name name, uint32_t position) noexcept nogil:
    builder.index[probe(hash_of_name(name), builder.index_mask, is_free_slot, builder.index)] = position + 1


cdef void build_index(ParseState* state, OpenBindings* builder) noexcept nogil:
    cdef uint32_t slots = builder.capacity * 4
    cdef uint32_t i
    arena_give_back(&state.ast.arena, builder.index)
    builder.index = <uint32_t*>allocate(state, slots * sizeof(uint32_t))
    memset(builder.index, 0, slots * sizeof(uint32_t))
    builder.index_mask = slots - 1
    for i in range(builder.bindings.count):
        index_name(builder, builder.bindings.items[i].name, i)


cdef Binding* find(ParseState* state, Bindings* bindings, Name name) noexcept nogil:
    cdef OpenBindings* builder = <OpenBindings*>bindings
    cdef uint32_t i
    if builder.index == NULL and bindings.count > LARGEST_UNINDEXED:
        # A finished set may have lost its index, so we make it again.
        build_index(state, builder)
    if builder.index == NULL:
        for i in range(bindings.count):
            if bindings.items[i].name == name:
                return &bindings.items[i]
        return NULL
    i = builder.index[probe(hash_of_name(name), builder.index_mask, is_slot_of, builder, name)]
    return &bindings.items[i - 1] if i else NULL


cdef void append(ParseState* state, Bindings* bindings, Binding* binding) noexcept nogil:
    cdef OpenBindings* builder = <OpenBindings*>bindings
    cdef uint32_t capacity = builder.capacity
    if bindings.count == capacity:
        resize_set(state, builder, larger_capacity(capacity), builder.is_closed)
    bindings.items[bindings.count] = binding[0]
    bindings.count += 1
    if bindings.count > LARGEST_UNINDEXED:
        if builder.index == NULL or builder.capacity != capacity:
            build_index(state, builder)
        else:
            index_name(builder, binding.name, bindings.count - 1)


cdef void append_dynamic(ParseState* state, Bindings* bindings, DynamicBinding* binding) noexcept nogil:
    cdef OpenBindings* builder = <OpenBindings*>bindings
    bindings.dynamic = <DynamicBinding*>grown(
        state, bindings.dynamic, bindings.dynamic_count, &builder.dynamic_capacity, sizeof(DynamicBinding),
    )
    bindings.dynamic[bindings.dynamic_count] = binding[0]
    bindings.dynamic_count += 1


cdef uint32_t add_from(ParseState* state, Bindings* bindings, Node* expression) noexcept nogil:
    """Adds the expression of an `inherit (e)`, and returns its index."""
    cdef OpenBindings* builder = <OpenBindings*>bindings
    bindings.froms = <Node**>grown(state, bindings.froms, bindings.from_count, &builder.from_capacity, sizeof(Node*))
    bindings.froms[bindings.from_count] = expression
    bindings.from_count += 1
    return bindings.from_count - 1


cdef void duplicate_fault(ParseState* state, Binding* again, Binding* first, PathStep* outer) noexcept nogil:
    """The fault `attribute 'a.b' already defined`; its other byte is the place of the first definition."""
    cdef PathStep* step = outer
    cdef size_t size_bytes = name_text_bytes(&state.names[again.name])
    cdef size_t part_bytes
    cdef uint8_t* text
    cdef Text whole
    while step != NULL:
        size_bytes += name_text_bytes(&state.names[step.name]) + 1
        step = step.outer
    if size_bytes > LONGEST_SHOWN_BYTES:
        size_bytes = name_text_bytes(&state.names[again.name])
        # The path is too long, so we do not show the sets around the attribute.
        outer = NULL
    text = allocate_text(state, size_bytes)
    whole.data = text
    whole.size_bytes = <uint32_t>size_bytes
    text += size_bytes - name_text_bytes(&state.names[again.name])
    write_name(&state.names[again.name], text)
    step = outer
    while step != NULL:
        part_bytes = name_text_bytes(&state.names[step.name])
        text -= part_bytes + 1
        write_name(&state.names[step.name], text)
        text[part_bytes] = c'.'
        step = step.outer
    add_fault(state, again.start_byte, again.end_byte, first.start_byte, "attribute '", whole, "' already defined")


cdef bint is_set(Binding* binding) noexcept nogil:
    return binding.kind == BINDING_PLAIN and binding.value.kind == NODE_ATTRS


cdef bint find_conflict(ParseState* state, Bindings* target, Bindings* source, PathStep* path) noexcept nogil:
    """Reports the first name, in the order in which names appeared, that both sets define and that cannot be merged."""
    cdef Binding* conflict = NULL
    cdef Binding* conflicting = NULL
    cdef Binding* first
    cdef Binding* binding
    cdef uint32_t i
    for i in range(source.count):
        binding = &source.items[i]
        first = find(state, target, binding.name)
        if first != NULL and not (is_set(first) and is_set(binding)):
            if conflict == NULL or binding.name < conflict.name:
                conflict = binding
                conflicting = first
    if conflict == NULL:
        return False
    duplicate_fault(state, conflict, conflicting, path)
    return True


cdef void merge(ParseState* state, Bindings* target, Bindings* source, PathStep* path) noexcept nogil:
    cdef Binding binding
    cdef uint32_t first_from = target.from_count
    cdef uint32_t i
    if is_too_deep(state):
        depth_fault(state)
        return
    if find_conflict(state, target, source, path):
        return
    for i in range(source.from_count):
        add_from(state, target, source.froms[i])
    for i in range(source.count):
        binding = source.items[i]
        if binding.kind == BINDING_INHERIT_FROM:
            binding.from_index += first_from
        add_binding(state, target, &binding, path)
    for i in range(source.dynamic_count):
        append_dynamic(state, target, &source.dynamic[i])


cdef void add_binding(ParseState* state, Bindings* bindings, Binding* binding, PathStep* outer) noexcept nogil:
    """Adds a binding to the set that the names of *outer* lead to."""
    cdef Binding* first = find(state, bindings, binding.name)
    cdef PathStep step
    if first == NULL:
        append(state, bindings, binding)
    elif is_set(first) and is_set(binding):
        step.outer = outer
        step.name = binding.name
        merge(state, first.value.own.bindings, binding.value.own.bindings, &step)
    else:
        duplicate_fault(state, binding, first, outer)


cdef void add_named(
    ParseState* state, Bindings* bindings, uint8_t kind, Name name, uint32_t start, uint32_t end, uint32_t from_index, uint32_t doc_start,
    uint32_t doc_end, Node* value,
) noexcept nogil:
    cdef Binding binding
    binding.kind = kind
    binding.name = name
    binding.start_byte = start
    binding.end_byte = end
    binding.from_index = from_index
    binding.doc_start_byte = doc_start
    binding.doc_end_byte = doc_end
    binding.value = value
    add_binding(state, bindings, &binding, NULL)


cdef Node* new_nested_set(ParseState* state, AttributePath* path) noexcept nogil:
    cdef Node* node = new_node(state, NODE_ATTRS, path.start, path.end)
    node.own.bindings = new_set(state)
    # Nobody sees the end of this set, so we close it now.
    (<OpenBindings*>node.own.bindings).is_closed = True
    return node


cdef Bindings* enter(
    ParseState* state, Bindings* bindings, AttributePath* path, uint32_t i, PathStep* outer,
) noexcept nogil:
    """The set that element *i*, which is not the last, leads to; NULL after a fault."""
    cdef Node* element = path.elements[i]
    cdef DynamicBinding dynamic
    cdef Binding binding
    cdef Binding* first
    if element.name == NO_NAME:
        dynamic.name = element.a
        dynamic.value = new_nested_set(state, path)
        dynamic.start_byte = path.start
        dynamic.end_byte = element.end_byte
        append_dynamic(state, bindings, &dynamic)
        return dynamic.value.own.bindings
    memset(&binding, 0, sizeof(Binding))
    binding.kind = BINDING_PLAIN
    binding.name = element.name
    binding.start_byte = path.start
    binding.end_byte = element.end_byte
    first = find(state, bindings, element.name)
    if first != NULL:
        if is_set(first):
            return first.value.own.bindings
        duplicate_fault(state, &binding, first, outer)
        return NULL
    binding.value = new_nested_set(state, path)
    append(state, bindings, &binding)
    return binding.value.own.bindings


cdef void add_last(
    ParseState* state, Bindings* bindings, AttributePath* path, Node* value, PathStep* outer,
) noexcept nogil:
    cdef Node* element = path.elements[path.count - 1]
    cdef DynamicBinding dynamic
    cdef Binding binding
    if element.name == NO_NAME:
        dynamic.name = element.a
        dynamic.value = value
        dynamic.start_byte = path.start
        dynamic.end_byte = element.end_byte
        append_dynamic(state, bindings, &dynamic)
        return
    memset(&binding, 0, sizeof(Binding))
    binding.kind = BINDING_PLAIN
    binding.name = element.name
    binding.start_byte = path.start
    binding.end_byte = element.end_byte
    binding.doc_start_byte = path.doc_start
    binding.doc_end_byte = path.doc_end
    binding.value = value
    add_binding(state, bindings, &binding, outer)


cdef void add_at_path(ParseState* state, Bindings* bindings, AttributePath* path, Node* value) noexcept nogil:
    """Adds `a.b.c = value`."""
    cdef PathStep[16] few
    cdef PathStep* steps = few
    cdef PathStep* outer = NULL
    cdef uint32_t i
    if path.count > 16:
        steps = <PathStep*>allocate_items(path.count, sizeof(PathStep))
        if steps == NULL:
            leave_out_of_memory()
    for i in range(path.count - 1):
        bindings = enter(state, bindings, path, i, outer)
        if bindings == NULL:
            break
        if path.elements[i].name == NO_NAME:
            # This element makes a new set, which has no attribute yet.
            outer = NULL
        else:
            steps[i].outer = outer
            steps[i].name = path.elements[i].name
            outer = &steps[i]
    if bindings != NULL:
        add_last(state, bindings, path, value, outer)
    if steps != few:
        free(steps)
