"""From values to the types of a program: only what a type names is evaluated.

In: a handle and a type.  Out: an object of the type, or a `DecodeError` that says where.  `plans.py` makes a plan of a type, once for
each evaluator; `decoder.pyx` follows it through the machine's words (what it is made of: `scalars`, `containers`, `records`, `selecting`); `query.py` makes plans of selectors.
"""
