"""Makes calls from one compiled module to another direct, by a change of the C that Cython writes.

In: the C source of a module, as Cython 3.3 writes it.  Out: the same, in which functions of the package's other modules are external
functions of the shared object that has all modules; Cython uses pointers, and looks them up by name when a module is imported.  A direct call
costs one instruction less, and an import of a module looks up nothing.  C that is not as expected stops the build, because a source that was
only half changed would call functions that nobody defines.
"""
import re

IMPORTED = re.compile(r"^static (?P<type>.+?)\(\*(?P<name>__pyx_f_9snowsnake_\w+)\)(?P<arguments>\(.*\)); /\*proto\*/$", re.M)
DEFINED = re.compile(r"^ *static (?P<type>[^=;(\n]*?)(?P<name>__pyx_f_9snowsnake_\w+)(?=\()", re.M)
ARRAY = re.compile(r"__pyx_(?:import|export)_pointers\[\]\)\(void\) = \{(?P<entries>[^}]*)\};")
ENTRY = re.compile(r"&(__pyx_f_\w+)")
IMPORT_BLOCK = re.compile(
    r'  \{\n    __pyx_t_1 = PyImport_ImportModule\("(?P<module>[\w.]+)"\);(?:(?!\n  \}\n).)*?__pyx_import_pointers.*?\n  \}\n', re.S
)
EXPORT_BLOCK = re.compile(r"  \{\n    __pyx_t_1 = __Pyx_ApiExport_GetApiDict\(\);.*?\n  \}\n", re.S)
IMPORT = r"""  {
    __pyx_t_1 = PyImport_ImportModule("\g<module>"); if (unlikely(!__pyx_t_1)) __PYX_ERR(0, 1, __pyx_L1_error)
    __Pyx_DECREF(__pyx_t_1); __pyx_t_1 = 0;
  }
"""


def names(block: str) -> set[str]:
    return {name for array in ARRAY.finditer(block) for name in ENTRY.findall(array["entries"])}


def bind(source: str) -> str:
    """The C source with direct calls.  Raises: ValueError where it is not as Cython 3.3 writes it."""
    imports = "".join(block[0] for block in IMPORT_BLOCK.finditer(source))
    exports = "".join(block[0] for block in EXPORT_BLOCK.finditer(source))
    imported, exported = names(imports), names(exports)
    if imported != {match["name"] for match in IMPORTED.finditer(source)}:
        raise ValueError("functions are imported in another way than Cython 3.3 does it")
    source = IMPORT_BLOCK.sub(IMPORT, source)
    source = EXPORT_BLOCK.sub("", source)
    source = IMPORTED.sub(r"extern \g<type>\g<name>\g<arguments>;", source)

    def opened(match: re.Match[str]) -> str:
        return match["type"] + match["name"] if match["name"] in exported else match[0]

    source = DEFINED.sub(opened, source)
    if re.search(r"if \(__Pyx_(?:Im|Ex)portFunction", source):
        raise ValueError("functions are imported or exported in another way than Cython 3.3 does it")
    declaration = "extern PyObject *snowsnake_import(const char *name);\n"
    source = source.replace('PyImport_ImportModule("snowsnake.', 'snowsnake_import("snowsnake.')
    return source.replace('#include "Python.h"\n', '#include "Python.h"\n' + declaration, 1)
