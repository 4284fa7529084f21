"""Flakes as data: references, registries, lock files.  It knows nothing about the evaluator's values, and fetches nothing by itself.

    references       from attributes and URLs to text and back; `reference_text` parses them, `paths` those that are paths on this machine
    flakes           facts about a flake before it is evaluated
    registries       the meanings of short names
    lock_file        the graph of a lock file: read, written, compared
    locking          how a flake's inputs become a lock file
"""
