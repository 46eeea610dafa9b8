/* The module, its one type and the descriptor that it is made from (ctwin.py). */
#include "twin.h"

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
        clear_steps(&r->steps);
    }
    PyMem_Free(self->memory);
    self->memory = NULL;
    self->n_records = 0;
}

static void codec_dealloc(Codec *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    clear_records(self);
    PyMem_Free(self->dispatch);
    Py_XDECREF(self->fail);
    Py_XDECREF(self->attributes);
    Py_XDECREF(self->writer_type);
    Py_XDECREF(self->tuple_new);
    release(self);
    Py_DECREF(type);
}

static int only_hole(const Codec *self) {
    int c, low = 0, high = 255, hole = -1;
    while (low < 255 && !self->text[low]) low++;
    while (high > 0 && !self->text[high]) high--;
    for (c = low; c <= high; c++)
        if (!self->text[c]) {
            if (hole >= 0) return -1;
            hole = c;
        }
    return hole;
}

/* How the values of a field are written, and for texts what write.h compares their bytes with. */
static void choose_write(const Codec *self, Field *f, int low, int high) {
    const uint64_t each = 0x0101010101010101u;
    if (f->kind == KIND_N) {
        f->op = (uint8_t)(f->len <= 8 ? WRITE_1 + f->len - 1 : WRITE_LONG);
        return;
    }
    f->op = f->kind == KIND_I ? WRITE_CAPITALS : f->kind == KIND_A && self->hole >= 0 ? WRITE_HOLED : WRITE_TEXT;
    if (f->kind != KIND_A) {
        low = '0';
        high = f->kind == KIND_D ? '9' : 'Z';
    } else if (high > 127 || low > high || (self->hole < 0 && text_holes(self, low, high))) {
        low = 1;
        high = 0; /* no byte will do: each text is looked at character by character */
    }
    f->low = each * (uint64_t)low;
    f->high = each * (uint64_t)(127 - high);
    f->hole = each * (uint64_t)(self->hole < 0 ? 255 : self->hole);
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
    if (!PyType_Check(cls) || !PyType_IsSubtype((PyTypeObject *)cls, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "a record's class is a NamedTuple"); /* its items are read without asking */
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
    clear_places(r);
    for (i = 0; i < n; i++) {
        int at, len, kind, blank, whole, k;
        PyObject *name;
        Field *f = &r->all[r->n_all];
        if (!PyArg_ParseTuple(PyTuple_GetItem(fields, i), "iiiiU", &at, &len, &kind, &blank, &name)) return -1;
        if (at < 0 || len < 1 || at + len > size || kind < KIND_C || kind > KIND_A || (kind == KIND_N && len > 18)) {
            PyErr_SetString(PyExc_ValueError, "field outside its record");
            return -1;
        }
        f->at = (uint16_t)at;
        f->len = (uint16_t)len;
        f->table = (uint8_t)i;
        f->kind = (uint8_t)kind;
        f->blank = (uint8_t)(blank != 0);
        choose_write(self, f, low, high);
        for (f->limit = 1, k = 0; kind == KIND_N && k < len; k++) f->limit *= 10;
        whole = set_places(self, r, f, low, high);
        if (kind != KIND_C) {
            if (!whole) r->special[r->n_special++] = (uint16_t)r->n_valued;
            r->valued[r->n_valued] = *f;
            Py_INCREF(name);
            PyUnicode_InternInPlace(&name);
            r->names[r->n_valued++] = name;
        }
        r->n_all++;
    }
    return 0;
}

/* Codec(fixed, quick, text, records, dispatch, structure, fail, attributes): see ctwin.py. */
static PyObject *codec_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *records, *dispatch, *structure, *fail, *attributes, *key, *value;
    const char *text;
    Py_ssize_t n_text, n, i, places;
    int fixed, quick;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Codec *self;
    if (!PyArg_ParseTuple(args, "ppy#O!O!O!OO:Codec", &fixed, &quick, &text, &n_text, &PyTuple_Type, &records, &PyDict_Type,
                          &dispatch, &PyTuple_Type, &structure, &fail, &attributes))
        return NULL;
    if (!(self = (Codec *)alloc(type, 0))) return NULL;
    self->fixed = fixed;
    self->wide = quick && can_scan_wide();
    for (i = 0; i < n_text; i++) self->text[(uint8_t)text[i]] = 1;
    self->hole = only_hole(self);
    Py_INCREF(fail);
    self->fail = fail;
    Py_INCREF(attributes);
    self->attributes = attributes;
    if (!(self->writer_type = PyType_FromSpec(&writer_spec))) goto error;
    if (!(self->tuple_new = PyObject_GetAttrString((PyObject *)&PyTuple_Type, "__new__"))) goto error;
    n = PyTuple_Size(records);
    self->memory = PyMem_Calloc((size_t)n + 1, sizeof(Record));
    self->records = (Record *)(((uintptr_t)self->memory + LINE - 1) / LINE * LINE);
    places = fixed ? BYTES * BYTES : CODES;
    self->dispatch = PyMem_Malloc((size_t)places * sizeof *self->dispatch);
    if (!self->memory || !self->dispatch) {
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
        if (place < 0 || place >= places || index < 0 || index >= n || index > INT8_MAX) {
            PyErr_SetString(PyExc_ValueError, "dispatch outside the table");
            goto error;
        }
        self->dispatch[place] = (int8_t)index;
    }
    if (load_structure(self, structure)) goto error;
    find_kept(&self->kept, quick);
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
    {"scan", (PyCFunction)(void (*)(void))codec_scan, METH_VARARGS | METH_KEYWORDS, "Counts per record of a file found right."},
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

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_USED}, /* objects given to us are read without locks: a free-threaded Python switches its GIL on */
#endif
    {0, NULL},
};
static struct PyModuleDef module_def = {PyModuleDef_HEAD_INIT, "_ctwin", "C twin of tournee.b2.", 0, NULL, module_slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__ctwin(void) { return PyModuleDef_Init(&module_def); }
