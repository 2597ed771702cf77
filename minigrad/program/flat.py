"""A program's code as flat arrays for C.

Room: class `Flat`: the part of a `Job` that does not change from run to run, and the operations on cells. Compiled
only; types in `flat.pxd`. Below: `instructions`, `rules`, `rows`, the kernels through the pointers of their level.
Above: `native`.
Must hold: linear in the size of the code, about a microsecond for a step.

A place is an index into the pointers that a thread works with: first the columns, then the slots, the cells, and
blocks filled with the number of a cell for the steps that cannot take it as one number.
"""

import cython

from minigrad.program.instructions import Both, Dots, Products, Row, Store, Sum
from minigrad.rows import CODES as TABLE_CODES
from minigrad.rules import COMPUTED, RULES

#: What one row costs in ns, roughly: by kind of step, and for each term of a sum of products.
COSTS = {Row: 3.0, Both: 8.0, Products: 0.2, Dots: 0.2, Sum: 0.2, Store: 1.0}
TERM_COST = 0.3

_rows = cython.declare(cython.pointer(cython.const[Kernels]), cython.NULL)
_table = cython.declare(cython.pointer(cython.const[Table]), cython.NULL)
_codes = cython.declare(dict, {})
_pairs = cython.declare(dict, {})
_kinds = cython.declare(dict, {})


def use(kernels, products):
    """Take the row kernels and the sums of products from these modules, both of one level."""
    global _rows, _table, _codes, _pairs, _kinds
    address = PyCapsule_GetPointer(kernels.POINTERS, b"minigrad.program.kernels")
    _rows = cython.cast(cython.pointer(cython.const[Kernels]), address)
    address = PyCapsule_GetPointer(products.POINTERS, b"minigrad.program.products")
    _table = cython.cast(cython.pointer(cython.const[Table]), address)
    _codes, _pairs = kernels.CODES, kernels.PAIRS
    arities = {name: rule.arity for name, rule in RULES.items()}
    arities.update({name: computed.rule.arity for name, computed in COMPUTED.items()})
    _kinds = {name: ROW1 if arity == 1 else ROW2 if arity == 2 else ROWN for name, arity in arities.items()}


@cython.final
@cython.cclass
class Room:
    """Memory for C, from the start of a cache line, all zero at first; it goes away with the object."""

    def __dealloc__(self):
        PyMem_RawFree(self.memory)


