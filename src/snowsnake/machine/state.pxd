# cython: language_level=3
"""The state of one machine, as one C struct; no C global is mutable.

Protocol of native builtins
---------------------------
A builtin is `int f(Machine* m, Word* fp) noexcept nogil`.  Its arguments are fp[0] .. fp[arity-1].  Before it enters f for the first
time, the machine prepares each argument as the letters `forces` of the table say, in order, and leaves the result in place:

    .  untouched (may be a thunk: read it with val())      v  forced to any value
    i  int   n  int or float   b  bool   l  list   a  attrs   f  callable (function, or set with __functor)
    A  attrs, which may be layered (machine/attrs.pxd)
    s  string (any context)    S  string that must have no context
    c  coerced to a string, as string interpolation does but without copying paths to the store
    p  coerced to an absolute path: replaced by a *string* word with its context

What it returns:
    DONE       m.result is the value, in weak head normal form or not
    TAIL       m.result is the value once it is forced (seq, head, getAttr)
    FORCE      m.need is a thunk (not done): the machine forces it and enters f again; it pushes nothing
    CALL + n   the top of the stack holds n arguments and then the function (pushed by f, argument 1 first): the machine calls
               it, leaves the forced result on top of the stack in their place, and enters f again
    RAISE      an error has been set with a function of machine/errors.pxd (raise_type, raise_message …)

When the machine enters f again, f finds its progress only in the words that it pushed above its arguments; at the first entry
m.sp == fp + arity.  So a builtin that returns FORCE or CALL pushes at least one state word first (an index: small_int), unless it can
start again in O(1) and without effects.  State words must be valid words (ints as small_int, pointers as tagged words): the collector
moves objects at any FORCE and CALL and updates the stack, so no raw pointer survives a return.  Within one entry nothing moves:
allocation never collects.  Call heap_reserve(m, words) before allocating more than 4096 words in one entry.  After a large reservation
objects are made in the old space until the next safepoint, because a collection would copy them there anyway.
Stack space: f may push up to 1024 words in an entry without asking; before it pushes more, it calls stack_reserve(m, words).
"""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from snowsnake.bytecode.image cimport Image
from snowsnake.compiler.open_chunks cimport OpenChunkPool
from snowsnake.machine.word cimport Word
from snowsnake.syntax.nodes cimport ArenaPool

cdef enum Outcome:
    DONE = 0
    TAIL = 1
    FORCE = 2
    RAISE = 3
    # CALL + n asks for a call with n arguments
    CALL = 16

