# cython: language_level=3
"""The names of tokens in messages, in C++ Nix's words.

In: the kind of a token.  Out: its name, UTF-8.
"""
from snowsnake.syntax.tokens cimport (
    TOKEN_AND, TOKEN_ASSERT, TOKEN_ASSIGN, TOKEN_AT, TOKEN_COLON, TOKEN_COMMA, TOKEN_CONCAT, TOKEN_COUNT,
    TOKEN_DOLLAR_BRACE, TOKEN_DOT, TOKEN_ELLIPSIS, TOKEN_ELSE, TOKEN_END, TOKEN_EQUAL, TOKEN_FLOAT, TOKEN_HOME_PATH,
    TOKEN_IDENTIFIER, TOKEN_IF, TOKEN_IMPLIES, TOKEN_IN, TOKEN_INDENTED_OPEN, TOKEN_INHERIT, TOKEN_INT, TOKEN_INVALID,
    TOKEN_LEFT_BRACE, TOKEN_LEFT_BRACKET, TOKEN_LEFT_PAREN, TOKEN_LESS, TOKEN_LESS_OR_EQUAL, TOKEN_LET, TOKEN_MINUS,
    TOKEN_MORE, TOKEN_MORE_OR_EQUAL, TOKEN_NOT, TOKEN_NOT_EQUAL, TOKEN_OR, TOKEN_OR_WORD, TOKEN_PATH, TOKEN_PATH_END,
    TOKEN_PIPE_FROM, TOKEN_PIPE_INTO, TOKEN_PLUS, TOKEN_QUESTION, TOKEN_QUOTE, TOKEN_REC, TOKEN_RIGHT_BRACE,
    TOKEN_RIGHT_BRACKET, TOKEN_RIGHT_PAREN, TOKEN_SEARCH_PATH, TOKEN_SEMICOLON, TOKEN_SLASH, TOKEN_STAR, TOKEN_THEN,
    TOKEN_UPDATE, TOKEN_URI, TOKEN_WITH,
)

ctypedef const char* CString

cdef CString[TOKEN_COUNT] NAME_OF

NAMES = {
    TOKEN_END: "end of file", TOKEN_IDENTIFIER: "identifier", TOKEN_INT: "integer",
    TOKEN_FLOAT: "floating-point literal", TOKEN_QUOTE: "'\"'", TOKEN_INDENTED_OPEN: "start of an indented string",
    TOKEN_PATH: "path", TOKEN_HOME_PATH: "'~/…' path", TOKEN_SEARCH_PATH: "'<…>' path", TOKEN_URI: "URI",
    TOKEN_LEFT_PAREN: "'('", TOKEN_LEFT_BRACKET: "'['", TOKEN_LEFT_BRACE: "'{'", TOKEN_REC: "'rec'",
    TOKEN_LET: "'let'", TOKEN_IF: "'if'", TOKEN_THEN: "'then'", TOKEN_ELSE: "'else'", TOKEN_ASSERT: "'assert'",
    TOKEN_WITH: "'with'", TOKEN_IN: "'in'", TOKEN_INHERIT: "'inherit'", TOKEN_OR_WORD: "'or'",
    TOKEN_RIGHT_PAREN: "')'", TOKEN_RIGHT_BRACKET: "']'", TOKEN_RIGHT_BRACE: "'}'", TOKEN_DOLLAR_BRACE: "'${'",
    TOKEN_ELLIPSIS: "'...'", TOKEN_SEMICOLON: "';'", TOKEN_COLON: "':'", TOKEN_COMMA: "','", TOKEN_AT: "'@'",
    TOKEN_DOT: "'.'", TOKEN_ASSIGN: "'='", TOKEN_QUESTION: "'?'", TOKEN_NOT: "'!'", TOKEN_PLUS: "'+'",
    TOKEN_MINUS: "'-'", TOKEN_STAR: "'*'", TOKEN_SLASH: "'/'", TOKEN_CONCAT: "'++'", TOKEN_UPDATE: "'//'",
    TOKEN_EQUAL: "'=='", TOKEN_NOT_EQUAL: "'!='", TOKEN_LESS: "'<'", TOKEN_LESS_OR_EQUAL: "'<='",
    TOKEN_MORE: "'>'", TOKEN_MORE_OR_EQUAL: "'>='", TOKEN_AND: "'&&'", TOKEN_OR: "'||'", TOKEN_IMPLIES: "'->'",
    TOKEN_PIPE_FROM: "'<|'", TOKEN_PIPE_INTO: "'|>'", TOKEN_PATH_END: "end of path", TOKEN_INVALID: "invalid token",
}
# `NAME_OF` points into these bytes, so they must live on.
ENCODED = {int(kind): name.encode() for kind, name in NAMES.items()}

for kind, encoded in ENCODED.items():
    NAME_OF[<int>kind] = <bytes>encoded


cdef const char* token_name(uint8_t kind) noexcept nogil:
    return NAME_OF[kind]
