# The flake at the root of a lock file, and lazily all its inputs.
#
# lockText    the lock file (version 7), as JSON
# foundText   trees that locking looked into, as JSON: by node, { sourceInfo, dir }
# fetch       fetches the tree that a lock file describes and returns its attributes; called for trees that evaluation needs and locking did not
lockText: foundText: fetch:
let
  lock = builtins.fromJSON lockText;
  found = builtins.fromJSON foundText;

  # The name of the node that an input leads to: the input names it, or says which path of inputs it follows from the root.
  nodeOf = input: if builtins.isList input then builtins.foldl' step lock.root input else input;
  step = node: name: nodeOf lock.nodes.${node}.inputs.${name};

  below = folder: if folder == "" then "" else "/" + folder;

  # JSON has no contexts: a source path depends on itself.
  placed = info: info // { outPath = builtins.appendContext info.outPath { ${info.outPath}.path = true; }; };

  nodes = builtins.mapAttrs call lock.nodes;

  call =
    key: node:
    let
      isFound = found ? ${key};
      isInner = node.locked.type or null == "path" && builtins.substring 0 1 node.locked.path != "/";
      parent = nodes.${nodeOf node.parent};

      sourceInfo =
        if isFound then
          placed found.${key}.sourceInfo
        else if isInner then
          parent.sourceInfo
        else
          fetch (node.info or { } // builtins.removeAttrs node.locked [ "dir" ]);

      root = if isInner && !isFound then parent.outPath + below node.locked.path else sourceInfo.outPath;
      outPath = root + below (found.${key}.dir or node.locked.dir or "");

      flake = import (outPath + "/flake.nix");
      inputs = builtins.mapAttrs (_: input: nodes.${nodeOf input}.value) (node.inputs or { });
      outputs = flake.outputs (inputs // { self = whole; });
      whole = outputs // sourceInfo // {
        _type = "flake";
        inherit
          inputs
          outPath
          outputs
          sourceInfo
          ;
      };
    in
    {
      inherit outPath sourceInfo;
      value =
        if node.flake or true then
          assert builtins.isFunction flake.outputs;
          whole
        else
          sourceInfo // { inherit outPath sourceInfo; };
    };
in
nodes.${lock.root}.value
