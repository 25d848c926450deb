/* Blocks of terms that come from Python: checked before anything is read from them. */

#include "words_terms.h"

int sift_block(PyObject *bytes, sift_terms *block)
{
    char *data;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(bytes, &data, &length) < 0)
        return -1;
    uint64_t counts[COUNTS];
    size_t numbers = (size_t)length / 8;
    if (length % 8 || numbers < COUNTS) {
        PyErr_SetString(PyExc_ValueError, "a block of terms has 64-bit numbers, 8 or more");
        return -1;
    }
    memcpy(counts, data, sizeof counts);
    /* Each is compared by itself first: their sum cannot overflow then. */
    uint64_t rest = numbers - COUNTS, words = counts[AT_WORDS];
    if (words > rest || counts[AT_PHRASES] > rest || counts[AT_GRAMS] > rest ||
        words + counts[AT_PHRASES] + counts[AT_GRAMS] != rest ||
        (words > 0 ? counts[AT_PHRASES] != words : counts[AT_PHRASES] > 1) ||
        counts[AT_HEAD_WORDS] > words || counts[AT_HEAD_GRAMS] > counts[AT_GRAMS] ||
        counts[AT_NAME_WORDS] > words) {
        PyErr_SetString(PyExc_ValueError, "the counts of a block of terms do not fit its length");
        return -1;
    }
    block->words = data + 8 * COUNTS;
    block->word_count = (size_t)words;
    block->phrases = block->words + 8 * block->word_count;
    block->phrase_count = (size_t)counts[AT_PHRASES];
    block->grams = block->phrases + 8 * block->phrase_count;
    block->gram_count = (size_t)counts[AT_GRAMS];
    block->head_words = (size_t)counts[AT_HEAD_WORDS];
    block->head_grams = (size_t)counts[AT_HEAD_GRAMS];
    block->name = counts[AT_NAME];
    block->name_words = (size_t)counts[AT_NAME_WORDS];
    return 0;
}

int sift_blocks_from(PyObject *sequence, sift_blocks *blocks)
{
    memset(blocks, 0, sizeof *blocks);
    blocks->owner = PySequence_Tuple(sequence); /* nobody else can change it */
    if (blocks->owner == NULL)
        return -1;
    Py_ssize_t count = PyTuple_Size(blocks->owner);
    blocks->each = PyMem_Calloc((size_t)count + 1, sizeof *blocks->each);
    if (blocks->each == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        sift_terms *block = &blocks->each[i];
        if (sift_block(PyTuple_GetItem(blocks->owner, i), block) < 0)
            return -1;
        blocks->words += block->word_count;
        blocks->phrases += block->phrase_count;
        blocks->grams += block->gram_count;
    }
    blocks->count = (size_t)count;
    return 0;
}

void sift_blocks_release(sift_blocks *blocks)
{
    PyMem_Free(blocks->each);
    Py_XDECREF(blocks->owner);
    blocks->each = NULL;
    blocks->owner = NULL;
}
