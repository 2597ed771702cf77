# Types of products.py, and how `native` finds its functions: through the capsule POINTERS of each level.
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define minigrad_prefetch(address) __builtin_prefetch((const void*)(address), 0, 2)
    #else
    #define minigrad_prefetch(address) ((void)(address))
    #endif
    """
    void prefetch "minigrad_prefetch" (const void* address) noexcept nogil

cdef extern from "Python.h":
    object PyCapsule_New(void* pointer, const char* name, void* destructor)

ctypedef fused real:
    double
    float

ctypedef fused number:
    double
    float
    int8_t
    int16_t
    int32_t
    int64_t
    uint8_t
    uint16_t
    uint32_t
    uint64_t

# How a number lies in memory; the places of the types in `Table.read`.
cdef enum:
    FLOAT64, FLOAT32, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, KINDS

# Columns apart: out += sum u[k] * columns[k], and sums[k] += sum d * columns[k].
ctypedef void (*ProductsApart)(double* out, const void** columns, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
ctypedef void (*DotsApart)(const double* d, const void** columns, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil
# Columns side by side, in rows that are `stride` bytes apart.
ctypedef void (*ProductsTogether)(double* out, const char* rows, Py_ssize_t stride, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
ctypedef void (*DotsTogether)(const double* d, const char* rows, Py_ssize_t stride, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil
ctypedef double (*Total)(const double* x, Py_ssize_t n) noexcept nogil
ctypedef double (*Masked)(const double* d, const double* x, Py_ssize_t n) noexcept nogil
ctypedef void (*Read)(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil

# What a level exports. Of two functions the first is for float64, the second for float32.
cdef struct Table:
    ProductsApart products_apart[2]
    DotsApart dots_apart[2]
    ProductsTogether products_together[2]
    DotsTogether dots_together[2]
    Total total
    Masked masked
    Read read[10]

cdef void products8(double* out, const real** c, const double* u, Py_ssize_t n) noexcept nogil
cdef void products4(double* out, const real** c, const double* u, Py_ssize_t n) noexcept nogil
cdef void products2(double* out, const real** c, const double* u, Py_ssize_t n) noexcept nogil
cdef void products1(double* out, const real** c, const double* u, Py_ssize_t n) noexcept nogil
cdef void products_apart(double* out, const real** c, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
cdef void fetch(const real** c, Py_ssize_t count, Py_ssize_t start, Py_ssize_t end) noexcept nogil
cdef void dots8(const double* d, const real** c, double* sums, Py_ssize_t start, Py_ssize_t end) noexcept nogil
cdef void dots4(const double* d, const real** c, double* sums, Py_ssize_t start, Py_ssize_t end) noexcept nogil
cdef void dots2(const double* d, const real** c, double* sums, Py_ssize_t start, Py_ssize_t end) noexcept nogil
cdef void dots1(const double* d, const real** c, double* sums, Py_ssize_t start, Py_ssize_t end) noexcept nogil
cdef void dots_apart(const double* d, const real** c, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil
cdef void products_apart64(double* out, const void** columns, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
cdef void products_apart32(double* out, const void** columns, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
cdef void dots_apart64(const double* d, const void** columns, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil
cdef void dots_apart32(const double* d, const void** columns, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil

cdef void products_together(double* out, const real* r0, Py_ssize_t stride, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
cdef void products_together64(double* out, const char* rows, Py_ssize_t stride, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
cdef void products_together32(double* out, const char* rows, Py_ssize_t stride, const double* u, Py_ssize_t count, Py_ssize_t n) noexcept nogil
cdef void dots_together(const double* d, const real* r0, Py_ssize_t stride, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil
cdef void dots_together64(const double* d, const char* rows, Py_ssize_t stride, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil
cdef void dots_together32(const double* d, const char* rows, Py_ssize_t stride, double* sums, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ahead) noexcept nogil

cdef double total(const double* x, Py_ssize_t n) noexcept nogil
cdef double masked(const double* d, const double* x, Py_ssize_t n) noexcept nogil
cdef void read_apart(const number* x, double* out, Py_ssize_t n) noexcept nogil
cdef void read_strided(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n, number* place) noexcept nogil
cdef void read_float64(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_float32(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_int8(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_int16(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_int32(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_int64(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_uint8(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_uint16(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_uint32(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
cdef void read_uint64(const char* x, Py_ssize_t stride, double* out, Py_ssize_t n) noexcept nogil
