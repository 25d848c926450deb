/* What the files of the extension module `sift_retrievers._native` share.
 *
 * The module is compiled for the limited API of Python 3.11, so one binary serves every later
 * version. It needs nothing from numpy: arrays come in as buffers, with their sizes beside them,
 * and every buffer's length is checked against those sizes before it is read.
 */

#ifndef SIFT_NATIVE_H
#define SIFT_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Of the functions' arguments; equal to REVISION in acceleration.py, which refuses another. */
#define SIFT_REVISION 3

/* select.c */
PyObject *sift_select(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
extern const char sift_select_doc[];

#endif
