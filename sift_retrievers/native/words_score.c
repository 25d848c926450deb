/* What the words of a question say of n passages; sift_retrievers/witnesses/words.py. */

#include "words_table.h"
#include "words_terms.h"

#include <math.h>
#include <stdlib.h>

enum { GRAMS, WORDS, PAIRS, HEAD_GRAMS, HEAD_WORDS, SHARE, GRAM_SHARE, ROWS };

#define K1 2.0
#define B 0.75
#define SLOTS 64      /* for each term of the question: other terms seldom meet one that is taken */
#define LARGE 2000000 /* terms that are worth letting other threads run */

/* Where terms of the question stand in the passages, in order. */
typedef struct {
    sift_table asked;
    uint32_t *terms;  /* of every occurrence its term */
    size_t *places;   /* and its place among the terms of all passages, if asked for */
    size_t count;
    size_t room;
    size_t *ends;     /* of n passages: where its occurrences end, */
    size_t *heads;    /* and where those in its head do */
    double *weights;  /* of every term */
    double total;     /* of them */
} occurrences;

static int make(occurrences *found, const char *numbers, size_t asked, size_t passages,
                uint64_t seed)
{
    memset(found, 0, sizeof *found);
    if (sift_table_make(&found->asked, asked, SLOTS, seed) < 0)
        return -1;
    for (size_t i = 0; i < asked; i++)
        sift_table_add(&found->asked, number_at(numbers, i)); /* there is room for all */
    found->ends = calloc(passages + 1, sizeof *found->ends);
    found->heads = calloc(passages + 1, sizeof *found->heads);
    found->weights = calloc(asked + 1, sizeof *found->weights);
    return found->ends == NULL || found->heads == NULL || found->weights == NULL ? -1 : 0;
}

static void release(occurrences *found)
{
    sift_table_free(&found->asked);
    free(found->terms);
    free(found->places);
    free(found->ends);
    free(found->heads);
    free(found->weights);
}

static int add(occurrences *found, size_t term, size_t place)
{
    if (found->count == found->room) {
        size_t room = 2 * found->room + 256;
        uint32_t *terms = realloc(found->terms, room * sizeof *terms);
        if (terms != NULL)
            found->terms = terms;
        size_t *places = realloc(found->places, room * sizeof *places);
        if (places != NULL)
            found->places = places;
        if (terms == NULL || places == NULL)
            return -1;
        found->room = room;
    }
    found->terms[found->count] = (uint32_t)term;
    found->places[found->count++] = place;
    return 0;
}

/* Terms of one kind in one passage, from one place to another; `before`: terms of the passages
 * before it. */
static int scan_part(occurrences *found, const char *numbers, size_t from, size_t to,
                     size_t before)
{
    const sift_table asked = found->asked; /* a copy, which nothing can change on the way */
    for (size_t i = from; i < to; i++) {
        size_t term = sift_table_find(&asked, number_at(numbers, i));
        if (term != SIFT_NOT_FOUND && add(found, term, before + i) < 0)
            return -1;
    }
    return 0;
}

static int scan(occurrences *found, size_t passage, const char *numbers, size_t count, size_t head,
                size_t before)
{
    if (scan_part(found, numbers, 0, head, before) < 0)
        return -1;
    found->heads[passage] = found->count;
    if (scan_part(found, numbers, head, count, before) < 0)
        return -1;
    found->ends[passage] = found->count;
    return 0;
}

/* The pairs in one passage, by its words that the question has; each once. */
static int scan_pairs(occurrences *pairs, size_t passage, const occurrences *words,
                      const char *numbers, size_t before, size_t *last)
{
    size_t i = passage > 0 ? words->ends[passage - 1] : 0;
    for (; i + 1 < words->ends[passage]; i++) {
        if (words->places[i + 1] != words->places[i] + 1)
            continue;
        size_t at = words->places[i] - before;
        uint64_t pair = combined(number_at(numbers, at), number_at(numbers, at + 1));
        size_t term = sift_table_find(&pairs->asked, pair);
        if (term == SIFT_NOT_FOUND || last[term] == passage + 1)
            continue;
        last[term] = passage + 1;
        if (add(pairs, term, 0) < 0)
            return -1;
    }
    pairs->ends[passage] = pairs->count;
    return 0;
}

