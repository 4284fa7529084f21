# cython: language_level=3
"""The compiler: a syntax tree becomes an image of chunks.

In: an Ast and the directory that relative paths start from.  Out: an image, which names no address and no symbol of an evaluator.

One extension module made of included files by subject (they call each other both ways, and recursion through C function
pointers of other modules costs): scope.pxi names · globals.pxi · emit.pxi operations, constants, jumps · rewrite.pxi what is
defined by other syntax · specified.pxi level 0 · lazy.pxi, expressions.pxi, bindings.pxi, patterns.pxi the default level.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memcpy, memset, strlen

from snowsnake.bytecode.builder cimport (
    builder_byte, builder_constant, builder_finish, builder_free, builder_jump, builder_op, builder_patch,
    builder_reset, builder_varint, grow,
)
from snowsnake.bytecode.chunk cimport (
    CHUNK_LAMBDA, CHUNK_THUNK, CHUNK_TOPLEVEL, CONSTANT_ATTR_NAME, CONSTANT_ATTRS, CONSTANT_BUILTIN, CONSTANT_BUILTINS,
    CONSTANT_CHUNK, CONSTANT_FALSE, CONSTANT_FLOAT, CONSTANT_HOME_PATH, CONSTANT_INT, CONSTANT_KEYS, CONSTANT_LIST,
    CONSTANT_NAME, CONSTANT_NULL, CONSTANT_PATH, CONSTANT_POSITION, CONSTANT_SEARCH_PATH, CONSTANT_STRING,
    CONSTANT_TRUE, Constant,
)
from snowsnake.bytecode.image cimport image_free, writer_close, writer_drop, writer_open, writer_put, writer_text
from snowsnake.bytecode.image_view cimport image_to_python
from snowsnake.bytecode.opcodes cimport (
    OP_ADD, OP_ARITHMETIC, OP_ASSERT_ATTRS, OP_ASSERT_BOOL, OP_ASSERT_EQUAL, OP_ASSERT_FAIL, OP_ATTRS, OP_ATTRS_DYNAMIC,
    OP_ATTRS_KEYS, OP_ATTRS_OVERRIDE, OP_ATTRS_SELECT, OP_ATTRS_TRY_SELECT, OP_ATTRS_UPDATE, OP_BIND_FORMALS,
    OP_BRANCH_COMPARE, OP_BRANCH_FALSE, OP_CALL, OP_CALL_BUILTIN, OP_CALL_N, OP_CLOSE_SCOPE, OP_CLOSURE,
    OP_COERCE_TO_STRING, OP_CONCAT, OP_CONCATENATE, OP_CONCATENATE_PATH, OP_CONSTANT, OP_DIV, OP_EAGER_ARITHMETIC,
    OP_EAGER_SELECT, OP_EQUAL, OP_FINALISE, OP_FIND_FILE, OP_FORCE, OP_FORCE_LOCAL, OP_GET_LOCAL, OP_GET_UPVALUE,
    OP_HAS_ATTR, OP_HAS_ATTR_NAME, OP_INTERPOLATE, OP_INVALID, OP_INVERT, OP_JUMP, OP_JUMP_IF_CATCHABLE,
    OP_JUMP_IF_FALSE, OP_JUMP_IF_NO_FINALISE_REQUEST, OP_JUMP_IF_NOT_FOUND, OP_JUMP_IF_SET, OP_JUMP_IF_TRUE, OP_LESS,
    OP_LESS_OR_EQ, OP_LIST, OP_MORE, OP_MORE_OR_EQ, OP_MUL, OP_NEGATE, OP_POP, OP_POP_WITH, OP_PUSH_WITH,
    OP_RESOLVE_HOME_PATH, OP_RESOLVE_WITH, OP_RESOLVE_WITH_NAME, OP_RETURN, OP_SELECT, OP_SELECT_PLACE, OP_SET_LOCAL,
    OP_SUB, OP_TAIL_CALL_N, OP_THUNK_CLOSURE, OP_THUNK_SUSPENDED, OP_TRY_SELECT, OP_VALIDATE_CLOSED_FORMALS,
)
from snowsnake.bytecode.varint cimport varint_read
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.syntax.deep_stack cimport call_on_deep_stack, leave_out_of_memory, resize_or_leave, stack_is_low, stack_limit
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_INHERIT_FROM, BINDING_PLAIN, NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTR,
    NODE_ATTRS, NODE_BINARY, NODE_CURRENT_POSITION, NODE_FLOAT, NODE_HAS_ATTR, NODE_IF, NODE_INT, NODE_LAMBDA,
    NODE_LEGACY_LET, NODE_LET, NODE_LIST, NODE_NEGATE, NODE_NOT, NODE_PATH, NODE_SEARCH_PATH, NODE_SELECT, NODE_STRING,
    NODE_TEXT, NODE_VARIABLE, NODE_WITH, OPERATOR_ADD, OPERATOR_AND, OPERATOR_DIV, OPERATOR_EQUAL, OPERATOR_IMPLIES,
    OPERATOR_LESS, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL, OPERATOR_NOT_EQUAL,
    OPERATOR_OR, OPERATOR_SUB, OPERATOR_UPDATE, PATH_ABSOLUTE, PATH_HOME, SELECT_ENVIRONMENT, Binding, Bindings,
    DynamicBinding, Formal, Pattern, arena_alloc,
)
from snowsnake.syntax.parser cimport ast_free, parse

from snowsnake.syntax.features import GLOBALS

cdef enum:
    FEW_CAPTURES = 8                  # searched one by one; more get a hash table
    SHARED_CONSTANTS = 16             # how far back a constant is looked for
    SMALL_COLLECTION = 4              # elements of a list or set that is built rather than delayed
    MAX_ARGUMENTS = 64                # of one call; the machine has room for twice as many, with those of partial applications
    LEAST_CHAIN = 3                   # strings of a chain of `+` that are joined at once
    MAX_ARITY = 12                    # parameters that a lambda takes at once
    SMALLEST_IMAGE_BYTES = 1024       # images are about as large as their source
    KEPT_CONTEXTS = 256
    KEPT_CAPACITY = 1 << 14           # items of one array

cdef uint64_t NO_PLACE = 0xFFFFFFFFFFFFFFFFU
cdef const char* BODY = b"body"

include "globals.pxi"
include "emit.pxi"
include "scope.pxi"
include "rewrite.pxi"
include "lazy.pxi"
include "bindings.pxi"
include "expressions.pxi"
include "patterns.pxi"
include "specified.pxi"


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


cdef void note_hidden_name(Compiler* c, Text text) noexcept nogil:
    """Make a name that the program does not mention one of its names, if an operator or `<path>` refers to it."""
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


# ---- units ------------------------------------------------------------------------------------------------------

cdef Node* scoped_root(Compiler* c, const Text* scope_names, uint32_t scope_count) noexcept nogil:
    """The program as the body of `{ name, …, ... }:` with those names of the scope that it mentions, or may by an operator."""
    cdef Ast* ast = c.ast
    cdef Node* node = new_node(c, NODE_LAMBDA, ast.root)
    cdef Pattern* pattern = <Pattern*>arena_alloc(&ast.arena, sizeof(Pattern))
    cdef uint32_t i, name
    memset(pattern, 0, sizeof(Pattern))
    pattern.formals = <Formal*>arena_alloc(&ast.arena, scope_count * sizeof(Formal) + 1)
    pattern.has_ellipsis = True
    pattern.bind = NO_NAME
    for i in range(scope_count):      # an operator mentions its function
        note_hidden_name(c, scope_names[i])
    for i in range(scope_count):
        for name in range(c.name_count):
            if compare_text(c.names + name, scope_names + i) == 0:
                memset(pattern.formals + pattern.count, 0, sizeof(Formal))
                pattern.formals[pattern.count].name = name
                pattern.count += 1
                break
    node.own.pattern = pattern
    node.a = ast.root
    return node


cdef void compile_root(Compiler* c, Node* root, bint is_scoped) noexcept nogil:
    if is_scoped:
        begin_chunk(c, CHUNK_LAMBDA, root, NO_NAME, 1)
        if c.level > 0:
            bind_pattern(c, root)
            evaluate(c, root.a, True, NO_NAME)
        else:
            specified_lambda_body(c, root, NO_NAME)
    else:
        begin_chunk(c, CHUNK_TOPLEVEL, root, NO_NAME, 0)
        if c.level > 0:
            evaluate(c, root, True, NO_NAME)
        else:
            specified(c, root, NONE, NO_NAME)
            op(c, OP_FORCE, root, 0)
            op(c, OP_RETURN, root, 0)
    end_chunk(c)


cdef void context_free(Context* cx) noexcept nogil:
    builder_free(&cx.code)
    free(cx.captures)
    free(cx.capture_table)
    free(cx)


cdef void context_pool_free(ContextPool* pool) noexcept nogil:
    cdef uint32_t i
    for i in range(pool.count):
        context_free(pool.contexts[i])
    free(pool.contexts)
    memset(pool, 0, sizeof(ContextPool))


cdef void take_contexts(Compiler* c) noexcept nogil:
    """The pool is empty meanwhile."""
    c.contexts = c.pool.contexts
    c.context_made = c.pool.count
    c.context_capacity = c.pool.capacity
    memset(c.pool, 0, sizeof(ContextPool))


cdef void leave_contexts(Compiler* c) noexcept nogil:
    """Of those that one deep or large program needed, memory is not kept."""
    cdef ContextPool* pool = c.pool
    cdef Builder* code
    cdef uint32_t i
    pool.contexts = c.contexts
    pool.count = c.context_made
    pool.capacity = c.context_capacity
    while pool.count > KEPT_CONTEXTS:
        pool.count -= 1
        context_free(pool.contexts[pool.count])
    for i in range(pool.count):
        code = &pool.contexts[i].code
        if code.code_capacity > KEPT_CAPACITY or code.constant_capacity > KEPT_CAPACITY or code.span_capacity > KEPT_CAPACITY:
            builder_free(code)
            memset(code, 0, sizeof(Builder))


cdef void compiler_free(Compiler* c) noexcept nogil:
    leave_contexts(c)
    free(c.names)
    free(c.heads)
    free(c.globals)
    free(c.global_numbers)
    free(c.locals)
    free(c.jumps)
    free(c)


cdef void compile_abandoned(Unit* unit) noexcept nogil:
    cdef Compiler* c = <Compiler*>unit.compiler
    if c != NULL:
        writer_drop(&c.writer)
        compiler_free(c)
        unit.compiler = NULL


cdef bint compile_unit(
    Ast* ast, const char* base_dir, int level, const Text* scope_names, uint32_t scope_count, ContextPool* pool, Unit* unit,
) noexcept nogil:
    cdef Compiler* c = <Compiler*>allocate_zeros(1, sizeof(Compiler))
    memset(unit, 0, sizeof(Unit))
    if c == NULL:
        return False
    unit.compiler = c
    c.ast = ast
    c.unit = unit
    c.pool = pool
    c.level = level
    c.base_dir = base_dir
    c.base_dir_bytes = <uint32_t>strlen(base_dir)
    c.stack_limit = stack_limit()
    writer_open(&c.writer, ast.source.size_bytes + SMALLEST_IMAGE_BYTES)
    c.global_numbers = <uint32_t*>allocate_zeros(GLOBAL_COUNT, sizeof(uint32_t))
    if c.global_numbers == NULL:
        leave_out_of_memory()
    take_contexts(c)
    take_names(c)
    if scope_names != NULL:
        compile_root(c, scoped_root(c, scope_names, scope_count), True)
    else:
        compile_root(c, ast.root, False)
    if unit.error == NULL:
        unit.image = writer_close(&c.writer, c.chunk_count)
    else:
        writer_drop(&c.writer)
    compiler_free(c)
    unit.compiler = NULL
    return unit.image != NULL or unit.error != NULL


# ---- from Python ------------------------------------------------------------------------------------------------

cdef struct Request:                  # for the deep stack
    Ast* ast
    const char* base_dir
    int level
    ContextPool pool
    Unit unit
    bint is_compiled


cdef void _compile_request(void* given) noexcept nogil:
    cdef Request* request = <Request*>given
    request.is_compiled = compile_unit(request.ast, request.base_dir, request.level, NULL, 0, &request.pool, &request.unit)


def compile_text(source: bytes, base_path: str = "/", level: int = 1, features: int = 0):
    """Compile a program: its top level as a `view.Chunk`.  CompileFault says what is wrong with it."""
    cdef Request request
    cdef bytes base = base_path.encode("utf-8", "surrogateescape")
    cdef const uint8_t* data = <const uint8_t*><const char*>source
    cdef size_t size = len(source)
    cdef uint32_t bits = features
    request.base_dir = base
    request.level = level
    request.is_compiled = False
    memset(&request.pool, 0, sizeof(ContextPool))
    memset(&request.unit, 0, sizeof(Unit))
    with nogil:
        request.ast = parse(data, size, bits, NULL)
        if request.ast != NULL and request.ast.root != NULL:
            if not call_on_deep_stack(_compile_request, &request):
                compile_abandoned(&request.unit)
    if request.ast == NULL:
        raise MemoryError("a syntax tree")
    try:
        if not request.is_compiled and request.ast.fault_count == 0:
            raise MemoryError("the compiled form of a program")
        if not request.is_compiled or request.unit.error != NULL:
            from snowsnake.compiler.fault import CompileFault        # not for every start of a command

        if not request.is_compiled:
            fault = request.ast.faults[0]
            raise CompileFault(fault.message.decode("utf-8", "replace"), fault.start_byte, fault.end_byte)
        if request.unit.error != NULL:
            raise CompileFault(
                request.unit.error.decode("utf-8", "replace"), request.unit.error_start_byte, request.unit.error_end_byte
            )
        return image_to_python(request.unit.image)
    finally:
        ast_free(request.ast)
        context_pool_free(&request.pool)
        image_free(request.unit.image)
