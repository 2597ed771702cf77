"""A number that remembers how it was made: recording, and backward.

Room: `Value`, the recording of an operation as a node, topological order, the two walks over it (forward
again, backward). Names no operation beyond Python's operators: all arithmetic comes from `rows`, which is
written from the table in `rules.py`. Below: `rows`, `real`. Above: `functions`, `graph` and everything
that reads a graph; floors above hang their methods on Value through `attach`.
Must hold: compiled and interpreted, this file gives the same numbers; a node refers only to older nodes, so
no cycle can form and nothing here needs the garbage collector; no walk and no deallocation recurses.
"""

try:
    import cython
except ImportError:  # interpreted, and Cython is not installed
    from minigrad import _cython as cython

from minigrad.real import NotANumberError, number_of, too_large
from minigrad.rows import CODES, NAMES, SIGNS
from minigrad.text import shortened

if not cython.compiled:
    from minigrad.rows import (
        ABS, ADD, BINARY, CONST, DIV, FIRST_BINARY, FIRST_MANY, FIRST_THROUGH, INPUT, MUL, NEG, POW, SUB, UNARY,
        evaluate_n, evaluate_through, is_inner, paired, selects, takes,
    )  # fmt: skip

#: True when this module runs as native code, False when the same file is interpreted.
COMPILED = cython.compiled

# Nodes waiting to be freed: see Value.__dealloc__.
_dying = cython.declare(list, [])
_freeing = cython.declare(cython.bint, False)


@cython.final
@cython.no_gc
@cython.cclass
class Operands:
    """The operands of a node that has more than two, and its partials by them."""

    if not cython.compiled:
        __slots__ = ("count", "items", "partials")
    items: list
    count: cython.Py_ssize_t
    partials: cython.p_double

    def __dealloc__(self):
        if cython.compiled:
            free(self.partials)


