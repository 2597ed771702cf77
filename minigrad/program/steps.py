"""The steps of a program over blocks of rows, without Python's lock.

Room: `run_panels`, what each thread does: panels of rows, block by block, each step over a whole block. Compiled only;
the flat form of a program (`Job`) and all types are in `steps.pxd`. Below: the kernels, through pointers. Above:
`native`, which fills in the job.
Must hold: the sums of a panel depend on its rows alone, not on who takes it; a thread writes only into its own buffers,
the sums of the panels it took and the rows of the outputs that belong to them.
"""

import cython

from minigrad.program.instructions import PANEL as ROWS_OF_PANEL

PANEL = cython.declare(cython.Py_ssize_t, ROWS_OF_PANEL)
#: Panels that are timed before it is settled whether to ask for columns ahead.
TRIALS = cython.declare(cython.Py_ssize_t, 16)
#: Nanoseconds between two looks for Ctrl-C inside a panel.
WATCH_TIME = cython.declare(cython.double, 5e7)


def run_panels(state, number):
    """What each thread of the crew does: take the next panel of the wave until none is left."""
    job = cython.cast(cython.pointer(Job), state)
    panel: cython.Py_ssize_t = -1
    began: cython.double = 0.0
    worker = job.workers + number
    while not job.stop:
        panel = take(job, worker, panel, began)
        if panel >= job.end:
            return
        began = now()
        run_panel(job, worker, panel, job.wave + (panel - job.first) * job.sums, number == 0)


def take(job, worker, before, began):
    """The next panel, for one who has done panel `before` since `began`; and whether to ask for columns ahead in it.

    Where processors fetch what comes next by themselves, asking for it costs more than it gives; where they do not,
    it halves the time. So the first panels of a program are timed, in turn without and with it.
    """
    panel: cython.Py_ssize_t
    mode: cython.int = worker.ahead
    PyThread_acquire_lock(job.lock, 1)
    if before >= 0 and job.tried < TRIALS and (before + 1) * PANEL <= job.m:
        spent: cython.double = now() - began
        if spent < job.least[mode]:
            job.least[mode] = spent
        job.tried += 1
    worker.ahead = job.tried & 1 if job.tried < TRIALS else job.least[1] < job.least[0]
    panel = job.taken
    job.taken += 1
    PyThread_release_lock(job.lock)
    return panel


def run_panel(job, worker, panel, sums, watch):
    """The sums over one panel of rows."""
    n: cython.Py_ssize_t
    row: cython.Py_ssize_t = panel * PANEL
    end: cython.Py_ssize_t = min(row + PANEL, job.m)
    spent: cython.double = 0.0
    memset(sums, 0, job.sums * cython.sizeof(cython.double))
    while row < end:
        n = min(job.block, end - row)
        run_block(job, worker, row, n, sums)
        row += n
        spent += n * job.cost
        if spent > WATCH_TIME:
            spent = 0.0
            if job.stop or (watch and job.interrupted(job.machine)):
                job.stop = 1
                return


def locate(job, worker, row):
    """Point to the rows of each column that is used where it lies."""
    k: cython.Py_ssize_t
    column: cython.pointer(Column)
    for k in range(job.sources):
        column = job.columns + k
        if column.way != READ:
            worker.at[k] = cython.cast(cython.p_double, column.address + row * column.stride)


def copy(job, worker, row, n):
    """Copy the rows of the other columns into their buffers."""
    k: cython.Py_ssize_t
    start: cython.Py_ssize_t = 0
    tile: cython.Py_ssize_t
    column: cython.pointer(Column)
    while start < n:
        tile = min(64, n - start)  # so that rows stored together are fetched once for all their columns
        for k in range(job.sources):
            column = job.columns + k
            if column.way == READ:
                job.table.read[column.kind](
                    column.address + (row + start) * column.stride, column.stride, worker.at[k] + start, tile
                )
        start += tile


