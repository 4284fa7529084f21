assert 1 == 1; assert [ ] == [ ]; (assert true; "value")
