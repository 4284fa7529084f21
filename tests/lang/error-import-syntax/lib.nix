id = x: x;
