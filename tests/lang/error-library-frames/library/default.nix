rec {
  check = name: v: if v then v else throw "bad ${name}";
  mapChecked = f: xs: map (x: step1 f x) xs;
  step1 = f: x: { value = step2 f x; };
  step2 = f: x: 0 + (step3 f x);
  step3 = f: x: builtins.foldl' (a: b: a + f b) 0 [ x x ];
}
