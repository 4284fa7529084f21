{ inputs.a.url = "path:./in"; outputs = _: { }; }
