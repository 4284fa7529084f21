# cython: language_level=3
"""Builtins on hashes, and hashes in a program's text.  In: strings and files.  Out: hashes as text; digests."""
from libc.stdint cimport uint32_t, uint64_t, uint8_t
from libc.string cimport memcmp, memset

from snowsnake.builtins.protocol cimport call_internal1, force
from snowsnake.builtins.registry cimport define, define_trace
from snowsnake.builtins.store_context cimport realise_path, string_view, trace_realising
from snowsnake.diagnostics.message_table cimport MESSAGE_BASE32_DEPRECATED, MESSAGE_EMPTY_HASH, MESSAGE_EMPTY_HASH_WITHOUT_ALGORITHM
from snowsnake.foundation.buffer cimport Bytes, bytes_free, bytes_init, view_is
from snowsnake.host.files cimport host_read_file_as
from snowsnake.host.messages cimport host_warn
from snowsnake.host.places cimport Reading
from snowsnake.host.policy cimport host_require_feature
from snowsnake.host.state cimport FEATURE_BLAKE3_HASHES
from snowsnake.host.store_hooks cimport raise_store_error
from snowsnake.machine.descriptions cimport of_attribute, raise_missing_attribute, raise_type
from snowsnake.machine.errors cimport of_part, raise_message, worded
from snowsnake.machine.heap cimport make_string
from snowsnake.machine.internals cimport INTERNAL_COERCE_PATH
from snowsnake.machine.operations cimport raise_context
from snowsnake.machine.state cimport DONE, ERROR_VALUE, RAISE, Machine
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport attrs_find, is_string, is_thunk, string_context, string_data, string_size, val
from snowsnake.store.hash_functions cimport (
    HASH_BLAKE3, HASH_NONE, Digest, Hasher, hash_bytes, hash_fault, hash_size, hasher_drop, hasher_final, hasher_init, hasher_update,
)
from snowsnake.store.hashing cimport (
    ENCODING_BASE16, ENCODING_SRI, hash_encoding_parse, hash_format, hash_kind_parse, hash_parse,
)


cdef int require_hash_features(Machine* m, Word text) noexcept nogil:
    """Requires the experimental feature if a hash names blake3."""
    if string_size(text) > 6 and memcmp(string_data(text), b"blake3", 6) == 0 and (
            string_data(text)[6] == c'-' or string_data(text)[6] == c':'):
        return host_require_feature(m, FEATURE_BLAKE3_HASHES, "blake3-hashes")
    return DONE


cdef int parse_stated_hash(Machine* m, Word text, int kind, Digest* digest) noexcept nogil:
    """Parses a hash in a program's text; an empty text means zeros, with a warning."""
    cdef Bytes shown
    if require_hash_features(m, text) != DONE:
        return RAISE
    bytes_init(&shown)
    if string_size(text):
        if hash_parse(string_view(text), kind, digest, &shown):
            return DONE
        return raise_store_error(m, ERROR_VALUE, &shown)
    if kind == HASH_NONE:
        return raise_message(m, worded(MESSAGE_EMPTY_HASH_WITHOUT_ALGORITHM))
    memset(digest, 0, sizeof(Digest))
    digest.kind = <uint8_t>kind
    digest.size = <uint8_t>hash_size(kind)
    hash_format(digest, ENCODING_SRI, True, &shown)
    if not shown.failed:
        host_warn(m, worded(MESSAGE_EMPTY_HASH, <int>shown.size, <char*>shown.data).text)
    bytes_free(&shown)
    return DONE


