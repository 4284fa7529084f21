# cython: language_level=3
"""The sets that represent derivations: the result of `derivation`, and of importing a .drv.

`derivation attrs` is `attrs` with an attribute for each output and `all`, `drvAttrs`, `drvPath`, `outPath`, `type` and
`outputName`; only the list of outputs is forced.  drvPath and outPath call derivationStrict when they are needed.  The set of
the first output is made at once, the others when they are needed: they differ only in outPath and outputName.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp

from snowsnake.builtins.derivation_input cimport derivation_set
from snowsnake.builtins.derivations cimport (
    BUILTIN_DERIVATION_OUTPUT, BUILTIN_DERIVATION_PATH, BUILTIN_DERIVATION_STRICT, BUILTIN_GET_ATTR, BUILTIN_VALUE, NAME_ALL, NAME_DRV_ATTRS,
    NAME_OUTPUT_NAME, NAME_OUTPUTS, builtin_word, derivation_symbols,
)
from snowsnake.builtins.protocol cimport done, force
from snowsnake.builtins.registry cimport define
from snowsnake.builtins.store_context cimport (
    ELEMENT_DERIVATION, ELEMENT_OUTPUT, ELEMENT_PATH, Element, context_element, string_view, take_plain_string,
)
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_CONTEXT_OF_CLOSURE, MESSAGE_CONTEXT_OF_OTHER_PATH, MESSAGE_CONTEXT_OF_SEVERAL, MESSAGE_DERIVATION_WITHOUT_OUTPUTS,
    MESSAGE_HEAD_OF_EMPTY_LIST, MESSAGE_INVALID_DERIVATION, MESSAGE_NO_SUCH_OUTPUT, MESSAGE_OUTPUT_OF_OUTPUT,
)
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_byte, bytes_free, bytes_init, bytes_reserve, bytes_view, make_view, view_equal, view_is, view_of,
)
from snowsnake.host.files cimport host_read_file
from snowsnake.host.logical_store cimport host_derivations, host_store_has
from snowsnake.host.state cimport host_store_dir
from snowsnake.host.store_hooks cimport raise_store_error
from snowsnake.machine.attrs cimport Attr, attrs_build, attrs_merge, attrs_with_keys, scratch_entries
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport of_part, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_reserve, make_apply, make_apply2, make_string, new_list, push, string_words
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_MEMORY, ERROR_VALUE, RAISE, Machine
from snowsnake.machine.symbols cimport context_single, context_united, symbol_intern, symbol_of, symbol_string
from snowsnake.machine.word cimport (
    WORD_NULL, attrs_find, attrs_keys, attrs_size, attrs_values, is_list, is_string, is_thunk, list_items, list_size,
    small_int, string_context, string_data, string_size, val,
)
from snowsnake.store.aterm cimport DerivationFields, derivation_free, derivation_init
from snowsnake.store.aterm_parser cimport MOST_LEVELS, aterm_parse
from snowsnake.store.derivation_paths cimport FinishedOutput, DerivationResult
from snowsnake.store.dynamic_inputs cimport chain_placeholder, wrong_placeholder
from snowsnake.store.known_derivations cimport KnownDerivations
from snowsnake.store.store_path cimport store_downstream_placeholder, store_name_check

cdef enum:
    # The fixed attributes are all, drvAttrs, drvPath, outPath, outputName and type.
    FIXED_ATTRIBUTES = 6


# ---- derivation -------------------------------------------------------------------------------------------------

cdef int derivation(Machine* m, Word* fp) noexcept nogil:
    """State: fp[1] is the index of the output name that is being forced."""
    cdef Word* place = attrs_find(fp[0], derivation_symbols(m)[NAME_OUTPUTS])
    cdef Word outputs, name
    cdef uint64_t n, i
    if m.sp == fp + 1:
        push(m, small_int(0))
    if place == NULL:
        outputs = new_list(m, 1)
        list_items(outputs)[0] = make_string(m, b"out", 3, 0)
        return _build(m, fp[0], outputs)
    outputs = val(place[0])
    if is_thunk(outputs):
        return force(m, outputs)
    if not is_list(outputs):
        return raise_type(m, "a list", outputs)
    n = list_size(outputs)
    if n == 0:
        return raise_message(m, worded(MESSAGE_HEAD_OF_EMPTY_LIST))
    i = <uint64_t>fp[1] >> 3
    while i < n:
        name = val(list_items(outputs)[i])
        if is_thunk(name):
            fp[1] = small_int(<int64_t>i)
            return force(m, name)
        if not is_string(name):
            return raise_type(m, "a string", name)
        if string_context(name):
            return raise_context(m, name)
        i += 1
    return _build(m, fp[0], outputs)


cdef inline void _put(Attr* entries, uint64_t* count, uint32_t symbol, Word value) noexcept nogil:
    entries[count[0]].symbol = symbol
    entries[count[0]].position = 0
    entries[count[0]].value = value
    count[0] += 1


cdef int _build(Machine* m, Word attrs, Word outputs) noexcept nogil:
    cdef uint64_t n = list_size(outputs), i, count = 0
    cdef Word strict, all_, first, name, path, pair, added
    cdef Word get = builtin_word(m, BUILTIN_GET_ATTR)
    cdef Attr[16] few
    cdef Attr* entries = few
    if not heap_reserve(m, 3 * attrs_size(attrs) + 24 * n + 256):
        return RAISE
    if n + FIXED_ATTRIBUTES > 16:
        entries = scratch_entries(m, n + FIXED_ATTRIBUTES)
        if entries == NULL:
            return RAISE
    strict = make_apply(m, builtin_word(m, BUILTIN_DERIVATION_STRICT), attrs)
    all_ = new_list(m, n)
    for i in range(n):
        list_items(all_)[i] = WORD_NULL
    name = val(list_items(outputs)[0])
    _put(entries, &count, m.symbol_drv_path, make_apply(m, builtin_word(m, BUILTIN_DERIVATION_PATH), strict))
    _put(entries, &count, m.symbol_out_path, make_apply2(m, get, name, strict))
    _put(entries, &count, m.symbol_type, make_string(m, b"derivation", 10, 0))
    _put(entries, &count, derivation_symbols(m)[NAME_OUTPUT_NAME], name)
    _put(entries, &count, derivation_symbols(m)[NAME_ALL], make_apply(m, builtin_word(m, BUILTIN_VALUE), all_))
    _put(entries, &count, derivation_symbols(m)[NAME_DRV_ATTRS], attrs)
    # The first of several entries with equal names counts, so those above have precedence.
    for i in range(n):
        _put(entries, &count, symbol_of(m, val(list_items(outputs)[i])), small_int(<int64_t>i))
    added = attrs_build(m, entries, count)
    if entries != few:
        free(entries)
    first = 0 if added == 0 else attrs_merge(m, attrs, added)
    if first == 0:
        return RAISE
    list_items(all_)[0] = first
    for i in range(1, n):
        name = val(list_items(outputs)[i])
        path = make_apply2(m, get, name, strict)
        pair = new_list(m, 2)
        list_items(pair)[0] = name
        list_items(pair)[1] = path
        list_items(all_)[i] = make_apply2(m, builtin_word(m, BUILTIN_DERIVATION_OUTPUT), first, pair)
    for i in range(n):
        _point_to(m, first, symbol_of(m, val(list_items(outputs)[n - 1 - i])), list_items(all_)[n - 1 - i])
    return done(m, first)


cdef void _point_to(Machine* m, Word set_, uint32_t symbol, Word value) noexcept nogil:
    """Sets an output's attribute, unless its name is that of one of the fixed attributes."""
    cdef Word* place = attrs_find(set_, symbol)
    if symbol == m.symbol_drv_path or symbol == m.symbol_out_path or symbol == m.symbol_type \
            or symbol == derivation_symbols(m)[NAME_OUTPUT_NAME] or symbol == derivation_symbols(m)[NAME_ALL] \
            or symbol == derivation_symbols(m)[NAME_DRV_ATTRS]:
        return
    place[0] = value


