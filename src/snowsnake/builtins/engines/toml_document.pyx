# cython: language_level=3
"""A TOML document as a tree, and the rules about which table may be written where.

In: keys in the order of the document.  Out: nodes, or NO_NODE and the reason in `fault`, in the words of C++ Nix's library.
"""
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memset
from snowsnake.foundation.allocate cimport allocate_items, resize_items
from snowsnake.foundation.buffer cimport bytes_free, bytes_init
from snowsnake.foundation.probing cimport probe


cdef bint toml_document_init(TomlDocument* document) noexcept nogil:
    """Makes the root table; returns false if memory is short."""
    memset(document, 0, sizeof(TomlDocument))
    bytes_init(&document.texts)
    return new_node(document, NO_NODE) == 0


cdef void toml_document_free(TomlDocument* document) noexcept nogil:
    free(document.nodes)
    free(document.index)
    bytes_free(&document.texts)
    memset(document, 0, sizeof(TomlDocument))


cdef int32_t refuse(TomlDocument* document, const char* fault) noexcept nogil:
    document.fault = fault
    return NO_NODE


cdef int32_t _lacks_memory(TomlDocument* document) noexcept nogil:
    """Marks the texts as failed: whoever reports a fault checks that first."""
    document.texts.failed = True
    return refuse(document, "no memory for the document")


# -- nodes -------------------------------------------------------------------------------------------------------------

cdef int32_t new_node(TomlDocument* document, int32_t parent) noexcept nogil:
    """Appends a node to the children of `parent`, as an implicit table without a key."""
    cdef TomlNode* nodes
    cdef TomlNode* node
    cdef int32_t capacity
    if document.count == document.capacity:
        if document.capacity > (1 << 29):
            return refuse(document, "the document has too many values")
        capacity = 2 * document.capacity + 16
        nodes = <TomlNode*>resize_items(document.nodes, <size_t>capacity, sizeof(TomlNode))
        if nodes == NULL:
            return _lacks_memory(document)
        document.nodes = nodes
        document.capacity = capacity
    node = &document.nodes[document.count]
    memset(node, 0, sizeof(TomlNode))
    node.parent = parent
    node.first = NO_NODE
    node.last = NO_NODE
    node.next = NO_NODE
    if parent != NO_NODE:
        if document.nodes[parent].first == NO_NODE:
            document.nodes[parent].first = document.count
        else:
            document.nodes[document.nodes[parent].last].next = document.count
        document.nodes[parent].last = document.count
    document.count += 1
    return document.count - 1


cdef uint64_t hash_key(const TomlDocument* document, int32_t parent, size_t key_start, size_t key_size) noexcept nogil:
    cdef uint64_t hash = <uint64_t>0xCBF29CE484222325 ^ (<uint64_t>parent * <uint64_t>0x9E3779B97F4A7C15)
    cdef size_t i
    for i in range(key_size):
        hash = (hash ^ document.texts.data[key_start + i]) * <uint64_t>0x100000001B3
    return hash ^ (hash >> 29)


cdef inline bint is_slot_of(uint64_t at, const TomlDocument* document, int32_t parent, size_t key_start, size_t key_size) noexcept nogil:
    cdef const TomlNode* node
    if document.index[at] == NO_NODE:
        return True
    node = &document.nodes[document.index[at]]
    return node.parent == parent and node.key_size == key_size and (key_size == 0 or memcmp(
        document.texts.data + node.key_start, document.texts.data + key_start, key_size
    ) == 0)


cdef size_t find_slot(const TomlDocument* document, int32_t parent, size_t key_start, size_t key_size) noexcept nogil:
    """The slot of the index with this key, or the free slot for it."""
    cdef uint64_t hash = hash_key(document, parent, key_start, key_size)
    return probe(hash, document.index_size - 1, is_slot_of, document, parent, key_start, key_size)


cdef bint grow_index(TomlDocument* document) noexcept nogil:
    cdef int32_t* old = document.index
    cdef size_t old_size = document.index_size
    cdef size_t size = 2 * old_size if old_size else 64
    cdef size_t i
    cdef const TomlNode* node
    document.index = <int32_t*>allocate_items(size, sizeof(int32_t))
    if document.index == NULL:
        document.index = old
        return False
    memset(document.index, 0xFF, size * sizeof(int32_t))
    document.index_size = size
    for i in range(old_size):
        if old[i] != NO_NODE:
            node = &document.nodes[old[i]]
            document.index[find_slot(document, node.parent, node.key_start, node.key_size)] = old[i]
    free(old)
    return True


