# cython: language_level=3
"""THE text of a float: printf's forms, the same in every locale.

In: a form such as `%g` and a number.  Out: text that ends with NUL.  What the locale of the process takes for the decimal point, which may be
several bytes, becomes a full stop.
"""

cdef enum:
    # room for every number in every form of at most 17 digits
    FLOAT_TEXT_BYTES = 512

cdef extern from *:
    """
    #include <stdio.h>
    static inline int snow_float_text(char *text, size_t capacity, const char *form, double number)
    {
        int size = snprintf(text, capacity, form, number), kept = 0, is_in_point = 0, i;
        for (i = 0; i < size && text[i]; i++) {
            const char c = text[i];
            if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+') {
                text[kept++] = c;
                is_in_point = 0;
            } else if (!is_in_point) {
                text[kept++] = '.';
                is_in_point = 1;
            }
        }
        text[kept] = 0;
        return kept;
    }
    """
    # Returns the size of the text.
    int float_text "snow_float_text"(char* text, size_t capacity, const char* form, double number) noexcept nogil
