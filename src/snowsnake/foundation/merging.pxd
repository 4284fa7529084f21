# cython: language_level=3
"""THE stable merge sort: bottom up, from runs of eight that insertion makes; runs that are in order already are copied.

    merge_sort(items, scratch, count, is_above, stops, context)

`items` and `scratch` are arrays of one type; `scratch` has room for as many, and may be NULL for up to LONGEST_RUN items.  The function
`is_above(context, const item* a, const item* b)` says whether a must come after b.  `stops(context)` is asked before each merge: if
it returns true, the sort ends and the items are in some order; `never_stops` returns false.  The sort is a macro: the C compiler inlines the functions.
"""
cdef enum:
    LONGEST_RUN = 8

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #define SNOW_COPY(target, source, count) memcpy((target), (source), (count) * sizeof(*(source)))
    #define SNOW_MERGE_SORT(items, scratch, count, is_above, stops, context) do {                                           \\
        __typeof__(items) snow_a = (items), snow_from = snow_a, snow_to = (scratch), snow_swap;                             \\
        const uint64_t snow_n = (count);                                                                                    \\
        uint64_t snow_width, snow_i, snow_j, snow_k, snow_middle, snow_end;                                                 \\
        int snow_stops = 0;                                                                                                 \\
        for (snow_i = 0; snow_i < snow_n; snow_i = snow_end) {                                                              \\
            snow_end = snow_i + 8 < snow_n ? snow_i + 8 : snow_n;                                                           \\
            for (snow_j = snow_i + 1; snow_j < snow_end; snow_j++) {                                                        \\
                const __typeof__(*snow_a) snow_x = snow_a[snow_j];                                                          \\
                for (snow_k = snow_j; snow_k > snow_i && is_above(context, &snow_a[snow_k - 1], &snow_x); snow_k--)         \\
                    snow_a[snow_k] = snow_a[snow_k - 1];                                                                    \\
                snow_a[snow_k] = snow_x;                                                                                    \\
            }                                                                                                               \\
        }                                                                                                                   \\
        for (snow_width = 8; snow_width < snow_n; snow_width *= 2) {                                                        \\
            for (snow_i = 0; snow_i < snow_n; snow_i = snow_end) {                                                          \\
                if (stops(context)) {                                                                                       \\
                    snow_stops = 1;                                                                                         \\
                    break;                                                                                                  \\
                }                                                                                                           \\
                snow_middle = snow_i + snow_width < snow_n ? snow_i + snow_width : snow_n;                                  \\
                snow_end = snow_middle + snow_width < snow_n ? snow_middle + snow_width : snow_n;                           \\
                if (snow_middle == snow_end || !is_above(context, &snow_from[snow_middle - 1], &snow_from[snow_middle])) {  \\
                    SNOW_COPY(snow_to + snow_i, snow_from + snow_i, snow_end - snow_i);                                     \\
                    continue;                                                                                               \\
                }                                                                                                           \\
                for (snow_j = snow_i, snow_k = snow_middle; snow_i < snow_end; snow_i++) {                                  \\
                    if (snow_j < snow_middle && (snow_k >= snow_end || !is_above(context, &snow_from[snow_j], &snow_from[snow_k])))\\
                        snow_to[snow_i] = snow_from[snow_j++];                                                              \\
                    else                                                                                                    \\
                        snow_to[snow_i] = snow_from[snow_k++];                                                              \\
                }                                                                                                           \\
            }                                                                                                               \\
            if (snow_stops)                                                                                                 \\
                break;                                                                                                      \\
            snow_swap = snow_from, snow_from = snow_to, snow_to = snow_swap;                                                \\
        }                                                                                                                   \\
        if (snow_from != snow_a)                                                                                            \\
            SNOW_COPY(snow_a, snow_from, snow_n);                                                                           \\
    } while (0)
    """
    void merge_sort "SNOW_MERGE_SORT"(...) noexcept nogil

cdef inline bint never_stops(const void* context) noexcept nogil:
    return False
