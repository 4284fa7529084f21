/* The shared object that holds every compiled module: loading one file instead of ninety halves the start of a command.
 *
 * native_table.h, which tools/build.py writes, lists the modules in ascending order of their names with their init functions.
 * The finder in snowsnake/__init__.py asks `create` and `execute`, which are what the interpreter does for a file of its own.
 */
#include <Python.h>
#include <string.h>

#include "native_table.h"

static const struct Module *find(const char *name)
{
    size_t low = 0, high = sizeof(MODULES) / sizeof(MODULES[0]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, MODULES[middle].name);
        if (order == 0)
            return &MODULES[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static PyObject *has(PyObject *self, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL)
        return NULL;
    return PyBool_FromLong(find(text) != NULL);
}

static PyObject *create(PyObject *self, PyObject *spec)
{
    const struct Module *module = NULL;
    PyObject *definition, *name = PyObject_GetAttrString(spec, "name");
    if (name == NULL)
        return NULL;
    if (PyUnicode_Check(name) && PyUnicode_AsUTF8(name) != NULL)
        module = find(PyUnicode_AsUTF8(name));
    if (module == NULL && !PyErr_Occurred())
        PyErr_Format(PyExc_ImportError, "no compiled module %R", name);
    Py_DECREF(name);
    definition = module == NULL ? NULL : module->init();
    if (definition == NULL || !PyObject_TypeCheck(definition, &PyModuleDef_Type))
        return definition;
    return PyModule_FromDefAndSpec((PyModuleDef *)definition, spec);
}

static PyObject *execute(PyObject *self, PyObject *module)
{
    PyModuleDef *definition = PyModule_GetDef(module);
    if (definition == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ImportError, "not a compiled module");
        return NULL;
    }
    if (PyModule_ExecDef(module, definition) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"has", has, METH_O, "Whether a module of this name is in here."},
    {"create", create, METH_O, "The module of a spec, not executed."},
    {"execute", execute, METH_O, "Run a module that `create` made."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef native = {PyModuleDef_HEAD_INIT, "snowsnake._native", "Every compiled module.", -1, functions};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&native);
}
