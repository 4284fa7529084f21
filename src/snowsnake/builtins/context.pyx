# cython: language_level=3
"""Builtins on string contexts: showing, changing and dropping the store paths that a string refers to.

In: strings.  Out: strings with other contexts, sets that show a context.  An element is the symbol of its encoded form (store_context.pxd):
`path` (the path itself), `=drv` (a derivation and all its outputs), `!output!drv` (an output of a derivation).
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memset

from snowsnake.builtins.protocol cimport done, force, tail
from snowsnake.builtins.registry cimport builtin_table_count, define
from snowsnake.builtins.store_context cimport (
    ELEMENT_DERIVATION, ELEMENT_DYNAMIC, ELEMENT_OUTPUT, ELEMENT_PATH, Element, context_element, known_derivation,
)
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_CONTEXT_NOT_ONE_ELEMENT, MESSAGE_CONTEXT_OF_NO_DERIVATION, MESSAGE_OUTPUT_HAS_NO_DEPENDENCIES, MESSAGE_PATH_IS_NO_DERIVATION,
)
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_free, bytes_init, bytes_text, make_view
from snowsnake.host.state cimport host_store_dir
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport Attr, attrs_build, attrs_position, scratch_entries
from snowsnake.machine.descriptions cimport of_attribute, raise_type
from snowsnake.machine.errors cimport of_part, raise_bytes, raise_message, raise_text, worded
from snowsnake.machine.evaluation_order cimport attrs_turns
from snowsnake.machine.heap cimport heap_reserve, make_apply, make_string, new_list, push, string_words
from snowsnake.machine.internals cimport INTERNAL_COERCE_STORE, internal_word
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, ERROR_VALUE, PART_ATTRIBUTE_ELEMENT, RAISE, Machine
from snowsnake.machine.symbols cimport context_make, context_union, context_united, symbol_intern, symbol_of, symbol_string
from snowsnake.machine.word cimport (
    WORD_TRUE, Word, attrs_find, attrs_keys, attrs_size, attrs_values, bool_word, int_value, is_attrs, is_bool, is_list,
    is_string, is_thunk, keys_symbols, list_items, list_size, small_int, string_context, string_data, string_size, val,
)
from snowsnake.output.nix_text cimport print_name
from snowsnake.store.store_path cimport store_is_path

# The numbers of three builtins in the table.
cdef unsigned int DISCARD_CONTEXT
cdef unsigned int DISCARD_OUTPUTS
cdef unsigned int ADD_OUTPUTS


cdef inline int out_of_memory(Machine* m) noexcept nogil:
    return raise_text(m, ERROR_MEMORY, NULL)


cdef inline int coerced_first(Machine* m, unsigned int builtin, Word value) noexcept nogil:
    """Continues as `builtin value`, with the value coerced as in interpolation."""
    return tail(m, make_apply(m, m.builtins[builtin].word,
                               make_apply(m, internal_word(m, INTERNAL_COERCE_STORE), value)))


cdef int _with_context(Machine* m, Word s, uint32_t context) noexcept nogil:
    """Returns DONE; the result is the string with another context."""
    if string_context(s) == context:
        return done(m, s)
    if not heap_reserve(m, string_words(string_size(s))):
        return RAISE
    return done(m, make_string(m, string_data(s), string_size(s), context))


# ---- encoded elements -------------------------------------------------------------------------------------------

cdef struct InternedElement:
    # The path is a symbol.
    uint32_t path
    # The output is a symbol, too; only ELEMENT_OUTPUT and ELEMENT_DYNAMIC have one.
    uint32_t output
    # The place of the element in the context: sorting by it keeps the order of the outputs.
    uint32_t place
    int kind


cdef void _decode(Machine* m, uint32_t symbol, InternedElement* element) noexcept nogil:
    cdef Element parts = context_element(m, symbol)
    element.kind = parts.kind
    element.output = symbol_intern(m, parts.output.data, parts.output.size) if parts.output.data != NULL else 0
    element.path = symbol_intern(m, parts.path.data, parts.path.size)


cdef uint32_t _encode(Machine* m, const char* prefix, uint64_t prefix_size, Word output, Word path) noexcept nogil:
    """The symbol of the text: prefix, output and `!` (unless output is 0), path; 0xFFFFFFFF if memory is short."""
    cdef Bytes text
    cdef uint32_t symbol = <uint32_t>-1
    cdef bint fits
    bytes_init(&text)
    fits = bytes_append(&text, prefix, prefix_size)
    if output:
        fits = fits and bytes_append(&text, string_data(output), string_size(output)) and bytes_byte(&text, b'!')
    fits = fits and bytes_append(&text, string_data(path), string_size(path))
    if fits and heap_reserve(m, string_words(text.size)):
        symbol = symbol_intern(m, text.data, text.size)
    bytes_free(&text)
    return symbol


cdef bint is_derivation_path(Word s) noexcept nogil:
    return string_size(s) >= 4 and memcmp(string_data(s) + string_size(s) - 4, <const char*>".drv", 4) == 0


# ---- asking -----------------------------------------------------------------------------------------------------

cdef int has_context(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(string_context(fp[0]) != 0))


cdef int _compare_elements(const void* a, const void* b) noexcept nogil:
    cdef const InternedElement* x = <const InternedElement*>a
    cdef const InternedElement* y = <const InternedElement*>b
    if x.path != y.path:
        return -1 if x.path < y.path else 1
    return -1 if x.place < y.place else 1


cdef Word _describe_path(Machine* m, InternedElement* elements, uint64_t count) noexcept nogil:
    """The set { allOutputs, outputs, path } of the elements that name one path."""
    cdef Attr[3] entries
    cdef uint64_t i, n = 0, outputs = 0
    cdef Word list
    cdef bint is_path = False, is_deep = False
    for i in range(count):
        if elements[i].kind == ELEMENT_PATH:
            is_path = True
        elif elements[i].kind == ELEMENT_DERIVATION:
            is_deep = True
        else:
            outputs += 1
    if not heap_reserve(m, outputs + 64):
        return 0
    if is_path:
        entries[n].symbol = symbol_intern(m, <const char*>"path", 4)
        entries[n].value = WORD_TRUE
        n += 1
    if is_deep:
        entries[n].symbol = symbol_intern(m, <const char*>"allOutputs", 10)
        entries[n].value = WORD_TRUE
        n += 1
    if outputs:
        entries[n].symbol = symbol_intern(m, <const char*>"outputs", 7)
        list = new_list(m, outputs)
        outputs = 0
        for i in range(count):
            if elements[i].kind == ELEMENT_OUTPUT:
                list_items(list)[outputs] = symbol_string(m, elements[i].output)
                outputs += 1
        entries[n].value = list
        n += 1
    for i in range(n):
        entries[i].position = 0
    return attrs_build(m, entries, n)


cdef int _find_derivation(Machine* m, uint32_t symbol, InternedElement* element) noexcept nogil:
    """Turns an output of a derivation that is itself an output into an output of the derivation that was built."""
    cdef Bytes path
    cdef int outcome
    bytes_init(&path)
    outcome = known_derivation(m, context_element(m, symbol), &path)
    if outcome == DONE:
        element.kind = ELEMENT_OUTPUT
        element.path = symbol_intern(m, path.data, path.size)
    bytes_free(&path)
    return outcome


cdef int get_context(Machine* m, Word* fp) noexcept nogil:
    cdef uint32_t number = string_context(fp[0]), n, i
    cdef uint64_t start = 0, end, paths = 0
    cdef InternedElement* elements
    cdef Attr* entries
    cdef Word result = 0
    if number == 0:
        return done(m, m.empty_attrs)
    number = context_united(m, number)
    n = m.contexts[number].count
    elements = <InternedElement*>allocate_items(n, sizeof(InternedElement))
    entries = scratch_entries(m, n)
    if elements == NULL or entries == NULL:
        free(elements)
        free(entries)
        return out_of_memory(m)
    for i in range(n):
        if must_stop(m) or not heap_reserve(m, 4096):
            free(elements)
            free(entries)
            return stop(m) if must_stop(m) else RAISE
        _decode(m, m.contexts[number].elements[i], &elements[i])
        elements[i].place = i
        if elements[i].kind == ELEMENT_DYNAMIC and _find_derivation(m, m.contexts[number].elements[i], &elements[i]) != DONE:
            free(elements)
            free(entries)
            return RAISE
    qsort(elements, n, sizeof(InternedElement), _compare_elements)
    while start < n:
        end = start + 1
        while end < n and elements[end].path == elements[start].path:
            end += 1
        entries[paths].symbol = elements[start].path
        entries[paths].position = 0
        result = 0 if must_stop(m) else _describe_path(m, elements + start, end - start)
        entries[paths].value = result
        if result == 0:
            break
        paths += 1
        start = end
    if result:
        result = attrs_build(m, entries, paths)
    free(elements)
    free(entries)
    if must_stop(m):
        return stop(m)
    return done(m, result) if result else RAISE


# ---- dropping ---------------------------------------------------------------------------------------------------

cdef int unsafe_discard_string_context(Machine* m, Word* fp) noexcept nogil:
    if not is_string(fp[0]):
        return coerced_first(m, DISCARD_CONTEXT, fp[0])
    return _with_context(m, fp[0], 0)


cdef int unsafe_discard_output_dependency(Machine* m, Word* fp) noexcept nogil:
    """Replaces `=drv` with `drv`."""
    cdef uint32_t number, n, i, context
    cdef uint32_t* elements
    cdef InternedElement element
    if not is_string(fp[0]):
        return coerced_first(m, DISCARD_OUTPUTS, fp[0])
    number = string_context(fp[0])
    if number == 0:
        return done(m, fp[0])
    number = context_united(m, number)
    n = m.contexts[number].count
    elements = <uint32_t*>allocate_items(n, sizeof(uint32_t))
    if elements == NULL:
        return out_of_memory(m)
    for i in range(n):
        elements[i] = m.contexts[number].elements[i]
        if not heap_reserve(m, 4096):
            free(elements)
            return RAISE
        _decode(m, elements[i], &element)
        if element.kind == ELEMENT_DERIVATION:
            elements[i] = element.path
    context = context_make(m, elements, n)
    free(elements)
    return _with_context(m, fp[0], context)


# ---- adding -----------------------------------------------------------------------------------------------------

cdef int add_drv_output_dependencies(Machine* m, Word* fp) noexcept nogil:
    cdef Word s = fp[0], path, output
    cdef uint32_t number, symbol
    cdef InternedElement element
    if not is_string(s):
        return coerced_first(m, ADD_OUTPUTS, s)
    number = context_united(m, string_context(s))
    if number == 0 or m.contexts[number].count != 1:
        return raise_message(m, worded(
            MESSAGE_CONTEXT_NOT_ONE_ELEMENT, <int>string_size(s), <char*>string_data(s), 0 if number == 0 else m.contexts[number].count))
    _decode(m, m.contexts[number].elements[0], &element)
    if element.kind == ELEMENT_DERIVATION:
        return done(m, s)
    if element.kind == ELEMENT_OUTPUT or element.kind == ELEMENT_DYNAMIC:
        output = symbol_string(m, element.output)
        return raise_message(m, worded(MESSAGE_OUTPUT_HAS_NO_DEPENDENCIES, <int>string_size(output), <char*>string_data(output)))
    path = symbol_string(m, element.path)
    if not is_derivation_path(path):
        return raise_message(m, worded(MESSAGE_PATH_IS_NO_DERIVATION, <int>string_size(path), <char*>string_data(path)))
    symbol = _encode(m, "=", 1, 0, path)
    if symbol == <uint32_t>-1:
        return out_of_memory(m)
    return _with_context(m, s, context_make(m, &symbol, 1))


# The attributes that describe one path; those that are absent are NULL.
cdef struct Adding:
    Word* path
    Word* all_outputs
    Word* outputs


cdef inline void _look_up(Machine* m, Word description, Adding* adding) noexcept nogil:
    adding.path = attrs_find(description, symbol_intern(m, <const char*>"path", 4))
    adding.all_outputs = attrs_find(description, symbol_intern(m, <const char*>"allOutputs", 10))
    adding.outputs = attrs_find(description, symbol_intern(m, <const char*>"outputs", 7))


cdef int _check_flag(Machine* m, Word description, Word* place, uint32_t symbol) noexcept nogil:
    cdef Word w
    if place == NULL:
        return DONE
    w = val(place[0])
    if is_thunk(w):
        return force(m, w)
    return DONE if is_bool(w) else of_attribute(m, description, symbol, raise_type(m, "a Boolean", w))


cdef int _raise_not_derivation(Machine* m, const char* what, Word attrs, Word name) noexcept nogil:
    raise_message(m, worded(MESSAGE_CONTEXT_OF_NO_DERIVATION, what, <int>string_size(name), <char*>string_data(name)))
    m.error.position = attrs_position(attrs, symbol_of(m, name))
    return RAISE


cdef int _check_outputs(Machine* m, Word* fp, Word attrs, Word description, Word* place, Word name) noexcept nogil:
    """State: fp[3] is the index of the current output."""
    cdef Word list, w
    cdef uint64_t i
    cdef uint32_t symbol
    if place == NULL:
        return DONE
    symbol = symbol_intern(m, <const char*>"outputs", 7)
    list = val(place[0])
    if not is_list(list):
        return force(m, list) if is_thunk(list) else of_attribute(m, description, symbol, raise_type(m, "a list", list))
    if list_size(list) and not is_derivation_path(name):
        return _raise_not_derivation(m, "derivation output", attrs, name)
    i = <uint64_t>int_value(fp[3])
    while i < list_size(list):
        w = val(list_items(list)[i])
        if not is_string(w):
            fp[3] = small_int(<int64_t>i)
            return force(m, w) if is_thunk(w) else _of_output(m, description, symbol, raise_type(m, "a string", w))
        if string_context(w):
            return _of_output(m, description, symbol, raise_context(m, w))
        i += 1
    fp[3] = 0
    return DONE


cdef int _of_output(Machine* m, Word description, uint32_t symbol, int outcome) noexcept nogil:
    of_attribute(m, description, symbol, outcome)
    return of_part(m, PART_ATTRIBUTE_ELEMENT, outcome)


cdef int _raise_not_store_path(Machine* m, Word name) noexcept nogil:
    """The message shows the name as in a set: in quotes if it is not an identifier."""
    cdef Bytes message
    memset(&message, 0, sizeof(message))
    if (bytes_text(&message, "context key '") and print_name(&message, string_data(name), string_size(name))
            and bytes_text(&message, "' is not a store path")):
        raise_bytes(m, ERROR_VALUE, message.data, message.size)
    else:
        out_of_memory(m)
    bytes_free(&message)
    return RAISE


cdef int _check_path(Machine* m, Word* fp, Word attrs, Word name, Word description) noexcept nogil:
    """Forces and checks everything that describes one path, in Nix's order."""
    cdef Adding adding
    cdef int outcome
    if not store_is_path(host_store_dir(m), make_view(string_data(name), string_size(name))):
        _raise_not_store_path(m, name)
        m.error.position = attrs_position(attrs, symbol_of(m, name))
        return RAISE
    description = val(description)
    if not is_attrs(description):
        return force(m, description) if is_thunk(description) else of_attribute(m, attrs, symbol_of(m, name), raise_type(m, "a set", description))
    _look_up(m, description, &adding)
    outcome = _check_flag(m, description, adding.path, symbol_intern(m, <const char*>"path", 4))
    if outcome == DONE:
        outcome = _check_flag(m, description, adding.all_outputs, symbol_intern(m, <const char*>"allOutputs", 10))
    if outcome != DONE:
        return outcome
    if adding.all_outputs != NULL and val(adding.all_outputs[0]) == WORD_TRUE and not is_derivation_path(name):
        return _raise_not_derivation(m, "all-outputs", attrs, name)
    return _check_outputs(m, fp, attrs, description, adding.outputs, name)


