# cython: language_level=3
"""Store paths: "/nix/store/<hash>-name"; making, checking and splitting them.

In: names, digests, references.  Out: paths in the caller's buffer.  The hash part is always the sha256 of
"type:algorithm:hex:store directory:name", folded to 20 bytes; the type says what the digest is of.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport qsort
from libc.string cimport memcmp, memset, strlen

from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_clear, bytes_free, bytes_init, bytes_reserve, bytes_text, bytes_view,
    make_view, view_compare, view_is,
)
from snowsnake.store.hash_functions cimport (
    HASH_NONE, HASH_SHA1, HASH_SHA256, Hasher, hash_bytes, hash_name, hash_size, hasher_final, hasher_init,
    hasher_update,
)
from snowsnake.store.hashing cimport BASE16_MAX_SIZE, base16_encode, base32_decode, base32_encode, hash_kind_parse


# --- names and forms -----------------------------------------------------------------------------------------------------

cdef int compare_views(const void* a, const void* b) noexcept nogil:
    return view_compare(<const View*>a, <const View*>b)


cdef size_t views_sort(View* views, size_t count) noexcept nogil:
    cdef size_t i, kept
    cdef bint is_sorted = True
    for i in range(1, count):
        if view_compare(&views[i - 1], &views[i]) >= 0:
            is_sorted = False
            break
    if is_sorted:
        return count
    qsort(views, count, sizeof(View), compare_views)
    kept = 1
    for i in range(1, count):
        if view_compare(&views[kept - 1], &views[i]) != 0:
            views[kept] = views[i]
            kept += 1
    return kept


cdef inline bint is_name_byte(uint8_t c) noexcept nogil:
    return (97 <= c <= 122 or 65 <= c <= 90 or 48 <= c <= 57 or c == c'-' or c == c'.' or c == c'_' or c == c'+'
            or c == c'?' or c == c'=')


cdef bint bad_name(View name, const char* what, Bytes* error) noexcept nogil:
    bytes_text(error, "name '")
    bytes_view(error, name)
    bytes_text(error, what)
    return False


cdef bint store_name_check(View name, Bytes* error) noexcept nogil:
    cdef size_t i, dots = 0
    if name.size == 0:
        bytes_text(error, "name must not be empty")
        return False
    if name.size > STORE_NAME_MAX:
        return bad_name(name, "' must be no longer than 211 characters", error)
    while dots < 2 and dots < name.size and name.data[dots] == c'.':
        dots += 1
    if dots:
        if dots == name.size:
            return bad_name(name, "' is not valid", error)
        if name.data[dots] == c'-':
            return bad_name(name, "' is not valid: first dash-separated component must not be '.'" if dots == 1 else
                            "' is not valid: first dash-separated component must not be '..'", error)
    for i in range(name.size):
        if not is_name_byte(name.data[i]):
            bad_name(name, "' contains illegal character '", error)
            bytes_byte(error, name.data[i])
            bytes_byte(error, c"'")
            return False
    return True


cdef bint checked_name(View base, View name, Bytes* error) noexcept nogil:
    """Does what `store_name_check` does, with a message that begins with the base name of the whole path."""
    cdef size_t before = error.size
    cdef Bytes reason
    bytes_init(&reason)
    if store_name_check(name, &reason):
        return True
    error.size = before
    bytes_text(error, "path '")
    bytes_view(error, base)
    bytes_text(error, "' is not a valid store path: ")
    bytes_append(error, reason.data, reason.size)
    bytes_free(&reason)
    return False


cdef bint store_base_check(View base, Bytes* error) noexcept nogil:
    cdef size_t i
    cdef uint8_t c
    if base.size < STORE_HASH_SIZE + 1:
        bytes_byte(error, c"'")
        bytes_view(error, base)
        bytes_text(error, "' is too short to be a valid store path")
        return False
    for i in range(STORE_HASH_SIZE):
        c = base.data[i]
        if not (48 <= c <= 57 or 97 <= c <= 122) or c == c'e' or c == c'o' or c == c'u' or c == c't':
            bytes_text(error, "store path '")
            bytes_view(error, base)
            bytes_text(error, "' contains illegal base-32 character '")
            bytes_byte(error, c)
            bytes_byte(error, c"'")
            return False
    return checked_name(base, make_view(base.data + STORE_HASH_SIZE + 1, base.size - STORE_HASH_SIZE - 1), error)


cdef bint starts_below(View store_dir, View path) noexcept nogil:
    return (path.size > store_dir.size + 1 and memcmp(path.data, store_dir.data, store_dir.size) == 0
            and path.data[store_dir.size] == c'/')


cdef bint not_in_store(View path, Bytes* error) noexcept nogil:
    bytes_text(error, "path '")
    bytes_view(error, path)
    bytes_text(error, "' is not in the Nix store")
    return False


cdef bint store_path_split(View store_dir, View path, View* object, View* rest, Bytes* error) noexcept nogil:
    cdef size_t end = store_dir.size + 1
    if not starts_below(store_dir, path):
        return not_in_store(path, error)
    while end < path.size and path.data[end] != c'/':
        end += 1
    if object != NULL:
        object[0] = make_view(path.data, end)
    if rest != NULL:
        rest[0] = make_view(path.data + end, path.size - end)
    return store_base_check(make_view(path.data + store_dir.size + 1, end - store_dir.size - 1), error)


cdef bint store_path_parse(View store_dir, View path, View* base, Bytes* error) noexcept nogil:
    cdef View name
    cdef size_t i
    if not starts_below(store_dir, path):
        return not_in_store(path, error)
    name = make_view(path.data + store_dir.size + 1, path.size - store_dir.size - 1)
    for i in range(name.size):
        if name.data[i] == c'/':
            return not_in_store(path, error)
    if base != NULL:
        base[0] = name
    return store_base_check(name, error)


cdef bint store_is_path(View store_dir, View path) noexcept nogil:
    cdef Bytes error
    cdef bint ok
    bytes_init(&error)
    ok = store_path_parse(store_dir, path, NULL, &error)
    bytes_free(&error)
    return ok


# --- paths from hashes ---------------------------------------------------------------------------------------------------

cdef inline void feed(Hasher* hasher, const char* text) noexcept nogil:
    hasher_update(hasher, text, strlen(text))


cdef void feed_digest(Hasher* hasher, const Digest* digest) noexcept nogil:
    """Feeds "algorithm:hex" to the hasher."""
    cdef uint8_t digits[BASE16_MAX_SIZE]
    feed(hasher, hash_name(digest.kind))
    feed(hasher, ":")
    base16_encode(digest.data, digest.size, digits)
    hasher_update(hasher, digits, 2 * <size_t>digest.size)


cdef bint finish_path(Hasher* hasher, View store_dir, const Digest* digest, View name, View suffix, Bytes* out,
                      Bytes* error) noexcept nogil:
    """Makes the path whose type was already fed to *hasher*; its name is *name*, or *name*-*suffix*."""
    cdef Digest whole
    cdef uint8_t folded[20]
    cdef size_t start = out.size, name_start
    cdef View base
    cdef int i
    if not bytes_reserve(out, store_dir.size + name.size + suffix.size + STORE_HASH_SIZE + 3):
        error.failed = True
        return False
    bytes_view(out, store_dir)
    bytes_byte(out, c'/')
    out.size += STORE_HASH_SIZE
    bytes_byte(out, c'-')
    name_start = out.size
    bytes_view(out, name)
    if suffix.size:
        bytes_byte(out, c'-')
        bytes_view(out, suffix)
    feed(hasher, ":")
    feed_digest(hasher, digest)
    feed(hasher, ":")
    hasher_update(hasher, store_dir.data, store_dir.size)
    feed(hasher, ":")
    hasher_update(hasher, out.data + name_start, out.size - name_start)
    hasher_final(hasher, &whole)
    memset(folded, 0, 20)
    for i in range(32):
        folded[i % 20] ^= whole.data[i]
    base32_encode(folded, 20, out.data + start + store_dir.size + 1)
    base = make_view(out.data + start + store_dir.size + 1, out.size - start - store_dir.size - 1)
    if checked_name(base, make_view(out.data + name_start, out.size - name_start), error):
        return True
    out.size = start
    return False


cdef void start_type(Hasher* hasher, const char* kind, const View* references, size_t count) noexcept nogil:
    cdef size_t i
    hasher_init(hasher, HASH_SHA256)
    feed(hasher, kind)
    for i in range(count):
        feed(hasher, ":")
        hasher_update(hasher, references[i].data, references[i].size)


cdef bint store_path_text(View store_dir, View name, const Digest* contents, const View* references, size_t count,
                          Bytes* out, Bytes* error) noexcept nogil:
    cdef Hasher hasher
    start_type(&hasher, "text", references, count)
    return finish_path(&hasher, store_dir, contents, name, make_view(NULL, 0), out, error)


cdef bint store_path_source(View store_dir, View name, const Digest* nar, const View* references, size_t count,
                            bint refers_to_self, Bytes* out, Bytes* error) noexcept nogil:
    cdef Hasher hasher
    start_type(&hasher, "source", references, count)
    if refers_to_self:
        feed(&hasher, ":self")
    return finish_path(&hasher, store_dir, nar, name, make_view(NULL, 0), out, error)


cdef bint store_path_output(View store_dir, View name, View output, const Digest* modulo, Bytes* out,
                            Bytes* error) noexcept nogil:
    cdef Hasher hasher
    start_type(&hasher, "output:", NULL, 0)
    hasher_update(&hasher, output.data, output.size)
    return finish_path(&hasher, store_dir, modulo, name, make_view(NULL, 0) if view_is(output, "out") else output, out,
                       error)


cdef const char* ingestion_prefix(int method) noexcept nogil:
    if method == INGEST_RECURSIVE:
        return "r:"
    if method == INGEST_TEXT:
        return "text:"
    return "git:" if method == INGEST_GIT else ""


cdef bint store_path_fixed(View store_dir, View name, int method, const Digest* digest, const View* references,
                           size_t count, bint refers_to_self, Bytes* out, Bytes* error) noexcept nogil:
    cdef Hasher hasher
    cdef Digest inner
    if method == INGEST_TEXT:
        if digest.kind != HASH_SHA256:
            bytes_text(error, "text hashing must use SHA-256 hash, but instead using: ")
            bytes_text(error, hash_name(digest.kind))
            return False
        return store_path_text(store_dir, name, digest, references, count, out, error)
    if method == INGEST_GIT and digest.kind != HASH_SHA1 and digest.kind != HASH_SHA256:
        bytes_text(error, "Git file ingestion must use SHA-1 or SHA-256 hash, but instead using: ")
        bytes_text(error, hash_name(digest.kind))
        return False
    if method == INGEST_RECURSIVE and digest.kind == HASH_SHA256:
        return store_path_source(store_dir, name, digest, references, count, refers_to_self, out, error)
    if count or refers_to_self:
        bytes_text(error, "fixed output derivation '")
        bytes_view(error, name)
        bytes_text(error, "' is not allowed to refer to other store paths.\nYou may need to use the "
                   "'unsafeDiscardReferences' derivation attribute, see the manual for more details.")
        return False
    hasher_init(&hasher, HASH_SHA256)
    feed(&hasher, "fixed:out:")
    feed(&hasher, ingestion_prefix(method))
    feed_digest(&hasher, digest)
    feed(&hasher, ":")
    hasher_final(&hasher, &inner)
    start_type(&hasher, "output:out", NULL, 0)
    return finish_path(&hasher, store_dir, &inner, name, make_view(NULL, 0), out, error)


# --- placeholders --------------------------------------------------------------------------------------------------------

cdef void append_placeholder(Hasher* hasher, Bytes* out) noexcept nogil:
    cdef Digest digest
    hasher_final(hasher, &digest)
    if bytes_reserve(out, 53):
        out.data[out.size] = c'/'
        base32_encode(digest.data, 32, out.data + out.size + 1)
        out.size += 53


cdef void store_placeholder(View output, Bytes* out) noexcept nogil:
    cdef Hasher hasher
    hasher_init(&hasher, HASH_SHA256)
    feed(&hasher, "nix-output:")
    hasher_update(&hasher, output.data, output.size)
    append_placeholder(&hasher, out)


cdef bint store_downstream_placeholder(View store_dir, View drv_path, View output, Bytes* out, Bytes* error) noexcept nogil:
    cdef Hasher hasher
    cdef View base
    if not store_path_parse(store_dir, drv_path, &base, error):
        return False
    if base.size < STORE_HASH_SIZE + 5 or not view_is(make_view(base.data + base.size - 4, 4), ".drv"):
        bytes_text(error, "store path '")
        bytes_view(error, base)
        bytes_text(error, "' is not a valid derivation path")
        return False
    hasher_init(&hasher, HASH_SHA256)
    feed(&hasher, "nix-upstream-output:")
    hasher_update(&hasher, base.data, STORE_HASH_SIZE)
    feed(&hasher, ":")
    hasher_update(&hasher, base.data + STORE_HASH_SIZE + 1, base.size - STORE_HASH_SIZE - 5)
    if not view_is(output, "out"):
        feed(&hasher, "-")
        hasher_update(&hasher, output.data, output.size)
    append_placeholder(&hasher, out)
    return True


cdef bint store_next_placeholder(Bytes* placeholder, View output) noexcept nogil:
    cdef uint8_t whole[32]
    cdef uint8_t folded[20]
    cdef uint8_t digits[STORE_HASH_SIZE]
    cdef Hasher hasher
    cdef int i
    if placeholder.size != 53 or base32_decode(placeholder.data + 1, 52, whole, 32) < 0:
        return False
    memset(folded, 0, 20)
    for i in range(32):
        folded[i % 20] ^= whole[i]
    base32_encode(folded, 20, digits)
    hasher_init(&hasher, HASH_SHA256)
    feed(&hasher, "nix-computed-output:")
    hasher_update(&hasher, digits, STORE_HASH_SIZE)
    feed(&hasher, ":")
    hasher_update(&hasher, output.data, output.size)
    bytes_clear(placeholder)
    append_placeholder(&hasher, placeholder)
    return not placeholder.failed


# --- for Python ----------------------------------------------------------------------------------------------------------

cdef View bytes_of(bytes data):
    return make_view(<const char*>data, len(data))


cdef str finished(bint ok, Bytes* out, Bytes* error):
    """Returns the text in *out*, or raises the error."""
    try:
        if out.failed or error.failed:
            raise MemoryError
        if ok:
            return out.data[:out.size].decode(errors="surrogateescape") if out.size else ""
        raise ValueError(error.data[:error.size].decode(errors="surrogateescape") if error.size else "")
    finally:
        bytes_free(out)
        bytes_free(error)


cdef bytes encoded(str text):
    return text.encode(errors="surrogateescape")


cdef class _References:
    """Borrowed views of a Python list of paths, sorted."""
    cdef list kept
    cdef bytes storage
    cdef View* views
    cdef size_t count

    def __cinit__(self, references):
        cdef size_t i
        self.kept = [encoded(r) for r in references]
        self.storage = bytes(max(1, len(self.kept)) * sizeof(View))
        self.views = <View*><char*>self.storage
        for i in range(len(self.kept)):
            self.views[i] = bytes_of(self.kept[i])
        self.count = views_sort(self.views, len(self.kept))


cdef int read_digest(str algorithm, bytes data, Digest* out) except -1:
    cdef bytes name = encoded(algorithm)
    cdef int kind = HASH_NONE
    cdef Bytes error, nothing
    bytes_init(&error)
    bytes_init(&nothing)
    if not hash_kind_parse(bytes_of(name), &kind, &error):
        finished(False, &nothing, &error)
    if len(data) != hash_size(kind):
        raise ValueError(f"a digest of {algorithm} has {hash_size(kind)} bytes, this one {len(data)}")
    memset(out, 0, sizeof(Digest))
    out.kind = <uint8_t>kind
    out.size = <uint8_t>hash_size(kind)
    for i in range(out.size):
        out.data[i] = data[i]
    return 0


METHODS = {"flat": INGEST_FLAT, "nar": INGEST_RECURSIVE, "recursive": INGEST_RECURSIVE, "text": INGEST_TEXT,
           "git": INGEST_GIT}


def method_prefix(str method not None):
    """What is in front of the algorithm of a hash that was made by a method: "r:" for `nar`."""
    return ingestion_prefix(METHODS[method]).decode()


def check_name(str name not None):
    """Raises ValueError, with Nix's message, for a name that a store path cannot have."""
    cdef bytes raw = encoded(name)
    cdef Bytes out, error
    bytes_init(&out)
    bytes_init(&error)
    finished(store_name_check(bytes_of(raw), &error), &out, &error)


