"found below a prefix"
