# cython: language_level=3
"""The kinds of tokens.

In: nothing.  Out: the numbers that the lexer produces and the parser compares with.
Kinds up to TOKEN_LAST_SIMPLE begin a simple expression: an argument, an element of a list.
"""

cdef enum TokenKind:
    # the end of the file, or a NUL byte outside strings and comments, as in C++ Nix
    TOKEN_END = 0
    TOKEN_IDENTIFIER
    TOKEN_INT
    TOKEN_FLOAT
    # `"`: the parser goes on with the text of the string
    TOKEN_QUOTE
    # `''`, with the spaces up to the end of its line
    TOKEN_INDENTED_OPEN
    # the first literal piece; more may follow
    TOKEN_PATH
    TOKEN_HOME_PATH
    TOKEN_SEARCH_PATH
    TOKEN_URI
    TOKEN_LEFT_PAREN
    TOKEN_LEFT_BRACKET
    TOKEN_LEFT_BRACE
    TOKEN_REC
    TOKEN_LET
    TOKEN_IF
    TOKEN_THEN
    TOKEN_ELSE
    TOKEN_ASSERT
    TOKEN_WITH
    TOKEN_IN
    TOKEN_INHERIT
    # `or`
    TOKEN_OR_WORD
    TOKEN_RIGHT_PAREN
    TOKEN_RIGHT_BRACKET
    TOKEN_RIGHT_BRACE
    # `${`
    TOKEN_DOLLAR_BRACE
    TOKEN_ELLIPSIS
    TOKEN_SEMICOLON
    TOKEN_COLON
    TOKEN_COMMA
    TOKEN_AT
    TOKEN_DOT
    TOKEN_ASSIGN
    TOKEN_QUESTION
    TOKEN_NOT
    TOKEN_PLUS
    TOKEN_MINUS
    TOKEN_STAR
    TOKEN_SLASH
    TOKEN_CONCAT
    TOKEN_UPDATE
    TOKEN_EQUAL
    TOKEN_NOT_EQUAL
    TOKEN_LESS
    TOKEN_LESS_OR_EQUAL
    TOKEN_MORE
    TOKEN_MORE_OR_EQUAL
    TOKEN_AND
    TOKEN_OR
    TOKEN_IMPLIES
    # `<|`
    TOKEN_PIPE_FROM
    # `|>`
    TOKEN_PIPE_INTO
    # the kind occurs only in messages
    TOKEN_PATH_END
    # a byte that begins no token
    TOKEN_INVALID
    TOKEN_COUNT

cdef enum:
    TOKEN_LAST_SIMPLE = TOKEN_LET
