/* Numbers as decimal digits, and back. */
#ifndef TOURNEE_DIGITS_H
#define TOURNEE_DIGITS_H
#include "twin.h"

static const char two_digits[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Four bytes, the first the lowest, whatever the machine's order: compilers see one load. */
static inline uint32_t half_at(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

static inline uint64_t word_of(uint32_t low, uint32_t high) { return low | (uint64_t)high << 32; }

static inline uint64_t word_at(const uint8_t *p) { return word_of(half_at(p), half_at(p + 4)); }

/* The bits of digits, of the last n of eight bytes: a space is a 0. */
static inline uint64_t last_digits(int n) { return 0x0F0F0F0F0F0F0F0Fu << 8 * (8 - n); }

/* Of eight digits, the first in the lowest byte: pairs, then fours, then all, each for all of them at once. */
static inline int64_t word_number(uint64_t w) {
    w = w * 10 + (w >> 8);
    return (int64_t)(((w & 0x000000FF000000FF) * (100 + (1000000ULL << 32)) + ((w >> 16) & 0x000000FF000000FF) * (1 + (10000ULL << 32))) >> 32);
}

static const int64_t power_of_ten[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

/* Digits of a field already found to hold digits only, or spaces (a blank: 0). */
static inline int64_t number_at(const uint8_t *p, int len) {
    int64_t v = 0;
    for (; len >= 8; len -= 8, p += 8) v = v * 100000000 + word_number(word_at(p) & last_digits(8));
    if (len >= 4) { /* its last four digits, and before them what is not among these */
        uint32_t first = (uint32_t)((uint64_t)half_at(p) << 8 * (8 - len));
        return v * power_of_ten[len] + word_number(word_of(first, half_at(p + len - 4)) & last_digits(8));
    }
    for (; len > 0; len--, p++) v = v * 10 + (*p & 15);
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
