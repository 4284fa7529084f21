# cython: language_level=3
"""Inputs that are outputs of derivations which are outputs themselves: placeholders, and their text in a `.drv`.

In: chains of names (dynamic_inputs.pxd says what these are).  Out: placeholders; the inputs of a derivation, each with its children.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, qsort
from libc.string cimport memchr

from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport (
    Bytes, View, bytes_append, bytes_byte, bytes_clear, bytes_free, bytes_init, bytes_reserve, bytes_text, bytes_view, make_view, view_equal,
)
from snowsnake.store.aterm cimport aterm_plain, compare_inputs
from snowsnake.store.store_path cimport store_downstream_placeholder, store_next_placeholder, views_sort


cdef bint take_name(View* chain, View* name) noexcept nogil:
    cdef size_t start
    if chain.size < 2:
        return False
    start = chain.size - 1
    while start and chain.data[start - 1] != c'!':
        start -= 1
    name[0] = make_view(chain.data + start, chain.size - 1 - start)
    chain.size = start
    return True


cdef bint chain_placeholder(View store_dir, View drv_path, View chain, Bytes* out, Bytes* error) noexcept nogil:
    cdef View name
    cdef Bytes made
    cdef bint ok
    bytes_init(&made)
    ok = take_name(&chain, &name) and store_downstream_placeholder(store_dir, drv_path, name, &made, error)
    while ok and take_name(&chain, &name):
        ok = store_next_placeholder(&made, name)
    bytes_append(out, made.data, made.size)
    if made.failed or out.failed:
        error.failed = True
        ok = False
    bytes_free(&made)
    return ok


cdef void wrong_placeholder(View text, View drv_path, View chain, View expected, Bytes* error) noexcept nogil:
    cdef View name
    bytes_text(error, "string '")
    bytes_view(error, text)
    bytes_text(error, "' has context with the output '")
    name = make_view(chain.data + 1, <size_t>(<const uint8_t*>memchr(chain.data + 1, c'!', chain.size - 1) - chain.data) - 1)
    bytes_view(error, name)
    bytes_text(error, "' from derivation '")
    bytes_view(error, drv_path)
    while take_name(&chain, &name) and chain.size > 1:
        bytes_byte(error, c'^')
        bytes_view(error, name)
    bytes_text(error, "', but the string is not the right placeholder for this derivation output. It should be '")
    bytes_view(error, expected)
    bytes_byte(error, c"'")


cdef void unbuilt_output(View drv_path, View names, Bytes* error) noexcept nogil:
    bytes_text(error, "cannot operate on output '")
    bytes_view(error, names)
    bytes_text(error, "' of the unbuilt derivation '")
    bytes_view(error, drv_path)
    bytes_byte(error, c"'")


# --- children ------------------------------------------------------------------------------------------------------------

cdef View component(View key, size_t at) noexcept nogil:
    """The name at a place of a key, which has a zero byte between names."""
    cdef const uint8_t* end = <const uint8_t*>memchr(key.data + at, 0, key.size - at)
    return make_view(key.data + at, key.size - at if end == NULL else <size_t>(end - key.data) - at)


cdef void write_children(const View* keys, size_t count, size_t at, Bytes* out) noexcept nogil:
    """Writes the children in *keys*, which are sorted, and equal before *at*; a key that ends with its name there is a wanted output,
    which `write_node` writes.

    This recurses, because chains are short: builtins.outputOf refuses long ones.
    """
    cdef size_t i = 0, end
    cdef View name
    cdef bint is_first = True
    bytes_byte(out, c'[')
    while i < count:
        name = component(keys[i], at)
        if at + name.size == keys[i].size:
            i += 1
            continue
        end = i
        while end < count and view_equal(component(keys[end], at), name):
            end += 1
        bytes_text(out, "(" if is_first else ",(")
        is_first = False
        aterm_plain(name, out)
        bytes_byte(out, c',')
        write_node(keys + i, end - i, at + name.size + 1, out)
        bytes_byte(out, c')')
        i = end
    bytes_byte(out, c']')


cdef void write_node(const View* keys, size_t count, size_t at, Bytes* out) noexcept nogil:
    cdef size_t i
    cdef View name
    cdef bint is_first = True, has_children = False
    for i in range(count):
        name = component(keys[i], at)
        if at + name.size != keys[i].size:
            has_children = True
    bytes_text(out, "([" if has_children else "[")
    for i in range(count):
        name = component(keys[i], at)
        if at + name.size == keys[i].size:
            if not is_first:
                bytes_byte(out, c',')
            is_first = False
            aterm_plain(name, out)
    bytes_byte(out, c']')
    if has_children:
        bytes_byte(out, c',')
        write_children(keys, count, at, out)
        bytes_byte(out, c')')


cdef bint children_of(const InputDrv* inputs, size_t count, View* keys, Bytes* names, Bytes* out) noexcept nogil:
    """Appends the children that the chains of one derivation make.  *keys* has room for *count* views, *names* is scratch memory."""
    cdef size_t i, start, room = 0
    cdef View chain, name
    bytes_clear(names)
    for i in range(count):
        room += inputs[i].children.size
    if not bytes_reserve(names, room):
        return False
    for i in range(count):
        chain = inputs[i].children
        start = names.size
        while take_name(&chain, &name):
            if names.size > start:
                bytes_byte(names, 0)
            bytes_append(names, name.data, name.size)
        keys[i] = make_view(names.data + start, names.size - start)
    write_children(keys, views_sort(keys, count), 0, out)
    return not out.failed


cdef bint merge_chains(InputDrv* inputs, size_t* count, Bytes* texts) noexcept nogil:
    cdef size_t i, kept = 0, found = 0, end
    cdef InputDrv* dynamic = NULL
    cdef View* keys = NULL
    cdef Bytes names
    cdef bint ok
    for i in range(count[0]):
        found += inputs[i].children.data != NULL
    if found == 0:
        return True
    dynamic = <InputDrv*>allocate_items(found, sizeof(InputDrv))
    keys = <View*>allocate_items(found, sizeof(View))
    ok = dynamic != NULL and keys != NULL
    bytes_init(&names)
    found = 0
    for i in range(count[0] if ok else 0):
        if inputs[i].children.data != NULL:
            dynamic[found] = inputs[i]
            found += 1
        else:
            inputs[kept] = inputs[i]
            kept += 1
    if ok:
        qsort(dynamic, found, sizeof(InputDrv), compare_inputs)
        count[0] = kept
    i = 0
    while ok and i < found:
        end = i
        while end < found and view_equal(dynamic[end].path, dynamic[i].path):
            end += 1
        inputs[count[0]] = dynamic[i]
        # For now, the size is the offset at which the text of the children begins.
        inputs[count[0]].children.size = texts.size
        ok = children_of(dynamic + i, end - i, keys, &names, texts)
        count[0] += 1
        i = end
    for i in range(kept, count[0]):
        inputs[i].children.data = texts.data + inputs[i].children.size
    for i in range(kept, count[0]):
        end = inputs[i + 1].children.data - texts.data if i + 1 < count[0] else texts.size
        inputs[i].children.size = end - <size_t>(inputs[i].children.data - texts.data)
    free(dynamic)
    free(keys)
    bytes_free(&names)
    return ok
