/* Rows of numbers that come from Python as buffers. */

#ifndef SIFT_WORDS_BUFFER_H
#define SIFT_WORDS_BUFFER_H

#include "native.h"

#include <stdint.h>
#include <string.h>

/* A row of `count` items of `size` bytes; for None `data` is NULL. To be released if it was
 * filled, which is where `view.obj` is not NULL. */
typedef struct {
    Py_buffer view;
    const char *data;
} sift_row;

/* -1 with an exception where it is no buffer, or one of another length. */
static inline int sift_row_from(PyObject *given, const char *name, size_t count, size_t size,
                                sift_row *row)
{
    memset(row, 0, sizeof *row);
    if (given == Py_None)
        return 0;
    if (PyObject_GetBuffer(given, &row->view, PyBUF_SIMPLE) < 0) {
        row->view.obj = NULL;
        return -1;
    }
    size_t length = (size_t)row->view.len;
    if (length % size || length / size != count) {
        PyErr_Format(PyExc_ValueError, "%s: %zu numbers of %zu bytes expected, %zd bytes came",
                     name, count, size, row->view.len);
        return -1;
    }
    row->data = row->view.buf;
    return 0;
}

static inline void sift_row_release(sift_row *row)
{
    if (row->view.obj != NULL)
        PyBuffer_Release(&row->view);
}

static inline double double_at(const char *data, size_t i)
{
    double value;
    memcpy(&value, data + 8 * i, 8);
    return value;
}

static inline int64_t integer_at(const char *data, size_t i)
{
    int64_t value;
    memcpy(&value, data + 8 * i, 8);
    return value;
}

#endif
