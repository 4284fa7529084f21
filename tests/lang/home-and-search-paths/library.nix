"found by prefix"
