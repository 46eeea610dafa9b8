/* Checks a whole file without making an object: format, order, pairs, counters, totals, repeated fields. Runs without the GIL. */
#include "digits.h"
#include "twin.h"

enum { MAX_ACCS = 64, MAX_RECORDS = 64, MAX_PAIRS = 8 };

typedef struct {
    int problem, record, field;
    Py_ssize_t number;
    const uint8_t *at; /* the record, when a field of it is at fault */
    int64_t said, value; /* COUNT, TOTAL */
} Fault;

typedef struct {
    int64_t accs[MAX_ACCS];
    const uint8_t *last[MAX_RECORDS];
    int64_t counts[MAX_RECORDS];
    int stack[MAX_PAIRS], depth, before;
} State;

static int64_t add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static int64_t signed_at(const Op *op, const uint8_t *p) {
    int64_t v = number_at(p + op->at, op->len);
    return op->sign_at >= 0 && p[op->sign_at] == 'N' ? -v : v;
}

/* 0 when equal, else 1 + place of the first difference. Fields of different width are numbers. */
static int differs(const Op *op, const uint8_t *mine, const uint8_t *theirs) {
    const uint8_t *a = mine + op->at, *b = theirs + op->other_at;
    int i, n = op->len, m = op->other_len;
    if (n == m) {
        if (same_bytes(a, b, n)) return 0;
        for (i = 0; a[i] == b[i]; i++) {}
        return 1 + op->at + i;
    }
    for (i = 1; i <= n || i <= m; i++) {
        uint8_t x = i <= n ? a[n - i] : '0', y = i <= m ? b[m - i] : '0';
        if (x != y) return 1 + op->at;
    }
    return 0;
}

static int field_at(const Record *r, int place) {
    int i;
    for (i = 0; i < r->n_all; i++)
        if (place < r->all[i].at + r->all[i].len) return r->all[i].table;
    return -1;
}

static int misplaced(const Codec *self, const Record *r, int index, State *s, Py_ssize_t number) {
    int i;
    if (number == 1) {
        if (self->n_pairs && r->opens != 0) return 1;
    } else if (s->before >= 0) {
        const Record *before = &self->records[s->before];
        if (before->closes == 0 || !(before->follows >> index & 1)) return 1;
    }
    if (r->opens >= 0) {
        for (i = 0; i < s->depth; i++)
            if (s->stack[i] == r->opens) return 1;
        s->stack[s->depth++] = r->opens;
    } else if (r->closes >= 0) {
        if (!s->depth || s->stack[s->depth - 1] != r->closes) return 1;
        s->depth--;
    }
    s->before = index;
    return 0;
}

static int run_ops(const Record *r, const uint8_t *p, State *s, Fault *fault) {
    int i;
    for (i = 0; i < r->n_ops; i++) {
        const Op *op = &r->ops[i];
        int64_t said;
        int place;
        switch (op->code) {
        case OP_RESET:
        case OP_CLEAR:
            s->accs[op->acc] = 0;
            break;
        case OP_COUNT:
            s->accs[op->acc]++;
            break;
        case OP_ADD:
            said = signed_at(op, p);
            s->accs[op->acc] = add(s->accs[op->acc], op->negative ? -said : said);
            break;
        case OP_SAME:
            if (s->last[op->other] && (place = differs(op, p, s->last[op->other]))) {
                fault->problem = MISMATCH;
                fault->field = field_at(r, place - 1);
                return 1;
            }
            break;
        default:
            said = signed_at(op, p);
            if (said != s->accs[op->acc]) {
                fault->problem = op->other ? COUNT : TOTAL;
                fault->field = op->table;
                fault->said = said;
                fault->value = s->accs[op->acc];
                return 1;
            }
        }
    }
    return 0;
}

/* Bytes before the first fault, or all of them. */
static void scan(const Codec *self, const uint8_t *p, Py_ssize_t left, State *s, Fault *fault) {
    Py_ssize_t number = 0;
    int index = -1;
    while (left > 0) {
        const Record *r;
        fault->number = ++number;
        fault->record = fault->field = -1;
        if (self->fixed && left < 128) {
            fault->problem = TRUNCATED;
            return;
        }
        if ((index = find_record(self, p, left)) < 0) {
            fault->problem = UNKNOWN_RECORD;
            return;
        }
        r = &self->records[index];
        fault->record = index;
        fault->at = p;
        if (left < r->size) {
            fault->problem = TRUNCATED;
            return;
        }
        if ((out_of_bounds(r, p) || special_fault(self, r, p)) && (fault->problem = first_fault(self, r, p, &fault->field))) return;
        fault->field = -1;
        if (misplaced(self, r, index, s, number)) {
            fault->problem = ORDER;
            return;
        }
        if (run_ops(r, p, s, fault)) return;
        s->last[index] = p;
        s->counts[index]++;
        p += r->size;
        left -= r->size;
    }
    if (s->depth) {
        fault->problem = TRUNCATED;
        fault->record = -2 - s->stack[s->depth - 1]; /* of this pair */
        fault->field = -1;
    }
}

