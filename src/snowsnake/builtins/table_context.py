"""Entries of the builtins on string contexts."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "hasContext", "s", "s",
        cost="1",
        doc="Whether the string *s* refers to a store path.  Raises: a type error.",
        example='builtins.hasContext "plain" => false',
        argument_form="only",
    ),
    BuiltinRow(
        "getContext", "s", "s",
        cost="n log n",
        of="the context of *s*",
        doc="The context of *s*: for each store path a set with `path` (the path itself), `allOutputs` (a derivation "
        "with all its outputs) and `outputs` (names of outputs of a derivation), as far as they apply.  "
        "Raises: a type error.",
        example='builtins.getContext "plain" => { }',
        argument_form="only",
    ),
    BuiltinRow(
        "appendContext", "s attrs", "sa", framed=True,
        cost="n log n",
        of="the context of *s*, and of *attrs*",
        doc="*s* with a context as `getContext` shows it added.  Forces *s*, *attrs*, then for each path in name order "
        "its set and the attributes `path`, `allOutputs`, `outputs`.  Raises: an error for a name that is not a store "
        "path, or for outputs of what is not a derivation; type errors.",
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
        doc="*s* without its context: a derivation that uses the result does not depend on what *s* names.  What is not "
        "a string is coerced as in interpolation.",
        example='builtins.unsafeDiscardStringContext "plain" => "plain"',
        argument_form="only",
    ),
    BuiltinRow(
        "unsafeDiscardOutputDependency", "s", "v",
        cost="n",
        of="the context of *s*",
        doc="*s*, where the references to a derivation with all its outputs (as `drvPath` has them) become references "
        "to the `.drv` file alone.",
        example='builtins.unsafeDiscardOutputDependency "plain" => "plain"',
        argument_form="only",
    ),
    BuiltinRow(
        "addDrvOutputDependencies", "s", "v",
        cost="n",
        of="the context of *s*",
        doc="*s*, where the reference to a `.drv` file becomes one to the derivation with all its outputs.  Raises: an "
        "error unless the context is one derivation.",
        example='builtins.tryEval (builtins.isFunction builtins.addDrvOutputDependencies) => '
        "{ success = true; value = true; }",
        argument_form="only",
    ),
    BuiltinRow(
        "outputOf", "drvPath output", "s.",
        feature="dynamic-derivations",
        cost="n",
        of="the bytes of *drvPath*",
        doc="The path of the output named *output* of the derivation that the string *drvPath* is the path of, and nothing else (as "
        "`unsafeDiscardOutputDependency` returns it); the derivation must be in the store. Of an output that is a derivation itself it is not carried "
        "out.  Only there with the feature `dynamic-derivations`.  Raises: an error for a string with another context; type errors.",
        example="builtins.isFunction builtins.outputOf => true",
        phrases={
            "argument 1": "while evaluating the first argument to builtins.outputOf",
            "argument 2": "while evaluating the second argument to builtins.outputOf",
        },
    ),
)
