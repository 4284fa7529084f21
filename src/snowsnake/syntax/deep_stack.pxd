# cython: language_level=3
"""A roomy C stack for recursive descent: see deep_stack.pyx."""

cdef extern from *:
    char* __builtin_frame_address(unsigned int level) noexcept nogil

# Runs function(argument) on this thread's deep stack; called from there, it is an ordinary call.
# False: it ran out of memory and was left in the middle; what it had allocated is lost.
cdef bint call_on_deep_stack(void (*function)(void*) noexcept nogil, void* argument) noexcept nogil

# Memory has run out: go back to where the deep stack was entered.  Does not return; off the deep stack it ends the process.
cdef void leave_out_of_memory() noexcept nogil

# The lowest address that frames of the running stack may reach.  Ask once, on the stack the recursion runs on.
cdef const char* stack_limit() noexcept nogil

# Recursive functions ask this on entry and report "nesting too deep" when it is true.
cdef inline bint stack_is_low(const char* limit) noexcept nogil:
    return <const char*>__builtin_frame_address(0) < limit
