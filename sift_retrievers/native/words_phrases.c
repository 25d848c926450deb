/* The phrases of n passages, passage after passage, and their weights;
 * sift_retrievers/witnesses/phrases.py. */

#include "words_buffer.h"
#include "words_terms.h"

/* `base_weight` plus the largest weight of a phrase's three words. */
static double *weigh(const sift_terms *one, const char *word_weights, double base_weight,
                     double *out)
{
    double before = 0, here = one->word_count > 0 ? double_at(word_weights, 0) : 0;
    for (size_t i = 0; i < one->word_count; i++) {
        double after = i + 1 < one->word_count ? double_at(word_weights, i + 1) : 0;
        double largest = here > before ? here : before;
        *out++ = base_weight + (after > largest ? after : largest);
        before = here;
        here = after;
    }
    if (one->word_count == 0 && one->phrase_count > 0) /* the text itself */
        *out++ = base_weight;
    return out;
}

const char sift_phrases_doc[] =
    "phrases(passages, word_weights, base_weight)\n--\n\n"
    "The phrases of all passages, their number in each passage, and their weights, as three\n"
    "bytearrays; the last is None where `word_weights` is None. The arguments are the blocks of\n"
    "terms, the weight of every word of all passages, and a weight that every phrase has.";

PyObject *sift_phrases(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "phrases takes passages, word_weights and base_weight");
        return NULL;
    }
    double base_weight = PyFloat_AsDouble(arguments[2]);
    if (base_weight == -1.0 && PyErr_Occurred())
        return NULL;
    sift_blocks passages;
    sift_row word_weights = {0};
    PyObject *units = NULL, *lengths = NULL, *weights = NULL, *result = NULL;
    if (sift_blocks_from(arguments[0], &passages) < 0 ||
        sift_row_from(arguments[1], "word_weights", passages.words, 8, &word_weights) < 0)
        goto done;
    units = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(8 * passages.phrases));
    lengths = PyByteArray_FromStringAndSize(
        NULL, (Py_ssize_t)(sizeof(Py_ssize_t) * passages.count));
    if (word_weights.data != NULL)
        weights = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(8 * passages.phrases));
    if (units == NULL || lengths == NULL || (word_weights.data != NULL && weights == NULL))
        goto done;
    char *unit = PyByteArray_AsString(units), *length = PyByteArray_AsString(lengths);
    double *weight = weights == NULL ? NULL : (double *)(void *)PyByteArray_AsString(weights);
    const char *unread_weights = word_weights.data;
    for (size_t i = 0; i < passages.count; i++) {
        const sift_terms *one = &passages.each[i];
        Py_ssize_t size = (Py_ssize_t)one->phrase_count;
        memcpy(length + sizeof size * i, &size, sizeof size);
        memcpy(unit, one->phrases, 8 * one->phrase_count);
        unit += 8 * one->phrase_count;
        if (weight != NULL) {
            weight = weigh(one, unread_weights, base_weight, weight);
            unread_weights += 8 * one->word_count;
        }
    }
    result = PyTuple_Pack(3, units, lengths, weights == NULL ? Py_None : weights);
done:
    sift_row_release(&word_weights);
    sift_blocks_release(&passages);
    Py_XDECREF(units);
    Py_XDECREF(lengths);
    Py_XDECREF(weights);
    return result;
}
