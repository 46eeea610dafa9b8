/* Values into the bytes of a record. */
#ifndef TOURNEE_WRITE_H
#define TOURNEE_WRITE_H
#include "twin.h"

static const char digits2[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static inline void write_digits(uint8_t *dst, int len, uint64_t v) {
    uint8_t *p = dst + len;
    while (p - dst >= 2) {
        uint32_t pair = (uint32_t)(v % 100);
        v /= 100;
        p -= 2;
        memcpy(p, digits2 + 2 * pair, 2);
    }
    if (p > dst) *--p = (uint8_t)('0' + v % 10);
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

/* The values of a record into 128 (or more) bytes; on a fault its problem and the valued field. */
static inline int write_record(const Codec *self, const Record *r, PyObject *const *items, uint8_t *dst, int *fault) {
    int i, problem, n = r->n_valued;
    memcpy(dst, r->template_, (size_t)r->size);
    for (i = 0; i < n; i++) {
        const Field *f = &r->valued[i];
        PyObject *value = items[i];
        if (f->kind == KIND_N) {
            int overflow = 0;
            long long v;
            if (!PyLong_CheckExact(value)) {
                if (value == Py_None && f->blank) continue;
                goto exact;
            }
            v = PyLong_AsLongLongAndOverflow(value, &overflow);
            if (overflow || v < 0 || (uint64_t)v >= f->limit) goto exact;
            write_digits(dst + f->at, f->len, (uint64_t)v);
        } else {
            const char *text;
            Py_ssize_t size;
            uint8_t *p = dst + f->at;
            if (!PyUnicode_Check(value)) {
                if (value == Py_None && f->blank) continue;
                goto exact;
            }
            text = PyUnicode_AsUTF8AndSize(value, &size);
            if (!text) {
                PyErr_Clear();
                goto exact;
            }
            if (size == f->len) {
                memcpy(p, text, (size_t)size);
            } else if (size > f->len) {
                goto exact;
            } else if (f->kind == KIND_A) {
                memcpy(p, text, (size_t)size);
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
