1 + abort "stop here"
