# 64 bits, both ends of the range, and what division truncates to.
{
  largest = 9223372036854775807;
  smallest = -9223372036854775807 - 1;
  quotients = [ (7 / 2) (-7 / 2) (7 / -2) (-7 / -2) ];
  negation = -(3) - -3;
  wide = 1152921504606846976 + 1152921504606846975;
}
