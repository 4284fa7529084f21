# cython: language_level=3
"""The last part of derivationStrict: makes a derivation, and its store paths, of what was collected.

In: the words that derivations.pyx left on the stack.  Out: the derivation in the host's store, and the set of its paths.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memset

from snowsnake.builtins.derivation_slots cimport (
    FLAG_CONTENT_ADDRESSED, FLAG_IMPURE, FLAG_STRUCTURED, SLOT_BUILDER, SLOT_FLAGS, SLOT_HASH, SLOT_NAME, SLOT_OUTPUTS,
    SLOT_PAIRS, SLOT_SYSTEM,
)
from snowsnake.builtins.engines.json cimport json_append_string
from snowsnake.builtins.hashes cimport parse_stated_hash
from snowsnake.builtins.store_context cimport ELEMENT_DERIVATION, ELEMENT_DYNAMIC, ELEMENT_PATH, Element, context_element, string_view
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_ADDRESSED_AND_IMPURE, MESSAGE_DERIVATION_NAMED_DRV, MESSAGE_DUPLICATE_OUTPUT, MESSAGE_FIXED_OUTPUTS, MESSAGE_NO_BUILDER,
    MESSAGE_NO_OUTPUTS, MESSAGE_NO_SYSTEM, MESSAGE_OUTPUT_NAMED_DRV_PATH, MESSAGE_TOO_MANY_OUTPUTS,
)
from snowsnake.foundation.allocate cimport allocate_zeros, resize_items
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_clear, bytes_free, bytes_init, bytes_reserve, make_view, view_is,
)
from snowsnake.host.logical_store cimport host_derivations
from snowsnake.host.policy cimport host_require_feature
from snowsnake.host.state cimport FEATURE_CA_DERIVATIONS, STORE_OBJECT_DERIVATION, Host, StoreObject, host_of
from snowsnake.host.store_hooks cimport host_write_object, raise_store_error
from snowsnake.machine.attrs cimport Attr, attrs_build, scratch_entries
from snowsnake.machine.errors cimport raise_bytes, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_reserve, make_string, string_words
from snowsnake.machine.state cimport Context, DONE, ERROR_MEMORY, ERROR_VALUE, Machine, RAISE
from snowsnake.machine.symbols cimport context_single, context_united, symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_NULL, is_list, list_items, list_size, string_context, string_data, string_size, val,
)
from snowsnake.store.aterm cimport (
    InputDrv, OUTPUT_FIXED, OUTPUT_FLOATING, OUTPUT_IMPURE, OUTPUT_INPUT_ADDRESSED, Variable,
)
from snowsnake.store.derivation_paths cimport DerivationInput, DerivationResult, derivation_finish
from snowsnake.store.dynamic_inputs cimport merge_chains
from snowsnake.store.hash_functions cimport HASH_SHA256
from snowsnake.store.known_derivations cimport KnownDerivations
from snowsnake.store.store_path cimport INGEST_FLAT, INGEST_RECURSIVE, INGEST_TEXT


# ---- outputs ----------------------------------------------------------------------------------------------------

cdef inline bint _is_blank(uint8_t c) noexcept nogil:
    return c == c' ' or c == c'\t' or c == c'\n' or c == c'\r'


cdef size_t _output_names(Word outputs, View* names, size_t capacity) noexcept nogil:
    """Returns the number of names, and writes the first *capacity* of them."""
    cdef size_t count = 0, at = 0, start, size
    cdef uint8_t* text
    if outputs == WORD_NULL:
        if capacity:
            names[0] = make_view(<const uint8_t*>b"out", 3)
        return 1
    if is_list(outputs):
        for at in range(list_size(outputs)):
            if at < capacity:
                names[at] = string_view(val(list_items(outputs)[at]))
        return list_size(outputs)
    text = string_data(outputs)
    size = string_size(outputs)
    while True:
        while at < size and _is_blank(text[at]):
            at += 1
        if at == size:
            return count
        start = at
        while at < size and not _is_blank(text[at]):
            at += 1
        if count < capacity:
            names[count] = make_view(text + start, at - start)
        count += 1


cdef int check_outputs(Machine* m, Word outputs) noexcept nogil:
    cdef View[16] few
    cdef View* names = few
    cdef size_t n = _output_names(outputs, few, 16), i, j
    cdef int outcome = DONE
    if n == 0:
        return raise_message(m, worded(MESSAGE_NO_OUTPUTS))
    if n > 16:
        names = <View*>allocate_zeros(n, sizeof(View))
        if names == NULL:
            return raise_text(m, ERROR_MEMORY, NULL)
        _output_names(outputs, names, n)
    for i in range(n):
        if outcome == DONE and n > 4096:
            outcome = raise_message(m, worded(MESSAGE_TOO_MANY_OUTPUTS, n))
            break
        for j in range(i):
            if outcome == DONE and names[i].size == names[j].size and memcmp(names[i].data, names[j].data, names[i].size) == 0:
                outcome = raise_message(m, worded(MESSAGE_DUPLICATE_OUTPUT, <int>names[i].size, <char*>names[i].data))
        if outcome == DONE and view_is(names[i], "drvPath"):
            outcome = raise_message(m, worded(MESSAGE_OUTPUT_NAMED_DRV_PATH))
    if names != few:
        free(names)
    return outcome


# ---- the derivation ---------------------------------------------------------------------------------------------

# These are the sizes of the arrays of a DerivationInput, which are in the host's scratch memory.
cdef struct Room:
    size_t args
    size_t env
    size_t outputs
    size_t elements


cdef bint _make_room(Machine* m, Room* room, DerivationInput* input) noexcept nogil:
    cdef Bytes* scratch = &host_of(m).scratch
    cdef uint8_t* at
    cdef size_t size = (room.args + room.outputs + room.elements) * sizeof(View) + room.env * sizeof(Variable) \
        + room.elements * sizeof(InputDrv)
    bytes_clear(scratch)
    if not bytes_reserve(scratch, size + 64):
        raise_text(m, ERROR_MEMORY, NULL)
        return False
    at = scratch.data
    input.args = <View*>at
    at += room.args * sizeof(View)
    input.outputs = <View*>at
    at += room.outputs * sizeof(View)
    input.input_srcs = <View*>at
    at += room.elements * sizeof(View)
    input.env = <Variable*>at
    at += room.env * sizeof(Variable)
    input.input_drvs = <InputDrv*>at
    return True


cdef bint _next_generation(Machine* m) noexcept nogil:
    """Forgets which symbols were marked, and makes room for marks of all symbols."""
    cdef Host* h = host_of(m)
    cdef uint32_t* marks
    # Half as much again: with as much each time, an evaluation that goes on making symbols would copy all marks over and over.
    cdef uint32_t count = m.symbol_count + (m.symbol_count >> 1) + 1024
    if h.mark_count < m.symbol_count:
        marks = <uint32_t*>resize_items(h.marks, <size_t>count, sizeof(uint32_t))
        if marks == NULL:
            raise_text(m, ERROR_MEMORY, NULL)
            return False
        memset(marks + h.mark_count, 0, (count - h.mark_count) * sizeof(uint32_t))
        h.marks = marks
        h.mark_count = count
    h.generation += 1
    return True


cdef void _add_context(Machine* m, uint32_t context, DerivationInput* input) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef uint32_t number = context_united(m, context)
    cdef Context* c = &m.contexts[number]
    cdef Element e
    cdef InputDrv* drv
    cdef uint32_t i
    for i in range(c.count):
        if h.marks[c.elements[i]] == h.generation:
            continue
        h.marks[c.elements[i]] = h.generation
        e = context_element(m, c.elements[i])
        if e.kind == ELEMENT_PATH:
            input.input_srcs[input.input_src_count] = e.path
            input.input_src_count += 1
            continue
        drv = &input.input_drvs[input.input_drv_count]
        drv.path = e.path
        drv.output = make_view(NULL, 0) if e.kind == ELEMENT_DYNAMIC else e.output
        drv.all_outputs = e.kind == ELEMENT_DERIVATION
        drv.children = e.chain if e.kind == ELEMENT_DYNAMIC else make_view(NULL, 0)
        input.input_drv_count += 1


cdef int finish_derivation(Machine* m, Word* fp) noexcept nogil:
    cdef DerivationInput input
    cdef Bytes json, children
    cdef int outcome
    memset(&input, 0, sizeof(input))
    memset(&json, 0, sizeof(json))
    bytes_init(&children)
    outcome = _fill(m, fp, &input, &json)
    if outcome == DONE and not merge_chains(input.input_drvs, &input.input_drv_count, &children):
        outcome = raise_text(m, ERROR_MEMORY, NULL)
    input.is_dynamic = children.size > 0
    if outcome == DONE:
        outcome = _check(m, fp, &input)
    if outcome == DONE:
        outcome = _conclude(m, &input)
    free(json.data)
    bytes_free(&children)
    return outcome


cdef int _fill(Machine* m, Word* fp, DerivationInput* input, Bytes* json) noexcept nogil:
    cdef Word* pair = fp + SLOT_PAIRS
    cdef Room room
    cdef uint32_t context, last = 0
    cdef bint is_structured = (<int64_t>fp[SLOT_FLAGS] >> 3) & FLAG_STRUCTURED
    memset(&room, 0, sizeof(room))
    room.outputs = _output_names(fp[SLOT_OUTPUTS], NULL, 0)
    room.env = 1
    while pair < m.sp:
        if pair[0] == WORD_NULL:
            room.args += 1
        else:
            room.env += 1
        context = string_context(pair[1])
        if context and context != last:
            last = context
            context = context_united(m, context)
            room.elements += m.contexts[context].count
        pair += 2
    # Each element is a symbol and is added once, so there are at most as many as symbols.
    room.elements = min(room.elements, <size_t>m.symbol_count)
    if not _make_room(m, &room, input) or not _next_generation(m):
        return RAISE
    input.output_count = _output_names(fp[SLOT_OUTPUTS], input.outputs, room.outputs)
    pair = fp + SLOT_PAIRS
    last = 0
    while pair < m.sp:
        if pair[0] == WORD_NULL:
            input.args[input.arg_count] = string_view(pair[1])
            input.arg_count += 1
        elif is_structured:
            if _add_json(m, json, symbol_string(m, <uint32_t>(pair[0] >> 3)), pair[1]) != DONE:
                return RAISE
        else:
            input.env[input.env_count].name = string_view(symbol_string(m, <uint32_t>(pair[0] >> 3)))
            input.env[input.env_count].value = string_view(pair[1])
            input.env_count += 1
        context = string_context(pair[1])
        if context and context != last:
            _add_context(m, context, input)
            last = context
        pair += 2
    if is_structured:
        if json.size == 0:
            bytes_byte(json, c'{')
        bytes_byte(json, c'}')
        if json.failed:
            return raise_text(m, ERROR_MEMORY, NULL)
        input.env[0].name = make_view(<const uint8_t*>b"__json", 6)
        input.env[0].value = make_view(json.data, json.size)
        input.env_count = 1
    input.name = string_view(fp[SLOT_NAME])
    input.builder = string_view(m.empty_string if fp[SLOT_BUILDER] == WORD_NULL else fp[SLOT_BUILDER])
    input.platform = string_view(m.empty_string if fp[SLOT_SYSTEM] == WORD_NULL else fp[SLOT_SYSTEM])
    return DONE


cdef int _add_json(Machine* m, Bytes* json, Word name, Word value) noexcept nogil:
    cdef Bytes fault
    cdef int outcome = DONE
    memset(&fault, 0, sizeof(fault))
    bytes_byte(json, c',' if json.size else c'{')
    if not json_append_string(json, string_data(name), string_size(name), &fault):
        outcome = raise_text(m, ERROR_MEMORY, NULL) if fault.failed else raise_bytes(m, ERROR_VALUE, fault.data, fault.size)
    bytes_byte(json, c':')
    bytes_append(json, string_data(value), string_size(value))
    free(fault.data)
    return outcome


cdef int _check(Machine* m, Word* fp, DerivationInput* input) noexcept nogil:
    """Checks that nothing is missing, and finds out which kind of outputs the derivation has."""
    cdef int64_t flags = <int64_t>fp[SLOT_FLAGS] >> 3
    cdef int hash_kind = <int>(flags >> 8) & 0xFF
    cdef bint is_single = input.output_count == 1 and view_is(input.outputs[0], "out")
    input.method = <int>(flags >> 16)
    if input.builder.size == 0:
        return raise_message(m, worded(MESSAGE_NO_BUILDER))
    if input.platform.size == 0:
        return raise_message(m, worded(MESSAGE_NO_SYSTEM))
    if input.name.size >= 4 and memcmp(input.name.data + input.name.size - 4, b".drv", 4) == 0 \
            and not (input.method == INGEST_TEXT and is_single):
        return raise_message(m, worded(MESSAGE_DERIVATION_NAMED_DRV))
    if fp[SLOT_HASH] != WORD_NULL:
        if not is_single:
            return raise_message(m, worded(MESSAGE_FIXED_OUTPUTS))
        input.kind = OUTPUT_FIXED
        input.method = input.method if input.method else INGEST_FLAT
        return parse_stated_hash(m, fp[SLOT_HASH], hash_kind, &input.digest)
    input.kind = OUTPUT_INPUT_ADDRESSED
    if flags & (FLAG_CONTENT_ADDRESSED | FLAG_IMPURE):
        if (flags & FLAG_CONTENT_ADDRESSED) and (flags & FLAG_IMPURE):
            return raise_message(m, worded(MESSAGE_ADDRESSED_AND_IMPURE))
        input.kind = OUTPUT_IMPURE if flags & FLAG_IMPURE else OUTPUT_FLOATING
        input.method = input.method if input.method else INGEST_RECURSIVE
        input.digest.kind = <uint8_t>(hash_kind if hash_kind else HASH_SHA256)
    return DONE


cdef int _conclude(Machine* m, DerivationInput* input) noexcept nogil:
    cdef KnownDerivations* derivations = host_derivations(m)
    cdef DerivationResult result
    cdef StoreObject written
    cdef Bytes error
    if derivations == NULL:
        return RAISE
    bytes_init(&error)
    if not derivation_finish(derivations, input, &result, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    bytes_free(&error)
    if host_of(m).writer != NULL or host_of(m).keeps_derivations:
        memset(&written, 0, sizeof(written))
        written.kind = STORE_OBJECT_DERIVATION
        written.path = result.drv_path
        written.data = result.text
        written.references = result.references
        written.reference_count = result.reference_count
        if host_write_object(m, &written) != DONE:
            return RAISE
    return derivation_set(m, &result)


cdef int derivation_set(Machine* m, DerivationResult* result) noexcept nogil:
    """Makes the set { drvPath, and each output }, every string with its context."""
    cdef Attr[8] few
    cdef Attr* entries = few
    cdef size_t i
    cdef uint32_t context
    cdef Bytes element
    if not heap_reserve(m, (result.output_count + 1) * (256 + 3 * string_words(result.drv_path.size))):
        return RAISE
    if result.output_count > 7:
        entries = scratch_entries(m, result.output_count + 1)
        if entries == NULL:
            return RAISE
    bytes_init(&element)
    bytes_byte(&element, c'=')
    bytes_append(&element, result.drv_path.data, result.drv_path.size)
    if not element.failed:
        context = context_single(m, symbol_intern(m, element.data, element.size))
        entries[0].symbol = m.symbol_drv_path
        entries[0].position = 0
        entries[0].value = make_string(m, result.drv_path.data, result.drv_path.size, context)
    for i in range(result.output_count):
        if not result.outputs[i].is_known and host_require_feature(m, FEATURE_CA_DERIVATIONS, "ca-derivations") != DONE:
            bytes_free(&element)
            if entries != few:
                free(entries)
            return RAISE
        if element.failed:
            break
        bytes_clear(&element)
        bytes_byte(&element, c'!')
        bytes_append(&element, result.outputs[i].name.data, result.outputs[i].name.size)
        bytes_byte(&element, c'!')
        bytes_append(&element, result.drv_path.data, result.drv_path.size)
        if element.failed:
            break
        context = context_single(m, symbol_intern(m, element.data, element.size))
        entries[i + 1].symbol = symbol_intern(m, result.outputs[i].name.data, result.outputs[i].name.size)
        entries[i + 1].position = 0
        entries[i + 1].value = make_string(m, result.outputs[i].path.data, result.outputs[i].path.size, context)
    if element.failed:
        raise_text(m, ERROR_MEMORY, NULL)
        m.result = 0
    else:
        m.result = attrs_build(m, entries, result.output_count + 1)
    bytes_free(&element)
    if entries != few:
        free(entries)
    return DONE if m.result else RAISE