def run_block(job, worker, row, n, sums):
    """All steps over one block of rows."""
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    step: cython.pointer(Step)
    operands: cython.pointer(cython.Py_ssize_t)
    at = worker.at
    locate(job, worker, row)
    for k in range(job.count):
        if k == job.reading:
            copy(job, worker, row, n)
        step = job.steps + k
        operands = job.operands + step.operand
        if step.kind == ROW2:
            job.rows.row2(step.code, step.mode, at[operands[0]], at[operands[1]], at[step.dst], n)
        elif step.kind == ROW1:
            job.rows.row1(step.code, at[operands[0]], at[step.dst], n)
        elif step.kind == PRODUCTS:
            products(job, worker, step, n)
        elif step.kind == DOTS:
            dots(job, worker, step, n, sums)
        elif step.kind == BOTH:
            x, y = at[operands[0]], at[operands[step.count - 1]]
            job.rows.both(step.code, step.mode, x, y, at[step.dst], at[step.partial], n)
        elif step.kind == SUM:
            if step.mode:
                sums[step.partial] += n * at[operands[0]][0]
            else:
                sums[step.partial] += job.table.total(at[operands[0]], n)
        elif step.kind == ROWN:
            for i in range(step.count):
                worker.columns[i] = at[operands[i]]
            job.rows.rown(
                step.code, cython.cast(cython.pp_double, worker.columns), step.count, at[step.dst], n
            )
        else:
            store(job.outputs_at + step.partial, at[operands[0]], step.mode, row, n)


def products(job, worker, step, n):
    """dst = the constant + the sum of numbers times columns."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    group: cython.pointer(Group)
    out = worker.at[step.dst]
    constant: cython.double = job.numbers[step.constant] if step.constant >= 0 else 0.0
    for i in range(n):
        out[i] = constant
    for k in range(step.group, step.group + step.groups):
        group = job.groups + k
        if group.together:
            place = job.planned[group.first].place
            job.table.products_together[group.single](
                out, cython.cast(cython.p_const_char, worker.at[place]), job.columns[place].stride,
                job.u + group.first, group.count, n,
            )  # fmt: skip
        else:
            for i in range(group.count):
                worker.columns[i] = worker.at[job.planned[group.first + i].place]
            job.table.products_apart[group.single](out, worker.columns, job.u + group.first, group.count, n)


def dots(job, worker, step, n, sums):
    """sums += d times each column, summed over the block."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    group: cython.pointer(Group)
    d = worker.at[job.operands[step.operand]]
    if step.mode:
        for i in range(step.first, step.first + step.count):
            sums[job.terms[i].sum] += job.table.masked(d, worker.at[job.terms[i].place], n)
        return
    for k in range(step.group, step.group + step.groups):
        group = job.groups + k
        into = sums + job.planned[group.first].sum
        if not group.direct:
            into = worker.sums
            memset(into, 0, group.count * cython.sizeof(cython.double))
        if group.together:
            place = job.planned[group.first].place
            job.table.dots_together[group.single](
                d, cython.cast(cython.p_const_char, worker.at[place]), job.columns[place].stride, into,
                group.count, n, n * group.ahead * worker.ahead,
            )  # fmt: skip
        else:
            for i in range(group.count):
                worker.columns[i] = worker.at[job.planned[group.first + i].place]
            job.table.dots_apart[group.single](
                d, worker.columns, into, group.count, n, n * group.ahead * worker.ahead
            )
        if not group.direct:
            for i in range(group.count):
                sums[job.planned[group.first + i].sum] += into[i]


def store(output, x, uniform, row, n):
    """Write a block, or one number for all its rows, into an output."""
    i: cython.Py_ssize_t
    stride: cython.Py_ssize_t = output.stride
    address = output.address + row * stride
    for i in range(n):
        memcpy(address, x + (0 if uniform else i), cython.sizeof(cython.double))
        address += stride
