/* `_native.select`: its arguments, checked against one another before anything is read. */

#include "native.h"

#include <math.h>

#include "processor.h"
#include "select.h"

const char sift_select_doc[] =
    "select(double_precision, vectors, P, N, d, ids, K, targets, B, m, kernel, parameter_a,\n"
    "       parameter_b, gamma, standardized, relevance, rounding, objective, whitening, noise,\n"
    "       positive_only, replacement, costs, budget, groups, k, indices, gains, variance)\n"
    "--\n\n"
    "The greedy selection for a batch of B queries; all arguments by position.\n\n"
    "Arrays are C-contiguous buffers of float32, or of float64 with double_precision: vectors\n"
    "[P, N, d], P being 1 (a pool that all share) or B; targets [B, m, d]; whitening [B, m, m], for\n"
    "the entropy. ids and groups are int64 [B, K]; relevance and costs float64 [B, K], budget\n"
    "float64 [B]. None stands for what is not given. Written are indices, int64 [B, k], positions\n"
    "among the K candidates and -1 after the end; gains [B, k], and variance [B, k + 1].\n\n"
    "kernel: 0 cosine, 1 linear, 2 exponential (parameter_a the sharpness, parameter_b the target's\n"
    "radius), 3 shared noise (sharpness, error). A negative gamma means no weights. Relevances whose\n"
    "standard deviation is below rounding (times the largest of them, where they are given) count\n"
    "as equal. objective: 0 variance, 1 entropy, 2 undirected.\n\n"
    "Returns 0; 1 where a target, or a vector that may be picked, is not finite; 2 for a target of\n"
    "zeros; 3 where a squared length is too small or too large for the type; 4 for an id that is\n"
    "neither -1 nor a row. After anything but 0 the outputs mean nothing. Raises ValueError for\n"
    "buffers and sizes that do not fit, MemoryError, and what a signal's handler raises: a long call\n"
    "can be interrupted.";

enum { ARGUMENTS = 29, BUFFERS = 11 };

/* A buffer argument: what it is called, where it stands, and what it must be. */
struct expected {
    const char *name;
    int argument;
    int optional;
    int writable;
    size_t size; /* bytes of an element */
    size_t sizes[3];
};

/* The product of sizes, or SIZE_MAX where it is larger than any array. */
static size_t bytes_of(const struct expected *expected)
{
    size_t bytes = expected->size;
    for (int i = 0; i < 3; i++)
        if (expected->sizes[i] == 0)
            return 0;
    for (int i = 0; i < 3; i++) {
        if (bytes > (size_t)PY_SSIZE_T_MAX / expected->sizes[i])
            return SIZE_MAX;
        bytes *= expected->sizes[i];
    }
    return bytes;
}

static int take_buffer(PyObject *const *arguments, const struct expected *expected,
                       Py_buffer *buffer)
{
    PyObject *argument = arguments[expected->argument];
    size_t bytes = bytes_of(expected);
    buffer->buf = NULL;
    buffer->obj = NULL;
    if (expected->optional && argument == Py_None)
        return 0;
    if (PyObject_GetBuffer(argument, buffer, expected->writable ? PyBUF_WRITABLE : PyBUF_SIMPLE)) {
        buffer->obj = NULL;
        if (PyErr_ExceptionMatches(PyExc_BufferError) || PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear();
            PyErr_Format(PyExc_ValueError, "%s must be a C-contiguous%s buffer", expected->name,
                         expected->writable ? " and writable" : "");
        }
        return -1;
    }
    if ((size_t)buffer->len != bytes) {
        PyErr_Format(PyExc_ValueError, "%s has %zd bytes, not the %zu that its sizes say",
                     expected->name, buffer->len, bytes);
        return -1;
    }
    if (bytes > 0 && (uintptr_t)buffer->buf % expected->size != 0) {
        PyErr_Format(PyExc_ValueError, "%s does not lie at a multiple of its type's size",
                     expected->name);
        return -1;
    }
    return 0;
}