ctypedef int (*BuiltinFunction)(Machine* m, Word* fp) noexcept nogil
# Writes the lines that a builtin adds to a trace: at most MOST_OWN_ENTRIES, the innermost first.  It returns their number.  The entry after
# them belongs to the builtin itself, and the function may note there which part of the input the builtin was at.
ctypedef uint32_t (*TraceFunction)(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil

cdef struct Builtin:
    const char* name
    uint8_t arity
    # whether it may return FORCE or CALL, and so needs a frame of its own
    uint8_t is_framed
    char forces[8]
    BuiltinFunction function
    # NULL if it has none
    TraceFunction trace
    # features without which the builtin does not exist (syntax/features.py)
    uint32_t needs
    # the function as a value, one for each machine
    Word word

# the names that a pattern binds
cdef struct Formals:
    uint32_t count
    bint has_ellipsis
    # the names in byte order, which is the order of their slots
    uint32_t* symbols
    # indices of formals, in ascending order of symbols
    uint32_t* by_symbol
    uint32_t* start_bytes
    uint8_t* has_default

# a linked chunk; what only errors need stays in the image (origins.pxd, code_origin)
cdef struct Code:
    # the spans follow the code
    const uint8_t* start
    # the constants follow this struct
    Word* constants
    # NULL if it has no pattern
    Formals* formals
    uint32_t size_bytes
    uint32_t constant_count
    uint32_t arity
    uint32_t max_stack
    # the number of captures, including the with-scope
    uint32_t upvalue_count
    uint32_t index
    # position of byte 0 of the file
    uint32_t position_base
    uint8_t captures_with
    uint8_t level
    # False only for Machine.unlinked, which takes the place of every code that was never entered
    bint is_linked

# what leaving an activation restores, and the thunk that it updates
cdef struct Frame:
    const uint8_t* pc
    Word* fp
    # the caller: closure, thunk or builtin
    Word function
    Word* constants
    # the thunk to update when the callee returns, or 0; with FRAME_PUSHES the value is also pushed
    Word thunk
    uint32_t depth
    int32_t with_slot

cdef enum:
    # a bit of Frame.thunk, beside TAG_THUNK
    FRAME_PUSHES = 2
    INTERNAL_CAPACITY = 16

# the order is that of the catalogue in diagnostics/catalogue.py
cdef enum ErrorCode:
    ERROR_NONE = 0
    # tryEval catches it
    ERROR_THROW
    # tryEval catches it
    ERROR_ASSERT
    # a file was not found in the Nix search path; tryEval catches it
    ERROR_SEARCH_PATH
    ERROR_ABORT
    ERROR_TYPE
    ERROR_MISSING_ATTRIBUTE
    ERROR_UNDEFINED_VARIABLE
    ERROR_MISSING_ARGUMENT
    ERROR_UNEXPECTED_ARGUMENT
    ERROR_NOT_A_FUNCTION
    ERROR_INFINITE_RECURSION
    ERROR_DEPTH
    ERROR_MEMORY
    ERROR_DIVISION_BY_ZERO
    ERROR_OVERFLOW
    # an index is out of bounds, or a size is negative
    ERROR_RANGE
    # a malformed argument: bad JSON, a bad regex, a bad hash, …
    ERROR_VALUE
    # a string may not refer to a store path
    ERROR_CONTEXT
    ERROR_FILE
    # forbidden in pure or restricted mode
    ERROR_ACCESS
    ERROR_SYNTAX
    ERROR_DUPLICATE_ATTRIBUTE
    ERROR_INTERRUPT
    ERROR_TIMEOUT
    # a function of Python raised something
    ERROR_PYTHON
    ERROR_INTERNAL

# what is wrong, where the code says too little; traces are made of this, never of messages
cdef enum Fault:
    # the order is that of FAULTS in traces/cause.py
    FAULT_OTHER = 0
    # Error.expected says which type was expected
    FAULT_WRONG_TYPE
    FAULT_NOT_COERCIBLE
    FAULT_NOT_ADDABLE
    FAULT_NOT_COMPARABLE
    FAULT_NO_ATTRIBUTE
    # a value has no JSON
    FAULT_NOT_CONVERTIBLE
    # a string that should be an absolute path
    FAULT_NOT_ABSOLUTE
    # a source could not be fetched
    FAULT_FETCH
    # the file Error.subject does not exist
    FAULT_NO_FILE
    # an evaluation does not build what would have to be built first
    FAULT_NOT_BUILT

# which part of a builtin's input an error is about: an argument by its number, from 1 on, or one of these
cdef enum Part:
    PART_NONE = 0
    # the number of an argument is added to this: an element of the list that the argument is
    PART_ELEMENT = 8
    # the result of a function that was given to it
    PART_RESULT = 16
    # an attribute of a set in it: TraceEntry.symbol
    PART_ATTRIBUTE = 17
    # an element of the list that such an attribute is
    PART_ATTRIBUTE_ELEMENT = 18

cdef enum:
    # a builtin adds at most so many entries of its own to a trace
    MOST_OWN_ENTRIES = 50
    # the next four are bits of TraceEntry.flags; this one: the activation left in tail position, and its place is not known
    TRACE_GONE = 1
    # the function was called as the __functor of a set
    TRACE_FUNCTOR = 2
    # the last entry of an activation, with what is unwound with it
    TRACE_END = 4
    # beside TRACE_END: the entry is that of a thunk whose code had called a function in tail position
    TRACE_TAIL = 8
    # TraceEntry.left or right of a path; other values have their tags there
    TRACE_PATH = 9

cdef struct TraceEntry:
    # 0 if it is unknown
    uint32_t position
    uint32_t position_end
    # the builtin's number + 1, or 0
    uint16_t builtin
    # for a builtin, the argument that was evaluated, or has a wrong type, + 1; for code, whether it evaluates what an infinite recursion needed again
    uint8_t argument
    # for code, the operation that was running, if its operands are known; otherwise 0, which is `Constant`, an operation without operands
    uint8_t opcode
    # tags of that operation's operands; for a name that a `with` may bind, `left` is the number of the `with`, counted from the innermost one
    uint8_t left
    uint8_t right
    uint8_t flags
    # for a builtin, the part of its input that was being evaluated, or is wrong (Part)
    uint8_t part
    # the kind of the line that this entry is (machine/notes.pxd), or 0
    uint8_t note
    # for code, the place of the attribute that the running selection found last, or 0; for a builtin, the place of the attribute of its input that
    # `part` means
    uint32_t selected
    # that attribute's name; for a note, the attribute that the note names
    uint32_t symbol
    # the index + 1 of the code, or 0; for a builtin, the code of the first function among its arguments
    uint32_t code
    # for a note, the text in its line; for addErrorContext, the line itself; or NULL
    char* text

cdef struct Error:
    int code
    # its Fault
    uint8_t fault
    # the Part of the builtin that raised it
    uint8_t part
    # if a source could not be fetched: the exit code of a command
    uint8_t exit_code
    # a symbol, or 0: with FAULT_NO_FILE, the file that does not exist; with FAULT_FETCH, a class of diagnostics/kinds.py
    uint32_t subject
    # if `part` is PART_ATTRIBUTE: the attribute's name
    uint32_t symbol
    # the place of that attribute, or 0
    uint32_t selected
    # if the fault is FAULT_WRONG_TYPE: the expected type, such as "a set"; the text is never freed
    const char* expected
    # the symbol that was not found; if it is not 0, there are candidates
    uint32_t wanted
    # malloc'ed symbols
    uint32_t* candidates
    uint32_t candidate_count
    # malloc'ed; it is UTF-8 if the program's strings are
    char* message
    size_t message_size_bytes
    uint32_t position
    uint32_t position_end
    # length of the trace when the position was found, or 0: the position belongs to the error itself
    uint32_t position_entries
    # `Machine.tail_pc` and `tail_target` at the time of the error
    const uint8_t* tail_pc
    Code* tail_target
    TraceEntry* trace
    uint32_t trace_count
    # the number of frames; the trace keeps trace_count of them
    uint32_t trace_total
    # the number of the Python exception that caused the error (callbacks.pyx), or 0
    uint64_t exception

cdef struct File:
    char* path
    # the text of a source that is not a file on disk, or did not compile; otherwise NULL
    uint8_t* source
    # built when a position is first looked up
    uint32_t* line_starts
    uint32_t line_count
    uint32_t size_bytes
    uint32_t position_base
    # whether `value` is the result of importing the file; `value` is a root of the collector
    bint is_imported
    Word value
    # the compiled code; NULL if the file did not compile
    Image* image
    # the number of the file's first code
    uint32_t code_base

# sorted symbols of encoded elements: path, =drv, !output!drv; if the count is 0, this is a union that waits, and `elements` leads to a `Waiting` (symbols.pyx)
cdef struct Context:
    uint32_t* elements
    uint32_t count

# the result of a lookup: where these keys have a symbol, or -1
cdef struct Place:
    Word* keys
    uint32_t symbol
    int32_t index

cdef enum:
    KNOWN_TEXTS = 4096

# a text of an image, and its symbol
cdef struct KnownText:
    const uint8_t* data
    uint32_t symbol

# objects made and their words, by kind; words of thunks by state
cdef struct Tally:
    uint64_t[32] objects
    uint64_t[32] words
    uint64_t[8] states

# an observer of a machine: a larger struct, with the observer's own state, begins with this one
cdef struct Observer:
    # a loop that calls `step` before every operation
    int (*run)(Machine* m) noexcept nogil
    void (*step)(Machine* m, const uint8_t* pc, Word* fp, Word* sp, Frame* fr, Word function) noexcept nogil

cdef struct Machine:
    # Heap: objects are made in the nursery, from heap_base up; those that survive a collection move to the old space.
    # At `soft_limit` the next safepoint must check what to do.
    Word* hp
    Word* soft_limit
    Word* heap_base
    # end of the nursery's address space, far above the part in use
    Word* heap_end
    Word* old_base
    Word* old_top
    Word* old_end
    # pages below this were prepared
    Word* old_ready
    # while everything moves: the old space that the collector empties, for checks.pxd
    Word* leaving_base
    Word* leaving_top
    # when the old space reaches this, the collector looks for garbage there, too
    Word* collect_at
    uint64_t memory_limit_words
    # words made between two collections of the nursery
    uint64_t nursery_words
    # growth of the old space between two collections of everything
    uint64_t least_growth_words
    # while objects are made in the old space (heap_reserve): hp of the nursery; otherwise NULL
    Word* young_hp
    # in the old space: objects from here up may hold words of the nursery
    Word* unscanned
    # words made directly in the old space since the last collection of everything, without the newest ones
    uint64_t direct_words
    uint64_t last_direct_words
    # above this the collector collects everything
    uint64_t most_direct_words
    # old objects that may hold words of the nursery
    Word** remembered
    uint64_t remembered_count
    uint64_t remembered_capacity
    # codes that were linked since the last collection: their constants may be in the nursery
    uint32_t* fresh_codes
    uint32_t fresh_code_count
    uint32_t fresh_code_capacity
    # the number of symbols whose strings are in the old space
    uint32_t old_symbol_count
    # the number of files whose values are in the old space
    uint32_t old_file_count
    # the collector is at work on the nursery alone
    bint is_minor
    # Stacks
    Word* sp
    Word* stack_base
    Word* stack_end
    uint64_t stack_bytes
    uint64_t frames_bytes
    Frame* fr
    Frame* frames_base
    Frame* frames_end
    # Registers of the running activation, valid outside the loop
    const uint8_t* pc
    Word* fp
    Word function
    Word* constants
    uint32_t depth
    int32_t with_slot
    uint32_t depth_limit
    # Protocol
    Word need
    Word result
    # requests to stop (Attention in machine/attention.pxd), which safepoints check
    volatile int attention
    # Code
    Code** codes
    # begins with the operation Link; its arity fits no call
    Code* unlinked
    uint32_t code_count
    uint32_t code_capacity
    File* files
    uint32_t file_count
    uint32_t file_capacity
    uint32_t next_position
    # the imported files by path (importing.pyx)
    void* imports
    # Symbols
    # symbol -> string word
    Word* symbol_strings
    uint32_t* symbol_table
    uint32_t symbol_count
    uint32_t symbol_capacity
    uint32_t symbol_mask
    KnownText[KNOWN_TEXTS] known_texts
    # Contexts
    Context* contexts
    uint32_t context_count
    uint32_t context_capacity
    # hash table of contexts
    uint32_t* context_table
    uint32_t context_mask
    # remembers unions, as pairs of words: both parts in one word, then the union
    uint64_t* union_cache
    # Builtins
    Builtin* builtins
    uint32_t builtin_count
    # the set `builtins`
    Word builtins_attrs
    # function words of the internal builtins; the enum in internals.pxd has their numbers
    Word internals[INTERNAL_CAPACITY]
    Word try_eval_word
    Word error_context_word
    # Shared words
    Word empty_list
    Word empty_attrs
    Word empty_string
    # Errors
    Error error
    # the last tail call, and the code that it went to
    const uint8_t* tail_pc
    Code* tail_target
    # the errors of failed thunks
    Error* failures
    uint32_t failure_count
    uint32_t failure_capacity
    # the number of active tryEval frames: while there are any, traces are not recorded
    uint32_t try_count
    # a table could not grow where it had to (attention.pxd, exhaust): no result of this machine counts any more
    bint is_exhausted
    # there was no memory for a part of the message that is being made
    bint lacks_text
    # Handles that Python holds
    Word* handles
    uint32_t handle_count
    uint32_t handle_capacity
    uint32_t handle_free
    # Well-known symbols
    uint32_t symbol_name
    uint32_t symbol_value
    uint32_t symbol_functor
    uint32_t symbol_to_string
    uint32_t symbol_out_path
    uint32_t symbol_drv_path
    uint32_t symbol_type
    uint32_t symbol_overrides
    uint32_t symbol_body
    uint32_t symbol_success
    uint32_t symbol_file
    uint32_t symbol_line
    uint32_t symbol_column
    uint32_t symbol_function_args
    # Caches
    # (keysA, keysB) -> keys of a // b; collections renew it
    uint64_t* keys_cache
    # direct-mapped; a place is forgotten when its keys move (attrs_lookup in machine/attrs.pxd)
    Place[2048] places
    # The host: files, search path, environment (host/host.pxd)
    void* host
    # Compiled files on disk (cache/pack.pxd), or NULL
    void* cache
    # memory for the parser and the compiler
    ArenaPool arenas
    # memory for the compiler
    OpenChunkPool open_chunks
    # time spent on reading, parsing and compiling imported files, or on finding them in the cache
    uint64_t load_ns
    # The derivations seen so far (store/known_derivations.pxd)
    void* derivations
    # Options
    int level
    # features of the parser: 1 is pipe operators
    uint32_t features
    # collect at most safepoints, and overwrite the nursery after each
    bint stress
    # a bit for each tag whose values stay in the thunks that held them first (keeps_cell)
    uint64_t kept_cells
    # Some path is not canonical: `~/a` keeps the slashes of HOME.
    bint has_odd_paths
    # NULL, or the observer whose loop runs instead of the machine's
    Observer* observer
    int trace_verbose
    # how often everything was collected
    uint64_t collection_count
    uint64_t minor_count
    uint64_t promoted_words
    uint64_t collection_ns
    # words made in the nursery until its last collection
    uint64_t made_words
    # how often `//` was computed
    uint64_t update_count
    # how often the cache had the keys of the result
    uint64_t update_known_count
    # NULL, or what the nursery held at each of its collections
    Tally* tally
    # compiled patterns (builtins/regex.pxd)
    void* regex_cache
    # builtins.warn raises an error
    bint abort_on_warn
    # Calls the Python function with this number (callbacks.pyx).  The list of its arguments is on top of the stack.
    int (*call_foreign)(Machine* m, Word number) noexcept nogil
    void* foreign
