/* Passages that the best passages name; sift_retrievers/witnesses/mentions.py. */

#include "words_buffer.h"
#include "words_table.h"
#include "words_terms.h"

#include <math.h>
#include <stdlib.h>

/* The names of all passages. */
typedef struct {
    sift_table names;       /* of name and number of words as one number */
    sift_table first_words; /* of all names: few places of a text begin with one */
    unsigned char *sizes;   /* whether there is a name of so many words */
    size_t longest;
    size_t *ranks;    /* of each name: how many of the best passages have it, */
    size_t *last;     /* the last of them, counted from 1, */
    double *weights;  /* and the largest weight of one */
} name_index;

static uint64_t key_of(uint64_t name, size_t words)
{
    return name + words * MIX1;
}

static int make(name_index *index, const sift_blocks *passages, uint64_t seed)
{
    size_t named = 0;
    memset(index, 0, sizeof *index);
    for (size_t i = 0; i < passages->count; i++) {
        size_t words = passages->each[i].name_words;
        named += words > 0;
        index->longest = words > index->longest ? words : index->longest;
    }
    if (named == 0)
        return 0;
    index->sizes = calloc(index->longest + 1, 1);
    index->ranks = calloc(named, sizeof *index->ranks);
    index->last = calloc(named, sizeof *index->last);
    index->weights = calloc(named, sizeof *index->weights);
    if (index->sizes == NULL || index->ranks == NULL || index->last == NULL ||
        index->weights == NULL || sift_table_make(&index->names, named, 4, seed) < 0 ||
        sift_table_make(&index->first_words, named, 16, seed) < 0)
        return -1;
    for (size_t i = 0; i < passages->count; i++) {
        const sift_terms *one = &passages->each[i];
        if (one->name_words == 0)
            continue;
        index->sizes[one->name_words] = 1;
        sift_table_add(&index->names, key_of(one->name, one->name_words));
        sift_table_add(&index->first_words, number_at(one->words, 0));
    }
    return 0;
}

static void release(name_index *index)
{
    sift_table_free(&index->names);
    sift_table_free(&index->first_words);
    free(index->sizes);
    free(index->ranks);
    free(index->last);
    free(index->weights);
}

/* All names in one of the best passages but its own. */
static void listen(name_index *index, const sift_terms *one, size_t rank, double weight)
{
    uint64_t own = key_of(one->name, one->name_words);
    for (size_t start = 0; start < one->word_count; start++) {
        uint64_t name = number_at(one->words, start);
        if (sift_table_find(&index->first_words, name) == SIFT_NOT_FOUND)
            continue;
        size_t rest = one->word_count - start;
        size_t most = rest < index->longest ? rest : index->longest;
        for (size_t size = 1; size <= most; size++) {
            if (size > 1)
                name = combined(name, number_at(one->words, start + size - 1));
            uint64_t key = key_of(name, size);
            if (!index->sizes[size] || (one->name_words > 0 && key == own))
                continue;
            size_t at = sift_table_find(&index->names, key);
            if (at == SIFT_NOT_FOUND || index->last[at] == rank + 1)
                continue;
            index->last[at] = rank + 1;
            index->ranks[at]++;
            if (weight > index->weights[at])
                index->weights[at] = weight;
        }
    }
}

static int mentions(const sift_blocks *passages, const char *relevance, size_t best, uint64_t seed,
                    double *named)
{
    size_t n = passages->count;
    name_index index;
    unsigned char *taken = calloc(n + 1, 1);
    int state = -1;
    if (make(&index, passages, seed) < 0 || taken == NULL)
        goto done;
    state = 0;
    if (index.longest == 0)
        goto done;
    double largest = 0;
    for (size_t rank = 0; rank < best && rank < n; rank++) {
        size_t top = n; /* the first of the most relevant that are left */
        for (size_t i = 0; i < n; i++)
            if (!taken[i] &&
                (top == n || double_at(relevance, i) > double_at(relevance, top)))
                top = i;
        taken[top] = 1;
        largest = rank == 0 ? double_at(relevance, top) : largest;
        listen(&index, &passages->each[top], rank, exp(double_at(relevance, top) - largest));
    }
    for (size_t i = 0; i < n; i++) {
        const sift_terms *one = &passages->each[i];
        if (one->name_words == 0)
            continue;
        size_t at = sift_table_find(&index.names, key_of(one->name, one->name_words));
        if (at != SIFT_NOT_FOUND && index.ranks[at] > 0)
            named[i] = index.weights[at] / sqrt((double)index.ranks[at]);
    }
done:
    release(&index);
    free(taken);
    return state;
}

const char sift_mentions_doc[] =
    "mentions(passages, relevance, best)\n--\n\n"
    "`[n]` doubles as a bytearray: how relevant the best passages are that name each of n, from\n"
    "blocks of terms and n doubles; `best`: how many passages are listened to.";

PyObject *sift_mentions(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "mentions takes passages, relevance and best");
        return NULL;
    }
    size_t best = PyLong_AsSize_t(arguments[2]);
    if (best == (size_t)-1 && PyErr_Occurred())
        return NULL;
    sift_blocks passages;
    sift_row relevance = {0};
    PyObject *named = NULL;
    if (sift_blocks_from(arguments[0], &passages) < 0 ||
        sift_row_from(arguments[1], "relevance", passages.count, 8, &relevance) < 0)
        goto done;
    if (relevance.data == NULL) {
        PyErr_SetString(PyExc_TypeError, "relevance must not be None");
        goto done;
    }
    size_t size = passages.count * sizeof(double);
    named = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (named == NULL)
        goto done;
    double *data = (double *)(void *)PyByteArray_AsString(named);
    memset(data, 0, size);
    if (mentions(&passages, relevance.data, best, sift_seed(), data) < 0) {
        PyErr_NoMemory();
        Py_CLEAR(named);
    }
done:
    sift_row_release(&relevance);
    sift_blocks_release(&passages);
    return named;
}