cdef int32_t find_or_add(TomlDocument* document, int32_t parent, size_t key_start, size_t key_size,
                         bint* is_new) noexcept nogil:
    """The child of a table with this key; a new implicit table if there is no such child yet."""
    cdef size_t slot
    cdef int32_t node
    is_new[0] = False
    if 2 * <size_t>document.count >= document.index_size and not grow_index(document):
        return _lacks_memory(document)
    slot = find_slot(document, parent, key_start, key_size)
    if document.index[slot] != NO_NODE:
        return document.index[slot]
    node = new_node(document, parent)
    if node != NO_NODE:
        is_new[0] = True
        document.nodes[node].key_start = key_start
        document.nodes[node].key_size = key_size
        document.index[slot] = node
    return node


# -- where what may be written -----------------------------------------------------------------------------------------

cdef int32_t toml_add(TomlDocument* document, int32_t parent, size_t key_start, size_t key_size) noexcept nogil:
    """The node for a value: a new element of an array, or a new child with this key."""
    cdef bint is_new
    cdef int32_t node
    if document.nodes[parent].kind == TOML_ARRAY:
        return new_node(document, parent)
    node = find_or_add(document, parent, key_start, key_size, &is_new)
    if node != NO_NODE and not is_new:
        return refuse(document, "toml::insert_value: failed to insert a value, value already exists")
    return node


cdef int32_t toml_dotted_parent(TomlDocument* document, int32_t table, size_t key_start, size_t key_size) noexcept nogil:
    """The table for what follows `key.` in a dotted key."""
    cdef bint is_new
    cdef int32_t node = find_or_add(document, table, key_start, key_size, &is_new)
    if node == NO_NODE:
        return node
    if is_new:
        document.nodes[node].form = FORM_DOTTED
    elif document.nodes[node].kind != TOML_TABLE:
        return refuse(document, "toml::insert_value: failed to insert a value, value already exists")
    elif document.nodes[node].form == FORM_CLOSED:
        return refuse(document, "toml::insert_value: failed to insert a value: inline table is immutable")
    elif document.nodes[node].form != FORM_DOTTED:
        return refuse(document, "toml::insert_value: reopening a table using dotted keys")
    return node


cdef int32_t toml_header_parent(TomlDocument* document, int32_t table, size_t key_start, size_t key_size) noexcept nogil:
    """The table for what follows `key.` in a header; if the key names an array of tables, its last table."""
    cdef bint is_new
    cdef int32_t node = find_or_add(document, table, key_start, key_size, &is_new)
    if node == NO_NODE or is_new:
        return node
    if document.nodes[node].kind == TOML_ARRAY:
        if document.nodes[node].form == FORM_CLOSED:
            return refuse(document, "toml::insert_value:inline array of tables are immutable")
        return document.nodes[node].last
    if document.nodes[node].kind != TOML_TABLE:
        return refuse(document, "toml::insert_value: failed to insert a value, value already exists")
    if document.nodes[node].form == FORM_CLOSED:
        return refuse(document, "toml::insert_value: failed to insert a value: inline table is immutable")
    return node


cdef int32_t toml_header(TomlDocument* document, int32_t table, size_t key_start, size_t key_size,
                         bint is_array) noexcept nogil:
    """The table that a header with this last key opens."""
    cdef bint is_new
    cdef int32_t node = find_or_add(document, table, key_start, key_size, &is_new)
    cdef int32_t element
    if node == NO_NODE:
        return node
    if is_array:
        if is_new:
            document.nodes[node].kind = TOML_ARRAY
            document.nodes[node].form = FORM_TABLES
        elif document.nodes[node].kind != TOML_ARRAY:
            return refuse(document, "toml::insert_value: failed to insert an array of tables, value already exists")
        elif document.nodes[node].form != FORM_TABLES:
            return refuse(document, "toml::insert_value: failed to insert a table, inline array of tables is immutable")
        element = new_node(document, node)
        if element != NO_NODE:
            document.nodes[element].form = FORM_HEADER
        return element
    if not is_new and (document.nodes[node].kind != TOML_TABLE or document.nodes[node].form != FORM_IMPLICIT):
        return refuse(document, "toml::insert_value: failed to insert a table, table already defined")
    document.nodes[node].form = FORM_HEADER
    return node
