# cython: language_level=3
"""The compiler: a syntax tree becomes an image of chunks.

In: an Ast and the folder that relative paths start from.  Out: an image, which names no address and no symbol of a machine.

state names what a compilation has · globals, names, new_nodes, scope: names · emit: operations, constants, jumps · rewrite: what is
defined by other syntax · specified: level 0 · lazy, expressions, bindings, patterns: the default level.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memset, strlen

from snowsnake.bytecode.builder cimport builder_free
from snowsnake.bytecode.chunk cimport CHUNK_LAMBDA, CHUNK_TOPLEVEL
from snowsnake.bytecode.image cimport image_free, writer_close, writer_drop, writer_open
from snowsnake.bytecode.image_view cimport image_to_python
from snowsnake.bytecode.opcodes cimport OP_FORCE, OP_RETURN
from snowsnake.compiler.emit cimport fault, op
from snowsnake.compiler.expressions cimport evaluate
from snowsnake.compiler.names cimport note_hidden_name, take_names
from snowsnake.compiler.new_nodes cimport free_before, is_tree_apart, new_node
from snowsnake.compiler.orders cimport NamedIndex, find_named, names_in_order
from snowsnake.compiler.patterns cimport bind_pattern
from snowsnake.compiler.scope cimport begin_chunk, begin_chunk_later, end_chunk, open_chunk_free
from snowsnake.compiler.specified cimport specified, specified_lambda_body
from snowsnake.compiler.state cimport KEPT_OPEN_CHUNKS, NONE, Compiler, LaterThunk
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.syntax.binding_check cimport first_undefined
from snowsnake.syntax.deep_stack cimport call_on_deep_stack, leave_out_of_memory, stack_limit
from snowsnake.syntax.global_names cimport global_count
from snowsnake.syntax.leaving cimport leave_if_asked, release, release_all
from snowsnake.syntax.nodes cimport NO_NAME, NODE_LAMBDA, SYNTAX_UNDEFINED, ArenaBlock, Formal, Pattern, SyntaxFault, arena_alloc
from snowsnake.syntax.parser cimport ast_free, parse

cdef enum:
    # An image is about as large as its source; it gets room for so many bytes more.
    SMALLEST_IMAGE_BYTES = 1024
    # The pool keeps arrays of at most so many items.
    KEPT_CAPACITY = 1 << 14
    # A tree of so many bytes or more is freed early.
    FREED_TREE_BYTES = 8 << 20


# ---- units ------------------------------------------------------------------------------------------------------

cdef Node* scoped_root(Compiler* c, const Text* scope_names, uint32_t scope_count) noexcept nogil:
    """The program as the body of `{ name, …, ... }:`, with those names of the scope that it mentions, or that an operator may refer to."""
    cdef Ast* ast = c.ast
    cdef Node* node = new_node(c, NODE_LAMBDA, ast.root)
    cdef Pattern* pattern = <Pattern*>arena_alloc(&ast.arena, sizeof(Pattern))
    cdef NamedIndex* known
    cdef uint32_t i
    cdef Name name
    memset(pattern, 0, sizeof(Pattern))
    pattern.formals = <Formal*>arena_alloc(&ast.arena, scope_count * sizeof(Formal) + 1)
    pattern.has_ellipsis = True
    pattern.bind = NO_NAME
    # An operator mentions its function, which the source does not name.
    for i in range(scope_count):
        note_hidden_name(c, scope_names[i])
    known = names_in_order(c)
    for i in range(scope_count):
        leave_if_asked()
        name = find_named(known, c.name_count, scope_names + i)
        if name != NO_NAME:
            memset(pattern.formals + pattern.count, 0, sizeof(Formal))
            pattern.formals[pattern.count].name = name
            pattern.count += 1
    release(known)
    node.own.pattern = pattern
    node.a = ast.root
    return node


cdef void free_tree(Compiler* c, const void* last) noexcept nogil:
    """Frees a large tree up to its *last* block once all is compiled, so that it does not lie beside the record of a large chunk."""
    if c.ast.arena.total_bytes >= FREED_TREE_BYTES and c.fault_count == 0 and c.later_count == 0 and is_tree_apart(c):
        free_before(c, last)


cdef void compile_root(Compiler* c, Node* root, bint is_scoped) noexcept nogil:
    cdef const void* last = <const uint8_t*>c.ast.arena.blocks + sizeof(ArenaBlock)
    if is_scoped:
        begin_chunk(c, CHUNK_LAMBDA, root, NO_NAME, 1)
        # The operations of this function are not in the program, so traces may not point at them.
        root.end_byte = root.start_byte
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
    free_tree(c, last)
    end_chunk(c)
    compile_later(c)


cdef void compile_later(Compiler* c) noexcept nogil:
    """Compiles the thunks that were left for later, and those that these leave."""
    cdef LaterThunk thunk
    c.is_in_data = True
    while c.later_count:
        c.later_count -= 1
        thunk = c.later[c.later_count]
        begin_chunk_later(c, &thunk)
        evaluate(c, thunk.node, True, thunk.label)
        end_chunk(c)


cdef void open_chunk_pool_free(OpenChunkPool* pool) noexcept nogil:
    cdef uint32_t i
    for i in range(pool.count):
        open_chunk_free(pool.open_chunks[i])
    free(pool.open_chunks)
    memset(pool, 0, sizeof(OpenChunkPool))


cdef void take_open_chunks(Compiler* c) noexcept nogil:
    """Takes the chunks of the pool, which is empty meanwhile."""
    c.open_chunks = c.pool.open_chunks
    c.open_chunks_made = c.pool.count
    c.open_chunk_capacity = c.pool.capacity
    memset(c.pool, 0, sizeof(OpenChunkPool))


cdef void leave_open_chunks(Compiler* c) noexcept nogil:
    """Leaves the chunks to the pool, without the memory that only a deep or large program needed."""
    cdef OpenChunkPool* pool = c.pool
    cdef Builder* code
    cdef uint32_t i
    pool.open_chunks = c.open_chunks
    pool.count = c.open_chunks_made
    pool.capacity = c.open_chunk_capacity
    while pool.count > KEPT_OPEN_CHUNKS:
        pool.count -= 1
        open_chunk_free(pool.open_chunks[pool.count])
    for i in range(pool.count):
        code = &pool.open_chunks[i].code
        if code.code_capacity > KEPT_CAPACITY or code.constant_capacity > KEPT_CAPACITY or code.span_capacity > KEPT_CAPACITY:
            builder_free(code)
            memset(code, 0, sizeof(Builder))


cdef void compiler_free(Compiler* c) noexcept nogil:
    leave_open_chunks(c)
    free(c.names)
    free(c.heads)
    free(c.globals)
    free(c.global_numbers)
    free(c.locals)
    free(c.jumps)
    free(c.later)
    free(c.looked_at)
    free(c)


cdef void compile_abandoned(Unit* unit) noexcept nogil:
    cdef Compiler* c = <Compiler*>unit.compiler
    release_all()
    if c != NULL:
        writer_drop(&c.writer)
        compiler_free(c)
        unit.compiler = NULL


cdef void name_undefined(Compiler* c, Node* root) noexcept nogil:
    """Of several undefined variables, names the one that C++ Nix does."""
    cdef SyntaxFault* first
    if c.fault_count == 1:
        return
    first = first_undefined(c.ast, root, c.names, c.name_count, c.stack_limit)
    if first != NULL:
        c.unit.error = first.message
        c.unit.error_start_byte = first.start_byte
        c.unit.error_end_byte = first.end_byte


cdef bint compile_unit(
    Ast* ast, const char* base_dir, int level, const Text* scope_names, uint32_t scope_count, OpenChunkPool* pool, Unit* unit,
) noexcept nogil:
    cdef Compiler* c = <Compiler*>allocate_zeros(1, sizeof(Compiler))
    cdef Node* root
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
    c.global_numbers = <uint32_t*>allocate_zeros(global_count(), sizeof(uint32_t))
    if c.global_numbers == NULL:
        leave_out_of_memory()
    take_open_chunks(c)
    take_names(c)
    root = scoped_root(c, scope_names, scope_count) if scope_names != NULL else ast.root
    compile_root(c, root, scope_names != NULL)
    if unit.error != NULL and unit.error_kind == SYNTAX_UNDEFINED:
        name_undefined(c, root)
    if unit.error == NULL:
        unit.image = writer_close(&c.writer, c.chunk_count)
    else:
        writer_drop(&c.writer)
    compiler_free(c)
    unit.compiler = NULL
    return unit.image != NULL or unit.error != NULL


# ---- from Python ------------------------------------------------------------------------------------------------

# This struct has the arguments and the result of a compilation, because a function on the deep stack gets one pointer.
cdef struct CompileRequest:
    Ast* ast
    const char* base_dir
    int level
    OpenChunkPool pool
    Unit unit
    bint is_compiled


cdef void _compile_request(void* given) noexcept nogil:
    cdef CompileRequest* request = <CompileRequest*>given
    request.is_compiled = compile_unit(request.ast, request.base_dir, request.level, NULL, 0, &request.pool, &request.unit)


def compile_text(source: bytes, base_path: str = "/", level: int = 1, features: int = 0):
    """Compiles a program; returns its top level as a `view.Chunk`.  CompileFault says what is wrong with the program."""
    cdef CompileRequest request
    cdef bytes base = base_path.encode("utf-8", "surrogateescape")
    cdef const uint8_t* data = <const uint8_t*><const char*>source
    cdef size_t size = len(source)
    cdef uint32_t bits = features
    request.base_dir = base
    request.level = level
    request.is_compiled = False
    memset(&request.pool, 0, sizeof(OpenChunkPool))
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
            # Only a fault needs this, so that not every start of a command imports it.
            from snowsnake.compiler.fault import CompileFault
            from snowsnake.syntax.api import SYNTAX_CODES

        if not request.is_compiled:
            fault = request.ast.faults[0]
            raise CompileFault(SYNTAX_CODES[fault.kind], fault.message.decode("utf-8", "replace"), fault.start_byte, fault.end_byte)
        if request.unit.error != NULL:
            raise CompileFault(
                SYNTAX_CODES[request.unit.error_kind], request.unit.error.decode("utf-8", "replace"),
                request.unit.error_start_byte, request.unit.error_end_byte,
            )
        return image_to_python(request.unit.image)
    finally:
        ast_free(request.ast)
        open_chunk_pool_free(&request.pool)
        image_free(request.unit.image)
