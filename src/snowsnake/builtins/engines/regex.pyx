# cython: language_level=3
"""match and split: which text a pattern matches, with the captures of C++ Nix, in linear time.

In: a pattern, a text (bytes).  Out: the places of the match and of its groups.

A pattern becomes a graph of states (regex_program), a text the sets of states that lead to a match (regex_reverse); the
walk (regex_walk) then needs no search.  Here: compiling, match, the scan for split, and the cache of compiled patterns.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset
from snowsnake.builtins.engines.regex_program cimport (
    OP_GROUP_BEGIN, OP_GROUP_END, OP_MATCH, REGEX_OK, REGEX_TOO_LARGE, RegexState, RegexStatus, regex_program_free,
    regex_program_parse,
)
from snowsnake.builtins.engines.regex_reverse cimport (
    REGEX_MATCH, REGEX_MEMORY, REGEX_NO_MATCH, RegexResult, has_state, reverse_forget, reverse_free, reverse_init,
    reverse_must_stop,
    reverse_memory, reverse_run, reverse_set,
)
from snowsnake.builtins.engines.regex_walk cimport WalkFrame, Memo, clear_slots, walk, walk_exploring, walk_parallel
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_free, bytes_init, bytes_text
from snowsnake.foundation.probing cimport probe

cdef enum:
    NONE = -1
    # Empty iterations of loops are counted exactly for this many steps per text, and for EXACT_STEPS_PER_BYTE more per byte.
    EXACT_STEPS = 200000
    EXACT_STEPS_PER_BYTE = 32
    # The cache holds at most this many patterns.
    CACHE_LIMIT = 1024
    CACHE_LIMIT_BYTES = 64 << 20
    # The memory of all patterns is measured again after this many insertions.
    WEIGHED_EVERY = 64


# -- compiling ---------------------------------------------------------------------------------------------------------

cdef void find_prefix(Regex* regex) noexcept nogil:
    cdef const RegexState* state = &regex.program.states[regex.program.start]
    while regex.prefix_size < sizeof(regex.prefix):
        if state.op == OP_MATCH and state.argument < 256:
            regex.prefix[regex.prefix_size] = <uint8_t>state.argument
            regex.prefix_size += 1
        elif state.op != OP_GROUP_BEGIN and state.op != OP_GROUP_END:
            break
        state = &regex.program.states[state.next]


cdef bint allocate(Regex* regex) noexcept nogil:
    cdef size_t count = regex.program.state_count
    cdef size_t slots = regex.slot_count + 1
    regex.best_slots = <int64_t*>allocate_items(slots, sizeof(int64_t))
    regex.own_slots = <int64_t*>allocate_items(slots, sizeof(int64_t))
    if regex.best_slots == NULL or regex.own_slots == NULL:
        return False
    if not regex.program.has_tracked and not regex.program.has_alternative:
        return True
    regex.memo_generation = <int64_t*>allocate_zeros(count, sizeof(int64_t))
    regex.memo_solution = <uint8_t*>allocate_zeros(count, 1)
    regex.queued_generation = <int64_t*>allocate_zeros(count, sizeof(int64_t))
    regex.entered_generation = <int64_t*>allocate_zeros(count, sizeof(int64_t))
    regex.entered = <uint8_t*>allocate_zeros(count, 1)
    return (regex.memo_generation != NULL and regex.memo_solution != NULL and regex.queued_generation != NULL
            and regex.entered_generation != NULL and regex.entered != NULL)


cdef Regex* regex_compile(const uint8_t* pattern, size_t size_bytes, RegexStatus* status) noexcept nogil:
    """Compiles a pattern.  Returns NULL, with a status other than REGEX_OK, if C++ Nix refuses the pattern or memory is short."""
    cdef Regex* regex = <Regex*>allocate_zeros(1, sizeof(Regex))
    status[0] = REGEX_TOO_LARGE
    if regex == NULL:
        return NULL
    status[0] = regex_program_parse(&regex.program, pattern, size_bytes)
    if status[0] != REGEX_OK:
        free(regex)
        return NULL
    regex.slot_count = 2 * <size_t>regex.program.group_count
    if not reverse_init(&regex.reverse, &regex.program) or not allocate(regex):
        status[0] = REGEX_TOO_LARGE
        regex_free(regex)
        return NULL
    find_prefix(regex)
    return regex


cdef void regex_free(Regex* regex) noexcept nogil:
    cdef int i
    if regex == NULL:
        return
    reverse_free(&regex.reverse)
    regex_program_free(&regex.program)
    free(regex.best_slots)
    free(regex.own_slots)
    free(regex.memo_generation)
    free(regex.memo_solution)
    free(regex.queued_generation)
    free(regex.entered_generation)
    free(regex.entered)
    free(regex.frames)
    free(regex.memos)
    for i in range(2):
        free(regex.lists[i].states)
        free(regex.lists[i].slots)
    free(regex)


cdef size_t regex_group_count(const Regex* regex) noexcept nogil:
    return regex.program.group_count


cdef size_t regex_memory(const Regex* regex) noexcept nogil:
    return (sizeof(Regex) + reverse_memory(&regex.reverse) + 64 * <size_t>regex.program.state_count
            + 32 * <size_t>regex.program.set_count + sizeof(WalkFrame) * regex.frame_capacity
            + sizeof(Memo) * regex.memo_capacity
            + (regex.lists[0].capacity + regex.lists[1].capacity) * (8 * regex.slot_count + 4))


cdef void regex_error_text(RegexStatus status, const uint8_t* pattern, size_t size_bytes, Bytes* out) noexcept nogil:
    """Appends the message of C++ Nix 2.34."""
    if status == REGEX_TOO_LARGE:
        bytes_text(out, "memory limit exceeded by regular expression '")
    else:
        bytes_text(out, "invalid regular expression '")
    bytes_append(out, pattern, size_bytes)
    bytes_text(out, "'")


# -- match -------------------------------------------------------------------------------------------------------------

cdef void begin_text(Regex* regex, size_t size_bytes) noexcept nogil:
    regex.slots = regex.own_slots
    regex.is_out_of_memory = False
    regex.is_coarse = False
    regex.steps_left = EXACT_STEPS + EXACT_STEPS_PER_BYTE * <int64_t>size_bytes
    regex.text_size = size_bytes


cdef void write_captures(Regex* regex, const int64_t* slots, int64_t begin, int64_t end, int64_t* captures) noexcept nogil:
    captures[0] = begin
    captures[1] = end
    memcpy(captures + 2, slots, regex.slot_count * sizeof(int64_t))


cdef RegexResult regex_match_full(Regex* regex, const uint8_t* data, size_t size_bytes, int64_t* captures) noexcept nogil:
    """Whether the pattern matches the whole text, with the captures."""
    cdef RegexResult result
    cdef int64_t end
    cdef bint has_groups = regex.slot_count != 0
    if size_bytes < regex.prefix_size or (regex.prefix_size and memcmp(data, regex.prefix, regex.prefix_size) != 0):
        return REGEX_NO_MATCH
    begin_text(regex, size_bytes)
    result = reverse_run(&regex.reverse, False, data, size_bytes, has_groups)
    if result == REGEX_MATCH:
        end = <int64_t>size_bytes
        if has_groups:
            clear_slots(regex, regex.slots)
            end = walk_exploring(regex, 0) if regex.program.has_tracked else walk(regex, 0)
        if end < 0:
            result = REGEX_MEMORY
        else:
            write_captures(regex, regex.slots, 0, end, captures)
    reverse_forget(&regex.reverse)
    return result


# -- split -------------------------------------------------------------------------------------------------------------

cdef RegexResult regex_scan_begin(Regex* regex, const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Prepares a scan, which finds all matches in a text with `regex_scan_next`.  A Regex does one scan at a time."""
    begin_text(regex, size_bytes)
    regex.match_begin = 0
    regex.match_end = 0
    regex.is_first = True
    if reverse_run(&regex.reverse, True, data, size_bytes, True) == REGEX_MEMORY:
        regex_scan_end(regex)
        return REGEX_MEMORY
    return REGEX_MATCH


