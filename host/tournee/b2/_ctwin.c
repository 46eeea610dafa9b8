/* The C twin of tournee.b2: encodes, decodes and scans fixed records by a descriptor made from the layout tables.
 *
 * It knows kinds of fields, not records: a new record needs no change here. Stable ABI, CPython 3.11 and later. The Python twin
 * (pytwin.py) defines what it must do. Every byte of a finished record is checked in one pass against the lowest and highest
 * character of its place; only when that pass finds anything does the exact, ordered search for the first fault run.
 */
#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#ifndef Py_GIL_DISABLED
#define Py_LIMITED_API 0x030B0000
#endif
#endif
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { KIND_C, KIND_N, KIND_D, KIND_I, KIND_A };
enum { MAX_FIELDS = 128, MAX_SIZE = 512, SUPPLEMENT = 38, CODES = 1000, ASCII = 128 };
enum problem { OK, TYPE, MISSING, OVERFLOW_, NEGATIVE, CHARACTERS, CONSTANT, TERMINATOR, ARITY, UNKNOWN_RECORD, TRUNCATED };

static const char *const problem_name[] = {
    "", "type", "missing", "overflow", "negative", "characters", "constant", "terminator", "arity", "unknown_record", "truncated",
};

typedef struct {
    uint16_t at, len, table; /* 0-based place, bytes, index in the table's record */
    uint8_t kind, blank;
    uint64_t limit; /* N: 10^len */
} Field;

typedef struct {
    PyObject *cls;
    Field *all, *valued; /* in order of place; `all` has the constants too */
    int n_all, n_valued, n_special;
    uint16_t *special; /* valued fields that the one-pass check cannot judge alone */
    PyObject **names;  /* attribute names of the valued fields */
    int size;
    uint8_t template_[MAX_SIZE], low[MAX_SIZE], span[MAX_SIZE];
} Record;

typedef struct {
    PyObject_HEAD
    int fixed, n_records, max_valued;
    Record *records;
    int16_t *dispatch; /* fixed: [first byte][byte 39]; entities: code */
    uint8_t text[256];
    PyObject *fail;
    int raw_alloc; /* tuples of a class may be made by its allocator (checked at start) */
    PyObject *tuple_new;
} Codec;

static const char digits2[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static void write_digits(uint8_t *dst, int len, uint64_t v) {
    uint8_t *p = dst + len;
    while (p - dst >= 2) {
        uint32_t pair = (uint32_t)(v % 100);
        v /= 100;
        p -= 2;
        memcpy(p, digits2 + 2 * pair, 2);
    }
    if (p > dst) *--p = (uint8_t)('0' + v % 10);
}

static int is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }
static int is_capital(uint8_t c) { return is_digit(c) || (uint8_t)(c - 'A') < 26; }

static int permitted(const Codec *self, const Field *f, const uint8_t *p, Py_ssize_t n) {
    Py_ssize_t i;
    switch (f->kind) {
    case KIND_A:
        for (i = 0; i < n; i++)
            if (!self->text[p[i]]) return 0;
        return 1;
    case KIND_I:
        for (i = 0; i < n; i++)
            if (!is_capital(p[i])) return 0;
        return 1;
    default:
        for (i = 0; i < n; i++)
            if (!is_digit(p[i])) return 0;
        return 1;
    }
}

static int all_spaces(const uint8_t *p, Py_ssize_t n) {
    Py_ssize_t i;
    for (i = 0; i < n; i++)
        if (p[i] != ' ') return 0;
    return 1;
}

/* One pass over a finished record: 1 when a byte is outside the bounds of its place. */
static int out_of_bounds(const Record *r, const uint8_t *p) {
    const uint8_t *low = r->low, *span = r->span;
    uint8_t bad = 0;
    int i, n = r->size;
    if (n == 128) {
        for (i = 0; i < 128; i++) bad |= (uint8_t)((uint8_t)(p[i] - low[i]) > span[i]);
    } else {
        for (i = 0; i < n; i++) bad |= (uint8_t)((uint8_t)(p[i] - low[i]) > span[i]);
    }
    return bad;
}

static int special_fault(const Codec *self, const Record *r, const uint8_t *p) {
    int i;
    for (i = 0; i < r->n_special; i++) {
        const Field *f = &r->valued[r->special[i]];
        const uint8_t *q = p + f->at;
        if (f->blank && q[0] == ' ') {
            if (!all_spaces(q, f->len)) return 1;
        } else if (!permitted(self, f, q, f->len))
            return 1;
    }
    return 0;
}

