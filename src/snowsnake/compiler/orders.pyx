# cython: language_level=3
"""Orders of the names of a scope: that of their bytes, and that in which C++ Nix gives them their values, where a program can tell.

`rec { a = b; b = [ 1 ]; }`: if b has its value before a, a is the same cell as b; otherwise a thunk, whose value is a copy of the list.
Printing shows which, by `<CODE>` and «repeated».  C++ Nix takes the names in the order in which it met them first: before all others those
that it knows from the start; then by place in the file, where the parameter of a lambda comes after the body, and a formal after its
default, because its parser makes names so.  Ours numbers them so, too (syntax/parser.pyx).  Names met in files that were read before are not counted.

In: the names of a scope that see each other.  Out: an order, if it differs from the usual one in a way that shows.
"""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, qsort
from libc.string cimport memset

from snowsnake.compiler.names cimport is_text
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.syntax.deep_stack cimport leave_out_of_memory
from snowsnake.syntax.global_names cimport compare_text
from snowsnake.syntax.nodes cimport BINDING_INHERIT, BINDING_PLAIN, NO_NAME, NODE_VARIABLE, Binding, Text


# ---- by name ----------------------------------------------------------------------------------------------------

cdef int _compare_named(const void* a, const void* b) noexcept nogil:
    return compare_text(&(<NamedIndex*>a).name, &(<NamedIndex*>b).name)


cdef void sort_named(NamedIndex* items, uint32_t count) noexcept nogil:
    cdef uint32_t i, j
    cdef NamedIndex item
    if count > 12:
        qsort(items, count, sizeof(NamedIndex), _compare_named)
        return
    for i in range(1, count):
        item = items[i]
        j = i
        while j > 0 and compare_text(&items[j - 1].name, &item.name) > 0:
            items[j] = items[j - 1]
            j -= 1
        items[j] = item


cdef void* scratch(size_t size_bytes) noexcept nogil:
    """Memory that the construct frees before it ends."""
    cdef void* data = allocate_items(size_bytes if size_bytes else 1, 1)
    if data == NULL:
        leave_out_of_memory()
    return data


cdef NamedIndex* order_of(Compiler* c, Bindings* bindings) noexcept nogil:
    """The bindings in byte order of their names; the caller frees them."""
    cdef NamedIndex* order = <NamedIndex*>scratch(bindings.count * sizeof(NamedIndex))
    cdef uint32_t i
    for i in range(bindings.count):
        order[i].name = c.names[bindings.items[i].name]
        order[i].index = i
    sort_named(order, bindings.count)
    return order


# ---- by the turn in which C++ Nix takes them --------------------------------------------------------------------

cdef enum:
    KNOWN_COUNT = 262

# In this order, as `==` of sets with two of them each shows: which one is compared first.
cdef const char* KNOWN_FROM_THE_START[KNOWN_COUNT]
KNOWN_FROM_THE_START[:] = [
    b"outPath", b"drvPath", b"type", b"meta", b"name", b"value", b"system", b"__overrides", b"outputs", b"outputName", b"__ignoreNulls",
    b"file", b"line", b"column", b"__functor", b"__toString", b"right", b"wrong", b"__structuredAttrs", b"__json", b"allowedReferences",
    b"allowedRequisites", b"disallowedReferences", b"disallowedRequisites", b"maxSize", b"maxClosureSize", b"builder", b"args",
    b"__contentAddressed", b"__impure", b"outputHash", b"outputHashAlgo", b"outputHashMode", b"recurseForDerivations", b"description",
    b"self", b"startSet", b"operator", b"key", b"path", b"prefix", b"outputSpecified", b"__sub", b"__lessThan", b"__mul", b"__div", b"or",
    b"__findFile", b"__nixPath", b"body", b"builtins", b"true", b"false", b"null", b"__currentTime", b"currentTime", b"__currentSystem",
    b"currentSystem", b"__nixVersion", b"nixVersion", b"__storeDir", b"storeDir", b"__langVersion", b"langVersion", b"__traceVerbose",
    b"traceVerbose", b"nixPath", b"scopedImport", b"import", b"__typeOf", b"typeOf", b"isNull", b"__isFunction", b"isFunction", b"__isInt",
    b"isInt", b"__isFloat", b"isFloat", b"__isString", b"isString", b"__isBool", b"isBool", b"__isPath", b"isPath", b"__genericClosure",
    b"genericClosure", b"break", b"abort", b"throw", b"__addErrorContext", b"addErrorContext", b"__ceil", b"ceil", b"__floor", b"floor",
    b"__tryEval", b"tryEval", b"__getEnv", b"getEnv", b"__seq", b"seq", b"__deepSeq", b"deepSeq", b"__trace", b"trace", b"__warn", b"warn",
    b"derivationStrict", b"placeholder", b"__toPath", b"toPath", b"__storePath", b"storePath", b"__pathExists", b"pathExists",
    b"baseNameOf", b"dirOf", b"__readFile", b"readFile", b"findFile", b"__hashFile", b"hashFile", b"__readFileType", b"readFileType",
    b"__readDir", b"readDir", b"__toXML", b"toXML", b"__toJSON", b"toJSON", b"__fromJSON", b"fromJSON", b"__toFile", b"toFile",
    b"__filterSource", b"filterSource", b"__path", b"__attrNames", b"attrNames", b"__attrValues", b"attrValues", b"__getAttr", b"getAttr",
    b"__unsafeGetAttrPos", b"unsafeGetAttrPos", b"__hasAttr", b"hasAttr", b"__isAttrs", b"isAttrs", b"removeAttrs", b"__listToAttrs",
    b"listToAttrs", b"__intersectAttrs", b"intersectAttrs", b"__catAttrs", b"catAttrs", b"__functionArgs", b"functionArgs", b"__mapAttrs",
    b"mapAttrs", b"__zipAttrsWith", b"zipAttrsWith", b"__isList", b"isList", b"__elemAt", b"elemAt", b"__head", b"head", b"__tail", b"tail",
    b"map", b"__filter", b"filter", b"__elem", b"elem", b"__concatLists", b"concatLists", b"__length", b"length", b"__foldl'", b"foldl'",
    b"__any", b"any", b"__all", b"all", b"__genList", b"genList", b"__sort", b"sort", b"__partition", b"partition", b"__groupBy",
    b"groupBy", b"__concatMap", b"concatMap", b"__add", b"add", b"sub", b"mul", b"div", b"__bitAnd", b"bitAnd", b"__bitOr", b"bitOr",
    b"__bitXor", b"bitXor", b"lessThan", b"toString", b"__substring", b"substring", b"__stringLength", b"stringLength", b"__hashString",
    b"hashString", b"__convertHash", b"convertHash", b"__match", b"match", b"__split", b"split", b"__concatStringsSep", b"concatStringsSep",
    b"__replaceStrings", b"replaceStrings", b"__parseDrvName", b"parseDrvName", b"__compareVersions", b"compareVersions", b"__splitVersion",
    b"splitVersion", b"__unsafeDiscardStringContext", b"unsafeDiscardStringContext", b"__hasContext", b"hasContext",
    b"__unsafeDiscardOutputDependency", b"unsafeDiscardOutputDependency", b"__addDrvOutputDependencies", b"addDrvOutputDependencies",
    b"__getContext", b"getContext", b"__appendContext", b"appendContext", b"fetchMercurial", b"fetchFinalTree", b"__fetchurl", b"fetchurl",
    b"fetchTarball", b"fetchGit", b"fromTOML", b"__getFlake", b"getFlake", b"__parseFlakeRef", b"parseFlakeRef", b"__flakeRefToString",
    b"flakeRefToString", b"derivation", b"strict", b"drvAttrs", b"commonAttrs", b"outputsList", b"x", b"outputToAttrListElement",
]


