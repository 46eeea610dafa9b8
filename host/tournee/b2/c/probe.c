/* What the stable ABI does not say about this interpreter, found out once, on objects of our own. */
#include "twin.h"

/* 1 when a tuple of `cls` made by the allocator and filled equals and hashes like one made by tuple.__new__.
 * Some versions keep more in a tuple than its items; then the constructor is called instead. */
int probe_alloc(Codec *self, const Record *r) {
    PyObject *plain = NULL, *fast = NULL, *slow = NULL;
    int i, same = 0;
    if (!PyType_Check(r->cls) || !PyType_IsSubtype((PyTypeObject *)r->cls, &PyTuple_Type)) return 0;
    if (!(plain = PyTuple_New(r->n_valued))) goto done;
    for (i = 0; i < r->n_valued; i++) PyTuple_SetItem(plain, i, PyLong_FromLong(i));
    if (!(slow = PyObject_CallFunctionObjArgs(self->tuple_new, r->cls, plain, NULL))) goto done;
    if (!(fast = PyType_GenericAlloc((PyTypeObject *)r->cls, r->n_valued))) goto done;
    for (i = 0; i < r->n_valued; i++) PyTuple_SetItem(fast, i, PyLong_FromLong(i));
    same = PyObject_RichCompareBool(slow, fast, Py_EQ) == 1 && PyObject_Hash(slow) == PyObject_Hash(fast);
done:
    Py_XDECREF(plain);
    Py_XDECREF(slow);
    Py_XDECREF(fast);
    PyErr_Clear();
    return same;
}

/* The stable ABI hides where a tuple keeps its items, and a call per item costs as much as its conversion: look for three items
 * of a tuple of our own. Not found: 0. */
Py_ssize_t probe_items(void) {
    PyObject *parts[3], *tuple = PyTuple_New(3);
    Py_ssize_t at, found = 0;
    int i;
    if (!tuple) return 0;
    for (i = 0; i < 3; i++)
        if (!(parts[i] = PyBytes_FromStringAndSize("probe", 5)) || PyTuple_SetItem(tuple, i, parts[i])) goto done;
    for (at = sizeof(PyVarObject); at <= (Py_ssize_t)(sizeof(PyVarObject) + 2 * sizeof(PyObject *)); at += sizeof(PyObject *))
        if (!memcmp((const char *)tuple + at, parts, sizeof parts)) {
            found = at;
            break;
        }
done:
    Py_DECREF(tuple);
    PyErr_Clear();
    return found;
}