/* Text of n bytes into its field; the destination holds the template (spaces). Order of checks as in pytwin._write. */
static int write_text(const Codec *self, const Field *f, const uint8_t *text, Py_ssize_t n, uint8_t *dst) {
    dst += f->at;
    if (n > f->len) return OVERFLOW_;
    if (f->kind == KIND_A) {
        if (!permitted(self, f, text, n)) return CHARACTERS;
        memcpy(dst, text, (size_t)n);
        memset(dst + n, ' ', (size_t)(f->len - n));
        return OK;
    }
    if (all_spaces(text, n)) {
        memset(dst, ' ', f->len);
        return f->blank ? OK : MISSING;
    }
    if (!permitted(self, f, text, n)) return CHARACTERS;
    memset(dst, '0', (size_t)(f->len - n));
    memcpy(dst + f->len - n, text, (size_t)n);
    return OK;
}

/* One value, every check, in the order of pytwin._write. */
static int write_exact(const Codec *self, const Field *f, PyObject *value, uint8_t *dst) {
    const char *text;
    Py_ssize_t n, chars;
    if (value == Py_None) {
        memset(dst + f->at, ' ', f->len);
        return f->blank ? OK : MISSING;
    }
    if (f->kind == KIND_N) {
        int overflow = 0;
        long long v;
        if (!PyLong_Check(value) || PyBool_Check(value)) return TYPE;
        v = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (v < 0 && overflow <= 0) return NEGATIVE;
        if (overflow > 0 || (uint64_t)v >= f->limit) return OVERFLOW_;
        write_digits(dst + f->at, f->len, (uint64_t)v);
        return OK;
    }
    if (!PyUnicode_Check(value)) return TYPE;
    chars = PyUnicode_GetLength(value);
    if (chars > f->len) return OVERFLOW_;
    text = PyUnicode_AsUTF8AndSize(value, &n);
    if (!text) { /* lone surrogate */
        PyErr_Clear();
        return CHARACTERS;
    }
    if (n != chars) return CHARACTERS;
    return write_text(self, f, (const uint8_t *)text, n, dst);
}

/* The values of a record into 128 (or more) bytes; on a fault its problem and the valued field. */
static int write_record(const Codec *self, const Record *r, PyObject *const *items, uint8_t *dst, int *fault) {
    int i, problem, n = r->n_valued;
    memcpy(dst, r->template_, (size_t)r->size);
    for (i = 0; i < n; i++) {
        const Field *f = &r->valued[i];
        PyObject *value = items[i];
        if (f->kind == KIND_N) {
            int overflow = 0;
            long long v;
            if (!PyLong_CheckExact(value)) {
                if (value == Py_None && f->blank) continue;
                goto exact;
            }
            v = PyLong_AsLongLongAndOverflow(value, &overflow);
            if (overflow || v < 0 || (uint64_t)v >= f->limit) goto exact;
            write_digits(dst + f->at, f->len, (uint64_t)v);
        } else {
            const char *text;
            Py_ssize_t size;
            uint8_t *p = dst + f->at;
            if (!PyUnicode_Check(value)) {
                if (value == Py_None && f->blank) continue;
                goto exact;
            }
            text = PyUnicode_AsUTF8AndSize(value, &size);
            if (!text) {
                PyErr_Clear();
                goto exact;
            }
            if (size == f->len) {
                memcpy(p, text, (size_t)size);
            } else if (size > f->len) {
                goto exact;
            } else if (f->kind == KIND_A) {
                memcpy(p, text, (size_t)size);
            } else if (size == 0 || text[0] == ' ') {
                goto exact;
            } else {
                memset(p, '0', (size_t)(f->len - size));
                memcpy(p + f->len - size, text, (size_t)size);
            }
        }
    }
    if (!out_of_bounds(r, dst) && !special_fault(self, r, dst)) return OK;
exact:
    memcpy(dst, r->template_, (size_t)r->size);
    for (i = 0; i < n; i++)
        if ((problem = write_exact(self, &r->valued[i], items[i], dst))) {
            *fault = i;
            return problem;
        }
    return OK;
}

