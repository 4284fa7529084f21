# cython: language_level=3
"""The hash and the references of each derivation, for `derivation_finish`.

In: derivations finished in this process, or, through a reader, the text of others.  Out: hashes modulo fixed outputs,
output names, closures.  Derivations from elsewhere are read with an explicit stack, whatever their depth; cycles are refused.
Over 600 lines: the table, the reading and the hashing need each other.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memcpy, memset

from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, resize_items
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_clear, bytes_free, bytes_init, bytes_reserve, bytes_text, bytes_view,
    make_view, view_compare, view_equal, view_is, view_of,
)
from snowsnake.foundation.probing cimport is_free_slot, probe
from snowsnake.store.aterm cimport (
    OUTPUT_FIXED, OUTPUT_FLOATING, OUTPUT_IMPURE, DerivationFields, InputDrv, Output, Splice, aterm_inputs, aterm_outputs,
    aterm_tail, compare_inputs, derivation_free, derivation_kind, method_and_algorithm,
)
from snowsnake.store.aterm_parser cimport aterm_parse
from snowsnake.store.hash_functions cimport HASH_SHA256, Hasher, hash_bytes, hasher_final, hasher_init, hasher_update
from snowsnake.store.hashing cimport ENCODING_BASE16, base16_encode, hash_format
from snowsnake.store.store_path cimport INGEST_TEXT, STORE_HASH_SIZE, store_path_parse, views_sort

cdef enum:
    SLAB_SIZE = 65536

# This is a derivation from the reader, while we make its inputs known.
cdef struct OpenDerivation:
    uint32_t entry
    size_t next_input
    Bytes text
    DerivationFields drv


# --- the table of paths --------------------------------------------------------------------------------------------------

cdef bint out_of_memory(Bytes* error) noexcept nogil:
    error.failed = True
    return False


cdef const uint8_t* slab_copy(KnownDerivations* self, View text) noexcept nogil:
    cdef Slab* slab = self.slabs
    cdef size_t capacity
    cdef uint8_t* place
    if slab == NULL or slab.capacity - slab.used < text.size:
        capacity = text.size if text.size > SLAB_SIZE else SLAB_SIZE
        slab = <Slab*>allocate_items(sizeof(Slab) + capacity, 1)
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
    """Mixes all bytes of a path, eight at a time: the table also has paths that are not store paths."""
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


cdef inline bint is_slot_of(uint64_t at, KnownDerivations* self, View path, uint32_t hashed) noexcept nogil:
    cdef StoreEntry* entry
    if self.slots[at] == 0:
        return True
    entry = &self.entries[self.slots[at] - 1]
    return entry.hash == hashed and view_equal(entry.path, path)


cdef uint32_t find_entry(KnownDerivations* self, View path, uint32_t hashed, uint32_t* slot) noexcept nogil:
    slot[0] = <uint32_t>probe(hashed, self.slot_count - 1, is_slot_of, self, path, hashed)
    return self.slots[slot[0]] - 1 if self.slots[slot[0]] else <uint32_t>NO_ENTRY


cdef bint grow_table(KnownDerivations* self) noexcept nogil:
    cdef uint32_t count = self.slot_count * 2 if self.slot_count else 1024
    cdef uint32_t capacity = count // 4 * 3
    cdef uint32_t* slots = <uint32_t*>allocate_zeros(count, sizeof(uint32_t))
    cdef StoreEntry* entries
    cdef uint32_t i
    if slots == NULL or count > <uint32_t>1 << 30:
        free(slots)
        return False
    entries = <StoreEntry*>resize_items(self.entries, capacity, sizeof(StoreEntry))
    if entries == NULL:
        free(slots)
        return False
    for i in range(self.entry_count):
        slots[probe(entries[i].hash, count - 1, is_free_slot, slots)] = i + 1
    free(self.slots)
    self.slots = slots
    self.slot_count = count
    self.entries = entries
    self.entry_capacity = capacity
    return True


cdef uint32_t intern_path(KnownDerivations* self, View path) noexcept nogil:
    """Index of the entry of *path*, which is made if necessary; NO_ENTRY if memory runs out."""
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


cdef bint derivations_init(KnownDerivations* self, View store_dir) noexcept nogil:
    memset(self, 0, sizeof(KnownDerivations))
    self.store_dir.data = slab_copy(self, store_dir)
    self.store_dir.size = store_dir.size
    if self.store_dir.data == NULL or not grow_table(self):
        derivations_free(self)
        return False
    return True


cdef void derivations_free(KnownDerivations* self) noexcept nogil:
    cdef Slab* slab
    cdef Bytes* buffer = &self.names
    while self.slabs != NULL:
        slab = self.slabs
        self.slabs = slab.next
        free(slab)
    free(self.entries)
    free(self.slots)
    # The buffers lie side by side in the struct.
    while buffer <= &self.text:
        bytes_free(buffer)
        buffer += 1
    memset(self, 0, sizeof(KnownDerivations))


cdef void* array_of(Bytes* buffer, size_t count, size_t item_size) noexcept nogil:
    """The buffer as an array of *count* items, with undefined contents; NULL if memory runs out."""
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

cdef bint remember_outputs(KnownDerivations* self, uint32_t entry, const Output* outputs, size_t count) noexcept nogil:
    cdef View* names = <View*>self.names.data
    cdef View name
    cdef size_t i, start
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
    start = self.names.size
    if not bytes_reserve(&self.names, count * sizeof(View)):
        # The names that are there stay valid.
        self.names.failed = False
        return False
    for i in range(count):
        name = make_view(slab_copy(self, outputs[i].name), outputs[i].name.size)
        if name.data == NULL:
            self.names.size = start
            return False
        bytes_append(&self.names, &name, sizeof(View))
    self.last_names_start = <uint32_t>(start // sizeof(View))
    self.last_names_count = <uint32_t>count
    self.entries[entry].outputs_start = self.last_names_start
    if is_out:
        self.has_out_names = True
        self.out_names_start = self.last_names_start
    return True


cdef bint remember_references(KnownDerivations* self, uint32_t entry, const View* references, size_t count) noexcept nogil:
    cdef size_t i
    cdef uint32_t id, start
    if self.entries[entry].has_references:
        return True
    start = <uint32_t>(self.references.size // sizeof(uint32_t))
    if not bytes_reserve(&self.references, count * sizeof(uint32_t)):
        # The references that are there stay valid.
        self.references.failed = False
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


cdef bint remember(KnownDerivations* self, uint32_t entry, const DerivationFields* drv, const View* references, size_t count,
                   const Digest* modulo, int kind, Bytes* error) noexcept nogil:
    if not (remember_outputs(self, entry, drv.outputs, drv.output_count)
            and remember_references(self, entry, references, count)):
        return out_of_memory(error)
    memcpy(self.entries[entry].modulo, modulo.data, 32)
    self.entries[entry].modulo_kind = <uint8_t>kind
    return True


cdef size_t collect_references(KnownDerivations* self, const DerivationFields* drv) noexcept nogil:
    """Merges input derivations and sources, which are sorted, into scratch_references; returns their number, or SIZE_MAX if memory runs out."""
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

cdef bint has_output(KnownDerivations* self, const StoreEntry* entry, View output) noexcept nogil:
    cdef const View* names = <const View*>self.names.data + entry.outputs_start
    cdef uint32_t i
    for i in range(entry.output_count):
        if view_equal(names[i], output):
            return True
    return False


cdef bint make_known(KnownDerivations* self, const InputDrv* inputs, size_t count, Bytes* error) noexcept nogil:
    """Reads those inputs that are not known yet."""
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


cdef bint write_modulo_inputs(KnownDerivations* self, View name, const InputDrv* inputs, size_t count, int* kind,
                              Bytes* error) noexcept nogil:
    """Writes the list of inputs, with hashes in place of paths, to `self.inputs`.  All inputs must be known."""
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
        hashed[made].children = make_view(NULL, 0)
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


cdef void hash_parts(KnownDerivations* self, const Bytes* head, const DerivationFields* drv, const Splice* splices, size_t splice_count,
                     Digest* out) noexcept nogil:
    """sha256 of Derive([HEAD],[INPUTS],[TAIL with the output paths spliced in."""
    cdef Hasher hasher
    cdef size_t i, at = 0
    cdef View path
    hasher_init(&hasher, HASH_SHA256)
    if drv.is_dynamic:
        hasher_update(&hasher, <const char*>'DrvWithVersion("xp-dyn-drv",[', 29)
    else:
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


cdef void fixed_modulo(KnownDerivations* self, const Output* output, Digest* out) noexcept nogil:
    """A fixed output's hash depends on its contents, not on how it is fetched."""
    bytes_clear(&self.head)
    bytes_text(&self.head, "fixed:out:")
    method_and_algorithm(output, &self.head)
    bytes_byte(&self.head, c':')
    hash_format(&output.digest, ENCODING_BASE16, False, &self.head)
    bytes_byte(&self.head, c':')
    bytes_view(&self.head, output.path)
    hash_bytes(HASH_SHA256, self.head.data, self.head.size, out)


cdef void impure_modulo(Digest* out) noexcept nogil:
    hash_bytes(HASH_SHA256, <const char*>"impure", 6, out)


cdef bint derivation_modulo(KnownDerivations* self, View name, const DerivationFields* drv, bint is_masked, Digest* out, int* kind,
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
        impure_modulo(out)
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


cdef bint needs_feature(const char* feature, Bytes* error, const char* what = "") noexcept nogil:
    bytes_text(error, "experimental Nix feature '")
    bytes_text(error, feature)
    bytes_text(error, "' is disabled")
    bytes_text(error, what)
    bytes_text(error, "; add '--extra-experimental-features ")
    bytes_text(error, feature)
    bytes_text(error, "' to enable it")
    return False


cdef bint start_reading(KnownDerivations* self, OpenDerivation* reading, uint32_t entry, Bytes* error) noexcept nogil:
    cdef View path = self.entries[entry].path
    cdef View base
    cdef Bytes reason
    cdef bint ok
    cdef size_t i
    memset(reading, 0, sizeof(OpenDerivation))
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
        if reading.drv.outputs[i].method == INGEST_TEXT and reading.drv.outputs[i].digest.kind and not self.allows_dynamic:
            ok = needs_feature("dynamic-derivations", &reason, " (text-hashed derivation output)")
            break
    if ok and reading.drv.is_dynamic and not self.allows_dynamic:
        ok = needs_feature("dynamic-derivations", &reason, " (ATerm format version 'xp-dyn-drv')")
    if not ok:
        parse_failed(path, &reason, error)
    bytes_free(&reason)
    self.entries[entry].is_pending = True
    return ok


cdef void stop_reading(KnownDerivations* self, OpenDerivation* reading) noexcept nogil:
    self.entries[reading.entry].is_pending = False
    derivation_free(&reading.drv)
    bytes_free(&reading.text)


cdef bint finish_reading(KnownDerivations* self, OpenDerivation* reading, Bytes* error) noexcept nogil:
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


cdef bint next_unknown(KnownDerivations* self, OpenDerivation* reading, uint32_t* found, Bytes* error) noexcept nogil:
    """Sets *found* to the next input that must be read first, or to NO_ENTRY if there is none."""
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


cdef bint read_derivations(KnownDerivations* self, uint32_t entry, Bytes* error) noexcept nogil:
    """Makes *entry* known, after everything that it depends on, with an explicit stack instead of recursion."""
    cdef OpenDerivation* stack = NULL
    cdef size_t depth = 0, capacity = 0
    cdef uint32_t wanted = entry
    cdef bint ok = True
    while ok:
        if wanted != NO_ENTRY:
            if not has_room(&stack, depth, &capacity, 8):
                ok = out_of_memory(error)
                break
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

cdef bint derivations_add_references(KnownDerivations* self, View path, const View* references, size_t count,
                                   Bytes* error) noexcept nogil:
    cdef uint32_t entry = intern_path(self, path)
    if entry == NO_ENTRY or not (self.entries[entry].has_references or remember_references(self, entry, references, count)):
        return out_of_memory(error)
    return True


cdef bint derivations_references(KnownDerivations* self, View path, Bytes* lines) noexcept nogil:
    cdef uint32_t slot = 0, i
    cdef uint32_t id = find_entry(self, path, path_hash(path), &slot)
    cdef StoreEntry* entry
    if id == NO_ENTRY or not self.entries[id].has_references:
        return False
    entry = &self.entries[id]
    for i in range(entry.reference_count):
        path = self.entries[(<uint32_t*>self.references.data)[entry.references_start + i]].path
        bytes_append(lines, path.data, path.size)
        bytes_append(lines, <const char*>"\n", 1)
    return True


cdef bint derivations_outputs(KnownDerivations* self, View drv_path, Bytes* out, Bytes* error) noexcept nogil:
    cdef uint32_t entry = intern_path(self, drv_path)
    if entry == NO_ENTRY:
        return out_of_memory(error)
    if self.entries[entry].modulo_kind == MODULO_UNKNOWN and not read_derivations(self, entry, error):
        return False
    bytes_append(out, <View*>self.names.data + self.entries[entry].outputs_start,
                 self.entries[entry].output_count * sizeof(View))
    return not out.failed or out_of_memory(error)


cdef bint derivations_closure(KnownDerivations* self, View path, Bytes* out, Bytes* error) noexcept nogil:
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
