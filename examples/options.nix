# Options in the form of the module system, for options_page.py.
# snowsnake eval examples/options.nix --strict -A services.web.port.default
let
  option = loc: facts: { _type = "option"; inherit loc; declarations = [ "modules/web.nix" ]; } // facts;
  text.description = "string";
in {
  services.web = {
    enable = option [ "services" "web" "enable" ] {
      type.description = "boolean";
      default = false;
      example = true;
      description = "Whether to run the web server.";
    };
    port = option [ "services" "web" "port" ] {
      type.description = "16 bit unsigned integer";
      default = 80;
      description = "Where it listens.";
    };
    hosts = option [ "services" "web" "hosts" ] {
      description = "What it serves, by name.";
      type.description = "attribute set of (submodule)";
      type.getSubOptions = loc: {
        root = option (loc ++ [ "<name>" "root" ]) { type = text; description = "The folder."; defaultText = { _type = "literalExpression"; text = "\"/srv/\${name}\""; }; };
      };
    };
  };
}
