/* Values into the bytes of a record. */
#ifndef TOURNEE_WRITE_H
#define TOURNEE_WRITE_H
#include "digits.h"
#include "twin.h"

#define EACH_BYTE(c) (0x0101010101010101u * (uint64_t)(c))

/* Nonzero when one of eight bytes is not between the lowest and the highest of its field, or is what the field lacks in between. */
static inline uint64_t bad_word(const Field *f, uint64_t w) {
    uint64_t bad = w | (w - f->low) | (w + f->high);
    if (f->op >= WRITE_HOLED) {
        uint64_t x = w ^ f->hole;
        if (f->op == WRITE_HOLED)
            bad |= (x - EACH_BYTE(1)) & ~x;
        else /* ':' to '@' */
            bad |= (w + EACH_BYTE(128 - ':')) & ~(w + EACH_BYTE(128 - 'A'));
    }
    return bad & EACH_BYTE(0x80);
}

/* Copies a text of n <= len bytes that its field permits; nonzero when it does not. */
static inline uint64_t copy_checked(const Field *f, uint8_t *dst, const uint8_t *src, Py_ssize_t n) {
    uint64_t bad = 0, w, v;
    Py_ssize_t i;
    uint32_t a, b;
    uint16_t c, d;
    if (n >= 8) {
        for (i = 0; i + 16 < n; i += 8) {
            memcpy(&w, src + i, 8);
            memcpy(dst + i, &w, 8);
            bad |= bad_word(f, w);
        }
        memcpy(&w, src + i, 8);
        memcpy(&v, src + n - 8, 8);
        memcpy(dst + i, &w, 8);
        memcpy(dst + n - 8, &v, 8);
        return bad | bad_word(f, w) | bad_word(f, v);
    }
    if (n >= 4) {
        memcpy(&a, src, 4);
        memcpy(&b, src + n - 4, 4);
        memcpy(dst, &a, 4);
        memcpy(dst + n - 4, &b, 4);
        return bad_word(f, a | (uint64_t)b << 32);
    }
    if (n >= 2) {
        memcpy(&c, src, 2);
        memcpy(&d, src + n - 2, 2);
        memcpy(dst, &c, 2);
        memcpy(dst + n - 2, &d, 2);
        return bad_word(f, 0x0000000100000001u * (uint64_t)(c | (uint32_t)d << 16));
    }
    if (!n) return 0;
    *dst = *src;
    return bad_word(f, EACH_BYTE(*src));
}

/* n bytes c without a call. */
static inline void fill(uint8_t *dst, uint8_t c, Py_ssize_t n) {
    const uint64_t word = EACH_BYTE(c);
    Py_ssize_t i;
    if (n >= 8) {
        for (i = 0; i + 8 < n; i += 8) memcpy(dst + i, &word, 8);
        memcpy(dst + n - 8, &word, 8);
    } else if (n >= 4) {
        memcpy(dst, &word, 4);
        memcpy(dst + n - 4, &word, 4);
    } else {
        while (n) dst[--n] = c;
    }
}

/* Text of n bytes into its field; the destination holds the template (spaces). Order of checks as in pytwin._write. */
static inline int write_text(const Codec *self, const Field *f, const uint8_t *text, Py_ssize_t n, uint8_t *dst) {
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
static inline int write_exact(const Codec *self, const Field *f, PyObject *value, uint8_t *dst) {
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
        write_number(dst + f->at, f->op, f->len, (uint64_t)v);
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

/* A value of the usual type and length; 1 when write_exact must judge. What is written is right by construction or was checked. */
ALWAYS_INLINE int write_quick(const Codec *self, const Field *f, PyObject *value, uint8_t *p) {
    if (f->kind == KIND_N) {
        if (Py_TYPE(value) == &PyLong_Type) {
            uint64_t v = number_of(self, value);
            if (v >= f->limit) return 1; /* also the largest of all, which says that it cannot be converted */
            write_number(p, f->op, f->len, v);
            return 0;
        }
    } else if (Py_TYPE(value) == &PyUnicode_Type) {
        Py_ssize_t size;
        const uint8_t *text = text_of(self, value, &size);
        if (!text) return 1;
        if (size != f->len) {
            if (size > f->len || (size == 0 && f->kind != KIND_A)) return 1;
            if (f->kind == KIND_A) {
                fill(p + size, ' ', f->len - size);
            } else {
                fill(p, '0', f->len - size);
                p += f->len - size;
            }
        }
        return copy_checked(f, p, text, size) != 0;
    }
    if (value != Py_None || !f->blank) return 1;
    fill(p, ' ', f->len);
    return 0;
}

/* The bytes that a record begins with: those of the one before it, or the template. */
static inline void begin_record(const Record *r, const uint8_t *from, uint8_t *dst) {
    if (r->size == 128)
        memcpy(dst, from, 128);
    else
        memcpy(dst, from, (size_t)r->size);
}

/* write.c: field by field in order, every check: 0, or the first problem and its valued field. */
int write_slowly(const Codec *self, const Record *r, PyObject *const *items, uint8_t *dst, int *fault);

/* The values of a record into its bytes; on a fault its problem and the valued field.
 *
 * `before` are the items of a record of the same type whose bytes stand at `dst_before`, still alive, or NULL: numbers and texts do
 * not change, so that the very same object has the same bytes, and what a bill repeats from line to line is written once.
 */
static inline int write_record(const Codec *self, const Record *r, PyObject *const *items, PyObject *const *before,
                               const uint8_t *dst_before, uint8_t *dst, int *fault) {
    static PyObject *const nothing[MAX_FIELDS] = {NULL};
    const Field *f = r->valued, *end = f + r->n_valued;
    begin_record(r, before ? dst_before : r->template_, dst);
    if (!before) before = nothing;
    for (; f < end; f++, items++, before++)
        if (*items != *before && write_quick(self, f, *items, dst + f->at)) return write_slowly(self, r, items - (f - r->valued), dst, fault);
    return OK;
}

#endif
