builtins.addErrorContext "while configuring the host" (builtins.addErrorContext "while reading the module" ({ a = 1; }.b))
