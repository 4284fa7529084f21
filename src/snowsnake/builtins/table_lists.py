"""Rows of the builtins for lists (lists.pyx, sorting.pyx, closure.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "length",
        "list",
        "l",
        cost="1",
        doc="Returns the number of elements of *list*. Forces the list, not its elements.",
        example="builtins.length [ 1 (throw \"unused\") ] => 2",
    ),
    BuiltinRow(
        "head",
        "list",
        "l",
        cost="1",
        doc="Returns the first element of *list*. Only that element is forced. Raises an error if the list is empty.",
        example="builtins.head [ 1 2 3 ] => 1",
        argument_form="quoted",
    ),
    BuiltinRow(
        "tail",
        "list",
        "l",
        cost="n",
        of="the elements of *list*",
        doc="Returns *list* without its first element. No element is forced. Raises an error if the list is empty. A long "
        "result shares the elements of *list*, a short one is a copy: a loop over `tail` takes O(n) in all.",
        example="builtins.tail [ 1 2 3 ] => [ 2 3 ]",
        argument_form="quoted",
    ),
    BuiltinRow(
        "elemAt",
        "list index",
        ".i",
        framed=True,
        cost="1",
        doc="Returns the element of *list* at *index*, counted from 0. The index is forced first, then the list, then "
        "that one element. Raises an error if the index is negative or not below the length.",
        example='builtins.elemAt [ "a" "b" "c" ] 1 => "b"',
        argument_form="quoted",
    ),
    BuiltinRow(
        "elem",
        "value list",
        ".l",
        framed=True,
        cost="n",
        of="the elements of *list*",
        doc="Returns whether *list* has an element that equals *value* (`==`). The value is forced unless the list is "
        "empty; elements are forced in order, up to the first that is equal.",
        example="builtins.elem 2 [ 1 2 (throw \"unused\") ] => true",
    ),
    BuiltinRow(
        "map",
        "function list",
        ".l",
        framed=True,
        is_global=True,
        cost="n",
        of="the elements of *list*",
        doc="Returns the list of the results of *function* for the elements of *list*. The list is forced; the function "
        "is forced, and must be a function, unless the list is empty. The function is called when a result is needed.",
        example="map (x: x * 2) [ 1 2 3 ] => [ 2 4 6 ]",
        always=("argument 1",),
    ),
    BuiltinRow(
        "genList",
        "generator length",
        ".i",
        framed=True,
        cost="n",
        of="*length*",
        doc="Returns the list of the results of *generator* for 0, 1, … *length* − 1. The length is forced first, then "
        "the generator; the generator is called when a result is needed. Raises an error if the length is negative.",
        example="builtins.genList (i: i * i) 4 => [ 0 1 4 9 ]",
        always=("argument 1",),
    ),
    BuiltinRow(
        "filter",
        "predicate list",
        ".l",
        framed=True,
        cost="n",
        of="the elements of *list*",
        doc="Returns the elements of *list* for which *predicate* returns true, in order. The list is forced first. The "
        "predicate is forced unless the list is empty, and is called at once for each element; an element is forced "
        "only if the predicate forces it.",
        example="builtins.filter (x: x > 1) [ 1 2 3 ] => [ 2 3 ]",
        phrases={"result": "while evaluating the return value of the filtering function passed to builtins.filter"},
        always=("argument 1",),
    ),
    BuiltinRow(
        "partition",
        "predicate list",
        "fl",
        framed=True,
        cost="n",
        of="the elements of *list*",
        doc="Returns a set of two lists: `right` has the elements for which *predicate* returns true, `wrong` has the "
        "others, both in order. The predicate is forced first, then the list. Each element is forced before the "
        "predicate is called with it.",
        example="builtins.partition (x: x > 2) [ 1 5 2 3 ] => { right = [ 5 3 ]; wrong = [ 1 2 ]; }",
        phrases={"result": "while evaluating the return value of the partition function passed to builtins.partition"},
    ),
    BuiltinRow(
        "any",
        "predicate list",
        "fl",
        framed=True,
        cost="n",
        of="the elements of *list*",
        doc="Returns whether *predicate* returns true for at least one element of *list*. The predicate is called for the "
        "elements in order, up to the first for which it returns true. The result is false for an empty list. The "
        "predicate is forced first, then the list.",
        example="builtins.any (x: x == 2) [ 1 2 (throw \"unused\") ] => true",
        phrases={"result": "while evaluating the return value of the function passed to builtins.any"},
    ),
    BuiltinRow(
        "all",
        "predicate list",
        "fl",
        framed=True,
        cost="n",
        of="the elements of *list*",
        doc="Returns whether *predicate* returns true for every element of *list*. The predicate is called for the "
        "elements in order, up to the first for which it returns false. The result is true for an empty list. The "
        "predicate is forced first, then the list.",
        example="builtins.all (x: x < 2) [ 1 2 (throw \"unused\") ] => false",
        phrases={"result": "while evaluating the return value of the function passed to builtins.all"},
    ),
    BuiltinRow(
        "foldl'",
        "operator start list",
        "f.l",
        framed=True,
        cost="n",
        of="the elements of *list*",
        doc="Folds *list* from the left: computes `operator (operator start x0) x1` and so on. Every result of the "
        "operator is forced before the next step; the start value is forced only if the operator forces it or the "
        "list is empty. The operator is forced first, then the list. The depth of the evaluation does not grow with "
        "the list.",
        example="builtins.foldl' (sum: x: sum + x) 0 [ 1 2 3 ] => 6",
        phrases={
            "argument 1": "while evaluating the first argument passed to builtins.foldlStrict",
            "argument 3": "while evaluating the third argument passed to builtins.foldlStrict",
        },
    ),
    BuiltinRow(
        "concatLists",
        "lists",
        "l",
        framed=True,
        cost="n",
        of="the elements of the result",
        doc="Returns one list of the elements of all *lists*. Each inner list is forced, in order; its elements are not.",
        example="builtins.concatLists [ [ 1 2 ] [ ] [ 3 ] ] => [ 1 2 3 ]",
        phrases={"element 1": "while evaluating a value of the list passed to builtins.concatLists"},
    ),
    BuiltinRow(
        "concatMap",
        "function list",
        "fl",
        framed=True,
        cost="n",
        of="the elements of the result",
        doc="Returns one list of the elements of all lists that *function* returns for the elements of *list*. The "
        "function is forced first, then the list. The function is called at once for each element, and must return a "
        "list.",
        example="builtins.concatMap (x: [ x x ]) [ 1 2 ] => [ 1 1 2 2 ]",
        phrases={"result": "while evaluating the return value of the function passed to builtins.concatMap"},
    ),
    BuiltinRow(
        "groupBy",
        "function list",
        "fl",
        framed=True,
        cost="n log n",
        of="the elements of *list*",
        doc="Returns a set of lists. *function* returns a name for each element of *list*; the list under a name has the "
        "elements with that name, in order. The names must be strings without context. The function is forced first, "
        "then the list.",
        example='builtins.groupBy (x: if x < 3 then "small" else "large") [ 1 5 2 ] '
        "=> { large = [ 5 ]; small = [ 1 2 ]; }",
        phrases={"result": "while evaluating the return value of the grouping function passed to builtins.groupBy"},
    ),
    BuiltinRow(
        "sort",
        "comparator list",
        ".l",
        framed=True,
        cost="n log n",
        of="the elements of *list*",
        doc="Returns *list* in ascending order. `comparator a b` says whether a must come before b. The sort is stable. "
        "The list and all its elements are forced first; the comparator is forced unless the list is empty. The "
        "comparator is called O(n log n) times, or O(n) times if the list is sorted already. If it is "
        "`builtins.lessThan` itself, lists of ints and lists of strings are sorted without calls.",
        example="builtins.sort builtins.lessThan [ 3 1 2 ] => [ 1 2 3 ]",
        phrases={
            "compared": "while evaluating the ordering function passed to builtins.sort",
            "result": "while evaluating the return value of the sorting function passed to builtins.sort",
        },
        always=("argument 1",),
    ),
    BuiltinRow(
        "genericClosure",
        "attrs",
        "a",
        framed=True,
        cost="n log n",
        of="the elements of the result",
        doc="Returns the closure of `startSet`, a list of sets that each have a `key`, under `operator`, a function that "
        "returns a list of further sets for a set. A set is left out if its key occurred before; the order is breadth "
        "first. Keys are compared by `<`, so they must all be of one comparable type: numbers, strings, paths, or "
        "lists of these.",
        example="builtins.genericClosure { startSet = [ { key = 1; } ]; operator = x: "
        "if x.key < 3 then [ { key = x.key + 1; } ] else [ ]; } => [ { key = 1; } { key = 2; } { key = 3; } ]",
        phrases={
            "attribute startSet": "while evaluating the 'startSet' attribute passed as argument to builtins.genericClosure",
            "attribute operator": "while evaluating the 'operator' attribute passed as argument to builtins.genericClosure",
            "no attribute startSet": "in the attrset passed as argument to builtins.genericClosure",
            "no attribute operator": "in the attrset passed as argument to builtins.genericClosure",
            "result": "while evaluating the return value of the `operator` passed to builtins.genericClosure",
        },
        always=("attribute operator",),
    ),
)
