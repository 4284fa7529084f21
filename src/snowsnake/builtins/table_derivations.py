"""Entries of the builtins that make derivations (derivations.pyx, derivation_sets.pyx)."""

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
        doc="The store paths of a derivation: the set of `drvPath` and a path for each output. All attributes are forced, in the order of their "
        "names, and become the builder's environment; `name`, `builder`, `system`, `args`, `outputs`, `outputHash`, `outputHashAlgo`, "
        "`outputHashMode`, `__structuredAttrs` and `__ignoreNulls` have a meaning of their own. Use `derivation`.",
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
        doc="A derivation: *attributes* with `drvPath`, `outPath`, `type`, `outputName`, `drvAttrs`, `all` and an attribute for each output. Only "
        "the list `outputs` is forced; the paths are computed when they are needed, and only then are the attributes checked.",
        example='(derivation { name = "x"; system = "any"; builder = throw "unused"; }).outputName => "out"',
    ),
    BuiltinRow("__derivationOutput", "first output", "a."),
    BuiltinRow("__value", "value", "v"),
    BuiltinRow(
        "placeholder",
        "output",
        "S",
        is_global=True,
        cost="n",
        of="the bytes of *output*",
        doc="A text that stands for the path of the output *output* in the attributes of its own derivation; the build replaces it.",
        example='placeholder "out" => "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9"',
    ),
)
