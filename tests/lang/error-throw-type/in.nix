throw { message = "no"; }