cdef int derivation_path(Machine* m, Word* fp) noexcept nogil:
    """`drvPath` of what derivationStrict returned.  `outPath` is found by `getAttr`; in a trace, the name of this function distinguishes the two."""
    return done(m, val(attrs_find(fp[0], m.symbol_drv_path)[0]))


cdef int derivation_output(Machine* m, Word* fp) noexcept nogil:
    """The set of another output: the set of the first one with another name and path."""
    cdef uint64_t n = attrs_size(fp[0])
    cdef Word result
    if not heap_reserve(m, n + 64):
        return RAISE
    result = attrs_with_keys(m, attrs_keys(fp[0]), attrs_values(fp[0]))
    attrs_find(result, derivation_symbols(m)[NAME_OUTPUT_NAME])[0] = list_items(fp[1])[0]
    attrs_find(result, m.symbol_out_path)[0] = list_items(fp[1])[1]
    return done(m, result)


# ---- import of a .drv -------------------------------------------------------------------------------------------

cdef int import_derivation(Machine* m, Word path) noexcept nogil:
    return _read_derivation(m, path, 0)


cdef int _read_derivation(Machine* m, Word path, Word output) noexcept nogil:
    """The value of an imported .drv; or, if a name is given, the path of that output as a string."""
    cdef Bytes text
    cdef DerivationFields drv
    cdef Bytes error
    cdef KnownDerivations* derivations
    cdef int outcome
    bytes_init(&text)
    bytes_init(&error)
    if output == 0:
        outcome = host_read_file(m, string_data(path), string_size(path), &text)
    else:
        # The store reads the file, whatever the policy lets evaluation read.
        derivations = host_derivations(m)
        outcome = RAISE
        if derivations != NULL:
            outcome = DONE
            if not derivations.reader(derivations.reader_context, make_view(string_data(path), string_size(path)), &text, &error):
                outcome = raise_store_error(m, ERROR_FILE, &error)
    if outcome == DONE:
        derivation_init(&drv)
        if aterm_parse(host_store_dir(m), make_view(text.data, text.size), &drv, &error):
            outcome = _imported(m, path, &drv, output)
            derivation_free(&drv)
            bytes_free(&error)
        else:
            derivation_free(&drv)
            outcome = raise_store_error(m, ERROR_FILE, &error)
    free(text.data)
    return outcome


