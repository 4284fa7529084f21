# cython: language_level=3
"""The builtins derivationStrict, which turns a set of attributes into store paths, and placeholder.

derivationStrict goes through the attributes in name order and leaves finished (name, string) pairs on the stack; then `finish_derivation`
(derivation_input.pyx) makes the derivation of them.  Strings, paths, numbers, and derivations whose output path is known are taken as
they are, without a call; everything else goes through the machine's own coercion.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset, strcmp, strlen

from snowsnake.builtins.derivation_input cimport check_outputs, finish_derivation
from snowsnake.builtins.derivation_slots cimport (
    FLAG_CONTENT_ADDRESSED, FLAG_IGNORE_NULLS, FLAG_IMPURE, FLAG_STRUCTURED, SLOT_BUILDER, SLOT_ELEMENT, SLOT_FLAGS,
    SLOT_HASH, SLOT_INDEX, SLOT_NAME, SLOT_OUTPUTS, SLOT_PAIRS, SLOT_PHASE, SLOT_STEP, SLOT_SYSTEM,
)
from snowsnake.builtins.protocol cimport call1, call_internal1, force
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.builtins.store_context cimport store_string, string_view
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_INVALID_DERIVATION_NAME, MESSAGE_INVALID_HASH_MODE, MESSAGE_JSON_ATTRIBUTE_DEPRECATED, MESSAGE_STRUCTURED_ATTRS_DISABLE,
    MESSAGE_TEXT_HASHED_DERIVATION,
)
from snowsnake.foundation.buffer cimport DECIMAL_SIZE, Bytes, View, bytes_free, bytes_init, make_view, view_is, write_decimal
from snowsnake.host.messages cimport host_warn
from snowsnake.host.policy cimport host_has_feature, host_require_feature
from snowsnake.host.sources cimport host_path_to_store
from snowsnake.host.state cimport (
    FEATURE_BLAKE3_HASHES, FEATURE_CA_DERIVATIONS, FEATURE_DYNAMIC_DERIVATIONS, FEATURE_GIT_HASHING, FEATURE_IMPURE_DERIVATIONS, Host,
    host_of,
)
from snowsnake.machine.attrs cimport attrs_order, attrs_position
from snowsnake.machine.descriptions cimport of_attribute, raise_missing_attribute, raise_type
from snowsnake.machine.evaluation_order cimport order_made
from snowsnake.machine.errors cimport format_text, raise_message, raise_text, worded
from snowsnake.machine.gather cimport Gathered, gather, gathered
from snowsnake.machine.heap cimport heap_reserve, make_string, new_string, push, stack_reserve
from snowsnake.machine.internals cimport INTERNAL_DERIVATION_STRING
from snowsnake.machine.notes cimport NOTE_DERIVATION, NOTE_DERIVATION_ATTRIBUTE, NOTE_DERIVATION_NAME
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, PART_ATTRIBUTE_ELEMENT, RAISE, Machine, TraceEntry
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_FALSE, WORD_NULL, WORD_TRUE, attrs_find, attrs_keys, attrs_size, attrs_values, int_value, is_attrs, is_bool,
    is_int, is_list, is_path, is_string, is_thunk, keys_positions, keys_symbols, list_items, list_size,
    path_string, pointer_of, small_int, string_context, string_data, string_size, val,
)
from snowsnake.store.hash_functions cimport HASH_BLAKE3
from snowsnake.store.hashing cimport hash_kind_of
from snowsnake.store.store_path cimport (
    INGEST_FLAT, INGEST_GIT, INGEST_RECURSIVE, INGEST_TEXT, store_name_check, store_placeholder,
)

cdef extern from *:
    """
    static const char *const snowsnake_derivation_names[] = {
        "name", "__structuredAttrs", "__ignoreNulls", "__contentAddressed", "__impure", "args", "builder", "system",
        "outputs", "outputHash", "outputHashAlgo", "outputHashMode", "allowedReferences", "allowedRequisites",
        "disallowedReferences", "disallowedRequisites", "maxSize", "maxClosureSize", "all", "drvAttrs", "drvPath",
        "outPath", "type", "outputName",
    };
    static const char *const snowsnake_known_builtins[] = {
        "derivationStrict", "getAttr", "toJSON", "__derivationPath", "__derivationOutput", "__value", "__time", "__fetchLocked",
    };
    """
    const char** NAMES "snowsnake_derivation_names"
    const char** KNOWN_BUILTINS "snowsnake_known_builtins"

cdef enum DerivationPhase:
    PHASE_NAME = 0
    PHASE_STRUCTURED
    PHASE_NULLS
    PHASE_ATTRIBUTES

cdef enum DerivationStep:
    STEP_START = 0
    # The attribute's string is on top of the stack.
    STEP_COERCED
    # The attribute's JSON is on top of the stack.
    STEP_JSON
    STEP_ARGUMENTS
    STEP_ARGUMENT_COERCED

cdef enum:
    # With this outcome, _simple_string says that a call is needed.
    NOT_SIMPLE = 50


cdef void _look_up_names(Machine* m) noexcept nogil:
    cdef int i
    for i in range(NAME_COUNT):
        host_of(m).symbols[i] = symbol_intern(m, NAMES[i], strlen(NAMES[i]))


cdef uint32_t* derivation_symbols(Machine* m) noexcept nogil:
    if host_of(m).symbols[NAME_OUTPUT_NAME] == 0:
        _look_up_names(m)
    return host_of(m).symbols


cdef Word builtin_word(Machine* m, int which) noexcept nogil:
    cdef Host* h = host_of(m)
    cdef uint32_t i
    if h.builtins[which] == 0:
        for i in range(m.builtin_count):
            if strcmp(m.builtins[i].name, KNOWN_BUILTINS[which]) == 0:
                h.builtins[which] = i
    return m.builtins[h.builtins[which]].word


# ---- strings without a call -------------------------------------------------------------------------------------

cdef Word _known_string(Machine* m, Word w) noexcept nogil:
    """The string that a forced value yields without a call: a string, a set with a known outPath, null or false; 0 for other values."""
    cdef Word* place
    if is_string(w):
        return w
    if is_attrs(w) and attrs_find(w, m.symbol_to_string) == NULL:
        place = attrs_find(w, m.symbol_out_path)
        if place != NULL and is_string(val(place[0])):
            return val(place[0])
    return m.empty_string if w == WORD_NULL or w == WORD_FALSE else 0


cdef int _list_string(Machine* m, Word list_, Word* result) noexcept nogil:
    """Joins the elements of a list with blanks; returns NOT_SIMPLE unless the strings of all elements are known."""
    cdef uint64_t n = list_size(list_), i, total = n
    cdef Gathered contexts
    cdef uint32_t context
    cdef Word s
    cdef uint8_t* out
    for i in range(n):
        s = _known_string(m, val(list_items(list_)[i]))
        if s == 0:
            return NOT_SIMPLE
        total += string_size(s)
    if n == 0:
        result[0] = m.empty_string
        return DONE
    if not heap_reserve(m, (total >> 3) + 8):
        return RAISE
    memset(&contexts, 0, sizeof(Gathered))
    result[0] = new_string(m, total - 1, 0)
    out = string_data(result[0])
    for i in range(n):
        s = _known_string(m, val(list_items(list_)[i]))
        gather(&contexts, string_context(s))
        memcpy(out, string_data(s), string_size(s))
        out += string_size(s)
        if i + 1 < n:
            out[0] = c' '
            out += 1
    context = gathered(m, &contexts)
    pointer_of(result[0])[1] = <Word>context << 32
    return raise_text(m, ERROR_MEMORY, NULL) if contexts.failed else DONE


cdef int _simple_string(Machine* m, Word w, Word* result) noexcept nogil:
    """Returns DONE, RAISE, FORCE (m.need), or NOT_SIMPLE: the machine's coercion must be called."""
    cdef Bytes store_path
    cdef Word* place
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef int outcome, start
    result[0] = _known_string(m, w)
    if result[0]:
        return DONE
    if is_list(w):
        return _list_string(m, w, result)
    if is_attrs(w):
        place = attrs_find(w, m.symbol_out_path)
        if place == NULL or attrs_find(w, m.symbol_to_string) != NULL or not is_thunk(val(place[0])):
            return NOT_SIMPLE
        return force(m, val(place[0]))
    if is_path(w):
        memset(&store_path, 0, sizeof(store_path))
        outcome = host_path_to_store(m, string_data(path_string(w)), string_size(path_string(w)), &store_path)
        if outcome == DONE:
            result[0] = store_string(m, make_view(store_path.data, store_path.size))
        free(store_path.data)
        return outcome
    if w == WORD_TRUE:
        result[0] = make_string(m, "1", 1, 0)
        return DONE
    if not is_int(w):
        return NOT_SIMPLE
    start = write_decimal(int_value(w), digits)
    result[0] = make_string(m, digits + start, DECIMAL_SIZE - start, 0)
    return DONE


