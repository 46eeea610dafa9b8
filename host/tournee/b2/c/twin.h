/* The C twin of tournee.b2: encodes, decodes and scans records by a descriptor made from the layout tables.
 *
 * It knows kinds of fields, not records: a new record needs no change here. Stable ABI, CPython 3.11 and later. The Python twin
 * (pytwin.py) defines what it must do. Both ways are quick as long as nothing is wrong: texts are checked eight bytes at a time as
 * they are written, a record that is read in one pass against the lowest and highest character of each place; only when that finds
 * anything does the exact, ordered search for the first fault run.
 */
#ifndef TOURNEE_TWIN_H
#define TOURNEE_TWIN_H

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
enum problem { OK, TYPE, MISSING, OVERFLOW_, NEGATIVE, CHARACTERS, CONSTANT, TERMINATOR, ARITY, UNKNOWN_RECORD, TRUNCATED,
               ORDER, COUNT, TOTAL, MISMATCH };

/* How a value is written: chosen once, by kind and length. */
enum write_op { WRITE_TEXT, WRITE_HOLED, WRITE_CAPITALS, WRITE_1, WRITE_2, WRITE_3, WRITE_4, WRITE_5, WRITE_6, WRITE_7, WRITE_8, WRITE_LONG };

typedef struct {
    uint16_t at, len;               /* 0-based place, bytes */
    uint8_t table, kind, blank, op; /* `table`: index in the table's record */
    uint64_t limit;                 /* N: 10^len */
    uint64_t low, high, hole;       /* texts: in each byte the lowest character, 127 - the highest, what is lacking in between */
} Field;

/* One step of a check, in order: all that add, then what must repeat an earlier record, then what must agree. */
enum op { OP_RESET, OP_COUNT, OP_ADD, OP_SAME, OP_VERIFY, OP_CLEAR };

typedef struct Op {
    int16_t code, acc;
    uint16_t at, len;
    int16_t sign_at;  /* place of the sign, -1: none */
    int16_t negative; /* subtract */
    int16_t other;    /* SAME: record whose last one is repeated; VERIFY: 1 for a counter */
    uint16_t other_at, other_len, table;
} Op;

typedef struct {
    PyObject *cls;
    Field *all, *valued; /* in order of place; `all` has the constants too */
    int n_all, n_valued, n_special;
    uint16_t *special; /* valued fields that the one-pass check cannot judge alone */
    PyObject **names;  /* attribute names of the valued fields */
    int size;
    uint8_t template_[MAX_SIZE];
    uint8_t low[MAX_SIZE], span[MAX_SIZE]; /* of each place: lowest character, highest less lowest */
    int holed;                             /* texts may not hold all characters in between */
    int before_end;                        /* bytes before a closing '@' */
    /* What `scan` does with such a record. */
    uint64_t follows; /* bits of the records that may come next; all ones: any */
    int opens, closes; /* number of the pair, or -1 */
    struct Op *ops;
    int n_ops;
} Record;

typedef struct {
    PyObject_HEAD
    int fixed, n_records;
    Record *records;
    int16_t *dispatch; /* fixed: [first byte][byte 39]; entities: code */
    uint8_t text[256];
    int hole; /* the one character between the lowest and the highest of `text` that it lacks; -1: none or several */
    PyObject *fail;
    int raw_alloc; /* tuples of a class may be made by its allocator (checked at start) */
    Py_ssize_t items_at; /* where a tuple of this interpreter keeps its items (found at start), 0: ask PyTuple_GetItem */
    PyObject *tuple_new;
    PyObject *slot_type; /* type of the descriptors of __slots__ */
    int n_accs, n_pairs;
} Codec;

/* module.c: sets the typed error. `detail` is taken; `value` is borrowed, NULL: none; `bytes` are those of the record. */
PyObject *fail_at(Codec *self, int problem, Py_ssize_t number, int record, int field);
PyObject *fail_valued(Codec *self, int problem, Py_ssize_t number, int record, int valued, PyObject *value);
PyObject *fail_bytes(Codec *self, int problem, Py_ssize_t number, int record, int field, const uint8_t *bytes);
PyObject *fail_detail(Codec *self, int problem, Py_ssize_t number, int record, int field, PyObject *detail, PyObject *value);
int check_index(Codec *self, int index);

