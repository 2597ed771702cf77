# Types of numeric.py, and the functions of the C library, which are numeric's too.

cdef extern from "math.h" nogil:
    cpdef double acos(double x)
    cpdef double acosh(double x)
    cpdef double asin(double x)
    cpdef double asinh(double x)
    cpdef double atan(double x)
    cpdef double atan2(double y, double x)
    cpdef double atanh(double x)
    cpdef double cos(double x)
    cpdef double cosh(double x)
    cpdef double erf(double x)
    cpdef double erfc(double x)
    cpdef double exp(double x)
    cpdef double exp2(double x)
    cpdef double expm1(double x)
    cpdef double fabs(double x)
    cpdef double log(double x)
    cpdef double log10(double x)
    cpdef double log1p(double x)
    cpdef double log2(double x)
    cpdef double pow(double x, double y)
    cpdef double sin(double x)
    cpdef double sinh(double x)
    cpdef double sqrt(double x)
    cpdef double tan(double x)
    cpdef double tanh(double x)
    double copysign(double x, double y)
    double floor(double x)
    double libm_cbrt "cbrt" (double x)
    bint isfinite(double x)
    double inf "INFINITY"
    double nan "NAN"

cdef inline double div(double x, double y) noexcept nogil:
    return x / y

cdef double LN_2, LN_2_HEAD, LN_2_TAIL, LN_2_REST, INVERSE_LN_2, INVERSE_LN_10, TWO_OVER_ROOT_PI, UP, DOWN, SMALL, LARGE

cpdef double sign(double x) noexcept nogil
cpdef double minimum(double x, double y) noexcept nogil
cpdef double maximum(double x, double y) noexcept nogil
cpdef double sum_error(double x, double y, double s) noexcept nogil
cpdef double product_error(double x, double y, double p) noexcept nogil

cpdef double div_dy(double x, double y) noexcept nogil
cpdef double pow_dx(double x, double y) noexcept nogil
cpdef double pow_dy(double x, double y) noexcept nogil
cpdef double cbrt(double x) noexcept nogil
cpdef double hypot(double x, double y) noexcept nogil
cpdef double hypot_d(double x, double y) noexcept nogil
cpdef double atan2_dy(double y, double x) noexcept nogil
cpdef double atan2_dx(double y, double x) noexcept nogil

cpdef double exp2_d(double x) noexcept nogil
cpdef double log2_d(double x) noexcept nogil
cpdef double log10_d(double x) noexcept nogil
cpdef double tan_d(double x) noexcept nogil
cpdef double atan_d(double x) noexcept nogil
cpdef double tanh_d(double x) noexcept nogil
cpdef double acosh_d(double x) noexcept nogil
cpdef double erf_d(double x) noexcept nogil

cpdef double sigmoid(double x) noexcept nogil
cpdef double sigmoid_d(double x) noexcept nogil
cpdef double softplus(double x) noexcept nogil
cpdef double logsigmoid(double x) noexcept nogil
cpdef double logit(double x) noexcept nogil
cpdef double sigmoid_of_difference(double x, double y) noexcept nogil
cpdef double exp_of_difference(double x, double y) noexcept nogil
cdef bint near_zero(double m, double r) noexcept nogil
cpdef double logaddexp(double x, double y) noexcept nogil
cdef double logaddexp_precisely(double x, double y) noexcept with gil
cpdef double bce(double a, double y) noexcept nogil
cpdef double bce_da(double a, double y) noexcept nogil
cpdef double bce_with_logits(double z, double y) noexcept nogil
cpdef double sigmoid_minus(double z, double y) noexcept nogil
cdef double sigmoid_minus_precisely(double z, double y) noexcept with gil
cpdef (double, double) exp_pair(double x) noexcept nogil
cdef double sigmoid_minus_by_pair(double z, double y) noexcept nogil
cpdef double bce_da_from_logit(double z, double y) noexcept nogil
