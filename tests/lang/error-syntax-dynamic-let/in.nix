let n = "x"; in let ${n} = 1; in x
