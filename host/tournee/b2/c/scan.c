/* Checks a whole file without making an object: format, order, pairs, counters, totals, repeated fields. Runs without the GIL. */
#include "digits.h"
#include "places.h"
#include "twin.h"

typedef struct {
    int problem, record, field;
    Py_ssize_t number;
    const uint8_t *at;   /* the record, when a field of it is at fault */
    int64_t said, value; /* COUNT, TOTAL */
} Fault;

typedef struct {
    int64_t accs[MAX_ACCS];           /* amounts; of what counts: less what was counted at its start */
    const uint8_t *last[MAX_RECORDS + 1]; /* of each type, NULL: none yet; the last one stays so */
    int64_t counts[MAX_RECORDS], number;
    uint64_t allowed; /* bits of the records that may come */
    int stack[MAX_PAIRS], depth;
} State;

static int64_t add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static inline int64_t amount_at(const Amount *a, const uint8_t *p) {
    int64_t v = a->digits ? word_number(word_at(p + a->at + a->len - 8) & a->digits) : number_at(p + a->at, a->len);
    return a->sign_at >= 0 && p[a->sign_at] == 'N' ? -v : v;
}

/* Records so far that accumulator `acc` counts. */
static inline int64_t counted(const Codec *self, const State *s, int acc) {
    uint64_t bits = self->counted[acc];
    const int64_t *count = s->counts;
    int64_t n = 0;
    if (!~bits) return s->number;
    for (; bits; bits >>= 1, count++)
        if (bits & 1) n += *count;
    return n;
}

static inline void begin(const Codec *self, State *s, int acc) { s->accs[acc] = -counted(self, s, acc); }

/* 1 + place of the first difference, or 0. Fields of different width are numbers. */
static int differs(const Same *same, const uint8_t *mine, const uint8_t *theirs) {
    const uint8_t *a = mine + same->at, *b = theirs + same->other_at;
    int i, n = same->len, m = same->other_len;
    if (n == m) {
        for (i = 0; i < n; i++)
            if (a[i] != b[i]) return 1 + same->at + i;
        return 0;
    }
    if (all_spaces(a, n) && all_spaces(b, m)) return 0; /* both are blank */
    for (i = 1; i <= n || i <= m; i++) {
        uint8_t x = i <= n ? a[n - i] : '0', y = i <= m ? b[m - i] : '0';
        if (x != y) return 1 + same->at;
    }
    return 0;
}

static int field_at(const Record *r, int place) {
    int i;
    for (i = 0; i < r->n_all; i++)
        if (place < r->all[i].at + r->all[i].len) return r->all[i].table;
    return -1;
}

/* The field that does not repeat an earlier record's, or -1. */
static int unlike(const Record *r, const uint8_t *p, const State *s) {
    int i, place;
    for (i = 0; i < r->steps.n_sames; i++) {
        const Same *same = &r->steps.sames[i];
        if (s->last[same->other] && (place = differs(same, p, s->last[same->other]))) return field_at(r, place - 1);
    }
    return -1;
}

/* Opens or closes a pair of records; 1 when the pairs do not nest. */
static int unpaired(const Steps *steps, State *s) {
    int i;
    if (steps->opens >= 0) {
        for (i = 0; i < s->depth; i++)
            if (s->stack[i] == steps->opens) return 1;
        s->stack[s->depth++] = steps->opens;
    } else if (steps->closes >= 0) {
        if (!s->depth || s->stack[s->depth - 1] != steps->closes) return 1;
        s->depth--;
    }
    return 0;
}

/* The counter or total that is wrong, or NULL. */
static inline const Amount *wrong_total(const Codec *self, const Steps *steps, const uint8_t *p, State *s, Fault *fault) {
    int i;
    for (i = 0; i < steps->n_verifies; i++) {
        const Amount *a = &steps->verifies[i];
        int64_t said = amount_at(a, p), value = add(s->accs[a->acc], counted(self, s, a->acc));
        if (said != value) {
            fault->said = said;
            fault->value = value;
            return a;
        }
        if (a->clears) begin(self, s, a->acc);
    }
    return NULL;
}

/* The record that closes a pair. */
static int closing(const Codec *self, int pair) {
    int i;
    for (i = 0; i < self->n_records && self->records[i].steps.closes != pair; i++) {}
    return i;
}

static int stop(Fault *fault, int problem, Py_ssize_t number, int record, int field) {
    fault->number = number;
    fault->record = record;
    fault->field = field;
    return fault->problem = problem;
}

static inline void passed(State *s, const Steps *steps, int index) {
    s->allowed = steps->follows;
    s->number++;
    s->counts[index]++;
}

