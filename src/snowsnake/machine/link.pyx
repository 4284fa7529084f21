# cython: language_level=3
"""Linking: the chunks of an image become codes of a machine.

In: an image.  Out: its top level as a thunk, and codes.  A chunk is linked when it is first entered (operation Link) or looked up:
a chunk that never runs costs only its bytes in the image and a pointer.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from snowsnake.bytecode.chunk cimport CHUNK_LAMBDA
from snowsnake.bytecode.image cimport (
    RECORD_CAPTURES_WITH, RECORD_HAS_FORMALS, RECORD_KIND, RECORD_LEVEL_SHIFT, RecordHead, image_free, image_text,
    read_head, take,
)
from snowsnake.bytecode.opcodes cimport OP_GET_UPVALUE, OP_LINK, OP_RETURN, OP_TAIL_CALL_N
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, resize_items
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.merging cimport LONGEST_RUN, merge_sort, never_stops
from snowsnake.machine.constants cimport link_constants
from snowsnake.machine.errors cimport raise_text
from snowsnake.machine.heap cimport CODE_APPLY, CODE_APPLY2, heap_alloc, heap_reserve
from snowsnake.machine.origins cimport file_of_code
from snowsnake.machine.state cimport ERROR_MEMORY, ERROR_NONE, File, Formals
from snowsnake.machine.symbols cimport symbol_of_text
from snowsnake.machine.word cimport KIND_CLOSURE, KIND_THUNK, TAG_FUNCTION, TAG_THUNK, code_header, tagged
from snowsnake.syntax.nodes cimport Text

cdef uint8_t[2] LINK_CODE
# This is the code of `f x`.
cdef uint8_t[8] APPLY_CODE
# This is the code of `f x y`.
cdef uint8_t[10] APPLY2_CODE
LINK_CODE[0] = OP_LINK

cdef enum:
    # A header has room for so many codes.
    MOST_CODES = (1 << 28) - 1


def _make_apply_codes():
    one = bytes([OP_GET_UPVALUE, 1, OP_GET_UPVALUE, 0, OP_TAIL_CALL_N, 1, OP_RETURN])
    two = bytes([OP_GET_UPVALUE, 1, OP_GET_UPVALUE, 2, OP_GET_UPVALUE, 0, OP_TAIL_CALL_N, 2, OP_RETURN])
    for i, byte in enumerate(one):
        APPLY_CODE[<int>i] = byte
    for i, byte in enumerate(two):
        APPLY2_CODE[<int>i] = byte


_make_apply_codes()


cdef bint _reserve_codes(Machine* m, uint32_t count) noexcept nogil:
    cdef Code** codes
    if m.code_count + count > m.code_capacity:
        codes = <Code**>resize_items(m.codes, (m.code_count + count) * 2, sizeof(Code*))
        if codes == NULL:
            return False
        m.codes = codes
        m.code_capacity = (m.code_count + count) * 2
    return True


cdef bint link_basic_codes(Machine* m) noexcept nogil:
    cdef Code* codes = <Code*>allocate_zeros(3, sizeof(Code))
    if codes == NULL or not _reserve_codes(m, 1024):
        free(codes)
        return False
    codes[CODE_APPLY].start = APPLY_CODE
    codes[CODE_APPLY].max_stack = 8
    codes[CODE_APPLY].upvalue_count = 2
    codes[CODE_APPLY].is_linked = True
    codes[CODE_APPLY].level = 1
    codes[CODE_APPLY2].start = APPLY2_CODE
    codes[CODE_APPLY2].max_stack = 8
    codes[CODE_APPLY2].upvalue_count = 3
    codes[CODE_APPLY2].is_linked = True
    codes[CODE_APPLY2].level = 1
    codes[CODE_APPLY2].index = CODE_APPLY2
    m.unlinked = codes + 2
    m.unlinked.start = LINK_CODE
    m.unlinked.arity = 0xFFFFFFFF
    m.unlinked.max_stack = 8
    m.codes[CODE_APPLY] = codes
    m.codes[CODE_APPLY2] = codes + 1
    m.code_count = 2
    return True


cdef Word link_image(Machine* m, Image* image, uint32_t file) noexcept nogil:
    """The top level of an image as a thunk; the file keeps the image.  0, with an error set, if memory is short."""
    cdef Word* p
    cdef uint32_t i, base = m.code_count
    cdef bint is_lambda
    if image == NULL or base + image.chunk_count > MOST_CODES or not _reserve_codes(m, image.chunk_count):
        image_free(image)
        raise_text(m, ERROR_MEMORY, NULL)
        return 0
    is_lambda = image.data[image.records[0]] & RECORD_KIND == CHUNK_LAMBDA
    m.files[file].image = image
    m.files[file].code_base = base
    for i in range(image.chunk_count):
        m.codes[base + i] = m.unlinked
    m.code_count += image.chunk_count
    p = heap_alloc(m, 2)
    p[0] = code_header(KIND_CLOSURE if is_lambda else KIND_THUNK, 1, base)
    p[1] = 0
    return tagged(p, TAG_FUNCTION if is_lambda else TAG_THUNK)


cdef Code* link_code(Machine* m, uint32_t index) noexcept nogil:
    cdef File* file
    cdef RecordHead head
    cdef Code* code
    if m.codes[index].is_linked:
        return m.codes[index]
    file = file_of_code(m, index)
    read_head(file.image, index - file.code_base, &head)
    if not has_room(&m.fresh_codes, m.fresh_code_count, &m.fresh_code_capacity, 1024):
        raise_text(m, ERROR_MEMORY, NULL)
        return NULL
    if not heap_reserve(m, 4096 + <uint64_t>head.constant_count * 16):
        return NULL
    code = _new_code(m, file, &head)
    if code == NULL or not _link_constants(m, file, code, &head):
        if code != NULL:
            free_code(code)
        if m.error.code == ERROR_NONE:
            raise_text(m, ERROR_MEMORY, NULL)
        return NULL
    m.fresh_codes[m.fresh_code_count] = index
    m.fresh_code_count += 1
    code.index = index
    code.is_linked = True
    m.codes[index] = code
    return code


cdef Code* linked_code(Machine* m, uint32_t index) noexcept nogil:
    cdef Code* code = link_code(m, index)
    return code if code != NULL else m.unlinked


cdef void free_code(Code* code) noexcept nogil:
    free(code.formals)
    free(code)


cdef void free_codes(Machine* m) noexcept nogil:
    cdef uint32_t i
    for i in range(2, m.code_count):
        if m.codes[i].is_linked:
            free_code(m.codes[i])
    free(m.codes[CODE_APPLY])
    free(m.codes)


cdef Code* _new_code(Machine* m, File* file, RecordHead* head) noexcept nogil:
    """Makes a code with room for its constants, from the head of a record."""
    cdef Code* code = <Code*>allocate_items(sizeof(Code) + head.constant_count * sizeof(Word), 1)
    if code == NULL:
        return NULL
    memset(code, 0, sizeof(Code))
    code.level = head.flags >> RECORD_LEVEL_SHIFT
    code.captures_with = 1 if head.flags & RECORD_CAPTURES_WITH else 0
    code.arity = head.arity
    code.max_stack = head.max_stack + 8
    code.upvalue_count = head.upvalue_count + code.captures_with
    code.position_base = file.position_base
    if head.flags & RECORD_HAS_FORMALS:
        code.formals = _link_formals(m, file, head)
        if code.formals == NULL:
            free(code)
            return NULL
    return code


cdef inline bint _is_later_formal(Formals* formals, const uint32_t* a, const uint32_t* b) noexcept nogil:
    return formals.symbols[a[0]] > formals.symbols[b[0]]


cdef Formals* _link_formals(Machine* m, File* file, RecordHead* head) noexcept nogil:
    cdef uint32_t n = head.formal_count, i
    cdef uint32_t* scratch = NULL
    cdef Formals* formals = <Formals*>allocate_items(sizeof(Formals) + n * (3 * sizeof(uint32_t) + 1), 1)
    cdef const uint8_t* p = head.formals
    cdef uint64_t x
    cdef Text name
    if formals == NULL:
        return NULL
    formals.count = n
    formals.has_ellipsis = head.has_ellipsis
    formals.symbols = <uint32_t*>(formals + 1)
    formals.by_symbol = formals.symbols + n
    formals.start_bytes = formals.by_symbol + n
    formals.has_default = <uint8_t*>(formals.start_bytes + n)
    for i in range(n):
        x = take(&p)
        name = image_text(file.image, x >> 1)
        formals.has_default[i] = x & 1
        formals.start_bytes[i] = <uint32_t>take(&p)
        formals.symbols[i] = symbol_of_text(m, name)
        formals.by_symbol[i] = i
    if n > LONGEST_RUN:
        scratch = <uint32_t*>allocate_items(n, sizeof(uint32_t))
        if scratch == NULL:
            free(formals)
            return NULL
    merge_sort(formals.by_symbol, scratch, n, _is_later_formal, never_stops, formals)
    free(scratch)
    return formals


cdef bint _link_constants(Machine* m, File* file, Code* code, RecordHead* head) noexcept nogil:
    """In the record, the code follows the constants, and the spans follow the code."""
    cdef const uint8_t* p = head.constants
    code.constants = <Word*>(code + 1)
    code.constant_count = head.constant_count
    if not link_constants(m, file, code.constants, head.constant_count, &p):
        return False
    code.size_bytes = <uint32_t>take(&p)
    code.start = p
    return True
