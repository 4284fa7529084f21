# cython: language_level=3
"""The turn of a name: when C++ Nix met it first, which is the order in which it takes the names of a set.

Before all others come those that it knows from the start; then the names of a file by place, where the parameter of a lambda comes after the
body, and a formal after its default, because its parser makes names in this order.  Our parser numbers them in the same order (parser.pyx).  Names met in files that were
read before are not counted.

In: the names of a tree, and one of them.  Out: its turn.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from snowsnake.syntax.global_names cimport compare_text

# These names are in byte order. Each has its size, and its turn among the names that C++ Nix knows from the start. We found the turns by
# `==` of sets with two of the names each, which shows the name that C++ Nix compares first.
cdef extern from *:
    """
    static const struct snow_known { const char *name; unsigned char size_bytes; unsigned short turn; } snow_known_names[] = {
        {"", 0, 36}, {"__add", 5, 196}, {"__addDrvOutputDependencies", 26, 237}, {"__addErrorContext", 17, 90}, {"__all", 5, 184}, {"__any", 5, 182},
        {"__appendContext", 15, 241}, {"__attrNames", 11, 138}, {"__attrValues", 12, 140}, {"__bitAnd", 8, 201}, {"__bitOr", 7, 203},
        {"__bitXor", 8, 205}, {"__catAttrs", 10, 155}, {"__ceil", 6, 92}, {"__compareVersions", 17, 227}, {"__concatLists", 13, 176},
        {"__concatMap", 11, 194}, {"__concatStringsSep", 18, 221}, {"__contentAddressed", 18, 28}, {"__convertHash", 13, 215},
        {"__currentSystem", 15, 57}, {"__currentTime", 13, 55}, {"__deepSeq", 9, 102}, {"__div", 5, 46}, {"__elem", 6, 174}, {"__elemAt", 8,
        165}, {"__fetchurl", 10, 245}, {"__filter", 8, 172}, {"__filterSource", 14, 135}, {"__findFile", 10, 48}, {"__flakeRefToString", 18,
        254}, {"__floor", 7, 94}, {"__foldl'", 8, 180}, {"__fromJSON", 10, 131}, {"__functionArgs", 14, 157}, {"__functor", 9, 14},
        {"__genList", 9, 186}, {"__genericClosure", 16, 85}, {"__getAttr", 9, 142}, {"__getContext", 12, 239}, {"__getEnv", 8, 98},
        {"__getFlake", 10, 250}, {"__groupBy", 9, 192}, {"__hasAttr", 9, 146}, {"__hasContext", 12, 233}, {"__hashFile", 10, 121},
        {"__hashString", 12, 213}, {"__head", 6, 167}, {"__ignoreNulls", 13, 10}, {"__impure", 8, 29}, {"__intersectAttrs", 16, 153},
        {"__isAttrs", 9, 148}, {"__isBool", 8, 81}, {"__isFloat", 9, 77}, {"__isFunction", 12, 73}, {"__isInt", 7, 75}, {"__isList", 8,
        163}, {"__isPath", 8, 83}, {"__isString", 10, 79}, {"__json", 6, 19}, {"__langVersion", 13, 63}, {"__length", 8, 178},
        {"__lessThan", 10, 44}, {"__listToAttrs", 13, 151}, {"__mapAttrs", 10, 159}, {"__match", 7, 217}, {"__mul", 5, 45}, {"__nixPath", 9,
        49}, {"__nixVersion", 12, 59}, {"__overrides", 11, 7}, {"__parseDrvName", 14, 225}, {"__parseFlakeRef", 15, 252}, {"__partition",
        11, 190}, {"__path", 6, 137}, {"__pathExists", 12, 114}, {"__readDir", 9, 125}, {"__readFile", 10, 118}, {"__readFileType", 14,
        123}, {"__replaceStrings", 16, 223}, {"__seq", 5, 100}, {"__sort", 6, 188}, {"__split", 7, 219}, {"__splitVersion", 14, 229},
        {"__storeDir", 10, 61}, {"__storePath", 11, 112}, {"__stringLength", 14, 211}, {"__structuredAttrs", 17, 18}, {"__sub", 5, 43},
        {"__substring", 11, 209}, {"__tail", 6, 169}, {"__toFile", 8, 133}, {"__toJSON", 8, 129}, {"__toPath", 8, 110}, {"__toString", 10,
        15}, {"__toXML", 7, 127}, {"__trace", 7, 104}, {"__traceVerbose", 14, 65}, {"__tryEval", 9, 96}, {"__typeOf", 8, 70},
        {"__unsafeDiscardOutputDependency", 31, 235}, {"__unsafeDiscardStringContext", 28, 231}, {"__unsafeGetAttrPos", 18, 144}, {"__warn",
        6, 106}, {"__zipAttrsWith", 14, 161}, {"abort", 5, 88}, {"add", 3, 197}, {"addDrvOutputDependencies", 24, 238}, {"addErrorContext",
        15, 91}, {"all", 3, 185}, {"allowedReferences", 17, 20}, {"allowedRequisites", 17, 21}, {"any", 3, 183}, {"appendContext", 13, 242},
        {"args", 4, 27}, {"attrNames", 9, 139}, {"attrValues", 10, 141}, {"baseNameOf", 10, 116}, {"bitAnd", 6, 202}, {"bitOr", 5, 204},
        {"bitXor", 6, 206}, {"body", 4, 50}, {"break", 5, 87}, {"builder", 7, 26}, {"builtins", 8, 51}, {"catAttrs", 8, 156}, {"ceil", 4,
        93}, {"column", 6, 13}, {"commonAttrs", 11, 259}, {"compareVersions", 15, 228}, {"concatLists", 11, 177}, {"concatMap", 9, 195},
        {"concatStringsSep", 16, 222}, {"convertHash", 11, 216}, {"currentSystem", 13, 58}, {"currentTime", 11, 56}, {"deepSeq", 7, 103},
        {"derivation", 10, 256}, {"derivationStrict", 16, 108}, {"description", 11, 34}, {"dirOf", 5, 117}, {"disallowedReferences", 20,
        22}, {"disallowedRequisites", 20, 23}, {"div", 3, 200}, {"drvAttrs", 8, 258}, {"drvPath", 7, 1}, {"elem", 4, 175}, {"elemAt", 6,
        166}, {"false", 5, 53}, {"fetchFinalTree", 14, 244}, {"fetchGit", 8, 248}, {"fetchMercurial", 14, 243}, {"fetchTarball", 12, 247},
        {"fetchurl", 8, 246}, {"file", 4, 11}, {"filter", 6, 173}, {"filterSource", 12, 136}, {"findFile", 8, 120}, {"flakeRefToString", 16,
        255}, {"floor", 5, 95}, {"foldl'", 6, 181}, {"fromJSON", 8, 132}, {"fromTOML", 8, 249}, {"functionArgs", 12, 158}, {"genList", 7,
        187}, {"genericClosure", 14, 86}, {"getAttr", 7, 143}, {"getContext", 10, 240}, {"getEnv", 6, 99}, {"getFlake", 8, 251}, {"groupBy",
        7, 193}, {"hasAttr", 7, 147}, {"hasContext", 10, 234}, {"hashFile", 8, 122}, {"hashString", 10, 214}, {"head", 4, 168}, {"import",
        6, 69}, {"intersectAttrs", 14, 154}, {"isAttrs", 7, 149}, {"isBool", 6, 82}, {"isFloat", 7, 78}, {"isFunction", 10, 74}, {"isInt",
        5, 76}, {"isList", 6, 164}, {"isNull", 6, 72}, {"isPath", 6, 84}, {"isString", 8, 80}, {"key", 3, 39}, {"langVersion", 11, 64},
        {"length", 6, 179}, {"lessThan", 8, 207}, {"line", 4, 12}, {"listToAttrs", 11, 152}, {"map", 3, 171}, {"mapAttrs", 8, 160},
        {"match", 5, 218}, {"maxClosureSize", 14, 25}, {"maxSize", 7, 24}, {"meta", 4, 3}, {"mul", 3, 199}, {"name", 4, 4}, {"nixPath", 7,
        67}, {"nixVersion", 10, 60}, {"null", 4, 54}, {"operator", 8, 38}, {"or", 2, 47}, {"outPath", 7, 0}, {"outputHash", 10, 30},
        {"outputHashAlgo", 14, 31}, {"outputHashMode", 14, 32}, {"outputName", 10, 9}, {"outputSpecified", 15, 42},
        {"outputToAttrListElement", 23, 262}, {"outputs", 7, 8}, {"outputsList", 11, 260}, {"parseDrvName", 12, 226}, {"parseFlakeRef", 13,
        253}, {"partition", 9, 191}, {"path", 4, 40}, {"pathExists", 10, 115}, {"placeholder", 11, 109}, {"prefix", 6, 41}, {"readDir", 7,
        126}, {"readFile", 8, 119}, {"readFileType", 12, 124}, {"recurseForDerivations", 21, 33}, {"removeAttrs", 11, 150},
        {"replaceStrings", 14, 224}, {"right", 5, 16}, {"scopedImport", 12, 68}, {"self", 4, 35}, {"seq", 3, 101}, {"sort", 4, 189},
        {"split", 5, 220}, {"splitVersion", 12, 230}, {"startSet", 8, 37}, {"storeDir", 8, 62}, {"storePath", 9, 113}, {"strict", 6, 257},
        {"stringLength", 12, 212}, {"sub", 3, 198}, {"substring", 9, 210}, {"system", 6, 6}, {"tail", 4, 170}, {"throw", 5, 89}, {"toFile",
        6, 134}, {"toJSON", 6, 130}, {"toPath", 6, 111}, {"toString", 8, 208}, {"toXML", 5, 128}, {"trace", 5, 105}, {"traceVerbose", 12,
        66}, {"true", 4, 52}, {"tryEval", 7, 97}, {"type", 4, 2}, {"typeOf", 6, 71}, {"unsafeDiscardOutputDependency", 29, 236},
        {"unsafeDiscardStringContext", 26, 232}, {"unsafeGetAttrPos", 16, 145}, {"value", 5, 5}, {"warn", 4, 107}, {"wrong", 5, 17}, {"x",
        1, 261}, {"zipAttrsWith", 12, 162}
    };
    #define SNOW_KNOWN_COUNT (sizeof(snow_known_names) / sizeof(*snow_known_names))
    """
    ctypedef struct Known "struct snow_known":
        const char* name
        uint8_t size_bytes
        uint16_t turn
    const Known* known_names "snow_known_names"
    uint32_t KNOWN_COUNT "SNOW_KNOWN_COUNT"


cdef enum:
    MOST_KNOWN = 512

# This has the indices of the known names, in the order of their turns.
cdef uint16_t[MOST_KNOWN] BY_TURN


cdef fill_turns():
    cdef uint32_t i
    for i in range(KNOWN_COUNT):
        BY_TURN[known_names[i].turn] = <uint16_t>i


fill_turns()


cdef uint32_t known_count() noexcept nogil:
    return KNOWN_COUNT


cdef Text known_name(uint32_t turn) noexcept nogil:
    cdef Text name
    name.data = <const uint8_t*>known_names[BY_TURN[turn]].name
    name.size_bytes = known_names[BY_TURN[turn]].size_bytes
    name.number = 0
    return name


cdef uint32_t turn_of(const Text* names, Name name) noexcept nogil:
    cdef Text known
    cdef uint32_t low = 0, high = KNOWN_COUNT, middle
    cdef int difference
    while low < high:
        middle = (low + high) >> 1
        known.data = <const uint8_t*>known_names[middle].name
        known.size_bytes = known_names[middle].size_bytes
        difference = compare_text(&known, &names[name])
        if difference == 0:
            return known_names[middle].turn
        if difference < 0:
            low = middle + 1
        else:
            high = middle
    return KNOWN_COUNT + name
