let outer = 10; in rec {
  a = b + 1;
  b = c.d * 2;
  c = rec { d = e; e = outer; };
  "string" = a;
}