def parse(str path not None, str store_dir="/nix/store"):
    """(hash part, name) of exactly a store object's path; ValueError, with Nix's message, for anything else."""
    cdef bytes raw = encoded(path), directory = encoded(store_dir)
    cdef Bytes out, error
    cdef View base
    bytes_init(&out)
    bytes_init(&error)
    finished(store_path_parse(bytes_of(directory), bytes_of(raw), &base, &error), &out, &error)
    text = base.data[:base.size].decode(errors="surrogateescape")
    return text[:STORE_HASH_SIZE], text[STORE_HASH_SIZE + 1:]


def check_base(str base not None):
    """Raises ValueError unless *base* is "<32 digits>-name"."""
    cdef bytes raw = encoded(base)
    cdef Bytes out, error
    bytes_init(&out)
    bytes_init(&error)
    finished(store_base_check(bytes_of(raw), &error), &out, &error)


def split(str path not None, str store_dir="/nix/store"):
    """(path of the store object, rest of the path) of a path in or below a store object; ValueError for another path."""
    cdef bytes raw = encoded(path), directory = encoded(store_dir)
    cdef Bytes out, error
    cdef View object, rest
    bytes_init(&out)
    bytes_init(&error)
    finished(store_path_split(bytes_of(directory), bytes_of(raw), &object, &rest, &error), &out, &error)
    return (object.data[:object.size].decode(errors="surrogateescape"),
            rest.data[:rest.size].decode(errors="surrogateescape") if rest.size else "")


