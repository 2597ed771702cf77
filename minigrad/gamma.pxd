# Types of gamma.py.
from minigrad.numeric cimport copysign, fabs, floor, inf, log, nan, pow, sum_error

cdef double[30] ABOUT_1
cdef double[30] ABOUT_MINIMUM
cdef double[30] ABOUT_2
cdef double[8] STIRLING
cdef double[10] DIGAMMA
cdef double[10] BERNOULLI

cdef double taylor(double* c, double t, bint slope) noexcept nogil
cdef double log_gamma_of_1_plus(double t, bint slope) noexcept nogil
cpdef double lgamma(double x) noexcept nogil
cpdef double digamma(double x) noexcept nogil
cpdef double polygamma(double n, double x) noexcept nogil
cdef double lgamma_precisely(double x) noexcept with gil
cdef double polygamma_precisely(double n, double x) noexcept with gil
