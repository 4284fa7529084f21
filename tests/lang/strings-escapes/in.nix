[ "a\nb\tc\rd" "\"quoted\" \\ \${not} $${still not} $" "\x\e" "é ☃ 𝄞" "line
break" ]
