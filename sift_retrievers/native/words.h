/* The functions of the module that read, hear and cover texts. */

#ifndef SIFT_WORDS_H
#define SIFT_WORDS_H

#include "native.h"

#define SIFT_FUNCTION(name)                                                       \
    PyObject *sift_##name(PyObject *module, PyObject *const *arguments, Py_ssize_t count); \
    extern const char sift_##name##_doc[]

SIFT_FUNCTION(read_terms);
SIFT_FUNCTION(score_terms);
SIFT_FUNCTION(mentions);
SIFT_FUNCTION(phrases);
SIFT_FUNCTION(standardized);
SIFT_FUNCTION(cover);

#endif
