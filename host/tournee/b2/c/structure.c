/* The rules between records, as `scan` takes them: made by cstructure.py, believed only as far as memory goes. */
#include "digits.h"
#include "twin.h"

void clear_steps(Steps *steps) {
    PyMem_Free(steps->resets);
    PyMem_Free(steps->adds);
    PyMem_Free(steps->sames);
    PyMem_Free(steps->verifies);
}

static int outside(void) {
    PyErr_SetString(PyExc_ValueError, "check outside the table");
    return -1;
}

/* Room for the steps of a tuple. */
static void *room_for(PyObject *rows, size_t each, int *n) {
    void *made;
    *n = (int)PyTuple_Size(rows);
    if (*n < 0) return NULL;
    made = PyMem_Calloc((size_t)*n + 1, each);
    if (!made) PyErr_NoMemory();
    return made;
}

static int load_resets(const Codec *self, Steps *steps, PyObject *rows) {
    int i;
    if (!(steps->resets = room_for(rows, sizeof *steps->resets, &steps->n_resets))) return -1;
    for (i = 0; i < steps->n_resets; i++) {
        long acc = PyLong_AsLong(PyTuple_GetItem(rows, i));
        if (PyErr_Occurred()) return -1;
        if (acc < 0 || acc >= self->n_accs) return outside();
        steps->resets[i] = (uint8_t)acc;
    }
    return 0;
}

static int load_amounts(const Codec *self, const Record *r, Amount **amounts, int *n, PyObject *rows) {
    int i;
    if (!(*amounts = room_for(rows, sizeof **amounts, n))) return -1;
    for (i = 0; i < *n; i++) {
        Amount *a = &(*amounts)[i];
        if (!PyArg_ParseTuple(PyTuple_GetItem(rows, i), "bHHhbbH", &a->acc, &a->at, &a->len, &a->sign_at, &a->negative, &a->clears, &a->table))
            return -1;
        if (a->acc >= self->n_accs || a->at + a->len > r->size || a->sign_at >= r->size || a->len < 1 || a->len > 18) return outside();
        if (a->len <= 8 && a->at + a->len >= 8) a->digits = last_digits(a->len);
    }
    return 0;
}

/* (other record, bits of the places that repeat it): nothing when it cannot be said so. */
static int load_repeated(const Codec *self, Record *r, PyObject *repeated) {
    const char *bits;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(repeated, "iy#", &r->places.earlier, &bits, &size)) return -1;
    if (r->places.earlier < 0 || r->places.earlier >= self->n_records || size > WINDOW || size > r->size ||
        size > self->records[r->places.earlier].size)
        return outside();
    memcpy(r->places.repeated, bits, (size_t)size);
    r->steps.seen = size > 0;
    if (!size) r->places.earlier = MAX_RECORDS; /* never there */
    return 0;
}

static int load_sames(const Codec *self, const Record *r, Steps *steps, PyObject *rows) {
    int i;
    if (!(steps->sames = room_for(rows, sizeof *steps->sames, &steps->n_sames))) return -1;
    for (i = 0; i < steps->n_sames; i++) {
        Same *s = &steps->sames[i];
        if (!PyArg_ParseTuple(PyTuple_GetItem(rows, i), "HHHHH", &s->at, &s->len, &s->other, &s->other_at, &s->other_len)) return -1;
        if (s->at + s->len > r->size || s->other >= self->n_records || s->other_at + s->other_len > self->records[s->other].size)
            return outside();
    }
    return 0;
}

/* (((follows, opens, closes, resets, adds, repeated, sames, verifies), …), counted, pairs). */
int load_structure(Codec *self, PyObject *structure) {
    PyObject *rows, *counted;
    Py_ssize_t i;
    if (!PyArg_ParseTuple(structure, "O!O!i", &PyTuple_Type, &rows, &PyTuple_Type, &counted, &self->n_pairs)) return -1;
    self->n_accs = (int)PyTuple_Size(counted);
    if (self->n_accs > MAX_ACCS || self->n_pairs > MAX_PAIRS || self->n_records > MAX_RECORDS || PyTuple_Size(rows) != self->n_records) {
        PyErr_SetString(PyExc_ValueError, "structure too large for the C twin");
        return -1;
    }
    for (i = 0; i < self->n_accs; i++) {
        self->counted[i] = PyLong_AsUnsignedLongLong(PyTuple_GetItem(counted, i));
        if (PyErr_Occurred()) return -1;
    }
    for (i = 0; i < self->n_records; i++) {
        Record *r = &self->records[i];
        Steps *s = &r->steps;
        PyObject *resets, *adds, *repeated, *sames, *verifies;
        unsigned long long follows;
        if (!PyArg_ParseTuple(PyTuple_GetItem(rows, i), "KiiO!O!O!O!O!", &follows, &s->opens, &s->closes, &PyTuple_Type, &resets, &PyTuple_Type,
                              &adds, &PyTuple_Type, &repeated, &PyTuple_Type, &sames, &PyTuple_Type, &verifies))
            return -1;
        s->follows = follows;
        if (s->opens >= self->n_pairs || s->closes >= self->n_pairs) return outside();
        if (load_resets(self, s, resets) || load_amounts(self, r, &s->adds, &s->n_adds, adds) || load_repeated(self, r, repeated) ||
            load_sames(self, r, s, sames) || load_amounts(self, r, &s->verifies, &s->n_verifies, verifies))
            return -1;
        s->plain = s->opens < 0 && s->closes < 0 && !r->n_special && !s->n_resets && !s->n_adds && !s->n_verifies && (s->seen || !s->n_sames);
    }
    return 0;
}
