# cython: language_level=3
"""From a syntax tree to canonical Nix, as `nix-instantiate --parse` of C++ Nix 2.34 prints it.

In: a tree without faults, the folder that relative paths start from and the home folder.  Out: text.

The text shows what C++ Nix makes of the source: operators that it turns into calls (`(__sub a b)`,
`(! (__lessThan b a))`), nested calls as one call, absolute paths, attributes in the order of their names with
inherited ones first.
"""
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.buffer cimport bytes_append, bytes_decimal, bytes_reserve, bytes_text
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text
from snowsnake.foundation.paths cimport path_join
from snowsnake.syntax.deep_stack cimport call_on_deep_stack, stack_is_low, stack_limit
from snowsnake.syntax.names cimport name_text_bytes, quoted_text_bytes, write_name, write_quoted
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_INHERIT_FROM, NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTRS, NODE_BINARY,
    NODE_CURRENT_POSITION, NODE_FLOAT, NODE_HAS_ATTR, NODE_IF, NODE_INT, NODE_LAMBDA, NODE_LEGACY_LET, NODE_LET,
    NODE_LIST, NODE_NEGATE, NODE_NOT, NODE_PATH, NODE_SEARCH_PATH, NODE_SELECT, NODE_STRING, NODE_TEXT, NODE_VARIABLE,
    NODE_WITH, OPERATOR_ADD, OPERATOR_AND, OPERATOR_DIV, OPERATOR_EQUAL, OPERATOR_IMPLIES, OPERATOR_LESS,
    OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL, OPERATOR_NOT_EQUAL, OPERATOR_OR,
    OPERATOR_SUB, OPERATOR_UPDATE, PATH_HOME, PATH_RELATIVE, Binding, Bindings, Formal, Name, Node, Pattern,
)


# This is a name that we sort.
cdef struct SortedName:
    # The first group has the inherited names, the next ones those of each `inherit (e)`, and the last one the rest.
    uint32_t group
    uint32_t size_bytes
    # The first 8 bytes of the name are a number here, so that most comparisons look at two numbers only.
    uint64_t prefix
    const uint8_t* name
    # This points to a `Binding` or to a `Formal`.
    const void* item


cdef enum:
    GROUP_INHERIT = 0
    # We add `from_index` to this number.
    GROUP_FROM = 1
    GROUP_PLAIN = 0xFFFFFFFF
    # Up to this many names, insertion is faster than qsort.
    LARGEST_INSERTED = 12


cdef struct Printer:
    Bytes* buffer
    Ast* ast
    Text base_path
    Text home
    const char* stack_limit
    bint is_too_deep
    # These are the entries of all sets that we are printing.
    SortedName* entries
    uint32_t entry_count
    uint32_t entry_capacity


cdef inline void put(Printer* printer, const char* text) noexcept nogil:
    bytes_text(printer.buffer, text)


cdef inline void put_text(Printer* printer, const Text* text) noexcept nogil:
    bytes_append(printer.buffer, text.data, text.size_bytes)


