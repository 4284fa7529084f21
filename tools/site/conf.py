"""Sphinx's configuration; tools/site/build.py makes the folder that it reads."""

project = "Snowsnake"
author = "the authors of Snowsnake"
extensions = ["myst_parser"]
myst_enable_extensions = []
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
root_doc = "index"
html_theme = "furo"
html_title = "Snowsnake"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
# Code of other languages in blocks of Nix (`=> value` behind an example) is shown without colours.
suppress_warnings = ["misc.highlighting_failure"]
