# Function calls and integer arithmetic.
{ n }: let fib = k: if k < 2 then k else fib (k - 1) + fib (k - 2); in fib n
