# Types of flat.py.
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_GetPointer

from minigrad.program.kernels cimport Kernels
from minigrad.program.products cimport Table
from minigrad.program.steps cimport (
    BOTH, DOTS, PRODUCTS, ROW1, ROW2, ROWN, STORE, SUM, Column, Group, Job, Output, Step, Term,
)
from minigrad.rows cimport evaluate1, evaluate2, evaluate_n

# One operation on cells: a row of the table, or a computed partial.
cdef struct Scalar:
    int kind, code, computed
    Py_ssize_t dst, operand, count

cdef class Room:
    cdef void* memory
    cdef void* start

cdef Room room(Py_ssize_t count, Py_ssize_t size)

cdef class Flat:
    cdef Job job
    cdef object code
    cdef list rooms, accumulators
    cdef Py_ssize_t operands  # so many are in `job.operands`
    cdef dict filled  # {cell: number of its block}
    cdef int* side_by_side  # of each column: whether a step takes it as float64 numbers side by side
    cdef Py_ssize_t* totals  # of each sum the cell that it is added to
    cdef Scalar* scalars
    cdef Py_ssize_t before, after, count
    cdef double* scratch
    cdef void* _room(self, Py_ssize_t count, Py_ssize_t size) except NULL
    cdef int _measure(self, code) except -1
    cdef Py_ssize_t _place(self, Py_ssize_t operand, bint block) except -1
    cdef int _operand(self, Py_ssize_t operand, bint block) except -1
    cdef Py_ssize_t _sum(self, accumulator) except -1
    cdef int _add(self, given) except -1
    cdef int _add_row(self, given, Step* step) except -1
    cdef int _add_terms(self, tuple columns, tuple others, Step* step) except -1
    cdef int _add_scalars(self, tuple given, Scalar* scalar) except -1
    cdef int evaluate(self, Py_ssize_t first, Py_ssize_t count) except -1
