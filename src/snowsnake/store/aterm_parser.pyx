# cython: language_level=3
"""Parses the text of a `.drv` file; an error for hostile input says what was expected.

In: bytes.  Out: a `DerivationFields` whose views point into them; only strings with escapes are copied.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport qsort
from libc.string cimport memchr, memcmp, memset, strlen

from snowsnake.foundation.allocate cimport resize_items
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_byte, bytes_free, bytes_reserve, bytes_text, bytes_view, make_view, view_equal, view_is,
)
from snowsnake.foundation.escapes cimport unescaped
from snowsnake.store.aterm cimport (
    OUTPUT_DEFERRED, OUTPUT_FIXED, OUTPUT_FLOATING, OUTPUT_IMPURE, OUTPUT_INPUT_ADDRESSED, DerivationFields, InputDrv, Output,
    Variable, compare_inputs, compare_outputs, compare_variables, derivation_free, derivation_init, derivation_kind,
)
from snowsnake.store.hash_functions cimport HASH_NONE, hash_name
from snowsnake.store.hashing cimport hash_kind_parse, hash_parse_plain
from snowsnake.store.store_path cimport (
    INGEST_FLAT, INGEST_GIT, INGEST_RECURSIVE, INGEST_TEXT, ingestion_prefix, store_path_parse, views_sort,
)

from snowsnake.store.aterm import KIND_NAMES, METHOD_NAMES


cdef struct Parser:
    View store_dir
    const uint8_t* at
    const uint8_t* end
    DerivationFields* drv
    Bytes* error
    # The text has the version "xp-dyn-drv", in which inputs may have children.
    bint has_version


cdef bint no_memory(Parser* self) noexcept nogil:
    self.error.failed = True
    return False


cdef bint expect(Parser* self, const char* text) noexcept nogil:
    cdef size_t size = strlen(text)
    if <size_t>(self.end - self.at) < size or memcmp(self.at, text, size) != 0:
        bytes_text(self.error, "unexpected end of file" if self.at == self.end else "expected string '")
        if self.at != self.end:
            bytes_text(self.error, text)
            bytes_byte(self.error, c"'")
        return False
    self.at += size
    return True


cdef bint starts_with(const Parser* self, uint8_t c) noexcept nogil:
    return self.at < self.end and self.at[0] == c


cdef bint parse_string(Parser* self, View* out) noexcept nogil:
    """Parses a quoted string; copies only one with escapes, to memory that `aterm_parse` reserved for the whole text."""
    cdef Bytes* store = &self.drv.unescaped
    cdef const uint8_t* start
    cdef uint8_t c
    cdef size_t first = store.size
    if not expect(self, '"'):
        return False
    start = self.at
    while self.at < self.end and self.at[0] != c'"' and self.at[0] != c'\\':
        self.at += 1
    if starts_with(self, c'"'):
        out[0] = make_view(start, self.at - start)
        self.at += 1
        return True
    if self.at == self.end:
        return expect(self, '"')
    while start < self.at:
        store.data[store.size] = start[0]
        store.size += 1
        start += 1
    while self.at < self.end and self.at[0] != c'"':
        c = self.at[0]
        self.at += 1
        if c == c'\\':
            if self.at == self.end:
                break
            c = unescaped(self.at[0])
            self.at += 1
        store.data[store.size] = c
        store.size += 1
    out[0] = make_view(store.data + first, store.size - first)
    return expect(self, '"')


cdef bint parse_store_path(Parser* self, View* out, View* base) noexcept nogil:
    if not parse_string(self, out):
        return False
    if out.size == 0 or out.data[0] != c'/':
        bytes_text(self.error, "bad path '")
        bytes_view(self.error, out[0])
        bytes_text(self.error, "' in derivation")
        return False
    return store_path_parse(self.store_dir, out[0], base, self.error)


cdef bint item_follows(Parser* self, size_t before, bint* found) noexcept nogil:
    """Sets *found* if another item of the list follows, and skips the comma or the closing bracket.  *before*: the number of items so far."""
    found[0] = False
    if starts_with(self, c']'):
        self.at += 1
        return True
    if before and not expect(self, ","):
        return False
    found[0] = True
    return True


cdef void* grown(void* array, size_t count, size_t item_size) noexcept nogil:
    """Makes room for one more item after *count*: doubles the array when *count* is a power of two."""
    if count & (count - 1) == 0 or array == NULL:
        return resize_items(array, item_size * (2 * count if count else 1), 1)
    return array


cdef bint parse_output(Parser* self, Output* output) noexcept nogil:
    cdef View algorithm, hashed, base
    cdef int kind = HASH_NONE
    memset(output, 0, sizeof(Output))
    if not (expect(self, "(") and parse_string(self, &output.name) and expect(self, ",")
            and parse_string(self, &output.path) and expect(self, ",") and parse_string(self, &algorithm)
            and expect(self, ",") and parse_string(self, &hashed) and expect(self, ")")):
        return False
    if output.path.size and not store_path_parse(self.store_dir, output.path, &base, self.error):
        return False
    if algorithm.size == 0:
        if hashed.size:
            bytes_text(self.error, "a hash without an algorithm in derivation")
            return False
        output.kind = OUTPUT_INPUT_ADDRESSED if output.path.size else OUTPUT_DEFERRED
        return True
    output.method = INGEST_FLAT
    if algorithm.size > 2 and memcmp(algorithm.data, <const char*>"r:", 2) == 0:
        output.method = INGEST_RECURSIVE
    elif algorithm.size > 4 and memcmp(algorithm.data, <const char*>"git:", 4) == 0:
        output.method = INGEST_GIT
    elif algorithm.size > 5 and memcmp(algorithm.data, <const char*>"text:", 5) == 0:
        output.method = INGEST_TEXT
    algorithm.data += strlen(ingestion_prefix(output.method))
    algorithm.size -= strlen(ingestion_prefix(output.method))
    if not hash_kind_parse(algorithm, &kind, self.error):
        return False
    output.digest.kind = <uint8_t>kind
    if view_is(hashed, "impure") or hashed.size == 0:
        output.kind = OUTPUT_IMPURE if hashed.size else OUTPUT_FLOATING
        if output.path.size:
            bytes_text(self.error, "a content-addressed output with a path in derivation")
            return False
        return True
    output.kind = OUTPUT_FIXED
    if output.path.size == 0:
        bytes_text(self.error, "bad path '' in derivation")
        return False
    return hash_parse_plain(hashed, kind, &output.digest, self.error)


cdef bint parse_outputs(Parser* self) noexcept nogil:
    cdef DerivationFields* drv = self.drv
    cdef bint found
    cdef Output* items
    while True:
        if not item_follows(self, drv.output_count, &found):
            return False
        if not found:
            break
        items = <Output*>grown(drv.outputs, drv.output_count, sizeof(Output))
        if items == NULL:
            return no_memory(self)
        drv.outputs = items
        if not parse_output(self, &items[drv.output_count]):
            return False
        drv.output_count += 1
    if drv.output_count:
        qsort(drv.outputs, drv.output_count, sizeof(Output), compare_outputs)
    return True


cdef bint add_input(Parser* self, View path, View output) noexcept nogil:
    cdef DerivationFields* drv = self.drv
    cdef InputDrv* items = <InputDrv*>grown(drv.input_drvs, drv.input_drv_count, sizeof(InputDrv))
    if items == NULL:
        return no_memory(self)
    drv.input_drvs = items
    items[drv.input_drv_count].path = path
    items[drv.input_drv_count].output = output
    items[drv.input_drv_count].all_outputs = False
    items[drv.input_drv_count].children = make_view(NULL, 0)
    drv.input_drv_count += 1
    return True


cdef bint skip_strings(Parser* self) noexcept nogil:
    """Skips a list of strings, after its opening bracket."""
    cdef View name
    cdef bint found
    cdef size_t count = 0
    while True:
        if not item_follows(self, count, &found):
            return False
        if not found:
            return True
        count += 1
        if not parse_string(self, &name):
            return False


cdef bint parse_children(Parser* self, View* out) noexcept nogil:
    """Checks children, `[("out",["out"]),("out2",([],[("out",["out"])]))]`, with a count of open brackets instead of recursion.

    *out* is their text; its data is NULL if there are none.
    """
    cdef const uint8_t* start = self.at
    cdef View name
    cdef size_t depth = 1
    cdef bint is_first = True
    if not expect(self, "["):
        return False
    while depth:
        if starts_with(self, c']'):
            self.at += 1
            depth -= 1
            if depth and not expect(self, "))"):
                return False
            is_first = False
            continue
        if not (is_first or expect(self, ",")):
            return False
        if not (expect(self, "(") and parse_string(self, &name) and expect(self, ",")):
            return False
        if starts_with(self, c'('):
            if not (expect(self, "([") and skip_strings(self) and expect(self, ",[")):
                return False
            depth += 1
            is_first = True
            if depth > MOST_LEVELS:
                bytes_text(self.error, "outputs of derivations that are outputs are nested too deep in derivation")
                return False
            continue
        if not (expect(self, "[") and skip_strings(self) and expect(self, ")")):
            return False
        is_first = False
    out[0] = make_view(start if self.at - start > 2 else NULL, self.at - start)
    return True


cdef bint parse_input_drvs(Parser* self) noexcept nogil:
    cdef View path, base, output, children
    cdef bint found, has_children
    cdef size_t count = 0, outputs
    while True:
        if not item_follows(self, count, &found):
            return False
        if not found:
            break
        count += 1
        if not (expect(self, "(") and parse_store_path(self, &path, &base) and expect(self, ",")):
            return False
        has_children = self.has_version and starts_with(self, c'(')
        children = make_view(NULL, 0)
        if not expect(self, "([" if has_children else "["):
            return False
        if base.size < 5 or not view_is(make_view(base.data + base.size - 4, 4), ".drv"):
            bytes_text(self.error, "store path '")
            bytes_view(self.error, base)
            bytes_text(self.error, "' is not a valid derivation path")
            return False
        outputs = 0
        while True:
            if not item_follows(self, outputs, &found):
                return False
            if not found:
                break
            outputs += 1
            if not parse_string(self, &output) or not add_input(self, path, output):
                return False
        if has_children and not (expect(self, ",") and parse_children(self, &children) and expect(self, ")")):
            return False
        if (outputs == 0 or children.data != NULL) and not add_input(self, path, make_view(NULL, 0)):
            return False
        if children.data != NULL:
            self.drv.input_drvs[self.drv.input_drv_count - 1].children = children
            self.drv.is_dynamic = True
        if not expect(self, ")"):
            return False
    if self.drv.input_drv_count:
        qsort(self.drv.input_drvs, self.drv.input_drv_count, sizeof(InputDrv), compare_inputs)
    return True


cdef bint parse_views(Parser* self, View** array, size_t* count, bint are_paths) noexcept nogil:
    cdef View* items
    cdef View base
    cdef bint found
    while True:
        if not item_follows(self, count[0], &found):
            return False
        if not found:
            return True
        items = <View*>grown(array[0], count[0], sizeof(View))
        if items == NULL:
            return no_memory(self)
        array[0] = items
        if are_paths:
            if not parse_store_path(self, &items[count[0]], &base):
                return False
        elif not parse_string(self, &items[count[0]]):
            return False
        count[0] += 1


cdef bint parse_env(Parser* self) noexcept nogil:
    cdef DerivationFields* drv = self.drv
    cdef Variable* items
    cdef bint found
    while True:
        if not item_follows(self, drv.env_count, &found):
            return False
        if not found:
            break
        items = <Variable*>grown(drv.env, drv.env_count, sizeof(Variable))
        if items == NULL:
            return no_memory(self)
        drv.env = items
        if not (expect(self, "(") and parse_string(self, &items[drv.env_count].name) and expect(self, ",")
                and parse_string(self, &items[drv.env_count].value) and expect(self, ")")):
            return False
        drv.env_count += 1
    if drv.env_count:
        qsort(drv.env, drv.env_count, sizeof(Variable), compare_variables)
    return True


cdef bint refuse_repeated(Parser* self, View name) noexcept nogil:
    bytes_text(self.error, "'")
    bytes_view(self.error, name)
    bytes_text(self.error, "' is repeated in derivation")
    return False


cdef bint check_distinct(Parser* self) noexcept nogil:
    cdef const DerivationFields* drv = self.drv
    cdef size_t i
    for i in range(1, drv.output_count):
        if view_equal(drv.outputs[i - 1].name, drv.outputs[i].name):
            return refuse_repeated(self, drv.outputs[i].name)
    for i in range(1, drv.env_count):
        if view_equal(drv.env[i - 1].name, drv.env[i].name):
            return refuse_repeated(self, drv.env[i].name)
    for i in range(1, drv.input_drv_count):
        if compare_inputs(&drv.input_drvs[i - 1], &drv.input_drvs[i]) == 0:
            return refuse_repeated(self, drv.input_drvs[i].path)
    return True


cdef bint parse_version(Parser* self) noexcept nogil:
    cdef View version
    if not (expect(self, "DrvWithVersion(") and parse_string(self, &version)):
        return False
    if not view_is(version, "xp-dyn-drv"):
        bytes_text(self.error, "Unknown derivation ATerm format version '")
        bytes_view(self.error, version)
        bytes_byte(self.error, c"'")
        return False
    return expect(self, ",")


cdef bint aterm_parse(View store_dir, View text, DerivationFields* out, Bytes* error) noexcept nogil:
    cdef Parser parser
    derivation_init(out)
    parser.store_dir = store_dir
    parser.at = text.data
    parser.end = text.data + text.size
    parser.drv = out
    parser.error = error
    if memchr(text.data, c'\\', text.size) != NULL and not bytes_reserve(&out.unescaped, text.size):
        return no_memory(&parser)
    if text.size and text.data[0] != c'D':
        return expect(&parser, "D")
    parser.has_version = text.size > 14 and memcmp(text.data, <const char*>"DrvWithVersion", 14) == 0
    if parser.has_version and not parse_version(&parser):
        return False
    if not (expect(&parser, "[" if parser.has_version else "Derive([") and parse_outputs(&parser) and expect(&parser, ",[")
            and parse_input_drvs(&parser) and expect(&parser, ",[")
            and parse_views(&parser, &out.input_srcs, &out.input_src_count, True) and expect(&parser, ",")
            and parse_string(&parser, &out.platform) and expect(&parser, ",") and parse_string(&parser, &out.builder)
            and expect(&parser, ",[") and parse_views(&parser, &out.args, &out.arg_count, False)
            and expect(&parser, ",[") and parse_env(&parser) and expect(&parser, ")")):
        return False
    if parser.at != parser.end:
        bytes_text(error, "trailing bytes after the derivation")
        return False
    if out.input_src_count:
        out.input_src_count = views_sort(out.input_srcs, out.input_src_count)
    return check_distinct(&parser)


# --- for Python ----------------------------------------------------------------------------------------------------------

MAX_LEVELS = MOST_LEVELS


cdef str text_of(View view):
    return view.data[:view.size].decode(errors="surrogateescape") if view.size else ""


def parse(bytes text not None, str store_dir="/nix/store"):
    """(outputs, input_drvs, input_srcs, platform, builder, args, env, children) of the text of a `.drv`; ValueError if it is malformed.

    outputs: (name, path, kind, method or None, algorithm or None, digest or None); input_drvs: (path, output or None);
    children: (path, text) of each input derivation of which outputs of outputs are wanted.
    """
    cdef bytes directory = store_dir.encode(errors="surrogateescape")
    cdef DerivationFields drv
    cdef Bytes error
    cdef bint ok
    cdef size_t i
    memset(&error, 0, sizeof(error))
    try:
        ok = aterm_parse(make_view(<const char*>directory, len(directory)), make_view(<const char*>text, len(text)), &drv,
                         &error)
        ok = ok and derivation_kind(&drv, &error) != 0
        if error.failed:
            raise MemoryError
        if not ok:
            raise ValueError(error.data[:error.size].decode(errors="surrogateescape"))
        outputs = []
        for i in range(drv.output_count):
            method = algorithm = digest = None
            if drv.outputs[i].digest.kind:
                method = METHOD_NAMES[drv.outputs[i].method]
                algorithm = hash_name(drv.outputs[i].digest.kind).decode()
                if drv.outputs[i].kind == OUTPUT_FIXED:
                    digest = drv.outputs[i].digest.data[:drv.outputs[i].digest.size]
            outputs.append((text_of(drv.outputs[i].name), text_of(drv.outputs[i].path), KIND_NAMES[drv.outputs[i].kind],
                            method, algorithm, digest))
        return (
            outputs,
            [(text_of(drv.input_drvs[i].path), None if drv.input_drvs[i].output.data == NULL else
              text_of(drv.input_drvs[i].output)) for i in range(drv.input_drv_count)],
            [text_of(drv.input_srcs[i]) for i in range(drv.input_src_count)],
            text_of(drv.platform),
            text_of(drv.builder),
            [text_of(drv.args[i]) for i in range(drv.arg_count)],
            [(text_of(drv.env[i].name), text_of(drv.env[i].value)) for i in range(drv.env_count)],
            [(text_of(drv.input_drvs[i].path), text_of(drv.input_drvs[i].children)) for i in range(drv.input_drv_count)
             if drv.input_drvs[i].children.data != NULL],
        )
    finally:
        derivation_free(&drv)
        bytes_free(&error)
