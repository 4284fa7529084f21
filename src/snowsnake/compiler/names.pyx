# cython: language_level=3
"""The names of a program: those of the parser, those that the language itself refers to, and those that no program can write."""
from libc.stdint cimport uint16_t, uint32_t, uint8_t
from libc.string cimport memcmp, memset, strlen

from snowsnake.bytecode.builder cimport grow
from snowsnake.bytecode.image cimport writer_text
from snowsnake.compiler.emit cimport text_of
from snowsnake.compiler.state cimport NONE
from snowsnake.syntax.deep_stack cimport resize_or_leave
from snowsnake.syntax.nodes cimport NO_NAME, arena_give_back


# ---- names ------------------------------------------------------------------------------------------------------

cdef Name add_name(Compiler* c, Text text) noexcept nogil:
    """A Name that the parser did not make; the same text may have two."""
    cdef uint32_t old = c.name_capacity
    cdef Name name = c.name_count
    if c.name_count == c.name_capacity:
        c.names = <Text*>grow(c.names, &c.name_capacity, old + 1, sizeof(Text))
        c.heads = <uint32_t*>resize_or_leave(c.heads, c.name_capacity, sizeof(uint32_t))
        c.globals = <uint16_t*>resize_or_leave(c.globals, c.name_capacity, sizeof(uint16_t))
    c.names[name] = text
    c.names[name].number = writer_text(&c.writer, text) if text.data != NULL else 0
    c.heads[name] = NONE
    c.globals[name] = 0
    c.name_count += 1
    return name


cdef Name fresh_name(Compiler* c) noexcept nogil:
    """A name that no program can write."""
    cdef Text text
    memset(&text, 0, sizeof(Text))
    return add_name(c, text)


cdef Name known_name(Compiler* c, Name* known, const char* text) noexcept nogil:
    """One of the language's own names, made if the program does not mention it."""
    if known[0] == NO_NAME:
        known[0] = add_name(c, text_of(<const uint8_t*>text, <uint32_t>strlen(text)))
    return known[0]


cdef bint is_text(Text text, const char* expected) noexcept nogil:
    return text.size_bytes == strlen(expected) and memcmp(text.data, expected, text.size_bytes) == 0


cdef void take_names(Compiler* c) noexcept nogil:
    """The parser's names, and which of them the language itself refers to."""
    cdef uint32_t i
    cdef Text text
    c.name_builtins = c.name_sub = c.name_mul = c.name_div = c.name_less_than = NO_NAME
    c.name_find_file = c.name_nix_path = c.name_overrides = NO_NAME
    for i in range(c.ast.name_count):
        text = c.ast.names[i]
        add_name(c, text)
        if text.size_bytes == 8 and is_text(text, b"builtins"):
            c.name_builtins = i
        elif text.size_bytes > 4 and text.data[0] == c'_' and text.data[1] == c'_':
            note_known_name(c, text, i)
    arena_give_back(&c.ast.arena, c.ast.names)
    c.ast.names = NULL


cdef void note_hidden_name(Compiler* c, Text text) noexcept nogil:
    """Makes a name that the program does not mention one of its names, if an operator or `<path>` refers to it."""
    if is_text(text, b"__sub"):
        known_name(c, &c.name_sub, b"__sub")
    elif is_text(text, b"__mul"):
        known_name(c, &c.name_mul, b"__mul")
    elif is_text(text, b"__div"):
        known_name(c, &c.name_div, b"__div")
    elif is_text(text, b"__lessThan"):
        known_name(c, &c.name_less_than, b"__lessThan")
    elif is_text(text, b"__findFile"):
        known_name(c, &c.name_find_file, b"__findFile")
    elif is_text(text, b"__nixPath"):
        known_name(c, &c.name_nix_path, b"__nixPath")


cdef void note_known_name(Compiler* c, Text text, Name name) noexcept nogil:
    if is_text(text, b"__sub"):
        c.name_sub = name
    elif is_text(text, b"__mul"):
        c.name_mul = name
    elif is_text(text, b"__div"):
        c.name_div = name
    elif is_text(text, b"__lessThan"):
        c.name_less_than = name
    elif is_text(text, b"__findFile"):
        c.name_find_file = name
    elif is_text(text, b"__nixPath"):
        c.name_nix_path = name
    elif is_text(text, b"__overrides"):
        c.name_overrides = name
