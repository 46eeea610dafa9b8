/* Python values to bytes: NamedTuples, rows. */
#include "write.h"

static int record_of_class(const Codec *self, PyObject *cls) {
    int i;
    for (i = 0; i < self->n_records; i++)
        if (self->records[i].cls == cls) return i;
    return -1;
}

/* A list or tuple of the iterable's items. */
static PyObject *sequence(PyObject *iterable) {
    if (PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable)) {
        Py_INCREF(iterable);
        return iterable;
    }
    return PySequence_List(iterable);
}

static PyObject *item_at(PyObject *seq, Py_ssize_t i) {
    return PyList_CheckExact(seq) ? PyList_GetItem(seq, i) : PyTuple_GetItem(seq, i);
}

PyObject *codec_encode(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"records", "first", NULL};
    PyObject *records, *seq, *out, *last_cls = NULL;
    PyObject *two[2][MAX_FIELDS], *const *items, *const *before = NULL;
    Py_ssize_t first = 1, n, i, total = 0;
    int index = -1;
    uint8_t *dst, *dst_before = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:encode", names, &records, &first)) return NULL;
    if (!(seq = sequence(records))) return NULL;
    n = PySequence_Size(seq);
    if (self->fixed) {
        total = n * 128;
    } else {
        for (i = 0; i < n; i++) {
            int k = record_of_class(self, (PyObject *)Py_TYPE(item_at(seq, i)));
            total += k < 0 ? 0 : self->records[k].size;
        }
    }
    if (!(out = PyBytes_FromStringAndSize(NULL, total))) goto error;
    dst = (uint8_t *)PyBytes_AsString(out);
    for (i = 0; i < n; i++) {
        PyObject *item = item_at(seq, i), *cls;
        const Record *r;
        int problem, fault = 0;
        cls = (PyObject *)Py_TYPE(item);
        if (cls != last_cls) {
            index = record_of_class(self, cls);
            last_cls = cls;
            before = NULL;
        }
        if (index < 0) {
            fail_at(self, UNKNOWN_RECORD, first + i, -1, -1);
            goto error_out;
        }
        r = &self->records[index];
        if (Py_SIZE(item) != r->n_valued) {
            fail_at(self, ARITY, first + i, index, -1);
            goto error_out;
        }
        items = tuple_items(self, item, two[i & 1], r->n_valued);
        if ((problem = write_record(self, r, items, before, dst_before, dst, &fault))) {
            fail_valued(self, problem, first + i, index, fault, items[fault]);
            goto error_out;
        }
        before = items;
        dst_before = dst;
        dst += r->size;
    }
    Py_DECREF(seq);
    return out;
error_out:
    Py_DECREF(out);
error:
    Py_DECREF(seq);
    return NULL;
}

PyObject *codec_encode_rows(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "rows", "first", NULL};
    PyObject *wanted, *rows, *seq, *out;
    PyObject *two[2][MAX_FIELDS], *const *items, *const *before = NULL;
    Py_ssize_t first = 1, n, i;
    int index;
    const Record *r;
    uint8_t *dst;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|n:encode_rows", names, &wanted, &rows, &first)) return NULL;
    if ((index = record_index(self, wanted)) < 0 || !(seq = sequence(rows))) return NULL;
    r = &self->records[index];
    n = PySequence_Size(seq);
    if (!(out = PyBytes_FromStringAndSize(NULL, n * r->size))) goto error;
    dst = (uint8_t *)PyBytes_AsString(out);
    for (i = 0; i < n; i++, dst += r->size) {
        PyObject *row = item_at(seq, i);
        int problem, fault = 0;
        if (!PyTuple_Check(row)) {
            fail_at(self, TYPE, first + i, index, -1);
            goto error_out;
        }
        if (Py_SIZE(row) != r->n_valued) {
            fail_at(self, ARITY, first + i, index, -1);
            goto error_out;
        }
        items = tuple_items(self, row, two[i & 1], r->n_valued);
        if ((problem = write_record(self, r, items, before, before ? dst - r->size : NULL, dst, &fault))) {
            fail_valued(self, problem, first + i, index, fault, items[fault]);
            goto error_out;
        }
        before = items;
    }
    Py_DECREF(seq);
    return out;
error_out:
    Py_DECREF(out);
error:
    Py_DECREF(seq);
    return NULL;
}