cdef void regex_scan_end(Regex* regex) noexcept nogil:
    reverse_forget(&regex.reverse)


cdef RegexResult match_at(Regex* regex, int64_t begin, bint may_be_empty, int64_t* captures) noexcept nogil:
    """Finds the match at a place from which the pattern's start state leads to one."""
    cdef int64_t end
    cdef const int64_t* slots = regex.slots
    if regex.program.has_alternative or (not may_be_empty and regex.queued_generation != NULL):
        end = walk_parallel(regex, begin, may_be_empty)
        slots = regex.best_slots
    else:
        clear_slots(regex, regex.slots)
        end = walk_exploring(regex, begin) if regex.program.has_tracked else walk(regex, begin)
        if end == begin and not may_be_empty:
            end = NONE
    if regex.is_out_of_memory or reverse_must_stop(&regex.reverse, 0):
        return REGEX_MEMORY
    if end == NONE:
        return REGEX_NO_MATCH
    regex.match_begin = begin
    regex.match_end = end
    write_captures(regex, slots, begin, end, captures)
    return REGEX_MATCH


cdef RegexResult regex_scan_next(Regex* regex, int64_t* captures) noexcept nogil:
    """The next match, as std::regex_iterator continues: after an empty match, it first tries a non-empty one at the same place."""
    cdef int64_t place = regex.match_end
    cdef RegexResult result
    if not regex.is_first and regex.match_begin == regex.match_end:
        if place == <int64_t>regex.text_size:
            return REGEX_NO_MATCH
        result = match_at(regex, place, False, captures)
        if result != REGEX_NO_MATCH:
            return result
        place += 1
    regex.is_first = False
    while place <= <int64_t>regex.text_size:
        if reverse_must_stop(&regex.reverse, place):
            return REGEX_MEMORY
        if has_state(reverse_set(&regex.reverse, place), regex.program.start):
            return match_at(regex, place, True, captures)
        place += 1
    return REGEX_NO_MATCH


