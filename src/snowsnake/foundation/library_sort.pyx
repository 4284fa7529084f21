# cython: language_level=3
"""The algorithm of libstdc++'s `std::sort`: where C++ Nix sorts with it, it decides the order of equal items.

In: numbers.  Out: the places of these numbers, sorted.
"""
from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport int64_t, uint32_t

cdef enum:
    # We leave parts of at most this many items to the insertion sort.
    SMALL = 16


cdef struct RankedPlaces:
    # We sort these places.
    uint32_t* places
    # Each place has its rank here.
    uint32_t* ranks


def sorted_places(list ranks not None):
    """The places of *ranks* in the order in which `std::sort` leaves the items.

    >>> sorted_places([2, 0, 1, 0])
    [1, 3, 2, 0]
    """
    cdef Py_ssize_t i, n = len(ranks)
    cdef bytearray memory = bytearray(2 * n * sizeof(uint32_t))
    cdef RankedPlaces items
    items.places = <uint32_t*>PyByteArray_AS_STRING(memory)
    items.ranks = items.places + n
    for i in range(n):
        items.places[i] = <uint32_t>i
        items.ranks[i] = ranks[i]
    if n:
        _introsort(&items, 0, n, 2 * (<int>n.bit_length() - 1))
        _insertion_sort(&items, n)
    return [items.places[i] for i in range(n)]


cdef inline uint32_t _rank(RankedPlaces* items, int64_t place) noexcept nogil:
    return items.ranks[items.places[place]]


cdef inline void _swap(RankedPlaces* items, int64_t one, int64_t other) noexcept nogil:
    items.places[one], items.places[other] = items.places[other], items.places[one]


cdef void _introsort(RankedPlaces* items, int64_t first, int64_t last, int depth) noexcept nogil:
    cdef int64_t middle, pivot, low, high
    cdef uint32_t a, b, c, limit
    while last - first > SMALL:
        if depth == 0:
            # The packages of nixpkgs lead here: they are several runs in order, one after another.
            _heap_sort(items, first, last - first)
            return
        depth -= 1
        middle = first + (last - first) // 2
        a = _rank(items, first + 1)
        b = _rank(items, middle)
        c = _rank(items, last - 1)
        if a < b:
            pivot = middle if b < c else last - 1 if a < c else first + 1
        else:
            pivot = first + 1 if a < c else last - 1 if b < c else middle
        _swap(items, first, pivot)
        limit = _rank(items, first)
        low = first + 1
        high = last
        while True:
            while _rank(items, low) < limit:
                low += 1
            high -= 1
            while limit < _rank(items, high):
                high -= 1
            if low >= high:
                break
            _swap(items, low, high)
            low += 1
        _introsort(items, low, last, depth)
        last = low


cdef void _heap_sort(RankedPlaces* items, int64_t first, int64_t size) noexcept nogil:
    cdef RankedPlaces heap
    cdef int64_t place
    cdef uint32_t last
    heap.places = items.places + first
    heap.ranks = items.ranks
    for place in range(size // 2 - 1, -1, -1):
        _sink(&heap, place, size, heap.places[place])
    for place in range(size - 1, 0, -1):
        last = heap.places[place]
        heap.places[place] = heap.places[0]
        _sink(&heap, 0, place, last)


cdef void _sink(RankedPlaces* items, int64_t root, int64_t size, uint32_t item) noexcept nogil:
    """Puts an item into the heap below *root*: its place goes down to the end along the larger children, the second of two equal ones, and then up again."""
    cdef int64_t place = root, child = 2 * root + 2
    cdef uint32_t rank = items.ranks[item]
    while child < size:
        if _rank(items, child) < _rank(items, child - 1):
            child -= 1
        items.places[place] = items.places[child]
        place = child
        child = 2 * place + 2
    if child == size:
        # There is only one child.
        items.places[place] = items.places[child - 1]
        place = child - 1
    while place > root and _rank(items, (place - 1) // 2) < rank:
        items.places[place] = items.places[(place - 1) // 2]
        place = (place - 1) // 2
    items.places[place] = item


cdef void _insertion_sort(RankedPlaces* items, int64_t size) noexcept nogil:
    cdef int64_t at, place
    cdef uint32_t item, rank
    for at in range(1, size):
        place = at
        item = items.places[at]
        rank = items.ranks[item]
        while place and rank < _rank(items, place - 1):
            items.places[place] = items.places[place - 1]
            place -= 1
        items.places[place] = item
