/* Python values to bytes: NamedTuples, rows, objects. */
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

/* How values are fetched from objects of one type. With slots (`__slots__`) their descriptors are called directly: no code of a
 * program runs in between. */
typedef struct {
    PyTypeObject *type;
    descrgetfunc get; /* NULL: ask for the attribute by name */
    PyObject *slots[MAX_FIELDS];
    int n;
} Fetch;

static void fetch_clear(Fetch *fetch) {
    while (fetch->n) Py_DECREF(fetch->slots[--fetch->n]);
    fetch->type = NULL;
    fetch->get = NULL;
}

static void fetch_of(const Codec *self, const Record *r, PyTypeObject *type, Fetch *fetch) {
    fetch_clear(fetch);
    fetch->type = type;
    if (PyType_GetSlot(type, Py_tp_getattro) != (void *)PyObject_GenericGetAttr) return;
    for (; fetch->n < r->n_valued; fetch->n++) {
        PyObject *slot = PyObject_GetAttr((PyObject *)type, r->names[fetch->n]);
        if (!slot) {
            PyErr_Clear();
            return;
        }
        fetch->slots[fetch->n] = slot;
        if ((PyObject *)Py_TYPE(slot) != self->slot_type) {
            fetch->n++;
            return;
        }
    }
    fetch->get = (descrgetfunc)PyType_GetSlot((PyTypeObject *)self->slot_type, Py_tp_descr_get);
}

static void release(PyObject ***items, int n) {
    if (!*items) return;
    while (n) Py_DECREF((*items)[--n]);
    *items = NULL;
}

PyObject *codec_encode_objects(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "objects", "first", NULL};
    PyObject *wanted, *objects, *seq, *out;
    PyObject *two[2][MAX_FIELDS], **items = two[0], **before = NULL;
    Py_ssize_t first = 1, n, i;
    int index;
    const Record *r;
    uint8_t *dst;
    Fetch fetch;
    fetch.type = NULL;
    fetch.get = NULL;
    fetch.n = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|n:encode_objects", names, &wanted, &objects, &first)) return NULL;
    if ((index = record_index(self, wanted)) < 0) return NULL;
    /* Attributes may run code that changes a list given to us: a tuple of our own keeps the objects alive. */
    if (!(seq = PySequence_Tuple(objects))) return NULL;
    r = &self->records[index];
    n = PyTuple_Size(seq);
    if (!(out = PyBytes_FromStringAndSize(NULL, n * r->size))) goto error;
    dst = (uint8_t *)PyBytes_AsString(out);
    for (i = 0; i < n; i++, dst += r->size) {
        PyObject *object = PyTuple_GetItem(seq, i), *wrong = NULL;
        int k, got, problem = OK, fault = 0;
        if (Py_TYPE(object) != fetch.type) {
            fetch_of(self, r, Py_TYPE(object), &fetch);
            release(&before, r->n_valued);
        }
        for (got = 0; got < r->n_valued; got++) {
            items[got] = fetch.get ? fetch.get(fetch.slots[got], object, (PyObject *)fetch.type) : PyObject_GetAttr(object, r->names[got]);
            if (!items[got]) break;
        }
        if (got == r->n_valued) problem = write_record(self, r, items, before, before ? dst - r->size : NULL, dst, &fault);
        if (problem) {
            wrong = items[fault];
            Py_INCREF(wrong);
        }
        release(&before, r->n_valued);
        if (fetch.get && got == r->n_valued) {
            before = items; /* kept until the next object is written, so that an address means the same value */
            items = items == two[0] ? two[1] : two[0];
        } else {
            for (k = 0; k < got; k++) Py_DECREF(items[k]);
        }
        if (got < r->n_valued) goto error_out;
        if (problem) {
            fail_valued(self, problem, first + i, index, fault, wrong);
            Py_DECREF(wrong);
            goto error_out;
        }
    }
    release(&before, r->n_valued);
    fetch_clear(&fetch);
    Py_DECREF(seq);
    return out;
error_out:
    release(&before, r->n_valued);
    fetch_clear(&fetch);
    Py_DECREF(out);
error:
    Py_DECREF(seq);
    return NULL;
}
