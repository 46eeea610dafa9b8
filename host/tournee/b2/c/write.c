/* A record in which something is wrong or unusual, field by field. */
#include "write.h"

int write_slowly(const Codec *self, const Record *r, PyObject *const *items, uint8_t *dst, int *fault) {
    int i, problem;
    PyErr_Clear(); /* what a conversion left */
    memcpy(dst, r->template_, (size_t)r->size);
    for (i = 0; i < r->n_valued; i++)
        if ((problem = write_exact(self, &r->valued[i], items[i], dst))) {
            *fault = i;
            return problem;
        }
    return OK;
}
