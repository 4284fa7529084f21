# cython: language_level=3
"""Finishes derivations: from what `derivationStrict` collected to output paths, `.drv` text and `.drv` path.

In: a `DerivationInput`.  Out: paths and text; the `KnownDerivations` remember the derivation's hash and references.
An evaluation of nixpkgs does this tens of thousands of times.  So the environment is written once per derivation, and hashed
in three settings (masked for the output paths, whole for the memory, with real inputs for the file), with the output
paths spliced in.  No Python object is made, and scratch memory is reused.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset

from snowsnake.store.store_path import METHODS

from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_clear, bytes_free, bytes_init, bytes_reserve, bytes_text, bytes_view, make_view,
    view_compare, view_equal, view_is, view_of,
)
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.store.aterm cimport (
    OUTPUT_DEFERRED, OUTPUT_FIXED, OUTPUT_FLOATING, OUTPUT_IMPURE, OUTPUT_INPUT_ADDRESSED, DerivationFields, InputDrv, Output,
    Splice, Variable, aterm_inputs, aterm_outputs, aterm_start, aterm_tail, compare_outputs, compare_variables, derivation_init,
)
from snowsnake.store.hash_functions cimport HASH_SHA256, hash_bytes, hash_size
from snowsnake.store.known_derivations cimport (
    MODULO_DEFERRED, MODULO_REGULAR, MODULO_UNKNOWN, NO_ENTRY, KnownDerivations, array_of, collect_references, derivations_add_references,
    derivations_closure, derivations_free, derivations_init, derivations_outputs, fixed_modulo, hash_parts, impure_modulo, intern_path,
    is_drv, make_known, out_of_memory, remember, sort_inputs, write_modulo_inputs,
)
from snowsnake.store.hashing cimport hash_kind_parse
from snowsnake.store.store_path cimport (
    STORE_HASH_SIZE, store_downstream_placeholder, store_path_fixed,
    store_path_output, store_path_text, store_placeholder, views_sort,
)


# --- inputs, outputs, environment ----------------------------------------------------------------------------------------

cdef bint expand_closures(KnownDerivations* self, DerivationInput* input, Bytes* error) noexcept nogil:
    """Replaces each input with `all_outputs` by its whole closure, and every output of each derivation in it."""
    cdef Bytes* pairs = &self.scratch_expanded
    cdef Bytes* sources = &self.scratch_srcs
    cdef Bytes names
    cdef const View* paths
    cdef InputDrv pair
    cdef size_t i, j, k
    cdef bint ok = True
    bytes_clear(pairs)
    bytes_clear(sources)
    bytes_init(&names)
    bytes_append(sources, input.input_srcs, input.input_src_count * sizeof(View))
    for i in range(input.input_drv_count):
        if not input.input_drvs[i].all_outputs:
            bytes_append(pairs, &input.input_drvs[i], sizeof(InputDrv))
            continue
        bytes_clear(&self.scratch_views)
        ok = derivations_closure(self, input.input_drvs[i].path, &self.scratch_views, error)
        if not ok:
            break
        paths = <const View*>self.scratch_views.data
        for j in range(self.scratch_views.size // sizeof(View)):
            bytes_append(sources, &paths[j], sizeof(View))
            if not is_drv(paths[j]):
                continue
            bytes_clear(&names)
            ok = derivations_outputs(self, paths[j], &names, error)
            if not ok:
                break
            pair.path = paths[j]
            pair.all_outputs = False
            pair.children = make_view(NULL, 0)
            for k in range(names.size // sizeof(View)):
                pair.output = (<const View*>names.data)[k]
                bytes_append(pairs, &pair, sizeof(InputDrv))
        if not ok:
            break
    bytes_free(&names)
    if ok and (pairs.failed or sources.failed):
        ok = out_of_memory(error)
    if ok:
        input.input_drvs = <InputDrv*>pairs.data
        input.input_drv_count = pairs.size // sizeof(InputDrv)
        input.input_srcs = <View*>sources.data
        input.input_src_count = sources.size // sizeof(View)
    return ok


cdef bint prepare_inputs(KnownDerivations* self, DerivationInput* input, DerivationFields* drv, Bytes* error) noexcept nogil:
    cdef size_t i
    for i in range(input.input_drv_count):
        if input.input_drvs[i].all_outputs:
            if not expand_closures(self, input, error):
                return False
            break
    drv.is_dynamic = input.is_dynamic
    drv.input_drvs = input.input_drvs
    drv.input_drv_count = sort_inputs(input.input_drvs, input.input_drv_count)
    drv.input_srcs = input.input_srcs
    drv.input_src_count = views_sort(input.input_srcs, input.input_src_count) if input.input_src_count else 0
    if input.kind == OUTPUT_FIXED or input.kind == OUTPUT_IMPURE:
        # The hash of such an output does not depend on the inputs, which may be unreadable.
        return True
    return make_known(self, drv.input_drvs, drv.input_drv_count, error)


cdef bint prepare_outputs(KnownDerivations* self, const DerivationInput* input, DerivationFields* drv, Bytes* error) noexcept nogil:
    cdef Output* outputs = <Output*>array_of(&self.scratch_outputs, input.output_count, sizeof(Output))
    cdef size_t i, room = 0
    if input.output_count == 0:
        bytes_text(error, "must have at least one output")
        return False
    for i in range(input.output_count):
        room += self.store_dir.size + STORE_HASH_SIZE + 3 + input.name.size + input.outputs[i].size + 128
    # All paths fit into this buffer, so that views into it stay valid.
    bytes_clear(&self.paths)
    if outputs == NULL or not bytes_reserve(&self.paths, room):
        return out_of_memory(error)
    memset(outputs, 0, input.output_count * sizeof(Output))
    for i in range(input.output_count):
        outputs[i].name = input.outputs[i]
        outputs[i].kind = <uint8_t>input.kind
        outputs[i].method = <uint8_t>input.method
        outputs[i].digest = input.digest
    drv.outputs = outputs
    drv.output_count = input.output_count
    qsort(outputs, drv.output_count, sizeof(Output), compare_outputs)
    for i in range(1, drv.output_count):
        if view_equal(outputs[i - 1].name, outputs[i].name):
            bytes_text(error, "duplicate derivation output '")
            bytes_view(error, outputs[i].name)
            bytes_text(error, "'")
            return False
    if input.kind == OUTPUT_FIXED and not (drv.output_count == 1 and view_is(outputs[0].name, "out")):
        bytes_text(error, "multiple outputs are not supported in fixed-output derivations")
        return False
    return True


cdef bint prepare_env(KnownDerivations* self, DerivationInput* input, DerivationFields* drv, Bytes* error) noexcept nogil:
    """Sets the environment in name order, including the outputs' variables, which have no value yet."""
    cdef Variable* env = <Variable*>array_of(&self.scratch_env, input.env_count + drv.output_count, sizeof(Variable))
    cdef size_t i, e = 0, o = 0, count = 0
    cdef int order
    if env == NULL:
        return out_of_memory(error)
    for i in range(1, input.env_count):
        if compare_variables(&input.env[i - 1], &input.env[i]) > 0:
            qsort(input.env, input.env_count, sizeof(Variable), compare_variables)
            break
    while e < input.env_count or o < drv.output_count:
        if e == input.env_count:
            order = 1
        elif o == drv.output_count:
            order = -1
        else:
            order = view_compare(&input.env[e].name, &drv.outputs[o].name)
        if order < 0:
            env[count] = input.env[e]
        else:
            env[count].name = drv.outputs[o].name
            env[count].value = make_view(NULL, 0)
            o += 1
        e += order <= 0
        count += 1
    drv.env = env
    drv.env_count = count
    return True


