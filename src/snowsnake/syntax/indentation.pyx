# cython: language_level=3
"""The common indentation of an indented string.

In: the collected pieces of one string.  Out: its node; the least indentation of its lines is removed from every line.

Only spaces count; lines of only spaces do not.  Interpolations and escapes end the spaces at the start of a
line.  When stripping, escapes are text like any other, so that a line after `''\\n` loses indentation, too, although
it did not count: C++ Nix does the same.  A last line of nothing but spaces goes away.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcpy
from snowsnake.syntax.nodes cimport NODE_STRING, NODE_TEXT, STRING_INDENTED
from snowsnake.syntax.parse_state cimport allocate_text, collect, is_static_string, new_node

cdef enum:
    # C++ Nix starts from this number, too.
    NO_INDENTATION = 1000000


cdef uint32_t least_indentation(Node** pieces, uint32_t count) noexcept nogil:
    cdef uint32_t least = NO_INDENTATION
    cdef uint32_t current = 0
    cdef bint is_line_start = True
    cdef Node* piece
    cdef const uint8_t* at
    cdef const uint8_t* end
    cdef uint32_t i
    for i in range(count):
        piece = pieces[i]
        if piece.kind != NODE_TEXT or piece.flags != STRING_INDENTED:
            if is_line_start:
                is_line_start = False
                least = min(least, current)
            continue
        at = piece.own.text
        end = at + piece.size_bytes
        while at < end:
            if not is_line_start:
                at = <const uint8_t*>memchr(at, c'\n', end - at)
                if at == NULL:
                    break
                is_line_start = True
                current = 0
            elif at[0] == c' ':
                current += 1
            elif at[0] == c'\n':
                current = 0
            else:
                is_line_start = False
                least = min(least, current)
            at += 1
    return least


cdef void strip_piece(
    ParseState* state, Node* piece, uint32_t indentation, bint* is_line_start, uint32_t* dropped,
) noexcept nogil:
    cdef const uint8_t* at = piece.own.text
    cdef const uint8_t* end = at + piece.size_bytes
    cdef const uint8_t* line_end
    cdef uint8_t* written = allocate_text(state, piece.size_bytes)
    cdef uint32_t size_bytes = 0
    cdef uint32_t line_bytes
    while at < end:
        if is_line_start[0] and at[0] == c' ':
            if dropped[0] >= indentation:
                written[size_bytes] = c' '
                size_bytes += 1
            dropped[0] += 1
            at += 1
            continue
        dropped[0] = 0
        line_end = <const uint8_t*>memchr(at, c'\n', end - at)
        is_line_start[0] = line_end != NULL
        line_bytes = <uint32_t>((end if line_end == NULL else line_end + 1) - at)
        memcpy(written + size_bytes, at, line_bytes)
        size_bytes += line_bytes
        at += line_bytes
    piece.own.text = written
    piece.size_bytes = size_bytes


cdef void drop_last_line(Node* piece) noexcept nogil:
    """Removes a last line that consists of spaces only."""
    cdef uint32_t size_bytes = piece.size_bytes
    while size_bytes > 0 and piece.own.text[size_bytes - 1] == c' ':
        size_bytes -= 1
    if size_bytes > 0 and piece.own.text[size_bytes - 1] == c'\n':
        piece.size_bytes = size_bytes


cdef Node* strip_indentation(ParseState* state, uint32_t base, uint32_t start, uint32_t end) noexcept nogil:
    """The string whose pieces are the nodes from *base* on; its span is *start* to *end*."""
    cdef uint32_t count = state.node_count - base
    cdef Node** pieces = state.nodes + base
    cdef uint32_t indentation = least_indentation(pieces, count)
    cdef uint32_t kept = 0
    cdef uint32_t dropped = 0
    cdef bint is_line_start = True
    cdef Node* piece
    cdef Node* node
    cdef uint32_t i
    for i in range(count):
        piece = pieces[i]
        if piece.kind == NODE_TEXT:
            if indentation != 0:
                strip_piece(state, piece, indentation, &is_line_start, &dropped)
            if i == count - 1:
                drop_last_line(piece)
            if piece.size_bytes == 0:
                continue
            piece.flags = 0
        else:
            is_line_start = False
            dropped = 0
        pieces[kept] = piece
        kept += 1
    state.node_count = base + kept
    if kept == 1 and is_static_string(pieces[0]):
        state.node_count = base
        # `''${"a"}''` is the same as `"a"`, so we return the inner string.
        return pieces[0]
    node = new_node(state, NODE_STRING, start, end)
    node.flags = STRING_INDENTED
    node.count = kept
    node.items = collect(state, base)
    return node
