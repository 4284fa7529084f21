"value: ${ { a = 1; } }"
