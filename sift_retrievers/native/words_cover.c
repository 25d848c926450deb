/* The exact lazy greedy selection of passages by their units, as in
 * sift_retrievers/coverage_greedy.py. */

#include "words_buffer.h"
#include "words_table.h"

#include <math.h>
#include <stdlib.h>

#define LARGE 1000000 /* units that are worth letting other threads run */

/* Why it ended; the order of _REASONS in coverage.py. */
enum { BY_K, EXHAUSTED, BY_BUDGET, BY_NOVELTY, BY_GAIN };

/* What was given: n passages. */
typedef struct {
    size_t n;
    size_t *ends;        /* where the units of each end */
    const char *units;   /* of all */
    const char *weights; /* of all units; NULL: all alike */
    const char *values;  /* r² of each passage */
    const char *allowed; /* a byte each; NULL: all are */
    const char *costs;   /* NULL: none */
    const char *groups;  /* NULL: none */
    size_t k;
    double noise;
    double min_gain;
    double min_novelty;
    double budget;
} problem;

/* The units of the passages that were read. */
typedef struct {
    sift_table units;
    size_t room;
    size_t *times; /* how many of the passages read have each, */
    size_t *last;  /* the last of them, counted from 1, */
    double *left;  /* and what is left of it: λ′ / (λ′ + times) */
} reading;

typedef struct {
    size_t made;
    int reason;
    int64_t *picks;
    double *novelty;
    double *variance;
} choice;

static int read_passage(const problem *p, reading *seen, size_t i, size_t rank)
{
    for (size_t u = i > 0 ? p->ends[i - 1] : 0; u < p->ends[i]; u++) {
        size_t at = sift_table_add(&seen->units, (uint64_t)integer_at(p->units, u));
        if (at == SIFT_NOT_FOUND)
            return -1;
        if (at >= seen->room) {
            size_t room = 2 * seen->room + 1024;
            size_t *times = realloc(seen->times, room * sizeof *times);
            seen->times = times != NULL ? times : seen->times;
            size_t *last = realloc(seen->last, room * sizeof *last);
            seen->last = last != NULL ? last : seen->last;
            double *left = realloc(seen->left, room * sizeof *left);
            seen->left = left != NULL ? left : seen->left;
            if (times == NULL || last == NULL || left == NULL)
                return -1;
            for (size_t new = seen->room; new < room; new++)
                times[new] = last[new] = 0;
            seen->room = room;
        }
        if (seen->last[at] == rank + 1)
            continue;
        seen->last[at] = rank + 1;
        seen->times[at]++;
        seen->left[at] = p->noise / (p->noise + (double)seen->times[at]);
    }
    return 0;
}

static double novelty_of(const problem *p, const reading *seen, size_t i)
{
    size_t begin = i > 0 ? p->ends[i - 1] : 0, end = p->ends[i];
    double sum = 0, total = 0;
    if (begin == end)
        return 0;
    for (size_t u = begin; u < end; u++) {
        size_t at = sift_table_find(&seen->units, (uint64_t)integer_at(p->units, u));
        double left = at == SIFT_NOT_FOUND ? 1 : seen->left[at];
        double weight = p->weights == NULL ? 1 : double_at(p->weights, u);
        sum += left * weight;
        total += weight;
    }
    double novelty = total > 0 ? sum / total : 1;
    return novelty < 1 ? novelty : 1;
}

/* Whether passage a comes before b: the larger bound, of equal ones the first. */
static inline int before(const double *bounds, size_t a, size_t b)
{
    return bounds[a] > bounds[b] || (bounds[a] == bounds[b] && a < b);
}

/* Puts the item at `at` of a heap in its place, after its bound fell. */
static void sink(size_t *heap, size_t size, const double *bounds, size_t at)
{
    size_t item = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= size)
            break;
        if (child + 1 < size && before(bounds, heap[child + 1], heap[child]))
            child++;
        if (!before(bounds, heap[child], item))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
}

/* -1 without memory. */
static int cover(const problem *p, uint64_t seed, choice *found)
{
    size_t n = p->n, size = 0;
    reading seen = {0};
    size_t *heap = malloc((n + 1) * sizeof *heap);
    size_t *current = calloc(n + 1, sizeof *current); /* picks that the bound knows of */
    double *bounds = malloc((n + 1) * sizeof *bounds);
    double *novelty = malloc((n + 1) * sizeof *novelty);
    unsigned char *closed = calloc(n + 1, 1);
    double left = p->budget;
    int repeated = 0, dear = 0, state = -1;
    if (heap == NULL || current == NULL || bounds == NULL || novelty == NULL || closed == NULL ||
        sift_table_make(&seen.units, 1024, 4, seed) < 0)
        goto done;
    for (size_t i = 0; i < n; i++) {
        bounds[i] = double_at(p->values, i);
        novelty[i] = p->ends[i] > (i > 0 ? p->ends[i - 1] : 0);
        if (p->allowed == NULL || p->allowed[i])
            heap[size++] = i;
    }
    for (size_t at = size / 2; at-- > 0;)
        sink(heap, size, bounds, at);
    found->reason = BY_K;
    while (found->made < p->k) {
        if (size == 0) {
            found->reason = dear ? BY_BUDGET : repeated ? BY_NOVELTY : EXHAUSTED;
            break;
        }
        size_t i = heap[0];
        int gone = closed[i];
        if (!gone && p->costs != NULL && double_at(p->costs, i) > left * (1 + 1e-12))
            gone = dear = 1;
        if (!gone && current[i] != found->made) {
            current[i] = found->made;
            novelty[i] = novelty_of(p, &seen, i);
            bounds[i] = double_at(p->values, i) * novelty[i];
            sink(heap, size, bounds, 0);
            continue;
        }
        if (!gone && novelty[i] < p->min_novelty)
            gone = repeated = 1;
        if (!gone) {
            if (0.5 * log1p(bounds[i] / p->noise) < p->min_gain) {
                found->reason = BY_GAIN;
                break;
            }
            found->picks[found->made] = (int64_t)i;
            found->novelty[found->made] = novelty[i];
            found->variance[found->made] = bounds[i];
            if (p->costs != NULL)
                left -= double_at(p->costs, i);
            for (size_t j = 0; p->groups != NULL && j < n; j++)
                closed[j] |= integer_at(p->groups, j) == integer_at(p->groups, i);
            if (read_passage(p, &seen, i, found->made++) < 0)
                goto done;
        }
        heap[0] = heap[--size];
        sink(heap, size, bounds, 0);
    }
    state = 0;
done:
    sift_table_free(&seen.units);
    free(seen.times);
    free(seen.last);
    free(seen.left);
    free(heap);
    free(current);
    free(bounds);
    free(novelty);
    free(closed);
    return state;
}

