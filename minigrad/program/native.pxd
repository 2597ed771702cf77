# Types of native.py.
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memcpy, memset

from minigrad.program.crew cimport Crew, PyThread_allocate_lock, PyThread_free_lock, the_crew
from minigrad.program.flat cimport Flat, Room, room
from minigrad.program.layout cimport Layout
from minigrad.program.steps cimport READ, Job, Worker, run_panels

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef class Machine:
    cdef readonly object code
    cdef Flat flat
    cdef Layout layout
    cdef Job* job  # flat's
    cdef object cells, failure, spare
    cdef bint started, busy, ragged
    cdef Py_ssize_t rows, panels, levels, wave_panels
    cdef Room wave, cascade, crew_room
    cdef list workers  # the memory of each
    cdef int _start(self, cells) except -1
    cdef int _copy_cells(self, cells, bint back) except -1
    cdef int _finish(self) except -1
    cdef int _feed(self, sources, m, stores, threads) except -1
    cdef int _run(self, Py_ssize_t m, Py_ssize_t threads) except -1
    cdef Py_ssize_t _panels_of_wave(self, Py_ssize_t threads) except -1
    cdef int _combine(self, double* sums) except -1
    cdef int _add_level(self) except -1
    cdef int _hire(self, Py_ssize_t threads) except -1
    cdef Room _equip(self, Worker* worker)
    cdef int _fill(self, Py_ssize_t n) except -1

cdef bint interrupted(void* machine) noexcept with gil
