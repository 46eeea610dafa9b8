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