cdef View taken_path(KnownDerivations* self, size_t start) noexcept nogil:
    return make_view(self.paths.data + start, self.paths.size - start)


cdef bint fill_paths(KnownDerivations* self, const DerivationInput* input, DerivationFields* drv, const Digest* masked,
                     Bytes* error) noexcept nogil:
    """Computes output paths, or for floating and impure outputs the placeholders that their own environment gets."""
    cdef Output* output
    cdef size_t i, start
    for i in range(drv.output_count):
        output = &drv.outputs[i]
        start = self.paths.size
        if input.kind == OUTPUT_FIXED:
            if not store_path_fixed(self.store_dir, input.name, input.method, &input.digest, NULL, 0, False, &self.paths,
                                    error):
                return False
        elif input.kind == OUTPUT_INPUT_ADDRESSED:
            if not store_path_output(self.store_dir, input.name, output.name, masked, &self.paths, error):
                return False
        else:
            store_placeholder(output.name, &self.paths)
        output.path = taken_path(self, start)
    return True


cdef void write_text(KnownDerivations* self, const DerivationFields* drv, const Splice* splices, size_t splice_count) noexcept nogil:
    cdef Bytes* text = &self.text
    cdef size_t i, at = 0
    bytes_clear(text)
    aterm_start(drv.is_dynamic, text)
    bytes_append(text, self.head.data, self.head.size)
    bytes_text(text, "],[")
    aterm_inputs(drv.input_drvs, drv.input_drv_count, text)
    bytes_text(text, "],[")
    for i in range(splice_count):
        bytes_append(text, self.tail.data + at, splices[i].offset - at)
        bytes_view(text, drv.outputs[splices[i].output].path)
        at = splices[i].offset
    bytes_append(text, self.tail.data + at, self.tail.size - at)


