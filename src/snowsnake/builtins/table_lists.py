"""Entries of the builtins on lists (lists.pyx, sorting.pyx, closure.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "length",
        "list",
        "l",
        cost="1",
        doc="The number of elements of *list*. Forces the list, not its elements.",
        example="builtins.length [ 1 (throw \"unused\") ] => 2",
    ),
    BuiltinRow(
        "head",
        "list",
        "l",
        cost="1",
        doc="The first element of *list*; only that element is forced. Raises an error if the list is empty.",
        example="builtins.head [ 1 2 3 ] => 1",
        argument_form="quoted",
    ),
    BuiltinRow(
        "tail",
        "list",
        "l",
        cost="n",
        of="the elements of *list*",
        doc="*list* without its first element; no element is forced. Raises an error if the list is empty. A long rest "
        "shares the elements of *list*, a short one is copied: a loop over `tail` takes O(n) in all.",
        example="builtins.tail [ 1 2 3 ] => [ 2 3 ]",
        argument_form="quoted",
    ),
    BuiltinRow(
        "elemAt",
        "list index",
        ".i",
        framed=True,
        cost="1",
        doc="The element of *list* at *index*, counted from 0. The index is forced first, then the list, then that "
        "one element. Raises an error if the index is negative or not below the length.",
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
        doc="Whether *list* has an element that equals *value* (`==`). The value is forced unless the list is "
        "empty; elements are forced in order up to the first that is equal. O(n) comparisons.",
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
        doc="The list of *function* applied to each element. The list is forced; the function is forced, and must "
        "be one, unless the list is empty; applications are evaluated when their result is needed.",
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
        doc="The list of *generator* applied to 0, 1, … *length* − 1. The length is forced first, then the "
        "generator; applications are evaluated when their result is needed. Raises an error if the length is "
        "negative.",
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
        doc="The elements of *list* for which *predicate* gives true, in order. The list is forced first; the "
        "predicate is forced unless the list is empty, and called once for each element at once; an element is "
        "forced only if the predicate forces it.",
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
        doc="A set of two lists: `right` has the elements for which *predicate* gives true, `wrong` the others, "
        "both in order. The predicate is forced first, then the list; each element before the predicate is asked "
        "about it.",
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
        doc="Whether *predicate* gives true for at least one element of *list*; it is asked in order, up to the "
        "first such one. False for an empty list. The predicate is forced first, then the list.",
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
        doc="Whether *predicate* gives true for every element of *list*; it is asked in order, up to the first "
        "that fails. True for an empty list. The predicate is forced first, then the list.",
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
        doc="Folds *list* from the left: `operator (operator start x0) x1` and so on. Every result of the operator "
        "is forced before the next step; the start value only if the operator forces it or the list is empty. The "
        "operator is forced first, then the list. O(n) calls, constant depth.",
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
        doc="One list of the elements of all *lists*. Each inner list is forced, in order; its elements are not. "
        "O(total length).",
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
        doc="The lists that *function* gives for the elements of *list*, as one. The function is forced first, "
        "then the list; each call is evaluated, and must give a list. O(total length).",
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
        doc="A set of lists: under each name that *function* gives stand the elements for which it gave that name, "
        "in order. The names must be strings without context. The function is forced first, then the list. O(n log "
        "n).",
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
        doc="*list* in ascending order; `comparator a b` says whether a is to stand before b. The sort is stable. "
        "The list and all its elements are forced first; the comparator is forced unless the list is empty. O(n log "
        "n) comparisons, O(n) if the list is sorted already. With `builtins.lessThan` itself as the comparator, "
        "lists of ints or of strings sort without any call.",
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
        doc="The closure of `startSet` (a list of sets, each with a `key`) under `operator`, which gives for a set "
        "a list of further ones. Sets whose key was met before are left out; the order is breadth first. Keys are "
        "compared by `<`, so they must be of one comparable type: numbers, strings, paths or lists of these. O(n "
        "log n) comparisons.",
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
