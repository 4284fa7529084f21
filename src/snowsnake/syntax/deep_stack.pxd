# cython: language_level=3
"""A large C stack for recursive descent: see deep_stack.pyx."""

cdef extern from *:
    char* __builtin_frame_address(unsigned int level) noexcept nogil

# Runs function(argument) on this thread's deep stack; a call from there is an ordinary call.
# Returns False if memory ran out and the function was left in the middle.  The caller must then free what the function had allocated,
# and therefore keeps the pointers to it; what single functions held in their own variables is lost.
cdef bint call_on_deep_stack(void (*function)(void*) noexcept nogil, void* argument) noexcept nogil

# Memory has run out: jumps back to where the deep stack was entered.  It does not return; elsewhere it ends the process.
cdef void leave_out_of_memory() noexcept nogil

# Returns the lowest address that frames of the running stack may reach.  Call it once, on the stack that the recursion runs on.
cdef const char* stack_limit() noexcept nogil

# Like resize_items (foundation/allocate.pxd), but without memory it does not return; the owner of the old block still has it.
cdef void* resize_or_leave(void* data, size_t count, size_t item_bytes) noexcept nogil

# Recursive functions call this on entry, and report "nesting too deep" when it is true.
cdef inline bint stack_is_low(const char* limit) noexcept nogil:
    return <const char*>__builtin_frame_address(0) < limit
