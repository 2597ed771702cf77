# C types of what value.py takes from C and from the generated rows.
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject, PyTypeObject
from libc.stdlib cimport free, malloc

from minigrad.rows cimport (
    ABS, ADD, CONST, DIV, FIRST_BINARY, FIRST_MANY, FIRST_THROUGH, INPUT, MUL, NEG, POW, SUB,
    evaluate1, evaluate2, evaluate_n, evaluate_through, is_inner, paired, selects, takes,
)

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* o)
    void PyType_Modified(object kind)
