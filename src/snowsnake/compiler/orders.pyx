# cython: language_level=3
"""Orders of the names of a scope: that of their bytes, and that in which C++ Nix gives them their values, where a program can tell.

`rec { a = b; b = [ 1 ]; }`: if b has its value before a, a is the same cell as b; otherwise a thunk, whose value is a copy of the list.
Printing shows which, by `<CODE>` and «repeated».  C++ Nix takes the names in the order in which it met them first: before all others those
that it knows from the start; then by place in the file, where the parameter of a lambda comes after the body, and a formal after its
default, because its parser makes names so.  Ours numbers them so, too (syntax/parser.pyx).  Names met in files that were read before are not counted.

In: the names of a scope that see each other.  Out: an order, if it differs from the usual one in a way that shows.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from snowsnake.foundation.merging cimport LONGEST_RUN, merge_sort
from snowsnake.syntax.global_names cimport compare_text
from snowsnake.syntax.leaving cimport hold, leave_if_asked, release
from snowsnake.syntax.nodes cimport BINDING_INHERIT, BINDING_PLAIN, NO_NAME, NODE_VARIABLE, Binding, Text


# ---- by name ----------------------------------------------------------------------------------------------------

cdef inline bint _leaves(const void* context) noexcept nogil:
    """A sort of millions of names takes seconds: see `leave_if_asked`."""
    leave_if_asked()
    return False


cdef inline bint _is_above_by_name(const void* context, const NamedIndex* a, const NamedIndex* b) noexcept nogil:
    return compare_text(&a.name, &b.name) > 0


cdef void sort_named(NamedIndex* items, uint32_t count) noexcept nogil:
    cdef NamedIndex* scratch = <NamedIndex*>hold(count * sizeof(NamedIndex)) if count > LONGEST_RUN else NULL
    merge_sort(items, scratch, count, _is_above_by_name, _leaves, NULL)
    release(scratch)


cdef NamedIndex* order_of(Compiler* c, Bindings* bindings) noexcept nogil:
    """The bindings in byte order of their names; the caller frees them."""
    cdef NamedIndex* order = <NamedIndex*>hold(bindings.count * sizeof(NamedIndex))
    cdef uint32_t i
    for i in range(bindings.count):
        order[i].name = c.names[bindings.items[i].name]
        order[i].index = i
    sort_named(order, bindings.count)
    return order


# ---- by the turn in which C++ Nix takes them --------------------------------------------------------------------

# Names in byte order, each with its size and its turn among those that C++ Nix knows from the start, as `==` of sets with two of them each
# shows: which one is compared first.
cdef extern from *:
    """
    static const struct snow_known { const char *name; unsigned char size_bytes; unsigned short turn; } snow_known_names[] = {
        {"__add", 5, 195}, {"__addDrvOutputDependencies", 26, 236}, {"__addErrorContext", 17, 89}, {"__all", 5, 183}, {"__any", 5, 181},
        {"__appendContext", 15, 240}, {"__attrNames", 11, 137}, {"__attrValues", 12, 139}, {"__bitAnd", 8, 200}, {"__bitOr", 7, 202},
        {"__bitXor", 8, 204}, {"__catAttrs", 10, 154}, {"__ceil", 6, 91}, {"__compareVersions", 17, 226}, {"__concatLists", 13, 175},
        {"__concatMap", 11, 193}, {"__concatStringsSep", 18, 220}, {"__contentAddressed", 18, 28}, {"__convertHash", 13, 214},
        {"__currentSystem", 15, 56}, {"__currentTime", 13, 54}, {"__deepSeq", 9, 101}, {"__div", 5, 45}, {"__elem", 6, 173}, {"__elemAt", 8,
        164}, {"__fetchurl", 10, 244}, {"__filter", 8, 171}, {"__filterSource", 14, 134}, {"__findFile", 10, 47}, {"__flakeRefToString", 18,
        253}, {"__floor", 7, 93}, {"__foldl'", 8, 179}, {"__fromJSON", 10, 130}, {"__functionArgs", 14, 156}, {"__functor", 9, 14},
        {"__genList", 9, 185}, {"__genericClosure", 16, 84}, {"__getAttr", 9, 141}, {"__getContext", 12, 238}, {"__getEnv", 8, 97},
        {"__getFlake", 10, 249}, {"__groupBy", 9, 191}, {"__hasAttr", 9, 145}, {"__hasContext", 12, 232}, {"__hashFile", 10, 120},
        {"__hashString", 12, 212}, {"__head", 6, 166}, {"__ignoreNulls", 13, 10}, {"__impure", 8, 29}, {"__intersectAttrs", 16, 152},
        {"__isAttrs", 9, 147}, {"__isBool", 8, 80}, {"__isFloat", 9, 76}, {"__isFunction", 12, 72}, {"__isInt", 7, 74}, {"__isList", 8,
        162}, {"__isPath", 8, 82}, {"__isString", 10, 78}, {"__json", 6, 19}, {"__langVersion", 13, 62}, {"__length", 8, 177},
        {"__lessThan", 10, 43}, {"__listToAttrs", 13, 150}, {"__mapAttrs", 10, 158}, {"__match", 7, 216}, {"__mul", 5, 44}, {"__nixPath", 9,
        48}, {"__nixVersion", 12, 58}, {"__overrides", 11, 7}, {"__parseDrvName", 14, 224}, {"__parseFlakeRef", 15, 251}, {"__partition",
        11, 189}, {"__path", 6, 136}, {"__pathExists", 12, 113}, {"__readDir", 9, 124}, {"__readFile", 10, 117}, {"__readFileType", 14,
        122}, {"__replaceStrings", 16, 222}, {"__seq", 5, 99}, {"__sort", 6, 187}, {"__split", 7, 218}, {"__splitVersion", 14, 228},
        {"__storeDir", 10, 60}, {"__storePath", 11, 111}, {"__stringLength", 14, 210}, {"__structuredAttrs", 17, 18}, {"__sub", 5, 42},
        {"__substring", 11, 208}, {"__tail", 6, 168}, {"__toFile", 8, 132}, {"__toJSON", 8, 128}, {"__toPath", 8, 109}, {"__toString", 10,
        15}, {"__toXML", 7, 126}, {"__trace", 7, 103}, {"__traceVerbose", 14, 64}, {"__tryEval", 9, 95}, {"__typeOf", 8, 69},
        {"__unsafeDiscardOutputDependency", 31, 234}, {"__unsafeDiscardStringContext", 28, 230}, {"__unsafeGetAttrPos", 18, 143}, {"__warn",
        6, 105}, {"__zipAttrsWith", 14, 160}, {"abort", 5, 87}, {"add", 3, 196}, {"addDrvOutputDependencies", 24, 237}, {"addErrorContext",
        15, 90}, {"all", 3, 184}, {"allowedReferences", 17, 20}, {"allowedRequisites", 17, 21}, {"any", 3, 182}, {"appendContext", 13, 241},
        {"args", 4, 27}, {"attrNames", 9, 138}, {"attrValues", 10, 140}, {"baseNameOf", 10, 115}, {"bitAnd", 6, 201}, {"bitOr", 5, 203},
        {"bitXor", 6, 205}, {"body", 4, 49}, {"break", 5, 86}, {"builder", 7, 26}, {"builtins", 8, 50}, {"catAttrs", 8, 155}, {"ceil", 4,
        92}, {"column", 6, 13}, {"commonAttrs", 11, 258}, {"compareVersions", 15, 227}, {"concatLists", 11, 176}, {"concatMap", 9, 194},
        {"concatStringsSep", 16, 221}, {"convertHash", 11, 215}, {"currentSystem", 13, 57}, {"currentTime", 11, 55}, {"deepSeq", 7, 102},
        {"derivation", 10, 255}, {"derivationStrict", 16, 107}, {"description", 11, 34}, {"dirOf", 5, 116}, {"disallowedReferences", 20,
        22}, {"disallowedRequisites", 20, 23}, {"div", 3, 199}, {"drvAttrs", 8, 257}, {"drvPath", 7, 1}, {"elem", 4, 174}, {"elemAt", 6,
        165}, {"false", 5, 52}, {"fetchFinalTree", 14, 243}, {"fetchGit", 8, 247}, {"fetchMercurial", 14, 242}, {"fetchTarball", 12, 246},
        {"fetchurl", 8, 245}, {"file", 4, 11}, {"filter", 6, 172}, {"filterSource", 12, 135}, {"findFile", 8, 119}, {"flakeRefToString", 16,
        254}, {"floor", 5, 94}, {"foldl'", 6, 180}, {"fromJSON", 8, 131}, {"fromTOML", 8, 248}, {"functionArgs", 12, 157}, {"genList", 7,
        186}, {"genericClosure", 14, 85}, {"getAttr", 7, 142}, {"getContext", 10, 239}, {"getEnv", 6, 98}, {"getFlake", 8, 250}, {"groupBy",
        7, 192}, {"hasAttr", 7, 146}, {"hasContext", 10, 233}, {"hashFile", 8, 121}, {"hashString", 10, 213}, {"head", 4, 167}, {"import",
        6, 68}, {"intersectAttrs", 14, 153}, {"isAttrs", 7, 148}, {"isBool", 6, 81}, {"isFloat", 7, 77}, {"isFunction", 10, 73}, {"isInt",
        5, 75}, {"isList", 6, 163}, {"isNull", 6, 71}, {"isPath", 6, 83}, {"isString", 8, 79}, {"key", 3, 38}, {"langVersion", 11, 63},
        {"length", 6, 178}, {"lessThan", 8, 206}, {"line", 4, 12}, {"listToAttrs", 11, 151}, {"map", 3, 170}, {"mapAttrs", 8, 159},
        {"match", 5, 217}, {"maxClosureSize", 14, 25}, {"maxSize", 7, 24}, {"meta", 4, 3}, {"mul", 3, 198}, {"name", 4, 4}, {"nixPath", 7,
        66}, {"nixVersion", 10, 59}, {"null", 4, 53}, {"operator", 8, 37}, {"or", 2, 46}, {"outPath", 7, 0}, {"outputHash", 10, 30},
        {"outputHashAlgo", 14, 31}, {"outputHashMode", 14, 32}, {"outputName", 10, 9}, {"outputSpecified", 15, 41},
        {"outputToAttrListElement", 23, 261}, {"outputs", 7, 8}, {"outputsList", 11, 259}, {"parseDrvName", 12, 225}, {"parseFlakeRef", 13,
        252}, {"partition", 9, 190}, {"path", 4, 39}, {"pathExists", 10, 114}, {"placeholder", 11, 108}, {"prefix", 6, 40}, {"readDir", 7,
        125}, {"readFile", 8, 118}, {"readFileType", 12, 123}, {"recurseForDerivations", 21, 33}, {"removeAttrs", 11, 149},
        {"replaceStrings", 14, 223}, {"right", 5, 16}, {"scopedImport", 12, 67}, {"self", 4, 35}, {"seq", 3, 100}, {"sort", 4, 188},
        {"split", 5, 219}, {"splitVersion", 12, 229}, {"startSet", 8, 36}, {"storeDir", 8, 61}, {"storePath", 9, 112}, {"strict", 6, 256},
        {"stringLength", 12, 211}, {"sub", 3, 197}, {"substring", 9, 209}, {"system", 6, 6}, {"tail", 4, 169}, {"throw", 5, 88}, {"toFile",
        6, 133}, {"toJSON", 6, 129}, {"toPath", 6, 110}, {"toString", 8, 207}, {"toXML", 5, 127}, {"trace", 5, 104}, {"traceVerbose", 12,
        65}, {"true", 4, 51}, {"tryEval", 7, 96}, {"type", 4, 2}, {"typeOf", 6, 70}, {"unsafeDiscardOutputDependency", 29, 235},
        {"unsafeDiscardStringContext", 26, 231}, {"unsafeGetAttrPos", 16, 144}, {"value", 5, 5}, {"warn", 4, 106}, {"wrong", 5, 17}, {"x",
        1, 260}, {"zipAttrsWith", 12, 161}
    };
    #define SNOW_KNOWN_COUNT (sizeof(snow_known_names) / sizeof(*snow_known_names))
    """
    ctypedef struct Known "struct snow_known":
        const char* name
        uint8_t size_bytes
        uint16_t turn
    const Known* known_names "snow_known_names"
    uint32_t KNOWN_COUNT "SNOW_KNOWN_COUNT"


# A name of the scope.
cdef struct ScopePlace:
    Name name
    uint32_t turn
    uint32_t index                    # in the source


cdef uint32_t _turn_of(Compiler* c, Name name) noexcept nogil:
    cdef Text known
    cdef uint32_t low = 0, high = KNOWN_COUNT, middle
    cdef int difference
    while low < high:
        middle = (low + high) >> 1
        known.data = <const uint8_t*>known_names[middle].name
        known.size_bytes = known_names[middle].size_bytes
        difference = compare_text(&known, &c.names[name])
        if difference == 0:
            return known_names[middle].turn
        if difference < 0:
            low = middle + 1
        else:
            high = middle
    return KNOWN_COUNT + name


cdef inline bint _is_above_by_number(const void* context, const ScopePlace* a, const ScopePlace* b) noexcept nogil:
    return a.name > b.name


cdef inline bint _is_above_by_turn(const void* context, const ScopePlace* a, const ScopePlace* b) noexcept nogil:
    return a.turn > b.turn


cdef ScopePlace* _find_place(ScopePlace* places, uint32_t count, Name name) noexcept nogil:
    """The one of that name, or NULL; they are in the order of `_is_above_by_number`."""
    cdef uint32_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) >> 1
        if places[middle].name < name:
            low = middle + 1
        else:
            high = middle
    return places + low if low < count and places[low].name == name else NULL


cdef bint _is_before(Compiler* c, Bound* bound, uint32_t first, uint32_t second, bint by_name) noexcept nogil:
    """Whether a name would have its value before another one if nothing showed."""
    if not by_name:
        return first < second
    return compare_text(&c.names[bound[first].name], &c.names[bound[second].name]) < 0


cdef bint _note_aliases(Compiler* c, Bound* bound, uint32_t count, ScopePlace* places, bint by_name, bint* waits) noexcept nogil:
    """Fills `waits`; returns whether the order shows."""
    cdef bint shows = False, is_first, is_usually_first
    cdef uint32_t i
    cdef ScopePlace* of
    for i in range(count):
        if bound[i].alias == NO_NAME:
            continue
        leave_if_asked()
        of = _find_place(places, count, bound[i].alias)
        if of == NULL or of.index == i:
            continue
        is_first = _turn_of(c, of.name) < _turn_of(c, bound[i].name)
        is_usually_first = _is_before(c, bound, of.index, i, by_name)
        if bound[of.index].kind == BOUND_OUTSIDE:
            waits[i] = not is_first
            shows |= is_first and not is_usually_first
        elif bound[of.index].kind == BOUND_EARLY:
            shows |= not is_first or not is_usually_first
        else:
            shows |= is_first != is_usually_first
    return shows


cdef void find_turns(Compiler* c, Bound* bound, uint32_t count, bint by_name, Turns* turns) noexcept nogil:
    """`by_name`: the usual order is that of the names, not that of the source.  The caller forgets the turns."""
    cdef ScopePlace* places
    cdef ScopePlace* scratch
    cdef uint32_t i
    turns.order = NULL
    turns.waits = NULL
    for i in range(count):
        if bound[i].alias != NO_NAME:
            break
    else:
        return
    places = <ScopePlace*>hold(count * sizeof(ScopePlace))
    scratch = <ScopePlace*>hold(count * sizeof(ScopePlace))
    for i in range(count):
        places[i].name = bound[i].name
        places[i].index = i
    merge_sort(places, scratch, count, _is_above_by_number, _leaves, NULL)
    turns.waits = <bint*>hold(count * sizeof(bint))
    memset(turns.waits, 0, count * sizeof(bint))
    if _note_aliases(c, bound, count, places, by_name, turns.waits):
        for i in range(count):
            places[i].turn = _turn_of(c, places[i].name)
        merge_sort(places, scratch, count, _is_above_by_turn, _leaves, NULL)
        turns.order = <NamedIndex*>hold(count * sizeof(NamedIndex))
        for i in range(count):
            turns.order[i].name = c.names[places[i].name]
            turns.order[i].index = places[i].index
    release(places)
    release(scratch)


cdef Name alias_of(const Node* value) noexcept nogil:
    """The name that a value is only another name of, or NO_NAME.  `value` may be NULL."""
    return value.name if value != NULL and value.kind == NODE_VARIABLE else <Name>NO_NAME


cdef void turns_of_bindings(Compiler* c, Bindings* bindings, bint by_name, Turns* turns) noexcept nogil:
    """See `find_turns`."""
    cdef Bound* bound = <Bound*>hold(bindings.count * sizeof(Bound))
    cdef Binding* binding
    cdef uint32_t i
    for i in range(bindings.count):
        binding = bindings.items + i
        bound[i].name = binding.name
        bound[i].alias = alias_of(binding.value) if binding.kind == BINDING_PLAIN else <Name>NO_NAME
        bound[i].kind = BOUND_HERE if binding.kind == BINDING_PLAIN else BOUND_OUTSIDE if binding.kind == BINDING_INHERIT else BOUND_EARLY
    find_turns(c, bound, bindings.count, by_name, turns)
    release(bound)


cdef void forget_turns(Turns* turns) noexcept nogil:
    release(turns.order)
    release(turns.waits)
