# cython: language_level=3
"""The state of a compilation: locals, chunks under construction, and limits.

In: a tree (`Compiler.ast`).  Out: what `Unit` says.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from snowsnake.bytecode.image cimport Image, ImageWriter
from snowsnake.compiler.open_chunks cimport OpenChunk, OpenChunkPool
from snowsnake.syntax.nodes cimport Ast, Name, Node, Text

cdef enum:
    # no local, no jump, no slot
    NONE = 0xFFFFFFFF

cdef enum:
    # a chunk searches at most so many captures one by one; with more it gets a hash table
    FEW_CAPTURES = 8
    # up to this many earlier constants are searched for an equal one
    SHARED_CONSTANTS = 16
    # a list or set of at most so many elements is built rather than delayed
    SMALL_COLLECTION = 4
    # the most arguments of one call; the machine has room for twice as many, including those of partial applications
    MAX_ARGUMENTS = 64
    # in a chain of `+`, at least so many strings are joined at once
    LEAST_CHAIN = 3
    # at most so many chunks keep their buffers when they are done
    KEPT_OPEN_CHUNKS = 256
    # at each multiple of so many chunks under construction, the compiler looks whether the next thunk can wait (`later`)
    DEEP = 64
    # parameters that a lambda takes at once
    MAX_ARITY = 12

cdef extern from *:
    """
    #define SNOW_NO_PLACE UINT64_MAX
    """
    # no place in the source
    uint64_t NO_PLACE "SNOW_NO_PLACE"

# a name that a chunk under construction binds, or an unnamed word on its stack
cdef struct Local:
    # NO_NAME is that of a phantom
    Name name
    # the name of the local whose attribute this local is (the environment of a set with `__overrides`), or NO_NAME
    Name environment
    uint32_t slot
    # the index of the chunk that owns the slot
    uint32_t owner
    # the local that had the name before, or NONE
    uint32_t shadowed
    # whether the value is on the stack; otherwise captures are deferred
    bint is_initialised
    # whether the value captured something that was not there yet
    bint needs_finaliser
    # whether the value is a thunk that nothing can have forced yet
    bint is_suspended

# a forward jump in a list of those with the same target
cdef struct PendingJump:
    uint32_t operand
    uint32_t next

# a thunk of nothing but data, whose chunk is compiled when those around it are done
cdef struct LaterThunk:
    Node* node
    # the index of the chunk
    uint32_t chunk
    Name label

# the result of compiling a program
cdef struct Unit:
    # the caller owns it; NULL if there is an error
    Image* image
    # the message of the program's fault (undefined variable, …), in the tree's arena; NULL if there is none
    char* error
    # its SyntaxKind
    uint8_t error_kind
    uint32_t error_start_byte
    uint32_t error_end_byte
    # the compiler, while it is at work on this unit
    void* compiler

cdef struct Compiler:
    Ast* ast
    OpenChunkPool* pool
    Unit* unit
    ImageWriter writer
    uint32_t chunk_count
    int level
    const char* base_dir
    uint32_t base_dir_bytes
    # Names; the tables are indexed by Name
    # their text in the tree
    Text* names
    # the innermost local of that name, or NONE
    uint32_t* heads
    # 0: not looked up yet; 1: none; otherwise 2 + the index in the table of globals
    uint16_t* globals
    # numbers of the texts of globals in the image
    uint32_t* global_numbers
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
    # Chunks under construction, the innermost last; those from open_chunk_count on are kept for their buffers
    OpenChunk** open_chunks
    uint32_t open_chunk_count
    uint32_t open_chunk_capacity
    uint32_t open_chunks_made
    # the innermost of them, or NULL
    OpenChunk* open
    PendingJump* jumps
    uint32_t jump_count
    uint32_t jump_capacity
    LaterThunk* later
    uint32_t later_count
    uint32_t later_capacity
    # whether one of `later` is being compiled
    bint is_in_data
    # nodes that is_data still has to look at
    Node** looked_at
    uint32_t looked_at_capacity
    # the node that is_data found last to be no data, or NULL
    const Node* not_data
    # the number of faults; the unit has the first of them
    uint32_t fault_count
    # the number of additions below the last one that was found not to be a chain of strings
    uint32_t chain_left
    # the C stack must not grow beyond this address (syntax/deep_stack.pyx)
    const char* stack_limit
