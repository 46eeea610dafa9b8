/* What may stand in each place of a record. */
#include "twin.h"

void clear_places(Record *r) {
    r->padded = (r->size + STEP - 1) / STEP * STEP;
    memset(&r->places, 0, sizeof r->places);
}

/* The places of one field; `low` and `high` are the bounds of texts. 1 when one pass over them says all that there is to say. */
int set_places(const Codec *self, Record *r, const Field *f, int low, int high) {
    Places *s = &r->places;
    int k, from = '0', to = '9', gap = 0, lacks = 0, alike = 0, whole = 1;
    if (f->kind == KIND_A) {
        from = low;
        to = high;
        if (self->hole >= 0 && self->hole < ASCII) {
            gap = self->hole;
            lacks = 1;
        } else {
            whole = low <= high && !text_holes(self, low, high);
        }
    } else if (f->kind == KIND_I) {
        to = 'Z';
        gap = ':';
        lacks = 'A' - ':';
    }
    if (f->blank && f->kind != KIND_A) {
        from = ' ';
        gap = ' ' + 1;
        lacks = '0' - gap;
        alike = 0x10; /* digits have this bit, a space has not */
        whole = f->kind != KIND_I;
    }
    for (k = f->at; k < f->at + f->len; k++) {
        if (f->kind == KIND_C) from = to = r->template_[k];
        s->low[k] = (uint8_t)from;
        s->high[k] = (uint8_t)(to < ASCII ? ASCII - 1 - to : 0);
        s->gap[k] = (uint8_t)(lacks ? ASCII - gap : 0);
        s->gap_end[k] = (uint8_t)(lacks ? ASCII - gap - lacks : 0);
        if (whole && k + 1 < f->at + f->len) s->alike[k] = (uint8_t)alike;
    }
    s->blanks |= whole && alike;
    return whole;
}