static PyObject *raise(Codec *self, int problem, Py_ssize_t number, int record, int field) {
    PyObject *error = PyObject_CallFunction(self->fail, "snii", problem_name[problem], number, record, field);
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

static PyObject *raise_valued(Codec *self, int problem, Py_ssize_t number, int record, int valued) {
    return raise(self, problem, number, record, self->records[record].valued[valued].table);
}

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

static int check_index(Codec *self, int index) {
    if (index >= 0 && index < self->n_records) return 0;
    PyErr_SetString(PyExc_IndexError, "no such record in the table");
    return -1;
}

static PyObject *codec_encode(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"records", "first", NULL};
    PyObject *records, *seq, *out, *last_cls = NULL;
    PyObject *items[MAX_FIELDS];
    Py_ssize_t first = 1, n, i, total = 0;
    int index = -1;
    uint8_t *dst;
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
        int k, problem, fault = 0;
        cls = (PyObject *)Py_TYPE(item);
        if (cls != last_cls) {
            index = record_of_class(self, cls);
            last_cls = cls;
        }
        if (index < 0) {
            raise(self, UNKNOWN_RECORD, first + i, -1, -1);
            goto error_out;
        }
        r = &self->records[index];
        if (PyTuple_Size(item) != r->n_valued) {
            raise(self, ARITY, first + i, index, -1);
            goto error_out;
        }
        for (k = 0; k < r->n_valued; k++) items[k] = PyTuple_GetItem(item, k);
        if ((problem = write_record(self, r, items, dst, &fault))) {
            raise_valued(self, problem, first + i, index, fault);
            goto error_out;
        }
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

static PyObject *codec_encode_rows(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "rows", "first", NULL};
    PyObject *rows, *seq, *out;
    PyObject *items[MAX_FIELDS];
    Py_ssize_t first = 1, n, i;
    int index;
    const Record *r;
    uint8_t *dst;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iO|n:encode_rows", names, &index, &rows, &first)) return NULL;
    if (check_index(self, index) || !(seq = sequence(rows))) return NULL;
    r = &self->records[index];
    n = PySequence_Size(seq);
    if (!(out = PyBytes_FromStringAndSize(NULL, n * r->size))) goto error;
    dst = (uint8_t *)PyBytes_AsString(out);
    for (i = 0; i < n; i++, dst += r->size) {
        PyObject *row = item_at(seq, i);
        int k, problem, fault = 0;
        if (!PyTuple_Check(row)) {
            raise(self, TYPE, first + i, index, -1);
            goto error_out;
        }
        if (PyTuple_Size(row) != r->n_valued) {
            raise(self, ARITY, first + i, index, -1);
            goto error_out;
        }
        for (k = 0; k < r->n_valued; k++) items[k] = PyTuple_GetItem(row, k);
        if ((problem = write_record(self, r, items, dst, &fault))) {
            raise_valued(self, problem, first + i, index, fault);
            goto error_out;
        }
    }
    Py_DECREF(seq);
    return out;
error_out:
    Py_DECREF(out);
error:
    Py_DECREF(seq);
    return NULL;
}

static PyObject *codec_encode_objects(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "objects", "first", NULL};
    PyObject *objects, *seq, *out;
    PyObject *items[MAX_FIELDS];
    Py_ssize_t first = 1, n, i;
    int index;
    const Record *r;
    uint8_t *dst;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iO|n:encode_objects", names, &index, &objects, &first)) return NULL;
    if (check_index(self, index)) return NULL;
    /* Attributes may run code that changes a list given to us: a tuple of our own keeps the objects alive. */
    if (!(seq = PySequence_Tuple(objects))) return NULL;
    r = &self->records[index];
    n = PyTuple_Size(seq);
    if (!(out = PyBytes_FromStringAndSize(NULL, n * r->size))) goto error;
    dst = (uint8_t *)PyBytes_AsString(out);
    for (i = 0; i < n; i++, dst += r->size) {
        PyObject *object = PyTuple_GetItem(seq, i);
        int k, got, problem = OK, fault = 0;
        for (got = 0; got < r->n_valued; got++)
            if (!(items[got] = PyObject_GetAttr(object, r->names[got]))) break;
        if (got == r->n_valued) problem = write_record(self, r, items, dst, &fault);
        for (k = 0; k < got; k++) Py_DECREF(items[k]);
        if (got < r->n_valued) goto error_out;
        if (problem) {
            raise_valued(self, problem, first + i, index, fault);
            goto error_out;
        }
    }
    Py_DECREF(seq);
    return out;
error_out:
    Py_DECREF(out);
error:
    Py_DECREF(seq);
    return NULL;
}

