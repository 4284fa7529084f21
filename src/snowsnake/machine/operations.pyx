# cython: language_level=3
"""The slow parts of operations.  They never force or call: they return what is needed, and the loop does it.

Over 600 lines: one section for each group of operations; another module would cost each start its initialisation.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from snowsnake.diagnostics.message_table cimport (
    MESSAGE_CONTEXT_NOT_ALLOWED, MESSAGE_DUPLICATE_DYNAMIC_ATTRIBUTE, MESSAGE_DYNAMIC_ATTRIBUTE_TWICE, MESSAGE_MISSING_ARGUMENT,
    MESSAGE_UNDEFINED_VARIABLE, MESSAGE_UNEXPECTED_ARGUMENT,
)
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.foundation.paths cimport path_is_canonical
from snowsnake.foundation.probing cimport probe
from snowsnake.host.environment cimport host_home_path
from snowsnake.host.search cimport host_find_file
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport (
    Attr, attrs_build, attrs_flat, attrs_lookup, attrs_merge, attrs_position, attrs_update, scratch_entries,
)
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.gather cimport Gathered, gather, gathered
from snowsnake.machine.errors cimport add_candidates, format_text, of_part, raise_message, raise_text, worded
from snowsnake.machine.heap cimport (
    heap_alloc, heap_reserve, is_young, make_given_path, new_list, new_list_view, new_string, new_string_view, string_words,
    write_barrier,
)
from snowsnake.machine.internals cimport INTERNAL_COERCE, INTERNAL_COERCE_PATH, internal_word
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.positions cimport earlier_spans, position_place
from snowsnake.machine.room cimport left_bytes
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, ERROR_UNEXPECTED_ARGUMENT, FORCE, RAISE, TAIL, Context, Formals
from snowsnake.machine.shown_names cimport shown_name
from snowsnake.machine.symbols cimport compare_strings, context_union, context_united, symbol_of, symbol_string
from snowsnake.machine.word cimport (
    HEADER_JOINED, KIND_ATTR_NAME, KIND_RAW, TAG_ATTRS, TAG_BOX, TAG_FUNCTION, TAG_LIST, WORD_NULL, WORD_UNSET, attrs_find,
    attrs_is_layered, attrs_keys, attrs_size, attrs_values, float_value, header_code, header_kind, header_of, header_size, int_value,
    is_attrs, is_bool, is_float, is_function, is_int, is_list, is_path, is_string, is_thunk, keys_find, keys_positions, keys_size,
    keys_symbols, kind_of, list_base, list_items, list_size, object_words, path_string, pointer_of, small_int, string_base, string_context,
    string_data, tag_of, tagged, val,
)
from snowsnake.syntax.turns cimport known_count


cdef enum:
    # A list of so many elements or more may get room beside it.
    LEAST_JOINED = 64
    # A text of so many bytes or more may get room behind it.
    LEAST_JOINED_BYTES = 1 << 14
    # This bit of word 1 marks a string that was made with room; the other bits are the number of its bytes that are taken.
    ROOM_BIT = 63
    # A text of so many bytes or more is made where memory costs nothing before it is written (heap_reserve), so that it may get more room.
    LARGE_BYTES = 1 << 19
    # The machine copies so many bytes of a text before it looks whether to stop.
    COPIED_AT_ONCE = 1 << 22
    # The machine unites at most so many contexts one after the other, because it keeps each union.
    MOST_UNITED = 8


cdef int prepare(Machine* m, Builtin* b, Word* arguments) noexcept nogil:
    cdef int i
    cdef char letter
    cdef Word w
    for i in range(b.arity):
        letter = b.forces[i]
        if letter == c'.':
            continue
        w = val(arguments[i])
        if is_thunk(w):
            m.need = w
            return FORCE
        arguments[i] = w
        if letter == c'v':
            continue
        if letter == c'l':
            if not is_list(w):
                return raise_type(m, "a list", w)
        elif letter == c'a':
            if not is_attrs(w):
                return raise_type(m, "a set", w)
            if not attrs_flat(m, w):
                return RAISE
        elif letter == c'A':
            if not is_attrs(w):
                return raise_type(m, "a set", w)
        elif letter == c's':
            if not is_string(w):
                return raise_type(m, "a string", w)
        elif letter == c'S':
            if not is_string(w):
                return raise_type(m, "a string", w)
            if string_context(w):
                return raise_context(m, w)
        elif letter == c'i':
            if not is_int(w):
                return raise_type(m, "an integer", w)
        elif letter == c'n':
            if not is_int(w) and not is_float(w):
                return raise_type(m, "an integer", w)
        elif letter == c'b':
            if not is_bool(w):
                return raise_type(m, "a Boolean", w)
        elif letter == c'f':
            if not is_function(w) and not (is_attrs(w) and attrs_find(w, m.symbol_functor) != NULL):
                return raise_type(m, "a function", w)
        elif is_path(w):
            # The letter is `c` or `p`.
            arguments[i] = path_string(w)
        elif not is_string(w) or letter == c'p':
            if letter == c'p' and is_string(w) and path_is_canonical(string_data(w), string_size(w)):
                continue
            m.result = small_int(i)
            m.need = internal_word(m, INTERNAL_COERCE_PATH if letter == c'p' else INTERNAL_COERCE)
            return COERCE
    return DONE


cdef int raise_context(Machine* m, Word s) noexcept nogil:
    """The message shows the first element of the context: `path`, `path^output` (from !output!path) or `path (deep)` (from =path)."""
    cdef uint32_t context = context_united(m, string_context(s))
    cdef Context* c = &m.contexts[context]
    cdef Word first = symbol_string(m, c.elements[0])
    cdef const char* path = <const char*>string_data(first)
    cdef const char* output = NULL
    cdef int size = <int>string_size(first), output_size = 0
    cdef bint deep = size > 0 and path[0] == c'='
    if deep:
        path += 1
        size -= 1
    elif size and path[0] == c'!':
        output = path + 1
        while output_size + 2 < size and output[output_size] != c'!':
            output_size += 1
        path += output_size + 2
        size -= output_size + 2
    return raise_message(m, worded(
        MESSAGE_CONTEXT_NOT_ALLOWED, <int>string_size(s), <char*>string_data(s), size, path, "^" if output_size else "", output_size,
        output, " (deep)" if deep else ""))


# ---- sets -------------------------------------------------------------------------------------------------------

cdef inline bint _is_written(Word name) noexcept nogil:
    """Whether a name is written in the source; at level 0 it then comes with its place."""
    return (name & 7) == TAG_BOX and kind_of(name) == KIND_ATTR_NAME


cdef int _at_position(Machine* m, uint32_t position, int outcome) noexcept nogil:
    """The place of an error that was raised."""
    m.error.position = position
    m.error.position_end = position
    return outcome


cdef int _pairs_to_entries(Machine* m, Word* pairs, uint64_t count, bint has_written, const uint32_t* positions, Attr* entries,
                           uint64_t* kept, uint64_t* checked) noexcept nogil:
    """Makes entries of (name, value) pairs, those with written names first; a null name drops its pair.

    positions: those of the computed names, or NULL; has_written: whether there may also be names that are written in the source.
    checked: the number of entries that were there when a name was last forced; these have been compared already.
    """
    cdef uint64_t i, computed = 0
    cdef Word name
    kept[0] = checked[0] = 0
    if has_written:
        for i in range(count):
            name = val(pairs[2 * i])
            if _is_written(name):
                entries[kept[0]].position = <uint32_t>(pointer_of(name)[2] >> 3)
                entries[kept[0]].symbol = symbol_of(m, pointer_of(name)[1])
                entries[kept[0]].value = pairs[2 * i + 1]
                kept[0] += 1
    for i in range(count):
        name = val(pairs[2 * i])
        if _is_written(name):
            continue
        computed += 1
        if is_thunk(name):
            m.need = name
            return FORCE
        if is_thunk(pairs[2 * i]):
            checked[0] = kept[0]
        if name == WORD_NULL:
            continue
        entries[kept[0]].position = 0 if positions == NULL else positions[computed - 1]
        if not is_string(name):
            return _at_position(m, entries[kept[0]].position, raise_type(m, "a string", name))
        if string_context(name):
            return _at_position(m, entries[kept[0]].position, raise_context(m, name))
        entries[kept[0]].symbol = symbol_of(m, name)
        entries[kept[0]].value = pairs[2 * i + 1]
        kept[0] += 1
    return DONE


cdef int _raise_duplicate(Machine* m, uint32_t symbol, uint32_t first, uint32_t again) noexcept nogil:
    """The message has the places of both definitions, as far as they are known."""
    cdef char* name = shown_name(m, symbol)
    cdef uint32_t file = 0, line = 0, column = 0
    if position_place(m, first, &file, &line, &column):
        raise_message(m, worded(
            MESSAGE_DUPLICATE_DYNAMIC_ATTRIBUTE, name, m.files[file].path, line, column))
    else:
        raise_message(m, worded(MESSAGE_DYNAMIC_ATTRIBUTE_TWICE, name))
    free(name)
    return _at_position(m, again, RAISE)


cdef bint _has_one_of(Word attrs, Attr* entries, uint64_t count) noexcept nogil:
    cdef uint64_t i
    for i in range(count):
        if attrs_find(attrs, entries[i].symbol) != NULL:
            return True
    return False


cdef bint _are_new(Machine* m, Word attrs, Attr* entries, uint64_t first, uint64_t count) noexcept nogil:
    """Whether none of the entries from `first` on is in the set, or equal to one before it.  If one is, its error is raised."""
    cdef uint64_t i, j
    for j in range(first, count):
        if attrs_find(attrs, entries[j].symbol) != NULL:
            _raise_duplicate(m, entries[j].symbol, attrs_position(attrs, entries[j].symbol), entries[j].position)
            return False
        for i in range(j):
            if entries[i].symbol == entries[j].symbol:
                _raise_duplicate(m, entries[i].symbol, entries[i].position, entries[j].position)
                return False
    return True


cdef int build_attrs_of_pairs(Machine* m, Word* pairs, uint64_t count, Word function, const uint8_t* at) noexcept nogil:
    cdef uint32_t* positions
    cdef uint32_t computed = 0
    cdef uint64_t i
    cdef int outcome
    for i in range(count):
        computed += not _is_written(val(pairs[2 * i]))
    if computed == 0:
        return _add_pairs(m, m.empty_attrs, pairs, count, True, NULL)
    positions = <uint32_t*>allocate_zeros(computed, sizeof(uint32_t))
    if positions == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    earlier_spans(m, m.codes[header_code(pointer_of(function)[0])], at, positions, computed)
    outcome = _add_pairs(m, m.empty_attrs, pairs, count, True, positions)
    free(positions)
    return outcome


cdef int add_dynamic_attrs(Machine* m, Word attrs, Word* pairs, uint64_t count, const uint32_t* positions) noexcept nogil:
    return _add_pairs(m, attrs, pairs, count, False, positions)


cdef int _add_pairs(Machine* m, Word attrs, Word* pairs, uint64_t count, bint has_written, const uint32_t* positions) noexcept nogil:
    cdef Attr[16] few
    cdef Attr* entries = few
    cdef uint64_t kept = 0, checked = 0
    cdef int outcome
    cdef Word added
    if count > 16:
        if not heap_reserve(m, 4 * count + attrs_size(attrs) + 64):
            return RAISE
        entries = scratch_entries(m, count)
        if entries == NULL:
            return RAISE
    outcome = _pairs_to_entries(m, pairs, count, has_written, positions, entries, &kept, &checked)
    if outcome != DONE and not _are_new(m, attrs, entries, checked, kept):
        # The set had an earlier name already, whose error comes first.
        outcome = RAISE
    if outcome == DONE:
        added = attrs_build(m, entries, kept)
        if added == 0:
            outcome = RAISE
        elif attrs_size(added) != kept or _has_one_of(attrs, entries, kept):
            # This puts the entries back in their own order.
            _pairs_to_entries(m, pairs, count, has_written, positions, entries, &kept, &checked)
            _are_new(m, attrs, entries, 0, kept)
            outcome = RAISE
        else:
            m.result = attrs_merge(m, attrs, added)
            if m.result == 0:
                outcome = RAISE
    if entries != few:
        free(entries)
    return outcome


# The names that a set with many dynamic attributes has so far, as an object that holds no word: 1 + the index of a name's pair, or 0.
cdef struct DynamicNames:
    uint32_t* slots
    Word* pairs


cdef inline bint _is_slot_of_name(uint64_t at, const DynamicNames* names, Word name) noexcept nogil:
    return names.slots[at] == 0 or names.pairs[2 * (names.slots[at] - 1)] == name


cdef inline uint64_t _names_size(uint64_t count) noexcept nogil:
    cdef uint64_t size = 16
    while size < 2 * count:
        size *= 2
    return size


cdef int check_dynamic_name(Machine* m, Word* name, uint64_t count, Word* table, Word keys) noexcept nogil:
    cdef Word* pairs = name - 2 * count
    cdef Word w = val(name[0]), attrs = val(pairs[-1])
    cdef uint32_t* positions = keys_positions(pointer_of(keys))
    cdef uint64_t size = _names_size(keys_size(pointer_of(keys))), at
    cdef DynamicNames names
    cdef uint32_t symbol
    cdef Word* p
    if is_thunk(w):
        m.need = w
        return FORCE
    name[0] = w
    if w == WORD_NULL:
        return DONE
    if not is_string(w):
        return _at_position(m, positions[count], raise_type(m, "a string", w))
    if string_context(w):
        return _at_position(m, positions[count], raise_context(m, w))
    symbol = symbol_of(m, w)
    # Equal names are the same word from here on.
    name[0] = symbol_string(m, symbol)
    if attrs_find(attrs, symbol) != NULL:
        return _raise_duplicate(m, symbol, attrs_position(attrs, symbol), positions[count])
    if table[0] == WORD_NULL:
        if not heap_reserve(m, 1 + (size >> 1)):
            return RAISE
        p = heap_alloc(m, 1 + (size >> 1))
        p[0] = header_of(KIND_RAW, size >> 1)
        memset(p + 1, 0, size * sizeof(uint32_t))
        table[0] = tagged(p, TAG_BOX)
    names.slots = <uint32_t*>(pointer_of(table[0]) + 1)
    names.pairs = pairs
    at = probe(symbol * <uint64_t>0x9E3779B97F4A7C15 >> 32, size - 1, _is_slot_of_name, &names, name[0])
    if names.slots[at]:
        return _raise_duplicate(m, symbol, positions[names.slots[at] - 1], positions[count])
    names.slots[at] = <uint32_t>count + 1
    return DONE


cdef int override_attrs(Machine* m, Word environment, Word overrides) noexcept nogil:
    """From now on, the names of a set with `__overrides` mean the overrides."""
    cdef uint32_t* symbols
    cdef Word* values
    cdef Word* found
    cdef uint64_t i
    if not is_attrs(overrides):
        return raise_type(m, "a set", overrides)
    symbols = keys_symbols(attrs_keys(environment))
    values = attrs_values(environment)
    for i in range(attrs_size(environment)):
        found = attrs_find(overrides, symbols[i])
        if found != NULL:
            values[i] = found[0]
    write_barrier(m, environment)
    m.result = attrs_update(m, environment, overrides)
    # The result must be flat, because dynamic attributes may follow.
    return DONE if m.result and attrs_flat(m, m.result) else RAISE


# ---- patterns ---------------------------------------------------------------------------------------------------

cdef char* _function_name(Machine* m, Code* code) noexcept nogil:
    cdef CodeOrigin origin
    if code_origin(m, code, &origin) and origin.name.size_bytes:
        return format_text("function '%.*s'", <int>origin.name.size_bytes, <const char*>origin.name.data)
    return format_text("function 'anonymous lambda'")


cdef void _add_argument_names(Machine* m, Code* code, const uint32_t* faulty, uint64_t count) noexcept nogil:
    """Adds the candidates of an error about arguments: names for suggestions, a 0, and all the names that the message may be about.

    Which of these C++ Nix names depends on the source: traces/pending.pyx looks there.
    """
    cdef Formals* formals = code.formals
    cdef uint64_t known = formals.count if m.error.code == ERROR_UNEXPECTED_ARGUMENT else 0
    cdef uint32_t* names = <uint32_t*>allocate_items(known + 1 + count, sizeof(uint32_t))
    if names == NULL:
        return
    memcpy(names, formals.symbols, known * sizeof(uint32_t))
    names[known] = 0
    memcpy(names + known + 1, faulty, count * sizeof(uint32_t))
    add_candidates(m, faulty[0], names, known + 1 + count)
    free(names)


cdef int _raise_argument(Machine* m, Code* code, int message, const uint32_t* faulty, uint64_t count) noexcept nogil:
    """Raises an error about the first of *count* arguments."""
    cdef char* name = shown_name(m, faulty[0])
    cdef char* function = _function_name(m, code)
    raise_message(m, worded(message, function, name))
    free(name)
    free(function)
    _add_argument_names(m, code, faulty, count)
    return RAISE


cdef int _raise_missing(Machine* m, Code* code, Word attrs) noexcept nogil:
    """Names the arguments that are not there in the order of evaluation (machine/evaluation_order.pxd)."""
    cdef Formals* formals = code.formals
    cdef uint32_t* missing = <uint32_t*>allocate_items(formals.count, sizeof(uint32_t))
    cdef uint64_t i, count = 0
    cdef uint32_t symbol
    if missing == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    for i in range(formals.count):
        symbol = formals.symbols[formals.by_symbol[i]]
        if symbol <= known_count() and _lacks(formals, formals.by_symbol[i], attrs):
            missing[count] = symbol
            count += 1
    for i in range(formals.count):
        if formals.symbols[i] > known_count() and _lacks(formals, i, attrs):
            missing[count] = formals.symbols[i]
            count += 1
    _raise_argument(m, code, MESSAGE_MISSING_ARGUMENT, missing, count)
    free(missing)
    return RAISE


cdef inline bint _lacks(Formals* formals, uint64_t i, Word attrs) noexcept nogil:
    return not formals.has_default[i] and attrs_find(attrs, formals.symbols[i]) == NULL


cdef int _bind_layered(Machine* m, Code* code, Word attrs, Word* slots) noexcept nogil:
    """Looks up each formal in a layered set, so that the set need not be made flat."""
    cdef Formals* formals = code.formals
    cdef uint64_t i
    cdef Word* found
    for i in range(formals.count):
        found = attrs_find(attrs, formals.symbols[i])
        slots[i] = WORD_UNSET if found == NULL else found[0]
    for i in range(formals.count):
        if slots[i] == WORD_UNSET and not formals.has_default[i]:
            return _raise_missing(m, code, attrs)
    return check_closed_formals(m, code, attrs)


cdef int bind_formals(Machine* m, Code* code, Word attrs, Word* slots) noexcept nogil:
    if attrs_is_layered(attrs):
        return _bind_layered(m, code, attrs, slots)
    return _bind_flat(m, code, attrs, slots)


cdef int _bind_flat(Machine* m, Code* code, Word attrs, Word* slots) noexcept nogil:
    cdef Formals* formals = code.formals
    cdef Word* keys = attrs_keys(attrs)
    cdef Word* values = attrs_values(attrs)
    cdef uint32_t* symbols = keys_symbols(keys)
    cdef uint64_t n = keys_size(keys), count = formals.count, i, j = 0, bound = 0
    cdef uint32_t f, symbol
    cdef int64_t found
    # The loop walks a small set beside the formals, and looks each formal up in a large one.
    cdef bint merges = n <= count * 4 + 8
    for i in range(count):
        f = formals.by_symbol[i]
        symbol = formals.symbols[f]
        if merges:
            while j < n and symbols[j] < symbol:
                j += 1
            found = <int64_t>j if j < n and symbols[j] == symbol else -1
        else:
            found = keys_find(keys, symbol)
        if found >= 0:
            slots[f] = values[found]
            bound += 1
        else:
            slots[f] = WORD_UNSET
    if bound == n and bound == count:
        return DONE
    if bound != count:
        for i in range(count):
            if slots[i] == WORD_UNSET and not formals.has_default[i]:
                return _raise_missing(m, code, attrs)
    if bound != n and not formals.has_ellipsis:
        return check_closed_formals(m, code, attrs)
    return DONE


cdef int check_required_formals(Machine* m, Code* code, Word attrs) noexcept nogil:
    """Level 0 checks required arguments before it checks for superfluous ones."""
    cdef Formals* formals = code.formals
    cdef uint64_t i
    for i in range(formals.count):
        if not formals.has_default[i] and attrs_find(attrs, formals.symbols[i]) == NULL:
            return _raise_missing(m, code, attrs)
    return DONE


cdef int check_closed_formals(Machine* m, Code* code, Word attrs) noexcept nogil:
    cdef Formals* formals = code.formals
    cdef Word* keys
    cdef uint32_t* symbols
    cdef uint64_t n, i, j = 0
    if formals.has_ellipsis:
        return DONE
    if not attrs_flat(m, attrs):
        return RAISE
    keys = attrs_keys(attrs)
    symbols = keys_symbols(keys)
    n = keys_size(keys)
    for i in range(n):
        while j < formals.count and formals.symbols[formals.by_symbol[j]] < symbols[i]:
            j += 1
        if j >= formals.count or formals.symbols[formals.by_symbol[j]] != symbols[i]:
            return _raise_unexpected(m, code, symbols, n)
    return DONE


cdef int _raise_unexpected(Machine* m, Code* code, const uint32_t* symbols, uint64_t n) noexcept nogil:
    """Names the arguments that the pattern of the function does not have; both are in the order of symbols."""
    cdef Formals* formals = code.formals
    cdef uint32_t* unexpected = <uint32_t*>allocate_items(n, sizeof(uint32_t))
    cdef uint64_t i, j = 0, count = 0
    if unexpected == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    for i in range(n):
        while j < formals.count and formals.symbols[formals.by_symbol[j]] < symbols[i]:
            j += 1
        if j >= formals.count or formals.symbols[formals.by_symbol[j]] != symbols[i]:
            unexpected[count] = symbols[i]
            count += 1
    _raise_argument(m, code, MESSAGE_UNEXPECTED_ARGUMENT, unexpected, count)
    free(unexpected)
    return RAISE


# ---- lists and strings ------------------------------------------------------------------------------------------

cdef Word _joined_in_place(Machine* m, Word a, uint64_t na, Word b, uint64_t nb) noexcept nogil:
    """a ++ b, if one of them is a view of a list that has room beside the view for the other; otherwise 0.

    Free room is WORD_UNSET.  It is taken next to the view, and only once: if a second list begins with the same view, its room is taken.
    """
    cdef Word base = list_base(b)
    cdef Word* items = list_items(base)
    cdef uint64_t start = <uint64_t>(list_items(b) - items), end
    if base != b and start >= na and items[start - 1] == WORD_UNSET:
        memcpy(items + start - na, list_items(a), na * sizeof(Word))
        write_barrier(m, base)
        return new_list_view(m, base, start - na, na + nb)
    base = list_base(a)
    items = list_items(base)
    start = <uint64_t>(list_items(a) - items)
    end = start + na
    if base != a and end + nb <= list_size(base) and items[end] == WORD_UNSET:
        memcpy(items + end, list_items(b), nb * sizeof(Word))
        write_barrier(m, base)
        return new_list_view(m, base, start, na + nb)
    return 0


cdef uint64_t _room_before(Word list_) noexcept nogil:
    cdef Word* items = list_items(list_base(list_))
    cdef uint64_t start = <uint64_t>(list_items(list_) - items)
    return start if list_base(list_) != list_ and start and items[start - 1] == WORD_UNSET else 0


cdef uint64_t _room_behind(Word list_) noexcept nogil:
    cdef Word* items = list_items(list_base(list_))
    cdef uint64_t end = <uint64_t>(list_items(list_) - items) + list_size(list_)
    return list_size(list_base(list_)) - end if list_base(list_) != list_ and end < list_size(list_base(list_)) and items[end] == WORD_UNSET else 0


cdef int concatenate_lists(Machine* m, Word a, Word b) noexcept nogil:
    """Concatenates two lists.

    A list that `++` lengthens by little again and again gets room for half as many elements on that side, and keeps what it has on the other, so
    that all these operations together cost no more than the final list.
    """
    cdef uint64_t na = list_size(a), nb = list_size(b), before = 0, behind = 0, i
    cdef Word longer = a if na > nb else b
    cdef Word* out
    cdef Word r
    if nb == 0:
        m.result = a
        return DONE
    if na == 0:
        m.result = b
        return DONE
    if na + nb >= LEAST_JOINED:
        m.result = _joined_in_place(m, a, na, b, nb)
        if m.result:
            return DONE
        if pointer_of(list_base(longer))[0] & HEADER_JOINED and min(na, nb) <= max(na, nb) >> 2:
            if longer == b:
                before = (na + nb) >> 1
                behind = min(_room_behind(b), before)
            else:
                behind = (na + nb) >> 1
                before = min(_room_before(a), behind)
    if na + nb + before + behind > 1024 and not heap_reserve(m, na + nb + before + behind + 4):
        return RAISE
    r = new_list(m, na + nb + before + behind)
    if na + nb >= LEAST_JOINED:
        pointer_of(r)[0] |= HEADER_JOINED
    out = list_items(r)
    for i in range(before):
        out[i] = WORD_UNSET
    out += before
    memcpy(out, list_items(a), na * sizeof(Word))
    memcpy(out + na, list_items(b), nb * sizeof(Word))
    for i in range(behind):
        out[na + nb + i] = WORD_UNSET
    m.result = r
    if before or behind:
        m.result = new_list_view(m, r, before, na + nb)
    return DONE


cdef bint _copy_text(Machine* m, uint8_t* out, const uint8_t* text, uint64_t size) noexcept nogil:
    """Copies a text in pieces.  Returns False if there is a request to stop between two pieces: the copy of a hundred megabytes takes noticeably long."""
    while size > COPIED_AT_ONCE:
        if must_stop(m):
            return False
        memcpy(out, text, COPIED_AT_ONCE)
        out += COPIED_AT_ONCE
        text += COPIED_AT_ONCE
        size -= COPIED_AT_ONCE
    memcpy(out, text, size)
    return True


cdef bint _unite_contexts(Machine* m, Word* strings, uint64_t count, uint32_t* context) noexcept nogil:
    """Returns False if memory is short."""
    cdef Gathered contexts
    cdef uint64_t i
    memset(&contexts, 0, sizeof(Gathered))
    for i in range(count):
        gather(&contexts, string_context(strings[i]))
    context[0] = gathered(m, &contexts)
    return not contexts.failed


cdef inline bint _has_room(const Word* p) noexcept nogil:
    """Whether a string was made with room.  Only views lead to such a string, so it has no symbol and no context."""
    return p[0] & HEADER_JOINED and p[1] >> ROOM_BIT


cdef void _leave_room(Word* p, uint64_t words) noexcept nogil:
    """Marks so many words behind a string as room for it, and how much is taken."""
    cdef Word* room = p + object_words(p[0])
    p[1] = <Word>1 << ROOM_BIT | header_size(p[0])
    if words:
        room[0] = header_of(KIND_RAW, words - 1) | HEADER_JOINED


cdef uint64_t _room_words(Machine* m, Word* p) noexcept nogil:
    """The room behind a string that was made with some: an object of its own, to which nothing leads, so that a collection leaves it behind."""
    cdef Word* room = p + object_words(p[0])
    cdef Word* young = m.hp if m.young_hp == NULL else m.young_hp
    cdef Word* old = m.old_top if m.young_hp == NULL else m.hp
    if room >= (young if is_young(m, p) else old) or header_kind(room[0]) != KIND_RAW or not room[0] & HEADER_JOINED:
        return 0
    return object_words(room[0])


cdef int _extend_in_place(Machine* m, Word* parts, uint64_t count, uint64_t total, uint32_t context) noexcept nogil:
    """Joins strings if the first is a view that ends where the room of its string begins, and the others fit there; otherwise m.result becomes 0.

    The room is taken only once: if a second text begins with the same view, that view no longer ends where the room begins.
    """
    cdef Word base = string_base(parts[0])
    cdef Word* p = pointer_of(base)
    cdef uint8_t* out = string_data(parts[0]) + string_size(parts[0])
    cdef uint64_t start = <uint64_t>(string_data(parts[0]) - string_data(base)), i
    cdef uint64_t taken = string_size(base), words
    m.result = 0
    if base == parts[0] or not _has_room(p) or <uint64_t>(out - string_data(base)) != taken:
        return DONE
    words = object_words(p[0]) + _room_words(m, p)
    if string_words(start + total) > words:
        return DONE
    # The string is longer, and the room smaller, before the copying begins, because a request to stop may end it.
    p[0] = (p[0] & 0xFFF) | (start + total) << 12
    if (start + total) >> 3 != taken >> 3:
        p[2 + ((start + total) >> 3)] = 0
    _leave_room(p, words - string_words(start + total))
    for i in range(1, count):
        if not _copy_text(m, out, string_data(parts[i]), string_size(parts[i])):
            return stop(m)
        out += string_size(parts[i])
    m.result = new_string_view(m, base, start, total, context)
    return DONE


cdef uint64_t _text_room(Machine* m, Word first, uint64_t total) noexcept nogil:
    """How much room to give a text of *total* bytes that begins with *first*.

    A text that `+` lengthens by little again and again gets half as much, as lists do.  A large one gets as much again, and may be doubled: nobody
    writes the room before it is taken, and a collection leaves it behind.  But it may be a 16th of what memory is left.
    """
    cdef uint64_t left
    if not pointer_of(string_base(first))[0] & HEADER_JOINED:
        return 0
    if total < LARGE_BYTES:
        return total >> 1 if string_size(first) >= total - (total >> 2) else 0
    left = min(left_bytes(m), <uint64_t>(m.old_end - m.old_top) * sizeof(Word))
    return min(total, left >> 4) if total < left - (left >> 3) else 0


cdef int _join_large(Machine* m, Word* parts, uint64_t count, uint64_t total, uint32_t context) noexcept nogil:
    cdef uint64_t room = 0, i
    cdef bint lengthens = string_size(parts[0]) >= total - (total >> 1)
    cdef Word r
    cdef uint8_t* out
    if lengthens:
        if _extend_in_place(m, parts, count, total, context) != DONE:
            return RAISE
        if m.result:
            return DONE
        room = _text_room(m, parts[0], total)
    if not heap_reserve(m, (total + room) >> 3):
        return RAISE
    r = new_string(m, total, context)
    if lengthens:
        pointer_of(r)[0] |= HEADER_JOINED
    if room:
        heap_alloc(m, room >> 3)
        _leave_room(pointer_of(r), room >> 3)
    out = string_data(r)
    for i in range(count):
        if not _copy_text(m, out, string_data(parts[i]), string_size(parts[i])):
            return stop(m)
        out += string_size(parts[i])
    m.result = r
    if room:
        m.result = new_string_view(m, r, 0, total, context)
    return DONE


cdef int concatenate_strings(Machine* m, Word* parts, uint64_t count) noexcept nogil:
    cdef uint64_t i, size, total = 0
    cdef uint32_t context = 0
    cdef Word w, r
    cdef uint8_t* out
    for i in range(count):
        w = val(parts[i])
        if not is_string(w):
            if is_thunk(w):
                m.need = w
                return FORCE
            return TAIL
        parts[i] = w
        total += string_size(w)
        if string_context(w) and count <= MOST_UNITED:
            context = context_union(m, context, string_context(w))
    if count > MOST_UNITED and not _unite_contexts(m, parts, count, &context):
        return raise_text(m, ERROR_MEMORY, NULL)
    if count == 1:
        m.result = parts[0]
        return DONE
    if total >= LEAST_JOINED_BYTES:
        return _join_large(m, parts, count, total, context)
    r = new_string(m, total, context)
    out = string_data(r)
    for i in range(count):
        size = string_size(parts[i])
        memcpy(out, string_data(parts[i]), size)
        out += size
    m.result = r
    return DONE


# ---- names and paths --------------------------------------------------------------------------------------------

cdef int resolve_with(Machine* m, Word scope, uint32_t symbol) noexcept nogil:
    cdef Word s
    cdef char* name
    cdef Word* found
    cdef Word* cell
    cdef int depth = 0
    while scope != WORD_NULL:
        depth += 1
        cell = pointer_of(scope)
        s = val(cell[2])
        if is_thunk(s):
            m.need = s
            return FORCE
        if not is_attrs(s):
            return of_part(m, min(depth, 255), raise_type(m, "a set", s))
        found = attrs_lookup(m, s, symbol)
        if found != NULL:
            m.result = found[0]
            return DONE
        scope = cell[1]
    name = shown_name(m, symbol)
    raise_message(m, worded(MESSAGE_UNDEFINED_VARIABLE, name))
    free(name)
    return RAISE


cdef int equal_now(Machine* m, Word a, Word b) noexcept nogil:
    cdef int ta = tag_of(a), tb = tag_of(b)
    if ta == TAG_FUNCTION or tb == TAG_FUNCTION:
        return 0
    # The comparison forces the elements of lists and sets even if both operands are the same.
    if a == b and ta != TAG_LIST and ta != TAG_ATTRS:
        if ta == TAG_BOX and is_float(a):
            return 1 if float_value(a) == float_value(a) else 0
        return 1
    if ta == TAG_STRING and tb == TAG_STRING:
        return 1 if string_size(a) == string_size(b) and compare_strings(a, b) == 0 else 0
    if is_int(a):
        if is_int(b):
            return 1 if int_value(a) == int_value(b) else 0
        if is_float(b):
            return 1 if <double>int_value(a) == float_value(b) else 0
        return 0
    if is_float(a):
        if is_float(b):
            return 1 if float_value(a) == float_value(b) else 0
        if is_int(b):
            return 1 if float_value(a) == <double>int_value(b) else 0
        return 0
    if ta != tb:
        return 0
    if ta == TAG_LIST:
        if list_size(a) != list_size(b):
            return 0
        return 1 if list_size(a) == 0 else -1
    if ta == TAG_ATTRS:
        return -1
    if ta == TAG_BOX and is_path(a) and is_path(b):
        return 1 if compare_strings(path_string(a), path_string(b)) == 0 else 0
    return 0


cdef int _path_result(Machine* m, int outcome, Bytes* buffer) noexcept nogil:
    if outcome == DONE:
        m.result = make_given_path(m, buffer.data, buffer.size)
    free(buffer.data)
    return outcome


cdef int interpret_search_path(Machine* m, Word constant) noexcept nogil:
    cdef Word s = pointer_of(constant)[1]
    cdef Bytes buffer
    memset(&buffer, 0, sizeof(buffer))
    return _path_result(m, host_find_file(m, string_data(s), string_size(s), &buffer), &buffer)


cdef int interpret_home_path(Machine* m, Word constant) noexcept nogil:
    cdef Word s = pointer_of(constant)[1]
    cdef Bytes buffer
    memset(&buffer, 0, sizeof(buffer))
    return _path_result(m, host_home_path(m, string_data(s), string_size(s), &buffer), &buffer)