PyObject *codec_encode(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_encode_rows(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_encode_objects(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_encode_columns(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_decode(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_scan(Codec *self, PyObject *args, PyObject *kwargs);

/* decode.c: the first fault of a record in order of place. */
int first_fault(const Codec *self, const Record *r, const uint8_t *p, int *field);

int load_structure(Codec *self, PyObject *structure); /* scan.c */
int probe_alloc(Codec *self, const Record *r);        /* probe.c */
Py_ssize_t probe_items(void);

/* The n items of a tuple: where they are, or asked for one by one into `room`. */
static inline PyObject *const *tuple_items(const Codec *self, PyObject *tuple, PyObject **room, int n) {
    if (self->items_at) return (PyObject *const *)((const char *)tuple + self->items_at);
    while (n--) room[n] = PyTuple_GetItem(tuple, n);
    return room;
}

static inline int is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }
static inline int is_capital(uint8_t c) { return is_digit(c) || (uint8_t)(c - 'A') < 26; }

static inline int permitted(const Codec *self, const Field *f, const uint8_t *p, Py_ssize_t n) {
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

static inline int all_spaces(const uint8_t *p, Py_ssize_t n) {
    Py_ssize_t i;
    for (i = 0; i < n; i++)
        if (p[i] != ' ') return 0;
    return 1;
}

/* memcmp of a few bytes without a call. */
static inline int same_bytes(const uint8_t *a, const uint8_t *b, int n) {
    uint64_t x, y, differ = 0;
    uint32_t u, v, w, z;
    int i;
    if (n >= 8) {
        for (i = 0; i + 8 < n; i += 8) {
            memcpy(&x, a + i, 8);
            memcpy(&y, b + i, 8);
            differ |= x ^ y;
        }
        memcpy(&x, a + n - 8, 8);
        memcpy(&y, b + n - 8, 8);
        return !(differ | (x ^ y));
    }
    if (n >= 4) {
        memcpy(&u, a, 4);
        memcpy(&v, b, 4);
        memcpy(&w, a + n - 4, 4);
        memcpy(&z, b + n - 4, 4);
        return !((u ^ v) | (w ^ z));
    }
    return a[0] == b[0] && (n < 2 || (a[1] == b[1] && a[n - 1] == b[n - 1]));
}

/* The record that begins at p, or -1. */
static inline int find_record(const Codec *self, const uint8_t *p, Py_ssize_t left) {
    if (self->fixed) return p[0] >= ASCII ? -1 : self->dispatch[p[0] * ASCII + (p[SUPPLEMENT] < ASCII ? p[SUPPLEMENT] : 0)];
    if (left < 3 || !is_digit(p[0]) || !is_digit(p[1]) || !is_digit(p[2])) return -1;
    return self->dispatch[(p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0')];
}

/* One pass over a record, which compilers make wide: 1 when a byte is outside the bounds of its place. */
static inline int out_of_bounds(const Record *r, const uint8_t *p) {
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

/* 1 when n bytes, each within ' '..'9', are all spaces or all digits. */
static inline int blank_or_digits(const uint8_t *p, int n) {
    uint64_t x, y, all = 0, any = 0;
    uint32_t u, v;
    int i;
    if (n >= 8) {
        all = ~all;
        for (i = 0; i + 8 < n; i += 8) {
            memcpy(&x, p + i, 8);
            all &= x;
            any |= x ^ 0x2020202020202020;
        }
        memcpy(&y, p + n - 8, 8);
        all &= y;
        any |= y ^ 0x2020202020202020;
        return !any || !(~all & 0x1010101010101010); /* ' '..'/' lack this bit, '0'..'9' have it */
    }
    if (n >= 4) {
        memcpy(&u, p, 4);
        memcpy(&v, p + n - 4, 4);
        return !((u ^ 0x20202020) | (v ^ 0x20202020)) || !(~(u & v) & 0x10101010);
    }
    return is_digit(p[0]) ? n < 2 || (is_digit(p[1]) && is_digit(p[n - 1])) : all_spaces(p, n);
}

/* 1 when n bytes, each within '0'..'Z', are all digits or capitals. */
static inline int capitals_only(const uint8_t *p, int n) {
    uint64_t x, in_between = 0;
    int i;
    if (n < 8) {
        while (n--)
            if (!is_capital(p[n])) return 0;
        return 1;
    }
    for (i = 0; i < n; i += 8) {
        memcpy(&x, p + (i + 8 > n ? n - 8 : i), 8);
        in_between |= (x + 0x4646464646464646) & ~(x + 0x3F3F3F3F3F3F3F3F); /* bit 7: from ':', not from 'A' */
    }
    return !(in_between & 0x8080808080808080);
}

/* What the bounds let through and the field does not permit. */
static inline int special_fault(const Codec *self, const Record *r, const uint8_t *p) {
    int i, holes = r->holed && (self->hole < 0 || memchr(p, self->hole, (size_t)r->before_end));
    for (i = 0; i < r->n_special; i++) {
        const Field *f = &r->valued[r->special[i]];
        const uint8_t *q = p + f->at;
        if (f->kind == KIND_A) {
            if (holes && !permitted(self, f, q, f->len)) return 1;
        } else if (f->kind == KIND_I) {
            if (f->blank && q[0] == ' ') {
                if (!all_spaces(q, f->len)) return 1;
            } else if (!(f->blank ? permitted(self, f, q, f->len) : capitals_only(q, f->len))) {
                return 1;
            }
        } else if (!blank_or_digits(q, f->len)) {
            return 1;
        }
    }
    return 0;
}

#endif
