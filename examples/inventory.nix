# A small module system: overlays over a fixpoint, functions with defaults, a report as data.
#
#   snowsnake eval examples/inventory.nix --json
#   snowsnake eval examples/inventory.nix -A report.total
#   snowsnake eval examples/inventory.nix --arg currency '"USD"' -A report
{
  currency ? "EUR",
  overlays ? [ ],
}:

let
  fix = f: let x = f x; in x;
  extend = base: overlay: self: let super = base self; in super // overlay self super;

  warehouse = self: {
    inherit currency;
    items = {
      anorak = { count = 4; price = 120; };
      boots = { count = 10; price = 85; };
      snake = { count = 1; price = 0; };
    };
    rates = { EUR = 1.0; USD = 1.25; };
    worth = item: item.count * item.price * self.rates.${self.currency};
    report = {
      names = builtins.attrNames self.items;
      values = builtins.mapAttrs (_: self.worth) self.items;
      total = builtins.foldl' (sum: name: sum + self.worth self.items.${name}) 0 self.report.names;
      expensive = builtins.filter (name: self.items.${name}.price > 100) self.report.names;
      label = "${toString (builtins.length self.report.names)} kinds of goods in ${self.currency}";
    };
  };

  result = fix (builtins.foldl' extend warehouse overlays);
in
{
  inherit (result) currency items report;
}
