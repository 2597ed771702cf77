"""The machine as native code: a program over columns, block by block, by several threads.

Room: class `Machine`, chosen by `machine` where the package is compiled: takes cells, columns and outputs, hands panels
of rows to `steps`, combines their sums. Types in `native.pxd`. Below: `flat` (the code as flat arrays), `layout` (how
columns lie), `steps`, `crew`.
Must hold: no temporary grows with the number of rows; the totals have the same bits for any number of threads and
however the rows are fed; columns are read where they lie and never written; Ctrl-C is served between waves of
panels, and within a panel that takes long.
"""

import cython

from minigrad.program.instructions import PANEL as ROWS_OF_PANEL

PANEL = cython.declare(cython.Py_ssize_t, ROWS_OF_PANEL)
#: Doubles between two slots beside their block: blocks exactly 4,096 bytes apart would share their places in cache.
GAP = cython.declare(cython.Py_ssize_t, 40)
#: Bytes for the sums of the panels of one wave.
WAVE_BYTES = cython.declare(cython.Py_ssize_t, 1 << 22)
#: Nanoseconds of one wave, and of work that is worth a thread: to wake one costs some 10,000, more where others work.
WAVE_TIME = cython.declare(cython.double, 1e8)
SHARE_TIME = cython.declare(cython.double, 2e5)


