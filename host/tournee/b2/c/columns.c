/* Columns to bytes, without the GIL. */
#include "write.h"

typedef struct {
    Py_buffer view;
    const uint8_t *data; /* NULL: the value stands in the template */
    int width;           /* bytes per row of a text column */
} Column;

/* memcpy of a few bytes without a call. */
static inline void copy_text(uint8_t *dst, const uint8_t *src, Py_ssize_t n) {
    if (n >= 8) {
        if (n > 16) {
            memcpy(dst, src, (size_t)n);
        } else {
            memcpy(dst, src, 8);
            memcpy(dst + n - 8, src + n - 8, 8);
        }
    } else if (n >= 4) {
        memcpy(dst, src, 4);
        memcpy(dst + n - 4, src + n - 4, 4);
    } else if (n >= 2) {
        memcpy(dst, src, 2);
        memcpy(dst + n - 2, src + n - 2, 2);
    } else if (n) {
        *dst = *src;
    }
}

/* Rows `0 … n-1` of columns; runs without the GIL. Returns the row of the first fault, or n. */
static Py_ssize_t fill_columns(const Codec *self, const Record *r, const uint8_t *base, const Column *columns, Py_ssize_t n,
                               uint8_t *dst, int *problem, int *fault) {
    Py_ssize_t row;
    for (row = 0; row < n; row++, dst += r->size) {
        int i;
        memcpy(dst, base, (size_t)r->size);
        for (i = 0; i < r->n_valued; i++) {
            const Field *f = &r->valued[i];
            const Column *c = &columns[i];
            if (!c->data) continue;
            if (f->kind == KIND_N) {
                int64_t v;
                memcpy(&v, c->data + 8 * row, 8);
                if ((uint64_t)v >= f->limit) goto exact;
                write_number(dst + f->at, f->op, f->len, (uint64_t)v);
            } else {
                /* A full, unpadded value; anything shorter ends with NUL, which the one-pass check refuses. */
                if (c->width != f->len) goto exact;
                copy_text(dst + f->at, c->data + (size_t)row * (size_t)c->width, c->width);
            }
        }
        if (!out_of_bounds(r, dst) && !special_fault(self, r, dst)) continue;
    exact:
        memcpy(dst, base, (size_t)r->size);
        for (i = 0; i < r->n_valued; i++) {
            const Field *f = &r->valued[i];
            const Column *c = &columns[i];
            if (!c->data) continue;
            if (f->kind == KIND_N) {
                int64_t v;
                memcpy(&v, c->data + 8 * row, 8);
                if (v < 0 || (uint64_t)v >= f->limit) {
                    *problem = v < 0 ? NEGATIVE : OVERFLOW_;
                    *fault = i;
                    return row;
                }
                write_number(dst + f->at, f->op, f->len, (uint64_t)v);
            } else {
                const uint8_t *p = c->data + (size_t)row * (size_t)c->width;
                Py_ssize_t len = c->width;
                while (len && !p[len - 1]) len--;
                if ((*problem = write_text(self, f, p, len, dst))) {
                    *fault = i;
                    return row;
                }
            }
        }
    }
    return n;
}

PyObject *codec_encode_columns(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "columns", "count", "first", NULL};
    PyObject *given, *seq = NULL, *out = NULL;
    Py_ssize_t count, first = 1, row;
    int index, i, taken = 0, problem = OK, fault = 0;
    const Record *r;
    Column columns[MAX_FIELDS];
    uint8_t base[MAX_SIZE], *dst;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iOn|n:encode_columns", names, &index, &given, &count, &first)) return NULL;
    if (check_index(self, index)) return NULL;
    r = &self->records[index];
    if (count < 0) {
        PyErr_SetString(PyExc_ValueError, "count is negative");
        return NULL;
    }
    if (!(seq = PySequence_Tuple(given))) return NULL;
    if (PyTuple_Size(seq) != r->n_valued) {
        fail_at(self, ARITY, first, index, -1);
        goto done;
    }
    memcpy(base, r->template_, (size_t)r->size);
    for (i = 0; i < r->n_valued; i++) {
        const Field *f = &r->valued[i];
        PyObject *value = PyTuple_GetItem(seq, i);
        Column *c = &columns[i];
        c->data = NULL;
        if (value == Py_None || PyLong_Check(value) || PyUnicode_Check(value)) {
            if ((problem = write_exact(self, f, value, base))) {
                fail_valued(self, problem, first, index, i);
                goto done;
            }
            continue;
        }
        if (PyObject_GetBuffer(value, &c->view, PyBUF_SIMPLE | PyBUF_FORMAT)) {
            PyErr_Clear();
            fail_valued(self, TYPE, first, index, i);
            goto done;
        }
        taken = i + 1;
        c->data = c->view.buf ? c->view.buf : (const uint8_t *)"";
        if (f->kind == KIND_N) {
            const char *format = c->view.format ? c->view.format : "B";
            c->width = 8;
            if (c->view.itemsize != 8 || !(strcmp(format, "q") == 0 || strcmp(format, "l") == 0) || c->view.len != count * 8) {
                fail_valued(self, TYPE, first, index, i);
                goto done;
            }
        } else {
            if (count == 0 ? c->view.len != 0 : c->view.len % count != 0 || c->view.len / count > 4096) {
                fail_valued(self, TYPE, first, index, i);
                goto done;
            }
            c->width = count ? (int)(c->view.len / count) : f->len;
        }
    }
    if (!(out = PyBytes_FromStringAndSize(NULL, count * r->size))) goto done;
    dst = (uint8_t *)PyBytes_AsString(out);
    Py_BEGIN_ALLOW_THREADS
    row = fill_columns(self, r, base, columns, count, dst, &problem, &fault);
    Py_END_ALLOW_THREADS
    if (row < count) {
        fail_valued(self, problem, first + row, index, fault);
        Py_CLEAR(out);
    }
done:
    for (i = 0; i < taken; i++)
        if (columns[i].data) PyBuffer_Release(&columns[i].view);
    Py_DECREF(seq);
    return out;
}
