/* Whether a record's bytes are what its fields permit: one pass over all places, many at once. */
#ifndef TOURNEE_PLACES_H
#define TOURNEE_PLACES_H
#include "twin.h"

#if defined(__GNUC__)
typedef uint64_t Lane __attribute__((vector_size(STEP)));
typedef uint64_t Loaded __attribute__((vector_size(STEP), aligned(1), may_alias));
#define AT(place) (*(const Loaded *)(place))
#define ALL(lane) ((lane)[0] | (lane)[1] | (lane)[2] | (lane)[3])
#else
typedef uint64_t Lane;
static inline Lane AT(const uint8_t *place) {
    Lane w;
    memcpy(&w, place, sizeof w);
    return w;
}
#define ALL(lane) (lane)
#endif

/* Nonzero when one of `n` bytes does not fit its place, or one of the first WINDOW does not repeat that of `earlier`; then only the
 * exact search can tell. n is a multiple of STEP; the byte behind is read as well.
 * Bytes are added eight at a time: what spills into the next byte comes from one that is wrong already. */
ALWAYS_INLINE int misfit(const Places *s, const uint8_t *p, int n, const uint8_t *earlier) {
    Lane outside = {0}, differ = {0};
    int i;
    for (i = 0; i < n; i += (int)sizeof(Lane)) {
        Lane x = AT(p + i);
        outside |= x | (x - AT(s->low + i)) | (x + AT(s->high + i)) | ((x + AT(s->gap + i)) & ~(x + AT(s->gap_end + i)));
    }
    for (i = 0; i < n && i < WINDOW; i += (int)sizeof(Lane)) differ |= (AT(p + i) ^ AT(earlier + i)) & AT(s->repeated + i);
    for (i = 0; s->blanks && i < n; i += (int)sizeof(Lane)) differ |= (AT(p + i) ^ AT(p + i + 1)) & AT(s->alike + i);
    differ |= outside & 0x8080808080808080;
    return ALL(differ) != 0;
}

/* The bytes of a record, copied when they are the last of `left`: the pass over them may look behind. */
ALWAYS_INLINE const uint8_t *padded(const Record *r, const uint8_t *p, Py_ssize_t left, uint8_t *room) {
    if (left > r->padded) return p;
    memset(room + r->size, 0, (size_t)(r->padded + 1 - r->size));
    return memcpy(room, p, (size_t)r->size);
}

/* 1 when a field that the pass cannot judge alone is at fault. */
static inline int special_fault(const Codec *self, const Record *r, const uint8_t *p) {
    int i;
    for (i = 0; i < r->n_special; i++) {
        const Field *f = &r->valued[r->special[i]];
        if (!(f->blank && all_spaces(p + f->at, f->len)) && !permitted(self, f, p + f->at, f->len)) return 1;
    }
    return 0;
}

#endif
