/* Distances from the mean in standard deviations; sift_retrievers/witnesses/standardized.py. */

#include "words_buffer.h"

#include <math.h>

static void standardize(const char *values, size_t count, double rounding, double *out)
{
    double largest = 0, mean = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        double size = fabs(double_at(values, i));
        /* Written so that a NaN, once found, stays. */
        largest = size <= largest ? largest : size;
    }
    int silent = largest == 0 || !isfinite(largest);
    if (!silent) {
        for (size_t i = 0; i < count; i++) {
            out[i] = double_at(values, i) / largest;
            mean += out[i];
        }
        mean /= (double)count;
        for (size_t i = 0; i < count; i++) {
            out[i] -= mean;
            square += out[i] * out[i];
        }
        square = sqrt(square / (double)count);
        silent = !(square >= rounding);
    }
    for (size_t i = 0; i < count; i++)
        out[i] = silent ? 0 : out[i] / square;
}

const char sift_standardized_doc[] =
    "standardized(values, rows, count, rounding)\n--\n\n"
    "Each of some rows of `count` doubles less its mean, over its standard deviation; 0 where all\n"
    "of a row are equal up to rounding, a share of its largest value. A bytearray of doubles.";

PyObject *sift_standardized(PyObject *module, PyObject *const *arguments, Py_ssize_t given)
{
    (void)module;
    if (given != 4) {
        PyErr_SetString(PyExc_TypeError, "standardized takes values, rows, count and rounding");
        return NULL;
    }
    size_t rows = PyLong_AsSize_t(arguments[1]);
    if (rows == (size_t)-1 && PyErr_Occurred())
        return NULL;
    size_t count = PyLong_AsSize_t(arguments[2]);
    if (count == (size_t)-1 && PyErr_Occurred())
        return NULL;
    double rounding = PyFloat_AsDouble(arguments[3]);
    if (rounding == -1.0 && PyErr_Occurred())
        return NULL;
    if (count > 0 && rows > (size_t)PY_SSIZE_T_MAX / 8 / count) {
        PyErr_SetString(PyExc_ValueError, "too many values");
        return NULL;
    }
    sift_row values;
    PyObject *result = NULL;
    if (sift_row_from(arguments[0], "values", rows * count, 8, &values) < 0)
        goto done;
    if (values.data == NULL) {
        PyErr_SetString(PyExc_TypeError, "values must not be None");
        goto done;
    }
    result = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(8 * rows * count));
    if (result == NULL)
        goto done;
    double *out = (double *)(void *)PyByteArray_AsString(result);
    for (size_t row = 0; count > 0 && row < rows; row++)
        standardize(values.data + 8 * row * count, count, rounding, out + row * count);
done:
    sift_row_release(&values);
    return result;
}