cdef int _imported(Machine* m, Word path, DerivationFields* drv, Word output) noexcept nogil:
    """Makes the set { all, drvPath, name, outPath, outputName, type, and each output }, with the outputs in the order of the .drv; or one output's path."""
    cdef DerivationResult result
    cdef FinishedOutput* known
    cdef Bytes room, placeholders, error
    cdef size_t i, start
    cdef int outcome
    bytes_init(&room)
    bytes_init(&placeholders)
    bytes_init(&error)
    if not (bytes_reserve(&room, (drv.output_count + 1) * sizeof(FinishedOutput)) and bytes_reserve(&placeholders, drv.output_count * 64)):
        bytes_free(&room)
        return raise_text(m, ERROR_MEMORY, NULL)
    known = <FinishedOutput*>room.data
    for i in range(drv.output_count):
        known[i].name = drv.outputs[i].name
        known[i].path = drv.outputs[i].path
        known[i].is_known = drv.outputs[i].path.size > 0
        start = placeholders.size
        if not known[i].is_known:
            if not store_downstream_placeholder(
                    host_store_dir(m), make_view(string_data(path), string_size(path)), known[i].name, &placeholders, &error):
                bytes_free(&room)
                bytes_free(&placeholders)
                return raise_store_error(m, ERROR_VALUE, &error)
            known[i].path = make_view(placeholders.data + start, placeholders.size - start)
    result.drv_path = make_view(string_data(path), string_size(path))
    result.outputs = known
    result.output_count = drv.output_count
    outcome = derivation_set(m, &result)
    bytes_free(&room)
    bytes_free(&placeholders)
    if outcome == DONE and output:
        return _one_output(m, path, m.result, output)
    if outcome == DONE:
        outcome = _imported_set(m, drv, m.result)
    return outcome


