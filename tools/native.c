/* The shared object that holds every compiled module: loading one file instead of one for each module halves the start of a command.
 * Packages that have nothing to execute come from here, too: the interpreter takes a third of a million instructions for such a file.
 *
 * native_table.h, which tools/build.py writes, lists the modules in ascending order of their names with their init functions.
 * The finder in snowsnake/__init__.py has `find_spec`, `create` and `execute`, which do what the interpreter does for a file of its own.
 */
#include <Python.h>
#include <string.h>

#include "native_table.h"

#if UINTPTR_MAX != UINT64_MAX || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Snowsnake needs a machine with 64 bits whose numbers are little endian"
#endif

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

/* Whether a package, one of a file of its own, has modules in here: one whose name goes on with a dot. */
static int has_modules(const char *package)
{
    size_t low = 0, high = sizeof(MODULES) / sizeof(MODULES[0]), length = strlen(package);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strncmp(MODULES[middle].name, package, length);
        if (order == 0)
            order = (unsigned char)MODULES[middle].name[length] - '.';
        if (order == 0)
            return 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Packages with public names and nothing to execute: snowsnake/faces.py knows the names, and is imported when one is asked for. */
static PyObject *ask_faces(PyObject *package_name, PyObject *name)
{
    PyObject *faces = PyImport_ImportModule("snowsnake.faces");
    PyObject *value = faces == NULL ? NULL : PyObject_CallMethod(faces, "attribute", "OO", package_name, name);
    Py_XDECREF(faces);
    return value;
}

static PyObject *public_name(PyObject *package_name, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL)
        return NULL;
    if (text[0] == '_' && strcmp(text, "__all__") != 0)
        return PyErr_Format(PyExc_AttributeError, "module %R has no attribute %R", package_name, name);
    return ask_faces(package_name, name);
}

static PyObject *public_names(PyObject *package_name, PyObject *ignored)
{
    PyObject *all = PyUnicode_FromString("__all__");
    PyObject *names = all == NULL ? NULL : ask_faces(package_name, all);
    Py_XDECREF(all);
    return names;
}

static PyMethodDef public_name_methods[] = {{"__getattr__", public_name, METH_O, NULL}, {"__dir__", public_names, METH_NOARGS, NULL}};

static int add_public_names(PyObject *module, PyObject *name)
{
    int i, fault = 0;
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL || (strcmp(text, "snowsnake.syntax") != 0 && strcmp(text, "snowsnake.bytecode") != 0))
        return text == NULL ? -1 : 0;
    for (i = 0; i < 2 && !fault; i++) {
        PyObject *function = PyCFunction_New(&public_name_methods[i], name);
        fault = function == NULL || PyObject_SetAttrString(module, public_name_methods[i].ml_name, function) < 0;
        Py_XDECREF(function);
    }
    return fault ? -1 : 0;
}

static PyObject *create(PyObject *self, PyObject *spec)
{
    const struct Module *module = NULL;
    PyObject *made = NULL, *name = PyObject_GetAttrString(spec, "name");
    if (name == NULL)
        return NULL;
    if (PyUnicode_Check(name) && PyUnicode_AsUTF8(name) != NULL)
        module = find(PyUnicode_AsUTF8(name));
    if (module != NULL && module->init == NULL) {
        made = PyModule_NewObject(name);
        if (made != NULL && module->docstring[0] != 0 && PyModule_SetDocString(made, module->docstring) < 0)
            Py_CLEAR(made);
        if (made != NULL && add_public_names(made, name) < 0)
            Py_CLEAR(made);
    } else if (module != NULL) {
        PyObject *definition = module->init();
        made = definition == NULL || !PyObject_TypeCheck(definition, &PyModuleDef_Type)
            ? definition : PyModule_FromDefAndSpec((PyModuleDef *)definition, spec);
    } else if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_ImportError, "no compiled module %R", name);
    }
    Py_DECREF(name);
    return made;
}

static PyObject *execute(PyObject *self, PyObject *module)
{
    PyModuleDef *definition = PyModule_Check(module) ? PyModule_GetDef(module) : NULL;
    if (definition == NULL && !PyModule_Check(module)) {
        PyErr_SetString(PyExc_ImportError, "not a compiled module");
        return NULL;
    }
    if (definition != NULL && PyModule_ExecDef(module, definition) < 0)
        return NULL;
    Py_RETURN_NONE;                  /* a package has nothing to execute */
}

static PyObject *finder;             /* of snowsnake/__init__.py */
static PyObject *spec_type;          /* importlib.machinery.ModuleSpec */
static PyObject *own_file;           /* of this shared object */

/* The path of a package's file, which need not be there: "FOLDER/machine/__init__.py" of "snowsnake.machine". */
static PyObject *package_file(const char *name)
{
    PyObject *result = NULL, *folder, *below = PyUnicode_FromString(strchr(name, '.') + 1);
    PyObject *dots = below == NULL ? NULL : PyObject_CallMethod(below, "replace", "ss", ".", "/");
    Py_ssize_t slash = PyUnicode_FindChar(own_file, '/', 0, PyUnicode_GET_LENGTH(own_file), -1);
    folder = dots == NULL || slash == -2 ? NULL : PyUnicode_Substring(own_file, 0, slash + 1);
    if (folder != NULL)
        result = PyUnicode_FromFormat("%U%U/__init__.py", folder, dots);
    Py_XDECREF(folder);
    Py_XDECREF(dots);
    Py_XDECREF(below);
    return result;
}

