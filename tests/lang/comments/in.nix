# line
/* block */ let /* inside
   several lines */ x = 1; # after
  # { not code
in /**/ x /* ** */ + /* # */ 1 # end
