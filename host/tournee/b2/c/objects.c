/* Attributes of objects to bytes.
 *
 * What taken.c does not take is read by a loop in Python, compiled once per record (attributes.py): the interpreter knows where it
 * keeps attributes, the stable ABI does not tell. The loop hands the values of each object to `put`, in several calls when they are many.
 */
#include "write.h"

typedef struct {
    PyObject_HEAD
    Codec *codec;
    const Record *r;
    PyObject *before[MAX_FIELDS]; /* values of the record before, kept so that an address means the same value; NULL: none */
    const uint8_t *from;          /* its bytes, or the template */
    uint8_t *dst, *end;
    Py_ssize_t number; /* of the next record */
    int index, n_part;
    PyObject *part[MAX_FIELDS]; /* values of a record of which others are still to come */
} Writer;

static inline void keep(PyObject **before, PyObject *value) {
    PyObject *old = *before;
    Py_XINCREF(value);
    *before = value;
    Py_XDECREF(old);
}

/* A program that looks into the frames of its callers can find `put` and call it. */
static PyObject *not_theirs(void) {
    PyErr_SetString(PyExc_RuntimeError, "put is the twin's own");
    return NULL;
}

/* The record once more, in which something is wrong or unusual from value `at` on. */
NOT_INLINE static PyObject *put_again(Writer *w, PyObject *const *args, Py_ssize_t at) {
    int fault, problem = write_slowly(w->codec, w->r, args, w->dst - w->r->size, &fault);
    if (problem) return fail_valued(w->codec, problem, w->number - 1, w->index, fault, args[fault]);
    for (; at < w->r->n_valued; at++) keep(w->before + at, args[at]);
    Py_RETURN_NONE;
}

static PyObject *put_part(Writer *w, PyObject *const *args, Py_ssize_t n);

/* The next record: one pass writes and keeps its values. */
static PyObject *put(Writer *w, PyObject *const *args, Py_ssize_t n) {
    const Record *r = w->r;
    const Field *f = r->valued, *end = f + r->n_valued;
    PyObject **before = w->before;
    uint8_t *dst = w->dst;
    if (n != r->n_valued) return put_part(w, args, n);
    if (dst == w->end) return not_theirs();
    begin_record(r, w->from, dst);
    w->from = dst;
    w->dst = dst + r->size;
    w->number++;
    for (; f < end; f++, args++, before++) {
        PyObject *value = *args;
        if (value == *before) continue;
        if (write_quick(w->codec, f, value, dst + f->at)) return put_again(w, args - (f - r->valued), f - r->valued);
        keep(before, value);
    }
    Py_RETURN_NONE;
}

static void drop_part(Writer *w) {
    while (w->n_part) Py_DECREF(w->part[--w->n_part]);
}

/* Some of the values of a record: written when the last have come. */
NOT_INLINE static PyObject *put_part(Writer *w, PyObject *const *args, Py_ssize_t n) {
    PyObject *done;
    Py_ssize_t i;
    if (w->n_part + n > w->r->n_valued) return not_theirs();
    for (i = 0; i < n; i++) {
        Py_INCREF(args[i]);
        w->part[w->n_part++] = args[i];
    }
    if (w->n_part < w->r->n_valued) Py_RETURN_NONE;
    done = put(w, w->part, w->n_part);
    drop_part(w);
    return done;
}

/* A writer outlives its call when a program gets hold of `put`: then it writes no more. */
static void finish(Writer *w) {
    int i;
    w->end = w->dst;
    drop_part(w);
    for (i = 0; i < w->r->n_valued; i++) keep(w->before + i, NULL);
}

static void writer_dealloc(Writer *w) {
    PyTypeObject *type = Py_TYPE((PyObject *)w);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    finish(w);
    Py_DECREF((PyObject *)w->codec);
    release(w);
    Py_DECREF(type);
}

static PyMethodDef put_def = {"put", (PyCFunction)(void (*)(void))put, METH_FASTCALL, "Writes the values of one object."};
static PyType_Slot writer_slots[] = {{Py_tp_dealloc, (void *)writer_dealloc}, {0, NULL}};
PyType_Spec writer_spec = {"tournee.b2._ctwin.Writer", sizeof(Writer), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, writer_slots};

static int call_loop(Writer *w, PyObject *objects) {
    PyObject *loop = PyObject_CallMethod(w->codec->attributes, "loop", "i", w->index), *puts = NULL, *done = NULL;
    if (loop && (puts = PyCFunction_NewEx(&put_def, (PyObject *)w, NULL))) done = PyObject_CallFunctionObjArgs(loop, puts, objects, NULL);
    Py_XDECREF(loop);
    Py_XDECREF(puts);
    if (!done) return -1;
    Py_DECREF(done);
    if (w->dst == w->end) return 0;
    not_theirs();
    return -1;
}

/* The objects from `begin` on, asked for their attributes. */
static int write_asked(Codec *self, int index, PyObject *seq, Py_ssize_t begin, Py_ssize_t first, uint8_t *out) {
    Py_ssize_t n = PyTuple_Size(seq);
    PyObject *rest = PyTuple_GetSlice(seq, begin, n);
    Writer *w = rest ? (Writer *)PyType_GenericAlloc((PyTypeObject *)self->writer_type, 0) : NULL;
    int failed = -1;
    if (w) {
        Py_INCREF((PyObject *)self);
        w->codec = self;
        w->r = &self->records[index];
        w->from = w->r->template_;
        w->dst = out + begin * w->r->size;
        w->end = out + n * w->r->size;
        w->number = first + begin;
        w->index = index;
        failed = call_loop(w, rest);
        finish(w);
    }
    Py_XDECREF((PyObject *)w);
    Py_XDECREF(rest);
    return failed;
}

PyObject *codec_encode_objects(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"index", "objects", "first", NULL};
    PyObject *wanted, *objects, *seq, *out;
    Py_ssize_t first = 1, n, done;
    int index;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|n:encode_objects", names, &wanted, &objects, &first)) return NULL;
    if ((index = record_index(self, wanted)) < 0) return NULL;
    /* Attributes may run code that changes a list given to us: a tuple of our own keeps the objects alive. */
    if (!(seq = PySequence_Tuple(objects))) return NULL;
    n = PyTuple_Size(seq);
    if ((out = PyBytes_FromStringAndSize(NULL, n * self->records[index].size))) {
        uint8_t *dst = (uint8_t *)PyBytes_AsString(out);
        done = write_taken(self, index, seq, first, dst);
        if (done < 0 || (done < n && write_asked(self, index, seq, done, first, dst))) Py_CLEAR(out);
    }
    Py_DECREF(seq);
    return out;
}
