/* The C twin of tournee.b2: encodes, decodes and scans records by a descriptor made from the layout tables.
 *
 * It knows kinds of fields, not records: a new record needs no change here. Stable ABI, CPython 3.11 and later. The Python twin
 * (pytwin.py) defines what it must do. Both ways are quick as long as nothing is wrong: texts are checked eight bytes at a time as
 * they are written, a record that is read in one pass over all its places (places.h); only when that finds anything does the exact,
 * ordered search for the first fault run.
 */
#ifndef TOURNEE_TWIN_H
#define TOURNEE_TWIN_H

#define PY_SSIZE_T_CLEAN
#include <pyconfig.h> /* says Py_GIL_DISABLED, which knows no stable ABI */
#ifndef Py_LIMITED_API
#ifndef Py_GIL_DISABLED
#define Py_LIMITED_API 0x030B0000
#endif
#endif
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOT_INLINE __attribute__((noinline))
#else
#define ALWAYS_INLINE static inline
#define NOT_INLINE
#endif

enum { KIND_C, KIND_N, KIND_D, KIND_I, KIND_A };
enum { MAX_FIELDS = 128, MAX_SIZE = 512, STEP = 32, WINDOW = 2 * STEP, LINE = 64, MAX_PLACES = MAX_SIZE + LINE, SUPPLEMENT = 38, CODES = 1000, BYTES = 256, ASCII = 128 };
enum { MAX_ACCS = 64, MAX_RECORDS = 64, MAX_PAIRS = 8, DIGIT_BITS = 30 };
enum { LENGTH_AT = sizeof(PyObject), STATE_AT = LENGTH_AT + sizeof(Py_ssize_t) + sizeof(Py_hash_t) };      /* in a text */
enum { SHAPE_AT = sizeof(PyObject), DIGITS_AT = SHAPE_AT + sizeof(uint64_t) };                          /* in an int */
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

/* A number of a record: added to an accumulator, or what it must have come to. */
typedef struct {
    uint64_t digits;  /* the bits of its digits in the eight bytes that end with it; 0: it is longer, or no eight bytes end there */
    uint16_t at, len;
    int16_t sign_at;  /* place of the sign, -1: none */
    uint8_t acc;
    uint8_t negative; /* adding: subtract */
    uint8_t clears;   /* verifying: the accumulator starts anew */
    uint16_t table;   /* verifying: index in the table's record */
} Amount;

/* Bytes that repeat those of the last record of another type. */
typedef struct {
    uint16_t at, len, other, other_at, other_len;
} Same;

/* What `scan` does with a record, in this order: see cstructure.py. */
typedef struct {
    uint64_t follows;  /* bits of the records that may come next; all ones: any */
    int opens, closes; /* number of the pair, or -1 */
    int plain;         /* nothing of what follows, no pair, no special field: the pass over the places is all */
    int n_resets, n_adds, n_sames, n_verifies;
    uint8_t *resets;
    Amount *adds, *verifies;
    Same *sames;
    int seen; /* the pass over the places sees whether `sames` are right */
} Steps;

/* What may stand in each place, for the one pass over all of them: bit 7 tells what is outside. Behind the record all is 0. */
typedef struct {
    _Alignas(LINE) uint8_t low[MAX_PLACES]; /* the lowest character */
    uint8_t high[MAX_PLACES];               /* 127 - the highest */
    uint8_t gap[MAX_PLACES];                /* 128 - the first of those not permitted in between */
    uint8_t gap_end[MAX_PLACES];            /* 128 - the one behind them */
    uint8_t alike[MAX_PLACES];              /* bits in which a place and the next one agree: blank fields */
    uint8_t repeated[WINDOW];               /* bits that are those of the last record of type `earlier` */
    int blanks, earlier;
} Places;

typedef struct {
    PyObject *cls;
    Field *all, *valued; /* in order of place; `all` has the constants too */
    int n_all, n_valued, n_special;
    uint16_t *special; /* valued fields that the one pass cannot judge alone */
    PyObject **names;  /* attribute names of the valued fields */
    int size, padded;  /* bytes; and made up to whole steps of the pass */
    uint8_t template_[MAX_SIZE];
    Places places;
    Steps steps;
} Record;

/* Where this interpreter keeps the values of objects that never change (kept.c); what was not found is asked for, at a call each. */
typedef struct {
    Py_ssize_t items;                 /* of a tuple; 0: not found */
    uint64_t one_digit, two_digits;   /* the word at SHAPE_AT of a positive int of so many digits */
    uint32_t state_bits, state_ascii; /* the bits of the word at STATE_AT that tell an ASCII text, and what they are then */
    Py_ssize_t text;                  /* of an ASCII text */
} Kept;

