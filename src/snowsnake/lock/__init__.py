"""Flakes as data: references, registries, lock files.  It knows nothing about the evaluator's values, and fetches nothing by itself.

    references       from text to attributes and back; `paths` has those of this machine's files
    registries       the meanings of short names
    lock_file        the graph of a lock file: read, written, compared
    locking          how a flake's inputs become a lock file
"""
