# cython: language_level=3
"""Coercion to strings and paths; `+` and interpolation of values that are not plain strings.

All of these builtins replace their operand by a simpler one and never go back, so that every __toString runs once.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from snowsnake.diagnostics.message_table cimport MESSAGE_CONTEXT_IN_PATH, MESSAGE_NOT_ABSOLUTE, MESSAGE_NOT_ADDABLE, MESSAGE_NOT_COERCIBLE
from snowsnake.foundation.buffer cimport DECIMAL_SIZE, Bytes, write_decimal
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text
from snowsnake.foundation.paths cimport append_components, base_name_start, path_is_canonical
from snowsnake.host.sources cimport host_path_to_store
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.descriptions cimport describe_value, shown_type
from snowsnake.machine.errors cimport of_part, raise_message, worded
from snowsnake.machine.frames cimport raise_depth
from snowsnake.machine.heap cimport heap_alloc, heap_reserve, make_path, make_string, pop, push, stack_reserve
from snowsnake.machine.internals cimport (
    INTERNAL_COERCE, INTERNAL_COERCE_STORE, INTERNAL_DERIVATION_STRING, INTERNAL_TO_STRING,
)
from snowsnake.machine.operations cimport concatenate_strings
from snowsnake.machine.short_calls cimport is_worth_trying, settled
from snowsnake.machine.state cimport CALL, DONE, FORCE, PART_NONE, PART_RESULT, RAISE
from snowsnake.machine.symbols cimport context_single, symbol_intern
from snowsnake.machine.word cimport (
    KIND_WITH, TAG_BOX, WORD_FALSE, WORD_NULL, WORD_TRUE, attrs_find, float_value, header_of, int_value, is_attrs,
    is_float, is_int, is_list, is_path, is_string, is_thunk, list_items, list_size, path_string, pointer_of, small_int,
    string_context, string_data, string_size, tagged, val,
)

cdef enum:
    # The text of a list has at most so many pieces before they are joined into one.
    MOST_PIECES = 512
    # A piece that has the text of several elements has at most so many bytes.
    PIECE_SIZE = 2048
    # A piece has the text of lists in lists down to this depth.
    MOST_INNER = 8
    # What canonical_string and make_path make needs so many words for headers, besides at most two copies of the text.
    CANONICAL_WORDS = 8


cdef int _cannot_coerce(Machine* m, Word w) noexcept nogil:
    cdef char* shown = describe_value(m, w)
    cdef char* type_ = shown_type(m, w)
    raise_message(m, worded(MESSAGE_NOT_COERCIBLE, type_, shown))
    free(type_)
    free(shown)
    return RAISE


cdef int path_to_store_string(Machine* m, Word path, Word* result) noexcept nogil:
    """Finds the store path that a path value is copied to, as a string with itself as context."""
    cdef Bytes buffer
    cdef int outcome
    memset(&buffer, 0, sizeof(buffer))
    outcome = host_path_to_store(m, string_data(path_string(path)), string_size(path_string(path)), &buffer)
    if outcome == DONE:
        result[0] = make_string(m, buffer.data, buffer.size,
                                context_single(m, symbol_intern(m, buffer.data, buffer.size)))
    free(buffer.data)
    return outcome


cdef int _coerce(Machine* m, Word* fp, int how, bint copies) noexcept nogil:
    """Makes the forced value in fp[0] a string: strings, paths, sets with __toString or outPath.

    If such an attribute is a set again, a call of its own, *how*, makes it a string: a chain without end stops at the
    depth limit.
    """
    cdef Word w, v
    cdef Word* p
    # If there is a word above, it is the result of __toString, or the text of a nested set.
    cdef bint is_result = m.sp > fp + 1
    if is_result:
        fp[0] = pop(m)
        w = val(fp[0])
        if is_attrs(w) and (attrs_find(w, m.symbol_to_string) != NULL or attrs_find(w, m.symbol_out_path) != NULL):
            return _call(m, m.internals[how], w)
    w = val(fp[0])
    if is_thunk(w):
        m.need = w
        return FORCE
    fp[0] = w
    if is_attrs(w):
        p = attrs_find(w, m.symbol_to_string)
        if p != NULL:
            return _call(m, p[0], w)
        p = attrs_find(w, m.symbol_out_path)
        if p != NULL:
            v = val(p[0])
            if is_thunk(v):
                m.need = v
                return FORCE
            if is_attrs(v):
                return _call(m, m.internals[how], v)
            w = v
    if is_string(w):
        m.result = w
        return DONE
    if is_path(w):
        if copies:
            return path_to_store_string(m, w, &m.result)
        m.result = path_string(w)
        return DONE
    return of_part(m, PART_RESULT if is_result else PART_NONE, _cannot_coerce(m, w))


cdef inline int _call(Machine* m, Word function, Word argument) noexcept nogil:
    push(m, argument)
    push(m, function)
    return CALL + 1


cdef int coerce(Machine* m, Word* fp) noexcept nogil:
    return _coerce(m, fp, INTERNAL_COERCE, False)


cdef int coerce_store(Machine* m, Word* fp) noexcept nogil:
    return _coerce(m, fp, INTERNAL_COERCE_STORE, True)


# ---- toString, which also takes null, Booleans, numbers and lists --------------------------------------------------

cdef Word _scalar_text(Machine* m, Word w) noexcept nogil:
    """The text of null, a Boolean or a number; 0 for anything else."""
    cdef char[FLOAT_TEXT_BYTES] text
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef int start
    if w == WORD_TRUE:
        return make_string(m, "1", 1, 0)
    if w == WORD_FALSE or w == WORD_NULL:
        return m.empty_string
    if is_int(w):
        start = write_decimal(int_value(w), digits)
        return make_string(m, digits + start, DECIMAL_SIZE - start, 0)
    if is_float(w):
        return make_string(m, text, float_text(text, sizeof(text), "%f", float_value(w)), 0)
    return 0


cdef Word _cell(Machine* m, Word parent, Word list_, Word index) noexcept nogil:
    """One level of a walk through nested lists, with the layout of a with-scope.  The last word is the number of levels."""
    cdef Word* p = heap_alloc(m, 5)
    p[0] = header_of(KIND_WITH, 4)
    p[1] = parent
    p[2] = list_
    p[3] = index
    p[4] = small_int(1) if parent == WORD_NULL else pointer_of(parent)[4] + small_int(1)
    return tagged(p, TAG_BOX)


cdef inline bint _put_scalar(Word w, uint8_t* text, uint64_t* size) noexcept nogil:
    """Appends a string without context, an integer, a Boolean or null, if there is room for its text and a blank."""
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef const uint8_t* data = digits
    cdef uint64_t more = 0
    if is_string(w):
        if string_context(w):
            return False
        data = string_data(w)
        more = string_size(w)
    elif is_int(w):
        more = <uint64_t>write_decimal(int_value(w), digits)
        data = digits + more
        more = DECIMAL_SIZE - more
    elif w == WORD_TRUE:
        data = <const uint8_t*>"1"
        more = 1
    elif w != WORD_FALSE and w != WORD_NULL:
        return False
    if size[0] + more + 1 > PIECE_SIZE:
        return False
    memcpy(text + size[0], data, more)
    size[0] += more
    return True


cdef bint _put_list(Machine* m, Word list_, uint8_t* text, uint64_t* size) noexcept nogil:
    """Appends the text of a list in a list, if nothing has to be evaluated for it, and there is room."""
    cdef Word[MOST_INNER] lists
    cdef uint64_t[MOST_INNER] indices
    cdef int level = 0
    cdef Word w
    lists[0] = list_
    indices[0] = 0
    while True:
        if indices[level] == list_size(lists[level]):
            if level == 0:
                return True
            level -= 1
        else:
            if must_stop(m):
                return False
            w = settled(m, list_items(lists[level])[indices[level]])
            indices[level] += 1
            if is_list(w):
                if list_size(w):
                    level += 1
                    if level == MOST_INNER:
                        return False
                    lists[level] = w
                    indices[level] = 0
                # No blank follows an empty list.
                continue
            if not _put_scalar(w, text, size):
                return False
        if indices[level] < list_size(lists[level]):
            if size[0] + 1 > PIECE_SIZE:
                return False
            text[size[0]] = c' '
            size[0] += 1


cdef Word _run_of_texts(Machine* m, Word list_, int64_t* at, bint tries, bint takes_lists) noexcept nogil:
    """The text of elements from *at* on, with blanks, as far as nothing must be evaluated and it stays short; 0 if that is not one element."""
    cdef uint8_t[PIECE_SIZE] text
    cdef Word* items = list_items(list_)
    cdef int64_t n = <int64_t>list_size(list_), i = at[0]
    cdef uint64_t size = 0, before
    cdef bint has_blank
    cdef Word w
    while i < n and not must_stop(m):
        w = settled(m, items[i]) if tries else val(items[i])
        before = size
        has_blank = True
        if is_list(w) and tries and takes_lists:
            has_blank = list_size(w) != 0
            if not _put_list(m, w, text, &size) or size + 1 > PIECE_SIZE:
                size = before
                break
        elif not _put_scalar(w, text, &size):
            break
        i += 1
        if i < n and has_blank:
            text[size] = c' '
            size += 1
    if i == at[0]:
        return 0
    at[0] = i
    return make_string(m, text, size, 0)


cdef int _to_string(Machine* m, Word* fp, int element, bint copies) noexcept nogil:
    """The state for a list is that of `_join_list`.  For other values, a word above fp[0] is the result of __toString, or the text of a nested set."""
    cdef Word w, v, s
    cdef Word* out_path
    w = val(fp[0])
    if m.sp == fp + 1 and is_attrs(w) and attrs_find(w, m.symbol_to_string) == NULL:
        out_path = attrs_find(w, m.symbol_out_path)
        if out_path != NULL:
            v = val(out_path[0])
            if is_thunk(v):
                m.need = v
                return FORCE
            if is_attrs(v):
                # This word is not a string, which tells traces that no __toString returned it.
                fp[0] = m.internals[element]
                return _call(m, m.internals[element], v)
            fp[0] = w = v
    if m.sp > fp + 1 and is_list(w):
        return _join_list(m, fp, element)
    s = _scalar_text(m, w)
    if s:
        m.result = s
        return DONE
    if is_list(w):
        if not stack_reserve(m, 8):
            return RAISE
        push(m, _cell(m, WORD_NULL, w, 0))
        push(m, small_int(0))
        push(m, make_string(m, " ", 1, 0))
        return _join_list(m, fp, element)
    if m.sp > fp + 1:
        fp[0] = pop(m)
        # The result of __toString must be coerced, too.
        if not is_string(val(fp[0])):
            push(m, val(fp[0]))
            push(m, m.internals[element])
            fp[0] = m.empty_string
            return CALL + 1
    return _coerce(m, fp, element, copies)


cdef int _join_list(Machine* m, Word* fp, int element) noexcept nogil:
    """State: fp[1] has a cell for each list of the walk, the innermost first; fp[2] says how many pieces are joined ones; fp[3] is a blank; the
    pieces of text are above them."""
    cdef Word w, s
    cdef Word* first
    cdef Word* cell
    cdef int64_t i, n
    cdef int outcome
    while fp[1] != WORD_NULL:
        if must_stop(m):
            return stop(m)
        cell = pointer_of(fp[1])
        w = cell[2]
        i = <int64_t>cell[3] >> 3
        n = <int64_t>list_size(w)
        # If i is odd, the piece of element i >> 1 is on the stack.
        if i & 1:
            cell[3] = small_int(i + 1)
            if (i >> 1) + 1 < n and not _is_empty_list(val(list_items(w)[i >> 1])):
                push(m, fp[3])
            i += 1
        first = fp + 4 + (fp[2] >> 3)
        # Collections walk the stack, so it must stay small.
        if m.sp - first >= MOST_PIECES:
            outcome = concatenate_strings(m, first, m.sp - first)
            if outcome != DONE:
                return outcome
            first[0] = m.result
            m.sp = first + 1
            fp[2] += small_int(1)
        i >>= 1
        if i == n:
            fp[1] = cell[1]
            continue
        if not stack_reserve(m, 8) or not heap_reserve(m, 64):
            return RAISE
        s = _run_of_texts(m, w, &i, is_worth_trying(<uint64_t>i), (<int64_t>cell[4] >> 3) + MOST_INNER < <int64_t>m.depth_limit)
        if s:
            push(m, s)
            cell[3] = small_int(2 * i)
            continue
        outcome = _push_element(m, fp, cell, val(list_items(w)[i]), i, element)
        if outcome != DONE:
            return outcome
    n = m.sp - (fp + 4)
    if n == 0:
        m.result = m.empty_string
        return DONE
    return concatenate_strings(m, fp + 4, n)


cdef uint8_t lists_around(Word* fp, Word* top) noexcept nogil:
    return 1 if top < fp + 4 or fp[1] == WORD_NULL else <uint8_t>min(255, <int64_t>pointer_of(fp[1])[4] >> 3)


cdef int _push_element(Machine* m, Word* fp, Word* cell, Word v, int64_t i, int element) noexcept nogil:
    """Pushes the text of element *i* of the list in *cell*, or enters a list that the element is.

    Returns DONE, RAISE, FORCE if the element must be forced first, or CALL if an internal builtin must coerce it.
    """
    cdef Word s
    if is_thunk(v):
        m.need = v
        return FORCE
    cell[3] = small_int(2 * i + 1)
    if is_string(v):
        push(m, v)
        return DONE
    if is_list(v):
        if cell[4] >> 3 >= m.depth_limit:
            return raise_depth(m)
        fp[1] = _cell(m, fp[1], v, 0)
        return DONE
    s = _scalar_text(m, v)
    if s:
        push(m, s)
        return DONE
    push(m, v)
    push(m, m.internals[element])
    return CALL + 1


cdef bint _is_empty_list(Word w) noexcept nogil:
    return is_list(w) and list_size(w) == 0


cdef int to_string(Machine* m, Word* fp) noexcept nogil:
    return _to_string(m, fp, INTERNAL_TO_STRING, False)


cdef int derivation_string(Machine* m, Word* fp) noexcept nogil:
    return _to_string(m, fp, INTERNAL_DERIVATION_STRING, True)


# ---- paths ------------------------------------------------------------------------------------------------------

cdef uint64_t canonicalise(uint8_t* path, uint64_t size_bytes) noexcept nogil:
    """Removes empty, `.` and `..` components of an absolute path in place, and returns the new size."""
    cdef uint64_t size = append_components(path, 0, path, size_bytes)
    if size == 0:
        path[0] = c'/'
        return 1
    return size


cdef Word canonical_string(Machine* m, Word s) noexcept nogil:
    """The canonical form of an absolute path's text, with its context."""
    cdef Word copy = make_string(m, string_data(s), string_size(s), string_context(s))
    cdef uint64_t n = canonicalise(string_data(copy), string_size(copy))
    if n == string_size(copy):
        return s
    return make_string(m, string_data(copy), n, string_context(s))


