let zero = 1 - 1; in 5 / zero
