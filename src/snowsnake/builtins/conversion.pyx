# cython: language_level=3
"""Builtins between values and text: toJSON and toXML (written in output/), fromJSON, fromTOML."""
from snowsnake.builtins.registry cimport define
from snowsnake.output.json cimport to_json
from snowsnake.output.xml cimport to_xml, to_xml_as

define("toJSON", to_json)
define("toXML", to_xml)
define("__toXML", to_xml_as)