cdef int coerce_path(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome = _coerce(m, fp, INTERNAL_COERCE, False)
    cdef Word s
    if outcome != DONE or is_path(fp[0]):
        return outcome
    s = m.result
    if string_size(s) == 0 or string_data(s)[0] != c'/':
        return raise_message(m, worded(MESSAGE_NOT_ABSOLUTE, <int>string_size(s), <char*>string_data(s)))
    if not heap_reserve(m, CANONICAL_WORDS + (string_size(s) >> 2)):
        return RAISE
    m.result = canonical_string(m, s)
    return DONE


# ---- + and interpolation ------------------------------------------------------------------------------------------

cdef enum:
    FIRST_OTHER = 0
    # The first operand is a string: paths are then copied to the store.
    FIRST_STRING = 1
    # The first operand is a path: the sum is then a path.
    FIRST_PATH = 2


cdef int _join_path(Machine* m, Word* parts, uint64_t count, uint64_t start) noexcept nogil:
    """Joins the text of a path and strings, which must have no context, to a path.  What comes before `start` is canonical, and no slash ends it."""
    cdef uint64_t i
    cdef int outcome
    for i in range(count):
        if string_context(parts[i]):
            return raise_message(m, worded(MESSAGE_CONTEXT_IN_PATH))
    outcome = concatenate_strings(m, parts, count)
    if outcome != DONE:
        return outcome
    # A path that a program lengthens again and again is not walked from its beginning each time.
    if path_is_canonical(string_data(m.result) + start, string_size(m.result) - start):
        if not heap_reserve(m, CANONICAL_WORDS):
            return RAISE
        m.result = make_path(m, m.result)
        return DONE
    if not heap_reserve(m, CANONICAL_WORDS + (string_size(m.result) >> 2)):
        return RAISE
    m.result = make_path(m, canonical_string(m, m.result))
    return DONE


cdef int _cannot_add(Machine* m, Word w, const char* type_) noexcept nogil:
    cdef char* found = shown_type(m, w)
    raise_message(m, worded(MESSAGE_NOT_ADDABLE, found, type_))
    free(found)
    return RAISE


cdef int add_coerce(Machine* m, Word* fp) noexcept nogil:
    cdef int mode, i
    cdef Word a = fp[0]
    if m.sp == fp + 2:
        if is_int(a) or is_float(a):
            return _cannot_add(m, fp[1], "an integer" if is_int(a) else "a float")
        mode = FIRST_STRING if is_string(a) else FIRST_PATH if is_path(a) else FIRST_OTHER
        if mode == FIRST_PATH:
            fp[0] = path_string(a)
        push(m, small_int(mode))
    elif m.sp > fp + 3:
        i = 1 if is_string(fp[0]) else 0
        fp[i] = pop(m)
    mode = <int>(fp[2] >> 3)
    for i in range(2):
        fp[i] = val(fp[i])
        if is_thunk(fp[i]):
            m.need = fp[i]
            return FORCE
        if not is_string(fp[i]):
            push(m, fp[i])
            push(m, m.internals[INTERNAL_COERCE_STORE if mode == FIRST_STRING else INTERNAL_COERCE])
            return CALL + 1
    if mode == FIRST_PATH:
        return _join_path(m, fp, 2, 0 if m.has_odd_paths else base_name_start(string_data(fp[0]), string_size(fp[0])) - 1)
    return concatenate_strings(m, fp, 2)


cdef int _coerce_parts(Machine* m, Word* fp, int how) noexcept nogil:
    """fp[0] is the number of parts above it; the index of the current part follows them.  DONE: all are strings."""
    cdef int64_t n = <int64_t>fp[0] >> 3
    cdef int64_t i
    cdef Word w
    cdef Word* state = fp + 1 + n
    if m.sp == state:
        push(m, 0)
    elif m.sp > state + 1:
        fp[1 + (<int64_t>state[0] >> 3)] = pop(m)
    i = <int64_t>state[0] >> 3
    while i < n:
        w = val(fp[1 + i])
        if is_string(w):
            fp[1 + i] = w
            i += 1
            continue
        state[0] = small_int(i)
        if is_thunk(w):
            m.need = w
            return FORCE
        push(m, w)
        push(m, m.internals[how])
        return CALL + 1
    return DONE


cdef int concatenate(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome = _coerce_parts(m, fp, INTERNAL_COERCE_STORE)
    if outcome != DONE:
        return outcome
    return concatenate_strings(m, fp + 1, fp[0] >> 3)


cdef int concatenate_path(Machine* m, Word* fp) noexcept nogil:
    cdef int outcome
    cdef Word first = val(fp[1])
    if is_path(first):
        fp[1] = path_string(first)
    outcome = _coerce_parts(m, fp, INTERNAL_COERCE)
    if outcome != DONE:
        return outcome
    return _join_path(m, fp + 1, fp[0] >> 3, 0)