typedef struct {
    Py_buffer view;
    const uint8_t *data; /* NULL: the value stands in the template */
    int width;           /* bytes per row of a text column */
} Column;

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
                write_digits(dst + f->at, f->len, (uint64_t)v);
            } else {
                /* A full, unpadded value; anything shorter ends with NUL, which the one-pass check refuses. */
                if (c->width != f->len) goto exact;
                memcpy(dst + f->at, c->data + (size_t)row * (size_t)c->width, (size_t)c->width);
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
                write_digits(dst + f->at, f->len, (uint64_t)v);
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

static PyObject *codec_encode_columns(Codec *self, PyObject *args, PyObject *kwargs) {
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
        raise(self, ARITY, first, index, -1);
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
                raise_valued(self, problem, first, index, i);
                goto done;
            }
            continue;
        }
        if (PyObject_GetBuffer(value, &c->view, PyBUF_SIMPLE | PyBUF_FORMAT)) {
            PyErr_Clear();
            raise_valued(self, TYPE, first, index, i);
            goto done;
        }
        taken = i + 1;
        c->data = c->view.buf ? c->view.buf : (const uint8_t *)"";
        if (f->kind == KIND_N) {
            const char *format = c->view.format ? c->view.format : "B";
            c->width = 8;
            if (c->view.itemsize != 8 || !(strcmp(format, "q") == 0 || strcmp(format, "l") == 0) || c->view.len != count * 8) {
                raise_valued(self, TYPE, first, index, i);
                goto done;
            }
        } else {
            if (count == 0 ? c->view.len != 0 : c->view.len % count != 0 || c->view.len / count > 4096) {
                raise_valued(self, TYPE, first, index, i);
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
        raise_valued(self, problem, first + row, index, fault);
        Py_CLEAR(out);
    }
done:
    for (i = 0; i < taken; i++)
        if (columns[i].data) PyBuffer_Release(&columns[i].view);
    Py_DECREF(seq);
    return out;
}