def room(count, size):
    """Room for `count` things of `size` bytes."""
    made: Room = Room()
    made.memory = PyMem_RawCalloc(count * size + 64, 1)
    if made.memory == cython.NULL:
        raise MemoryError(f"no room for {count} times {size} bytes")
    address: cython.size_t = cython.cast(cython.size_t, made.memory)
    made.start = cython.cast(cython.p_void, (address + 63) // 64 * 64)
    return made


@cython.final
@cython.cclass
class Flat:
    """The flat form of a code."""

    def __cinit__(self, code):
        self.rooms = []
        self.filled = {}
        job = cython.address(self.job)
        job.rows, job.table = _rows, _table
        job.sources, job.slots, job.cells = code.sources, code.slots, code.cells
        job.outputs, job.block = code.outputs, code.block
        job.cost = 0.1
        job.least[0] = job.least[1] = 1e300
        self._measure(code)
        job.steps = cython.cast(cython.pointer(Step), self._room(len(code.body), cython.sizeof(Step)))
        for step in code.body:
            self._add(step)
        job.columns = cython.cast(cython.pointer(Column), self._room(job.sources, cython.sizeof(Column)))
        job.outputs_at = cython.cast(cython.pointer(Output), self._room(job.outputs, cython.sizeof(Output)))
        job.numbers = cython.cast(cython.p_double, self._room(job.cells, cython.sizeof(cython.double)))
        self.scalars = cython.cast(
            cython.pointer(Scalar), self._room(len(code.before) + len(code.after), cython.sizeof(Scalar))
        )
        self.before, self.after, self.count = len(code.before), len(code.after), code.count
        self._add_scalars(code.before, self.scalars)
        self._add_scalars(code.after, self.scalars + self.before)

    def _room(self, count, size):
        made: Room = room(count, size)
        self.rooms.append(made)
        return made.start

    def _measure(self, code):
        """Make room for the operands, the terms and the sums of all steps."""
        operands: cython.Py_ssize_t = 0
        terms: cython.Py_ssize_t = 0
        sums: cython.Py_ssize_t = 0
        widest: cython.Py_ssize_t = 1
        for step in code.body:
            kind = type(step)
            if kind is Row or kind is Both:
                operands += len(step.operands)
                widest = max(widest, len(step.operands))
            elif kind is Products or kind is Dots:
                operands += 1
                terms += len(step.columns)
                widest = max(widest, len(step.columns))
                sums += len(step.columns)
            else:
                operands += 1
                sums += 1
        most: cython.Py_ssize_t = 0
        for step in (*code.before, *code.after):
            operands += len(step.operands)
            most = max(most, len(step.operands))
        self.scratch = cython.cast(cython.p_double, self._room(2 * most, cython.sizeof(cython.double)))
        job = cython.address(self.job)
        size: cython.Py_ssize_t = cython.sizeof(cython.Py_ssize_t)
        job.operands = cython.cast(cython.pointer(cython.Py_ssize_t), self._room(operands, size))
        self.accumulators = list(code.totals)
        self.totals = cython.cast(cython.pointer(cython.Py_ssize_t), self._room(sums, size))
        self.side_by_side = cython.cast(
            cython.pointer(cython.int), self._room(job.sources, cython.sizeof(cython.int))
        )
        job.terms = cython.cast(cython.pointer(Term), self._room(terms, cython.sizeof(Term)))
        job.planned = cython.cast(cython.pointer(Term), self._room(terms, cython.sizeof(Term)))
        job.u = cython.cast(cython.p_double, self._room(terms, cython.sizeof(cython.double)))
        groups: cython.Py_ssize_t = terms + 4 * len(code.body)
        job.groups = cython.cast(cython.pointer(Group), self._room(groups, cython.sizeof(Group)))
        job.widest = widest
        self.code = code

    def _place(self, operand, block):
        """The place of an operand; `block` wants a number for each row even of a uniform one."""
        job = cython.address(self.job)
        if operand >= job.sources:
            return operand
        if operand >= 0:
            self.side_by_side[operand] = True
            return operand
        if not block:
            return job.sources + job.slots + ~operand
        cell = ~operand
        if cell not in self.filled:
            self.filled[cell] = len(self.filled)
        number: cython.Py_ssize_t = self.filled[cell]
        return job.sources + job.slots + job.cells + number

    def _operand(self, operand, block):
        self.job.operands[self.operands] = self._place(operand, block)
        self.operands += 1

    def _sum(self, accumulator):
        """A sum of its own, whose total goes where the accumulator's goes."""
        job = cython.address(self.job)
        self.totals[job.sums] = self.code.totals[accumulator]
        job.sums += 1
        return job.sums - 1

    def _add(self, given):
        """One step of the body."""
        kind = type(given)
        job = cython.address(self.job)
        step = job.steps + job.count
        step.operand = self.operands
        job.count += 1
        cost: cython.double = COSTS[kind]
        job.cost += cost
        if kind is Row or kind is Both:
            self._add_row(given, step)
        elif kind is Products:
            step.kind = PRODUCTS
            step.dst = given.dst
            step.constant = given.constant
            self._add_terms(given.columns, given.cells, step)
        elif kind is Dots:
            step.kind = DOTS
            step.mode = given.masked
            self._operand(given.d, True)
            self._add_terms(given.columns, given.accumulators, step)
        else:
            step.kind = SUM if kind is Sum else STORE
            step.mode = given.x < 0
            step.partial = self._sum(given.accumulator) if kind is Sum else given.output
            self._operand(given.x, False)

    def _add_row(self, given, step):
        operands: tuple = given.operands
        step.count = len(operands)
        step.dst = given.dst
        step.kind = _kinds[given.op]
        if type(given) is Both:
            step.kind = BOTH
            step.code = _pairs[given.op, given.computed]
            step.partial = given.partial
        else:
            step.code = _codes[given.op]
        if step.count == 2:
            step.mode = 1 if operands[1] < 0 else 2 if operands[0] < 0 else 0
        for operand in operands:
            self._operand(operand, step.kind == ROWN)

    def _add_terms(self, columns, others, step):
        job = cython.address(self.job)
        step.first = job.terms_count
        step.count = len(columns)
        i: cython.Py_ssize_t
        for i in range(step.count):
            term = job.terms + job.terms_count
            term.place = columns[i]
            if step.kind == DOTS:
                term.sum = self._sum(others[i])
                if step.mode and term.place < job.sources:
                    self.side_by_side[term.place] = True
            else:
                term.cell = others[i]
            job.terms_count += 1
        job.cost += TERM_COST * step.count

    def _add_scalars(self, given, scalar):
        for uniform in given:
            operands: tuple = uniform.operands
            scalar.computed = uniform.op not in TABLE_CODES
            scalar.code = _codes[uniform.op] if scalar.computed else TABLE_CODES[uniform.op]
            scalar.kind = _kinds[uniform.op]
            scalar.dst = uniform.dst
            scalar.operand = self.operands
            scalar.count = len(operands)
            for cell in operands:
                self.job.operands[self.operands] = cell
                self.operands += 1
            scalar += 1

    def evaluate(self, first, count):
        """Do operations on cells, one after the other, with the arithmetic of the recorded engine."""
        numbers = self.job.numbers
        x: cython.double
        y: cython.double
        out: cython.double
        i: cython.Py_ssize_t
        for scalar in self.scalars[first : first + count]:
            operands = self.job.operands + scalar.operand
            if scalar.kind == ROWN:
                for i in range(scalar.count):
                    self.scratch[i] = numbers[operands[i]]
                out = evaluate_n(scalar.code, self.scratch, scalar.count, self.scratch + scalar.count)
            else:
                x, y = numbers[operands[0]], numbers[operands[scalar.count - 1]]
                if scalar.computed and scalar.kind == ROW1:
                    self.job.rows.row1(scalar.code, cython.address(x), cython.address(out), 1)
                elif scalar.computed:
                    self.job.rows.row2(
                        scalar.code, 0, cython.address(x), cython.address(y), cython.address(out), 1
                    )
                elif scalar.kind == ROW1:
                    out = evaluate1(scalar.code, x)[0]
                else:
                    out = evaluate2(scalar.code, x, y)[0]
            numbers[scalar.dst] = out
