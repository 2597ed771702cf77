# Types of sums.py.
from minigrad.numeric cimport LARGE, SMALL, exp_of_difference, fabs, inf, isfinite, log1p, nan, near_zero, product_error, sum_error

cdef list listed(double* x, Py_ssize_t n)
cdef bint settled(double s, double error, double magnitude, Py_ssize_t n) noexcept nogil
cdef double compensated_sum(double* x, Py_ssize_t n, Py_ssize_t divisor) except? -1
cdef double overflowed_sum(double* x, Py_ssize_t n, Py_ssize_t divisor) except? -1
cdef double nary_sum(double* x, Py_ssize_t n) except? -1
cdef double nary_mean(double* x, Py_ssize_t n) except? -1
cdef double nary_dot(double* w, double* x, Py_ssize_t n) except? -1
cdef bint underflows(double* w, double* x, Py_ssize_t n) noexcept nogil
cdef Py_ssize_t largest(double* x, Py_ssize_t n) noexcept nogil
cdef double excess(double* x, Py_ssize_t n, Py_ssize_t best) noexcept nogil
cdef double nary_logsumexp(double* x, Py_ssize_t n) except? -1
cdef int nary_softmax(double* x, Py_ssize_t n, double* partials) except -1