@cython.final
@cython.cclass
class Machine:
    """A program made ready to run: see `minigrad.program.machine`."""

    def __cinit__(self, code):
        self.code = code
        self.flat = Flat(code)
        self.layout = Layout(self.flat)
        self.job = cython.address(self.flat.job)
        self.job.interrupted = interrupted
        self.job.machine = cython.cast(cython.p_void, self)
        self.job.lock = PyThread_allocate_lock()
        if self.job.lock == cython.NULL:
            raise MemoryError("no lock for the threads")
        self.workers = []
        self.wave = room(self.job.sums, cython.sizeof(cython.double))
        self.cascade = room(self.job.sums, cython.sizeof(cython.double))
        self.levels = 1

    def __dealloc__(self):
        if self.job != cython.NULL and self.job.lock != cython.NULL:
            PyThread_free_lock(self.job.lock)

    def run(self, cells, sources, m, stores=(), threads=1):
        """`start`, one `feed` and `finish`; in use by another caller, a copy does it."""
        if self.busy or self.started:
            if self.spare is None:
                self.spare = Machine(self.code)
            return self.spare.run(cells, sources, m, stores, threads)
        self._start(cells)
        self._feed(sources, m, stores, threads)
        self._finish()
        return None

    def start(self, cells):
        """Take the cells, with parameters and constants in their places, and do what comes before the rows."""
        self._start(cells)

    def feed(self, sources, m, stores=(), threads=1):
        """Run m rows; a multiple of PANEL, except in the last feed."""
        self._feed(sources, m, stores, threads)

    def finish(self):
        """Write the totals and the number of rows into the cells, and do what comes after."""
        self._finish()

    # -- cells --------------------------------------------------------------------------------------------

    def _start(self, cells):
        if self.busy:
            raise RuntimeError("this machine is running: start() comes after")
        self.started = False
        self._copy_cells(cells, False)
        self.flat.evaluate(0, self.flat.before)
        self.cells = cells
        self.rows = self.panels = 0
        self.ragged = False
        self.started = True
        return 0

    def _copy_cells(self, cells, back):
        """Copy the numbers out of the array, or back into it."""
        view = cython.declare(Py_buffer)
        PyObject_GetBuffer(cells, cython.address(view), PyBUF_FORMAT | PyBUF_STRIDES | PyBUF_WRITABLE)
        try:
            if (
                view.ndim != 1 or view.shape[0] != self.job.cells or view.format[0] != b"d"[0]
                or (view.strides[0] != 8 and self.job.cells > 1)
            ):  # fmt: skip
                raise ValueError(f"cells are {self.job.cells} float64 numbers side by side")
            if back:
                memcpy(view.buf, self.job.numbers, 8 * self.job.cells)
            else:
                memcpy(self.job.numbers, view.buf, 8 * self.job.cells)
        finally:
            PyBuffer_Release(cython.address(view))
        return 0

    def _finish(self):
        if not self.started or self.busy:
            raise ValueError("finish() comes after start() and the feeds")
        self.started = False
        job = self.job
        numbers = job.numbers
        total = cython.cast(cython.p_double, self.wave.start)
        level: cython.Py_ssize_t
        i: cython.Py_ssize_t
        memset(total, 0, job.sums * cython.sizeof(cython.double))
        for level in range(self.levels):
            if (self.panels >> level) & 1:
                partial = cython.cast(cython.p_double, self.cascade.start) + level * job.sums
                for i in range(job.sums):
                    total[i] = partial[i] + total[i]
        for cell in self.flat.accumulators:
            numbers[cython.cast(cython.Py_ssize_t, cell)] = 0.0
        for i in range(job.sums):
            numbers[self.flat.totals[i]] += total[i]
        if self.flat.count >= 0:
            numbers[self.flat.count] = self.rows
        self.flat.evaluate(self.flat.before, self.flat.after)
        self._copy_cells(self.cells, True)
        self.cells = None
        return 0

    # -- rows ---------------------------------------------------------------------------------------------

    def _feed(self, sources, m, stores, threads):
        if self.busy:
            raise RuntimeError("this machine is running: one feed comes after the other")
        if not self.started or self.ragged:
            raise ValueError("rows come after start(), in multiples of PANEL but for the last feed")
        rows: cython.Py_ssize_t = m
        workers: cython.Py_ssize_t = threads
        if rows < 0 or workers < 1:
            raise ValueError(f"m = {rows} rows and {workers} threads: needs m >= 0 and threads >= 1")
        self.busy = True
        try:
            if self.layout.take(sources, stores, rows):
                self.workers.clear()
            self._run(rows, workers)
            self.rows += rows
            self.ragged = rows % PANEL != 0
        except BaseException:
            self.started = False
            raise
        finally:
            self.busy = False
            self.layout.release()
        return 0

    def _run(self, m, threads):
        """All panels of this feed, wave by wave."""
        job = self.job
        job.m, job.first, job.taken, job.stop = m, 0, 0, 0
        panels: cython.Py_ssize_t = (m + PANEL - 1) // PANEL
        worth: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, m * job.cost / SHARE_TIME)
        threads = max(1, min(threads, min(panels, worth)))
        wave: cython.Py_ssize_t = min(panels, self._panels_of_wave(threads))
        if wave > self.wave_panels:
            self.wave = room(wave * job.sums, cython.sizeof(cython.double))
            self.wave_panels = wave
        job.wave = cython.cast(cython.p_double, self.wave.start)
        self._hire(threads)
        self._fill(min(m, job.block))
        i: cython.Py_ssize_t
        for i in range(job.terms_count):
            job.u[i] = job.numbers[job.planned[i].cell]
        crew: Crew = the_crew()
        while job.first < panels:
            job.end = min(job.first + wave, panels)
            crew.work(run_panels, job, threads)
            if job.stop:
                failure, self.failure = self.failure, None
                raise failure
            for i in range(job.end - job.first):
                self._combine(job.wave + i * job.sums)
            job.first = job.taken = job.end
            PyErr_CheckSignals()
        return 0

    def _panels_of_wave(self, threads):
        """So many that Ctrl-C is served in time and the sums stay small."""
        job = self.job
        by_time: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, WAVE_TIME / (job.cost * PANEL)) * threads
        by_size: cython.Py_ssize_t = WAVE_BYTES // (8 * max(job.sums, 1))
        return max(threads, min(by_time, by_size))

    def _combine(self, sums):
        """Add up the sums of panels two by two, those of two by two, ...: a binary counter."""
        job = self.job
        level: cython.Py_ssize_t = 0
        i: cython.Py_ssize_t
        while True:
            if level == self.levels:
                self._add_level()
            partial = cython.cast(cython.p_double, self.cascade.start) + level * job.sums
            if not (self.panels >> level) & 1:
                break
            for i in range(job.sums):
                sums[i] = partial[i] + sums[i]
            level += 1
        memcpy(partial, sums, job.sums * cython.sizeof(cython.double))
        self.panels += 1
        return 0

    def _add_level(self):
        size: cython.Py_ssize_t = self.job.sums * cython.sizeof(cython.double)
        larger = room(self.levels + 1, size)
        memcpy(larger.start, self.cascade.start, self.levels * size)
        self.cascade = larger
        self.levels += 1
        return 0

    # -- what the threads work with -----------------------------------------------------------------------

    def _hire(self, threads):
        """Have so many workers."""
        job = self.job
        if len(self.workers) >= threads:
            return 0
        self.crew_room = room(threads, cython.sizeof(Worker))
        job.workers = cython.cast(cython.pointer(Worker), self.crew_room.start)
        self.workers.clear()
        i: cython.Py_ssize_t
        for i in range(threads):
            self.workers.append(self._equip(job.workers + i))
        return 0

    def _equip(self, worker):
        """Pointers to slots, to buffers of the columns that are copied, and to cells."""
        job = self.job
        width: cython.Py_ssize_t = job.block + GAP
        fills: cython.Py_ssize_t = len(self.flat.filled)
        places: cython.Py_ssize_t = job.sources + job.slots + job.cells + fills
        i: cython.Py_ssize_t
        numbers = (job.slots + job.readers + fills) * width + 2 * job.widest + places
        memory = room(numbers, 8)
        free = cython.cast(cython.p_double, memory.start)
        worker.at = cython.cast(cython.pp_double, free)
        worker.columns = cython.cast(cython.pointer(cython.p_const_void), free + places)
        worker.sums = free + places + job.widest
        free += places + 2 * job.widest
        for i in range(job.sources):
            if job.columns[i].way == READ:
                worker.at[i] = free
                free += width
        at = worker.at + job.sources
        for i in range(job.slots):
            at[i] = free
            free += width
        at += job.slots
        for i in range(job.cells):
            at[i] = job.numbers + i
        at += job.cells
        for i in range(fills):
            at[i] = free
            free += width
        return memory

    def _fill(self, n):
        """Fill the blocks of cells with their numbers, for every worker."""
        job = self.job
        i: cython.Py_ssize_t
        w: cython.Py_ssize_t
        k: cython.Py_ssize_t
        for cell, number in self.flat.filled.items():
            k = job.sources + job.slots + job.cells + cython.cast(cython.Py_ssize_t, number)
            x: cython.double = job.numbers[cython.cast(cython.Py_ssize_t, cell)]
            for w in range(len(self.workers)):
                block = job.workers[w].at[k]
                for i in range(n):
                    block[i] = x
        return 0


def interrupted(machine):
    """Whether somebody pressed Ctrl-C; what that raised is kept in the machine."""
    owner = cython.cast(Machine, cython.cast(object, machine))
    try:
        PyErr_CheckSignals()
    except BaseException as failure:
        owner.failure = failure
        return True
    return False