cdef int _imported_set(Machine* m, DerivationFields* drv, Word paths) noexcept nogil:
    cdef uint64_t n = drv.output_count, i, j, count
    cdef Word all_, set_, name = m.empty_string
    cdef Attr* entries = scratch_entries(m, n + FIXED_ATTRIBUTES)
    cdef uint32_t symbol
    if entries == NULL:
        return RAISE
    if not heap_reserve(m, (n + 1) * (2 * n + 64) + 256):
        free(entries)
        return RAISE
    for i in range(drv.env_count):
        if view_is(drv.env[i].name, "name"):
            if not heap_reserve(m, (n + 1) * (2 * n + 64) + 256 + string_words(drv.env[i].value.size)):
                free(entries)
                return RAISE
            name = make_string(m, drv.env[i].value.data, drv.env[i].value.size, 0)
    all_ = new_list(m, n)
    for i in range(n):
        list_items(all_)[i] = WORD_NULL
    for i in range(n):
        count = 0
        symbol = symbol_intern(m, drv.outputs[i].name.data, drv.outputs[i].name.size)
        _put(entries, &count, derivation_symbols(m)[NAME_OUTPUT_NAME], symbol_string(m, symbol))
        _put(entries, &count, m.symbol_out_path, attrs_find(paths, symbol)[0])
        _put(entries, &count, m.symbol_drv_path, attrs_find(paths, m.symbol_drv_path)[0])
        _put(entries, &count, m.symbol_name, name)
        _put(entries, &count, m.symbol_type, make_string(m, b"derivation", 10, 0))
        _put(entries, &count, derivation_symbols(m)[NAME_ALL], all_)
        for j in range(n):
            _put(entries, &count, symbol_intern(m, drv.outputs[j].name.data, drv.outputs[j].name.size), WORD_NULL)
        set_ = attrs_build(m, entries, count)
        if set_ == 0:
            free(entries)
            return RAISE
        list_items(all_)[i] = set_
    free(entries)
    for i in range(n):
        for j in range(n):
            _point_to(m, list_items(all_)[i], symbol_intern(m, drv.outputs[j].name.data, drv.outputs[j].name.size),
                      list_items(all_)[j])
    if n == 0:
        return raise_message(m, worded(MESSAGE_DERIVATION_WITHOUT_OUTPUTS))
    return done(m, list_items(all_)[0])


# ---- outputOf ---------------------------------------------------------------------------------------------------

cdef int _one_output(Machine* m, Word path, Word paths, Word output) noexcept nogil:
    cdef uint32_t symbol = symbol_of(m, output)
    cdef Word* place = attrs_find(paths, symbol) if symbol != m.symbol_drv_path else NULL
    if place == NULL:
        return raise_message(m, worded(
            MESSAGE_NO_SUCH_OUTPUT, <int>string_size(path), <char*>string_data(path), <int>string_size(output), <char*>string_data(output)))
    return done(m, place[0])


cdef int _single_path(Machine* m, Word s) noexcept nogil:
    """Returns DONE if a string has one context element, and that is its own path or an output; otherwise raises C++ Nix's error."""
    cdef uint32_t context = context_united(m, string_context(s))
    cdef uint32_t count = m.contexts[context].count if context else 0
    cdef Element e
    if count != 1:
        return raise_message(m, worded(MESSAGE_CONTEXT_OF_SEVERAL, <int>string_size(s), <char*>string_data(s), count))
    e = context_element(m, m.contexts[context].elements[0])
    if e.kind == ELEMENT_DERIVATION:
        return raise_message(m, worded(MESSAGE_CONTEXT_OF_CLOSURE, <int>string_size(s), <char*>string_data(s)))
    if e.kind == ELEMENT_PATH and (e.path.size != string_size(s) or memcmp(e.path.data, string_data(s), e.path.size) != 0):
        return raise_message(m, worded(
            MESSAGE_CONTEXT_OF_OTHER_PATH, <int>string_size(s), <char*>string_data(s), <int>e.path.size, <char*>e.path.data))
    return DONE