typedef struct {
    PyObject_HEAD
    int fixed, n_records;
    Record *records; /* in `memory`, at a cache line */
    void *memory;
    int8_t *dispatch; /* fixed: [first byte][byte 39]; entities: code */
    uint8_t text[256];
    int hole; /* the one character between the lowest and the highest of `text` that it lacks; -1: none or several */
    PyObject *fail;
    int raw_alloc; /* tuples of a class may be made by its allocator (checked at start) */
    Kept kept;
    PyObject *tuple_new;
    PyObject *attributes;  /* of objects: attributes.py */
    PyObject *writer_type; /* objects.c */
    int n_accs, n_pairs;
    uint64_t counted[MAX_ACCS]; /* bits of the records that an accumulator counts; all ones: every one; none: it adds amounts */
    int wide;                   /* this processor has wide registers */
} Codec;

/* fail.c: sets the typed error. `detail` is taken; `value` is borrowed, NULL: none; `bytes` are those of the record. */
PyObject *fail_at(Codec *self, int problem, Py_ssize_t number, int record, int field);
PyObject *fail_valued(Codec *self, int problem, Py_ssize_t number, int record, int valued, PyObject *value);
PyObject *fail_bytes(Codec *self, int problem, Py_ssize_t number, int record, int field, const uint8_t *bytes);
PyObject *fail_detail(Codec *self, int problem, Py_ssize_t number, int record, int field, PyObject *detail, PyObject *value);
int record_index(Codec *self, PyObject *index); /* -1 and an error: there is none */

PyObject *codec_encode(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_encode_rows(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_encode_objects(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_encode_columns(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_decode(Codec *self, PyObject *args, PyObject *kwargs);
PyObject *codec_scan(Codec *self, PyObject *args, PyObject *kwargs);

extern PyType_Spec writer_spec; /* objects.c */
/* taken.c: as many objects of a tuple as need not be asked, from its beginning; -1 and an error. */
Py_ssize_t write_taken(Codec *self, int index, PyObject *seq, Py_ssize_t first, uint8_t *out);

/* decode.c: the first fault of a record in order of place. */
int first_fault(const Codec *self, const Record *r, const uint8_t *p, int *field);

void clear_places(Record *r); /* places.c */
int set_places(const Codec *self, Record *r, const Field *f, int low, int high);
int can_scan_wide(void); /* scan.c */
int load_structure(Codec *self, PyObject *structure); /* structure.c */
void clear_steps(Steps *steps);
int probe_alloc(Codec *self, const Record *r);        /* probe.c */
void find_kept(Kept *kept, int quick);                /* kept.c */

/* The n items of a tuple: where they are, or asked for one by one into `room`. */
static inline PyObject *const *tuple_items(const Codec *self, PyObject *tuple, PyObject **room, int n) {
    if (self->kept.items) return (PyObject *const *)((const char *)tuple + self->kept.items);
    while (n--) room[n] = PyTuple_GetItem(tuple, n);
    return room;
}

static inline PyObject *tuple_item(const Codec *self, PyObject *tuple, Py_ssize_t at) {
    return self->kept.items ? ((PyObject *const *)((const char *)tuple + self->kept.items))[at] : PyTuple_GetItem(tuple, at);
}

/* The value of an exact int, all ones when it is negative or too large; then an exception may be set. */
static inline uint64_t number_of(const Codec *self, PyObject *value) {
    const Kept *kept = &self->kept;
    const uint8_t *at = (const uint8_t *)value;
    uint64_t shape;
    uint32_t digits[2] = {0, 0};
    memcpy(&shape, at + SHAPE_AT, sizeof shape);
    if (shape == kept->one_digit) {
        memcpy(digits, at + DIGITS_AT, sizeof *digits);
        return digits[0];
    }
    if (shape == kept->two_digits) {
        memcpy(digits, at + DIGITS_AT, sizeof digits);
        return digits[0] | (uint64_t)digits[1] << DIGIT_BITS;
    }
    return PyLong_AsUnsignedLongLong(value);
}

/* The UTF-8 bytes of an exact str; NULL and an exception: it has none. */
static inline const uint8_t *text_of(const Codec *self, PyObject *value, Py_ssize_t *size) {
    const Kept *kept = &self->kept;
    uint32_t state;
    memcpy(&state, (const uint8_t *)value + STATE_AT, sizeof state);
    if ((state & kept->state_bits) == kept->state_ascii) {
        memcpy(size, (const uint8_t *)value + LENGTH_AT, sizeof *size);
        return (const uint8_t *)value + kept->text;
    }
    return (const uint8_t *)PyUnicode_AsUTF8AndSize(value, size);
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

static inline int text_holes(const Codec *self, int low, int high) {
    int c;
    for (c = low; c <= high; c++)
        if (!self->text[c]) return 1;
    return 0;
}

static inline int all_spaces(const uint8_t *p, Py_ssize_t n) {
    uint64_t w;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&w, p, 8);
        if (w != 0x2020202020202020) return 0;
    }
    while (n > 0)
        if (p[--n] != ' ') return 0;
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
    if (self->fixed) return self->dispatch[p[0] * BYTES + p[SUPPLEMENT]];
    if (left < 3 || !is_digit(p[0]) || !is_digit(p[1]) || !is_digit(p[2])) return -1;
    return self->dispatch[(p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0')];
}

#endif
