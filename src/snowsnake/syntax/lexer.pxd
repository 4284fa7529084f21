# cython: language_level=3
"""The lexer's state and its entry points: see lexer.pyx."""
from libc.stdint cimport uint8_t, uint32_t

cdef enum CharacterClass:             # bits of CLASS_OF
    CLASS_NAME = 1                    # inside an identifier
    CLASS_PATH = 2
    CLASS_SCHEME = 4                  # before the colon of a URI
    CLASS_URI = 8                     # after it
    CLASS_SPACE = 16
    CLASS_DIGIT = 32
    CLASS_STRING_STOP = 64            # `"` `\` `$` CR NUL: bytes in a quoted string that need a closer look
    CLASS_INDENTED_STOP = 128         # `'` `$` NUL

cdef struct Lexer:
    const uint8_t* data               # at least 8 NUL bytes follow the last byte
    uint32_t size_bytes
    uint32_t position                 # the search for the next token begins here
    uint8_t kind                      # of the current token
    uint32_t start                    # of the current token
    uint32_t previous_end             # end of the token before it
    uint32_t doc_start                # the `/** … */` directly before the current token
    uint32_t doc_end                  # 0 if there is none
    bint has_open_comment             # a `/*` was seen that is never closed
    uint32_t path_run_end             # end of the run of path characters that was checked last
    uint32_t scheme_run_end           # the same for characters of URI schemes

cdef const uint8_t* character_classes() noexcept nogil
cdef void lexer_next(Lexer* lexer) noexcept nogil
cdef uint32_t path_piece_end(Lexer* lexer, uint32_t start) noexcept nogil
cdef uint8_t keyword_or_identifier(const uint8_t* name, uint32_t size_bytes) noexcept nogil
