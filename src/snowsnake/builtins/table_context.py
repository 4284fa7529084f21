"""Rows of the builtins for string contexts (context.pyx), and of `outputOf` (derivation_sets.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "hasContext", "s", "s",
        cost="1",
        doc="Returns whether the string *s* has a context, that is, whether it refers to a store path. Raises a type "
        "error if *s* is not a string.",
        example='builtins.hasContext "plain" => false',
        argument_form="only",
    ),
    BuiltinRow(
        "getContext", "s", "s",
        cost="n log n",
        of="the context of *s*",
        doc="Returns the context of *s*: a set with an attribute for each store path. The value is a set of `path` (true "
        "if *s* refers to the path itself), `allOutputs` (true if it refers to a derivation with all its outputs) and "
        "`outputs` (the names of the outputs that it refers to); those that do not apply are missing. Raises a type "
        "error if *s* is not a string.",
        example='builtins.getContext "plain" => { }',
        argument_form="only",
    ),
    BuiltinRow(
        "appendContext", "s attrs", "sa", framed=True,
        cost="n log n",
        of="the context of *s*, and of *attrs*",
        doc="Returns *s* with the context *attrs* added, which has the form that `getContext` returns. Forces *s*, then "
        "*attrs*, then for each path, in the order of the names, its set and the attributes `path`, `allOutputs` and "
        "`outputs`. Raises an error for a name that is not a store path and for outputs of a path that is not a "
        "derivation, and type errors.",
        example='builtins.appendContext "plain" { } => "plain"',
        phrases={
            "attribute": "while evaluating the value of a string context@",
            "attribute path": "while evaluating the `path` attribute of a string context@",
            "attribute allOutputs": "while evaluating the `allOutputs` attribute of a string context@",
            "attribute outputs": "while evaluating the `outputs` attribute of a string context@",
            "elements outputs": "while evaluating an output name within a string context@",
        },
        always=("attribute allOutputs", "attribute path", "elements outputs"),
    ),
    BuiltinRow(
        "unsafeDiscardStringContext", "s", "v",
        cost="n",
        of="the bytes of *s*",
        doc="Returns *s* without its context: a derivation that uses the result does not depend on the store paths that "
        "*s* refers to. A value that is not a string is coerced as in interpolation.",
        example='builtins.unsafeDiscardStringContext "plain" => "plain"',
        argument_form="only",
    ),
    BuiltinRow(
        "unsafeDiscardOutputDependency", "s", "v",
        cost="n",
        of="the context of *s*",
        doc="Returns *s* with a weaker context: each reference to a derivation with all its outputs (which `drvPath` has) "
        "becomes a reference to the `.drv` file alone.",
        example='builtins.unsafeDiscardOutputDependency "plain" => "plain"',
        argument_form="only",
    ),
    BuiltinRow(
        "addDrvOutputDependencies", "s", "v",
        cost="n",
        of="the context of *s*",
        doc="Returns *s* with a stronger context: the reference to a `.drv` file becomes a reference to the derivation "
        "with all its outputs. Raises an error unless the context is exactly one derivation.",
        example='builtins.tryEval (builtins.isFunction builtins.addDrvOutputDependencies) => '
        "{ success = true; value = true; }",
        argument_form="only",
    ),
    BuiltinRow(
        "outputOf", "drvPath output", "s.",
        feature="dynamic-derivations",
        cost="n",
        of="the bytes of *drvPath*",
        doc="Returns the path of the output *output* of the derivation whose path is the string *drvPath*. The context of "
        "*drvPath* must be that path and nothing else, as `unsafeDiscardOutputDependency` returns it, and the "
        "derivation must be in the store. `builtins` has this function only with the feature `dynamic-derivations`. "
        "A *drvPath* that is an output of a derivation (`outPath`) means the derivation that will be built; the result is then "
        "a placeholder, which builds replace. Raises an error for a string with another context, and type errors.",
        example="builtins.isFunction builtins.outputOf => true",
        phrases={
            "argument 1": "while evaluating the first argument to builtins.outputOf",
            "argument 2": "while evaluating the second argument to builtins.outputOf",
        },
    ),
)
