"""Jobs: thousands of attributes of one root, each evaluated for itself, by several workers, in the order of their paths.

    root (evaluator, value) → queue of attribute paths → workers → replies, in order → lines of JSON, tables, reports

One bad attribute is a reply with an error, and a worker that ends is replaced.  docs/decisions/jobs.md says why it is built so.
"""
