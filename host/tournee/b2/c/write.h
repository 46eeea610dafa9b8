/* Values into the bytes of a record. */
#ifndef TOURNEE_WRITE_H
#define TOURNEE_WRITE_H
#include "twin.h"

/* memcpy of a few bytes without a call. */
static inline void copy_text(uint8_t *dst, const void *from, Py_ssize_t n) {
    const uint8_t *src = from;
    if (n >= 8) {
        if (n > 16) {
            memcpy(dst, src, (size_t)n);
        } else {
            memcpy(dst, src, 8);
            memcpy(dst + n - 8, src + n - 8, 8);
        }
    } else if (n >= 4) {
        memcpy(dst, src, 4);
        memcpy(dst + n - 4, src + n - 4, 4);
    } else if (n >= 2) {
        memcpy(dst, src, 2);
        memcpy(dst + n - 2, src + n - 2, 2);
    } else if (n) {
        *dst = *src;
    }
}

/* Eight decimal digits at once: halves, quarters, digits in the lanes of one word. The first digit is the lowest byte. */
static inline uint64_t eight_digits(uint32_t v) {
    uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32, q;
    q = (x * 10486 >> 20) & 0x0000007F0000007F;
    x = (x - 100 * q) << 16 | q;
    q = (x * 103 >> 10) & 0x000F000F000F000F;
    x = (x - 10 * q) << 8 | q;
    return x | 0x3030303030303030;
}

static inline void write_digits(uint8_t *dst, int len, uint64_t v) {
    uint8_t bytes[8];
    uint64_t word;
    int i;
    while (len > 8) {
        dst[--len] = (uint8_t)('0' + v % 10);
        v /= 10;
    }
    word = eight_digits((uint32_t)v) >> 8 * (8 - len);
    for (i = 0; i < 8; i++) bytes[i] = (uint8_t)(word >> 8 * i); /* one store where the lowest byte comes first */
    copy_text(dst, bytes, len);
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

/* The values of a record into its bytes; on a fault its problem and the valued field.
 *
 * `before` are the items of a record of the same type whose bytes stand at `dst_before`, still alive, or NULL: numbers and texts do
 * not change, so that the very same object has the same bytes, and what a bill repeats from line to line is written once.
 */
static inline int write_record(const Codec *self, const Record *r, PyObject *const *items, PyObject *const *before,
                               const uint8_t *dst_before, uint8_t *dst, int *fault) {
    int i, problem, n = r->n_valued;
    memcpy(dst, before ? dst_before : r->template_, (size_t)r->size);
    for (i = 0; i < n; i++) {
        const Field *f = &r->valued[i];
        PyObject *value = items[i];
        uint8_t *p = dst + f->at;
        if (before && value == before[i]) continue;
        if (f->kind == KIND_N) {
            int overflow = 0;
            long long v;
            if (Py_TYPE(value) != &PyLong_Type) {
                if (value != Py_None || !f->blank) goto exact;
                memset(p, ' ', f->len);
                continue;
            }
            v = PyLong_AsLongLongAndOverflow(value, &overflow);
            if (overflow || v < 0 || (uint64_t)v >= f->limit) goto exact;
            write_digits(p, f->len, (uint64_t)v);
        } else {
            const char *text;
            Py_ssize_t size;
            if (Py_TYPE(value) != &PyUnicode_Type) {
                if (value != Py_None || !f->blank) goto exact;
                memset(p, ' ', f->len);
                continue;
            }
            text = PyUnicode_AsUTF8AndSize(value, &size);
            if (!text) {
                PyErr_Clear();
                goto exact;
            }
            if (size == f->len) {
                copy_text(p, text, size);
            } else if (size > f->len) {
                goto exact;
            } else if (f->kind == KIND_A) {
                if (before) memset(p, ' ', f->len);
                copy_text(p, text, size);
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

#endif
