"""Flakes as data: references, registries, lock files.  Knows no value of the evaluator and fetches nothing by itself.

    references       from text to attributes and back; `paths` has those of this machine's files
    registries       what short names mean
    lock_file        the graph of a lock file: read, written, compared
    locking          how a flake's inputs become a lock file
"""