cdef int _check_placeholder(Machine* m, Word s, Element e) noexcept nogil:
    """Returns DONE if a string is the path or the placeholder of the output that its context names."""
    cdef Bytes expected, error
    cdef int outcome = DONE
    bytes_init(&expected)
    bytes_init(&error)
    if e.kind == ELEMENT_OUTPUT:
        outcome = _path_of_output(m, e, &expected)
    elif not chain_placeholder(host_store_dir(m), e.path, e.chain, &expected, &error):
        outcome = raise_store_error(m, ERROR_VALUE, &error)
    if outcome == DONE and not view_equal(view_of(&expected), string_view(s)):
        wrong_placeholder(string_view(s), e.path, e.chain, view_of(&expected), &error)
        outcome = raise_store_error(m, ERROR_VALUE, &error)
    bytes_free(&expected)
    return outcome


cdef int _path_of_output(Machine* m, Element e, Bytes* out) noexcept nogil:
    """Appends the path of an output of a derivation in the store, or its placeholder if the path is not known."""
    cdef Word path, output
    cdef int outcome
    if not heap_reserve(m, string_words(e.path.size) + string_words(e.output.size)):
        return RAISE
    path = make_string(m, e.path.data, e.path.size, 0)
    output = make_string(m, e.output.data, e.output.size, 0)
    outcome = _read_derivation(m, path, output)
    if outcome == DONE and not bytes_view(out, string_view(m.result)):
        return raise_text(m, ERROR_MEMORY, NULL)
    return outcome


cdef int _output_of_output(Machine* m, Word s, Element e, View name) noexcept nogil:
    """The placeholder of an output of the derivation that *e* names, with that as its context."""
    cdef View encoded = string_view(symbol_string(m, m.contexts[string_context(s)].elements[0]))
    cdef Bytes element, placeholder, error
    cdef size_t i, levels = 0
    cdef int outcome = DONE
    bytes_init(&element)
    bytes_init(&placeholder)
    bytes_init(&error)
    if not store_name_check(name, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    for i in range(e.chain.size):
        levels += e.chain.data[i] == c'!'
    if levels > MOST_LEVELS:
        return raise_message(m, worded(MESSAGE_OUTPUT_OF_OUTPUT, <int>string_size(s), <char*>string_data(s)))
    bytes_byte(&element, c'!')
    bytes_view(&element, name)
    bytes_view(&element, encoded)
    if element.failed:
        outcome = raise_text(m, ERROR_MEMORY, NULL)
    elif not chain_placeholder(
            host_store_dir(m), e.path, make_view(element.data, element.size - e.path.size), &placeholder, &error):
        outcome = raise_store_error(m, ERROR_VALUE, &error)
    elif not heap_reserve(m, string_words(placeholder.size) + string_words(element.size)):
        outcome = RAISE
    else:
        m.result = make_string(
            m, placeholder.data, placeholder.size, context_single(m, symbol_intern(m, element.data, element.size)))
    bytes_free(&element)
    bytes_free(&placeholder)
    return done(m, m.result) if outcome == DONE else outcome


cdef int output_of(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome = of_part(m, 1, _single_path(m, fp[0]))
    cdef Element e
    cdef Word name
    if outcome != DONE:
        return outcome
    e = context_element(m, m.contexts[string_context(fp[0])].elements[0])
    if not host_store_has(m, e.path):
        return raise_message(m, worded(MESSAGE_INVALID_DERIVATION, <int>e.path.size, <char*>e.path.data))
    if e.kind != ELEMENT_PATH:
        outcome = of_part(m, 1, _check_placeholder(m, fp[0], e))
    if outcome == DONE:
        outcome = of_part(m, 2, take_plain_string(m, fp[1], &name))
    if outcome != DONE:
        return outcome
    if e.kind == ELEMENT_PATH:
        return _read_derivation(m, fp[0], name)
    return _output_of_output(m, fp[0], context_element(m, m.contexts[string_context(fp[0])].elements[0]), string_view(name))


cdef int value(Machine* m, Word* fp) noexcept nogil:
    """Returns its argument.  `all` is a thunk that calls this, so that it is not printed before it is evaluated, as in C++ Nix."""
    return done(m, fp[0])


define("derivation", derivation)
define("outputOf", output_of)
define("__value", value)
define("__derivationPath", derivation_path)
define("__derivationOutput", derivation_output)
