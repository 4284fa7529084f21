# Laziness: infinite structures, and errors that nobody looks at.   snowsnake eval examples/lazy.nix --strict
let
  from = n: { head = n; tail = from (n + 1); };
  take = n: stream: if n == 0 then [ ] else [ stream.head ] ++ take (n - 1) stream.tail;
  filter = p: stream:
    if p stream.head then { inherit (stream) head; tail = filter p stream.tail; } else filter p stream.tail;
  divides = a: b: b - (b / a) * a == 0;
  sieve = stream: { inherit (stream) head; tail = sieve (filter (n: !divides stream.head n) stream.tail); };
in
{
  naturals = take 5 (from 0);
  primes = take 20 (sieve (from 2));
  unharmed = builtins.length [ (throw "never seen") (1 / 0) ];
}