# -- the cache ---------------------------------------------------------------------------------------------------------

cdef void regex_cache_init(RegexCache* cache) noexcept nogil:
    memset(cache, 0, sizeof(RegexCache))


cdef void regex_cache_free(RegexCache* cache) noexcept nogil:
    cdef size_t i
    for i in range(cache.capacity):
        if cache.entries[i].regex != NULL:
            regex_free(cache.entries[i].regex)
            free(cache.entries[i].pattern)
    free(cache.entries)
    regex_cache_init(cache)


cdef inline bint is_slot_of(uint64_t at, RegexCache* cache, const uint8_t* pattern, size_t size_bytes, uint64_t hash) noexcept nogil:
    cdef RegexEntry* entry = &cache.entries[at]
    return entry.regex == NULL or (
        entry.hash == hash and entry.pattern_size == size_bytes and memcmp(entry.pattern, pattern, size_bytes) == 0
    )


cdef RegexEntry* find_entry(RegexCache* cache, const uint8_t* pattern, size_t size_bytes, uint64_t hash) noexcept nogil:
    return &cache.entries[probe(hash, cache.capacity - 1, is_slot_of, cache, pattern, size_bytes, hash)]


cdef void make_room(RegexCache* cache) noexcept nogil:
    """Prepares an insertion: forgets everything if the cache is full or large, and makes the table on first use.

    Matching makes expressions larger.  Each insertion measures the expression that was inserted before; from time to time, all are measured.
    """
    cdef size_t i
    if cache.last != NULL:
        cache.known_bytes += regex_memory(cache.last)
    if cache.count % WEIGHED_EVERY == 0:
        cache.known_bytes = 0
        for i in range(cache.capacity):
            if cache.entries[i].regex != NULL:
                cache.known_bytes += regex_memory(cache.entries[i].regex)
    if cache.count >= CACHE_LIMIT or cache.known_bytes > CACHE_LIMIT_BYTES:
        regex_cache_free(cache)
    if cache.entries == NULL:
        cache.entries = <RegexEntry*>allocate_zeros(2 * CACHE_LIMIT, sizeof(RegexEntry))
        cache.capacity = 2 * CACHE_LIMIT if cache.entries != NULL else 0


cdef Regex* regex_cache_get(RegexCache* cache, const uint8_t* pattern, size_t size_bytes,
                            RegexStatus* status) noexcept nogil:
    """The compiled pattern.  The cache owns it, and it is valid until the next call.  NULL, with a status, if the pattern is refused."""
    cdef uint64_t hash = 0xCBF29CE484222325
    cdef RegexEntry* entry
    cdef Regex* regex
    cdef uint8_t* copy
    cdef size_t i
    status[0] = REGEX_OK
    for i in range(size_bytes):
        hash = (hash ^ pattern[i]) * <uint64_t>0x100000001B3
    hash ^= hash >> 32
    if cache.entries != NULL:
        entry = find_entry(cache, pattern, size_bytes, hash)
        if entry.regex != NULL:
            return entry.regex
    regex = regex_compile(pattern, size_bytes, status)
    if regex == NULL:
        return NULL
    make_room(cache)
    copy = <uint8_t*>allocate_items(size_bytes + 1, 1)
    if copy == NULL or cache.entries == NULL:
        free(copy)
        regex_free(regex)
        status[0] = REGEX_TOO_LARGE
        return NULL
    memcpy(copy, pattern, size_bytes)
    entry = find_entry(cache, pattern, size_bytes, hash)
    entry.regex = regex
    entry.pattern = copy
    entry.pattern_size = size_bytes
    entry.hash = hash
    cache.count += 1
    cache.last = regex
    return regex


