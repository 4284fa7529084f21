"""Text engines of the builtins: they work on bytes and numbers and know no evaluator value.

regex: match and split · json, toml: documents as events · numbers: formats · versions · text: escapes, UTF-8.
"""
