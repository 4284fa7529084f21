# cython: language_level=3
"""A roomy C stack for recursive descent: see deep_stack.pyx."""

cdef extern from *:
    char* __builtin_frame_address(unsigned int level) noexcept nogil

# Runs function(argument) on this thread's deep stack; called from there, it is an ordinary call.
# False: it ran out of memory and was left in the middle.  What it had allocated is the caller's to free, who therefore keeps the
# pointers to it; what single functions held meanwhile is lost.
cdef bint call_on_deep_stack(void (*function)(void*) noexcept nogil, void* argument) noexcept nogil

# Memory has run out: go back to where the deep stack was entered.  Does not return; off the deep stack it ends the process.
cdef void leave_out_of_memory() noexcept nogil

# The lowest address that frames of the running stack may reach.  Ask once, on the stack the recursion runs on.
cdef const char* stack_limit() noexcept nogil

# As resize_items (foundation/allocate.pxd), but without memory it does not return: the old block stays where its owner has it.
cdef void* resize_or_leave(void* data, size_t count, size_t item_bytes) noexcept nogil

# Recursive functions ask this on entry and report "nesting too deep" when it is true.
cdef inline bint stack_is_low(const char* limit) noexcept nogil:
    return <const char*>__builtin_frame_address(0) < limit
