"""Rows of the builtins for strings (strings.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "stringLength", "s", "v",
        cost="1",
        doc="Returns the number of bytes (not of characters) of the string *s*. A path is copied to the store and counts "
        "as its store path, a set counts as the value of its `__toString` or `outPath`. Raises a type error for any "
        "other value that is not a string.",
        example='builtins.stringLength "snow" => 4',
        argument_form="only",
    ),
    BuiltinRow(
        "substring", "start len s", "i..", framed=True,
        cost="n",
        of="*len*",
        doc="Returns the *len* bytes of *s* from byte *start* (the first byte is 0), or fewer if the string ends before. "
        "A negative *len* means all bytes that follow. The result has the context of *s*, even if it is empty. Forces "
        "*start*, *len*, *s* in this order. Raises an error for a negative *start*, and type errors.",
        example='builtins.substring 1 3 "abcde" => "bcd"',
        phrases={
            "argument 1": "while evaluating the first argument (the start offset) passed to builtins.substring",
            "argument 2": "while evaluating the second argument (the substring length) passed to builtins.substring",
            "argument 3": "while evaluating the third argument (the string) passed to builtins.substring",
            "coerced": "while evaluating the third argument (the string) passed to builtins.substring",
        },
        always=("argument 2",),
    ),
    BuiltinRow(
        "toString", "e", "v", is_global=True,
        cost="n",
        of="the text that is read or written",
        doc="Returns *e* as a string: strings as they are, paths as their text, true as `1`, false and null as the empty "
        "string, numbers in decimal (floats with six digits), lists as their elements with blanks between them, sets "
        "as the value of their `__toString` or `outPath`. Forces what it shows. Raises a type error for functions and "
        "other sets.",
        example='toString [ 1 true "a" ] => "1 1 a"',
        phrases={"coerced": "while evaluating the first argument passed to builtins.toString"},
    ),
    BuiltinRow(
        "baseNameOf", "x", "c", is_global=True,
        cost="n",
        of="the bytes of *x*",
        doc="Returns what follows the last slash of the string or path *x*, where one slash at the end does not count. "
        "The result has the context of *x*. Raises a type error for a value that cannot be coerced to a string.",
        example='baseNameOf "/nix/store/" => "store"',
    ),
    BuiltinRow(
        "dirOf", "x", "v", is_global=True,
        cost="n",
        of="the bytes of *x*",
        doc="Returns what is before the last slash of *x*: a path for a path, a string (with its context) for a string, "
        '"." if there is no slash. Raises a type error for any other value.',
        example='dirOf "/nix/store" => "/nix"',
        argument_form="quoted",
    ),
    BuiltinRow(
        "concatStringsSep", "separator list", "sl", framed=True,
        cost="n",
        of="the bytes of the result",
        doc="Returns the strings of *list* with *separator* between them. Elements that are not strings are coerced as in "
        "interpolation, and paths are copied to the store. Forces the separator, the list, then each element in "
        "order. The result has the contexts of all of them. Raises a type error for a value that cannot be coerced to "
        "a string.",
        example='builtins.concatStringsSep "/" [ "usr" "bin" ] => "usr/bin"',
        phrases={
            "argument 1": "while evaluating the first argument (the separator string) passed to builtins.concatStringsSep",
            "argument 2": "while evaluating the second argument (the list of strings to concat) passed to builtins.concatStringsSep",
            "coerced": "while evaluating one element of the list of strings to concat passed to builtins.concatStringsSep",
        },
    ),
    BuiltinRow(
        "replaceStrings", "from to s", "l..", framed=True,
        cost="n",
        of="the bytes of *s* and of the result",
        doc="Returns *s* with each string of *from* replaced by the string at the same position in *to*. The text is read "
        "once, from the left. If several strings of *from* match at a place, the first of them is replaced; an empty "
        "string matches before every byte and at the end. Forces *from*, *to*, the strings of *from*, *s*, and only "
        "those of *to* that are used. The result has the contexts of *s* and of the replacements used. A call takes "
        "longer if many strings of *from* begin alike. Raises an error if the lists differ in length, and type "
        "errors.",
        example='builtins.replaceStrings [ "oo" "a" ] [ "a" "i" ] "foobar" => "fabir"',
        phrases={
            "element 1": "while evaluating one of the strings to replace passed to builtins.replaceStrings",
            "element 2": "while evaluating one of the replacement strings passed to builtins.replaceStrings",
        },
        always=("argument 3", "element 1", "element 2"),
    ),
)