/* log(1 + (n − df + ½) / (df + ½)) of every term; equal passages are counted once. */
static int weigh(occurrences *found, const unsigned char *first_of_equal, size_t passages)
{
    size_t terms = found->asked.count, n = 0, at = 0;
    size_t *last = calloc(2 * terms + 1, sizeof *last);
    if (last == NULL)
        return -1;
    size_t *df = last + terms;
    for (size_t i = 0; i < passages; i++) {
        n += first_of_equal[i] != 0;
        for (; at < found->ends[i]; at++) {
            uint32_t term = found->terms[at];
            df[term] += first_of_equal[i] && last[term] != i + 1;
            last[term] = i + 1;
        }
    }
    found->total = 0;
    for (size_t t = 0; t < terms; t++) {
        double rest = (double)n - (double)df[t] + 0.5;
        found->weights[t] = log(1 + rest / ((double)df[t] + 0.5));
        found->total += found->weights[t];
    }
    free(last);
    return 0;
}

/* BM25 of the occurrences from `at` to `end` in a passage of some length, and the share of the
 * weight of all terms that those have which occur. Terms are summed in the order in which they
 * stand in the passage: copies of one text have the very same score. */
static void score(const occurrences *found, size_t at, size_t end, double length, double mean,
                  uint32_t *counts, double *bm25, double *share)
{
    double norm = K1 * (1 - B + B * length / mean), sum = 0, weight = 0;
    for (size_t i = at; i < end; i++)
        counts[found->terms[i]]++;
    for (size_t i = at; i < end; i++) {
        uint32_t term = found->terms[i];
        double count = counts[term];
        if (count == 0) /* summed before */
            continue;
        counts[term] = 0;
        weight += found->weights[term];
        sum += found->weights[term] * (count * (K1 + 1) / (count + norm));
    }
    if (bm25 != NULL)
        *bm25 = sum;
    if (share != NULL)
        *share = found->total > 0 ? weight / found->total : 0;
}

static double mean_of(size_t total, size_t count)
{
    double mean = count > 0 ? (double)total / (double)count : 1.0;
    return mean > 1e-9 ? mean : 1e-9;
}