PyObject *codec_scan(Codec *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"data", NULL};
    Py_buffer view;
    PyObject *out = NULL, *detail;
    State state;
    Fault fault;
    int i;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*:scan", names, &view)) return NULL;
    memset(&state, 0, sizeof state);
    memset(&fault, 0, sizeof fault);
    state.before = -1;
    Py_BEGIN_ALLOW_THREADS
    scan(self, view.buf, view.len, &state, &fault);
    Py_END_ALLOW_THREADS
    if (fault.problem == CHARACTERS || fault.problem == CONSTANT || fault.problem == TERMINATOR) {
        fail_bytes(self, fault.problem, fault.number, fault.record, fault.field, fault.at);
        PyBuffer_Release(&view);
        return NULL;
    }
    PyBuffer_Release(&view);
    if (fault.problem) {
        if (fault.record <= -2) {
            int pair = -2 - fault.record;
            for (i = 0; i < self->n_records; i++)
                if (self->records[i].closes == pair) fault.record = i;
        }
        if (fault.problem != COUNT && fault.problem != TOTAL) return fail_at(self, fault.problem, fault.number, fault.record, fault.field);
        detail = PyUnicode_FromFormat("%lld au lieu de %lld", (long long)fault.said, (long long)fault.value);
        return fail_detail(self, fault.problem, fault.number, fault.record, fault.field, detail, NULL);
    }
    if (!(out = PyTuple_New(self->n_records))) return NULL;
    for (i = 0; i < self->n_records; i++) {
        PyObject *count = PyLong_FromLongLong(state.counts[i]);
        if (!count || PyTuple_SetItem(out, i, count)) {
            Py_DECREF(out);
            return NULL;
        }
    }
    return out;
}

/* ((follows, opens, closes, ((code, acc, at, len, sign_at, negative, other, other_at, other_len, table), …)), …), accs, pairs. */
int load_structure(Codec *self, PyObject *structure) {
    PyObject *rows;
    Py_ssize_t i, k;
    if (!PyArg_ParseTuple(structure, "O!ii", &PyTuple_Type, &rows, &self->n_accs, &self->n_pairs)) return -1;
    if (self->n_accs > MAX_ACCS || self->n_pairs > MAX_PAIRS || self->n_records > MAX_RECORDS || PyTuple_Size(rows) != self->n_records) {
        PyErr_SetString(PyExc_ValueError, "structure too large for the C twin");
        return -1;
    }
    for (i = 0; i < self->n_records; i++) {
        Record *r = &self->records[i];
        PyObject *ops;
        unsigned long long follows;
        if (!PyArg_ParseTuple(PyTuple_GetItem(rows, i), "KiiO!", &follows, &r->opens, &r->closes, &PyTuple_Type, &ops)) return -1;
        r->follows = follows;
        r->n_ops = (int)PyTuple_Size(ops);
        if (!(r->ops = PyMem_Calloc((size_t)r->n_ops + 1, sizeof(Op)))) {
            PyErr_NoMemory();
            return -1;
        }
        for (k = 0; k < r->n_ops; k++) {
            Op *op = &r->ops[k];
            if (!PyArg_ParseTuple(PyTuple_GetItem(ops, k), "hhHHhhhHHH", &op->code, &op->acc, &op->at, &op->len, &op->sign_at,
                                  &op->negative, &op->other, &op->other_at, &op->other_len, &op->table))
                return -1;
            if (op->acc < 0 || op->acc >= MAX_ACCS || op->at + op->len > r->size || op->sign_at >= r->size || op->other < 0 ||
                op->other >= self->n_records || op->other_at + op->other_len > self->records[op->other].size) {
                PyErr_SetString(PyExc_ValueError, "check outside the table");
                return -1;
            }
        }
    }
    return 0;
}