cdef int _parse_kind(Machine* m, Word name, int* kind) noexcept nogil:
    """Returns DONE, or RAISE for an algorithm that is unknown or not enabled."""
    cdef Bytes error
    bytes_init(&error)
    if not hash_kind_parse(string_view(name), kind, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    if kind[0] == HASH_BLAKE3:
        return host_require_feature(m, FEATURE_BLAKE3_HASHES, "blake3-hashes")
    return DONE


cdef int _digest_text(Machine* m, const Digest* digest, int encoding) noexcept nogil:
    cdef Bytes text
    bytes_init(&text)
    hash_format(digest, encoding, encoding == ENCODING_SRI, &text)
    if text.failed:
        return raise_store_error(m, ERROR_VALUE, &text)
    m.result = make_string(m, text.data, text.size, 0)
    bytes_free(&text)
    return DONE


cdef int _raise_fault(Machine* m, int kind) noexcept nogil:
    cdef Bytes error
    bytes_init(&error)
    hash_fault(kind, &error)
    return raise_store_error(m, ERROR_VALUE, &error)


cdef int hash_string(Machine* m, Word* fp) noexcept nogil:
    cdef int kind = HASH_NONE
    cdef Digest digest
    if _parse_kind(m, fp[0], &kind) == RAISE:
        return RAISE
    fp[1] = val(fp[1])
    if not is_string(fp[1]):
        return force(m, fp[1]) if is_thunk(fp[1]) else of_part(m, 2, raise_type(m, "a string", fp[1]))
    if not hash_bytes(kind, string_data(fp[1]), string_size(fp[1]), &digest):
        return _raise_fault(m, kind)
    return _digest_text(m, &digest, ENCODING_BASE16)


cdef int hash_file(Machine* m, Word* fp) noexcept nogil:
    """State: the word above the arguments is the result of the coercion."""
    cdef int kind = HASH_NONE
    cdef Digest digest
    cdef Bytes content
    cdef Hasher hasher
    cdef Reading reading
    cdef Word path
    cdef bint is_done
    if _parse_kind(m, fp[0], &kind) == RAISE:
        return RAISE
    if m.sp == fp + 2:
        fp[1] = val(fp[1])
        if is_thunk(fp[1]):
            return force(m, fp[1])
        return call_internal1(m, INTERNAL_COERCE_PATH, fp[1])
    memset(&content, 0, sizeof(Bytes))
    if realise_path(m, &m.sp[-1]) == RAISE:
        return RAISE
    path = m.sp[-1]
    hasher_init(&hasher, kind)
    memset(&reading, 0, sizeof(Reading))
    reading.hasher = &hasher
    if host_read_file_as(m, string_data(path), string_size(path), &content, &reading) == RAISE:
        bytes_free(&content)
        hasher_drop(&hasher)
        return RAISE
    if not reading.is_hashed:
        hasher_update(&hasher, content.data, content.size)
    is_done = hasher_final(&hasher, &digest)
    bytes_free(&content)
    if not is_done:
        return _raise_fault(m, kind)
    return _digest_text(m, &digest, ENCODING_BASE16)


# ---- convertHash ------------------------------------------------------------------------------------------------

cdef int _attribute(Machine* m, Word attrs, const char* name, uint64_t size, bint is_required, Word* out) noexcept nogil:
    """*out becomes the string without context, or 0 if there is no such attribute.  Returns DONE, FORCE or RAISE."""
    cdef uint32_t symbol = symbol_intern(m, name, size)
    cdef Word* place = attrs_find(attrs, symbol)
    out[0] = 0
    if place == NULL:
        return of_attribute(m, attrs, symbol, raise_missing_attribute(m, symbol)) if is_required else DONE
    out[0] = val(place[0])
    if not is_string(out[0]):
        return force(m, out[0]) if is_thunk(out[0]) else of_attribute(m, attrs, symbol, raise_type(m, "a string", out[0]))
    return of_attribute(m, attrs, symbol, raise_context(m, out[0])) if string_context(out[0]) else DONE


cdef int convert_hash(Machine* m, Word* fp) noexcept nogil:
    cdef Word text, algorithm, encoding_name
    cdef int kind = HASH_NONE, encoding = 0, outcome
    cdef Digest digest
    cdef Bytes error
    outcome = _attribute(m, fp[0], "hash", 4, True, &text)
    if outcome != DONE:
        return outcome
    outcome = _attribute(m, fp[0], "hashAlgo", 8, False, &algorithm)
    if outcome != DONE:
        return outcome
    if algorithm and _parse_kind(m, algorithm, &kind) == RAISE:
        return RAISE
    outcome = _attribute(m, fp[0], "toHashFormat", 12, True, &encoding_name)
    if outcome != DONE:
        return outcome
    bytes_init(&error)
    if not hash_encoding_parse(string_view(encoding_name), &encoding, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    if view_is(string_view(encoding_name), "base32"):
        host_warn(m, worded(MESSAGE_BASE32_DEPRECATED).text)
    if require_hash_features(m, text) != DONE:
        return RAISE
    if not hash_parse(string_view(text), kind, &digest, &error):
        return raise_store_error(m, ERROR_VALUE, &error)
    return _digest_text(m, &digest, encoding)


define("hashString", hash_string)
define("hashFile", hash_file)
define_trace("hashFile", trace_realising)
define("convertHash", convert_hash)