/* A size of at least `least`; on failure an exception is set and 0 returned. */
static int take_size(PyObject *argument, const char *name, Py_ssize_t least, size_t *size)
{
    Py_ssize_t value = PyLong_AsSsize_t(argument);
    if (value == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            PyErr_Clear();
            PyErr_Format(PyExc_ValueError, "%s is larger than any array", name);
        }
        return 0;
    }
    if (value < least || value == PY_SSIZE_T_MAX) {
        PyErr_Format(PyExc_ValueError, "%s must be at least %zd; got %zd", name, least, value);
        return 0;
    }
    *size = (size_t)value;
    return 1;
}

/* A whole number from 0 to `most`. */
static int take_choice(PyObject *argument, const char *name, long most, int *choice)
{
    long value = PyLong_AsLong(argument);
    if (value == -1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return 0;
        PyErr_Clear();
    }
    if (value < 0 || value > most) {
        PyErr_Format(PyExc_ValueError, "%s must be from 0 to %ld", name, most);
        return 0;
    }
    *choice = (int)value;
    return 1;
}

static int take_number(PyObject *argument, const char *name, double *number)
{
    *number = PyFloat_AsDouble(argument);
    if (*number == -1.0 && PyErr_Occurred())
        return 0;
    if (!isfinite(*number)) {
        PyErr_Format(PyExc_ValueError, "%s must be finite", name);
        return 0;
    }
    return 1;
}

/* What is no array; 0 with an exception set where something is wrong. */
static int take_scalars(PyObject *const *a, struct sift_problem *problem, int *is_double)
{
    double parameter_a, parameter_b;
    int kernel, objective;
    if (!take_choice(a[0], "double_precision", 1, is_double) ||
        !take_size(a[2], "P", 1, &problem->pools) ||
        !take_size(a[3], "N", 0, &problem->pool_size) ||
        !take_size(a[4], "d", 1, &problem->dim) ||
        !take_size(a[6], "K", 0, &problem->candidates) ||
        !take_size(a[8], "B", 1, &problem->batch) ||
        !take_size(a[9], "m", 1, &problem->target_count) ||
        !take_choice(a[10], "kernel", SIFT_SHARED_NOISE, &kernel) ||
        !take_number(a[11], "parameter_a", &parameter_a) ||
        !take_number(a[12], "parameter_b", &parameter_b) ||
        !take_number(a[13], "gamma", &problem->gamma) ||
        !take_choice(a[14], "standardized", 1, &problem->standardized) ||
        !take_number(a[16], "rounding", &problem->rounding) ||
        !take_choice(a[17], "objective", SIFT_UNDIRECTED, &objective) ||
        !take_number(a[19], "noise", &problem->noise) ||
        !take_choice(a[20], "positive_only", 1, &problem->positive_only) ||
        !take_choice(a[21], "replacement", 1, &problem->replacement) ||
        !take_size(a[25], "k", 0, &problem->k))
        return 0;
    problem->kernel = (enum sift_kernel)kernel;
    problem->objective = (enum sift_objective)objective;
    problem->sharpness = parameter_a;
    problem->radius = problem->kernel == SIFT_EXPONENTIAL ? parameter_b : 1;
    problem->error = problem->kernel == SIFT_SHARED_NOISE ? parameter_b : 0;

    if (problem->pools != 1 && problem->pools != problem->batch)
        PyErr_SetString(PyExc_ValueError, "P must be 1 or B");
    else if (a[5] != Py_None && problem->pools != 1)
        PyErr_SetString(PyExc_ValueError, "ids point into one pool: P must be 1");
    else if (a[5] == Py_None && problem->candidates != problem->pool_size)
        PyErr_SetString(PyExc_ValueError, "without ids K must be N");
    else if (problem->noise <= 0)
        PyErr_SetString(PyExc_ValueError, "noise must be positive");
    else if ((a[18] == Py_None) == (problem->objective == SIFT_ENTROPY))
        PyErr_SetString(PyExc_ValueError, "whitening goes with the entropy");
    else if (a[22] == Py_None && a[23] != Py_None)
        PyErr_SetString(PyExc_ValueError, "budget needs costs");
    else
        return 1;
    return 0;
}

