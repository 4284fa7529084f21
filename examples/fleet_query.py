"""What clan's selectors do without a build of JSON: many attributes of many machines in one pass, faults beside values.

python examples/fleet_query.py
"""

import snowsnake

FLEET = """
  let machine = name: { config = { hostName = name; port = 22; tags = [ "linux" ]; }; broken = throw "not looked at"; };
  in { machines = builtins.listToAttrs (map (name: { inherit name; value = machine name; }) [ "web" "db" ])
       // { old.config = { hostName = "old"; port = throw "no port for ${"old"}"; }; }; }
"""

found = snowsnake.evaluate(FLEET).query("machines.*.config.{hostName,port,?tags}")
for name, config in found.values.items():
    print(name, config)
for path, fault in found.faults.items():
    print(f"{path}: {fault}")
