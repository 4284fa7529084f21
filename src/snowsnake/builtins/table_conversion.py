"""Rows of the builtins that turn values into JSON and XML, and JSON and TOML into values (conversion.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "toJSON", "e", ".", framed=True,
        cost="n",
        of="the text that is read or written",
        doc="Returns *e* as JSON. A set with `__toString` or `outPath` is shown as the value of `__toString` or "
        "`outPath`, and a path is copied to the store and shown as its store path. The result has the contexts of all "
        "strings in it. Forces everything it shows, attributes in the order of their names. Raises a type error for "
        "functions, and an error for strings that are not UTF-8.",
        example='builtins.toJSON { a = [ 1 2.5 null ]; } => "{\\"a\\":[1,2.5,null]}"',
    ),
    BuiltinRow("__toPlainJSON", "e", ".", framed=True),
    BuiltinRow("__toShallowJSON", "e", ".", framed=True),
    BuiltinRow(
        "fromJSON", "e", "S",
        cost="n",
        of="the text that is read or written",
        doc="Returns the value that the JSON text *e* describes. If an object has several members with one name, the last "
        "one is used. The depth has no limit. Raises an error for malformed text, for integers that do not fit 64 "
        "bits, and for strings with a zero byte.",
        example='builtins.fromJSON "[1, {\\"a\\": null}]" => [ 1 { a = null; } ]',
        phrases={"content": "while decoding a JSON string"},
    ),
    BuiltinRow(
        "toXML", "e", ".", framed=True,
        cost="n",
        of="the text that is read or written",
        doc="Returns *e* as XML. A derivation is shown in full at its first occurrence only. Forces everything it shows, "
        "attributes in the order of their names.",
        example="builtins.stringLength (builtins.toXML { }) => 75",
    ),
    BuiltinRow("__toXML", "e strict location", ".bb", framed=True),
    BuiltinRow(
        "fromTOML", "e", "S", is_global=True,
        cost="n",
        of="the text that is read or written",
        doc="Returns the value that the TOML text *e* describes. Raises an error for malformed text, and for dates and "
        "times.",
        example='fromTOML "a = [ 1, 2 ]" => { a = [ 1 2 ]; }',
        argument_form="only",
    ),
)