cdef uint32_t name_file(KnownDerivations* self, const DerivationInput* input, const DerivationFields* drv, size_t reference_count,
                        Bytes* error) noexcept nogil:
    """The entry of the .drv path that follows from the text and its references."""
    cdef Digest contents
    cdef uint32_t entry
    bytes_clear(&self.file_name)
    bytes_view(&self.file_name, input.name)
    bytes_text(&self.file_name, ".drv")
    if self.file_name.failed:
        out_of_memory(error)
        return NO_ENTRY
    hash_bytes(HASH_SHA256, self.text.data, self.text.size, &contents)
    bytes_clear(&self.masked_head)
    if not store_path_text(self.store_dir, view_of(&self.file_name), &contents, <const View*>self.scratch_references.data,
                           reference_count, &self.masked_head, error):
        return NO_ENTRY
    entry = intern_path(self, view_of(&self.masked_head))
    if entry == NO_ENTRY:
        out_of_memory(error)
    return entry


cdef bint give_result(KnownDerivations* self, const DerivationFields* drv, uint32_t entry, size_t reference_count,
                      DerivationResult* result, Bytes* error) noexcept nogil:
    cdef FinishedOutput* outputs = <FinishedOutput*>array_of(
        &self.scratch_results, drv.output_count, sizeof(FinishedOutput))
    cdef size_t i, start
    if outputs == NULL:
        return out_of_memory(error)
    result.drv_path = self.entries[entry].path
    for i in range(drv.output_count):
        outputs[i].name = drv.outputs[i].name
        outputs[i].path = drv.outputs[i].path
        outputs[i].is_known = drv.outputs[i].kind == OUTPUT_INPUT_ADDRESSED or drv.outputs[i].kind == OUTPUT_FIXED
        if outputs[i].is_known:
            continue
        start = self.paths.size
        if not store_downstream_placeholder(self.store_dir, result.drv_path, outputs[i].name, &self.paths, error):
            return False
        outputs[i].path = taken_path(self, start)
    result.text = view_of(&self.text)
    result.outputs = outputs
    result.output_count = drv.output_count
    result.references = <const View*>self.scratch_references.data
    result.reference_count = reference_count
    return True


