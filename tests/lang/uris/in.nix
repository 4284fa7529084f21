[ http://example.org/a?b=c x:y (x: y: x) ]
