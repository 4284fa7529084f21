# cython: language_level=3
"""How much one name differs from another: a wrong name is compared with each of the thousands that there are.

In: two texts, or two byte strings, and the largest distance that is of interest.  Out: a number of edits.
"""

cdef enum:
    # This is the largest limit: each row of the table has so many places on both sides of the diagonal.
    MOST = 7


def distance(a, b, Py_ssize_t limit):
    """Levenshtein distance; anything over `limit`, at most 7, is returned as `limit + 1`.

    >>> distance("foldl", "foldl'", 2), distance(b"lenght", b"length", 2), distance("abc", "xyz", 2)
    (1, 2, 3)
    """
    _check_limit(limit)
    return _distance(_characters(a), _characters(b), limit)


def within(wanted, candidates, Py_ssize_t limit):
    """(distance, candidate) of those of a set that are within `limit` edits.

    >>> within("lenght", {"length", "head"}, 2)
    [(2, 'length')]
    """
    cdef list found = []
    cdef Py_ssize_t size = len(wanted), other, edits
    cdef str text = _characters(wanted)
    _check_limit(limit)
    for candidate in candidates:
        other = len(candidate)
        if size - other <= limit and other - size <= limit:
            edits = _distance(text, _characters(candidate), limit)
            if edits <= limit:
                found.append((edits, candidate))
    return found


cdef int _check_limit(Py_ssize_t limit) except -1:
    if limit < 0 or limit > MOST:
        raise ValueError("a limit beyond 7")
    return 0


cdef str _characters(name):
    """A name with a character for each of its bytes, if it is a byte string."""
    return (<bytes>name).decode("latin-1") if isinstance(name, bytes) else name


cdef Py_ssize_t _distance(str a, str b, Py_ssize_t limit) except -1:
    """The table of distances between beginnings, of which only the places near the diagonal can be within the limit."""
    # The row is for beginnings with a certain number of characters of *a*. It has a border on both sides.
    cdef Py_ssize_t[2 * MOST + 3] row
    cdef Py_ssize_t size_a = len(a), size_b = len(b), width = 2 * limit + 1, too_far = limit + 1
    cdef Py_ssize_t i, j, k, found, least
    cdef Py_UCS4 x
    if size_a - size_b > limit or size_b - size_a > limit:
        return too_far
    for k in range(width + 2):
        j = k - 1 - limit
        row[k] = j if 0 <= j <= limit else too_far
    for i in range(1, size_a + 1):
        x = a[i - 1]
        least = too_far
        for k in range(1, width + 1):
            j = i + k - 1 - limit
            if j < 0 or j > size_b:
                found = too_far
            elif j == 0:
                found = i
            else:
                found = row[k] + (x != <Py_UCS4>b[j - 1])
                if row[k + 1] + 1 < found:
                    found = row[k + 1] + 1
                if row[k - 1] + 1 < found:
                    found = row[k - 1] + 1
            if found > too_far:
                found = too_far
            row[k] = found
            if found < least:
                least = found
        if least > limit:
            return too_far
    return row[size_b - size_a + limit + 1]
