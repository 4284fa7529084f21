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

static PyObject *finder;             /* of snowsnake/__init__.py; makes the specs */

static PyObject *imported(PyObject *name)
{
    PyObject *module = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
    return module != NULL ? Py_NewRef(module) : PyImport_Import(name);
}

/* PACKAGE.MODULE, made and executed as the interpreter's import system would, which runs Python code for each. */
static PyObject *load(const char *name, const char *dot)
{
    PyObject *spec, *module = NULL, *result = NULL;
    PyObject *package_name = PyUnicode_FromStringAndSize(name, dot - name);
    PyObject *package = package_name == NULL ? NULL : imported(package_name);
    spec = package == NULL ? NULL : PyObject_CallMethod(finder, "find_spec", "s", name);
    module = spec == NULL ? NULL : create(NULL, spec);
    if (module == NULL || PyObject_SetAttrString(module, "__spec__", spec) < 0 ||
        PyObject_SetAttrString(module, "__loader__", finder) < 0 ||
        PyObject_SetAttrString(module, "__package__", package_name) < 0 ||
        PyDict_SetItemString(PyImport_GetModuleDict(), name, module) < 0)
        goto out;
    result = execute(NULL, module);
    if (result == NULL) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PyDict_DelItemString(PyImport_GetModuleDict(), name) < 0)
            PyErr_Clear();
        PyErr_Restore(type, value, traceback);
    } else {
        Py_SETREF(result, PyObject_SetAttrString(package, dot + 1, module) < 0 ? NULL : Py_NewRef(module));
    }
out:
    Py_XDECREF(module);
    Py_XDECREF(spec);
    Py_XDECREF(package);
    Py_XDECREF(package_name);
    return result;
}

/* What compiled modules call to import one another (tools/direct_calls.py). */
PyObject *snowsnake_import(const char *name)
{
    const char *dot = strrchr(name, '.');
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), name);
    if (module != NULL)
        return Py_NewRef(module);
    if (finder == NULL || dot == NULL || find(name) == NULL)
        return PyImport_ImportModule(name);
    return load(name, dot);
}

static PyObject *use(PyObject *self, PyObject *object)
{
    Py_XSETREF(finder, Py_NewRef(object));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"has", has, METH_O, "Whether a module of this name is in here."},
    {"create", create, METH_O, "The module of a spec, not executed."},
    {"execute", execute, METH_O, "Run a module that `create` made."},
    {"use", use, METH_O, "Remember the finder that makes specs, for modules that import one another."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef native = {PyModuleDef_HEAD_INIT, "snowsnake._native", "Every compiled module.", -1, functions};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModule_Create(&native);
}