# ---- the walk ---------------------------------------------------------------------------------------------------

cdef int derivation_strict(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome
    if m.sp == fp + 1:
        if not stack_reserve(m, 2 * attrs_size(fp[0]) + 64):
            return RAISE
        _start(m, fp)
    while True:
        if fp[SLOT_PHASE] == small_int(PHASE_ATTRIBUTES):
            outcome = _attributes(m, fp)
            return finish_derivation(m, fp) if outcome == DONE else outcome
        outcome = _before_attributes(m, fp)
        if outcome != DONE:
            return outcome
        fp[SLOT_PHASE] += small_int(1)


cdef void _start(Machine* m, Word* fp) noexcept nogil:
    cdef int i
    for i in range(SLOT_PHASE, SLOT_PAIRS):
        fp[i] = WORD_NULL
    fp[SLOT_PHASE] = small_int(PHASE_NAME)
    fp[SLOT_INDEX] = small_int(0)
    fp[SLOT_STEP] = small_int(STEP_START)
    fp[SLOT_FLAGS] = small_int(0)
    fp[SLOT_ELEMENT] = small_int(0)
    m.sp = fp + SLOT_PAIRS


cdef int _before_attributes(Machine* m, Word* fp) noexcept nogil:
    cdef int64_t phase = <int64_t>fp[SLOT_PHASE] >> 3
    cdef uint32_t* symbols = derivation_symbols(m)
    cdef Word* place
    cdef Word w
    place = attrs_find(fp[0], symbols[NAME_NAME if phase == PHASE_NAME else NAME_STRUCTURED_ATTRS if phase == PHASE_STRUCTURED
                                      else NAME_IGNORE_NULLS])
    if place == NULL:
        return of_attribute(m, fp[0], symbols[NAME_NAME], raise_missing_attribute(m, symbols[NAME_NAME])) if phase == PHASE_NAME else DONE
    w = val(place[0])
    if is_thunk(w):
        return force(m, w)
    if phase == PHASE_NAME:
        return _take_name(m, fp, w)
    if not is_bool(w):
        return of_attribute(m, fp[0], symbols[NAME_STRUCTURED_ATTRS if phase == PHASE_STRUCTURED else NAME_IGNORE_NULLS],
                            raise_type(m, "a Boolean", w))
    if w == WORD_TRUE:
        fp[SLOT_FLAGS] |= small_int(FLAG_STRUCTURED if phase == PHASE_STRUCTURED else FLAG_IGNORE_NULLS)
    return DONE


cdef int _take_name(Machine* m, Word* fp, Word w) noexcept nogil:
    cdef Bytes error
    cdef int outcome
    if not is_string(w):
        return of_attribute(m, fp[0], m.symbol_name, raise_type(m, "a string", w))
    if string_context(w):
        return of_attribute(m, fp[0], m.symbol_name, raise_context(m, w))
    fp[SLOT_NAME] = w
    bytes_init(&error)
    if store_name_check(string_view(w), &error):
        return DONE
    outcome = raise_message(m, worded(MESSAGE_INVALID_DERIVATION_NAME, <int>error.size, <char*>error.data))
    bytes_free(&error)
    return outcome


cdef int _attributes(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = attrs_size(fp[0])
    cdef uint64_t i = <uint64_t>fp[SLOT_INDEX] >> 3
    cdef uint32_t* order = attrs_order(m, fp[0])
    cdef uint32_t* names = keys_symbols(attrs_keys(fp[0]))
    cdef Word* values = attrs_values(fp[0])
    cdef int outcome
    if order == NULL:
        return RAISE
    while i < n:
        outcome = _attribute(m, fp, names[order[i]], values[order[i]])
        if outcome != DONE:
            fp[SLOT_INDEX] = small_int(<int64_t>i)
            return outcome
        fp[SLOT_STEP] = small_int(STEP_START)
        i += 1
    fp[SLOT_INDEX] = small_int(<int64_t>n)
    return DONE


cdef int _attribute(Machine* m, Word* fp, uint32_t symbol, Word value) noexcept nogil:
    """Handles one attribute; is called again until it returns DONE.  Then the attribute's pair, if it has one, is on the stack."""
    cdef uint32_t* symbols = derivation_symbols(m)
    cdef int64_t flags = <int64_t>fp[SLOT_FLAGS] >> 3
    cdef int64_t step = <int64_t>fp[SLOT_STEP] >> 3
    cdef Word w, s = 0
    cdef int outcome
    if step == STEP_COERCED:
        return _note(m, fp, symbol, m.sp[-1])
    w = val(value)
    if step == STEP_JSON:
        return _note_structured(m, fp, symbol, w)
    if step == STEP_ARGUMENTS or step == STEP_ARGUMENT_COERCED:
        return _arguments(m, fp, w)
    if symbol == symbols[NAME_IGNORE_NULLS]:
        return DONE
    if flags & FLAG_IGNORE_NULLS:
        if is_thunk(w):
            return force(m, w)
        if w == WORD_NULL:
            return DONE
    if symbol == symbols[NAME_ARGS]:
        return _arguments(m, fp, w)
    if symbol == symbols[NAME_CONTENT_ADDRESSED] or symbol == symbols[NAME_IMPURE]:
        if is_thunk(w):
            return force(m, w)
        if not is_bool(w):
            return raise_type(m, "a Boolean", w)
        return _note_kind(m, fp, symbol == symbols[NAME_IMPURE]) if w == WORD_TRUE else DONE
    if flags & FLAG_STRUCTURED:
        if symbol == symbols[NAME_STRUCTURED_ATTRS]:
            return DONE
        push(m, small_int(symbol))
        fp[SLOT_STEP] = small_int(STEP_JSON)
        return call1(m, builtin_word(m, BUILTIN_TO_JSON), value)
    if is_thunk(w):
        return force(m, w)
    outcome = _simple_string(m, w, &s)
    if outcome == DONE:
        push(m, small_int(symbol))
        push(m, s)
        return _note(m, fp, symbol, s)
    if outcome != NOT_SIMPLE:
        return outcome
    push(m, small_int(symbol))
    fp[SLOT_STEP] = small_int(STEP_COERCED)
    return call_internal1(m, INTERNAL_DERIVATION_STRING, w)


cdef int _note_kind(Machine* m, Word* fp, bint is_impure) noexcept nogil:
    fp[SLOT_FLAGS] |= small_int(FLAG_IMPURE if is_impure else FLAG_CONTENT_ADDRESSED)
    if is_impure:
        return host_require_feature(m, FEATURE_IMPURE_DERIVATIONS, "impure-derivations")
    return host_require_feature(m, FEATURE_CA_DERIVATIONS, "ca-derivations")


cdef int _arguments(Machine* m, Word* fp, Word w) noexcept nogil:
    cdef uint64_t n, i
    cdef Word element, s = 0
    cdef int outcome
    if is_thunk(w):
        return force(m, w)
    if not is_list(w):
        return raise_type(m, "a list", w)
    n = list_size(w)
    i = <uint64_t>fp[SLOT_ELEMENT] >> 3
    if fp[SLOT_STEP] == small_int(STEP_ARGUMENT_COERCED):
        i += 1
    elif i == 0 and not stack_reserve(m, 2 * n + 2 * attrs_size(fp[0]) + 64):
        return RAISE
    fp[SLOT_STEP] = small_int(STEP_ARGUMENTS)
    while i < n:
        fp[SLOT_ELEMENT] = small_int(<int64_t>i)
        element = val(list_items(w)[i])
        if is_thunk(element):
            return force(m, element)
        outcome = _simple_string(m, element, &s)
        if outcome == NOT_SIMPLE:
            push(m, WORD_NULL)
            fp[SLOT_STEP] = small_int(STEP_ARGUMENT_COERCED)
            return call_internal1(m, INTERNAL_DERIVATION_STRING, element)
        if outcome != DONE:
            return outcome
        push(m, WORD_NULL)
        push(m, s)
        i += 1
    fp[SLOT_ELEMENT] = small_int(0)
    return DONE


cdef int _note(Machine* m, Word* fp, uint32_t symbol, Word s) noexcept nogil:
    """Handles what an attribute means in addition to its environment variable."""
    cdef uint32_t* symbols = derivation_symbols(m)
    if symbol == symbols[NAME_BUILDER]:
        fp[SLOT_BUILDER] = s
    elif symbol == symbols[NAME_SYSTEM]:
        fp[SLOT_SYSTEM] = s
    elif symbol == symbols[NAME_OUTPUT_HASH]:
        fp[SLOT_HASH] = s
    elif symbol == symbols[NAME_OUTPUT_HASH_ALGO]:
        if hash_kind_of(string_view(s)) == HASH_BLAKE3 and host_require_feature(m, FEATURE_BLAKE3_HASHES, "blake3-hashes") != DONE:
            return RAISE
        fp[SLOT_FLAGS] |= small_int(<int64_t>hash_kind_of(string_view(s)) << 8)
    elif symbol == symbols[NAME_OUTPUT_HASH_MODE]:
        return _note_mode(m, fp, s)
    elif symbol == symbols[NAME_OUTPUTS]:
        fp[SLOT_OUTPUTS] = s
        return check_outputs(m, s)
    elif view_is(string_view(symbol_string(m, symbol)), "__json"):
        host_warn(m, worded(MESSAGE_JSON_ATTRIBUTE_DEPRECATED, <int>string_size(fp[SLOT_NAME]), <char*>string_data(fp[SLOT_NAME])).text)
    return DONE


cdef int _note_mode(Machine* m, Word* fp, Word s) noexcept nogil:
    cdef View mode = string_view(s)
    cdef int method
    if view_is(mode, "recursive") or view_is(mode, "nar"):
        method = INGEST_RECURSIVE
    elif view_is(mode, "flat"):
        method = INGEST_FLAT
    elif view_is(mode, "text"):
        method = INGEST_TEXT
        if not host_has_feature(m, FEATURE_DYNAMIC_DERIVATIONS):
            return raise_message(m, worded(
                MESSAGE_TEXT_HASHED_DERIVATION, <int>string_size(fp[SLOT_NAME]), <char*>string_data(fp[SLOT_NAME])))
    elif view_is(mode, "git"):
        method = INGEST_GIT
        if host_require_feature(m, FEATURE_GIT_HASHING, "git-hashing") != DONE:
            return RAISE
    else:
        return raise_message(m, worded(MESSAGE_INVALID_HASH_MODE, <int>mode.size, <char*>mode.data))
    fp[SLOT_FLAGS] |= small_int(<int64_t>method << 16)
    return DONE


cdef int _note_structured(Machine* m, Word* fp, uint32_t symbol, Word w) noexcept nogil:
    """Handles what an attribute means in addition to its JSON, which is on the stack, so *w* has been forced.  These meanings need values of the right type."""
    cdef uint32_t* symbols = derivation_symbols(m)
    cdef int i
    if symbol == symbols[NAME_OUTPUTS]:
        return _structured_outputs(m, fp, w)
    for i in range(NAME_ALLOWED_REFERENCES, NAME_MAX_CLOSURE_SIZE + 1):
        if symbol == symbols[i]:
            host_warn(m, worded(
                MESSAGE_STRUCTURED_ATTRS_DISABLE, <int>string_size(fp[SLOT_NAME]), <char*>string_data(fp[SLOT_NAME]), NAMES[i], NAMES[i]).text)
            return DONE
    if symbol != symbols[NAME_BUILDER] and symbol != symbols[NAME_SYSTEM] and symbol != symbols[NAME_OUTPUT_HASH] \
            and symbol != symbols[NAME_OUTPUT_HASH_ALGO] and symbol != symbols[NAME_OUTPUT_HASH_MODE]:
        return DONE
    if not is_string(w):
        return raise_type(m, "a string", w)
    if string_context(w) and symbol != symbols[NAME_BUILDER]:
        return raise_context(m, w)
    return _note(m, fp, symbol, w)


cdef int _structured_outputs(Machine* m, Word* fp, Word w) noexcept nogil:
    cdef uint64_t i
    cdef Word s
    if not is_list(w):
        return raise_type(m, "a list", w)
    for i in range(list_size(w)):
        s = val(list_items(w)[i])
        if not is_string(s):
            return raise_type(m, "a string", s)
        if string_context(s):
            return raise_context(m, s)
    fp[SLOT_OUTPUTS] = w
    return check_outputs(m, w)


cdef uint32_t _trace(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    """Writes the entries of a trace: the current attribute and the derivation, with their places."""
    cdef Word name
    cdef uint64_t i
    cdef uint32_t* order
    cdef uint32_t count = 0
    if top < fp + SLOT_PAIRS or not is_attrs(fp[0]):
        return 0
    name = fp[SLOT_NAME]
    i = <uint64_t>fp[SLOT_INDEX] >> 3
    if attrs_find(fp[0], m.symbol_name) == NULL:
        return 0
    if name == WORD_NULL:
        # The attributes may have no order yet.
        entries[0].note = NOTE_DERIVATION_NAME
        entries[0].position = attrs_position(fp[0], m.symbol_name)
        return 1
    order = order_made(fp[0])
    if order == NULL:
        return 0
    if fp[SLOT_PHASE] == small_int(PHASE_ATTRIBUTES) and i < attrs_size(fp[0]):
        entries[0].note = NOTE_DERIVATION_ATTRIBUTE
        entries[0].symbol = keys_symbols(attrs_keys(fp[0]))[order[i]]
        entries[0].text = format_text("%.*s", <int>string_size(name), <char*>string_data(name))
        entries[0].position = keys_positions(attrs_keys(fp[0]))[order[i]]
        count = 1
    if fp[SLOT_STEP] == small_int(STEP_ARGUMENT_COERCED):
        entries[count + 1].part = PART_ATTRIBUTE_ELEMENT
        entries[count + 1].symbol = derivation_symbols(m)[NAME_ARGS]
    entries[count].note = NOTE_DERIVATION
    entries[count].text = format_text("%.*s", <int>string_size(name), <char*>string_data(name))
    entries[count].position = attrs_position(fp[0], m.symbol_name)
    return count + 1


cdef int placeholder(Machine* m, Word* fp) noexcept nogil:
    cdef Bytes text
    bytes_init(&text)
    store_placeholder(string_view(fp[0]), &text)
    if text.failed:
        bytes_free(&text)
        return raise_text(m, ERROR_MEMORY, NULL)
    m.result = make_string(m, text.data, text.size, 0)
    bytes_free(&text)
    return DONE


define("derivationStrict", derivation_strict)
define_trace("derivationStrict", _trace)
define("placeholder", placeholder)
