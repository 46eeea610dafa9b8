/* Numbers as decimal digits, and back. */
#ifndef TOURNEE_DIGITS_H
#define TOURNEE_DIGITS_H
#include "twin.h"

static const char two_digits[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static inline int64_t four_at(const uint8_t *p) {
    return 1000 * (p[0] - '0') + 100 * (p[1] - '0') + 10 * (p[2] - '0') + (p[3] - '0');
}

static inline int64_t eight_at(const uint8_t *p) { return 10000 * four_at(p) + four_at(p + 4); }

/* Digits of a field already found to hold digits only, or spaces (a blank: 0). */
static inline int64_t number_at(const uint8_t *p, int len) {
    int64_t v = 0;
    if (p[0] == ' ') return 0;
    for (; len >= 8; len -= 8, p += 8) v = v * 100000000 + eight_at(p);
    if (len >= 4) {
        v = v * 10000 + four_at(p);
        len -= 4;
        p += 4;
    }
    for (; len; len--, p++) v = v * 10 + (*p - '0');
    return v;
}

static inline void write_2(uint8_t *p, uint32_t v) { memcpy(p, two_digits + 2 * v, 2); }

static inline void write_3(uint8_t *p, uint32_t v) {
    *p = (uint8_t)('0' + v / 100);
    write_2(p + 1, v % 100);
}

static inline void write_4(uint8_t *p, uint32_t v) {
    write_2(p, v / 100);
    write_2(p + 2, v % 100);
}

/* v < 10^len in `len` digits; `op` is that of the field. */
static inline void write_number(uint8_t *p, int op, int len, uint64_t value) {
    uint32_t v;
    if (op == WRITE_LONG)
        for (; len > 8; value /= 10) p[--len] = (uint8_t)('0' + value % 10);
    v = (uint32_t)value;
    switch (op) {
    case WRITE_1:
        *p = (uint8_t)('0' + v);
        return;
    case WRITE_2:
        write_2(p, v);
        return;
    case WRITE_3:
        write_3(p, v);
        return;
    case WRITE_4:
        write_4(p, v);
        return;
    case WRITE_5:
        *p = (uint8_t)('0' + v / 10000);
        write_4(p + 1, v % 10000);
        return;
    case WRITE_6:
        write_2(p, v / 10000);
        write_4(p + 2, v % 10000);
        return;
    case WRITE_7:
        write_3(p, v / 10000);
        write_4(p + 3, v % 10000);
        return;
    default:
        write_4(p, v / 10000);
        write_4(p + 4, v % 10000);
    }
}

#endif
