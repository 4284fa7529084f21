{ mode }:
if mode == "slow" then 1 else throw "no such mode: ${mode}"
