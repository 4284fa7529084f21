# cython: language_level=3
"""ATerm: the text of a `.drv` file, read and written.

In: the bytes of a `.drv`, hostile or not, or a `Derivation`.  Out: a `Derivation`, or the bytes, exactly as Nix writes them.
Only `"`, `\\`, newline, carriage return and tab are escaped; names, paths and hashes are written as they are.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memchr, memcmp, memset, strlen

from snowsnake.store.buffer cimport (
    Bytes, View, bytes_byte, bytes_free, bytes_reserve, bytes_text, bytes_view, make_view, view_compare,
    view_equal, view_is,
)
from snowsnake.store.hashes cimport (
    ENCODING_BASE16, HASH_NONE, hash_format, hash_kind_parse, hash_name, hash_parse_plain,
)
from snowsnake.store.store_path cimport (
    INGEST_FLAT, INGEST_GIT, INGEST_RECURSIVE, INGEST_TEXT, ingestion_prefix, store_path_parse, views_sort,
)

cdef extern from *:
    """
    static inline int aterm_needs_escape(unsigned char c)
    {
        return c == '"' || c == '\\\\' || c == '\\n' || c == '\\r' || c == '\\t';
    }
    """
    bint aterm_needs_escape(uint8_t c) noexcept nogil


# --- writing -------------------------------------------------------------------------------------------------------------

cdef void aterm_string(View text, Bytes* out) noexcept nogil:
    cdef size_t i
    cdef uint8_t c
    cdef uint8_t* to
    if text.size > (<size_t>-1) // 4 or not bytes_reserve(out, 2 * text.size + 2):
        out.failed = True
        return
    to = out.data + out.size
    to[0] = c'"'
    to += 1
    for i in range(text.size):
        c = text.data[i]
        if aterm_needs_escape(c):
            to[0] = c'\\'
            to += 1
            if c == c'\n':
                c = c'n'
            elif c == c'\r':
                c = c'r'
            elif c == c'\t':
                c = c't'
        to[0] = c
        to += 1
    to[0] = c'"'
    out.size = to + 1 - out.data


cdef void aterm_plain(View text, Bytes* out) noexcept nogil:
    bytes_byte(out, c'"')
    bytes_view(out, text)
    bytes_byte(out, c'"')


cdef void method_and_algorithm(const Output* output, Bytes* out) noexcept nogil:
    bytes_text(out, ingestion_prefix(output.method))
    bytes_text(out, hash_name(output.digest.kind))


cdef void aterm_outputs(const Derivation* drv, bint is_masked, Bytes* out) noexcept nogil:
    cdef const Output* output
    cdef size_t i
    for i in range(drv.output_count):
        output = &drv.outputs[i]
        bytes_text(out, ",(" if i else "(")
        aterm_plain(output.name, out)
        bytes_byte(out, c',')
        if is_masked or output.kind == OUTPUT_FLOATING or output.kind == OUTPUT_IMPURE:
            bytes_text(out, '""')
        else:
            aterm_plain(output.path, out)
        if output.kind == OUTPUT_INPUT_ADDRESSED or output.kind == OUTPUT_DEFERRED:
            bytes_text(out, ',"","")')
            continue
        bytes_text(out, ',"')
        method_and_algorithm(output, out)
        bytes_text(out, '","')
        if output.kind == OUTPUT_FIXED:
            hash_format(&output.digest, ENCODING_BASE16, False, out)
        elif output.kind == OUTPUT_IMPURE:
            bytes_text(out, "impure")
        bytes_text(out, '")')


cdef void aterm_inputs(const InputDrv* inputs, size_t count, Bytes* out) noexcept nogil:
    cdef size_t i = 0
    cdef size_t first
    cdef bint has_output
    while i < count:
        first = i
        has_output = False
        bytes_text(out, ",(" if i else "(")
        aterm_plain(inputs[i].path, out)
        bytes_text(out, ",[")
        while i < count and view_equal(inputs[i].path, inputs[first].path):
            if inputs[i].output.data != NULL:
                if has_output:
                    bytes_byte(out, c',')
                aterm_plain(inputs[i].output, out)
                has_output = True
            i += 1
        bytes_text(out, "])")


cdef size_t aterm_tail(const Derivation* drv, Splice* splices, Bytes* out) noexcept nogil:
    cdef size_t i, next_output = 0, count = 0
    cdef int order
    for i in range(drv.input_src_count):
        bytes_text(out, "," if i else "")
        aterm_plain(drv.input_srcs[i], out)
    bytes_text(out, "],")
    aterm_plain(drv.platform, out)
    bytes_byte(out, c',')
    aterm_string(drv.builder, out)
    bytes_text(out, ",[")
    for i in range(drv.arg_count):
        bytes_text(out, "," if i else "")
        aterm_string(drv.args[i], out)
    bytes_text(out, "],[")
    for i in range(drv.env_count):
        bytes_text(out, ",(" if i else "(")
        aterm_string(drv.env[i].name, out)
        bytes_byte(out, c',')
        order = 1
        while splices != NULL and next_output < drv.output_count:      # both lists are in name order
            order = view_compare(&drv.outputs[next_output].name, &drv.env[i].name)
            if order >= 0:
                break
            next_output += 1
        if order == 0:
            bytes_text(out, '""')
            splices[count].offset = out.size - 1
            splices[count].output = next_output
            count += 1
        else:
            aterm_string(drv.env[i].value, out)
        bytes_byte(out, c')')
    bytes_text(out, "])")
    return count


cdef void aterm_write(const Derivation* drv, Bytes* out) noexcept nogil:
    bytes_text(out, "Derive([")
    aterm_outputs(drv, False, out)
    bytes_text(out, "],[")
    aterm_inputs(drv.input_drvs, drv.input_drv_count, out)
    bytes_text(out, "],[")
    aterm_tail(drv, NULL, out)


# --- the struct ----------------------------------------------------------------------------------------------------------

cdef void derivation_init(Derivation* self) noexcept nogil:
    memset(self, 0, sizeof(Derivation))


cdef void derivation_free(Derivation* self) noexcept nogil:
    free(self.outputs)
    free(self.input_drvs)
    free(self.input_srcs)
    free(self.args)
    free(self.env)
    bytes_free(&self.unescaped)
    memset(self, 0, sizeof(Derivation))


cdef int compare_inputs(const void* a, const void* b) noexcept nogil:
    cdef const InputDrv* x = <const InputDrv*>a
    cdef const InputDrv* y = <const InputDrv*>b
    cdef int order = view_compare(&x.path, &y.path)
    return order if order != 0 else view_compare(&x.output, &y.output)


cdef int compare_variables(const void* a, const void* b) noexcept nogil:
    return view_compare(&(<const Variable*>a).name, &(<const Variable*>b).name)


cdef int compare_outputs(const void* a, const void* b) noexcept nogil:
    return view_compare(&(<const Output*>a).name, &(<const Output*>b).name)


cdef int derivation_kind(const Derivation* drv, Bytes* error) noexcept nogil:
    cdef size_t i
    cdef int kind
    if drv.output_count == 0:
        bytes_text(error, "must have at least one output")
        return 0
    kind = drv.outputs[0].kind
    for i in range(1, drv.output_count):
        if drv.outputs[i].kind != kind:
            bytes_text(error, "can't mix derivation output types")
            return 0
        if kind == OUTPUT_FLOATING and drv.outputs[i].digest.kind != drv.outputs[0].digest.kind:
            bytes_text(error, "all floating outputs must use the same hash algorithm")
            return 0
    if kind == OUTPUT_FIXED and drv.output_count > 1:
        bytes_text(error, "only one fixed output is allowed for now")
        return 0
    if kind == OUTPUT_FIXED and not view_is(drv.outputs[0].name, "out"):
        bytes_text(error, 'single fixed output must be named "out"')
        return 0
    return kind


# --- reading -------------------------------------------------------------------------------------------------------------

cdef struct Parser:
    View store_dir
    const uint8_t* at
    const uint8_t* end
    Derivation* drv
    Bytes* error


cdef bint no_memory(Parser* self) noexcept nogil:
    bytes_text(self.error, "out of memory")
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
    """A quoted string; only one with escapes is copied (there is room: never more bytes than the text has)."""
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
            c = self.at[0]
            self.at += 1
            if c == c'n':
                c = c'\n'
            elif c == c'r':
                c = c'\r'
            elif c == c't':
                c = c'\t'
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
    """At the start or after an item of a list: is there one more?  Takes the comma or the closing bracket."""
    found[0] = False
    if starts_with(self, c']'):
        self.at += 1
        return True
    if before and not expect(self, ","):
        return False
    found[0] = True
    return True


cdef void* grown(void* array, size_t count, size_t item_size) noexcept nogil:
    """Room for one more item; doubles at the powers of two."""
    if count & (count - 1) == 0 or array == NULL:
        return realloc(array, item_size * (2 * count if count else 1))
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
    cdef Derivation* drv = self.drv
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
    qsort(drv.outputs, drv.output_count, sizeof(Output), compare_outputs)
    return True


cdef bint add_input(Parser* self, View path, View output) noexcept nogil:
    cdef Derivation* drv = self.drv
    cdef InputDrv* items = <InputDrv*>grown(drv.input_drvs, drv.input_drv_count, sizeof(InputDrv))
    if items == NULL:
        return no_memory(self)
    drv.input_drvs = items
    items[drv.input_drv_count].path = path
    items[drv.input_drv_count].output = output
    items[drv.input_drv_count].all_outputs = False
    drv.input_drv_count += 1
    return True


cdef bint parse_input_drvs(Parser* self) noexcept nogil:
    cdef View path, base, output
    cdef bint found
    cdef size_t count = 0, outputs
    while True:
        if not item_follows(self, count, &found):
            return False
        if not found:
            break
        count += 1
        if not (expect(self, "(") and parse_store_path(self, &path, &base) and expect(self, ",[")):
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
        if outputs == 0 and not add_input(self, path, make_view(NULL, 0)):
            return False
        if not expect(self, ")"):
            return False
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
    cdef Derivation* drv = self.drv
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
    qsort(drv.env, drv.env_count, sizeof(Variable), compare_variables)
    return True


cdef bint refuse_repeated(Parser* self, View name) noexcept nogil:
    bytes_text(self.error, "'")
    bytes_view(self.error, name)
    bytes_text(self.error, "' is repeated in derivation")
    return False


cdef bint check_distinct(Parser* self) noexcept nogil:
    cdef const Derivation* drv = self.drv
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


cdef bint aterm_parse(View store_dir, View text, Derivation* out, Bytes* error) noexcept nogil:
    cdef Parser parser
    derivation_init(out)
    parser.store_dir = store_dir
    parser.at = text.data
    parser.end = text.data + text.size
    parser.drv = out
    parser.error = error
    if memchr(text.data, c'\\', text.size) != NULL and not bytes_reserve(&out.unescaped, text.size):
        return no_memory(&parser)
    if text.size > 14 and memcmp(text.data, <const char*>"DrvWithVersion", 14) == 0:
        bytes_text(error, "derivations on dynamic derivations (\"DrvWithVersion\") are not supported")
        return False
    if not (expect(&parser, "Derive([") and parse_outputs(&parser) and expect(&parser, ",[")
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