/* All that there is to see of a record; `odd`: the pass over its places found something. Not 0: stopped. */
NOT_INLINE static int look(const Codec *self, const uint8_t *p, int index, int odd, State *s, Fault *fault) {
    const Record *r = &self->records[index];
    const Steps *steps = &r->steps;
    const Amount *a;
    Py_ssize_t number = s->number + 1;
    int i, field;
    if ((odd || special_fault(self, r, p)) && (i = first_fault(self, r, p, &field))) {
        fault->at = p;
        return stop(fault, i, number, index, field);
    }
    if (!(s->allowed >> index & 1) || unpaired(steps, s)) return stop(fault, ORDER, number, index, -1);
    for (i = 0; i < steps->n_resets; i++) begin(self, s, steps->resets[i]);
    for (i = 0; i < steps->n_adds; i++) {
        int64_t v = amount_at(&steps->adds[i], p), *acc = &s->accs[steps->adds[i].acc];
        *acc = add(*acc, steps->adds[i].negative ? -v : v);
    }
    passed(s, steps, index);
    if ((odd || !steps->seen) && (field = unlike(r, p, s)) >= 0) return stop(fault, MISMATCH, number, index, field);
    if ((a = wrong_total(self, steps, p, s, fault))) return stop(fault, self->counted[a->acc] ? COUNT : TOTAL, number, index, a->table);
    return OK;
}

/* Up to the first fault, or all bytes. `fixed` is known where this is inlined, so that a record's place does not wait for its type. */
ALWAYS_INLINE int scan(const Codec *self, const uint8_t *p, Py_ssize_t left, State *s, Fault *fault, int fixed) {
    uint8_t room[MAX_PLACES + 1];
    int index, size;
    for (; left > 0; s->last[index] = p, p += size, left -= size) {
        const Record *r;
        const uint8_t *whole, *earlier;
        int odd;
        if (fixed && left < 128) return stop(fault, TRUNCATED, s->number + 1, -1, -1);
        if ((index = find_record(self, p, left)) < 0) return stop(fault, UNKNOWN_RECORD, s->number + 1, -1, -1);
        r = &self->records[index];
        size = fixed ? 128 : r->size;
        if (left < size) return stop(fault, TRUNCATED, s->number + 1, index, -1);
        whole = padded(r, p, left, room);
        earlier = s->last[r->places.earlier];
        odd = misfit(&r->places, whole, fixed ? 128 : r->padded, earlier ? earlier : whole);
        if (r->steps.plain && !odd && s->allowed >> index & 1) {
            passed(s, &r->steps, index);
        } else if (look(self, p, index, odd, s, fault)) {
            return fault->problem;
        }
    }
    return s->depth ? stop(fault, TRUNCATED, s->number, closing(self, s->stack[s->depth - 1]), -1) : OK;
}

/* The same twice: for every processor of the kind that this is built for, and for those with wider registers, when it is known. */
static void scan_plain(const Codec *self, const uint8_t *p, Py_ssize_t left, State *s, Fault *fault) {
    if (self->fixed)
        scan(self, p, left, s, fault, 1);
    else
        scan(self, p, left, s, fault, 0);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) static void scan_wide(const Codec *self, const uint8_t *p, Py_ssize_t left, State *s, Fault *fault) {
    if (self->fixed)
        scan(self, p, left, s, fault, 1);
    else
        scan(self, p, left, s, fault, 0);
}

int can_scan_wide(void) { return __builtin_cpu_supports("avx2"); }
#else
static void scan_wide(const Codec *self, const uint8_t *p, Py_ssize_t left, State *s, Fault *fault) { scan_plain(self, p, left, s, fault); }

int can_scan_wide(void) { return 0; }
#endif

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
    state.allowed = ~(uint64_t)0;
    for (i = 0; self->n_pairs && i < self->n_records; i++)
        if (self->records[i].steps.opens != 0) state.allowed &= ~((uint64_t)1 << i);
    Py_BEGIN_ALLOW_THREADS
    (self->wide ? scan_wide : scan_plain)(self, view.buf, view.len, &state, &fault);
    Py_END_ALLOW_THREADS
    if (fault.problem == CHARACTERS || fault.problem == CONSTANT || fault.problem == TERMINATOR) {
        fail_bytes(self, fault.problem, fault.number, fault.record, fault.field, fault.at);
        PyBuffer_Release(&view);
        return NULL;
    }
    PyBuffer_Release(&view);
    if (fault.problem == COUNT || fault.problem == TOTAL) {
        detail = PyUnicode_FromFormat("%lld au lieu de %lld", (long long)fault.said, (long long)fault.value);
        return fail_detail(self, fault.problem, fault.number, fault.record, fault.field, detail, NULL);
    }
    if (fault.problem) return fail_at(self, fault.problem, fault.number, fault.record, fault.field);
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
