let strict = 1; in strict -> true
