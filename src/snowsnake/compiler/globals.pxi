# Looking up global names: `map`, `__add`, `true`, `builtins`, and attributes of `builtins`.

cdef enum GlobalKind:
    GLOBAL_BUILTIN = 1
    GLOBAL_BUILTINS
    GLOBAL_TRUE
    GLOBAL_FALSE
    GLOBAL_NULL

cdef struct Global:
    uint8_t kind
    uint8_t arity
    bint is_function
    bint is_plain
    bint is_fixed
    uint32_t needs                    # features without which the name is not there (syntax/features.py)
    Text name

cdef Global* GLOBAL_TABLE = NULL      # in byte order of the names; written once, at import
cdef uint32_t GLOBAL_COUNT = 0
_global_texts = []                    # keeps the bytes alive


def _fill_globals():
    global GLOBAL_TABLE, GLOBAL_COUNT
    rows = [(name, GLOBAL_BUILTIN, arity, is_function, is_plain, is_fixed, needs) for name, arity, is_function, is_plain, is_fixed, needs in GLOBALS]
    rows += [
        ("builtins", GLOBAL_BUILTINS, 0, False, True, False, 0),
        ("true", GLOBAL_TRUE, 0, False, True, True, 0),
        ("false", GLOBAL_FALSE, 0, False, True, True, 0),
        ("null", GLOBAL_NULL, 0, False, True, True, 0),
    ]
    rows.sort(key=lambda row: row[0].encode())
    GLOBAL_TABLE = <Global*>allocate_zeros(len(rows), sizeof(Global))
    if GLOBAL_TABLE == NULL:
        raise MemoryError
    GLOBAL_COUNT = len(rows)
    for place, (name, kind, arity, is_function, is_plain, is_fixed, needs) in enumerate(rows):
        text = name.encode()
        _global_texts.append(text)
        GLOBAL_TABLE[<int>place].kind = kind
        GLOBAL_TABLE[<int>place].arity = arity
        GLOBAL_TABLE[<int>place].is_function = is_function
        GLOBAL_TABLE[<int>place].is_plain = is_plain
        GLOBAL_TABLE[<int>place].is_fixed = is_fixed
        GLOBAL_TABLE[<int>place].needs = needs
        GLOBAL_TABLE[<int>place].name.data = <const uint8_t*><const char*>text
        GLOBAL_TABLE[<int>place].name.size_bytes = len(text)


_fill_globals()


cdef int compare_text(const Text* a, const Text* b) noexcept nogil:
    """Byte order, as everywhere in Nix."""
    cdef int order = memcmp(a.data, b.data, a.size_bytes if a.size_bytes < b.size_bytes else b.size_bytes)
    if order:
        return order
    return (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes)


cdef Global* find_builtin(Text name) noexcept nogil:
    """The row of this name in `builtins`, or NULL."""
    cdef uint32_t low = 0, high = GLOBAL_COUNT, middle
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        order = compare_text(&GLOBAL_TABLE[middle].name, &name)
        if order == 0:
            return GLOBAL_TABLE + middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return NULL


cdef Global* find_global(Compiler* c, Name name) noexcept nogil:
    """What the name means when no scope of the program binds it, or NULL."""
    cdef Global* found
    cdef Text text
    if c.globals[name] == 1:
        return NULL
    if c.globals[name] > 1:
        return GLOBAL_TABLE + (c.globals[name] - 2)
    text = c.names[name]
    if text.size_bytes > 2 and text.data[0] == c'_' and text.data[1] == c'_':
        text.data += 2
        text.size_bytes -= 2
        found = find_builtin(text)
        if found != NULL and found.is_plain:
            found = NULL
    else:
        found = find_builtin(text)
        if found != NULL and not found.is_plain:
            found = NULL
    if found != NULL and found.needs & ~c.ast.features:
        found = NULL
    c.globals[name] = 1 if found == NULL else <uint16_t>(2 + (found - GLOBAL_TABLE))
    return found