# -- Python's side -----------------------------------------------------------------------------------------------------

class RegexError(ValueError):
    """A pattern that C++ Nix refuses, too, or a match beyond the memory limit (`is_too_large`)."""

    def __init__(self, message, is_too_large=False):
        super().__init__(message)
        self.is_too_large = is_too_large


cdef object error(RegexStatus status, bytes pattern):
    cdef Bytes text
    bytes_init(&text)
    regex_error_text(status, pattern, len(pattern), &text)
    try:
        return RegexError((<bytes>text.data[:text.size]).decode("utf-8", "replace"), status == REGEX_TOO_LARGE)
    finally:
        bytes_free(&text)


cdef class CompiledPattern:
    """A compiled regular expression: `CompiledPattern(b"(a*)b").match(b"aab")` is `[b"aa"]`."""
    cdef Regex* regex
    cdef bytes pattern
    cdef int64_t* captures

    def __cinit__(self, bytes pattern not None):
        cdef RegexStatus status = REGEX_OK
        self.pattern = pattern
        self.regex = regex_compile(pattern, len(pattern), &status)
        if self.regex == NULL:
            raise error(status, pattern)
        self.captures = <int64_t*>allocate_items(self.regex.slot_count + 2, sizeof(int64_t))
        if self.captures == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.captures)
        regex_free(self.regex)

    cdef list groups(self, bytes text):
        cdef size_t i
        return [
            None if self.captures[2 * i + 3] < 0 else text[self.captures[2 * i + 2]:self.captures[2 * i + 3]]
            for i in range(self.regex.program.group_count)
        ]

    def match(self, bytes text not None):
        """The groups if the pattern matches the whole text, as builtins.match; None otherwise."""
        cdef RegexResult result
        cdef const uint8_t* data = text
        cdef size_t size_bytes = len(text)
        with nogil:
            result = regex_match_full(self.regex, data, size_bytes, self.captures)
        if result == REGEX_MEMORY:
            raise error(REGEX_TOO_LARGE, self.pattern)
        return self.groups(text) if result == REGEX_MATCH else None

    def split(self, bytes text not None):
        """The pieces between the matches, and between them the groups of each match, as builtins.split."""
        cdef const uint8_t* data = text
        cdef int64_t end = 0
        cdef RegexResult result
        cdef list pieces = []
        if regex_scan_begin(self.regex, data, len(text)) == REGEX_MEMORY:
            raise error(REGEX_TOO_LARGE, self.pattern)
        while True:
            result = regex_scan_next(self.regex, self.captures)
            if result != REGEX_MATCH:
                break
            pieces.append(text[end:self.captures[0]])
            pieces.append(self.groups(text))
            end = self.captures[1]
        regex_scan_end(self.regex)
        if result == REGEX_MEMORY:
            raise error(REGEX_TOO_LARGE, self.pattern)
        pieces.append(text[end:])
        return pieces


cdef class PatternCache:
    """A cache like that of a machine, for tests."""
    cdef RegexCache cache

    def __cinit__(self):
        regex_cache_init(&self.cache)

    def __dealloc__(self):
        regex_cache_free(&self.cache)

    def __len__(self):
        return self.cache.count

    def matches(self, bytes pattern not None, bytes text not None):
        """Whether `pattern` matches the whole text."""
        cdef RegexStatus status = REGEX_OK
        cdef Regex* regex = regex_cache_get(&self.cache, pattern, len(pattern), &status)
        cdef int64_t* captures
        if regex == NULL:
            raise error(status, pattern)
        captures = <int64_t*>allocate_items(regex.slot_count + 2, sizeof(int64_t))
        if captures == NULL:
            raise MemoryError
        result = regex_match_full(regex, text, len(text), captures)
        free(captures)
        return result == REGEX_MATCH
