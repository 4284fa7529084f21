# cython: language_level=3
"""A derivation's text, written exactly as Nix writes it.

In: a `DerivationFields`.  Out: bytes, whole or in the parts that hashing needs.  Only `"`, `\\`, newline, carriage return and tab
are escaped; names, paths and hashes are written as they are.  `aterm_parser.pyx` reads this text.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy, memset

from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_byte, bytes_free, bytes_reserve, bytes_text, bytes_view, make_view, view_compare, view_equal, view_is,
)
from snowsnake.foundation.escapes cimport escape_letter
from snowsnake.foundation.plain_bytes cimport plain_copy, plain_size
from snowsnake.store.hash_functions cimport HASH_NONE, hash_name, hash_size
from snowsnake.store.hashing cimport ENCODING_BASE16, hash_format, hash_kind_parse
from snowsnake.store.store_path cimport (
    INGEST_FLAT, INGEST_GIT, INGEST_RECURSIVE, INGEST_TEXT, ingestion_prefix, views_sort,
)

cdef extern from *:
    """
    static inline int aterm_needs_escape(unsigned char c)
    {
        return c == '"' || c == '\\\\' || c == '\\n' || c == '\\r' || c == '\\t';
    }
    """
    bint aterm_needs_escape(uint8_t c) noexcept nogil


cdef enum:
    # `plain_copy` writes so many bytes, however many of them count.
    COPIED_AHEAD = 16


# --- writing -------------------------------------------------------------------------------------------------------------

cdef void aterm_start(bint is_dynamic, Bytes* out) noexcept nogil:
    bytes_text(out, 'DrvWithVersion("xp-dyn-drv",[' if is_dynamic else "Derive([")


cdef void aterm_string(View text, Bytes* out) noexcept nogil:
    cdef size_t i = 0, run
    cdef uint8_t c, seen = 0
    cdef uint8_t* to
    if text.size > (<size_t>-1) // 4 or not bytes_reserve(out, 2 * text.size + 2 + COPIED_AHEAD):
        out.failed = True
        return
    to = out.data + out.size
    to[0] = c'"'
    to += 1
    while i < text.size:
        if text.size - i >= COPIED_AHEAD:
            run = plain_copy(to, text.data + i)
            to += run
            i += run
            if run == COPIED_AHEAD:
                continue
        else:
            run = plain_size(text.data + i, text.size - i, &seen)
            memcpy(to, text.data + i, run)
            to += run
            i += run
            if i == text.size:
                break
        c = text.data[i]
        i += 1
        if aterm_needs_escape(c):
            to[0] = c'\\'
            to += 1
            c = escape_letter(c)
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


cdef void aterm_outputs(const DerivationFields* drv, bint is_masked, Bytes* out) noexcept nogil:
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
    cdef View children
    while i < count:
        first = i
        has_output = False
        children = make_view(NULL, 0)
        bytes_text(out, ",(" if i else "(")
        aterm_plain(inputs[i].path, out)
        while i < count and view_equal(inputs[i].path, inputs[first].path):
            if inputs[i].children.data != NULL:
                children = inputs[i].children
            i += 1
        i = first
        bytes_text(out, ",[" if children.data == NULL else ",([")
        while i < count and view_equal(inputs[i].path, inputs[first].path):
            if inputs[i].output.data != NULL:
                if has_output:
                    bytes_byte(out, c',')
                aterm_plain(inputs[i].output, out)
                has_output = True
            i += 1
        bytes_byte(out, c']')
        if children.data != NULL:
            bytes_byte(out, c',')
            bytes_view(out, children)
            bytes_byte(out, c')')
        bytes_byte(out, c')')


cdef size_t aterm_tail(const DerivationFields* drv, Splice* splices, Bytes* out) noexcept nogil:
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
        # Both lists are in the order of names.
        while splices != NULL and next_output < drv.output_count:
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


cdef void aterm_write(const DerivationFields* drv, Bytes* out) noexcept nogil:
    aterm_start(drv.is_dynamic, out)
    aterm_outputs(drv, False, out)
    bytes_text(out, "],[")
    aterm_inputs(drv.input_drvs, drv.input_drv_count, out)
    bytes_text(out, "],[")
    aterm_tail(drv, NULL, out)


# --- the struct ----------------------------------------------------------------------------------------------------------

cdef void derivation_init(DerivationFields* self) noexcept nogil:
    memset(self, 0, sizeof(DerivationFields))


cdef void derivation_free(DerivationFields* self) noexcept nogil:
    free(self.outputs)
    free(self.input_drvs)
    free(self.input_srcs)
    free(self.args)
    free(self.env)
    bytes_free(&self.unescaped)
    memset(self, 0, sizeof(DerivationFields))


cdef int compare_inputs(const void* a, const void* b) noexcept nogil:
    cdef const InputDrv* x = <const InputDrv*>a
    cdef const InputDrv* y = <const InputDrv*>b
    cdef int order = view_compare(&x.path, &y.path)
    return order if order != 0 else view_compare(&x.output, &y.output)


cdef int compare_variables(const void* a, const void* b) noexcept nogil:
    return view_compare(&(<const Variable*>a).name, &(<const Variable*>b).name)


cdef int compare_outputs(const void* a, const void* b) noexcept nogil:
    return view_compare(&(<const Output*>a).name, &(<const Output*>b).name)


cdef int derivation_kind(const DerivationFields* drv, Bytes* error) noexcept nogil:
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


# --- for Python ----------------------------------------------------------------------------------------------------------

KINDS = {"input": OUTPUT_INPUT_ADDRESSED, "fixed": OUTPUT_FIXED, "floating": OUTPUT_FLOATING, "impure": OUTPUT_IMPURE,
         "deferred": OUTPUT_DEFERRED}
METHODS = {"flat": INGEST_FLAT, "nar": INGEST_RECURSIVE, "text": INGEST_TEXT, "git": INGEST_GIT}
KIND_NAMES = {number: name for name, number in KINDS.items()}
METHOD_NAMES = {number: name for name, number in METHODS.items()}


cdef class _Strings:
    """Keeps the bytes that views point into alive."""
    cdef list kept

    def __cinit__(self):
        self.kept = []

    cdef View view(self, str text) except *:
        cdef bytes raw = text.encode(errors="surrogateescape")
        self.kept.append(raw)
        return make_view(<const char*>raw, len(raw))


cdef void* items(size_t count, size_t size) except NULL:
    cdef void* found = allocate_zeros(count + 1, size)
    if found == NULL:
        raise MemoryError
    return found


cdef int fill_output(Output* output, _Strings strings, tuple given) except -1:
    name, path, kind, method, algorithm, digest = given
    cdef bytes raw
    cdef Bytes error
    cdef int number = HASH_NONE
    output.name = strings.view(name)
    output.path = strings.view(path)
    output.kind = KINDS[kind]
    if algorithm is None:
        return 0
    memset(&error, 0, sizeof(error))
    if not hash_kind_parse(strings.view(algorithm), &number, &error):
        message = error.data[:error.size].decode(errors="surrogateescape")
        bytes_free(&error)
        raise ValueError(message)
    output.method = METHODS[method]
    output.digest.kind = <uint8_t>number
    output.digest.size = <uint8_t>hash_size(number)
    if digest is not None:
        raw = digest
        if len(raw) != output.digest.size:
            raise ValueError(f"a digest of {algorithm} has {output.digest.size} bytes, this one {len(raw)}")
        memcpy(output.digest.data, <const char*>raw, len(raw))
    return 0


def write(list outputs, list input_drvs, list input_srcs, str platform, str builder, list args, list env, list children=None):
    """The text of a `.drv` from what `aterm_parser.parse` returns, in any order.

    If *children* is not None, even if it is empty, the text has the form "xp-dyn-drv".
    """
    cdef DerivationFields drv
    cdef Bytes text
    cdef _Strings strings = _Strings()
    cdef size_t i
    derivation_init(&drv)
    memset(&text, 0, sizeof(text))
    try:
        drv.outputs = <Output*>items(len(outputs), sizeof(Output))
        drv.is_dynamic = children is not None
        drv.input_drvs = <InputDrv*>items(len(input_drvs) + len(children or ()), sizeof(InputDrv))
        drv.input_srcs = <View*>items(len(input_srcs), sizeof(View))
        drv.args = <View*>items(len(args), sizeof(View))
        drv.env = <Variable*>items(len(env), sizeof(Variable))
        for i in range(len(outputs)):
            fill_output(&drv.outputs[i], strings, outputs[i])
        for i in range(len(input_drvs)):
            drv.input_drvs[i].path = strings.view(input_drvs[i][0])
            if input_drvs[i][1] is not None:
                drv.input_drvs[i].output = strings.view(input_drvs[i][1])
        for i in range(len(input_srcs)):
            drv.input_srcs[i] = strings.view(input_srcs[i])
        for i in range(len(args)):
            drv.args[i] = strings.view(args[i])
        for i in range(len(env)):
            drv.env[i].name = strings.view(env[i][0])
            drv.env[i].value = strings.view(env[i][1])
        drv.output_count, drv.input_drv_count = len(outputs), len(input_drvs) + len(children or ())
        for i in range(len(children or ())):
            drv.input_drvs[len(input_drvs) + i].path = strings.view(children[i][0])
            drv.input_drvs[len(input_drvs) + i].children = strings.view(children[i][1])
        drv.arg_count, drv.env_count = len(args), len(env)
        qsort(drv.outputs, drv.output_count, sizeof(Output), compare_outputs)
        qsort(drv.input_drvs, drv.input_drv_count, sizeof(InputDrv), compare_inputs)
        qsort(drv.env, drv.env_count, sizeof(Variable), compare_variables)
        drv.input_src_count = views_sort(drv.input_srcs, len(input_srcs)) if input_srcs else 0
        drv.platform = strings.view(platform)
        drv.builder = strings.view(builder)
        aterm_write(&drv, &text)
        if text.failed:
            raise MemoryError
        return text.data[:text.size]
    finally:
        derivation_free(&drv)
        bytes_free(&text)