const char sift_cover_doc[] =
    "cover(units, lengths, weights, values, allowed, costs, groups, k, noise, min_gain,\n"
    "      min_novelty, budget)\n--\n\n"
    "Picks, ν and v of each, three bytearrays, and a number for why it ended. `lengths` are\n"
    "Py_ssize_t, `allowed` bytes, all other numbers have 64 bits; those that may be None: weights,\n"
    "allowed, costs, groups.";

/* The ends of passages from their lengths; -1 with an exception where they do not fit. */
static int ends_from(const char *lengths, size_t n, size_t units, size_t *ends)
{
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        Py_ssize_t length;
        memcpy(&length, lengths + sizeof length * i, sizeof length);
        if (length < 0 || (size_t)length > units - end) {
            PyErr_SetString(PyExc_ValueError, "lengths do not fit the number of units");
            return -1;
        }
        ends[i] = end += (size_t)length;
    }
    return 0;
}

PyObject *sift_cover(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 12) {
        PyErr_SetString(PyExc_TypeError, "cover takes 12 arguments");
        return NULL;
    }
    problem p = {.k = PyLong_AsSize_t(arguments[7])};
    if (p.k == (size_t)-1 && PyErr_Occurred())
        return NULL;
    double *numbers[] = {&p.noise, &p.min_gain, &p.min_novelty, &p.budget};
    for (int i = 0; i < 4; i++) {
        *numbers[i] = PyFloat_AsDouble(arguments[8 + i]);
        if (*numbers[i] == -1.0 && PyErr_Occurred())
            return NULL;
    }
    Py_ssize_t n = PyObject_Size(arguments[3]), units = PyObject_Size(arguments[0]);
    if (n < 0 || units < 0)
        return NULL;
    enum { UNITS, LENGTHS, WEIGHTS, VALUES, ALLOWED, COSTS, GROUPS, BUFFERS };
    static const char *const names[] = {"units",   "lengths", "weights", "values",
                                        "allowed", "costs",   "groups"};
    sift_row rows[BUFFERS];
    memset(rows, 0, sizeof rows);
    choice found = {0};
    PyObject *out[3] = {NULL, NULL, NULL}, *result = NULL;
    for (int i = 0; i < BUFFERS; i++) {
        size_t size = i == ALLOWED ? 1 : i == LENGTHS ? sizeof(Py_ssize_t) : 8;
        size_t items = (size_t)(i == UNITS || i == WEIGHTS ? units : n);
        if (sift_row_from(arguments[i], names[i], items, size, &rows[i]) < 0)
            goto done;
        if (rows[i].data == NULL && (i == UNITS || i == LENGTHS || i == VALUES)) {
            PyErr_Format(PyExc_TypeError, "%s must not be None", names[i]);
            goto done;
        }
    }
    p.n = (size_t)n;
    p.k = p.k <= p.n ? p.k : p.n + 1; /* one more than there are ends as any larger number */
    p.units = rows[UNITS].data;
    p.weights = rows[WEIGHTS].data;
    p.values = rows[VALUES].data;
    p.allowed = rows[ALLOWED].data;
    p.costs = rows[COSTS].data;
    p.groups = rows[GROUPS].data;
    p.ends = PyMem_Malloc(((size_t)n + 1) * sizeof *p.ends);
    if (p.ends == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (ends_from(rows[LENGTHS].data, p.n, (size_t)units, p.ends) < 0)
        goto done;
    for (int i = 0; i < 3; i++) {
        out[i] = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(8 * p.k));
        if (out[i] == NULL)
            goto done;
    }
    found.picks = (int64_t *)(void *)PyByteArray_AsString(out[0]);
    found.novelty = (double *)(void *)PyByteArray_AsString(out[1]);
    found.variance = (double *)(void *)PyByteArray_AsString(out[2]);
    uint64_t seed = sift_seed();
    PyThreadState *waiting = units > LARGE ? PyEval_SaveThread() : NULL;
    int state = cover(&p, seed, &found);
    if (waiting != NULL)
        PyEval_RestoreThread(waiting);
    if (state < 0) {
        PyErr_NoMemory();
        goto done;
    }
    for (int i = 0; i < 3; i++)
        if (PyByteArray_Resize(out[i], (Py_ssize_t)(8 * found.made)) < 0)
            goto done;
    result = Py_BuildValue("OOOi", out[0], out[1], out[2], found.reason);
done:
    for (int i = 0; i < 3; i++)
        Py_XDECREF(out[i]);
    for (int i = 0; i < BUFFERS; i++)
        sift_row_release(&rows[i]);
    PyMem_Free(p.ends);
    return result;
}
