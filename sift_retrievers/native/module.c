/* The extension module `sift_retrievers._native`: its table of functions and how it is made. */

#include "native.h"

#include "processor.h"
#include "words.h"

PyDoc_STRVAR(instructions_doc,
             "instructions()\n--\n\n"
             "\"avx512\", \"avx2\" or \"portable\": the code that computes inner products on this machine.");

static PyObject *instructions(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyUnicode_FromString(sift_has_avx512() ? "avx512" : sift_has_avx2() ? "avx2" : "portable");
}

/* METH_FASTCALL functions have another type than the table's, which Python asks to cast away. */
#define FASTCALL(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    {"select", FASTCALL(sift_select), METH_FASTCALL, sift_select_doc},
    {"read_terms", FASTCALL(sift_read_terms), METH_FASTCALL, sift_read_terms_doc},
    {"score_terms", FASTCALL(sift_score_terms), METH_FASTCALL, sift_score_terms_doc},
    {"mentions", FASTCALL(sift_mentions), METH_FASTCALL, sift_mentions_doc},
    {"phrases", FASTCALL(sift_phrases), METH_FASTCALL, sift_phrases_doc},
    {"standardized", FASTCALL(sift_standardized), METH_FASTCALL, sift_standardized_doc},
    {"cover", FASTCALL(sift_cover), METH_FASTCALL, sift_cover_doc},
    {"instructions", instructions, METH_NOARGS, instructions_doc},
    {NULL, NULL, 0, NULL},
};

static int fill_module(PyObject *module)
{
    return PyModule_AddIntConstant(module, "REVISION", SIFT_REVISION);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill_module},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, /* the functions share nothing between calls */
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "Compiled functions of sift_retrievers; see sift_retrievers/acceleration.py.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
