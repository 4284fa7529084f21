# cython: language_level=3
"""Builtins on attribute sets.

In: arguments as the table's letters prepare them.  Out: sets, lists, values.  Names are compared as symbols; a
result with the names of an argument shares its keys.  Places (unsafeGetAttrPos) follow C++ Nix: `removeAttrs`,
`intersectAttrs` and `listToAttrs` keep them, `mapAttrs`, `zipAttrsWith` and `groupBy` do not.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport strcmp

from snowsnake.builtins.groups cimport Group, Groups, groups_at, groups_free, groups_init
from snowsnake.builtins.protocol cimport close_list, done, force, open_list, tail
from snowsnake.builtins.registry cimport define
from snowsnake.diagnostics.message_table cimport MESSAGE_FUNCTION_ARGS_OF_NO_FUNCTION
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport (
    Attr, attrs_build, attrs_flat, attrs_order, attrs_position, attrs_with_keys, keys_build, keys_share, scratch_entries,
)
from snowsnake.machine.descriptions cimport of_attribute, raise_missing_attribute, raise_type
from snowsnake.machine.errors cimport of_part, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_alloc, heap_reserve, make_apply2, new_list, push
from snowsnake.machine.link cimport code_of
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.positions cimport position_attrs
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, PART_ELEMENT, RAISE, Code, Formals, Machine
from snowsnake.machine.symbols cimport symbol_intern, symbol_of, symbol_string
from snowsnake.machine.word cimport (
    KIND_BUILTIN, KIND_CLOSURE, KIND_KEYS, WORD_TRUE, WORD_UNSET, Word, attrs_find, attrs_is_layered, attrs_keys,
    attrs_size, attrs_values, bool_word, header_of, header_size, int_value, is_attrs, is_function, is_string, is_thunk,
    keys_find, keys_positions, keys_size, keys_symbols, kind_of, list_items, list_size, pointer_of, small_int,
    string_context, val,
)

cdef enum:
    # This many attributes may be allocated without a reservation.
    UNRESERVED = 1000
    # This many attributes need no scratch memory from malloc.
    SMALL = 64


# ---- names and values -------------------------------------------------------------------------------------------

cdef int attr_names(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = attrs_size(fp[0]), i
    cdef uint32_t* order = attrs_order(m, fp[0])
    cdef uint32_t* symbols = keys_symbols(attrs_keys(fp[0]))
    cdef Word result
    if order == NULL or (n > UNRESERVED and not heap_reserve(m, n + 1)):
        return RAISE
    result = new_list(m, n)
    for i in range(n):
        list_items(result)[i] = symbol_string(m, symbols[order[i]])
    return done(m, result)


cdef int attr_values(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = attrs_size(fp[0]), i
    cdef uint32_t* order = attrs_order(m, fp[0])
    cdef Word* values = attrs_values(fp[0])
    cdef Word result
    if order == NULL or (n > UNRESERVED and not heap_reserve(m, n + 1)):
        return RAISE
    result = new_list(m, n)
    for i in range(n):
        list_items(result)[i] = values[order[i]]
    return done(m, result)


cdef int has_attr(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(attrs_find(fp[1], symbol_of(m, fp[0])) != NULL))


cdef int get_attr(Machine* m, Word* fp) noexcept nogil:
    cdef uint32_t symbol = symbol_of(m, fp[0])
    cdef Word* place = attrs_find(fp[1], symbol)
    if place == NULL:
        return raise_missing_attribute(m, symbol)
    return tail(m, place[0])


# ---- sets of the same names -------------------------------------------------------------------------------------

cdef Word* _keys_without_places(Machine* m, Word* keys) noexcept nogil:
    """Keys with the same names and without places; the same object if it has no places.  Room for a copy must have been reserved."""
    cdef uint64_t n = keys_size(keys), i
    cdef uint32_t* positions = keys_positions(keys)
    cdef Word* copy
    for i in range(n):
        if positions[i]:
            copy = pointer_of(keys_build(m, keys_symbols(keys), NULL, n))
            # The order of the names is the same.
            copy[1] = keys[1]
            return keys_share(m, copy)
    return keys


cdef int map_attrs(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = attrs_size(fp[1]), i
    cdef Word* values = attrs_values(fp[1])
    cdef Word f = fp[0], result
    cdef Word* keys
    cdef Word* out
    if n == 0:
        return done(m, fp[1])
    if n > UNRESERVED // 2 and not heap_reserve(m, 6 * n + 4):
        return RAISE
    keys = _keys_without_places(m, attrs_keys(fp[1]))
    result = attrs_with_keys(m, keys, NULL)
    if not result:
        return RAISE
    out = attrs_values(result)
    for i in range(n):
        out[i] = make_apply2(m, f, symbol_string(m, keys_symbols(keys)[i]), values[i])
    return done(m, result)


# ---- fewer attributes -------------------------------------------------------------------------------------------

cdef int _select(Machine* m, Word attrs, uint32_t* places, uint64_t count) noexcept nogil:
    """The attributes of a set at ascending places.  Room must have been reserved."""
    cdef Word* keys = attrs_keys(attrs)
    cdef Word* values = attrs_values(attrs)
    cdef Word* selected
    cdef Word result
    cdef uint64_t i
    if count == 0:
        return done(m, m.empty_attrs)
    if count == keys_size(keys):
        return done(m, attrs)
    selected = heap_alloc(m, 2 + count)
    selected[0] = header_of(KIND_KEYS, count)
    selected[1] = 0
    for i in range(count):
        keys_symbols(selected)[i] = keys_symbols(keys)[places[i]]
        keys_positions(selected)[i] = keys_positions(keys)[places[i]]
    result = attrs_with_keys(m, keys_share(m, selected), NULL)
    if not result:
        return RAISE
    for i in range(count):
        attrs_values(result)[i] = values[places[i]]
    return done(m, result)


cdef int _copied(Machine* m, Word attrs) noexcept nogil:
    """A new set with the same attributes, because «repeated» is printed for the same set, but not for an equal one."""
    cdef Word result = attrs_with_keys(m, attrs_keys(attrs), attrs_values(attrs))
    return done(m, result) if result else RAISE


cdef inline uint32_t* _places(Machine* m, uint32_t* small, uint64_t count) noexcept nogil:
    """Scratch memory for *count* places, which must be freed unless it is *small*; NULL, with an error set, if memory is short."""
    cdef uint32_t* places = small
    if count > SMALL:
        places = <uint32_t*>allocate_items(count, sizeof(uint32_t))
        if places == NULL:
            raise_text(m, ERROR_MEMORY, NULL)
    return places


cdef int _without(Machine* m, Word attrs, Word* names, uint64_t count) noexcept nogil:
    """The set without the attributes of these names (evaluated strings)."""
    cdef uint64_t n = attrs_size(attrs), i, kept = 0
    cdef uint32_t[SMALL] small
    cdef uint32_t* places
    cdef int64_t place
    cdef bint any_removed = False
    cdef int outcome
    if n > UNRESERVED and not heap_reserve(m, 2 * n + 4):
        return RAISE
    places = _places(m, small, n)
    if places == NULL:
        return RAISE
    for i in range(n):
        places[i] = 0
    for i in range(count):
        if must_stop(m):
            if places != small:
                free(places)
            return stop(m)
        place = keys_find(attrs_keys(attrs), symbol_of(m, val(names[i])))
        if place >= 0:
            # A 1 marks an attribute that is removed.
            places[place] = 1
            any_removed = True
    if any_removed:
        for i in range(n):
            if not places[i]:
                places[kept] = <uint32_t>i
                kept += 1
        outcome = _select(m, attrs, places, kept)
    else:
        outcome = _copied(m, attrs)
    if places != small:
        free(places)
    return outcome


cdef int remove_attrs(Machine* m, Word* fp) noexcept nogil:
    """State: the number of names that are evaluated."""
    cdef uint64_t n = list_size(fp[1]), i
    cdef Word w
    if m.sp == fp + 2:
        push(m, 0)
    i = <uint64_t>int_value(fp[2])
    while i < n:
        w = val(list_items(fp[1])[i])
        if is_thunk(w):
            fp[2] = small_int(<int64_t>i)
            return force(m, w)
        if not is_string(w):
            return of_part(m, PART_ELEMENT + 2, raise_type(m, "a string", w))
        if string_context(w):
            return of_part(m, PART_ELEMENT + 2, raise_context(m, w))
        i += 1
    if n == 0:
        return _copied(m, fp[0])
    return _without(m, fp[0], list_items(fp[1]), n)


cdef int _intersect_layered(Machine* m, Word* keys, Word attrs) noexcept nogil:
    """The attributes of a layered set whose names are among the keys.  There are fewer keys than attributes, so the set need not be made flat."""
    cdef uint64_t n = keys_size(keys), i, count = 0
    cdef uint32_t* symbols = keys_symbols(keys)
    cdef Word* selected
    cdef Word* found
    cdef Word result
    if n > UNRESERVED and not heap_reserve(m, 2 * n + 4):
        return RAISE
    for i in range(n):
        if attrs_find(attrs, symbols[i]) != NULL:
            count += 1
    if count == 0:
        return done(m, m.empty_attrs)
    selected = heap_alloc(m, 2 + count)
    selected[0] = header_of(KIND_KEYS, count)
    selected[1] = 0
    count = 0
    for i in range(n):
        if attrs_find(attrs, symbols[i]) != NULL:
            keys_symbols(selected)[count] = symbols[i]
            keys_positions(selected)[count] = attrs_position(attrs, symbols[i])
            count += 1
    selected = keys_share(m, selected)
    result = attrs_with_keys(m, selected, NULL)
    if not result:
        return RAISE
    for i in range(count):
        found = attrs_find(attrs, keys_symbols(selected)[i])
        attrs_values(result)[i] = found[0]
    return done(m, result)


cdef int intersect_attrs(Machine* m, Word* fp) noexcept nogil:
    if attrs_is_layered(fp[1]):
        if attrs_size(fp[0]) < attrs_size(fp[1]):
            return _intersect_layered(m, attrs_keys(fp[0]), fp[1])
        if not attrs_flat(m, fp[1]):
            return RAISE
    return _intersect_flat(m, fp)


cdef int _intersect_flat(Machine* m, Word* fp) noexcept nogil:
    """Goes through the smaller set, and looks its names up in the larger one."""
    cdef Word* left = attrs_keys(fp[0])
    cdef Word* right = attrs_keys(fp[1])
    cdef uint64_t n = keys_size(left), k = keys_size(right), i, kept = 0
    cdef uint64_t smaller = n if n < k else k
    cdef uint32_t[SMALL] small
    cdef uint32_t* places
    cdef int64_t place
    cdef int outcome
    if left == right:
        return _copied(m, fp[1])
    if smaller > UNRESERVED and not heap_reserve(m, 2 * smaller + 4):
        return RAISE
    places = _places(m, small, smaller)
    if places == NULL:
        return RAISE
    for i in range(smaller):
        if must_stop(m):
            if places != small:
                free(places)
            return stop(m)
        if n < k:
            place = keys_find(right, keys_symbols(left)[i])
        else:
            place = <int64_t>i if keys_find(left, keys_symbols(right)[i]) >= 0 else -1
        if place >= 0:
            places[kept] = <uint32_t>place
            kept += 1
    outcome = _select(m, fp[1], places, kept)
    if places != small:
        free(places)
    return outcome


# ---- from lists -------------------------------------------------------------------------------------------------

cdef int _named(Machine* m, Word element, Word* name) noexcept nogil:
    """Finds the name in a { name, value } pair; returns DONE, FORCE or RAISE."""
    cdef Word* place
    if is_thunk(element):
        return force(m, element)
    if not is_attrs(element):
        return of_part(m, PART_ELEMENT + 1, raise_type(m, "a set", element))
    place = attrs_find(element, m.symbol_name)
    if place == NULL:
        return raise_missing_attribute(m, m.symbol_name)
    name[0] = val(place[0])
    if is_thunk(name[0]):
        return force(m, name[0])
    if not is_string(name[0]):
        return of_attribute(m, element, m.symbol_name, raise_type(m, "a string", name[0]))
    return of_attribute(m, element, m.symbol_name, raise_context(m, name[0])) if string_context(name[0]) else DONE


cdef int _pairs_to_attrs(Machine* m, Word* items, uint64_t n) noexcept nogil:
    """Makes a set of evaluated pairs.  Only the first pair of a name needs a value."""
    cdef Attr[SMALL] small
    cdef Attr* entries = &small[0] if n <= SMALL else scratch_entries(m, n)
    cdef Word result, pair
    cdef Word* place
    cdef uint64_t i
    if entries == NULL:
        return RAISE
    for i in range(n):
        pair = val(items[i])
        if must_stop(m):
            if entries != small:
                free(entries)
            return stop(m)
        entries[i].symbol = symbol_of(m, val(attrs_find(pair, m.symbol_name)[0]))
        place = attrs_find(pair, m.symbol_value)
        entries[i].position = attrs_position(pair, m.symbol_value)
        entries[i].value = WORD_UNSET if place == NULL else place[0]
    result = attrs_build(m, entries, n)
    if entries != small:
        free(entries)
    if not result:
        return RAISE
    for i in range(attrs_size(result)):
        if attrs_values(result)[i] == WORD_UNSET:
            return raise_missing_attribute(m, m.symbol_value)
    return done(m, result)


cdef int list_to_attrs(Machine* m, Word* fp) noexcept nogil:
    """State: the number of pairs whose name is evaluated."""
    cdef uint64_t n = list_size(fp[0]), i
    cdef Word name = 0
    cdef int outcome
    if m.sp == fp + 1:
        push(m, 0)
    i = <uint64_t>int_value(fp[1])
    while i < n:
        outcome = _named(m, val(list_items(fp[0])[i]), &name)
        if outcome != DONE:
            fp[1] = small_int(<int64_t>i)
            return outcome
        i += 1
    return _pairs_to_attrs(m, list_items(fp[0]), n)


cdef inline int _force_sets(Machine* m, Word list, Word* state) noexcept nogil:
    """Forces the elements of a list, which must be sets, in order.  State: the number of forced elements."""
    cdef uint64_t n = list_size(list), i = <uint64_t>int_value(state[0])
    cdef Word w
    while i < n:
        if must_stop(m):
            return stop(m)
        w = val(list_items(list)[i])
        if is_thunk(w):
            state[0] = small_int(<int64_t>i)
            return force(m, w)
        if not is_attrs(w):
            return of_part(m, PART_ELEMENT + 2, raise_type(m, "a set", w))
        i += 1
    state[0] = small_int(<int64_t>n)
    return DONE


cdef int cat_attrs(Machine* m, Word* fp) noexcept nogil:
    """State: the number of sets that are evaluated."""
    cdef uint64_t n = list_size(fp[1]), i
    cdef uint32_t symbol
    cdef Word* items = list_items(fp[1])
    cdef Word* place
    cdef Word* out
    cdef int outcome
    if m.sp == fp + 2:
        push(m, 0)
    outcome = _force_sets(m, fp[1], &fp[2])
    if outcome != DONE:
        return outcome
    if n > UNRESERVED and not heap_reserve(m, n + 1):
        return RAISE
    symbol = symbol_of(m, fp[0])
    out = open_list(m)
    for i in range(n):
        if must_stop(m):
            return stop(m)
        place = attrs_find(val(items[i]), symbol)
        if place != NULL:
            out[0] = place[0]
            out += 1
    return done(m, close_list(m, out))


# The attributes of several sets are grouped by name; consecutive sets often have the same keys.
cdef struct Names:
    Groups groups
    # The keys of the last set, or NULL.
    Word* keys
    # The groups of its attributes, if the set is small.
    uint32_t[SMALL] indices


cdef inline bint _look_up(Names* names, Word* keys) noexcept nogil:
    """Fills names.indices for a set of at most SMALL attributes; False if memory is short."""
    cdef uint64_t i
    cdef Group* group
    if keys == names.keys:
        return True
    for i in range(keys_size(keys)):
        group = groups_at(&names.groups, keys_symbols(keys)[i])
        if group == NULL:
            return False
        names.indices[i] = <uint32_t>(group - names.groups.items)
    names.keys = keys
    return True


cdef bint _count_names(Names* names, Word* items, uint64_t n, uint64_t* total) noexcept nogil:
    """Groups the attributes of evaluated sets by name; False if memory is short."""
    cdef uint64_t i, j, size
    cdef Word* keys
    cdef Group* group
    groups_init(&names.groups)
    names.keys = NULL
    for i in range(n):
        keys = attrs_keys(val(items[i]))
        size = keys_size(keys)
        total[0] += size
        if size <= SMALL:
            if not _look_up(names, keys):
                return False
            for j in range(size):
                names.groups.items[names.indices[j]].size += 1
            continue
        for j in range(size):
            group = groups_at(&names.groups, keys_symbols(keys)[j])
            if group == NULL:
                return False
            group.size += 1
    return True


cdef void _distribute(Names* names, Word set) noexcept nogil:
    """Appends the values of a set to the lists of their names."""
    cdef Word* keys = attrs_keys(set)
    cdef uint64_t i
    cdef Group* group
    cdef bint is_small = keys_size(keys) <= SMALL and _look_up(names, keys)
    for i in range(keys_size(keys)):
        group = &names.groups.items[names.indices[i]] if is_small else groups_at(&names.groups, keys_symbols(keys)[i])
        group.next[0] = attrs_values(set)[i]
        group.next += 1


cdef int _zip(Machine* m, Word f, Word* items, uint64_t n) noexcept nogil:
    """The value { name = f name [ values… ]; } of evaluated sets."""
    cdef uint64_t total = 0, i
    cdef Names names
    cdef Group* group
    cdef Attr[SMALL] small
    cdef Attr* entries = NULL
    cdef Word result = 0, list
    if not _count_names(&names, items, n, &total):
        raise_text(m, ERROR_MEMORY, NULL)
    elif total <= UNRESERVED // 4 or heap_reserve(m, 8 * total + 16):
        entries = &small[0] if names.groups.count <= SMALL else scratch_entries(m, names.groups.count)
    if entries != NULL:
        for i in range(names.groups.count):
            group = &names.groups.items[i]
            list = new_list(m, group.size)
            group.next = list_items(list)
            entries[i].symbol = group.symbol
            entries[i].position = 0
            entries[i].value = make_apply2(m, f, symbol_string(m, group.symbol), list)
        for i in range(n):
            _distribute(&names, val(items[i]))
        result = attrs_build(m, entries, names.groups.count)
    if entries != small:
        free(entries)
    groups_free(&names.groups)
    return done(m, result) if result else RAISE


cdef int zip_attrs_with(Machine* m, Word* fp) noexcept nogil:
    """State: the number of sets that are evaluated."""
    cdef int outcome
    cdef uint64_t i
    if m.sp == fp + 2:
        push(m, 0)
    outcome = _force_sets(m, fp[1], &fp[2])
    if outcome != DONE:
        return outcome
    for i in range(list_size(fp[1])):
        if not attrs_flat(m, val(list_items(fp[1])[i])):
            return RAISE
    return _zip(m, fp[0], list_items(fp[1]), list_size(fp[1]))


# ---- functions and places ---------------------------------------------------------------------------------------

cdef int function_args(Machine* m, Word* fp) noexcept nogil:
    """Returns the formals of a closure.  Code that was never entered is linked first (`code_of`)."""
    cdef Code* code
    cdef Formals* formals
    cdef Attr[SMALL] small
    cdef Attr* entries
    cdef Word result
    cdef uint64_t i, k
    if not is_function(fp[0]):
        return raise_message(m, worded(MESSAGE_FUNCTION_ARGS_OF_NO_FUNCTION))
    if kind_of(fp[0]) == KIND_BUILTIN and strcmp(m.builtins[header_size(pointer_of(fp[0])[0])].name, "derivation") == 0:
        # `derivation` of C++ Nix is a function with a pattern.
        small[0].symbol = symbol_intern(m, "outputs", 7)
        small[0].position = 0
        small[0].value = WORD_TRUE
        return done(m, attrs_build(m, small, 1))
    if kind_of(fp[0]) != KIND_CLOSURE:
        return done(m, m.empty_attrs)
    code = code_of(m, fp[0])
    if not code.is_linked:
        return RAISE
    formals = code.formals
    if formals == NULL:
        return done(m, m.empty_attrs)
    entries = &small[0] if formals.count <= SMALL else scratch_entries(m, formals.count)
    if entries == NULL:
        return RAISE
    for i in range(formals.count):
        k = formals.by_symbol[i]
        entries[i].symbol = formals.symbols[k]
        entries[i].position = code.position_base + formals.start_bytes[k]
        entries[i].value = bool_word(formals.has_default[k])
    result = attrs_build(m, entries, formals.count)
    if entries != small:
        free(entries)
    return done(m, result) if result else RAISE


cdef int unsafe_get_attr_pos(Machine* m, Word* fp) noexcept nogil:
    """Returns null if the attribute is missing, or was not written in a file."""
    cdef Word result = position_attrs(m, attrs_position(fp[1], symbol_of(m, fp[0])))
    return done(m, result) if result else RAISE


define("attrNames", attr_names)
define("attrValues", attr_values)
define("hasAttr", has_attr)
define("getAttr", get_attr)
define("mapAttrs", map_attrs)
define("removeAttrs", remove_attrs)
define("intersectAttrs", intersect_attrs)
define("listToAttrs", list_to_attrs)
define("catAttrs", cat_attrs)
define("zipAttrsWith", zip_attrs_with)
define("functionArgs", function_args)
define("unsafeGetAttrPos", unsafe_get_attr_pos)