/* Adds what the spec of a package's file has, and the places where modules of the package are looked for: this shared object, then its folder. */
static int describe_package(PyObject *spec, PyObject *file)
{
    PyObject *folder = PyUnicode_Substring(file, 0, PyUnicode_GET_LENGTH(file) - strlen("/__init__.py"));
    PyObject *places = folder == NULL ? NULL : Py_BuildValue("[OO]", own_file, folder);
    int fault = places == NULL || PyObject_SetAttrString(spec, "submodule_search_locations", places) < 0 ||
        PyObject_SetAttrString(spec, "has_location", Py_True) < 0;
    Py_XDECREF(places);
    Py_XDECREF(folder);
    return fault ? -1 : 0;
}

static PyObject *spec_of(const struct Module *module)
{
    int is_package = module->init == NULL;
    PyObject *spec = NULL, *origin = is_package ? package_file(module->name) : Py_NewRef(own_file);
    PyObject *arguments = origin == NULL ? NULL : Py_BuildValue("(sO)", module->name, finder);
    PyObject *keywords = arguments == NULL ? NULL : Py_BuildValue("{sO}", "origin", origin);
    if (keywords != NULL)
        spec = PyObject_Call(spec_type, arguments, keywords);
    if (spec != NULL && is_package && describe_package(spec, origin) < 0)
        Py_CLEAR(spec);
    Py_XDECREF(keywords);
    Py_XDECREF(arguments);
    Py_XDECREF(origin);
    return spec;
}

/* A spec of a name in here, True for a package that is a file and has modules in here, None for another name. */
static PyObject *find_spec(PyObject *self, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    const struct Module *module = text == NULL ? NULL : find(text);
    if (text == NULL)
        return NULL;
    if (module != NULL && finder != NULL)
        return spec_of(module);
    return Py_NewRef(has_modules(text) ? Py_True : Py_None);
}

static PyObject *load(const char *name, const char *dot);

static PyObject *imported(PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    PyObject *module = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
    if (module != NULL)
        return Py_NewRef(module);
    if (text == NULL || PyErr_Occurred())
        return NULL;
    return find(text) != NULL ? load(text, strrchr(text, '.')) : PyImport_Import(name);
}

/* The attributes that the interpreter's import system would set. */
static int describe(PyObject *module, PyObject *spec, PyObject *package_name)
{
    PyObject *path = PyObject_GetAttrString(spec, "submodule_search_locations"), *own_name, *file;
    int fault = path == NULL || PyObject_SetAttrString(module, "__spec__", spec) < 0 ||
        PyObject_SetAttrString(module, "__loader__", finder) < 0;
    if (!fault && path != Py_None) {
        own_name = PyObject_GetAttrString(spec, "name");
        file = PyObject_GetAttrString(spec, "origin");
        fault = own_name == NULL || file == NULL || PyObject_SetAttrString(module, "__path__", path) < 0 ||
            PyObject_SetAttrString(module, "__package__", own_name) < 0 || PyObject_SetAttrString(module, "__file__", file) < 0;
        Py_XDECREF(own_name);
        Py_XDECREF(file);
    } else if (!fault) {
        fault = PyObject_SetAttrString(module, "__package__", package_name) < 0;
    }
    Py_XDECREF(path);
    return fault ? -1 : 0;
}

/* PACKAGE.MODULE, made and executed as the interpreter's import system would, which runs Python code for each. */
static PyObject *load(const char *name, const char *dot)
{
    PyObject *spec, *module = NULL, *result = NULL;
    PyObject *package_name = PyUnicode_FromStringAndSize(name, dot - name);
    PyObject *package = package_name == NULL ? NULL : imported(package_name);
    spec = package == NULL ? NULL : spec_of(find(name));
    module = spec == NULL ? NULL : create(NULL, spec);
    if (module == NULL || describe(module, spec, package_name) < 0 ||
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

static PyObject *load_by_name(PyObject *self, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    return text == NULL ? NULL : snowsnake_import(text);
}

/* Compiled modules keep Python objects in C variables, which interpreters of one process would share. */
static int is_refused(void)
{
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_ImportError, "snowsnake cannot be imported in a sub-interpreter: use threads, or processes");
    return 1;
}

/* use(finder, spec_type, file) */
static PyObject *use(PyObject *self, PyObject *arguments)
{
    PyObject *given_finder, *given_type, *given_file;
    if (is_refused() || !PyArg_ParseTuple(arguments, "OOU", &given_finder, &given_type, &given_file))
        return NULL;
    Py_XSETREF(finder, Py_NewRef(given_finder));
    Py_XSETREF(spec_type, Py_NewRef(given_type));
    Py_XSETREF(own_file, Py_NewRef(given_file));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"find_spec", find_spec, METH_O, "The spec of a name in here; True for a package that is a file and has modules in here; None for others."},
    {"create", create, METH_O, "The module of a spec, not executed."},
    {"execute", execute, METH_O, "Run a module that `create` made."},
    {"load", load_by_name, METH_O, "The module of a name, imported as compiled modules import one another."},
    {"use", use, METH_VARARGS, "Remember what specs are made of: the finder, their type, and the path of the shared object."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef native = {PyModuleDef_HEAD_INIT, "snowsnake._native", "Every compiled module.", -1, functions};

PyMODINIT_FUNC PyInit__native(void)
{
    return is_refused() ? NULL : PyModule_Create(&native);
}
