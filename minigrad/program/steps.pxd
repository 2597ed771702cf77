# Types of steps.py: a program made ready to run without Python.
from libc.string cimport memcpy, memset

from minigrad.program.crew cimport PyThread_acquire_lock, PyThread_release_lock, PyThread_type_lock
from minigrad.program.kernels cimport Kernels
from minigrad.program.products cimport Table

cdef extern from *:
    """
    #include <time.h>
    static double minigrad_now(void) {
        struct timespec now;
        timespec_get(&now, TIME_UTC);
        return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
    }
    """
    double now "minigrad_now" () nogil

cdef enum:
    ROW1, ROW2, ROWN, BOTH, PRODUCTS, DOTS, SUM, STORE  # kinds of steps
    PLACE, READ, ROWS  # ways of a column: read in place; copied block by block; in place, side by side with others

# One step. A place is a number in `Worker.at`: a column, a slot, a cell, or a buffer filled with a cell's number.
cdef struct Step:
    int kind, code, mode
    Py_ssize_t dst, partial  # places; partial of STORE: the output, of SUM: the sum
    Py_ssize_t operand  # where its operands begin in `Job.operands`
    Py_ssize_t first, count  # its terms; of others count alone: operands
    Py_ssize_t constant  # a cell or -1
    Py_ssize_t group, groups

# One term of a sum of products.
cdef struct Term:
    Py_ssize_t place, cell, sum

# Terms of a step that one call does.
cdef struct Group:
    int together, single, direct
    Py_ssize_t first, count
    int ahead  # whether it may ask for the next block of its columns

# A column as it lies in memory.
cdef struct Column:
    const char* address
    Py_ssize_t stride
    int kind, way, key

# One output.
cdef struct Output:
    char* address
    Py_ssize_t stride

# One operation on cells.
cdef struct Scalar:
    int kind, code  # ROW1, ROW2, ROWN of the table; BOTH: a computed partial
    Py_ssize_t dst, first, count

# What one thread works with.
cdef struct Worker:
    double* memory  # slots and buffers of columns that are read
    double** at
    const void** columns
    int ahead  # 1: ask for the next block of columns while this one is summed
    double* sums  # of a group whose sums lie scattered

# The whole of a program made ready: all that is needed without Python.
cdef struct Job:
    const Kernels* rows
    const Table* table
    Py_ssize_t sources, slots, cells, outputs, block
    Py_ssize_t count, terms_count, sums, widest  # steps; terms; sums of a panel; terms or operands of the widest step
    Step* steps
    Py_ssize_t* operands  # places
    Term* terms
    double cost  # of a row, in ns, roughly
    # how this feed's columns lie
    Column* columns
    Output* outputs_at
    Py_ssize_t readers  # columns that are copied
    Py_ssize_t reading  # before which step: the first that wants one of them
    Group* groups
    Term* planned  # the terms in the order of the groups
    double* u  # their coefficients
    double* numbers  # in the cells
    # one feed
    Py_ssize_t m, first, end, taken  # rows; panels of this wave; the next to be taken
    double* wave  # the sums of the wave's panels
    PyThread_type_lock lock  # of `taken`
    Worker* workers
    int stop
    # Whether asking for the next block pays: panels tried without and with it, and the least time of one in ns.
    Py_ssize_t tried
    double least[2]
    bint (*interrupted)(void* machine) noexcept with gil
    void* machine

cdef void run_panels(void* state, int number) noexcept nogil
cdef Py_ssize_t take(Job* job, Worker* worker, Py_ssize_t before, double began) noexcept nogil
cdef void run_panel(Job* job, Worker* worker, Py_ssize_t panel, double* sums, bint watch) noexcept nogil
cdef void run_block(Job* job, Worker* worker, Py_ssize_t row, Py_ssize_t n, double* sums) noexcept nogil
cdef void locate(Job* job, Worker* worker, Py_ssize_t row) noexcept nogil
cdef void copy(Job* job, Worker* worker, Py_ssize_t row, Py_ssize_t n) noexcept nogil
cdef void products(Job* job, Worker* worker, const Step* step, Py_ssize_t n) noexcept nogil
cdef void dots(Job* job, Worker* worker, const Step* step, Py_ssize_t n, double* sums) noexcept nogil
cdef void store(const Output* output, const double* x, bint uniform, Py_ssize_t row, Py_ssize_t n) noexcept nogil
