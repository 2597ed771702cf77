# Types of layout.py.
from cpython.buffer cimport (
    Py_buffer, PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)

from minigrad.program.flat cimport Flat, Room, room
from minigrad.program.products cimport FLOAT32, FLOAT64, INT8, UINT8
from minigrad.program.steps cimport (
    BOTH, DOTS, PLACE, PRODUCTS, READ, ROW1, ROW2, ROWN, ROWS, Column, Group, Job, Step, Term,
)

cdef class Layout:
    cdef Flat flat
    cdef Job* job
    cdef Room memory
    cdef Py_buffer* views  # of the arrays of this feed
    cdef Py_ssize_t taken
    cdef Py_ssize_t groups, planned
    cdef list fetched  # of each column: whether a sum already asks for its next block
    cdef bint changed
    cdef int take(self, sources, stores, Py_ssize_t m) except -1
    cdef int release(self) except -1
    cdef Py_buffer* _view(self, array, int flags) except NULL
    cdef int _take_table(self, tuple sources, Py_ssize_t m) except -1
    cdef int _take_columns(self, sources, Py_ssize_t m) except -1
    cdef int _take_stores(self, stores, Py_ssize_t m) except -1
    cdef int _column(self, Py_ssize_t k, const char* address, Py_ssize_t stride, int kind) except -1
    cdef int _plan(self) except -1
    cdef int _ways(self) except -1
    cdef bint _copied(self, const Step* step) noexcept
    cdef Py_ssize_t _run_length(self, const Step* step, Py_ssize_t i) noexcept
    cdef int _group(self, Step* step, int which) except -1
    cdef int _group_runs(self, Step* step) except -1
    cdef int _close(self, Step* step, Py_ssize_t first, int together, int single, int ahead) except -1

cdef int kind_of(const Py_buffer* view) noexcept