static int solve(const struct sift_problem *problem, int is_double)
{
#if SIFT_AVX2
    if (!is_double && sift_has_avx512())
        return sift_select_float_avx512(problem);
    if (sift_has_avx2())
        return is_double ? sift_select_double_avx2(problem) : sift_select_float_avx2(problem);
#endif
    return is_double ? sift_select_double(problem) : sift_select_float(problem);
}

/* Runs the handlers of signals that came in; 1 where one raised an exception. `caller` is where the
 * state of the thread is kept, which does not hold the GIL. */
static int handle_signals(void *caller)
{
    PyThreadState **thread = caller;
    int raised;
    PyEval_RestoreThread(*thread);
    raised = PyErr_CheckSignals() != 0;
    *thread = PyEval_SaveThread();
    return raised;
}

PyObject *sift_select(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct sift_problem problem;
    Py_buffer buffers[BUFFERS];
    int is_double, taken, status = -1;
    (void)module;
    if (count != ARGUMENTS)
        return PyErr_Format(PyExc_TypeError, "select takes %d arguments; got %zd", ARGUMENTS,
                            count);
    if (!take_scalars(arguments, &problem, &is_double))
        return NULL;
    {
        size_t real = is_double ? sizeof(double) : sizeof(float);
        size_t batch = problem.batch, each = problem.candidates, k = problem.k;
        size_t m = problem.target_count, d = problem.dim;
        const struct expected all[BUFFERS] = {
            {"vectors", 1, 0, 0, real, {problem.pools, problem.pool_size, d}},
            {"ids", 5, 1, 0, sizeof(int64_t), {batch, each, 1}},
            {"targets", 7, 0, 0, real, {batch, m, d}},
            {"relevance", 15, 1, 0, sizeof(double), {batch, each, 1}},
            {"whitening", 18, 1, 0, real, {batch, m, m}},
            {"costs", 22, 1, 0, sizeof(double), {batch, each, 1}},
            {"budget", 23, 1, 0, sizeof(double), {batch, 1, 1}},
            {"groups", 24, 1, 0, sizeof(int64_t), {batch, each, 1}},
            {"indices", 26, 0, 1, sizeof(int64_t), {batch, k, 1}},
            {"gains", 27, 0, 1, real, {batch, k, 1}},
            {"variance", 28, 0, 1, real, {batch, k + 1, 1}},
        };
        for (taken = 0; taken < BUFFERS; taken++)
            if (take_buffer(arguments, &all[taken], &buffers[taken])) {
                taken++;
                goto release;
            }
    }
    problem.vectors = buffers[0].buf;
    problem.ids = arguments[5] == Py_None ? NULL : buffers[1].buf;
    problem.targets = buffers[2].buf;
    problem.relevance = arguments[15] == Py_None ? NULL : buffers[3].buf;
    problem.whitening = buffers[4].buf;
    problem.costs = arguments[22] == Py_None ? NULL : buffers[5].buf;
    problem.budget = arguments[23] == Py_None ? NULL : buffers[6].buf;
    problem.groups = arguments[24] == Py_None ? NULL : buffers[7].buf;
    problem.indices = buffers[8].buf;
    problem.gains = buffers[9].buf;
    problem.variance = buffers[10].buf;

    {
        PyThreadState *thread;
        problem.interrupted = handle_signals;
        problem.caller = &thread;
        thread = PyEval_SaveThread();
        status = solve(&problem, is_double);
        PyEval_RestoreThread(thread);
    }

release:
    for (int i = 0; i < taken; i++)
        if (buffers[i].obj != NULL)
            PyBuffer_Release(&buffers[i]);
    if (status == SIFT_NO_MEMORY)
        return PyErr_NoMemory();
    return status < 0 || status == SIFT_INTERRUPTED ? NULL : PyLong_FromLong(status);
}
