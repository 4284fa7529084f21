{
  unfinished = 1;
