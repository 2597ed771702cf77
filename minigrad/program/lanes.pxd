# What the block kernels take from C: the functions of the C library in their vector form, and three lines of our own.
#
# glibc carries vector versions of these functions (libmvec); GCC calls them in a loop when the prototype says that
# they exist. Anywhere else the same loops call the scalar functions.

cdef extern from *:
    """
    #ifndef MINIGRAD_LANES
    #define MINIGRAD_LANES
    #include <math.h>
    #include <string.h>
    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
      #define MINIGRAD_SIMD __attribute__((simd("notinbranch")))
      #if __GLIBC_PREREQ(2, 22)
        MINIGRAD_SIMD double log(double);
        MINIGRAD_SIMD double sin(double);
        MINIGRAD_SIMD double cos(double);
        MINIGRAD_SIMD double pow(double, double);
      #endif
      #if __GLIBC_PREREQ(2, 35)
        MINIGRAD_SIMD double acos(double);
        MINIGRAD_SIMD double acosh(double);
        MINIGRAD_SIMD double asin(double);
        MINIGRAD_SIMD double asinh(double);
        MINIGRAD_SIMD double atan(double);
        MINIGRAD_SIMD double atan2(double, double);
        MINIGRAD_SIMD double atanh(double);
        MINIGRAD_SIMD double cbrt(double);
        MINIGRAD_SIMD double cosh(double);
        MINIGRAD_SIMD double erf(double);
        MINIGRAD_SIMD double erfc(double);
        MINIGRAD_SIMD double exp2(double);
        MINIGRAD_SIMD double expm1(double);
        MINIGRAD_SIMD double log10(double);
        MINIGRAD_SIMD double log1p(double);
        MINIGRAD_SIMD double log2(double);
        MINIGRAD_SIMD double sinh(double);
        MINIGRAD_SIMD double tan(double);
        MINIGRAD_SIMD double tanh(double);
      #endif
    #endif
    /* A loop is vectorised only if every function in it is inlined, and a compiler tires of that in a large file. */
    #undef CYTHON_INLINE
    #if defined(_MSC_VER)
      #define CYTHON_INLINE __forceinline
      #define MINIGRAD_RESTRICT __restrict
    #else
      #define CYTHON_INLINE inline __attribute__((always_inline))
      #define MINIGRAD_RESTRICT __restrict__
    #endif
    typedef const double *MINIGRAD_RESTRICT minigrad_reader;
    typedef double *MINIGRAD_RESTRICT minigrad_writer;
    typedef double **minigrad_readers;
    static inline double minigrad_select(int condition, double x, double y) {
        return condition ? x : y;
    }
    static inline double minigrad_fused(double x, double y, double z) {
    #if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
        return __builtin_fma(x, y, z);
    #else
        return x * y + z;
    #endif
    }
    /* 2**k for a whole k from -1022 to 1023: k becomes the exponent. Anything else gives some number or other. */
    static inline double minigrad_power_of_2(double k) {
        unsigned long long bits;
        k += 6755399441055744.0 + 1023.0;
        memcpy(&bits, &k, 8);
        bits <<= 52;
        memcpy(&k, &bits, 8);
        return k;
    }
    #endif
    """
    ctypedef const double* reader "minigrad_reader"
    ctypedef double* writer "minigrad_writer"
    ctypedef double** readers "minigrad_readers"
    double select "minigrad_select" (bint condition, double x, double y) nogil
    double fused "minigrad_fused" (double x, double y, double z) nogil
    double power_of_2 "minigrad_power_of_2" (double k) nogil
    double acos(double x) nogil
    double acosh(double x) nogil
    double asin(double x) nogil
    double asinh(double x) nogil
    double atan(double x) nogil
    double atan2(double y, double x) nogil
    double atanh(double x) nogil
    double libm_cbrt "cbrt" (double x) nogil
    double copysign(double x, double y) nogil
    double cos(double x) nogil
    double cosh(double x) nogil
    double erf(double x) nogil
    double erfc(double x) nogil
    double exp2(double x) nogil
    double expm1(double x) nogil
    double fabs(double x) nogil
    double log(double x) nogil
    double log10(double x) nogil
    double log1p(double x) nogil
    double log2(double x) nogil
    double pow(double x, double y) nogil
    double sin(double x) nogil
    double sinh(double x) nogil
    double sqrt(double x) nogil
    double tan(double x) nogil
    double tanh(double x) nogil
    double inf "INFINITY"
    double nan "NAN"
