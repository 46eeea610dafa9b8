/* Typed errors: each names its record and field, as the Python twin's. */
#include "twin.h"

static const char *const problem_name[] = {
    "", "type", "missing", "overflow", "negative", "characters", "constant", "terminator", "arity", "unknown_record", "truncated",
    "order", "count", "total", "mismatch",
};

PyObject *fail_detail(Codec *self, int problem, Py_ssize_t number, int record, int field, PyObject *detail, PyObject *value) {
    PyObject *error;
    if (!detail) return NULL;
    error = PyObject_CallFunction(self->fail, "sniiNO", problem_name[problem], number, record, field, detail, value ? value : Py_None);
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

PyObject *fail_at(Codec *self, int problem, Py_ssize_t number, int record, int field) {
    return fail_detail(self, problem, number, record, field, PyUnicode_FromString(""), NULL);
}

PyObject *fail_valued(Codec *self, int problem, Py_ssize_t number, int record, int valued, PyObject *value) {
    int field = self->records[record].valued[valued].table;
    return fail_detail(self, problem, number, record, field, PyUnicode_FromString(""), value);
}

PyObject *fail_bytes(Codec *self, int problem, Py_ssize_t number, int record, int field, const uint8_t *bytes) {
    const Field *f = &self->records[record].all[field];
    PyObject *value = PyUnicode_DecodeLatin1((const char *)bytes + f->at, f->len, NULL);
    if (!value) return NULL;
    fail_detail(self, problem, number, record, field, PyUnicode_FromString(""), value);
    Py_DECREF(value);
    return NULL;
}

int record_index(Codec *self, PyObject *index) {
    Py_ssize_t at = PyNumber_AsSsize_t(index, NULL); /* what is too large is cut, and still too large */
    if (at >= 0 && at < self->n_records) return (int)at;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_IndexError, "no such record in the table");
    return -1;
}
