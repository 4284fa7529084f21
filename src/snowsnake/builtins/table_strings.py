"""Entries of the builtins on strings."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "stringLength", "s", "v",
        cost="1",
        doc="The number of bytes of the string *s* (not of characters).  A path counts as its copy in the store does, "
        "a set as what `__toString` or `outPath` gives.  Raises: a type error for what is no string.",
        example='builtins.stringLength "snow" => 4',
        argument_form="only",
    ),
    BuiltinRow(
        "substring", "start len s", "i..", framed=True,
        cost="n",
        of="*len*",
        doc="The *len* bytes of *s* from byte *start* (0 is the first), fewer if the string ends before; a negative "
        "*len* means all that follow.  Keeps the context of *s*, even in an empty result.  Forces *start*, *len*, *s* "
        "in this order.  Raises: an error for a negative *start*, a type error.",
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
        doc="*e* as a string: strings as they are, paths as their text, true as `1`, false and null as the empty "
        "string, numbers in decimal (floats with six digits), lists as their elements with blanks between, sets by "
        "`__toString` or `outPath`.  Forces what it shows.  Raises: a type error for functions and other sets.",
        example='toString [ 1 true "a" ] => "1 1 a"',
        phrases={"coerced": "while evaluating the first argument passed to builtins.toString"},
    ),
    BuiltinRow(
        "baseNameOf", "x", "c", is_global=True,
        cost="n",
        of="the bytes of *x*",
        doc="What follows the last slash of the string or path *x*; one slash at its end does not count.  Keeps the "
        "context.  Raises: a type error for what is no string.",
        example='baseNameOf "/nix/store/" => "store"',
    ),
    BuiltinRow(
        "dirOf", "x", "v", is_global=True,
        cost="n",
        of="the bytes of *x*",
        doc='What stands before the last slash of *x*: a path for a path, a string (with its context) for a string, "." '
        "if there is no slash.  Raises: a type error for what is neither.",
        example='dirOf "/nix/store" => "/nix"',
        argument_form="quoted",
    ),
    BuiltinRow(
        "concatStringsSep", "separator list", "sl", framed=True,
        cost="n",
        of="the bytes of the result",
        doc="The strings of *list* with *separator* between them.  Elements that are no strings are coerced as in "
        "interpolation, paths are copied to the store.  Forces the separator, the list, each element in order.  The "
        "contexts are united.  Raises: a type error for what cannot be a string.",
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
        doc="*s* with each string of *from* replaced by the string at the same place in *to*.  The text is read once, "
        "from the left; at each place the first match in *from* wins; an empty string matches before every byte and at "
        "the end.  Forces *from*, *to*, the strings of *from*, *s*, and of *to* only what is used.  The context is "
        "that of *s* and of the replacements used.  It takes longer if many strings of *from* begin alike.  Raises: "
        "an error if the lists differ in length, a type error.",
        example='builtins.replaceStrings [ "oo" "a" ] [ "a" "i" ] "foobar" => "fabir"',
        phrases={
            "element 1": "while evaluating one of the strings to replace passed to builtins.replaceStrings",
            "element 2": "while evaluating one of the replacement strings passed to builtins.replaceStrings",
        },
        always=("argument 3", "element 1", "element 2"),
    ),
)
