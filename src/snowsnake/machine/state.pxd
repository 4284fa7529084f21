# cython: language_level=3
"""The state of one evaluator, as one C struct; nothing mutable lives in C globals.

Protocol of native builtins (class letters as in docs/architecture.md)
---------------------------------------------------------------------
A builtin is `int f(Machine* m, Word* fp) noexcept nogil`.  Its arguments are fp[0] .. fp[arity-1].  Before the first entry the
machine has dealt with each argument as the table's `forces` letters say, in order, and left the result in place:

    .  untouched (may be a thunk: read it with val())      v  forced to any value
    i  int   n  int or float   b  bool   l  list   a  attrs   f  callable (function, or set with __functor)
    A  attrs, which may be layered (machine/attrs.pxd)
    s  string (any context)    S  string that must have no context
    c  coerced to a string, as string interpolation does but without copying paths to the store
    p  coerced to an absolute path: replaced by a *string* word with its context

What it returns:
    DONE       m.result is the value, in weak head normal form or not
    TAIL       m.result is to be forced, and is the value (seq, head, getAttr)
    FORCE      m.need is a thunk (not done): force it, then enter f again; nothing is pushed
    CALL + n   on top of the stack stand n arguments and then the function (pushed by f, argument 1 first): call it,
               leave its forced result on top of the stack in their place, and enter f again
    RAISE      an error has been set with raise_error()

Entered again, f finds its progress only in the words that it pushed above its arguments: at the first entry m.sp == fp + arity.
So a builtin that returns FORCE or CALL pushes at least one state word first (an index: small_int) unless repeating from the start
is free of effects and O(1).  State words must be valid words (ints as small_int, pointers as tagged words): the collector moves
objects at any FORCE and CALL and updates the stack, so raw pointers never survive a return.  Within one entry nothing moves:
allocation never collects.  Call heap_reserve(m, words) before allocating more than 4096 words in one entry; a large reservation
has everything that is made until the next safepoint stand in the old space, where it will be anyway if it lives.
Stack space: f may push freely up to 1024 words in an entry; before more, call stack_reserve(m, words).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from snowsnake.bytecode.image cimport Image
from snowsnake.compiler.state cimport ContextPool
from snowsnake.machine.word cimport Word
from snowsnake.syntax.nodes cimport ArenaPool

cdef enum Outcome:
    DONE = 0
    TAIL = 1
    FORCE = 2
    RAISE = 3
    CALL = 16                         # CALL + n

ctypedef int (*BuiltinFunction)(Machine* m, Word* fp) noexcept nogil
# lines of a builtin's own in a trace: writes at most MOST_OWN_ENTRIES, the innermost first, and returns their number; the entry after
# them is the builtin's own: it may say there which part of the input it was at
ctypedef uint32_t (*TraceFunction)(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil

cdef struct Builtin:
    const char* name
    uint8_t arity
    uint8_t is_framed                 # may return FORCE, CALL: needs a frame of its own
    char forces[8]
    BuiltinFunction function
    TraceFunction trace              # or NULL
    uint32_t needs                    # features without which it is not there (syntax/features.py)
    Word word                         # its function value, made per machine

cdef struct Formals:                  # of a pattern
    uint32_t count
    bint has_ellipsis
    uint32_t* symbols                 # in name order, which is the order of their slots
    uint32_t* by_symbol               # indices of formals, in ascending order of symbols
    uint32_t* start_bytes
    uint8_t* has_default

cdef struct Code:                     # a chunk, linked; what only errors ask for stays in the image (link.pxd, code_origin)
    const uint8_t* start              # the spans stand behind the code
    Word* constants                   # behind this struct
    Formals* formals                  # NULL: none
    uint32_t size_bytes
    uint32_t constant_count
    uint32_t arity
    uint32_t max_stack
    uint32_t upvalue_count            # with-scope included
    uint32_t index
    uint32_t position_base            # position of byte 0 of the file
    uint8_t captures_with
    uint8_t level
    bint is_linked                    # False only of Machine.unlinked, which stands for every code that was never wanted

cdef struct Frame:                    # what leaving an activation restores, and the thunk that the activation updates
    const uint8_t* pc
    Word* fp
    Word function                     # of the caller: closure, thunk or builtin
    Word* constants
    Word thunk                        # updated when the callee returns, or 0; with FRAME_PUSHES the value is also pushed
    uint32_t depth
    int32_t with_slot

cdef enum:
    FRAME_PUSHES = 2                  # in the low bits of Frame.thunk, beside TAG_THUNK
    INTERNAL_CAPACITY = 16

cdef enum ErrorCode:                  # order of the catalogue in diagnostics/catalogue.py
    ERROR_NONE = 0
    ERROR_THROW                       # catchable
    ERROR_ASSERT                      # catchable
    ERROR_SEARCH_PATH                 # catchable: file not found in the Nix search path
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
    ERROR_RANGE                       # index out of bounds, negative size
    ERROR_VALUE                       # a malformed argument: bad JSON, bad regex, bad hash, …
    ERROR_CONTEXT                     # a string may not refer to a store path
    ERROR_FILE
    ERROR_ACCESS                      # forbidden in pure or restricted mode
    ERROR_SYNTAX
    ERROR_DUPLICATE_ATTRIBUTE
    ERROR_INTERRUPT
    ERROR_TIMEOUT
    ERROR_PYTHON                      # a function of Python raised something
    ERROR_INTERNAL

cdef enum Fault:                      # what is wrong, where a code says too little: traces are made of this, never of messages
    FAULT_OTHER = 0                   # order of FAULTS in traces/cause.py
    FAULT_WRONG_TYPE                  # Error.expected says which would have been right
    FAULT_NOT_COERCIBLE
    FAULT_NOT_ADDABLE
    FAULT_NOT_COMPARABLE
    FAULT_NO_ATTRIBUTE
    FAULT_NOT_CONVERTIBLE             # to JSON
    FAULT_NOT_ABSOLUTE                # a string that should be an absolute path
    FAULT_FETCH                       # a source could not be fetched
    FAULT_NO_FILE                     # there is no such file: Error.subject
    FAULT_NOT_BUILT                   # what would have to be built first is not built during an evaluation

cdef enum Part:                       # what of a builtin's input an error is about: the number of an argument from 1 on, or of
    PART_NONE = 0
    PART_ELEMENT = 8                  # + number of an argument: an element of that list
    PART_RESULT = 16                  # what a function given to it returned
    PART_ATTRIBUTE = 17               # an attribute of a set in it: TraceEntry.symbol
    PART_ATTRIBUTE_ELEMENT = 18       # an element of the list that such an attribute is

cdef enum:
    MOST_OWN_ENTRIES = 50
    TRACE_GONE = 1                    # bits of TraceEntry.flags: it left in tail position, and stood nobody knows where
    TRACE_FUNCTOR = 2                 # it was called as the __functor of a set
    TRACE_END = 4                     # the last entry of an activation: what is unwound with it
    TRACE_TAIL = 8                    # with TRACE_END: of a thunk whose code had called a function in tail position
    TRACE_PATH = 9                    # TraceEntry.left and right: a path; other values by their tags

cdef struct TraceEntry:
    uint32_t position                 # 0: unknown
    uint32_t position_end
    uint16_t builtin                  # number + 1, or 0
    uint8_t argument                  # of a builtin: the one that was evaluated, or of a wrong type, + 1; of code: it evaluates
                                      # what an infinite recursion asked for again
    uint8_t opcode                    # of code: the operation that it stood in, if its operands were looked at
    uint8_t left                      # tags of the operands of that operation
    uint8_t right
    uint8_t flags
    uint8_t part                      # of a builtin: what of its input was being evaluated, or is wrong (Part)
    uint8_t note                      # which line this is (machine/notes.pxd), or 0
    uint32_t selected                 # of code: the place of the attribute found last by the selection that it stood in, or 0;
                                      # of a builtin: of the attribute of its input that `part` means
    uint32_t symbol                   # that attribute's name; of a note: the attribute that it names
    uint32_t code                     # index + 1, or 0; of a builtin: of the function that it was given first
    char* text                        # what the line of a note has in it; of addErrorContext: the line; or NULL

cdef struct Error:
    int code
    uint8_t fault                     # Fault
    uint8_t part                      # Part of the builtin that raised it
    uint8_t exit_code                 # with FAULT_FETCH: what a command ends with
    uint32_t subject                  # a symbol, or 0: the file that is not there; with FAULT_FETCH: the class of diagnostics/kinds.py
    uint32_t symbol                   # with PART_ATTRIBUTE: the attribute's name
    uint32_t selected                 # and its place, or 0
    const char* expected              # with FAULT_WRONG_TYPE: "a set"; text that lives for ever
    uint32_t wanted                   # a symbol that was not found among the candidates: there are some if it is not 0
    uint32_t* candidates              # symbols; malloc'ed
    uint32_t candidate_count
    char* message                     # malloc'ed, UTF-8 as far as the program's strings are
    size_t message_size_bytes
    uint32_t position
    uint32_t position_end
    uint32_t position_entries         # entries of the trace after which the position was found, or 0: it is the error's own
    const uint8_t* tail_pc            # `Machine.tail_pc` and `tail_target` when it was raised
    Code* tail_target
    TraceEntry* trace
    uint32_t trace_count
    uint32_t trace_total              # frames that were there; trace_count of them kept
    uint64_t exception                # number of the exception of Python that it is (callbacks.pyx), or 0

cdef struct File:
    char* path
    uint8_t* source                   # of what is not a file on disk, or did not compile; else NULL
    uint32_t* line_starts             # made when a position is first asked for
    uint32_t line_count
    uint32_t size_bytes
    uint32_t position_base
    bint is_imported                  # value is what importing it gives; a root of the collector
    Word value
    Image* image                      # its compiled code; NULL if it did not compile
    uint32_t code_base                # number of its first code

cdef struct Context:                  # sorted symbols of encoded elements: path, =drv, !output!drv
    uint32_t* elements
    uint32_t count

cdef struct Place:                    # a lookup that was made: where keys have a symbol, or -1
    Word* keys
    uint32_t symbol
    int32_t index

cdef enum:
    KNOWN_TEXTS = 4096

cdef struct KnownText:                # a text of an image, and its symbol
    const uint8_t* data
    uint32_t symbol

cdef struct Tally:                    # objects made, and their words, by kind; of thunks also words by state
    uint64_t[32] objects
    uint64_t[32] words
    uint64_t[8] states

cdef struct Observer:                 # what watches a machine; its state follows in a struct that begins with this one
    int (*run)(Machine* m) noexcept nogil                    # a loop that calls `step` before every operation
    void (*step)(Machine* m, const uint8_t* pc, Word* fp, Word* sp, Frame* fr, Word function) noexcept nogil

cdef struct Machine:
    # heap: objects are made in the nursery, from heap_base up; what survives there moves to the old space.
    # `soft_limit` is where the next safepoint must look up
    Word* hp
    Word* soft_limit
    Word* heap_base
    Word* heap_end                    # of the nursery's address space, far above what it uses
    Word* old_base
    Word* old_top
    Word* old_end
    Word* old_ready                   # pages up to here were prepared
    Word* leaving_base                # while everything moves: the old space that it leaves, for the checks of checks.pxd
    Word* leaving_top
    Word* collect_at                  # in the old space: where to look for garbage there too
    uint64_t memory_limit_words
    uint64_t nursery_words            # so much is made between two collections of the nursery
    uint64_t least_growth_words       # of the old space between two collections of everything
    Word* young_hp                    # while objects are made in the old space (heap_reserve): hp of the nursery, else NULL
    Word* unscanned                   # in the old space: from here up objects may hold words of the nursery
    uint64_t direct_words             # made in the old space since the last collection of everything, but for the last ones
    uint64_t last_direct_words
    uint64_t most_direct_words        # then everything is collected
    Word** remembered                 # old objects that may hold words of the nursery
    uint64_t remembered_count
    uint64_t remembered_capacity
    uint32_t* fresh_codes             # linked since the last collection: their constants may be in the nursery
    uint32_t fresh_code_count
    uint32_t fresh_code_capacity
    uint32_t old_symbol_count         # symbols whose strings are in the old space
    uint32_t old_file_count           # files whose values are in the old space
    bint is_minor                     # the collector is at work on the nursery alone
    # stacks
    Word* sp
    Word* stack_base
    Word* stack_end
    uint64_t stack_bytes
    uint64_t frames_bytes
    Frame* fr
    Frame* frames_base
    Frame* frames_end
    # registers of the running activation, valid outside the loop
    const uint8_t* pc
    Word* fp
    Word function
    Word* constants
    uint32_t depth
    int32_t with_slot
    uint32_t depth_limit
    # protocol
    Word need
    Word result
    volatile int attention            # collect, interrupt, cancel, time out: looked at in safepoints
    # code
    Code** codes
    Code* unlinked                    # starts with the operation Link; its arity fits no call
    uint32_t code_count
    uint32_t code_capacity
    File* files
    uint32_t file_count
    uint32_t file_capacity
    uint32_t next_position
    void* imports                     # cache of imported files (link.pyx)
    # symbols
    Word* symbol_strings              # symbol -> string word
    uint32_t* symbol_table
    uint32_t symbol_count
    uint32_t symbol_capacity
    uint32_t symbol_mask
    KnownText[KNOWN_TEXTS] known_texts
    # contexts
    Context* contexts
    uint32_t context_count
    uint32_t context_capacity
    uint32_t* context_table           # hash table of contexts
    uint32_t context_mask
    uint64_t* union_cache             # memo of (a, b) -> union
    # builtins
    Builtin* builtins
    uint32_t builtin_count
    Word builtins_attrs               # the set `builtins`
    Word internals[INTERNAL_CAPACITY] # function words of the internal builtins, by coercion.pxd's enum
    Word try_eval_word
    Word error_context_word
    # shared words
    Word empty_list
    Word empty_attrs
    Word empty_string
    # errors
    Error error
    const uint8_t* tail_pc            # the tail call made last, and the code it went to
    Code* tail_target
    Error* failures                   # of failed thunks
    uint32_t failure_count
    uint32_t failure_capacity
    uint32_t try_count                # active tryEval frames: traces are not taken then
    bint is_exhausted                 # a table could not grow when it had to (attention.pxd, exhaust): nothing it says counts any more
    bint lacks_text                   # a part of the message that is being made could not be had
    # handles held by Python
    Word* handles
    uint32_t handle_count
    uint32_t handle_capacity
    uint32_t handle_free
    # well-known symbols
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
    # caches
    uint64_t* keys_cache              # (keysA, keysB) -> keys of a // b; renewed by collections
    Place[2048] places                # direct-mapped; of keys that move they are forgotten (attrs_lookup in machine/attrs.pxd)
    # the host: files, search path, environment (host/host.pxd)
    void* host
    # compiled files on disk (cache/pack.pxd), or NULL
    void* cache
    ArenaPool arenas                  # of the parser and the compiler
    ContextPool chunk_contexts        # of the compiler
    uint64_t load_ns                  # reading, parsing and compiling of imported files, or finding them compiled
    # derivations seen (store/derivation_paths.pxd)
    void* derivations
    # options
    int level
    uint32_t features                 # of the parser: 1 pipe operators
    bint stress                       # collect at most safepoints, and overwrite the nursery then
    uint64_t kept_cells               # a bit for each tag of values that stay in the thunks that they stood in (keeps_cell)
    Observer* observer                # NULL, or what watches: its loop runs instead of the machine's
    int trace_verbose
    uint64_t collection_count         # of everything
    uint64_t minor_count
    uint64_t promoted_words
    uint64_t collection_ns
    uint64_t made_words               # in the nursery, before its last collection
    uint64_t update_count             # of `//`
    uint64_t update_known_count       # of them, those that found their keys in the cache
    Tally* tally                      # NULL, or what the nursery held at its collections
    uint64_t random_state
    void* regex_cache                 # compiled patterns (builtins/regex.pxd)
    bint abort_on_warn                # builtins.warn is an error
    # functions of Python (callbacks.pyx): called with the number of one and the list of its arguments on top of the stack
    int (*call_foreign)(Machine* m, Word number) noexcept nogil
    void* foreign
