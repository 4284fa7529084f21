# cython: language_level=3
"""Builtins that ask for the type of a value, and constants that need nothing from outside.

In: one evaluated value.  Out: a string or a boolean.
"""
from libc.string cimport strlen

from snowsnake.builtins.protocol cimport done
from snowsnake.builtins.registry cimport define
from snowsnake.machine.state cimport Machine
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    TAG_ATTRS, TAG_BOX, TAG_FUNCTION, TAG_LIST, TAG_STRING, WORD_FALSE, WORD_NULL, WORD_TRUE, bool_word, is_attrs,
    is_bool, is_float, is_function, is_int, is_list, is_path, is_string, small_int, tag_of,
)

# The version is in the package itself: a module for it would be one more file to read.
import snowsnake

cdef enum:
    LANGUAGE_VERSION = 6

cdef bytes VERSION_BYTES = snowsnake.NIX_VERSION.encode()
cdef const char* VERSION_TEXT = VERSION_BYTES


cdef const char* type_word(Word w) noexcept nogil:
    cdef int tag = tag_of(w)
    if tag == TAG_STRING:
        return "string"
    if tag == TAG_ATTRS:
        return "set"
    if tag == TAG_LIST:
        return "list"
    if tag == TAG_FUNCTION:
        return "lambda"
    if is_int(w):
        return "int"
    if tag == TAG_BOX:
        return "float" if is_float(w) else "path"
    return "null" if w == WORD_NULL else "bool"


cdef int type_of(Machine* m, Word* fp) noexcept nogil:
    cdef const char* name = type_word(fp[0])
    return done(m, symbol_string(m, symbol_intern(m, name, strlen(name))))


cdef int is_attrs_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_attrs(fp[0])))


cdef int is_bool_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_bool(fp[0])))


cdef int is_float_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_float(fp[0])))


cdef int is_function_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_function(fp[0])))


cdef int is_int_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_int(fp[0])))


cdef int is_list_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_list(fp[0])))


cdef int is_null_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(fp[0] == WORD_NULL))


cdef int is_path_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_path(fp[0])))


cdef int is_string_(Machine* m, Word* fp) noexcept nogil:
    return done(m, bool_word(is_string(fp[0])))


# ---- constants --------------------------------------------------------------------------------------------------

cdef int true_(Machine* m, Word* fp) noexcept nogil:
    return done(m, WORD_TRUE)


cdef int false_(Machine* m, Word* fp) noexcept nogil:
    return done(m, WORD_FALSE)


cdef int null_(Machine* m, Word* fp) noexcept nogil:
    return done(m, WORD_NULL)


cdef int lang_version(Machine* m, Word* fp) noexcept nogil:
    return done(m, small_int(LANGUAGE_VERSION))


cdef int nix_version(Machine* m, Word* fp) noexcept nogil:
    return done(m, symbol_string(m, symbol_intern(m, VERSION_TEXT, strlen(VERSION_TEXT))))


cdef int builtins_(Machine* m, Word* fp) noexcept nogil:
    return done(m, m.builtins_attrs)


define("typeOf", type_of)
define("isAttrs", is_attrs_)
define("isBool", is_bool_)
define("isFloat", is_float_)
define("isFunction", is_function_)
define("isInt", is_int_)
define("isList", is_list_)
define("isNull", is_null_)
define("isPath", is_path_)
define("isString", is_string_)
define("true", true_)
define("false", false_)
define("null", null_)
define("langVersion", lang_version)
define("nixVersion", nix_version)
define("builtins", builtins_)