static int find_record(const Codec *self, const uint8_t *p, Py_ssize_t left) {
    if (self->fixed) return p[0] < ASCII && p[SUPPLEMENT] < ASCII ? self->dispatch[p[0] * ASCII + p[SUPPLEMENT]]
                            : p[0] < ASCII ? self->dispatch[p[0] * ASCII] : -1;
    if (left < 3 || !is_digit(p[0]) || !is_digit(p[1]) || !is_digit(p[2])) return -1;
    return self->dispatch[(p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0')];
}

/* The first fault in order of place, as an index of the table's fields. */
static int first_fault(const Codec *self, const Record *r, const uint8_t *p, int *field) {
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
    if (f->kind == KIND_N) {
        long long v = 0;
        Py_ssize_t i;
        for (i = 0; i < n; i++) v = v * 10 + (p[i] - '0');
        return PyLong_FromLongLong(v);
    }
    if (f->kind == KIND_A)
        while (n && p[n - 1] == ' ') n--;
    return PyUnicode_FromStringAndSize((const char *)p, n);
}

static PyObject *read_record(const Codec *self, const Record *r, const uint8_t *p) {
    PyObject *tuple, *made;
    int i;
    if (self->raw_alloc)
        tuple = PyType_GenericAlloc((PyTypeObject *)r->cls, r->n_valued);
    else
        tuple = PyTuple_New(r->n_valued);
    if (!tuple) return NULL;
    for (i = 0; i < r->n_valued; i++) {
        PyObject *value = value_of(&r->valued[i], p + r->valued[i].at);
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

static PyObject *codec_decode(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", "first", NULL};
    Py_buffer view;
    PyObject *out = NULL;
    Py_ssize_t first = 1, left;
    const uint8_t *p;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|n:decode", names, &view, &first)) return NULL;
    if (!(out = PyList_New(0))) goto done;
    for (p = view.buf, left = view.len; left > 0; first++) {
        const Record *r;
        PyObject *made;
        int index, field = 0, problem;
        if (self->fixed && left < 128) {
            raise(self, TRUNCATED, first, -1, -1);
            goto error;
        }
        if ((index = find_record(self, p, left)) < 0) {
            raise(self, UNKNOWN_RECORD, first, -1, -1);
            goto error;
        }
        r = &self->records[index];
        if (left < r->size) {
            raise(self, TRUNCATED, first, index, -1);
            goto error;
        }
        if ((out_of_bounds(r, p) || special_fault(self, r, p)) && (problem = first_fault(self, r, p, &field))) {
            raise(self, problem, first, index, field);
            goto error;
        }
        if (!(made = read_record(self, r, p))) goto error;
        if (PyList_Append(out, made)) {
            Py_DECREF(made);
            goto error;
        }
        Py_DECREF(made);
        p += r->size;
        left -= r->size;
    }
    goto done;
error:
    Py_CLEAR(out);
done:
    PyBuffer_Release(&view);
    return out;
}

static void clear_records(Codec *self) {
    int i, k;
    for (i = 0; i < self->n_records; i++) {
        Record *r = &self->records[i];
        Py_XDECREF(r->cls);
        if (r->names)
            for (k = 0; k < r->n_valued; k++) Py_XDECREF(r->names[k]);
        PyMem_Free(r->names);
        PyMem_Free(r->all);
        PyMem_Free(r->valued);
        PyMem_Free(r->special);
    }
    PyMem_Free(self->records);
    self->records = NULL;
    self->n_records = 0;
}

static void codec_dealloc(Codec *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    clear_records(self);
    PyMem_Free(self->dispatch);
    Py_XDECREF(self->fail);
    Py_XDECREF(self->tuple_new);
    release(self);
    Py_DECREF(type);
}

static int text_holes(const Codec *self, int low, int high) {
    int c;
    for (c = low; c <= high; c++)
        if (!self->text[c]) return 1;
    return 0;
}

/* One row of the descriptor: (class, template, ((at, len, kind, blank, name), …)). */
static int load_record(Codec *self, Record *r, PyObject *row) {
    PyObject *cls, *fields;
    const char *template_;
    Py_ssize_t size, n, i;
    int low = 255, high = 0, c;
    for (c = 0; c < 256; c++)
        if (self->text[c]) {
            if (c < low) low = c;
            high = c;
        }
    if (!PyArg_ParseTuple(row, "Oy#O!", &cls, &template_, &size, &PyTuple_Type, &fields)) return -1;
    n = PyTuple_Size(fields);
    if (size < 1 || size > MAX_SIZE || n > MAX_FIELDS || (self->fixed && size != 128)) {
        PyErr_SetString(PyExc_ValueError, "record too large for the C twin");
        return -1;
    }
    r->all = PyMem_Calloc((size_t)n + 1, sizeof(Field));
    r->valued = PyMem_Calloc((size_t)n + 1, sizeof(Field));
    r->special = PyMem_Calloc((size_t)n + 1, sizeof(uint16_t));
    r->names = PyMem_Calloc((size_t)n + 1, sizeof(PyObject *));
    if (!r->all || !r->valued || !r->special || !r->names) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(cls);
    r->cls = cls;
    r->size = (int)size;
    memcpy(r->template_, template_, (size_t)size);
    for (i = 0; i < n; i++) {
        int at, len, kind, blank, k;
        PyObject *name;
        Field *f = &r->all[r->n_all];
        if (!PyArg_ParseTuple(PyTuple_GetItem(fields, i), "iiiiU", &at, &len, &kind, &blank, &name)) return -1;
        if (at < 0 || len < 1 || at + len > size || kind < KIND_C || kind > KIND_A || (kind == KIND_N && len > 18)) {
            PyErr_SetString(PyExc_ValueError, "field outside its record");
            return -1;
        }
        f->at = (uint16_t)at;
        f->len = (uint16_t)len;
        f->table = (uint16_t)i;
        f->kind = (uint8_t)kind;
        f->blank = (uint8_t)(blank != 0);
        for (f->limit = 1, k = 0; kind == KIND_N && k < len; k++) f->limit *= 10;
        for (k = at; k < at + len; k++) {
            int from = kind == KIND_C ? r->template_[k] : kind == KIND_A ? low : blank ? ' ' : '0';
            int to = kind == KIND_C ? from : kind == KIND_A ? high : kind == KIND_I ? 'Z' : '9';
            r->low[k] = (uint8_t)from;
            r->span[k] = (uint8_t)(to - from);
        }
        if (kind != KIND_C) {
            if (kind == KIND_I || (kind != KIND_A && blank) || (kind == KIND_A && text_holes(self, low, high)))
                r->special[r->n_special++] = (uint16_t)r->n_valued;
            r->valued[r->n_valued] = *f;
            Py_INCREF(name);
            PyUnicode_InternInPlace(&name);
            r->names[r->n_valued++] = name;
        }
        r->n_all++;
    }
    return 0;
}

/* 1 when a tuple of `cls` made by the allocator and filled equals and hashes like one made by tuple.__new__.
 * Some versions keep more in a tuple than its items; then the constructor is called instead. */
static int probe_alloc(Codec *self, const Record *r) {
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

/* Codec(fixed, text, records, dispatch, fail): see ctwin.py. */
static PyObject *codec_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *records, *dispatch, *fail, *key, *value;
    const char *text;
    Py_ssize_t n_text, n, i, places;
    int fixed;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Codec *self;
    if (!PyArg_ParseTuple(args, "py#O!O!O:Codec", &fixed, &text, &n_text, &PyTuple_Type, &records, &PyDict_Type, &dispatch, &fail))
        return NULL;
    if (!(self = (Codec *)alloc(type, 0))) return NULL;
    self->fixed = fixed;
    for (i = 0; i < n_text; i++) self->text[(uint8_t)text[i]] = 1;
    Py_INCREF(fail);
    self->fail = fail;
    if (!(self->tuple_new = PyObject_GetAttrString((PyObject *)&PyTuple_Type, "__new__"))) goto error;
    n = PyTuple_Size(records);
    self->records = PyMem_Calloc((size_t)n + 1, sizeof(Record));
    places = fixed ? ASCII * ASCII : CODES;
    self->dispatch = PyMem_Malloc((size_t)places * sizeof(int16_t));
    if (!self->records || !self->dispatch) {
        PyErr_NoMemory();
        goto error;
    }
    for (i = 0; i < places; i++) self->dispatch[i] = -1;
    for (i = 0; i < n; i++) {
        self->n_records = (int)i + 1;
        if (load_record(self, &self->records[i], PyTuple_GetItem(records, i))) goto error;
    }
    i = 0;
    while (PyDict_Next(dispatch, &i, &key, &value)) {
        long place = PyLong_AsLong(key), index = PyLong_AsLong(value);
        if (PyErr_Occurred()) goto error;
        if (place < 0 || place >= places || index < 0 || index >= n) {
            PyErr_SetString(PyExc_ValueError, "dispatch outside the table");
            goto error;
        }
        self->dispatch[place] = (int16_t)index;
    }
    self->raw_alloc = n > 0;
    for (i = 0; i < n; i++) self->raw_alloc = self->raw_alloc && probe_alloc(self, &self->records[i]);
    return (PyObject *)self;
error:
    Py_DECREF(self);
    return NULL;
}

static PyMethodDef codec_methods[] = {
    {"encode", (PyCFunction)(void (*)(void))codec_encode, METH_VARARGS | METH_KEYWORDS, "Bytes of NamedTuples."},
    {"encode_rows", (PyCFunction)(void (*)(void))codec_encode_rows, METH_VARARGS | METH_KEYWORDS, "Bytes of tuples of one record."},
    {"encode_objects", (PyCFunction)(void (*)(void))codec_encode_objects, METH_VARARGS | METH_KEYWORDS, "Bytes of objects' attributes."},
    {"encode_columns", (PyCFunction)(void (*)(void))codec_encode_columns, METH_VARARGS | METH_KEYWORDS, "Bytes of columns of one record."},
    {"decode", (PyCFunction)(void (*)(void))codec_decode, METH_VARARGS | METH_KEYWORDS, "NamedTuples of bytes."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot codec_slots[] = {
    {Py_tp_new, (void *)codec_new},
    {Py_tp_dealloc, (void *)codec_dealloc},
    {Py_tp_methods, codec_methods},
    {Py_tp_doc, "Records of one profile, by its descriptor."},
    {0, NULL},
};

static PyType_Spec codec_spec = {"tournee.b2._ctwin.Codec", sizeof(Codec), 0, Py_TPFLAGS_DEFAULT, codec_slots};

static int module_exec(PyObject *module) {
    PyObject *type = PyType_FromSpec(&codec_spec);
    int result;
    if (!type) return -1;
    result = PyModule_AddObjectRef(module, "Codec", type);
    Py_DECREF(type);
    return result;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, (void *)module_exec}, {0, NULL}};
static struct PyModuleDef module_def = {PyModuleDef_HEAD_INIT, "_ctwin", "C twin of tournee.b2.", 0, NULL, module_slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__ctwin(void) { return PyModuleDef_Init(&module_def); }
