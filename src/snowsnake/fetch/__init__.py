"""Fetching of sources, as a library that knows no value of the evaluator.

addresses: URLs in parts · input_forms: inputs of all schemes, from an address to attributes and back
"""