def text_path(str name not None, bytes contents not None, references=(), str store_dir="/nix/store"):
    """The path of a text that `builtins.toFile` adds, or of a `.drv`; ValueError for a name that a store path cannot have."""
    cdef bytes raw = encoded(name), directory = encoded(store_dir)
    cdef _References sorted_references = _References(references)
    cdef Digest digest
    cdef Bytes out, error
    bytes_init(&out)
    bytes_init(&error)
    hash_bytes(HASH_SHA256, <const char*>contents, len(contents), &digest)
    ok = store_path_text(bytes_of(directory), bytes_of(raw), &digest, sorted_references.views, sorted_references.count,
                         &out, &error)
    return finished(ok, &out, &error)


def fixed_path(str name not None, str method not None, str algorithm not None, bytes digest not None, references=(),
               bint refers_to_self=False, str store_dir="/nix/store"):
    """The path of a content-addressed object; *method*: flat, nar (or recursive), text, git.  ValueError if they do not fit together."""
    cdef bytes raw = encoded(name), directory = encoded(store_dir)
    cdef _References sorted_references = _References(references)
    cdef Digest value
    cdef Bytes out, error
    bytes_init(&out)
    bytes_init(&error)
    if method not in METHODS:
        raise ValueError(f"unknown ingestion method '{method}', expected 'flat', 'nar', 'text' or 'git'")
    read_digest(algorithm, digest, &value)
    ok = store_path_fixed(bytes_of(directory), bytes_of(raw), METHODS[method], &value, sorted_references.views,
                          sorted_references.count, refers_to_self, &out, &error)
    return finished(ok, &out, &error)


