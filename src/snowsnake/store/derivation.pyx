# cython: language_level=3
"""Derivations finished: from what `derivationStrict` collected to output paths, `.drv` text and `.drv` path.

In: a `DerivationInput`.  Out: paths and text; remembered per evaluator: what each derivation hashes to, and refers to.
An evaluation of nixpkgs does this tens of thousands of times, so the environment is written once per derivation and hashed
in three settings (masked for the output paths, whole for the memory, with real inputs for the file), with the output
paths spliced in; no Python object, scratch memory used again.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memset

from snowsnake.store.aterm cimport (
    OUTPUT_DEFERRED, OUTPUT_FIXED, OUTPUT_FLOATING, OUTPUT_IMPURE, OUTPUT_INPUT_ADDRESSED, Derivation, InputDrv, Output,
    Splice, Variable, aterm_inputs, aterm_outputs, aterm_parse, aterm_tail, compare_inputs, compare_outputs,
    compare_variables, derivation_free, derivation_init, derivation_kind, method_and_algorithm,
)
from snowsnake.store.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_clear, bytes_free, bytes_init, bytes_reserve, bytes_text, bytes_view,
    make_view, view_compare, view_equal, view_is, view_of,
)
from snowsnake.store.hashes cimport (
    ENCODING_BASE16, HASH_SHA256, Digest, Hasher, base16_encode, hash_bytes, hash_format, hash_kind_parse, hash_size,
    hasher_final, hasher_init, hasher_update,
)
from snowsnake.store.store_path cimport (
    INGEST_FLAT, INGEST_GIT, INGEST_RECURSIVE, INGEST_TEXT, STORE_HASH_SIZE, store_downstream_placeholder, store_path_fixed, store_path_output,
    store_path_parse, store_path_text, store_placeholder, views_sort,
)

cdef enum:
    SLAB_SIZE = 65536
    NO_ENTRY = 0xffffffff

cdef struct Reading:                  # a derivation from the reader, whose inputs are being made known
    uint32_t entry
    size_t next_input
    Bytes text
    Derivation drv


# --- the table of paths --------------------------------------------------------------------------------------------------

cdef bint out_of_memory(Bytes* error) noexcept nogil:
    bytes_text(error, "out of memory")
    return False


cdef const uint8_t* slab_copy(DrvStore* self, View text) noexcept nogil:
    cdef Slab* slab = self.slabs
    cdef size_t capacity
    cdef uint8_t* place
    if slab == NULL or slab.capacity - slab.used < text.size:
        capacity = text.size if text.size > SLAB_SIZE else SLAB_SIZE
        slab = <Slab*>malloc(sizeof(Slab) + capacity)
        if slab == NULL:
            return NULL
        slab.next = self.slabs
        slab.used = 0
        slab.capacity = capacity
        self.slabs = slab
    place = <uint8_t*>(slab + 1) + slab.used
    memcpy(place, text.data, text.size)
    slab.used += text.size
    return place


cdef uint32_t path_hash(View path) noexcept nogil:
    """Store paths differ in their 32 digits; the tail is mixed in for paths that are not store paths."""
    cdef uint64_t value = path.size, word
    cdef size_t i = 0
    while i + 8 <= path.size:
        memcpy(&word, path.data + i, 8)
        value = (value ^ word) * <uint64_t>0x9e3779b97f4a7c15
        value ^= value >> 29
        i += 8
    while i < path.size:
        value = (value ^ path.data[i]) * <uint64_t>0x9e3779b97f4a7c15
        i += 1
    return <uint32_t>(value ^ (value >> 32))


cdef uint32_t find_entry(DrvStore* self, View path, uint32_t hashed, uint32_t* slot) noexcept nogil:
    cdef uint32_t mask = self.slot_count - 1
    cdef uint32_t at = hashed & mask
    cdef StoreEntry* entry
    while self.slots[at]:
        entry = &self.entries[self.slots[at] - 1]
        if entry.hash == hashed and view_equal(entry.path, path):
            return self.slots[at] - 1
        at = (at + 1) & mask
    slot[0] = at
    return NO_ENTRY


cdef bint grow_table(DrvStore* self) noexcept nogil:
    cdef uint32_t count = self.slot_count * 2 if self.slot_count else 1024
    cdef uint32_t capacity = count // 4 * 3
    cdef uint32_t* slots = <uint32_t*>calloc(count, sizeof(uint32_t))
    cdef StoreEntry* entries
    cdef uint32_t i, at
    if slots == NULL or count > <uint32_t>1 << 30:
        free(slots)
        return False
    entries = <StoreEntry*>realloc(self.entries, capacity * sizeof(StoreEntry))
    if entries == NULL:
        free(slots)
        return False
    for i in range(self.entry_count):
        at = entries[i].hash & (count - 1)
        while slots[at]:
            at = (at + 1) & (count - 1)
        slots[at] = i + 1
    free(self.slots)
    self.slots = slots
    self.slot_count = count
    self.entries = entries
    self.entry_capacity = capacity
    return True


cdef uint32_t intern_path(DrvStore* self, View path) noexcept nogil:
    """Index of the entry of *path*, made if there is none; NO_ENTRY when memory runs out."""
    cdef uint32_t hashed = path_hash(path), slot = 0, found
    cdef StoreEntry* entry
    cdef const uint8_t* copy
    found = find_entry(self, path, hashed, &slot)
    if found != NO_ENTRY:
        return found
    if self.entry_count == self.entry_capacity:
        if not grow_table(self):
            return NO_ENTRY
        find_entry(self, path, hashed, &slot)
    copy = slab_copy(self, path)
    if copy == NULL:
        return NO_ENTRY
    entry = &self.entries[self.entry_count]
    memset(entry, 0, sizeof(StoreEntry))
    entry.path = make_view(copy, path.size)
    entry.hash = hashed
    self.entry_count += 1
    self.slots[slot] = self.entry_count
    return self.entry_count - 1


cdef bint drv_store_init(DrvStore* self, View store_dir) noexcept nogil:
    memset(self, 0, sizeof(DrvStore))
    self.store_dir.data = slab_copy(self, store_dir)
    self.store_dir.size = store_dir.size
    if self.store_dir.data == NULL or not grow_table(self):
        drv_store_free(self)
        return False
    return True


cdef void drv_store_free(DrvStore* self) noexcept nogil:
    cdef Slab* slab
    cdef Bytes* buffer = &self.names
    while self.slabs != NULL:
        slab = self.slabs
        self.slabs = slab.next
        free(slab)
    free(self.entries)
    free(self.slots)
    while buffer <= &self.text:         # the buffers lie side by side
        bytes_free(buffer)
        buffer += 1
    memset(self, 0, sizeof(DrvStore))


cdef bint drv_store_knows(DrvStore* self, View path) noexcept nogil:
    cdef uint32_t slot = 0
    cdef uint32_t found = find_entry(self, path, path_hash(path), &slot)
    return found != NO_ENTRY and self.entries[found].modulo_kind != MODULO_UNKNOWN


cdef inline void* array_of(Bytes* buffer, size_t count, size_t item_size) noexcept nogil:
    """The buffer as an array of *count* items, contents undefined; NULL when memory runs out."""
    bytes_clear(buffer)
    if count > (<size_t>-1) // 8 // item_size or not bytes_reserve(buffer, count * item_size + 1):
        return NULL
    buffer.size = count * item_size
    return buffer.data


cdef bint is_drv(View path) noexcept nogil:
    return path.size > 4 and memcmp(path.data + path.size - 4, <const char*>".drv", 4) == 0


cdef View derivation_name(View store_dir, View drv_path) noexcept nogil:
    cdef size_t start = store_dir.size + 1 + STORE_HASH_SIZE + 1
    if drv_path.size < start + 4 or not is_drv(drv_path):
        return make_view(NULL, 0)
    return make_view(drv_path.data + start, drv_path.size - start - 4)


# --- what is remembered --------------------------------------------------------------------------------------------------

cdef bint remember_outputs(DrvStore* self, uint32_t entry, const Output* outputs, size_t count) noexcept nogil:
    cdef View* names = <View*>self.names.data
    cdef View name
    cdef size_t i
    cdef bint is_out = count == 1 and view_is(outputs[0].name, "out")
    self.entries[entry].output_count = <uint32_t>count
    if is_out and self.has_out_names:
        self.entries[entry].outputs_start = self.out_names_start
        return True
    if count == self.last_names_count and count:
        for i in range(count):
            if not view_equal(names[self.last_names_start + i], outputs[i].name):
                break
        else:
            self.entries[entry].outputs_start = self.last_names_start
            return True
    self.last_names_start = <uint32_t>(self.names.size // sizeof(View))
    self.last_names_count = <uint32_t>count
    self.entries[entry].outputs_start = self.last_names_start
    if is_out:
        self.has_out_names = True
        self.out_names_start = self.last_names_start
    for i in range(count):
        name = make_view(slab_copy(self, outputs[i].name), outputs[i].name.size)
        if name.data == NULL:
            return False
        bytes_append(&self.names, &name, sizeof(View))
    return not self.names.failed


cdef bint remember_references(DrvStore* self, uint32_t entry, const View* references, size_t count) noexcept nogil:
    cdef size_t i
    cdef uint32_t id, start
    if self.entries[entry].has_references:
        return True
    start = <uint32_t>(self.references.size // sizeof(uint32_t))
    if not bytes_reserve(&self.references, count * sizeof(uint32_t)):
        return False
    for i in range(count):
        id = intern_path(self, references[i])
        if id == NO_ENTRY:
            return False
        bytes_append(&self.references, &id, sizeof(uint32_t))
    self.entries[entry].references_start = start
    self.entries[entry].reference_count = <uint32_t>count
    self.entries[entry].has_references = True
    return True


cdef bint remember(DrvStore* self, uint32_t entry, const Derivation* drv, const View* references, size_t count,
                   const Digest* modulo, int kind, Bytes* error) noexcept nogil:
    if not (remember_outputs(self, entry, drv.outputs, drv.output_count)
            and remember_references(self, entry, references, count)):
        return out_of_memory(error)
    memcpy(self.entries[entry].modulo, modulo.data, 32)
    self.entries[entry].modulo_kind = <uint8_t>kind
    return True


cdef size_t collect_references(DrvStore* self, const Derivation* drv) noexcept nogil:
    """Input derivations and sources merged into scratch_references; both lists are sorted.  SIZE_MAX: out of memory."""
    cdef View* all = <View*>array_of(&self.scratch_references, drv.input_drv_count + drv.input_src_count, sizeof(View))
    cdef size_t d = 0, s = 0, count = 0
    cdef View smaller
    cdef int order
    if all == NULL:
        return <size_t>-1
    while d < drv.input_drv_count or s < drv.input_src_count:
        if d == drv.input_drv_count:
            order = 1
        elif s == drv.input_src_count:
            order = -1
        else:
            order = view_compare(&drv.input_drvs[d].path, &drv.input_srcs[s])
        if order <= 0:
            smaller = drv.input_drvs[d].path
            d += 1
        else:
            smaller = drv.input_srcs[s]
            s += 1
        if count == 0 or not view_equal(all[count - 1], smaller):
            all[count] = smaller
            count += 1
    return count


# --- hash modulo fixed outputs -------------------------------------------------------------------------------------------

cdef bint has_output(DrvStore* self, const StoreEntry* entry, View output) noexcept nogil:
    cdef const View* names = <const View*>self.names.data + entry.outputs_start
    cdef uint32_t i
    for i in range(entry.output_count):
        if view_equal(names[i], output):
            return True
    return False


cdef bint make_known(DrvStore* self, const InputDrv* inputs, size_t count, Bytes* error) noexcept nogil:
    """Reads those of the inputs that were not made here."""
    cdef size_t i
    cdef uint32_t entry
    for i in range(count):
        if i and view_equal(inputs[i].path, inputs[i - 1].path):
            continue
        entry = intern_path(self, inputs[i].path)
        if entry == NO_ENTRY:
            return out_of_memory(error)
        if self.entries[entry].modulo_kind == MODULO_UNKNOWN and not read_derivations(self, entry, error):
            return False
    return True


cdef bint write_modulo_inputs(DrvStore* self, View name, const InputDrv* inputs, size_t count, int* kind,
                              Bytes* error) noexcept nogil:
    """The list of inputs with hashes in place of paths, in `self.inputs`.  All inputs are known."""
    cdef InputDrv* hashed = <InputDrv*>array_of(&self.scratch_inputs, count, sizeof(InputDrv))
    cdef uint8_t* digits = <uint8_t*>array_of(&self.scratch_hex, count, 64)
    cdef const StoreEntry* entry = NULL
    cdef size_t i, made = 0, kept = 0
    if hashed == NULL or digits == NULL:
        return out_of_memory(error)
    for i in range(count):
        if i == 0 or not view_equal(inputs[i].path, inputs[i - 1].path):
            entry = &self.entries[intern_path(self, inputs[i].path)]
            if entry.modulo_kind == MODULO_DEFERRED:
                kind[0] = MODULO_DEFERRED
            base16_encode(entry.modulo, 32, digits + 64 * i)
        else:
            memcpy(digits + 64 * i, digits + 64 * (i - 1), 64)
        if inputs[i].output.data == NULL:
            continue
        if not has_output(self, entry, inputs[i].output):
            bytes_text(error, "no hash for output '")
            bytes_view(error, inputs[i].output)
            bytes_text(error, "' of derivation '")
            bytes_view(error, name)
            bytes_text(error, "'")
            return False
        hashed[made].path = make_view(digits + 64 * i, 64)
        hashed[made].output = inputs[i].output
        hashed[made].all_outputs = False
        made += 1
    kept = sort_inputs(hashed, made)
    bytes_clear(&self.inputs)
    aterm_inputs(hashed, kept, &self.inputs)
    return True


cdef size_t sort_inputs(InputDrv* inputs, size_t count) noexcept nogil:
    cdef size_t i, kept = 1
    cdef bint is_sorted = True
    for i in range(1, count):
        if compare_inputs(&inputs[i - 1], &inputs[i]) >= 0:
            is_sorted = False
            break
    if is_sorted:
        return count
    qsort(inputs, count, sizeof(InputDrv), compare_inputs)
    for i in range(1, count):
        if compare_inputs(&inputs[kept - 1], &inputs[i]) != 0:
            inputs[kept] = inputs[i]
            kept += 1
    return kept


cdef inline void feed(Hasher* hasher, const Bytes* piece) noexcept nogil:
    hasher_update(hasher, piece.data, piece.size)


cdef void hash_parts(DrvStore* self, const Bytes* head, const Derivation* drv, const Splice* splices, size_t splice_count,
                     Digest* out) noexcept nogil:
    """sha256 of Derive([HEAD],[INPUTS],[TAIL with the output paths spliced in."""
    cdef Hasher hasher
    cdef size_t i, at = 0
    cdef View path
    hasher_init(&hasher, HASH_SHA256)
    hasher_update(&hasher, <const char*>"Derive([", 8)
    feed(&hasher, head)
    hasher_update(&hasher, <const char*>"],[", 3)
    feed(&hasher, &self.inputs)
    hasher_update(&hasher, <const char*>"],[", 3)
    for i in range(splice_count):
        hasher_update(&hasher, self.tail.data + at, splices[i].offset - at)
        path = drv.outputs[splices[i].output].path
        hasher_update(&hasher, path.data, path.size)
        at = splices[i].offset
    hasher_update(&hasher, self.tail.data + at, self.tail.size - at)
    hasher_final(&hasher, out)


cdef void fixed_modulo(DrvStore* self, const Output* output, Digest* out) noexcept nogil:
    """A fixed output hashes to what it is, not to how it is fetched."""
    bytes_clear(&self.head)
    bytes_text(&self.head, "fixed:out:")
    method_and_algorithm(output, &self.head)
    bytes_byte(&self.head, c':')
    hash_format(&output.digest, ENCODING_BASE16, False, &self.head)
    bytes_byte(&self.head, c':')
    bytes_view(&self.head, output.path)
    hash_bytes(HASH_SHA256, self.head.data, self.head.size, out)


cdef bint derivation_modulo(DrvStore* self, View name, const Derivation* drv, bint is_masked, Digest* out, int* kind,
                            Bytes* error) noexcept nogil:
    cdef int outputs_kind = derivation_kind(drv, error)
    cdef Splice* splices = NULL
    kind[0] = MODULO_REGULAR
    if outputs_kind == 0:
        return False
    if outputs_kind == OUTPUT_FIXED:
        fixed_modulo(self, &drv.outputs[0], out)
        return True
    if outputs_kind == OUTPUT_IMPURE:
        hash_bytes(HASH_SHA256, <const char*>"impure", 6, out)
        kind[0] = MODULO_DEFERRED
        return True
    if outputs_kind == OUTPUT_FLOATING:
        kind[0] = MODULO_DEFERRED
    if not (make_known(self, drv.input_drvs, drv.input_drv_count, error)
            and write_modulo_inputs(self, name, drv.input_drvs, drv.input_drv_count, kind, error)):
        return False
    splices = <Splice*>array_of(&self.scratch_splices, drv.output_count, sizeof(Splice)) if is_masked else NULL
    bytes_clear(&self.head)
    bytes_clear(&self.tail)
    aterm_outputs(drv, is_masked, &self.head)
    aterm_tail(drv, splices, &self.tail)
    if self.head.failed or self.inputs.failed or self.tail.failed or (is_masked and splices == NULL):
        return out_of_memory(error)
    hash_parts(self, &self.head, drv, NULL, 0, out)
    return True


# --- derivations from elsewhere ------------------------------------------------------------------------------------------

cdef bint parse_failed(View path, const Bytes* reason, Bytes* error) noexcept nogil:
    bytes_text(error, "error parsing derivation '")
    bytes_view(error, path)
    bytes_text(error, "': ")
    bytes_append(error, reason.data, reason.size)
    return False


cdef bint needs_feature(const char* feature, Bytes* error) noexcept nogil:
    bytes_text(error, "experimental Nix feature '")
    bytes_text(error, feature)
    bytes_text(error, "' is disabled; add '--extra-experimental-features ")
    bytes_text(error, feature)
    bytes_text(error, "' to enable it")
    return False


cdef bint start_reading(DrvStore* self, Reading* reading, uint32_t entry, Bytes* error) noexcept nogil:
    cdef View path = self.entries[entry].path
    cdef View base
    cdef Bytes reason
    cdef bint ok
    cdef size_t i
    memset(reading, 0, sizeof(Reading))
    reading.entry = entry
    if not store_path_parse(self.store_dir, path, &base, error):
        return False
    if not is_drv(path):
        bytes_text(error, "store path '")
        bytes_view(error, base)
        bytes_text(error, "' is not a valid derivation path")
        return False
    if self.reader == NULL:
        bytes_text(error, "path '")
        bytes_view(error, path)
        bytes_text(error, "' is not valid")
        return False
    if not self.reader(self.reader_context, path, &reading.text, error):
        return False
    bytes_init(&reason)
    ok = aterm_parse(self.store_dir, view_of(&reading.text), &reading.drv, &reason)
    if ok and derivation_kind(&reading.drv, &reason) == 0:
        ok = False
    for i in range(reading.drv.output_count if ok else 0):
        if reading.drv.outputs[i].kind == OUTPUT_FLOATING and not self.allows_floating:
            ok = needs_feature("ca-derivations", &reason)
            break
        if reading.drv.outputs[i].kind == OUTPUT_IMPURE and not self.allows_impure:
            ok = needs_feature("impure-derivations", &reason)
            break
    if not ok:
        parse_failed(path, &reason, error)
    bytes_free(&reason)
    self.entries[entry].is_pending = True
    return ok


cdef void stop_reading(DrvStore* self, Reading* reading) noexcept nogil:
    self.entries[reading.entry].is_pending = False
    derivation_free(&reading.drv)
    bytes_free(&reading.text)


cdef bint finish_reading(DrvStore* self, Reading* reading, Bytes* error) noexcept nogil:
    cdef Digest modulo
    cdef int kind = MODULO_REGULAR
    cdef size_t count
    cdef View name = derivation_name(self.store_dir, self.entries[reading.entry].path)
    if not derivation_modulo(self, name, &reading.drv, False, &modulo, &kind, error):
        return False
    count = collect_references(self, &reading.drv)
    if count == <size_t>-1:
        return out_of_memory(error)
    return remember(self, reading.entry, &reading.drv, <const View*>self.scratch_references.data, count, &modulo, kind, error)


cdef bint next_unknown(DrvStore* self, Reading* reading, uint32_t* found, Bytes* error) noexcept nogil:
    """The next input that must be read first; NO_ENTRY in *found* when there is none."""
    cdef const InputDrv* inputs = reading.drv.input_drvs
    cdef uint32_t entry
    found[0] = NO_ENTRY
    if reading.drv.outputs[0].kind == OUTPUT_FIXED or reading.drv.outputs[0].kind == OUTPUT_IMPURE:
        return True
    while reading.next_input < reading.drv.input_drv_count:
        entry = intern_path(self, inputs[reading.next_input].path)
        if entry == NO_ENTRY:
            return out_of_memory(error)
        if self.entries[entry].is_pending:
            bytes_text(error, "derivation '")
            bytes_view(error, self.entries[entry].path)
            bytes_text(error, "' depends on itself")
            return False
        if self.entries[entry].modulo_kind == MODULO_UNKNOWN:
            found[0] = entry
            return True
        reading.next_input += 1
    return True


cdef bint read_derivations(DrvStore* self, uint32_t entry, Bytes* error) noexcept nogil:
    """Makes *entry* known, and first whatever it depends on, with a stack of its own."""
    cdef Reading* stack = NULL
    cdef Reading* larger
    cdef size_t depth = 0, capacity = 0
    cdef uint32_t wanted = entry
    cdef bint ok = True
    while ok:
        if wanted != NO_ENTRY:
            if depth == capacity:
                capacity = capacity * 2 if capacity else 8
                larger = <Reading*>realloc(stack, capacity * sizeof(Reading))
                if larger == NULL:
                    ok = out_of_memory(error)
                    break
                stack = larger
            depth += 1
            ok = start_reading(self, &stack[depth - 1], wanted, error)
        else:
            ok = finish_reading(self, &stack[depth - 1], error)
            stop_reading(self, &stack[depth - 1])
            depth -= 1
        if not ok or depth == 0:
            break
        ok = next_unknown(self, &stack[depth - 1], &wanted, error)
    while depth:
        depth -= 1
        stop_reading(self, &stack[depth])
    free(stack)
    return ok


# --- closures ------------------------------------------------------------------------------------------------------------

cdef bint drv_store_add_references(DrvStore* self, View path, const View* references, size_t count,
                                   Bytes* error) noexcept nogil:
    cdef uint32_t entry = intern_path(self, path)
    if entry == NO_ENTRY or not remember_references(self, entry, references, count):
        return out_of_memory(error)
    return True


cdef bint drv_store_outputs(DrvStore* self, View drv_path, Bytes* out, Bytes* error) noexcept nogil:
    cdef uint32_t entry = intern_path(self, drv_path)
    if entry == NO_ENTRY:
        return out_of_memory(error)
    if self.entries[entry].modulo_kind == MODULO_UNKNOWN and not read_derivations(self, entry, error):
        return False
    bytes_append(out, <View*>self.names.data + self.entries[entry].outputs_start,
                 self.entries[entry].output_count * sizeof(View))
    return not out.failed or out_of_memory(error)


cdef bint drv_store_closure(DrvStore* self, View path, Bytes* out, Bytes* error) noexcept nogil:
    cdef Bytes queue, seen
    cdef size_t next_id = 0, start = out.size
    cdef uint32_t id = intern_path(self, path), i
    cdef const uint32_t* ids
    cdef bint ok = id != NO_ENTRY
    bytes_init(&queue)
    bytes_init(&seen)
    bytes_append(&queue, &id, sizeof(uint32_t))
    if not ok:
        out_of_memory(error)
    while ok and next_id * sizeof(uint32_t) < queue.size:
        id = (<uint32_t*>queue.data)[next_id]
        next_id += 1
        if id < seen.size and seen.data[id]:
            continue
        while seen.size <= id and not seen.failed:
            bytes_byte(&seen, 0)
        if seen.failed:
            ok = out_of_memory(error)
            break
        seen.data[id] = 1
        if is_drv(self.entries[id].path) and self.entries[id].modulo_kind == MODULO_UNKNOWN:
            ok = read_derivations(self, id, error)
            if not ok:
                break
        bytes_append(out, &self.entries[id].path, sizeof(View))
        ids = <const uint32_t*>self.references.data + self.entries[id].references_start
        for i in range(self.entries[id].reference_count):
            bytes_append(&queue, &ids[i], sizeof(uint32_t))
        if queue.failed or out.failed:
            ok = out_of_memory(error)
    bytes_free(&queue)
    bytes_free(&seen)
    if ok:
        out.size = start + sizeof(View) * views_sort(<View*>(out.data + start), (out.size - start) // sizeof(View))
    return ok


cdef bint expand_closures(DrvStore* self, DerivationInput* input, Bytes* error) noexcept nogil:
    """A derivation wanted with `all_outputs` brings its whole closure, and every output of each derivation in it."""
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
        ok = drv_store_closure(self, input.input_drvs[i].path, &self.scratch_views, error)
        if not ok:
            break
        paths = <const View*>self.scratch_views.data
        for j in range(self.scratch_views.size // sizeof(View)):
            bytes_append(sources, &paths[j], sizeof(View))
            if not is_drv(paths[j]):
                continue
            bytes_clear(&names)
            ok = drv_store_outputs(self, paths[j], &names, error)
            if not ok:
                break
            pair.path = paths[j]
            pair.all_outputs = False
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


# --- a new derivation ----------------------------------------------------------------------------------------------------

cdef bint prepare_inputs(DrvStore* self, DerivationInput* input, Derivation* drv, Bytes* error) noexcept nogil:
    cdef size_t i
    for i in range(input.input_drv_count):
        if input.input_drvs[i].all_outputs:
            if not expand_closures(self, input, error):
                return False
            break
    drv.input_drvs = input.input_drvs
    drv.input_drv_count = sort_inputs(input.input_drvs, input.input_drv_count)
    drv.input_srcs = input.input_srcs
    drv.input_src_count = views_sort(input.input_srcs, input.input_src_count) if input.input_src_count else 0
    if input.kind == OUTPUT_FIXED or input.kind == OUTPUT_IMPURE:
        return True                     # their hash does not depend on inputs, which may be unreadable
    return make_known(self, drv.input_drvs, drv.input_drv_count, error)


cdef bint prepare_outputs(DrvStore* self, const DerivationInput* input, Derivation* drv, Bytes* error) noexcept nogil:
    cdef Output* outputs = <Output*>array_of(&self.scratch_outputs, input.output_count, sizeof(Output))
    cdef size_t i, room = 0
    if input.output_count == 0:
        bytes_text(error, "must have at least one output")
        return False
    for i in range(input.output_count):
        room += self.store_dir.size + STORE_HASH_SIZE + 3 + input.name.size + input.outputs[i].size + 128
    bytes_clear(&self.paths)            # all paths fit, so that views into it stay good
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


cdef bint prepare_env(DrvStore* self, DerivationInput* input, Derivation* drv, Bytes* error) noexcept nogil:
    """The environment in name order, the outputs' variables (still without value) among it."""
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


cdef View taken_path(DrvStore* self, size_t start) noexcept nogil:
    return make_view(self.paths.data + start, self.paths.size - start)


cdef bint fill_paths(DrvStore* self, const DerivationInput* input, Derivation* drv, const Digest* masked,
                     Bytes* error) noexcept nogil:
    """Output paths, or for floating and impure outputs the placeholders that their own environment gets."""
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


cdef void write_text(DrvStore* self, const Derivation* drv, const Splice* splices, size_t splice_count) noexcept nogil:
    cdef Bytes* text = &self.text
    cdef size_t i, at = 0
    bytes_clear(text)
    bytes_text(text, "Derive([")
    bytes_append(text, self.head.data, self.head.size)
    bytes_text(text, "],[")
    aterm_inputs(drv.input_drvs, drv.input_drv_count, text)
    bytes_text(text, "],[")
    for i in range(splice_count):
        bytes_append(text, self.tail.data + at, splices[i].offset - at)
        bytes_view(text, drv.outputs[splices[i].output].path)
        at = splices[i].offset
    bytes_append(text, self.tail.data + at, self.tail.size - at)


cdef uint32_t name_file(DrvStore* self, const DerivationInput* input, const Derivation* drv, size_t reference_count,
                        Bytes* error) noexcept nogil:
    """Entry of the .drv path that follows from the text and what it refers to."""
    cdef Digest contents
    cdef uint32_t entry
    bytes_clear(&self.file_name)
    bytes_view(&self.file_name, input.name)
    bytes_text(&self.file_name, ".drv")
    hash_bytes(HASH_SHA256, self.text.data, self.text.size, &contents)
    bytes_clear(&self.masked_head)
    if not store_path_text(self.store_dir, view_of(&self.file_name), &contents, <const View*>self.scratch_references.data,
                           reference_count, &self.masked_head, error):
        return NO_ENTRY
    entry = intern_path(self, view_of(&self.masked_head))
    if entry == NO_ENTRY:
        out_of_memory(error)
    return entry


cdef bint give_result(DrvStore* self, const Derivation* drv, uint32_t entry, size_t reference_count,
                      DerivationResult* result, Bytes* error) noexcept nogil:
    cdef DerivationOutput* outputs = <DerivationOutput*>array_of(
        &self.scratch_results, drv.output_count, sizeof(DerivationOutput))
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


cdef bint derivation_finish(DrvStore* self, DerivationInput* input, DerivationResult* result, Bytes* error) noexcept nogil:
    cdef Derivation drv
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
    if input.kind == OUTPUT_INPUT_ADDRESSED:
        bytes_clear(&self.masked_head)
        aterm_outputs(&drv, True, &self.masked_head)
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
    if reference_count == <size_t>-1 or self.text.failed or self.tail.failed or self.inputs.failed or self.paths.failed:
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
            hash_bytes(HASH_SHA256, <const char*>"impure", 6, &modulo)
        if not remember(self, entry, &drv, <const View*>self.scratch_references.data, reference_count, &modulo, kind, error):
            return False
    return give_result(self, &drv, entry, reference_count, result, error)


# --- for Python ----------------------------------------------------------------------------------------------------------

METHODS = {"flat": INGEST_FLAT, "nar": INGEST_RECURSIVE, "recursive": INGEST_RECURSIVE, "text": INGEST_TEXT,
           "git": INGEST_GIT}
KINDS = {"input": OUTPUT_INPUT_ADDRESSED, "fixed": OUTPUT_FIXED, "floating": OUTPUT_FLOATING, "impure": OUTPUT_IMPURE}


cdef str text_of(View view):
    return view.data[:view.size].decode(errors="surrogateescape") if view.size else ""


cdef int raise_error(Bytes* error) except -1:
    try:
        raise ValueError(text_of(view_of(error)))
    finally:
        bytes_free(error)


cdef class _Views:
    """Borrowed views of texts, kept alive beside them."""
    cdef list kept
    cdef Bytes array

    def __cinit__(self):
        bytes_init(&self.array)

    def __init__(self, texts):
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


cdef bint ask_python(object reader, View path, Bytes* text, Bytes* error):
    cdef bytes found, message
    try:
        found = reader(text_of(path))
        bytes_append(text, <const char*>found, len(found))
        return True
    except BaseException as problem:        # no exception may pass through C
        message = (str(problem) or type(problem).__name__).encode(errors="surrogateescape")
        bytes_append(error, <const char*>message, len(message))
        return False


cdef bint read_with_python(void* context, View path, Bytes* text, Bytes* error) noexcept nogil:
    with gil:
        return ask_python(<object>context, path, text, error)


cdef class DerivationMemory:
    """What derivations hash to; `reader(drv_path) -> bytes` supplies those that were not finished here."""
    cdef DrvStore store
    cdef object reader

    def __cinit__(self, str store_dir="/nix/store", reader=None, *, bint allows_floating=True, bint allows_impure=True):
        cdef bytes directory = store_dir.encode(errors="surrogateescape")
        if not drv_store_init(&self.store, make_view(<const char*>directory, len(directory))):
            raise MemoryError
        self.store.allows_floating = allows_floating
        self.store.allows_impure = allows_impure
        self.reader = reader
        if reader is not None:
            self.store.reader = read_with_python
            self.store.reader_context = <void*>self.reader

    def __dealloc__(self):
        drv_store_free(&self.store)

    def finish(self, str name, *, str system, str builder, args=(), env=None, outputs=("out",), str kind="input",
               str method="flat", str algorithm="sha256", bytes digest=None, input_drvs=(), input_srcs=(), closures=()):
        """(drv path, {output: path or placeholder}, text).  *input_drvs*: (path, output) pairs; *closures*: .drv paths."""
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
                bytes_append(&inputs, &pair, sizeof(InputDrv))
            for path in closures:
                pair.path = texts.add(path)
                pair.output = make_view(NULL, 0)
                pair.all_outputs = True
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
                raise_error(&error)
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
        ok = drv_store_outputs(&self.store, path, &names, &error)
        bytes_free(&names)
        if not ok:
            raise_error(&error)
        entry = intern_path(&self.store, path)
        return self.store.entries[entry].modulo[:32], self.store.entries[entry].modulo_kind == MODULO_DEFERRED

    def closure(self, str path not None):
        """All store paths that *path* refers to, directly or not, itself included."""
        cdef _Views texts = _Views([])
        cdef View start = texts.add(path)
        cdef Bytes error, found
        bytes_init(&error)
        bytes_init(&found)
        try:
            if not drv_store_closure(&self.store, start, &found, &error):
                raise_error(&error)
            return [text_of((<View*>found.data)[i]) for i in range(found.size // sizeof(View))]
        finally:
            bytes_free(&found)

    def add_references(self, str path not None, references):
        """Says what a text or source refers to."""
        cdef _Views texts = _Views([]), listed = _Views(sorted(set(references)))
        cdef Bytes error
        bytes_init(&error)
        if not drv_store_add_references(&self.store, texts.add(path), listed.views(), len(listed.kept), &error):
            raise_error(&error)


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
