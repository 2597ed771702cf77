"""How the columns of a feed lie in memory, and what follows for the sums of products.

Room: class `Layout`: takes the arrays, checks them, and plans which columns are used where they lie. Compiled only;
types in `layout.pxd`. Below: `flat`. Above: `native`.
Must hold: no array is copied whole; the plan follows from the types and strides alone.

    float64 side by side                       in place
    float32 side by side, only in sums         in place, converted in registers
    float64 or float32 of a table stored row by row, only in sums, RUN or more adjacent columns
                                               in place, row by row
    all else                                   copied block by block into a buffer that stays in cache
"""

import cython

#: Adjacent columns of a table stored row by row from which it pays to use them in place.
RUN = cython.declare(cython.Py_ssize_t, 8)

# What a step's terms are grouped by.
IN_PLACE, IN_BUFFERS, SINGLE = 0, 1, 2


@cython.final
@cython.cclass
class Layout:
    """The columns and outputs of one feed, and how the sums of products take them."""

    def __cinit__(self, flat):
        self.flat = flat
        self.job = cython.address(self.flat.job)
        self.memory = room(self.job.sources + self.job.outputs, cython.sizeof(Py_buffer))
        self.views = cython.cast(cython.pointer(Py_buffer), self.memory.start)
        k: cython.Py_ssize_t
        for k in range(self.job.sources):
            self.job.columns[k].key = -1
        self.changed = True

    def __dealloc__(self):
        if self.job != cython.NULL:
            self.release()

    def take(self, sources, stores, m):
        """Look at the arrays of a feed of m rows; return whether they lie otherwise than the last ones."""
        if type(sources) is tuple:
            self._take_table(sources, m)
        else:
            self._take_columns(sources, m)
        self._take_stores(stores, m)
        changed = self.changed
        if changed:
            self._plan()
            self.changed = False
        return changed

    def release(self):
        """Let go of the arrays."""
        while self.taken:
            self.taken -= 1
            PyBuffer_Release(self.views + self.taken)
        return 0

    def _view(self, array, flags):
        view = self.views + self.taken
        PyObject_GetBuffer(array, view, flags)
        self.taken += 1
        return view

    def _take_table(self, sources, m):
        table, numbers = sources
        columns: tuple = numbers
        job = self.job
        if len(columns) != job.sources:
            raise ValueError(f"this program reads {job.sources} columns, not {len(columns)}")
        if job.sources == 0:
            return 0
        view = self._view(table, PyBUF_FORMAT | PyBUF_STRIDES)
        if view.ndim != 2 or view.shape[0] < m:
            raise ValueError(f"the table has shape {table.shape}: needs {m} rows of numbers")
        kind: cython.int = kind_of(view)
        if kind < 0:
            raise TypeError(f"the table is {table.dtype}: needs float64, float32, an integer or a bool")
        address = cython.cast(cython.p_const_char, view.buf)
        k: cython.Py_ssize_t
        number: cython.Py_ssize_t
        for k in range(job.sources):
            number = columns[k]
            if number < 0 or number >= view.shape[1]:
                raise ValueError(f"the table has {view.shape[1]} columns, numbered from 0: not {number}")
            self._column(k, address + number * view.strides[1], view.strides[0], kind)
        return 0

    def _take_columns(self, sources, m):
        job = self.job
        if len(sources) != job.sources:
            raise ValueError(f"this program reads {job.sources} columns, not {len(sources)}")
        k: cython.Py_ssize_t
        for k in range(job.sources):
            view = self._view(sources[k], PyBUF_FORMAT | PyBUF_STRIDES)
            if view.ndim != 1 or view.shape[0] < m:
                raise ValueError(f"column {k} has shape {sources[k].shape}: needs {m} rows")
            kind = kind_of(view)
            if kind < 0:
                raise TypeError(
                    f"column {k} is {sources[k].dtype}: needs float64, float32, an integer or a bool"
                )
            self._column(k, cython.cast(cython.p_const_char, view.buf), view.strides[0], kind)
        return 0

    def _take_stores(self, stores, m):
        job = self.job
        if len(stores) != job.outputs:
            raise ValueError(f"this program writes {job.outputs} arrays, not {len(stores)}")
        k: cython.Py_ssize_t
        for k in range(job.outputs):
            view = self._view(stores[k], PyBUF_FORMAT | PyBUF_STRIDES | PyBUF_WRITABLE)
            if view.ndim != 1 or view.shape[0] < m or kind_of(view) != FLOAT64:
                raise ValueError(f"output {k} has shape {stores[k].shape}: needs {m} float64 numbers")
            job.outputs_at[k].address = cython.cast(cython.p_char, view.buf)
            job.outputs_at[k].stride = view.strides[0]
        return 0

    def _column(self, k, address, stride, kind):
        """Note how a column lies; the key tells layouts apart that are planned differently."""
        column = self.job.columns + k
        size: cython.Py_ssize_t = 8 if kind == FLOAT64 else 4
        key: cython.int = kind
        if kind in (FLOAT64, FLOAT32):
            if cython.cast(cython.size_t, address) % size == 0 and stride % size == 0:
                key |= 16
            if stride == size:
                key |= 32
            elif k > 0:
                before = column - 1
                if before.kind == kind and before.stride == stride and before.address + size == address:
                    key |= 64
        column.address, column.stride, column.kind = address, stride, kind
        if column.key != key:
            column.key = key
            self.changed = True
        return 0

    # -- the plan -----------------------------------------------------------------------------------------

    def _plan(self):
        """Decide how each column is read, and group the terms of each sum of products accordingly."""
        job = self.job
        self._ways()
        self.groups = self.planned = 0
        self.fetched = [False] * job.sources
        job.reading = job.count
        k: cython.Py_ssize_t
        for k in range(job.count):
            step = job.steps + k
            if job.reading == job.count and self._copied(step):
                job.reading = k
            if step.kind == PRODUCTS or (step.kind == DOTS and not step.mode):
                step.group = self.groups
                self._group(step, IN_PLACE)
                self._group(step, IN_BUFFERS)
                self._group(step, SINGLE)
                self._group_runs(step)
                step.groups = self.groups - step.group
        return 0

    def _ways(self):
        """In place, row by row where every sum has it in a long run, or copied."""
        job = self.job
        k: cython.Py_ssize_t
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t
        for k in range(job.sources):
            column = job.columns + k
            if column.key & 48 == 48 and (column.kind == FLOAT64 or not self.flat.side_by_side[k]):
                column.way = PLACE
            elif column.key & 16 and not self.flat.side_by_side[k]:
                column.way = ROWS
            else:
                column.way = READ
        settled = False
        while not settled:
            settled = True
            for k in range(job.count):
                step = job.steps + k
                if step.kind != PRODUCTS and step.kind != DOTS:
                    continue
                i = 0
                while i < step.count:
                    n = self._run_length(step, i)
                    if 0 < n < RUN:
                        settled = False
                        for place in range(i, i + n):
                            job.columns[job.terms[step.first + place].place].way = READ
                    i += max(n, 1)
        job.readers = 0
        for k in range(job.sources):
            job.readers += job.columns[k].way == READ
        return 0

    def _copied(self, step):
        """Whether a step wants a column that is copied.

        It is copied no sooner: of rows stored together it is best fetched when a sum has read the rows before.
        """
        job = self.job
        i: cython.Py_ssize_t
        sums: cython.bint = step.kind in (PRODUCTS, DOTS)
        if step.kind != PRODUCTS:
            for i in range(
                step.operand, step.operand + (step.count if step.kind in (ROW1, ROW2, ROWN, BOTH) else 1)
            ):
                if job.operands[i] < job.sources and job.columns[job.operands[i]].way == READ:
                    return True
        if sums:
            for i in range(step.first, step.first + step.count):
                if job.terms[i].place < job.sources and job.columns[job.terms[i].place].way == READ:
                    return True
        return False

    def _run_length(self, step, i):
        """How many terms from the i-th on are adjacent columns to be used row by row."""
        job = self.job
        terms = job.terms + step.first
        n: cython.Py_ssize_t = 0
        while i + n < step.count:
            place = terms[i + n].place
            if place >= job.sources or job.columns[place].way != ROWS:
                break
            if n > 0 and (place != terms[i + n - 1].place + 1 or not job.columns[place].key & 64):
                break
            n += 1
        return n

    def _group(self, step, which):
        """The terms of one kind that lie apart, as one group."""
        job = self.job
        first: cython.Py_ssize_t = self.planned
        ahead: cython.bint = False
        i: cython.Py_ssize_t
        kind: cython.int
        for i in range(step.first, step.first + step.count):
            place = job.terms[i].place
            kind = IN_BUFFERS
            if place < job.sources:
                if job.columns[place].way == ROWS:
                    continue
                if job.columns[place].way == PLACE:
                    kind = SINGLE if job.columns[place].kind == FLOAT32 else IN_PLACE
            if kind == which:
                job.planned[self.planned] = job.terms[i]
                self.planned += 1
                if which != IN_BUFFERS and step.kind == DOTS and not self.fetched[place]:
                    self.fetched[place] = ahead = True
        return self._close(step, first, False, which == SINGLE, ahead)

    def _group_runs(self, step):
        """Each run of adjacent columns as a group."""
        job = self.job
        i: cython.Py_ssize_t = 0
        n: cython.Py_ssize_t
        k: cython.Py_ssize_t
        while i < step.count:
            n = self._run_length(step, i)
            first = self.planned
            for k in range(n):
                job.planned[self.planned] = job.terms[step.first + i + k]
                self.planned += 1
            if n:
                kind = job.columns[job.planned[first].place].kind
                self._close(step, first, True, kind == FLOAT32, True)
            i += max(n, 1)
        return 0

    def _close(self, step, first, together, single, ahead):
        """Make a group of the terms from `first` on."""
        job = self.job
        i: cython.Py_ssize_t
        if self.planned == first:
            return 0
        group = job.groups + self.groups
        self.groups += 1
        group.first, group.count = first, self.planned - first
        group.together, group.single, group.ahead = together, single, ahead
        group.direct = True
        for i in range(group.count):
            if job.planned[first + i].sum != job.planned[first].sum + i:
                group.direct = False
        return 0


def kind_of(view):
    """How the numbers of an array lie in memory: a place in the table of readers, or -1."""
    letter = view.format[0]
    if letter == b"@"[0] or letter == b"="[0]:
        letter = view.format[1]
        if view.format[2] != 0:
            return -1
    elif view.format[1] != 0:
        return -1
    size: cython.Py_ssize_t = view.itemsize
    if letter == b"d"[0]:
        return FLOAT64
    if letter == b"f"[0]:
        return FLOAT32
    power: cython.int = 0 if size == 1 else 1 if size == 2 else 2 if size == 4 else 3
    if letter in b"bhilq":
        return INT8 + power
    if letter in b"BHILQ?":
        return UINT8 + power
    return -1
