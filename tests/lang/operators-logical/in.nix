# What the left side decides is not looked at further.
[ (false && throw "x") (true || throw "x") (false -> throw "x") (true && false) (false || false) (true -> false) (!true) (!(!true)) ]
