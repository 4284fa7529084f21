"""Turns values into objects of a program's types; only the parts that a type names are evaluated.

In: a handle and a type.  Out: an object of the type, or a `DecodeError` that says where the value does not fit.  `plans.py` makes a plan of a type, once
for each evaluator, and `query.py` one of a selector.  `decoder.pyx` carries a plan out on the machine's words; the kinds of plans are in
`scalars`, `containers`, `records` and `selecting`.
"""
