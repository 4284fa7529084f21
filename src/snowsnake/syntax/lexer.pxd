# cython: language_level=3
"""The lexer's state and its entry points: see lexer.pyx."""
from libc.stdint cimport uint8_t, uint32_t

# the bits of CLASS_OF
cdef enum CharacterClass:
    # the character may be inside an identifier
    CLASS_NAME = 1
    CLASS_PATH = 2
    # before the colon of a URI
    CLASS_SCHEME = 4
    # the character may follow the colon of a URI
    CLASS_URI = 8
    CLASS_SPACE = 16
    CLASS_DIGIT = 32
    # `"` `\` `$` CR NUL: bytes in a quoted string that need a closer look
    CLASS_STRING_STOP = 64
    # `'` `$` NUL
    CLASS_INDENTED_STOP = 128

cdef struct Lexer:
    # at least 8 NUL bytes follow the last byte
    const uint8_t* data
    uint32_t size_bytes
    # the search for the next token begins here
    uint32_t position
    # the kind of the current token
    uint8_t kind
    # where the current token starts
    uint32_t start
    # end of the token before it
    uint32_t previous_end
    # the `/** … */` directly before the current token
    uint32_t doc_start
    # 0 if there is none
    uint32_t doc_end
    # a `/*` was seen that is never closed
    bint has_open_comment
    # end of the run of path characters that was checked last
    uint32_t path_run_end
    # the same for characters of URI schemes
    uint32_t scheme_run_end

cdef const uint8_t* character_classes() noexcept nogil
cdef void lexer_next(Lexer* lexer) noexcept nogil
cdef uint32_t path_piece_end(Lexer* lexer, uint32_t start) noexcept nogil
cdef uint8_t keyword_or_identifier(const uint8_t* name, uint32_t size_bytes) noexcept nogil