@cython.final
@cython.no_gc
@cython.cclass
class Value:
    """One node of a graph: a number, how it was made, and its gradient.

    data     the number (int, float, bool, Fraction, Decimal or NumPy scalar; rounded to the nearest double)
    label    its name in tables and pictures

    Arithmetic with Values and numbers records a new node for each operation. `==` is identity, so that
    nodes can be keys; `<`, `<=`, `>`, `>=` and `bool()` compare the numbers and give plain bools. There is
    no `float(v)`: `v.data` is the number, and functions that would drop the graph fail.

    Raises NotANumberError (a TypeError) when data is not one real number, and OverflowError when it is
    finite but no double holds it.

    >>> x = Value(3.0, label="x")
    >>> y = (x * x + 1).named("y")
    >>> y.backward()
    >>> y.data, x.grad
    (10.0, 6.0)
    """

    if not cython.compiled:
        __slots__ = ("_code", "_data", "_dx", "_dy", "_grad", "_label", "_mark", "_x", "_y")
    # Nine words beside the object header: 80 bytes a node.
    _data: cython.double
    _grad: cython.double
    _x: object  # first operand, or Operands
    _y: object  # second operand
    _dx: cython.double  # partial by the first operand, as it was when recorded
    # Partial by the second operand. Of an inner operation of a `Through` (unary): the part of the gradient
    # that has already been passed on to its operand, and so must not be passed on again.
    _dy: cython.double
    _label: object
    _code: cython.int
    _mark: cython.int  # 0 outside `_order`

    def __init__(self, data, *, label=""):
        self._data = number(data)
        self._grad = 0.0
        self._dx = 0.0
        self._dy = 0.0
        self._code = INPUT
        self._mark = 0
        self._x = None
        self._y = None
        self._label = _checked_label(label)

    def __dealloc__(self):
        # Freeing a node frees its operands, and so on down: a chain of a million nodes would overflow the
        # C stack. Operands that die with this node are put aside and freed one after the other instead.
        if cython.compiled:
            _release(self)

    if not cython.compiled:

        def __init_subclass__(cls):
            raise TypeError("type 'minigrad.value.Value' is not an acceptable base type")

    # -- what a node is -------------------------------------------------------------------------------

    @property
    def data(self):
        """The number, a float. Assigning it changes this node only; `Graph.forward` carries it on."""
        return self._data

    @data.setter
    def data(self, data):
        self._data = number(data)

    @property
    def grad(self):
        """The gradient that `backward` left here, a float: d(result)/d(this node)."""
        if is_inner(self._code):
            return self._grad + self._dy
        return self._grad

    @grad.setter
    def grad(self, grad):
        self._grad = number(grad)
        if is_inner(self._code):
            self._dy = 0.0

    @property
    def label(self):
        """Name in tables and pictures; "" if it has none. Any text, of any length."""
        return self._label

    @label.setter
    def label(self, label):
        self._label = _checked_label(label)

    def named(self, label):
        """Set the label and return this node: `z = (w * x + b).named("z")`."""
        self._label = _checked_label(label)
        return self

    @property
    def op(self):
        """Name of the operation in `minigrad.RULES`; "input" for Value(...), "const" for a plain number."""
        return NAMES[self._code]

    @property
    def operands(self):
        """The nodes this one was computed from, in order and with repeats: a + a has two."""
        if self._code >= FIRST_MANY:
            many: Operands = self._x
            return tuple(many.items[:2] if self._code >= FIRST_THROUGH else many.items)
        if self._code >= FIRST_BINARY:
            return (self._x, self._y)
        if self._code > CONST:
            return (self._x,)
        return ()

    @property
    def partials(self):
        """The local derivative by each operand, as it was when the node was recorded."""
        if self._code >= FIRST_MANY:
            many: Operands = self._x
            n: cython.Py_ssize_t = 2 if self._code >= FIRST_THROUGH else many.count
            return tuple([many.partials[i] for i in range(n)])
        if self._code >= FIRST_BINARY:
            return (self._dx, self._dy)
        if self._code > CONST:
            return (self._dx,)
        return ()

    @property
    def chained_partial(self):
        """Derivative by the operand of the first operand, where the two operations are computed as one.

        Only for a node such as bce(a, y) with a = sigmoid(z): dL/dz without the detour over dL/da, which may
        overflow. None for every other node.
        """
        if self._code >= FIRST_THROUGH:
            many: Operands = self._x
            return many.partials[2]
        return None

    @property
    def is_leaf(self):
        """True for an input or a constant: a node without operands."""
        return self._code <= CONST

    # -- the names that readers of micrograd know -----------------------------------------------------

    @property
    def _prev(self):
        return set(self.operands)

    @property
    def _op(self):
        return SIGNS[self._code]

    def _backward(self):
        """Add this node's gradient times its partials into its operands: one step of `backward`."""
        _send(self)

    # -- arithmetic -----------------------------------------------------------------------------------

    def __add__(self, other):
        return record2(ADD, self, other)

    def __radd__(self, other):
        return record2(ADD, other, self)

    def __sub__(self, other):
        return record2(SUB, self, other)

    def __rsub__(self, other):
        return record2(SUB, other, self)

    def __mul__(self, other):
        return record2(MUL, self, other)

    def __rmul__(self, other):
        return record2(MUL, other, self)

    def __truediv__(self, other):
        return record2(DIV, self, other)

    def __rtruediv__(self, other):
        return record2(DIV, other, self)

    def __pow__(self, other, modulo=None):
        if modulo is not None:
            raise TypeError("pow with a modulus has no derivative: use x ** y")
        return record2(POW, self, other)

    def __rpow__(self, other, modulo=None):
        return record2(POW, other, self)

    def __neg__(self):
        return record1(NEG, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return record1(ABS, self)

    # -- comparison: numbers, except that == is identity ----------------------------------------------

    def __lt__(self, other):
        return _compared(self, other, 0)

    def __le__(self, other):
        return _compared(self, other, 1)

    def __gt__(self, other):
        return _compared(self, other, 2)

    def __ge__(self, other):
        return _compared(self, other, 3)

    def __hash__(self):
        return object.__hash__(self)

    def __bool__(self):
        return self._data != 0.0

    # -- text -----------------------------------------------------------------------------------------

    def __repr__(self):
        label = f", label={shortened(self._label)}" if self._label else ""
        return f"Value(data={self._data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec):
        return format(self._data, spec) if spec else repr(self)

    def __reduce_ex__(self, protocol):
        raise TypeError("a Value cannot be pickled: save its graph as text with minigrad.Graph(v).save(path)")

    def __copy__(self):
        raise TypeError(
            "copy a whole graph with minigrad.Graph(v).copy(), or make a new leaf with Value(v.data)"
        )

    def __deepcopy__(self, memo):
        raise TypeError(
            "copy a whole graph with minigrad.Graph(v).copy(), or make a new leaf with Value(v.data)"
        )

    # -- gradients ------------------------------------------------------------------------------------

    def backward(self, seed=1.0):
        """Fill `.grad` of every node this one was computed from.

        seed    d(something)/d(this node) to start from: 1.0 gives the derivatives of this node

        Walks the graph once in reverse topological order. Gradients of inner nodes are cleared first; those
        of leaves are added to, so a second call doubles them and several results can be accumulated;
        `zero_grad` clears them. On a leaf it adds the seed to its own gradient. Constants get none.
        A gradient that is exactly 0 is passed on as 0 even where a partial is infinite.

        >>> w = Value(2.0)
        >>> (w * w).backward()
        >>> w.grad
        4.0
        """
        start: cython.double = number(seed)
        order = _order([self])
        _clear(order, False)
        self._grad += start
        _propagate(order)

    def zero_grad(self):
        """Set `.grad` to 0 on this node and on every node it was computed from."""
        _clear(_order([self]), True)


@cython.cfunc
def _release(node: Value):
    """Take a dying node's operands from it, so that a long chain is freed in a loop."""
    global _freeing
    if node._code <= CONST:
        return
    if Py_REFCNT(cython.cast(cython.pointer(PyObject), node._x)) == 1:
        _dying.append(node._x)
    node._x = None
    if node._y is not None:
        if Py_REFCNT(cython.cast(cython.pointer(PyObject), node._y)) == 1:
            _dying.append(node._y)
        node._y = None
    if not _freeing:
        _freeing = True
        while _dying:
            _dying.pop()
        _freeing = False


# -- numbers ----------------------------------------------------------------------------------------------


@cython.cfunc
def number(x) -> cython.double:
    """`x` as a double, or a clear refusal."""
    if type(x) is float:
        return x
    if type(x) is int or type(x) is bool:
        try:
            return float(x)
        except OverflowError:
            raise too_large(x) from None
    if type(x) is Value:
        raise NotANumberError(
            "this is a Value already: use it as it is, or Value(v.data) for a new leaf with its number"
        )
    return number_of(x)


@cython.cfunc
def _checked_label(label) -> object:
    if type(label) is str:
        return label
    if isinstance(label, str):
        return str(label)
    raise TypeError(f"a label is text, not {type(label).__name__}: use label={str(label)[:20]!r}")


# -- recording --------------------------------------------------------------------------------------------


@cython.cfunc
@cython.inline
def _new(code: cython.int, data: cython.double):
    node: Value = Value.__new__(Value)
    if not cython.compiled:  # a new object of the compiled class is all zeros and None
        node._dx = node._dy = 0.0
        node._x = node._y = None
        node._mark = 0
    node._code = code
    node._data = data
    node._grad = 0.0
    node._label = ""
    return node


@cython.cfunc
def _lift(x):
    """`x` itself if it is a Value, else a constant."""
    if type(x) is Value:
        return x
    return _new(CONST, number(x))


@cython.cfunc
def _operand(x):
    """`x` as a node; NotImplemented where the other type should have its say."""
    if type(x) is Value:
        return x
    if type(x) is float or type(x) is int or type(x) is bool:
        return _new(CONST, number(x))
    if str(getattr(x, "dtype", "")) == "object" and getattr(x, "shape", ()) != ():
        return NotImplemented  # an array of Values: NumPy goes through its elements
    try:
        return _new(CONST, number(x))
    except NotANumberError:
        if isinstance(x, (str, bytes, complex, list, tuple, dict, set)) or x is None or hasattr(x, "shape"):
            raise
        return NotImplemented


def record1(code: cython.int, operand):
    """A new node: the unary operation with this code on a Value."""
    x: Value = operand
    node: Value
    if cython.compiled:
        r = evaluate1(code, x._data)
        node = _new(code, r[0])
        node._x = x
        node._dx = r[1]
    else:
        node = Value.__new__(Value)
        node._data, node._dx = UNARY[code](x._data)
        node._x = x
        node._y = None
        node._code = code
        node._grad = node._dy = 0.0
        node._label = ""
        node._mark = 0
    return node


@cython.ccall
def record2(code: cython.int, first, second):
    """A new node: the binary operation with this code; numbers become constants."""
    if type(first) is not Value:
        first = _operand(first)
    if type(second) is not Value:
        second = _operand(second)
    if first is NotImplemented or second is NotImplemented:
        return NotImplemented
    x: Value = first
    y: Value = second
    node: Value
    pair: cython.int = 0
    if is_inner(x._code):
        pair = paired(code, x._code)
        if pair:
            return _record_through(pair, x, y)
    if cython.compiled:
        r = evaluate2(code, x._data, y._data)
        node = _new(code, r[0])
        node._x = x
        node._y = y
        node._dx = r[1]
        node._dy = r[2]
    else:
        node = Value.__new__(Value)
        node._data, node._dx, node._dy = BINARY[code](x._data, y._data)
        node._x = x
        node._y = y
        node._code = code
        node._grad = 0.0
        node._label = ""
        node._mark = 0
    return node


@cython.cfunc
def _record_through(pair: cython.int, x: Value, y: Value):
    """A new node of a row whose first operand `x` is the inner operation of its `Through`."""
    node: Value = _new(pair, 0.0)
    node._x = _operands([x, y, x._x])
    _evaluate(node)
    return node


def record_n(code: cython.int, operands):
    """A new node of a row with more than two operands, or any number; numbers become constants."""
    items: list = [_lift(x) for x in operands]
    node: Value = _new(code, 0.0)
    node._x = _operands(items)
    _evaluate(node)
    return node


def record(name, operands):
    """A new node of the operation `name` on a sequence of Values or numbers, as many as its row takes."""
    code: cython.int = CODES[name]
    items: list = list(operands)
    if not takes(code, len(items)):
        raise TypeError(f"{name} does not take {len(items)} operands")
    if code < FIRST_BINARY:
        return record1(code, _lift(items[0]))
    if code < FIRST_MANY:
        return record2(code, _lift(items[0]), _lift(items[1]))
    return record_n(code, items)


def copied(node, operands):
    """A new node with the operation, number and partials of an inner node as they stand, on other operands."""
    old: Value = node
    new: Value = _new(old._code, old._data)
    items: list = list(operands)
    i: cython.Py_ssize_t
    new._dx = old._dx
    if old._code < FIRST_MANY:
        new._x = items[0]
        if old._code >= FIRST_BINARY:
            new._y = items[1]
            new._dy = old._dy
        return new
    if old._code >= FIRST_THROUGH:
        inner: Value = items[0]
        items.append(inner._x)
    source: Operands = old._x
    many: Operands = _operands(items)
    for i in range(many.count):
        many.partials[i] = source.partials[i]
    new._x = many
    return new


def constant(data):
    """A node for a plain number, as arithmetic makes it: no gradient is computed for it."""
    return _new(CONST, number(data))


@cython.cfunc
def _operands(items: list):
    many: Operands = Operands.__new__(Operands)
    many.items = items
    many.count = len(items)
    if cython.compiled:
        many.partials = _array(many.count)
    else:
        many.partials = [0.0] * len(items)
    return many


@cython.cfunc
def _array(count: cython.Py_ssize_t) -> cython.p_double:
    place: cython.p_double = cython.cast(cython.p_double, malloc((count + 1) * cython.sizeof(cython.double)))
    if not place:
        raise MemoryError()
    return place


@cython.cfunc
def _evaluate(node: Value):
    """Compute a node's number and partials from its operands' present numbers."""
    x: Value
    y: Value
    u: Value
    many: Operands
    i: cython.Py_ssize_t
    if node._code < FIRST_BINARY:
        x = node._x
        r1 = evaluate1(node._code, x._data) if cython.compiled else UNARY[node._code](x._data)
        node._data = r1[0]
        node._dx = r1[1]
    elif node._code < FIRST_MANY:
        x = node._x
        y = node._y
        r2 = (
            evaluate2(node._code, x._data, y._data)
            if cython.compiled
            else BINARY[node._code](x._data, y._data)
        )
        node._data = r2[0]
        node._dx = r2[1]
        node._dy = r2[2]
    elif node._code < FIRST_THROUGH:
        many = node._x
        if cython.compiled:
            values = _array(many.count)
            try:
                for i in range(many.count):
                    x = many.items[i]
                    values[i] = x._data
                node._data = evaluate_n(node._code, values, many.count, many.partials)
            finally:
                free(values)
        else:
            data = [x._data for x in many.items]
            node._data = evaluate_n(node._code, data, many.count, many.partials)
    else:
        many = node._x
        y = many.items[1]
        u = many.items[2]
        r3 = evaluate_through(node._code, u._data, y._data)
        node._data = r3[0]
        many.partials[0] = r3[1]
        many.partials[1] = r3[2]
        many.partials[2] = r3[3]


@cython.cfunc
def _compared(x: Value, other, which: cython.int):
    right: cython.double
    if type(other) is Value:
        y: Value = other
        right = y._data
    else:
        try:
            right = number(other)
        except NotANumberError:
            return NotImplemented
    if which == 0:
        return x._data < right
    if which == 1:
        return x._data <= right
    if which == 2:
        return x._data > right
    return x._data >= right


# -- walks ------------------------------------------------------------------------------------------------


@cython.cfunc
def _order(roots: list) -> list:
    """The nodes that `roots` were computed from, and these: operands before results, each once.

    Depth first, the first operand first; the order depends on the graph alone.
    """
    order: list = []
    waiting: list = roots[::-1]
    node: Value = None
    many: Operands
    i: cython.Py_ssize_t
    try:
        while waiting:
            node = waiting.pop()
            if node._mark == 0:
                if node._code <= CONST:
                    node._mark = 2
                    order.append(node)
                    continue
                node._mark = 1
                waiting.append(node)
                if node._code < FIRST_MANY:
                    if node._code >= FIRST_BINARY:
                        _wait(waiting, node._y)
                    _wait(waiting, node._x)
                else:
                    many = node._x
                    # The third item of a Through is an operand of the first, not of this node.
                    i = 2 if node._code >= FIRST_THROUGH else many.count
                    while i > 0:
                        i -= 1
                        _wait(waiting, many.items[i])
            elif node._mark == 1:
                node._mark = 2
                order.append(node)
    finally:
        if node is not None:  # interrupted (Ctrl-C), it may be in neither list
            node._mark = 0
        for node in order:
            node._mark = 0
        for node in waiting:
            node._mark = 0
    return order


@cython.cfunc
@cython.inline
def _wait(waiting: list, operand):
    node: Value = operand
    if node._mark == 0:
        waiting.append(node)


@cython.cfunc
def _clear(order: list, leaves: cython.bint):
    """Set the gradients of inner nodes to 0, and those of leaves too where asked."""
    node: Value
    for node in order:
        if node._code > CONST:
            node._grad = 0.0
            if is_inner(node._code):
                node._dy = 0.0
        elif leaves:
            node._grad = 0.0


@cython.cfunc
def _propagate(order: list):
    """Send every node's gradient to its operands, results before operands."""
    i: cython.Py_ssize_t = len(order)
    while i > 0:
        i -= 1
        _send(order[i])


@cython.cfunc
def _send(node: Value):
    """Add this node's gradient times its partials into its operands' gradients."""
    g: cython.double = node._grad
    if node._code <= CONST or g == 0.0:
        return
    x: Value
    y: Value
    many: Operands
    t: cython.double
    i: cython.Py_ssize_t
    if node._code < FIRST_MANY:
        x = node._x
        if x._code != CONST:
            t = g * node._dx
            x._grad += t if t == t else _nan_or_none(t, node._dx, node._code)
        if node._code >= FIRST_BINARY:
            y = node._y
            if y._code != CONST:
                t = g * node._dy
                y._grad += t if t == t else _nan_or_none(t, node._dy, node._code)
    elif node._code < FIRST_THROUGH:
        many = node._x
        for i in range(many.count):
            x = many.items[i]
            if x._code != CONST:
                t = g * many.partials[i]
                x._grad += t if t == t else _nan_or_none(t, many.partials[i], node._code)
    else:
        many = node._x
        x = many.items[0]
        x._dy += g * many.partials[0]
        y = many.items[1]
        if y._code != CONST:
            y._grad += g * many.partials[1]
        x = many.items[2]
        if x._code != CONST:
            x._grad += g * many.partials[2]


@cython.cfunc
def _nan_or_none(sent: cython.double, partial: cython.double, code: cython.int) -> cython.double:
    """0 where a branch not taken would be sent infinity times 0, else the nan that was computed."""
    return 0.0 if partial == 0.0 and selects(code) else sent


def order_of(roots):
    """The nodes that the Values in `roots` were computed from, as a list: operands before results."""
    return _order(list(roots))


def replay(order):
    """Compute every node again from its operands' present numbers; `order` as from `order_of`."""
    nodes: list = order
    node: Value
    for node in nodes:
        if node._code > CONST:
            _evaluate(node)


def propagate(order, outputs, seed):
    """`Value.backward` on an order found before, from each of `outputs`."""
    start: cython.double = number(seed)
    node: Value
    _clear(order, False)
    for node in outputs:
        node._grad += start
    _propagate(order)


def gradients(output, wrt):
    """d(output)/d(node) for each node of the list `wrt`, without touching any `.grad`.

    return  list of floats; None in the place of a node from which output was not computed
    """
    top: Value = output
    order: list = _order([top])
    node: Value
    saved: list = [(node._grad, node._dy) for node in order]
    i: cython.Py_ssize_t
    result: list = []
    try:
        _clear(order, True)
        top._grad = 1.0
        _propagate(order)
        for node in order:
            node._mark = 1
        for node in wrt:
            result.append(node.grad if node._mark else None)
    finally:
        for i in range(len(order)):
            node = order[i]
            node._mark = 0
            node._grad = saved[i][0]
            if is_inner(node._code):
                node._dy = saved[i][1]
    return result


if not cython.compiled:
    # Native code holds the GIL through a walk. Interpreted, two threads whose graphs share leaves would meet
    # each other's marks and half-summed gradients.
    import functools
    import threading

    _walking = threading.RLock()

    def _alone(walk):
        @functools.wraps(walk)
        def one_at_a_time(*arguments, **options):
            with _walking:
                return walk(*arguments, **options)

        return one_at_a_time

    Value.backward, Value.zero_grad = _alone(Value.backward), _alone(Value.zero_grad)
    order_of, propagate, gradients = _alone(order_of), _alone(propagate), _alone(gradients)


# -- functions and methods --------------------------------------------------------------------------------


def unary(name, otherwise):
    """The function of a unary row: records on a Value; `otherwise(code, x)` answers for the rest."""
    code: cython.int = CODES[name]

    def function(x, /):
        if type(x) is Value:
            return record1(code, x)
        return otherwise(code, x)

    return function


def binary(name, otherwise):
    """The function of a binary row: records if one operand is a Value; `otherwise(code, x, y)` for the rest."""
    code: cython.int = CODES[name]

    def function(x, y, /):
        if type(x) is Value or type(y) is Value:
            node = record2(code, x, y)
            return otherwise(code, x, y) if node is NotImplemented else node
        return otherwise(code, x, y)

    return function


def evaluate(code: cython.int, operands):
    """The value of a row at plain numbers, with IEEE results: a float."""
    values: list = [number(x) for x in operands]
    if code < FIRST_BINARY:
        return evaluate1(code, values[0])[0] if cython.compiled else UNARY[code](values[0])[0]
    if code < FIRST_MANY:
        return evaluate2(code, values[0], values[1])[0] if cython.compiled else BINARY[code](*values)[0]
    node: Value = record_n(code, values)
    return node._data


def evaluate_arrays(code: cython.int, x, y, out):
    """A unary (y is None) or binary row over one-dimensional contiguous float64 arrays, into `out`."""
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = len(out)
    if cython.compiled:
        a = cython.cast(cython.p_double, cython.cast(cython.size_t, x.ctypes.data))
        r = cython.cast(cython.p_double, cython.cast(cython.size_t, out.ctypes.data))
        if y is None:
            for i in range(n):
                r[i] = evaluate1(code, a[i])[0]
        else:
            b = cython.cast(cython.p_double, cython.cast(cython.size_t, y.ctypes.data))
            for i in range(n):
                r[i] = evaluate2(code, a[i], b[i])[0]
    elif y is None:
        out[:] = [UNARY[code](number)[0] for number in x.tolist()]
    else:
        out[:] = [BINARY[code](*pair)[0] for pair in zip(x.tolist(), y.tolist(), strict=True)]


def gather(nodes, places, out):
    """Write what `nodes` hold into the float64 array `out`, each at its place of the intp array `places`."""
    values: list = nodes
    i: cython.Py_ssize_t
    node: Value
    if cython.compiled:
        at = cython.declare(Py_buffer)
        to = cython.declare(Py_buffer)
        PyObject_GetBuffer(places, cython.address(at), PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(out, cython.address(to), PyBUF_WRITABLE)
            try:
                place = cython.cast(cython.p_Py_ssize_t, at.buf)
                numbers = cython.cast(cython.p_double, to.buf)
                if at.len != 8 * len(values):
                    raise ValueError(
                        f"{len(values)} nodes, but places of {at.len} bytes: needs one intp for each"
                    )
                for i in range(len(values)):
                    if not 0 <= place[i] < to.len // 8:
                        raise IndexError(f"place {place[i]} of {to.len // 8} numbers")
                    node = values[i]
                    numbers[place[i]] = node._data
            finally:
                PyBuffer_Release(cython.address(to))
        finally:
            PyBuffer_Release(cython.address(at))
    else:
        out[places] = [node._data for node in values]


def attach(name, function):
    """Give Value the method `name`: this is how the floors above hang theirs on it, and rows become methods."""
    if cython.compiled:
        kind = cython.cast(cython.pointer(PyTypeObject), Value)
        cython.cast(dict, kind.tp_dict)[name] = function
        PyType_Modified(Value)
    else:
        setattr(Value, name, function)
