"""Jobs: thousands of attributes of one root, each evaluated on its own, by several workers, in the order of their paths.

    root (evaluator, value) → queue of attribute paths → workers → replies, in order → lines of JSON, tables, reports

A failing attribute is a reply with an error, and a worker that ends is replaced.  docs/decisions/jobs.md has the reasons for this design.
"""