cdef struct Place:                    # a name of the scope
    Name name
    uint32_t turn
    uint32_t index                    # in the source


cdef uint32_t _turn_of(Compiler* c, Name name) noexcept nogil:
    cdef Text text = c.names[name]
    cdef uint32_t i
    for i in range(KNOWN_COUNT):
        if is_text(text, KNOWN_FROM_THE_START[i]):
            return i
    return KNOWN_COUNT + name


cdef int _compare_names(const void* a, const void* b) noexcept nogil:
    cdef Name first = (<const Place*>a).name, second = (<const Place*>b).name
    return (first > second) - (first < second)


cdef int _compare_turns(const void* a, const void* b) noexcept nogil:
    cdef uint32_t first = (<const Place*>a).turn, second = (<const Place*>b).turn
    return (first > second) - (first < second)


cdef Place* _find_place(Place* places, uint32_t count, Name name) noexcept nogil:
    """The one of that name, or NULL; they are in the order of `_compare_names`."""
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


cdef bint _note_aliases(Compiler* c, Bound* bound, uint32_t count, Place* places, bint by_name, bint* waits) noexcept nogil:
    """Fills `waits`; returns whether the order shows."""
    cdef bint shows = False, is_first, is_usually_first
    cdef uint32_t i
    cdef Place* of
    for i in range(count):
        if bound[i].alias == NO_NAME:
            continue
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
    cdef Place* places = <Place*>scratch(count * sizeof(Place))
    cdef uint32_t i
    for i in range(count):
        places[i].name = bound[i].name
        places[i].index = i
    qsort(places, count, sizeof(Place), _compare_names)
    turns.order = NULL
    turns.waits = <bint*>scratch(count * sizeof(bint))
    memset(turns.waits, 0, count * sizeof(bint))
    if _note_aliases(c, bound, count, places, by_name, turns.waits):
        for i in range(count):
            places[i].turn = _turn_of(c, places[i].name)
        qsort(places, count, sizeof(Place), _compare_turns)
        turns.order = <NamedIndex*>scratch(count * sizeof(NamedIndex))
        for i in range(count):
            turns.order[i].name = c.names[places[i].name]
            turns.order[i].index = places[i].index
    free(places)


cdef void turns_of_bindings(Compiler* c, Bindings* bindings, bint by_name, Turns* turns) noexcept nogil:
    """See `find_turns`."""
    cdef Bound* bound
    cdef Binding* binding
    cdef uint32_t i
    turns.order = NULL
    turns.waits = NULL
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_PLAIN and bindings.items[i].value.kind == NODE_VARIABLE:
            break
    else:
        return
    bound = <Bound*>scratch(bindings.count * sizeof(Bound))
    for i in range(bindings.count):
        binding = bindings.items + i
        bound[i].name = binding.name
        bound[i].alias = binding.value.name if binding.kind == BINDING_PLAIN and binding.value.kind == NODE_VARIABLE else <Name>NO_NAME
        bound[i].kind = BOUND_HERE if binding.kind == BINDING_PLAIN else BOUND_OUTSIDE if binding.kind == BINDING_INHERIT else BOUND_EARLY
    find_turns(c, bound, bindings.count, by_name, turns)
    free(bound)


cdef void forget_turns(Turns* turns) noexcept nogil:
    free(turns.order)
    free(turns.waits)