/* Everything about n passages; -1 without memory. */
static int score_all(const sift_terms *question, const sift_blocks *passages,
                     const unsigned char *first_of_equal, uint64_t seed, double *rows,
                     double *word_weights)
{
    size_t n = passages->count, asked_pairs = question->word_count;
    asked_pairs -= asked_pairs > 0;
    occurrences words = {0}, grams = {0}, pairs = {0};
    uint64_t *of_pairs = malloc((asked_pairs + 1) * sizeof *of_pairs);
    size_t *last = calloc(asked_pairs + 1, sizeof *last);
    size_t most = question->word_count + question->gram_count + 1;
    uint32_t *counts = calloc(most, sizeof *counts);
    int state = -1;
    if (of_pairs == NULL || last == NULL || counts == NULL)
        goto done;
    for (size_t i = 0; i < asked_pairs; i++)
        of_pairs[i] = combined(number_at(question->words, i), number_at(question->words, i + 1));
    if (make(&words, question->words, question->word_count, n, seed) < 0 ||
        make(&grams, question->grams, question->gram_count, n, seed) < 0 ||
        make(&pairs, (const char *)of_pairs, asked_pairs, n, seed) < 0)
        goto done;

    size_t words_before = 0, grams_before = 0, head_words = 0, head_grams = 0;
    for (size_t i = 0; i < n; i++) {
        const sift_terms *one = &passages->each[i];
        if (scan(&words, i, one->words, one->word_count, one->head_words, words_before) < 0 ||
            scan(&grams, i, one->grams, one->gram_count, one->head_grams, grams_before) < 0 ||
            scan_pairs(&pairs, i, &words, one->words, words_before, last) < 0)
            goto done;
        words_before += one->word_count;
        grams_before += one->gram_count;
        head_words += one->head_words;
        head_grams += one->head_grams;
    }
    if (weigh(&words, first_of_equal, n) < 0 || weigh(&grams, first_of_equal, n) < 0 ||
        weigh(&pairs, first_of_equal, n) < 0)
        goto done;

    double word_mean = mean_of(words_before, n), gram_mean = mean_of(grams_before, n);
    double head_word_mean = mean_of(head_words, n), head_gram_mean = mean_of(head_grams, n);
    for (size_t i = 0; i < n; i++) {
        const sift_terms *one = &passages->each[i];
        size_t word = i > 0 ? words.ends[i - 1] : 0, gram = i > 0 ? grams.ends[i - 1] : 0;
        score(&words, word, words.ends[i], (double)one->word_count, word_mean, counts,
              &rows[WORDS * n + i], &rows[SHARE * n + i]);
        score(&grams, gram, grams.ends[i], (double)one->gram_count, gram_mean, counts,
              &rows[GRAMS * n + i], &rows[GRAM_SHARE * n + i]);
        score(&words, word, words.heads[i], (double)one->head_words, head_word_mean, counts,
              &rows[HEAD_WORDS * n + i], NULL);
        score(&grams, gram, grams.heads[i], (double)one->head_grams, head_gram_mean, counts,
              &rows[HEAD_GRAMS * n + i], NULL);
        score(&pairs, i > 0 ? pairs.ends[i - 1] : 0, pairs.ends[i], 1, 1, counts, NULL,
              &rows[PAIRS * n + i]);
    }
    for (size_t i = 0; i < words.count; i++)
        word_weights[words.places[i]] = words.weights[words.terms[i]];
    state = 0;
done:
    release(&words);
    release(&grams);
    release(&pairs);
    free(of_pairs);
    free(last);
    free(counts);
    return state;
}

const char sift_score_terms_doc[] =
    "score_terms(question, passages, first_of_equal)\n--\n\n"
    "Scores `[7, n]` and the weight of every word of all passages, as two bytearrays of doubles.\n"
    "The arguments are the blocks of terms of the question and of the passages, and a byte for each\n"
    "passage: 1 for the first of equal texts, 0 for its repetitions.";

PyObject *sift_score_terms(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    sift_terms question;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError,
                        "score_terms takes a question, passages and first_of_equal");
        return NULL;
    }
    if (sift_block(arguments[0], &question) < 0)
        return NULL;
    sift_blocks passages;
    PyObject *rows = NULL, *word_weights = NULL, *result = NULL;
    char *first_of_equal;
    Py_ssize_t length;
    if (sift_blocks_from(arguments[1], &passages) < 0 ||
        PyBytes_AsStringAndSize(arguments[2], &first_of_equal, &length) < 0)
        goto done;
    if ((size_t)length != passages.count) {
        PyErr_SetString(PyExc_ValueError, "first_of_equal has one byte for each passage");
        goto done;
    }
    size_t row_bytes = ROWS * passages.count * sizeof(double);
    size_t weights_bytes = passages.words * sizeof(double);
    rows = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)row_bytes);
    word_weights = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)weights_bytes);
    if (rows == NULL || word_weights == NULL)
        goto done;
    double *row_data = (double *)(void *)PyByteArray_AsString(rows);
    double *weights_data = (double *)(void *)PyByteArray_AsString(word_weights);
    memset(row_data, 0, row_bytes);
    memset(weights_data, 0, weights_bytes);
    uint64_t seed = sift_seed();
    PyThreadState *waiting = passages.words + passages.grams > LARGE ? PyEval_SaveThread() : NULL;
    int state = score_all(&question, &passages, (unsigned char *)first_of_equal, seed, row_data,
                          weights_data);
    if (waiting != NULL)
        PyEval_RestoreThread(waiting);
    if (state < 0)
        PyErr_NoMemory();
    else
        result = PyTuple_Pack(2, rows, word_weights);
done:
    sift_blocks_release(&passages);
    Py_XDECREF(rows);
    Py_XDECREF(word_weights);
    return result;
}
