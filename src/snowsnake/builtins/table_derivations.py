"""Rows of the builtins that make derivations (derivations.pyx, derivation_sets.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "derivationStrict",
        "attributes",
        "a",
        framed=True,
        is_global=True,
        cost="n log n",
        of="the attributes, and all store paths that they refer to",
        doc="Computes the store paths of a derivation, and returns a set of `drvPath` and the path of each output. All "
        "attributes are forced, in the order of their names, and become the environment of the builder. The "
        "attributes `name`, `builder`, `system`, `args`, `outputs`, `outputHash`, `outputHashAlgo`, `outputHashMode`, "
        "`__structuredAttrs` and `__ignoreNulls` have a meaning of their own. Programs use `derivation` instead.",
        example='builtins.attrNames (derivationStrict { name = "x"; system = "any"; builder = "/b"; }) => [ "drvPath" "out" ]',
        argument_form="only",
        phrases={
            "attribute __ignoreNulls": "while evaluating the `__ignoreNulls` attribute passed to builtins.derivationStrict",
            "attribute __structuredAttrs": "while evaluating the `__structuredAttrs` attribute passed to builtins.derivationStrict",
            "attribute name": "while evaluating the `name` attribute passed to builtins.derivationStrict",
            "no attribute name": "in the attrset passed as argument to builtins.derivationStrict",
            "elements args": "while evaluating an element of the argument list",
        },
        always=("attribute __ignoreNulls", "attribute __structuredAttrs", "attribute name"),
    ),
    BuiltinRow(
        "derivation",
        "attributes",
        "a",
        framed=True,
        is_global=True,
        called_directly=False,
        cost="1",
        doc="Returns a derivation: *attributes* with `drvPath`, `outPath`, `type`, `outputName`, `drvAttrs`, `all` and an "
        "attribute for each output. Only the list `outputs` is forced. The paths are computed when one of them is "
        "needed; the attributes are checked then.",
        example='(derivation { name = "x"; system = "any"; builder = throw "unused"; }).outputName => "out"',
    ),
    BuiltinRow("__derivationPath", "strict", "a"),
    BuiltinRow("__derivationOutput", "first output", "a."),
    BuiltinRow("__value", "value", "v"),
    BuiltinRow(
        "placeholder",
        "output",
        "S",
        is_global=True,
        cost="n",
        of="the bytes of *output*",
        doc="Returns a text that represents the path of the output *output* in the attributes of its own derivation. The "
        "build replaces the text by the path.",
        example='placeholder "out" => "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9"',
    ),
)
