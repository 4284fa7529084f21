"""Text engines of the builtins: they work on bytes and numbers and know no evaluator value.

regex: match and split · json, numbers: reading and writing JSON, number formats · toml · versions · text: escapes, UTF-8 · buffer.
"""