cdef bint derivation_finish(KnownDerivations* self, DerivationInput* input, DerivationResult* result, Bytes* error) noexcept nogil:
    cdef DerivationFields drv
    cdef Digest modulo
    cdef Splice* splices = NULL
    cdef size_t splice_count = 0, reference_count, i
    cdef int kind = MODULO_DEFERRED if input.kind == OUTPUT_FLOATING or input.kind == OUTPUT_IMPURE else MODULO_REGULAR
    cdef bint needs_inputs = input.kind == OUTPUT_INPUT_ADDRESSED or input.kind == OUTPUT_FLOATING
    cdef uint32_t entry
    derivation_init(&drv)
    drv.platform = input.platform
    drv.builder = input.builder
    drv.args = input.args
    drv.arg_count = input.arg_count
    if not (prepare_inputs(self, input, &drv, error) and prepare_outputs(self, input, &drv, error)
            and prepare_env(self, input, &drv, error)):
        return False
    splices = <Splice*>array_of(&self.scratch_splices, drv.output_count, sizeof(Splice))
    if splices == NULL:
        return out_of_memory(error)
    if needs_inputs and not write_modulo_inputs(self, input.name, drv.input_drvs, drv.input_drv_count, &kind, error):
        return False
    bytes_clear(&self.tail)
    splice_count = aterm_tail(&drv, splices, &self.tail)
    if self.tail.failed:
        return out_of_memory(error)
    if input.kind == OUTPUT_INPUT_ADDRESSED:
        bytes_clear(&self.masked_head)
        aterm_outputs(&drv, True, &self.masked_head)
        if self.masked_head.failed:
            return out_of_memory(error)
        hash_parts(self, &self.masked_head, &drv, NULL, 0, &modulo)
    if kind == MODULO_DEFERRED and input.kind == OUTPUT_INPUT_ADDRESSED:
        for i in range(drv.output_count):
            drv.outputs[i].kind = OUTPUT_DEFERRED
    elif not fill_paths(self, input, &drv, &modulo, error):
        return False
    bytes_clear(&self.head)
    aterm_outputs(&drv, False, &self.head)
    write_text(self, &drv, splices, splice_count)
    reference_count = collect_references(self, &drv)
    if reference_count == <size_t>-1 or self.text.failed or self.head.failed or self.inputs.failed or self.paths.failed:
        return out_of_memory(error)
    entry = name_file(self, input, &drv, reference_count, error)
    if entry == NO_ENTRY:
        return False
    if self.entries[entry].modulo_kind == MODULO_UNKNOWN:
        if needs_inputs:
            hash_parts(self, &self.head, &drv, splices, splice_count, &modulo)
        elif input.kind == OUTPUT_FIXED:
            fixed_modulo(self, &drv.outputs[0], &modulo)
        else:
            impure_modulo(&modulo)
        if not remember(self, entry, &drv, <const View*>self.scratch_references.data, reference_count, &modulo, kind, error):
            return False
    return give_result(self, &drv, entry, reference_count, result, error)


# --- for Python ----------------------------------------------------------------------------------------------------------

KINDS = {"input": OUTPUT_INPUT_ADDRESSED, "fixed": OUTPUT_FIXED, "floating": OUTPUT_FLOATING, "impure": OUTPUT_IMPURE}


cdef str text_of(View view):
    return view.data[:view.size].decode(errors="surrogateescape") if view.size else ""


cdef int raise_error(Bytes* error) except -1:
    try:
        if error.failed:
            raise MemoryError
        raise ValueError(text_of(view_of(error)))
    finally:
        bytes_free(error)


