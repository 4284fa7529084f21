# A recursion n deep, at once.
{ n }: let down = k: if k == 0 then 0 else 1 + down (k - 1); in down n
