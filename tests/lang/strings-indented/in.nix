{
  stripped = ''
    two
      four
    two
  '';
  first-line-counts = ''  x
     y'';
  escapes = ''
    ''${not} ''' $${not} ''\n''\t''\x
  '';
  tabs-are-text = ''
    	a
    b'';
  blank-lines = ''
    a

      b

  '';
  interpolated = ''
      ${"  keeps its blanks"}
    x
  '';
}
