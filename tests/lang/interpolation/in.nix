let x = "v"; n = { a = "w"; __toString = self: "<${self.a}>"; }; in
[ "${x}" "a${x}b${x}c" "${"nested ${x + "!"}"}" "${n}" "${toString 5}" "" "${""}" ]
