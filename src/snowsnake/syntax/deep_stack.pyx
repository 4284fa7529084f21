# cython: language_level=3
"""A large C stack for recursive descent.

In: a C function and its argument.  Out: the function has run on a stack of its own, large enough for very deep
input, and with a limit that recursion can check, so that it ends in an error and never in an overflow.

If memory runs out in the middle of a recursion, the recursion is left as a whole (`leave_out_of_memory`): hundreds of functions need
no way to report it, and the tree that they were building is lost either way.

Each thread keeps one stack, which is reserved at first use; pages cost memory only once they are touched, and they are
released after a call that went deep.  If not even a stack of a megabyte can be reserved, memory has run out.
"""
from snowsnake.foundation.allocate cimport resize_items

cdef extern from *:
    """
    #include <pthread.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    #include <sys/resource.h>
    #include <ucontext.h>
    #ifdef __SANITIZE_ADDRESS__
    #include <sanitizer/asan_interface.h>
    #endif

    void *snowsnake_allocate_zeros(size_t count, size_t item_bytes);
    int snowsnake_may_allocate(void);

    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif

    #define SNOW_STACK_SIZE_BYTES ((size_t)256 << 20)
    #define SNOW_STACK_LEAST_BYTES ((size_t)1 << 20)
    /* So much below the limit is for functions of the C library and for signals. */
    #define SNOW_STACK_RESERVE_BYTES ((size_t)64 << 10)
    /* So much stays resident between calls. */
    #define SNOW_STACK_KEPT_BYTES ((size_t)1 << 20)
    #define SNOW_STACK_PROBE_WORDS 512
    /* This is a multiple of every page size in use. */
    #define SNOW_PAGE_BYTES ((size_t)65536)

    typedef struct {
        /* The stack begins here, at its lowest address, with a guard. */
        char *base;
        size_t size_bytes;
        int is_running;
        int is_abandoned;
        ucontext_t caller;
        ucontext_t callee;
        void (*function)(void *);
        void *argument;
    } snow_stack;

    static __thread snow_stack *snow_thread_stack;
    static pthread_key_t snow_stack_key;
    static pthread_once_t snow_stack_once = PTHREAD_ONCE_INIT;

    static void snow_stack_release(void *given) {
        snow_stack *stack = given;
        munmap(stack->base, stack->size_bytes);
        free(stack);
    }

    static void snow_stack_prepare(void) { pthread_key_create(&snow_stack_key, snow_stack_release); }

    static snow_stack *snow_stack_of_thread(void) {
        snow_stack *stack = snow_thread_stack;
        size_t size_bytes = SNOW_STACK_SIZE_BYTES;
        struct rlimit limit;
        if (stack) return stack;
        /* Under a limit of address space (ulimit -v) the heap needs most of it. */
        while (!getrlimit(RLIMIT_AS, &limit) && size_bytes > SNOW_STACK_LEAST_BYTES && size_bytes > limit.rlim_cur / 32)
            size_bytes /= 2;
        stack = snowsnake_allocate_zeros(1, sizeof *stack);
        for (; stack && size_bytes >= SNOW_STACK_LEAST_BYTES && snowsnake_may_allocate(); size_bytes /= 2) {
            void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (base == MAP_FAILED) continue;
            mprotect(base, SNOW_PAGE_BYTES, PROT_NONE);
            stack->base = base;
            stack->size_bytes = size_bytes;
            pthread_once(&snow_stack_once, snow_stack_prepare);
            pthread_setspecific(snow_stack_key, stack);
            return snow_thread_stack = stack;
        }
        free(stack);
        return NULL;
    }

    static const char *snow_stack_limit(void) {
        snow_stack *stack = snow_thread_stack;
        if (stack && stack->is_running)
            return stack->base + SNOW_PAGE_BYTES + SNOW_STACK_RESERVE_BYTES;
        return (const char *)__builtin_frame_address(0) - SNOW_STACK_RESERVE_BYTES;
    }

    static void snow_stack_entry(void) {
        snow_stack *stack = snow_thread_stack;
        stack->function(stack->argument);
    }

    /* Untouched pages read as zeros, so words that are not zero below the kept part say that the call went deep. */
    static void snow_stack_trim(snow_stack *stack) {
        size_t unkept = stack->size_bytes - SNOW_STACK_KEPT_BYTES;
        const uint64_t *probe = (const uint64_t *)(stack->base + unkept) - SNOW_STACK_PROBE_WORDS;
        uint64_t seen = 0;
        if (stack->size_bytes < 4 * SNOW_STACK_KEPT_BYTES) return;
        for (int i = 0; i < SNOW_STACK_PROBE_WORDS; i++) seen |= probe[i];
        if (seen) madvise(stack->base + SNOW_PAGE_BYTES, unkept - SNOW_PAGE_BYTES, MADV_DONTNEED);
    }

    static int snow_call_on_deep_stack(void (*function)(void *), void *argument) {
        snow_stack *stack = snow_stack_of_thread();
        if (!stack || getcontext(&stack->callee)) return 0;
        if (stack->is_running) {
            function(argument);
            return 1;
        }
        stack->callee.uc_stack.ss_sp = stack->base;
        stack->callee.uc_stack.ss_size = stack->size_bytes;
        stack->callee.uc_link = &stack->caller;
        stack->function = function;
        stack->argument = argument;
        stack->is_running = 1;
        stack->is_abandoned = 0;
        makecontext(&stack->callee, snow_stack_entry, 0);
        swapcontext(&stack->caller, &stack->callee);
        stack->is_running = 0;
        snow_stack_trim(stack);
        return !stack->is_abandoned;
    }

    static void snow_leave_out_of_memory(void) {
        snow_stack *stack = snow_thread_stack;
        if (!stack || !stack->is_running) abort();
        stack->is_abandoned = 1;
    #ifdef __SANITIZE_ADDRESS__
        /* The frames that are left never return, so what surrounds their variables would stay forbidden for the next call. */
        char *frame = __builtin_frame_address(0);
        __asan_unpoison_memory_region(frame, (size_t)(stack->base + stack->size_bytes - frame));
    #endif
        setcontext(&stack->caller);
    }
    """
    void snow_leave_out_of_memory() noexcept nogil
    bint snow_call_on_deep_stack(void (*function)(void*) noexcept nogil, void* argument) noexcept nogil
    const char* snow_stack_limit() noexcept nogil


cdef bint call_on_deep_stack(void (*function)(void*) noexcept nogil, void* argument) noexcept nogil:
    return snow_call_on_deep_stack(function, argument)


cdef void leave_out_of_memory() noexcept nogil:
    snow_leave_out_of_memory()


cdef void* resize_or_leave(void* data, size_t count, size_t item_bytes) noexcept nogil:
    data = resize_items(data, count, item_bytes)
    if data == NULL:
        leave_out_of_memory()
    return data


cdef const char* stack_limit() noexcept nogil:
    return snow_stack_limit()