cdef class _Views:
    """Borrowed views of texts, kept alive beside them."""
    cdef list kept
    cdef Bytes array

    def __cinit__(self, texts):
        bytes_init(&self.array)
        self.kept = []
        for text in texts:
            self.add(text)

    def __dealloc__(self):
        bytes_free(&self.array)

    cdef View add(self, text) except *:
        cdef bytes raw = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        cdef View view = make_view(<const char*>raw, len(raw))
        self.kept.append(raw)
        bytes_append(&self.array, &view, sizeof(View))
        if self.array.failed:
            raise MemoryError
        return view

    cdef View* views(self):
        return <View*>self.array.data


cdef class DerivationMemory:
    """The hashes of derivations; `reader(drv_path) -> bytes` supplies the texts of those that were not finished here.

    >>> path, outputs, text = DerivationMemory().finish("x", system="s", builder="b", env={"builder": "b", "name": "x", "system": "s"})
    >>> path, outputs
    ('/nix/store/5wq5jx7219pmi3xklyhl77fjbqvy6qaj-x.drv', {'out': '/nix/store/gwwjwi08fyrbrz2d8zkfvy65nzzq2czp-x'})
    """
    cdef KnownDerivations store
    cdef object reader
    # What ended the reader other than a fault of a derivation, until `fail` raises it again.
    cdef object interruption

    def __cinit__(self, str store_dir not None="/nix/store", reader=None, *, bint allows_floating=True, bint allows_impure=True,
                  bint allows_dynamic=True):
        cdef bytes directory = store_dir.encode(errors="surrogateescape")
        if not derivations_init(&self.store, make_view(<const char*>directory, len(directory))):
            raise MemoryError
        self.store.allows_floating = allows_floating
        self.store.allows_impure = allows_impure
        self.store.allows_dynamic = allows_dynamic
        self.reader = reader
        if reader is not None:
            self.store.reader = read_with_python
            self.store.reader_context = <void*>self

    def __dealloc__(self):
        derivations_free(&self.store)

    cdef bint ask(self, View path, Bytes* text, Bytes* error) noexcept:
        """Calls the reader.  No exception may pass through C code, so that only its message does."""
        cdef bytes found, message
        try:
            found = self.reader(text_of(path))
            bytes_append(text, <const char*>found, len(found))
            return True
        except BaseException as problem:
            handed_over(problem)
            if isinstance(problem, MemoryError) or not isinstance(problem, Exception):
                self.interruption = problem
            message = (str(problem) or type(problem).__name__).encode(errors="surrogateescape")
            bytes_append(error, <const char*>message, len(message))
            return False

    cdef int fail(self, Bytes* error) except -1:
        """Raises ValueError with the message of a failed call; if Ctrl-C or a lack of memory ended the reader, that exception."""
        interruption, self.interruption = self.interruption, None
        if interruption is None:
            return raise_error(error)
        bytes_free(error)
        raise interruption

    def finish(self, str name, *, str system, str builder, args=(), env=None, outputs=("out",), str kind="input",
               str method="flat", str algorithm="sha256", bytes digest=None, input_drvs=(), input_srcs=(), closures=(), children=()):
        """(drv path, {output: path or placeholder}, text).  *input_drvs*: (path, output) pairs; *closures*: .drv paths; *children*: (path, text) pairs."""
        cdef DerivationInput given
        cdef DerivationResult result
        cdef Bytes error, variables, inputs
        cdef Variable variable
        cdef InputDrv pair
        cdef _Views texts = _Views([]), arguments = _Views(args), names = _Views(outputs), sources = _Views(input_srcs)
        cdef bint ok
        memset(&given, 0, sizeof(given))
        bytes_init(&error)
        bytes_init(&variables)
        bytes_init(&inputs)
        try:
            given.name = texts.add(name)
            given.platform = texts.add(system)
            given.builder = texts.add(builder)
            for key, value in (env or {}).items():
                variable.name = texts.add(key)
                variable.value = texts.add(value)
                bytes_append(&variables, &variable, sizeof(Variable))
            for path, output in input_drvs:
                pair.path = texts.add(path)
                pair.output = texts.add(output)
                pair.all_outputs = False
                pair.children = make_view(NULL, 0)
                bytes_append(&inputs, &pair, sizeof(InputDrv))
            for path in closures:
                pair.path = texts.add(path)
                pair.output = make_view(NULL, 0)
                pair.all_outputs = True
                pair.children = make_view(NULL, 0)
                bytes_append(&inputs, &pair, sizeof(InputDrv))
            for path, text in children:
                given.is_dynamic = True
                pair.path = texts.add(path)
                pair.output = make_view(NULL, 0)
                pair.all_outputs = False
                pair.children = texts.add(text)
                bytes_append(&inputs, &pair, sizeof(InputDrv))
            given.kind = KINDS[kind]
            given.method = METHODS[method]
            read_digest_or_kind(algorithm, digest, &given.digest)
            given.args, given.arg_count = arguments.views(), len(arguments.kept)
            given.outputs, given.output_count = names.views(), len(names.kept)
            given.input_srcs, given.input_src_count = sources.views(), len(sources.kept)
            given.env, given.env_count = <Variable*>variables.data, variables.size // sizeof(Variable)
            given.input_drvs, given.input_drv_count = <InputDrv*>inputs.data, inputs.size // sizeof(InputDrv)
            ok = derivation_finish(&self.store, &given, &result, &error)
            if not ok:
                self.fail(&error)
            return (text_of(result.drv_path),
                    {text_of(result.outputs[i].name): text_of(result.outputs[i].path) for i in range(result.output_count)},
                    result.text.data[:result.text.size])
        finally:
            bytes_free(&variables)
            bytes_free(&inputs)

    def modulo(self, str drv_path not None):
        """(32-byte hash, is_deferred) that *drv_path* contributes to derivations that use it."""
        cdef _Views texts = _Views([])
        cdef View path = texts.add(drv_path)
        cdef Bytes error, names
        cdef uint32_t entry
        bytes_init(&error)
        bytes_init(&names)
        ok = derivations_outputs(&self.store, path, &names, &error)
        bytes_free(&names)
        if not ok:
            self.fail(&error)
        entry = intern_path(&self.store, path)
        return self.store.entries[entry].modulo[:32], self.store.entries[entry].modulo_kind == MODULO_DEFERRED

    def closure(self, str path not None):
        """All store paths that *path* refers to, directly or not, including itself."""
        cdef _Views texts = _Views([])
        cdef View start = texts.add(path)
        cdef Bytes error, found
        bytes_init(&error)
        bytes_init(&found)
        try:
            if not derivations_closure(&self.store, start, &found, &error):
                self.fail(&error)
            return [text_of((<View*>found.data)[i]) for i in range(found.size // sizeof(View))]
        finally:
            bytes_free(&found)

    def add_references(self, str path not None, references):
        """Records the references of a text or source."""
        cdef _Views texts = _Views([]), listed = _Views(sorted(set(references)))
        cdef Bytes error
        bytes_init(&error)
        if not derivations_add_references(&self.store, texts.add(path), listed.views(), len(listed.kept), &error):
            self.fail(&error)


cdef bint read_with_python(void* context, View path, Bytes* text, Bytes* error) noexcept nogil:
    with gil:
        return (<DerivationMemory>context).ask(path, text, error)


cdef int read_digest_or_kind(str algorithm, bytes digest, Digest* out) except -1:
    cdef bytes name = algorithm.encode()
    cdef Bytes error
    cdef int kind = 0
    bytes_init(&error)
    if not hash_kind_parse(make_view(<const char*>name, len(name)), &kind, &error):
        raise_error(&error)
    out.kind = <uint8_t>kind
    out.size = <uint8_t>hash_size(kind)
    if digest is not None:
        if len(digest) != out.size:
            raise ValueError(f"a digest of {algorithm} has {out.size} bytes, this one {len(digest)}")
        memcpy(out.data, <const char*>digest, out.size)
    return 0
