"""Text engines of the builtins: they work on bytes and numbers, and do not know the values of the evaluator.

regex: match and split · json, toml: documents as events · numbers: formats · versions · text: escapes, UTF-8.
"""
