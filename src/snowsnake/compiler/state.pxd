# cython: language_level=3
"""The state of a compilation: locals, chunks under construction, and limits.

In: a tree (`Compiler.ast`).  Out: what `Unit` says.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from snowsnake.bytecode.builder cimport Builder
from snowsnake.bytecode.chunk cimport Chunk
from snowsnake.bytecode.image cimport Image, ImageWriter
from snowsnake.syntax.nodes cimport Ast, Name, Node, Text

cdef enum:
    NONE = 0xFFFFFFFF                 # no local, no jump, no slot

cdef enum:
    FEW_CAPTURES = 8                  # so few are searched one by one; more get a hash table
    SHARED_CONSTANTS = 16             # so many earlier constants are searched for an equal one
    SMALL_COLLECTION = 4              # a list or set of at most so many elements is built rather than delayed
    MAX_ARGUMENTS = 64                # of one call; the machine has room for twice as many, including those of partial applications
    LEAST_CHAIN = 3                   # in a chain of `+`, at least so many strings are joined at once
    KEPT_CONTEXTS = 256               # so many keep their buffers
    DEEP = 64                         # chunks under construction, above which we look whether one can wait
    MAX_ARITY = 12                    # parameters that a lambda takes at once

cdef extern from *:
    """
    #define SNOW_NO_PLACE UINT64_MAX
    """
    uint64_t NO_PLACE "SNOW_NO_PLACE"    # no place in the source

cdef struct Local:                    # a name that a chunk under construction binds, or an unnamed word on its stack
    Name name                         # NO_NAME: a phantom
    Name environment                  # this local is the attribute of that local of this name (a set with `__overrides`); or NO_NAME
    uint32_t slot
    uint32_t context                  # index of the chunk that owns the slot
    uint32_t shadowed                 # the local that had the name before, or NONE
    bint is_initialised               # its value is on the stack; otherwise captures are deferred
    bint needs_finaliser              # its value captured something that was not there yet
    bint is_suspended                 # its value is a thunk that nothing can have forced yet

cdef struct Capture:                  # an upvalue of a chunk under construction
    uint32_t local                    # the local whose value it is
    uint32_t outer                    # index among the captures of the enclosing chunk, if that does not own the local

cdef struct Context:                  # a chunk under construction
    Builder code
    uint32_t index                    # depth of nesting
    uint32_t with_count               # with-scopes around this place, including those of enclosing chunks
    bint captures_with
    Capture* captures
    uint32_t capture_count
    uint32_t capture_capacity
    uint32_t* capture_table           # hash table over captures (index + 1), used when there are many
    uint32_t capture_table_size
    Chunk chunk

cdef struct ContextPool:              # contexts with their buffers, which a compilation leaves for the next one
    Context** contexts
    uint32_t count
    uint32_t capacity

cdef struct PendingJump:              # a forward jump in a list of those with the same target
    uint32_t operand
    uint32_t next

cdef struct LaterThunk:               # a thunk of nothing but data, whose chunk is compiled when those around it are done
    Node* node
    uint32_t chunk                    # its index
    Name label

cdef struct Unit:                     # the result of compiling a program
    Image* image                      # owned by the caller; NULL if there is an error
    char* error                       # the fault of the program (undefined variable, …), in the tree's arena
    uint8_t error_kind                # SyntaxKind
    uint32_t error_start_byte
    uint32_t error_end_byte
    void* compiler                    # the compiler, while it is at work on this unit

cdef struct Compiler:
    Ast* ast
    ContextPool* pool
    Unit* unit
    ImageWriter writer
    uint32_t chunk_count
    int level
    const char* base_dir
    uint32_t base_dir_bytes
    # Names; the tables are indexed by Name
    Text* names                       # their text in the tree
    uint32_t* heads                   # the innermost local of that name, or NONE
    uint16_t* globals                 # 0: not looked up yet; 1: none; otherwise 2 + the index in the table of globals
    uint32_t* global_numbers          # numbers of the texts of globals in the image
    uint32_t name_count
    uint32_t name_capacity
    # Names that the language itself refers to, or NO_NAME if the program does not mention them
    Name name_builtins
    Name name_sub
    Name name_mul
    Name name_div
    Name name_less_than
    Name name_find_file
    Name name_nix_path
    Name name_overrides
    # Locals of all chunks under construction, the innermost last
    Local* locals
    uint32_t local_count
    uint32_t local_capacity
    # Chunks under construction, by depth; those above context_count are kept for their buffers
    Context** contexts
    uint32_t context_count
    uint32_t context_capacity
    uint32_t context_made
    Context* cx
    PendingJump* jumps
    uint32_t jump_count
    uint32_t jump_capacity
    LaterThunk* later
    uint32_t later_count
    uint32_t later_capacity
    bint is_in_data                   # one of `later` is being compiled
    Node** looked_at                  # nodes that is_data still has to look at
    uint32_t looked_at_capacity
    const Node* not_data              # the node that is_data found last to be no data, or NULL
    uint32_t fault_count              # of which the unit has the first
    uint32_t chain_left               # additions below the last one whose operands were found to be more than strings
    const char* stack_limit           # from syntax/deep_stack
