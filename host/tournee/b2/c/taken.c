/* Objects whose values are taken where they lie: slots, NamedTuples, and dictionaries that objects have of their own.
 *
 * Only as long as no code of a program can run in between, for such code may change a class: attributes.py says which classes.
 */
#include "write.h"

enum way { ASKED, SLOTS, ITEMS, DICT }; /* the numbers of attributes.py */

/* How values are taken from objects of one class. */
typedef struct {
    PyTypeObject *type;
    PyObject *known; /* (way, slots or places, the class) of attributes.py */
    int way;
    descrgetfunc get;            /* of slots */
    PyObject *slots[MAX_FIELDS]; /* kept by `known` */
    Py_ssize_t places[MAX_FIELDS], longest; /* items that a tuple must have */
} Fetch;

static int choose(const Codec *self, int index, Fetch *fetch, PyTypeObject *type) {
    PyObject *values, *cls;
    Py_ssize_t i;
    Py_CLEAR(fetch->known);
    fetch->type = type;
    fetch->way = ASKED;
    fetch->longest = 0;
    if (PyType_GetSlot(type, Py_tp_getattro) != (void *)PyObject_GenericGetAttr) return 0;
    if (!(fetch->known = PyObject_CallMethod(self->attributes, "way", "iO", index, type))) return -1;
    if (!PyArg_ParseTuple(fetch->known, "iO!O", &fetch->way, &PyTuple_Type, &values, &cls)) return -1;
    for (i = 0; i < PyTuple_Size(values) && i < MAX_FIELDS; i++) {
        PyObject *value = PyTuple_GetItem(values, i);
        if (fetch->way == SLOTS) {
            fetch->slots[i] = value;
            fetch->get = (descrgetfunc)PyType_GetSlot(Py_TYPE(value), Py_tp_descr_get);
        } else {
            fetch->places[i] = PyLong_AsSsize_t(value);
            if (fetch->places[i] >= fetch->longest) fetch->longest = fetch->places[i] + 1;
        }
    }
    return 0;
}

static void release(PyObject **items, int n) {
    while (n) Py_DECREF(items[--n]);
}

/* The values of slots, owned, from their descriptors. */
ALWAYS_INLINE int take_slots(const Fetch *fetch, const Record *r, PyObject *object, PyObject **items) {
    const descrgetfunc get = fetch->get;
    PyObject *const *slots = fetch->slots, *cls = (PyObject *)fetch->type;
    const int n = r->n_valued;
    int got = 0;
    while (got < n && (items[got] = get(slots[got], object, cls))) got++;
    if (got == n) return 1;
    PyErr_Clear();
    release(items, got);
    return 0;
}

/* The items of a NamedTuple, borrowed, in the order of the record. */
static int take_items(const Codec *self, const Record *r, const Fetch *fetch, PyObject *object, PyObject **items) {
    int i;
    if (Py_SIZE(object) < fetch->longest) return 0;
    for (i = 0; i < r->n_valued; i++) items[i] = tuple_item(self, object, fetch->places[i]);
    return 1;
}

/* The values of an object's dictionary, owned: one after the other as long as they were put there in the order of the record. */
static int take_values(const Record *r, PyObject *object, PyObject **items) {
    PyObject *key, *value, *dict = PyObject_GenericGetDict(object, NULL), *const *name = r->names, *const *end = name + r->n_valued;
    PyObject **item = items;
    Py_ssize_t at = 0;
    if (!dict) {
        PyErr_Clear();
        return 0;
    }
    for (; name < end && PyDict_Next(dict, &at, &key, &value) && key == *name; name++, item++) {
        Py_INCREF(value);
        *item = value;
    }
    for (; name < end && (value = PyDict_GetItemWithError(dict, *name)); name++, item++) {
        Py_INCREF(value);
        *item = value;
    }
    Py_DECREF(dict);
    if (name == end) return 1;
    PyErr_Clear();
    release(items, (int)(item - items));
    return 0;
}

static inline int take(const Codec *self, const Record *r, const Fetch *fetch, PyObject *object, PyObject **items) {
    switch (fetch->way) {
    case SLOTS: return take_slots(fetch, r, object, items);
    case ITEMS: return take_items(self, r, fetch, object, items);
    default: return take_values(r, object, items);
    }
}

/* Objects of one class from `i` on: how far; an object that lacks something must be asked, and says itself what. -1: an error. */
static Py_ssize_t write_run(Codec *self, int index, const Fetch *fetch, PyObject *seq, Py_ssize_t i, Py_ssize_t first, uint8_t *out) {
    const Record *r = &self->records[index];
    const Py_ssize_t n = PyTuple_Size(seq);
    const int owned = fetch->way == ITEMS ? 0 : r->n_valued;
    PyObject *two[2][MAX_FIELDS], **items = two[0], **before = NULL;
    uint8_t *dst = out + i * r->size;
    int problem = OK, fault = 0;
    for (; i < n && !problem; i++, dst += r->size) {
        PyObject *object = PyTuple_GetItem(seq, i);
        if (Py_TYPE(object) != fetch->type || !take(self, r, fetch, object, items)) break;
        problem = write_record(self, r, items, before, before ? dst - r->size : NULL, dst, &fault);
        if (problem) fail_valued(self, problem, first + i, index, fault, items[fault]);
        if (before) release(before, owned);
        before = items; /* kept until the next object is written, so that an address means the same value */
        items = items == two[0] ? two[1] : two[0];
    }
    if (before) release(before, owned);
    return problem ? -1 : i;
}

Py_ssize_t write_taken(Codec *self, int index, PyObject *seq, Py_ssize_t first, uint8_t *out) {
    Py_ssize_t n = PyTuple_Size(seq), begin = -1, end = 0;
    Fetch fetch;
    fetch.type = NULL;
    fetch.known = NULL;
    while (end > begin && end < n) {
        PyTypeObject *type = Py_TYPE(PyTuple_GetItem(seq, end));
        if (type != fetch.type && choose(self, index, &fetch, type)) end = -1;
        if (end < 0 || fetch.way == ASKED) break;
        begin = end;
        end = write_run(self, index, &fetch, seq, begin, first, out);
    }
    Py_XDECREF(fetch.known);
    return end;
}
