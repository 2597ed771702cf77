# Types of crew.py.
cdef extern from "Python.h":
    ctypedef void* PyThread_type_lock
    PyThread_type_lock PyThread_allocate_lock() nogil
    int PyThread_acquire_lock(PyThread_type_lock lock, int wait) nogil
    void PyThread_release_lock(PyThread_type_lock lock) nogil
    void PyThread_free_lock(PyThread_type_lock lock) nogil

# What is to be done: called once for each worker, with its number, by as many threads at once.
ctypedef void (*Work)(void* state, int worker) noexcept nogil

cdef class Hand:
    cdef PyThread_type_lock ready, done
    cdef Work work
    cdef void* state
    cdef int number

cdef class Crew:
    cdef list hands
    cdef bint busy
    cdef int engage(self, int workers) except -1
    cdef int work(self, Work work, void* state, int workers) except -1
    cdef int call(self, Work work, void* state, int workers) except -1

cdef Crew the_crew()
