/* The phrases of n passages in one row, with what they weigh;
 * sift_retrievers/witnesses/phrases.py. */

#include "words_buffer.h"
#include "words_terms.h"

/* `aside` plus the largest weight of a phrase's three words. */
static double *weigh(const sift_terms *one, const char *said, double aside, double *out)
{
    double before = 0, here = one->word_count > 0 ? double_at(said, 0) : 0;
    for (size_t i = 0; i < one->word_count; i++) {
        double after = i + 1 < one->word_count ? double_at(said, i + 1) : 0;
        double largest = here > before ? here : before;
        *out++ = aside + (after > largest ? after : largest);
        before = here;
        here = after;
    }
    if (one->word_count == 0 && one->phrase_count > 0) /* the text itself */
        *out++ = aside;
    return out;
}

const char sift_phrases_doc[] =
    "phrases(passages, said, aside)\n--\n\n"
    "All phrases, how many each passage has, and what each weighs, three bytearrays; the last is\n"
    "None where `said` is. From blocks of terms, and what each word of all passages weighs.";

PyObject *sift_phrases(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "phrases takes passages, said and aside");
        return NULL;
    }
    double aside = PyFloat_AsDouble(arguments[2]);
    if (aside == -1.0 && PyErr_Occurred())
        return NULL;
    sift_blocks passages;
    sift_row said = {0};
    PyObject *units = NULL, *lengths = NULL, *weights = NULL, *result = NULL;
    if (sift_blocks_from(arguments[0], &passages) < 0 ||
        sift_row_from(arguments[1], "said", passages.words, 8, &said) < 0)
        goto done;
    units = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(8 * passages.phrases));
    lengths = PyByteArray_FromStringAndSize(
        NULL, (Py_ssize_t)(sizeof(Py_ssize_t) * passages.count));
    if (said.data != NULL)
        weights = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(8 * passages.phrases));
    if (units == NULL || lengths == NULL || (said.data != NULL && weights == NULL))
        goto done;
    char *unit = PyByteArray_AsString(units), *length = PyByteArray_AsString(lengths);
    double *weight = weights == NULL ? NULL : (double *)(void *)PyByteArray_AsString(weights);
    const char *spoken = said.data;
    for (size_t i = 0; i < passages.count; i++) {
        const sift_terms *one = &passages.each[i];
        Py_ssize_t size = (Py_ssize_t)one->phrase_count;
        memcpy(length + sizeof size * i, &size, sizeof size);
        memcpy(unit, one->phrases, 8 * one->phrase_count);
        unit += 8 * one->phrase_count;
        if (weight != NULL) {
            weight = weigh(one, spoken, aside, weight);
            spoken += 8 * one->word_count;
        }
    }
    result = PyTuple_Pack(3, units, lengths, weights == NULL ? Py_None : weights);
done:
    sift_row_release(&said);
    sift_blocks_release(&passages);
    Py_XDECREF(units);
    Py_XDECREF(lengths);
    Py_XDECREF(weights);
    return result;
}