cdef void put_quoted(Printer* printer, const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    cdef size_t needed = quoted_text_bytes(data, size_bytes)
    if bytes_reserve(printer.buffer, needed):
        write_quoted(data, size_bytes, printer.buffer.data + printer.buffer.size)
        printer.buffer.size += needed


cdef void put_name(Printer* printer, Name name) noexcept nogil:
    """An attribute's name."""
    cdef Text* text = &printer.ast.names[name]
    cdef size_t needed = name_text_bytes(text)
    if bytes_reserve(printer.buffer, needed):
        write_name(text, printer.buffer.data + printer.buffer.size)
        printer.buffer.size += needed


cdef void put_integer(Printer* printer, int64_t integer) noexcept nogil:
    bytes_decimal(printer.buffer, integer)


cdef void put_float(Printer* printer, double number) noexcept nogil:
    cdef char[FLOAT_TEXT_BYTES] digits
    bytes_append(printer.buffer, digits, float_text(digits, sizeof(digits), "%g", number))


cdef void put_path(Printer* printer, Node* literal, uint16_t flags) noexcept nogil:
    """The first piece of a path, made absolute; the slash before an interpolation stays."""
    cdef size_t root = printer.buffer.size
    if flags & PATH_HOME:
        put_text(printer, &printer.home)
        bytes_append(printer.buffer, literal.own.text + 1, literal.size_bytes - 1)
        return
    if flags & PATH_RELATIVE:
        path_join(printer.buffer, root, printer.base_path.data, printer.base_path.size_bytes)
    path_join(printer.buffer, root, literal.own.text, literal.size_bytes)
    if printer.buffer.size == root:
        put(printer, "/")
    if literal.size_bytes > 1 and literal.own.text[literal.size_bytes - 1] == c'/':
        put(printer, "/")


cdef void put_joined(Printer* printer, Node* node) noexcept nogil:
    """The pieces of a string or path with interpolations."""
    cdef Node* item
    cdef uint32_t i
    put(printer, "(")
    for i in range(node.count):
        item = node.items[i]
        if i != 0:
            put(printer, " + ")
        if item.kind != NODE_TEXT:
            put_node(printer, item)
        elif i == 0 and node.kind == NODE_PATH:
            put_path(printer, item, node.flags)
        else:
            put_quoted(printer, item.own.text, item.size_bytes)
    put(printer, ")")


cdef void put_string(Printer* printer, Node* node) noexcept nogil:
    if node.count == 0:
        put(printer, '""')
    elif node.count == 1 and node.items[0].kind == NODE_TEXT:
        put_quoted(printer, node.items[0].own.text, node.items[0].size_bytes)
    else:
        put_joined(printer, node)


cdef void put_dynamic_name(Printer* printer, Node* name) noexcept nogil:
    put(printer, '"${')
    put_node(printer, name)
    put(printer, '}"')


cdef void put_attribute_path(Printer* printer, Node* node) noexcept nogil:
    cdef uint32_t i
    for i in range(node.count):
        if i != 0:
            put(printer, ".")
        if node.items[i].name == NO_NAME:
            put_dynamic_name(printer, node.items[i].a)
        else:
            put_name(printer, node.items[i].name)


cdef void put_select(Printer* printer, Node* node) noexcept nogil:
    put(printer, "(")
    put_node(printer, node.a)
    put(printer, ").")
    put_attribute_path(printer, node)
    if node.b != NULL:
        put(printer, " or (")
        put_node(printer, node.b)
        put(printer, ")")


cdef void put_has_attr(Printer* printer, Node* node) noexcept nogil:
    put(printer, "((")
    put_node(printer, node.a)
    put(printer, ") ? ")
    put_attribute_path(printer, node)
    put(printer, ")")


cdef bint is_call(Node* node) noexcept nogil:
    """Whether C++ Nix makes it a call, to which further arguments are added."""
    if node.kind == NODE_BINARY:
        return (
            node.op == OPERATOR_SUB or node.op == OPERATOR_MUL or node.op == OPERATOR_DIV
            or node.op == OPERATOR_LESS or node.op == OPERATOR_MORE
        )
    return node.kind == NODE_APPLY or node.kind == NODE_SEARCH_PATH or node.kind == NODE_NEGATE


cdef void put_builtin_call(Printer* printer, const char* opening, Node* first, Node* second) noexcept nogil:
    put(printer, opening)
    if first != NULL:
        put_node(printer, first)
        put(printer, " ")
    put_node(printer, second)


cdef void put_open_call(Printer* printer, Node* node) noexcept nogil:
    """A call without its closing parenthesis."""
    cdef uint32_t i
    if stack_is_low(printer.stack_limit):
        printer.is_too_deep = True
    elif node.kind == NODE_SEARCH_PATH:
        put(printer, "(__findFile __nixPath ")
        put_quoted(printer, node.own.text, node.size_bytes)
    elif node.kind == NODE_NEGATE:
        put_builtin_call(printer, "(__sub 0 ", NULL, node.a)
    elif node.kind == NODE_APPLY:
        if is_call(node.a):
            put_open_call(printer, node.a)
        else:
            put(printer, "(")
            put_node(printer, node.a)
        for i in range(node.count):
            put(printer, " ")
            put_node(printer, node.items[i])
    elif node.op == OPERATOR_SUB:
        put_builtin_call(printer, "(__sub ", node.a, node.b)
    elif node.op == OPERATOR_MUL:
        put_builtin_call(printer, "(__mul ", node.a, node.b)
    elif node.op == OPERATOR_DIV:
        put_builtin_call(printer, "(__div ", node.a, node.b)
    elif node.op == OPERATOR_LESS:
        put_builtin_call(printer, "(__lessThan ", node.a, node.b)
    else:
        put_builtin_call(printer, "(__lessThan ", node.b, node.a)


cdef const char* operator_text(uint8_t operator) noexcept nogil:
    if operator == OPERATOR_ADD:
        return " + "
    if operator == OPERATOR_EQUAL:
        return " == "
    if operator == OPERATOR_NOT_EQUAL:
        return " != "
    if operator == OPERATOR_AND:
        return " && "
    if operator == OPERATOR_OR:
        return " || "
    if operator == OPERATOR_IMPLIES:
        return " -> "
    if operator == OPERATOR_UPDATE:
        return " // "
    return " ++ "


cdef void put_operation(Printer* printer, Node* node) noexcept nogil:
    """An operator that stays an operator, or `<=` and `>=`."""
    if node.op == OPERATOR_LESS_OR_EQUAL:
        put_builtin_call(printer, "(! (__lessThan ", node.b, node.a)
        put(printer, "))")
    elif node.op == OPERATOR_MORE_OR_EQUAL:
        put_builtin_call(printer, "(! (__lessThan ", node.a, node.b)
        put(printer, "))")
    else:
        put(printer, "(")
        put_node(printer, node.a)
        put(printer, operator_text(node.op))
        put_node(printer, node.b)
        put(printer, ")")


cdef int compare_entries(const void* left, const void* right) noexcept nogil:
    cdef const SortedName* a = <const SortedName*>left
    cdef const SortedName* b = <const SortedName*>right
    cdef int order
    if a.group != b.group:
        return -1 if a.group < b.group else 1
    if a.prefix != b.prefix:
        return -1 if a.prefix < b.prefix else 1
    order = memcmp(a.name, b.name, min(a.size_bytes, b.size_bytes))
    if order != 0:
        return order
    return -1 if a.size_bytes < b.size_bytes else 1


cdef uint64_t prefix_of(const Text* name) noexcept nogil:
    cdef uint64_t prefix = 0
    cdef uint32_t i
    for i in range(min(name.size_bytes, 8)):
        prefix |= <uint64_t>name.data[i] << (56 - 8 * i)
    return prefix


cdef void sort_entries(SortedName* entries, uint32_t count) noexcept nogil:
    cdef SortedName entry
    cdef uint32_t i, at
    if count > LARGEST_INSERTED:
        qsort(entries, count, sizeof(SortedName), compare_entries)
        return
    for i in range(1, count):
        entry = entries[i]
        at = i
        while at > 0 and compare_entries(&entry, &entries[at - 1]) < 0:
            entries[at] = entries[at - 1]
            at -= 1
        entries[at] = entry


cdef bint add_entry(Printer* printer, uint32_t group, Name name, const void* item) noexcept nogil:
    cdef Text* text = &printer.ast.names[name]
    cdef SortedName* entry
    if not has_room(&printer.entries, printer.entry_count, &printer.entry_capacity, 64):
        printer.buffer.failed = True
        return False
    entry = &printer.entries[printer.entry_count]
    printer.entry_count += 1
    entry.group = group
    entry.prefix = prefix_of(text)
    entry.name = text.data
    entry.size_bytes = text.size_bytes
    entry.item = item
    return True


cdef void put_sorted_bindings(Printer* printer, Bindings* bindings, uint32_t base, uint32_t count) noexcept nogil:
    cdef uint32_t group
    cdef uint32_t open_group = GROUP_PLAIN
    cdef const Binding* binding
    cdef uint32_t i
    for i in range(base, base + count):
        group = printer.entries[i].group
        binding = <const Binding*>printer.entries[i].item
        if group != open_group:
            if open_group != GROUP_PLAIN:
                put(printer, "; ")
            if group == GROUP_INHERIT:
                put(printer, "inherit")
            elif group != GROUP_PLAIN:
                put(printer, "inherit (")
                put_node(printer, bindings.froms[group - GROUP_FROM])
                put(printer, ")")
            open_group = group
        if group == GROUP_PLAIN:
            put_name(printer, binding.name)
            put(printer, " = ")
            put_node(printer, binding.value)
            put(printer, "; ")
        else:
            put(printer, " ")
            put_name(printer, binding.name)
    if open_group != GROUP_PLAIN:
        put(printer, "; ")


cdef void put_bindings(Printer* printer, Bindings* bindings) noexcept nogil:
    cdef uint32_t base = printer.entry_count
    cdef Binding* binding
    cdef uint32_t group
    cdef uint32_t i
    for i in range(bindings.count):
        binding = &bindings.items[i]
        group = GROUP_PLAIN
        if binding.kind == BINDING_INHERIT:
            group = GROUP_INHERIT
        elif binding.kind == BINDING_INHERIT_FROM:
            group = GROUP_FROM + binding.from_index
        if not add_entry(printer, group, binding.name, binding):
            return
    sort_entries(printer.entries + base, bindings.count)
    put_sorted_bindings(printer, bindings, base, bindings.count)
    printer.entry_count = base
    for i in range(bindings.dynamic_count):
        put_dynamic_name(printer, bindings.dynamic[i].name)
        put(printer, " = ")
        put_node(printer, bindings.dynamic[i].value)
        put(printer, "; ")


cdef void put_pattern(Printer* printer, Pattern* pattern) noexcept nogil:
    cdef uint32_t base = printer.entry_count
    cdef const Formal* formal
    cdef uint32_t i
    for i in range(pattern.count):
        if not add_entry(printer, GROUP_PLAIN, pattern.formals[i].name, &pattern.formals[i]):
            return
    sort_entries(printer.entries + base, pattern.count)
    put(printer, "{ ")
    for i in range(pattern.count):
        formal = <const Formal*>printer.entries[base + i].item
        if i != 0:
            put(printer, ", ")
        put_text(printer, &printer.ast.names[formal.name])
        if formal.default != NULL:
            put(printer, " ? ")
            put_node(printer, formal.default)
    printer.entry_count = base
    if pattern.has_ellipsis:
        put(printer, ", ..." if pattern.count != 0 else "...")
    put(printer, " }")
    if pattern.bind != NO_NAME:
        put(printer, " @ ")
        put_text(printer, &printer.ast.names[pattern.bind])


cdef void put_lambda(Printer* printer, Node* node) noexcept nogil:
    put(printer, "(")
    if node.own.pattern != NULL:
        put_pattern(printer, node.own.pattern)
    else:
        put_text(printer, &printer.ast.names[node.name])
    put(printer, ": ")
    put_node(printer, node.a)
    put(printer, ")")


cdef void put_set(Printer* printer, const char* opening, Bindings* bindings, const char* closing) noexcept nogil:
    put(printer, opening)
    put_bindings(printer, bindings)
    put(printer, closing)


cdef void put_let(Printer* printer, Node* node) noexcept nogil:
    put_set(printer, "(let ", node.own.bindings, "in ")
    put_node(printer, node.a)
    put(printer, ")")


cdef void put_list(Printer* printer, Node* node) noexcept nogil:
    cdef uint32_t i
    put(printer, "[ ")
    for i in range(node.count):
        put(printer, "(")
        put_node(printer, node.items[i])
        put(printer, ") ")
    put(printer, "]")


cdef void put_parts(
    Printer* printer, const char* opening, Node* a, const char* between, Node* b, const char* closing,
) noexcept nogil:
    put(printer, opening)
    put_node(printer, a)
    put(printer, between)
    put_node(printer, b)
    put(printer, closing)


cdef void put_if(Printer* printer, Node* node) noexcept nogil:
    put_parts(printer, "(if ", node.a, " then ", node.b, " else ")
    put_node(printer, node.own.c)
    put(printer, ")")


cdef void put_node(Printer* printer, Node* node) noexcept nogil:
    cdef uint8_t kind = node.kind
    if stack_is_low(printer.stack_limit):
        printer.is_too_deep = True
        return
    if kind == NODE_VARIABLE:
        put_text(printer, &printer.ast.names[node.name])
    elif kind == NODE_STRING:
        put_string(printer, node)
    elif kind == NODE_SELECT:
        put_select(printer, node)
    elif is_call(node):
        put_open_call(printer, node)
        put(printer, ")")
    elif kind == NODE_BINARY:
        put_operation(printer, node)
    elif kind == NODE_ATTRS:
        put_set(printer, "rec { " if node.flags & ATTRS_REC else "{ ", node.own.bindings, "}")
    elif kind == NODE_LIST:
        put_list(printer, node)
    elif kind == NODE_LAMBDA:
        put_lambda(printer, node)
    elif kind == NODE_LET:
        put_let(printer, node)
    elif kind == NODE_PATH:
        if node.count == 1:
            put_path(printer, node.items[0], node.flags)
        else:
            put_joined(printer, node)
    elif kind == NODE_WITH:
        put_parts(printer, "(with ", node.a, "; ", node.b, ")")
    elif kind == NODE_IF:
        put_if(printer, node)
    elif kind == NODE_INT:
        put_integer(printer, node.own.integer)
    elif kind == NODE_NOT:
        put(printer, "(! ")
        put_node(printer, node.a)
        put(printer, ")")
    elif kind == NODE_ASSERT:
        put_parts(printer, "assert ", node.a, "; ", node.b, "")
    elif kind == NODE_HAS_ATTR:
        put_has_attr(printer, node)
    elif kind == NODE_FLOAT:
        put_float(printer, node.own.number)
    elif kind == NODE_LEGACY_LET:
        put_set(printer, "(rec { ", node.own.bindings, "}).body")
    elif kind == NODE_CURRENT_POSITION:
        put(printer, "__curPos")


cdef void print_root(void* given) noexcept nogil:
    cdef Printer* printer = <Printer*>given
    printer.stack_limit = stack_limit()
    put_node(printer, printer.ast.root)


cdef bint print_nix(Ast* ast, Text base_path, Text home, Bytes* buffer) noexcept nogil:
    cdef Printer printer
    printer.buffer = buffer
    printer.ast = ast
    printer.base_path = base_path
    printer.home = home
    printer.is_too_deep = False
    printer.entries = NULL
    printer.entry_count = 0
    printer.entry_capacity = 0
    if not call_on_deep_stack(print_root, &printer):
        buffer.failed = True
    free(printer.entries)
    return not printer.is_too_deep
