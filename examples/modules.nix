# A module system in fifty lines: modules declare options and define them; definitions are merged by type, with priorities and conditions.
#
#   snowsnake eval examples/modules.nix --json
#   snowsnake eval examples/modules.nix -A config.files.motd --raw
#   snowsnake eval examples/modules.nix --arg extra '{ services.web.prot = 80; }' -A config.services --strict
#   snowsnake eval examples/modules.nix --strict --arg extra '{ services.db.port = 5433; services.db.enable = false; }' -A config.firewall
{ extra ? { } }:

let
  inherit (builtins) all attrNames catAttrs concatMap concatStringsSep filter foldl' head isAttrs isList length mapAttrs toString;

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkForce = content: { _type = "force"; inherit content; };
  mkOption = description: default: { _type = "option"; inherit description default; };
  typeIs = type: value: isAttrs value && value._type or null == type;
  shown = path: "'${concatStringsSep "." path}'";

  # A condition around a set becomes a condition around each of its attributes, because the names of the attributes must not depend on it.
  pushDown = value: if typeIs "if" value then mapAttrs (_: mkIf value.condition) (pushDown value.content) else value;
  # The definitions that count: those whose conditions hold, or only the forced ones among them if there are any.
  definitions = values:
    let
      resolved = concatMap (v: if !(typeIs "if" v) then [ v ] else if v.condition then definitions [ v.content ] else [ ]) values;
      forced = filter (typeIs "force") resolved;
    in
    if forced == [ ] then resolved else map (v: v.content) forced;

  merge = path: found:
    if all isList found then concatMap (v: v) found
    else if all (v: v == head found) found then head found
    else throw "conflicting definitions of ${shown path}: ${concatStringsSep ", " (map toString found)}";

  # The value of each option under a path, from the sets that define it.
  evaluate = path: options: sets:
    let
      pushed = map pushDown sets;
      unknown = filter (name: !(options ? ${name})) (concatMap attrNames pushed);
      value = name: option:
        let found = definitions (catAttrs name pushed); here = path ++ [ name ]; in
        if !(typeIs "option" option) then evaluate here option (catAttrs name pushed)
        else if found == [ ] then option.default
        else merge here found;
    in
    if unknown == [ ] then mapAttrs value options else throw "no such option: ${shown (path ++ [ (head unknown) ])}";

  joinOptions = a: b: a // mapAttrs (name: option: if a ? ${name} && !(typeIs "option" option) then joinOptions a.${name} option else option) b;
  evalModules = modules:
    let
      applied = map (module: { options = { }; config = { }; } // module { inherit config; }) modules;
      options = foldl' joinOptions { } (map (m: m.options) applied);
      config = evaluate [ ] options (map (m: m.config) applied);
    in
    { inherit config options; };

  web = { config }: {
    options.services.web = { enable = mkOption "Whether to serve." false; port = mkOption "Where." 8080; };
    options.firewall.ports = mkOption "Open ports." [ ];
    config = mkIf config.services.web.enable { firewall.ports = [ config.services.web.port ]; };
  };
  db = { config }: {
    options.services.db = { enable = mkOption "Whether to store." true; port = mkOption "Where." 5432; };
    config = mkIf config.services.db.enable { firewall.ports = [ config.services.db.port ]; };
  };
  motd = { config }: {
    options.files.motd = mkOption "What is said at login." "";
    config.files.motd = "open: ${concatStringsSep ", " (map toString config.firewall.ports)}\n";
  };
  machine = { config }: { config = { services.web.enable = true; services.web.port = mkForce 443; }; };
  user = { config }: { config = extra; };
in
{ inherit (evalModules [ web db motd machine user ]) config; }
