/* Where this interpreter keeps values, which the stable ABI hides: a call per value costs as much as its conversion. Found once, on
 * objects of our own; what is not exactly as expected is asked for. */
#include "twin.h"

#define NO_SHAPE 0x8000000000000000u /* of no int: more digits than memory holds */

/* Three items of a tuple, side by side. */
static void find_items(Kept *kept) {
    PyObject *parts[3], *tuple = PyTuple_New(3);
    Py_ssize_t at;
    int i;
    if (!tuple) return;
    for (i = 0; i < 3; i++)
        if (!(parts[i] = PyBytes_FromStringAndSize("probe", 5)) || PyTuple_SetItem(tuple, i, parts[i])) goto done;
    for (at = sizeof(PyVarObject); at <= (Py_ssize_t)(sizeof(PyVarObject) + 2 * sizeof(PyObject *)); at += sizeof(PyObject *))
        if (!memcmp((const char *)tuple + at, parts, sizeof parts)) {
            kept->items = at;
            break;
        }
done:
    Py_DECREF(tuple);
}

/* Digits stand behind a word for their number and the sign: equal words, equal shapes. */
static int find_digits(Kept *kept) {
    static const struct {
        long long value;
        int digits; /* 0: the word must be another one */
    } samples[] = {
        {0x12345678, 1}, {1000, 1}, {(1 << DIGIT_BITS) - 1, 1},
        {1 << DIGIT_BITS, 2}, {0x0123456789ABCDE, 2}, {(1ll << 2 * DIGIT_BITS) - 1, 2},
        {1ll << 2 * DIGIT_BITS, 0}, {-1000, 0}, {-0x12345678, 0}, {-(1 << DIGIT_BITS), 0}, {-0x0123456789ABCDE, 0}, {0, 0},
    };
    uint64_t known[3] = {0, NO_SHAPE, NO_SHAPE};
    int i;
    for (i = 0; i < (int)(sizeof samples / sizeof *samples); i++) {
        const int n = samples[i].digits;
        PyObject *number = PyLong_FromLongLong(samples[i].value);
        uint64_t shape;
        uint32_t digits[2] = {0, 0};
        if (!number) return 0;
        memcpy(&shape, (const char *)number + SHAPE_AT, sizeof shape);
        memcpy(digits, (const char *)number + DIGITS_AT, (size_t)n * sizeof *digits);
        Py_DECREF(number);
        if (n && known[n] == NO_SHAPE) known[n] = shape;
        if (n ? shape != known[n] || (digits[0] | (uint64_t)digits[1] << DIGIT_BITS) != (uint64_t)samples[i].value : shape == known[1] || shape == known[2])
            return 0;
    }
    kept->one_digit = known[1];
    kept->two_digits = known[2];
    return 1;
}

enum { OLD = 2, ASCII_TEXTS = OLD + 3, TEXTS = ASCII_TEXTS + 8 };

/* A new ASCII text where all bytes were `c` before: what the interpreter does not set stays as it was. `head`: bytes before a text. */
static PyObject *text_on(int c, Py_ssize_t head) {
    static const char text[] = "tourn-e, seen by nobody before";
    PyObject *old = PyBytes_FromString("");
    Py_ssize_t size = old ? head + (Py_ssize_t)sizeof text - 1 - (PyBytes_AsString(old) - (const char *)old) : 0;
    Py_XDECREF(old);
    if (!(old = PyBytes_FromStringAndSize(NULL, size))) return NULL; /* as large as the text will be */
    memset(PyBytes_AsString(old), c, (size_t)size);
    Py_DECREF(old);
    return PyUnicode_FromString(text);
}

/* Texts of all shapes, ASCII first. */
static PyObject *sample_text(int i, Py_ssize_t head) {
    static const char *const samples[TEXTS - OLD] = {
        "a", "", "tourn-e, kept", "tourn\xC3\xA9, kept", "tourn\xE2\x82\xAC, kept", "tourn\xC3\xA9", "\xC3\xA9", "\xC3\xA9\xC3\xA9",
        "\xE2\x82\xAC", "tourn\xE2\x82\xAC", "tourn\xF0\x9F\x8E\xB5",
    };
    if (i < OLD) return text_on(i ? 0xFF : 0, head);
    return strstr(samples[i - OLD], "kept") ? PyUnicode_InternFromString(samples[i - OLD]) : PyUnicode_FromString(samples[i - OLD]);
}

static uint32_t state_of(PyObject *text) {
    uint32_t state;
    memcpy(&state, (const char *)text + STATE_AT, sizeof state);
    return state;
}

/* The bits that all ASCII texts have in common must tell them from every other text: 1 when they do. */
static int tells_ascii(Kept *kept, PyObject *const *texts) {
    int i;
    kept->state_bits = ~(uint32_t)0;
    for (i = 1; i < ASCII_TEXTS; i++) kept->state_bits &= ~(state_of(texts[i]) ^ state_of(texts[0]));
    kept->state_ascii = state_of(texts[0]) & kept->state_bits;
    for (i = ASCII_TEXTS; i < TEXTS; i++)
        if ((state_of(texts[i]) & kept->state_bits) == kept->state_ascii) return 0;
    return 1;
}

/* The bytes before the text of an ASCII text, if they begin with its length; 0: they do not. */
static Py_ssize_t head_of(PyObject *text) {
    Py_ssize_t size, length;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    memcpy(&length, (const char *)text + LENGTH_AT, sizeof length);
    return bytes && length == size && bytes > (const char *)text && bytes <= (const char *)text + LINE ? bytes - (const char *)text : 0;
}

/* An ASCII text stands behind its head: length, hash, state. */
static int find_text(Kept *kept) {
    PyObject *texts[TEXTS], *any = PyUnicode_FromString("tourn-e");
    Py_ssize_t head = any ? head_of(any) : 0;
    int i, made = 0, found;
    while (head && made < TEXTS && (texts[made] = sample_text(made, head))) made++;
    for (i = 0; made == TEXTS && i < ASCII_TEXTS && head_of(texts[i]) == head; i++) {}
    found = i == ASCII_TEXTS && STATE_AT + (Py_ssize_t)sizeof(uint32_t) <= head && tells_ascii(kept, texts);
    kept->text = head;
    while (made) Py_DECREF(texts[--made]);
    Py_XDECREF(any);
    return found;
}

void find_kept(Kept *kept, int quick) {
    if (quick) find_items(kept);
    if (!quick || !find_digits(kept)) kept->one_digit = kept->two_digits = NO_SHAPE;
    if (!quick || !find_text(kept)) {
        kept->state_bits = 0; /* no state is that of an ASCII text */
        kept->state_ascii = 1;
    }
    PyErr_Clear();
}