cdef uint64_t _count_elements(Machine* m, Word attrs) noexcept nogil:
    cdef uint64_t i, n = 0
    cdef Adding adding
    for i in range(attrs_size(attrs)):
        _look_up(m, val(attrs_values(attrs)[i]), &adding)
        n += 2 + (0 if adding.outputs == NULL else list_size(val(adding.outputs[0])))
    return n


cdef int append_context(Machine* m, Word* fp) noexcept nogil:
    """Forces and checks everything first, then encodes it.  State: the index of the path, and that of its output."""
    cdef Word attrs = fp[1], name, list
    cdef uint64_t n = attrs_size(attrs), i, j, count = 0
    cdef uint32_t* order
    cdef uint32_t* elements
    cdef uint32_t symbol
    cdef Adding adding
    cdef int outcome
    if n == 0:
        return done(m, fp[0])
    order = attrs_turns(m, attrs)
    if order == NULL:
        return RAISE
    if m.sp == fp + 2:
        push(m, 0)
        push(m, 0)
    i = <uint64_t>int_value(fp[2])
    while i < n:
        name = symbol_string(m, keys_symbols(attrs_keys(attrs))[order[i]])
        outcome = _check_path(m, fp, attrs, name, attrs_values(attrs)[order[i]])
        if outcome != DONE:
            fp[2] = small_int(<int64_t>i)
            return outcome
        i += 1
    elements = <uint32_t*>allocate_items(_count_elements(m, attrs), sizeof(uint32_t))
    if elements == NULL:
        return out_of_memory(m)
    for i in range(n):
        name = symbol_string(m, keys_symbols(attrs_keys(attrs))[i])
        _look_up(m, val(attrs_values(attrs)[i]), &adding)
        if adding.path != NULL and val(adding.path[0]) == WORD_TRUE:
            elements[count] = keys_symbols(attrs_keys(attrs))[i]
            count += 1
        if adding.all_outputs != NULL and val(adding.all_outputs[0]) == WORD_TRUE:
            elements[count] = _encode(m, "=", 1, 0, name)
            count += 1
        if adding.outputs != NULL:
            list = val(adding.outputs[0])
            for j in range(list_size(list)):
                elements[count] = _encode(m, "!", 1, val(list_items(list)[j]), name)
                count += 1
    for i in range(count):
        if elements[i] == <uint32_t>-1:
            free(elements)
            return out_of_memory(m)
    symbol = context_make(m, elements, <uint32_t>count) if count else 0
    free(elements)
    # A program may add to a large context again and again: the union waits (machine/symbols.pyx).
    return _with_context(m, fp[0], context_union(m, string_context(fp[0]), symbol))


define("hasContext", has_context)
define("getContext", get_context)
DISCARD_CONTEXT = builtin_table_count()
define("unsafeDiscardStringContext", unsafe_discard_string_context)
DISCARD_OUTPUTS = builtin_table_count()
define("unsafeDiscardOutputDependency", unsafe_discard_output_dependency)
ADD_OUTPUTS = builtin_table_count()
define("addDrvOutputDependencies", add_drv_output_dependencies)
define("appendContext", append_context)
