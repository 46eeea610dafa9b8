/* Columns to bytes, without the GIL. */
#include "write.h"

typedef struct {
    Py_buffer view;
    const uint8_t *data; /* NULL: the value stands in the template */
    int width;           /* bytes per row of a text column */
} Column;

enum { TILE = 64 }; /* rows filled column by column: few enough to stay in the nearest cache */

static inline int put_numbers(const uint8_t *src, uint8_t *dst, int n, int size, uint64_t limit, int op, int len) {
    uint64_t v, out = 0;
    int i;
    for (i = 0; i < n; i++, src += 8, dst += size) {
        memcpy(&v, src, 8);
        if ((out |= (uint64_t)(v >= limit))) return 1;
        write_number(dst, op, len, v);
    }
    return 0;
}

/* n rows of int64; 1 when one does not fit. A loop of its own for each length. */
static int put_number_column(const Field *f, const uint8_t *src, uint8_t *dst, int n, int size) {
    switch (f->op) {
    case WRITE_1: return put_numbers(src, dst, n, size, f->limit, WRITE_1, 1);
    case WRITE_2: return put_numbers(src, dst, n, size, f->limit, WRITE_2, 2);
    case WRITE_3: return put_numbers(src, dst, n, size, f->limit, WRITE_3, 3);
    case WRITE_4: return put_numbers(src, dst, n, size, f->limit, WRITE_4, 4);
    case WRITE_5: return put_numbers(src, dst, n, size, f->limit, WRITE_5, 5);
    case WRITE_6: return put_numbers(src, dst, n, size, f->limit, WRITE_6, 6);
    case WRITE_7: return put_numbers(src, dst, n, size, f->limit, WRITE_7, 7);
    case WRITE_8: return put_numbers(src, dst, n, size, f->limit, WRITE_8, 8);
    default: return put_numbers(src, dst, n, size, f->limit, WRITE_LONG, f->len);
    }
}

/* The value at src, which a NUL may end, as write_text judges it. */
static int put_text(const Codec *self, const Field *f, const uint8_t *src, int width, uint8_t *record) {
    while (width && !src[width - 1]) width--;
    return write_text(self, f, src, width, record);
}

static int put_text_column(const Codec *self, const Field *f, const Column *c, Py_ssize_t row, uint8_t *dst, int n, int size) {
    const uint8_t *src = c->data + (size_t)row * (size_t)c->width;
    int i;
    for (i = 0; i < n; i++, src += c->width, dst += size)
        if ((c->width != f->len || copy_checked(f, dst + f->at, src, c->width)) && put_text(self, f, src, c->width, dst)) return 1;
    return 0;
}

/* One row in order of its fields, up to its first fault. */
static int put_row(const Codec *self, const Record *r, const Column *columns, Py_ssize_t row, uint8_t *dst, int *fault) {
    int i, problem = OK;
    for (i = 0; i < r->n_valued && !problem; i++) {
        const Field *f = &r->valued[i];
        const Column *c = &columns[i];
        *fault = i;
        if (!c->data) continue;
        if (f->kind == KIND_N) {
            int64_t v;
            memcpy(&v, c->data + 8 * row, 8);
            problem = v < 0 ? NEGATIVE : (uint64_t)v >= f->limit ? OVERFLOW_ : OK;
        } else {
            problem = put_text(self, f, c->data + (size_t)row * (size_t)c->width, c->width, dst);
        }
    }
    return problem;
}

/* Rows `0 … n-1` of columns; runs without the GIL. Returns the row of the first fault, or n. */
static Py_ssize_t fill_columns(const Codec *self, const Record *r, const uint8_t *base, const Column *columns, Py_ssize_t n,
                               uint8_t *dst, int *problem, int *fault) {
    Py_ssize_t row, k;
    for (row = 0; row < n; row += TILE, dst += TILE * r->size) {
        int i, bad = 0, rows = n - row < TILE ? (int)(n - row) : TILE;
        for (k = 0; k < rows; k++) memcpy(dst + k * r->size, base, (size_t)r->size);
        for (i = 0; i < r->n_valued && !bad; i++) {
            const Field *f = &r->valued[i];
            const Column *c = &columns[i];
            if (!c->data) continue;
            if (f->kind == KIND_N)
                bad = put_number_column(f, c->data + 8 * row, dst + f->at, rows, r->size);
            else
                bad = put_text_column(self, f, c, row, dst, rows, r->size);
        }
        for (k = 0; bad && k < rows; k++)
            if ((*problem = put_row(self, r, columns, row + k, dst + k * r->size, fault))) return row + k;
    }
    return n;
}

static PyObject *column_value(const Field *f, const Column *c, Py_ssize_t row) {
    const char *text = (const char *)c->data + (size_t)row * (size_t)c->width;
    int width = c->width;
    int64_t v;
    if (f->kind == KIND_N) {
        memcpy(&v, c->data + 8 * row, 8);
        return PyLong_FromLongLong(v);
    }
    while (width && !text[width - 1]) width--;
    return PyUnicode_DecodeLatin1(text, width, NULL);
}

PyObject *codec_encode_columns(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "columns", "count", "first", NULL};
    PyObject *wanted, *given, *seq = NULL, *out = NULL;
    Py_ssize_t count, first = 1, row;
    int index, i, taken = 0, problem = OK, fault = 0;
    const Record *r;
    Column columns[MAX_FIELDS];
    uint8_t base[MAX_SIZE], *dst;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOn|n:encode_columns", names, &wanted, &given, &count, &first)) return NULL;
    if ((index = record_index(self, wanted)) < 0) return NULL;
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
    if (count > PY_SSIZE_T_MAX / MAX_SIZE) {
        PyErr_NoMemory();
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
                fail_valued(self, problem, first, index, i, value);
                goto done;
            }
            continue;
        }
        if (PyObject_GetBuffer(value, &c->view, PyBUF_ND | PyBUF_FORMAT)) {
            PyErr_Clear();
            fail_valued(self, TYPE, first, index, i, NULL);
            goto done;
        }
        taken = i + 1;
        c->data = c->view.buf ? c->view.buf : (const uint8_t *)"";
        if (f->kind == KIND_N) {
            const char *format = c->view.format ? c->view.format : "B";
            c->width = 8;
            if (c->view.itemsize != 8 || !(strcmp(format, "q") == 0 || strcmp(format, "l") == 0) || c->view.len != count * 8) {
                fail_valued(self, TYPE, first, index, i, NULL);
                goto done;
            }
        } else {
            if (count == 0 ? c->view.len != 0 : c->view.len % count != 0 || c->view.len / count > 4096) {
                fail_valued(self, TYPE, first, index, i, NULL);
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
        PyObject *value = column_value(&r->valued[fault], &columns[fault], row);
        if (value) fail_valued(self, problem, first + row, index, fault, value);
        Py_XDECREF(value);
        Py_CLEAR(out);
    }
done:
    for (i = 0; i < taken; i++)
        if (columns[i].data) PyBuffer_Release(&columns[i].view);
    Py_DECREF(seq);
    return out;
}
