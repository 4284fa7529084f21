"""Flakes as data: references, registries, lock files.  Knows no value of the evaluator and fetches nothing by itself.

references: from text to attributes and back
"""
