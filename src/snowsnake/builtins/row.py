"""One row of the table of builtins."""


# "outside": the time depends on the disk, a server or Git, for which the function waits.
ORDERS = ("1", "log n", "n", "n log n", "outside")


class BuiltinRow:
    """A builtin as users and the machine see it.

    `arguments`: the names of the arguments, separated by blanks.
    `forces`: a letter for each argument, which says how the machine prepares it (machine/state.pxd lists the letters).
    `framed`: whether the function may ask the machine to force a value or to call a function.
    `example`: `expression => value`, which the tests run.
    `is_global`: whether the name is also in the global scope (`map`), not only in `builtins` (`builtins.map`).
    `is_constant`: whether it is a value instead of a function; the value is evaluated when it is first used.
    `feature`: the experimental feature that must be on.
    `varies`: whether its presence in `builtins` depends on other settings, too, so that it is looked up when the program runs.
    `needs`: what the name requires besides a feature (syntax/features.py): "impure", "time".
    `argument_form`: how a line of a trace names the only argument: "only" (without "the first"), "quoted" (the name of the builtin in quotes).
    `phrases`: the trace lines for parts of its input (traces/cause.py names them) that do not follow from the rest of the row.
    `always`: the parts whose line appears for every error inside them, not only for a wrong type.
    `cost`: how the work of a call grows, one of ORDERS; the work of functions and values that it receives does not count. `of`: what n counts.
    `called_directly`: whether the compiler emits a direct call where the program calls the builtin with all its arguments.
    """

    # A plain class: importing `typing` for a NamedTuple would cost every start of the command more than the whole table does.
    __slots__ = ("name", "arguments", "forces", "framed", "doc", "example", "cost", "of", "is_global", "is_constant", "feature",
                 "varies", "needs", "called_directly", "argument_form", "phrases", "always")  # fmt: skip

    def __init__(
        self,
        name: str,
        arguments: str,
        forces: str,
        framed: bool = False,
        doc: str = "",
        example: str = "",
        cost: str = "",
        of: str = "",
        is_global: bool = False,
        is_constant: bool = False,
        feature: str = "",
        varies: bool = False,
        needs: str = "",
        called_directly: bool = True,
        argument_form: str = "",
        phrases: "dict[str, str] | None" = None,
        always: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.forces = forces
        self.framed = framed
        self.doc = doc
        self.example = example
        self.cost = cost
        self.of = of
        self.is_global = is_global
        self.is_constant = is_constant
        self.feature = feature
        self.varies = varies
        self.needs = needs
        self.called_directly = called_directly
        self.argument_form = argument_form
        self.phrases = phrases or {}
        self.always = always

    def __repr__(self) -> str:
        return f"BuiltinRow({self.name!r}, {self.arguments!r}, {self.forces!r})"
