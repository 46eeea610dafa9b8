/* Bytes to NamedTuples. */
#include "digits.h"
#include "places.h"
#include "twin.h"

/* The first fault in order of place, as an index of the table's fields. */
int first_fault(const Codec *self, const Record *r, const uint8_t *p, int *field) {
    int i;
    for (i = 0; i < r->n_all; i++) {
        const Field *f = &r->all[i];
        const uint8_t *q = p + f->at;
        *field = f->table;
        if (f->kind == KIND_C) {
            if (memcmp(q, r->template_ + f->at, f->len)) return f->len == 1 && r->template_[f->at] == '@' ? TERMINATOR : CONSTANT;
        } else if (!permitted(self, f, q, f->len) && !(f->blank && all_spaces(q, f->len))) {
            return CHARACTERS;
        }
    }
    return OK;
}

static PyObject *value_of(const Field *f, const uint8_t *p) {
    Py_ssize_t n = f->len;
    if (f->blank && p[0] == ' ') Py_RETURN_NONE;
    if (f->kind == KIND_N) return PyLong_FromLongLong(number_at(p, f->len));
    if (f->kind == KIND_A) {
        while (n >= 8 && !memcmp(p + n - 8, "        ", 8)) n -= 8;
        while (n && p[n - 1] == ' ') n--;
    }
    return PyUnicode_DecodeLatin1((const char *)p, n, NULL);
}

/* The record at p. A value whose bytes are those of the record `before` (at `p_before`, of the same type, or NULL) is the same object:
 * what a file repeats from record to record is made once. */
static PyObject *read_record(const Codec *self, const Record *r, const uint8_t *p, PyObject *before, const uint8_t *p_before) {
    PyObject *room[MAX_FIELDS], *const *old = NULL, *tuple, *made;
    int i;
    if (before) old = tuple_items(self, before, room, r->n_valued);
    if (self->raw_alloc)
        tuple = PyType_GenericAlloc((PyTypeObject *)r->cls, r->n_valued);
    else
        tuple = PyTuple_New(r->n_valued);
    if (!tuple) return NULL;
    for (i = 0; i < r->n_valued; i++) {
        const Field *f = &r->valued[i];
        PyObject *value;
        if (old && same_bytes(p + f->at, p_before + f->at, f->len)) {
            value = old[i];
            Py_INCREF(value);
        } else {
            value = value_of(f, p + f->at);
        }
        if (!value || PyTuple_SetItem(tuple, i, value)) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    if (self->raw_alloc) return tuple;
    made = PyObject_CallFunctionObjArgs(self->tuple_new, r->cls, tuple, NULL);
    Py_DECREF(tuple);
    return made;
}

PyObject *codec_decode(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", "first", NULL};
    Py_buffer view;
    PyObject *out = NULL;
    PyObject **last; /* of each type, kept by `out` */
    const uint8_t **last_at, *p, *whole;
    Py_ssize_t first = 1, left;
    uint8_t room[MAX_PLACES + 1];
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|n:decode", names, &view, &first)) return NULL;
    last = PyMem_Calloc((size_t)self->n_records, sizeof *last);
    last_at = PyMem_Calloc((size_t)self->n_records, sizeof *last_at);
    if (!last || !last_at) {
        PyErr_NoMemory();
        goto done;
    }
    if (!(out = PyList_New(0))) goto done;
    for (p = view.buf, left = view.len; left > 0; first++) {
        const Record *r;
        PyObject *made;
        int index, field = 0, problem;
        if (self->fixed && left < 128) {
            fail_at(self, TRUNCATED, first, -1, -1);
            goto error;
        }
        if ((index = find_record(self, p, left)) < 0) {
            fail_at(self, UNKNOWN_RECORD, first, -1, -1);
            goto error;
        }
        r = &self->records[index];
        if (left < r->size) {
            fail_at(self, TRUNCATED, first, index, -1);
            goto error;
        }
        whole = padded(r, p, left, room);
        if ((misfit(&r->places, whole, r->padded, whole) || special_fault(self, r, p)) && (problem = first_fault(self, r, p, &field))) {
            fail_bytes(self, problem, first, index, field, p);
            goto error;
        }
        if (!(made = read_record(self, r, p, last[index], last_at[index]))) goto error;
        if (PyList_Append(out, made)) {
            Py_DECREF(made);
            goto error;
        }
        Py_DECREF(made);
        last[index] = made;
        last_at[index] = p;
        p += r->size;
        left -= r->size;
    }
    goto done;
error:
    Py_CLEAR(out);
done:
    PyMem_Free(last);
    PyMem_Free((void *)last_at);
    PyBuffer_Release(&view);
    return out;
}