def placeholder(str output not None):
    """The placeholder for the path of an output inside its own derivation."""
    cdef bytes raw = encoded(output)
    cdef Bytes out, error
    bytes_init(&out)
    bytes_init(&error)
    store_placeholder(bytes_of(raw), &out)
    return finished(True, &out, &error)


def downstream_placeholder(str drv_path not None, str output not None, str store_dir="/nix/store"):
    """The placeholder for an output whose path is known only after building, in the derivations that need it."""
    cdef bytes raw = encoded(drv_path), raw_output = encoded(output), directory = encoded(store_dir)
    cdef Bytes out, error
    bytes_init(&out)
    bytes_init(&error)
    ok = store_downstream_placeholder(bytes_of(directory), bytes_of(raw), bytes_of(raw_output), &out, &error)
    return finished(ok, &out, &error)


def next_placeholder(str placeholder not None, str output not None):
    """The placeholder for an output of a derivation that is itself an output; *placeholder* is that of the derivation."""
    cdef bytes raw_output = encoded(output), raw = encoded(placeholder)
    cdef Bytes made, error
    bytes_init(&made)
    bytes_init(&error)
    bytes_append(&made, <const char*>raw, len(raw))
    if not store_next_placeholder(&made, bytes_of(raw_output)):
        bytes_text(&error, "this is not a placeholder of an output")
        return finished(False, &made, &error)
    return finished(True, &made, &error)
