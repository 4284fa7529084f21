"""tools/direct_calls.py: how it changes the C that Cython writes, and that it refuses any other C."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from direct_calls import bind  # noqa: E402

IMPORTING = """#include "Python.h"
static int (*__pyx_f_9snowsnake_1a_twice)(int); /*proto*/
  {
    __pyx_t_1 = PyImport_ImportModule("snowsnake.a"); if (unlikely(!__pyx_t_1)) __PYX_ERR(0, 1, __pyx_L1_error)
    void (**const __pyx_import_pointers[])(void) = {(void (**)(void))&__pyx_f_9snowsnake_1a_twice, (void (**)(void)) NULL};
    while (*__pyx_import_pointer) {
      if (__Pyx_ImportFunction_3_3_1(__pyx_t_1, __pyx_import_name) < (0)) __PYX_ERR(0, 1, __pyx_L1_error)
    }
  }
"""
EXPORTING = """#include "Python.h"
static int __pyx_f_9snowsnake_1a_twice(int); /*proto*/
  static int __pyx_f_9snowsnake_1a_twice(int __pyx_v_x) {
static int __pyx_f_9snowsnake_1a_own(int __pyx_v_x) {
  {
    __pyx_t_1 = __Pyx_ApiExport_GetApiDict(); if (unlikely(!__pyx_t_1)) __PYX_ERR(0, 1, __pyx_L1_error)
    void (*const __pyx_export_pointers[])(void) = {(void (*)(void))&__pyx_f_9snowsnake_1a_twice, (void (*)(void)) NULL};
  }
"""


def test_an_imported_function_is_declared_and_its_module_imported():
    made = bind(IMPORTING)
    assert "extern int __pyx_f_9snowsnake_1a_twice(int);" in made
    assert 'snowsnake_import("snowsnake.a")' in made
    assert "import_pointers" not in made and "(*__pyx_f" not in made


def test_an_exported_function_is_visible_and_others_are_not():
    made = bind(EXPORTING)
    assert "\nint __pyx_f_9snowsnake_1a_twice(int); /*proto*/\nint __pyx_f_9snowsnake_1a_twice(int __pyx_v_x) {" in made
    assert "static int __pyx_f_9snowsnake_1a_own" in made
    assert "GetApiDict" not in made


@pytest.mark.parametrize("source", [
    IMPORTING.replace("import_pointers[]", "other_pointers[]"),
    IMPORTING.replace("__pyx_f_9snowsnake_1a_twice, (void", "__pyx_f_9snowsnake_1a_thrice, (void"),
    "      if (__Pyx_ExportFunction(x) < (0)) goto error;",
])
def test_what_another_cython_writes_stops_the_build(source):
    with pytest.raises(ValueError, match="Cython 3.3"):
        bind(source)
