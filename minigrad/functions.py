"""exp, log, sigmoid, bce, dot, ... by name, for Values, plain numbers and NumPy arrays.

Room: one function for each row of the table, made from it, under the row's name; the same functions are the
methods of Value; and NumPy's own functions on Values. Below: `value`, `rules`. Imports NumPy only when an
array arrives.
Must hold: a Value among the operands gives a Value, a number a float, an array an array; a graph is never
lost. Numbers and arrays go through the very arithmetic that recording uses.

>>> from minigrad import Value, exp, dot
>>> exp(0.0)
1.0
>>> w = [Value(0.5), Value(-1.0)]
>>> dot(w, [2.0, 1.0]).data
0.0
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from minigrad import value as _core
from minigrad.real import NotANumberError
from minigrad.rows import CODES
from minigrad.rules import RULES, Rule
from minigrad.value import Value

if TYPE_CHECKING:
    import numpy as np


class ShapeError(ValueError):
    """Two groups of operands that belong together differ in length."""


# -- plain numbers and arrays -----------------------------------------------------------------------------


def _has_shape(x: object) -> bool:
    return getattr(x, "shape", ()) != ()


def _plain(code: int, *operands: Any) -> Any:
    """A row at plain numbers, or element by element over arrays."""
    if any(map(_has_shape, operands)):
        return _elementwise(code, operands)
    if any(isinstance(x, Value) for x in operands):  # recording declined: the other operand is no number
        operands = tuple(_core.constant(x).data for x in operands if not isinstance(x, Value))
    return _core.evaluate(code, operands)


def _elementwise(code: int, operands: tuple[Any, ...]) -> Any:
    import numpy as np

    if any(map(np.ma.is_masked, operands)):
        raise NotANumberError("masked elements are missing, not numbers: fill them first with .filled(...)")
    arrays = [np.asarray(x) for x in operands]
    if any(a.dtype == object for a in arrays):
        return _over_objects(lambda *items: _apply(code, items), arrays)
    if any(isinstance(x, Value) for x in operands):
        raise _mixed(next(a for a in arrays if a.dtype != object))
    for array in arrays:
        if array.dtype.kind not in "fiub":
            raise NotANumberError(f"an array of {array.dtype} does not hold real numbers: convert it first")
    whole = np.broadcast_arrays(*(a.astype(np.float64) for a in arrays))
    flat = [np.ascontiguousarray(a).ravel() for a in whole]
    out = np.empty(flat[0].size)
    _core.evaluate_arrays(code, flat[0], flat[1] if len(flat) == 2 else None, out)
    return out.reshape(whole[0].shape)


def _over_objects(function: Callable[..., Any], arrays: list[Any]) -> Any:
    import numpy as np

    # A bare Value would be asked for __array_ufunc__ again; an array of one is gone through.
    boxed = [np.array(x, dtype=object) for x in arrays]
    with np.errstate(all="ignore"):  # NumPy would warn of flags raised on the way to a finite result
        return np.frompyfunc(function, len(boxed), 1)(*boxed)


def _apply(code: int, operands: tuple[Any, ...]) -> Any:
    """A row at single operands, Values or not."""
    if any(isinstance(x, Value) for x in operands):
        return _core.record(_core.NAMES[code], operands)
    return _core.evaluate(code, operands)


def _mixed(array: np.ndarray[Any, Any]) -> NotANumberError:
    return NotANumberError(
        f"an array of shape {array.shape} is not one number: for one node per element use array.astype(object); "
        "to run one graph over many rows, record it for one row"
    )


# -- any number of operands -------------------------------------------------------------------------------


def _several(rule: Rule, values: Any) -> list[Any]:
    if isinstance(values, Value) or not hasattr(values, "__iter__"):
        groups = len(rule.operands)
        takes = "one sequence" if groups == 1 else f"{groups} sequences"
        example = ", ".join(["[a, b, c]", "[d, e, f]"][:groups])
        raise TypeError(f"{rule.name} takes {takes} of Values or numbers: {rule.name}({example})")
    if isinstance(values, str | bytes):
        raise NotANumberError(f"{rule.name} takes a sequence of Values or numbers, not text")
    return list(values)


def _record_or_evaluate(name: str, operands: list[Any]) -> Any:
    if any(isinstance(x, Value) for x in operands):
        return _core.record(name, operands)
    return _core.evaluate(CODES[name], operands)


def _one_group(rule: Rule) -> Callable[[Iterable[Any]], Any]:
    def function(values: Iterable[Any], /) -> Any:
        operands = _several(rule, values)
        if not operands and rule.name not in _EMPTY:
            raise ShapeError(f"{rule.name} of no operands is not defined")
        return _record_or_evaluate(rule.name, operands) if operands else _EMPTY[rule.name]

    return function


#: The value over no operands at all, where there is one.
_EMPTY = {"sum": 0.0, "logsumexp": float("-inf")}


def _two_groups(rule: Rule) -> Callable[[Iterable[Any], Iterable[Any]], Any]:
    def function(weights: Iterable[Any], features: Iterable[Any], /) -> Any:
        first, second = _several(rule, weights), _several(rule, features)
        if len(first) != len(second):
            raise ShapeError(
                f"{rule.name} needs two sequences of the same length, got {len(first)} and {len(second)}"
            )
        return _record_or_evaluate(rule.name, first + second) if first else 0.0

    return function


def _fixed(rule: Rule) -> Callable[..., Any]:
    code = CODES[rule.name]

    def function(c: Any, x: Any, y: Any, /) -> Any:
        if any(map(_has_shape, (c, x, y))):
            import numpy as np

            result = _over_objects(lambda *items: _apply(code, items), [c, x, y])
            recorded = any(np.asarray(given).dtype == object for given in (c, x, y))
            return result if recorded else result.astype(np.float64)
        return _apply(code, (c, x, y))

    return function


# -- one function for each row ----------------------------------------------------------------------------


def _described(rule: Rule) -> str:
    """The docstring of a function, from its row."""
    letters = ", ".join(rule.operands)
    groups = rule.arity is None
    lines = [f"{rule.text}, recorded as one node." if groups else f"{rule.text}.", ""]
    for letter, partial in zip(rule.operands, rule.partials, strict=True):
        lines.append(f"Partial by {letter.rstrip('*')}: {partial}")
    lines += [f"Domain: {rule.domain}."] * bool(rule.domain)
    lines += [f"Kink: {rule.kink}."] * bool(rule.kink)
    lines += [f"Source: {rule.source}."] * bool(rule.source)
    lines.append("")
    if groups:
        lines.append(
            f"{letters}: sequences of Values and numbers; returns a Value, or a float if there is no Value."
        )
    else:
        lines.append(f"{letters}: Value (returns a Value), number (a float) or NumPy array (an array).")
    lines.append("Outside the domain the result follows IEEE (inf, nan); other types raise NotANumberError.")
    return "\n".join(lines)


def _function(rule: Rule) -> Callable[..., Any]:
    made: Any
    if rule.arity == 1:
        made = _core.unary(rule.name, _plain)
    elif rule.arity == 2:
        made = _core.binary(rule.name, _plain)
    elif rule.arity == 3:
        made = _fixed(rule)
    else:
        made = (_one_group if len(rule.operands) == 1 else _two_groups)(rule)
    made.__name__ = made.__qualname__ = rule.name
    made.__module__ = __name__
    made.__doc__ = _described(rule)
    return made  # type: ignore[no-any-return]


#: The functions by name, in the order of the table.
FUNCTIONS: dict[str, Callable[..., Any]] = {name: _function(rule) for name, rule in RULES.items()}
globals().update(FUNCTIONS)


def greater(x: Any, y: Any, /) -> Any:
    """1 if x > y else 0: `less` with its operands exchanged."""
    return FUNCTIONS["less"](y, x)


def greater_equal(x: Any, y: Any, /) -> Any:
    """1 if x >= y else 0: `less_equal` with its operands exchanged."""
    return FUNCTIONS["less_equal"](y, x)


# -- NumPy's functions on Values --------------------------------------------------------------------------

#: NumPy's names for rows that have another name here.
_NUMPY_NAMES = {
    "absolute": "abs", "fabs": "abs", "negative": "neg", "subtract": "sub", "multiply": "mul", "divide": "div",
    "true_divide": "div", "power": "pow", "float_power": "pow", "minimum": "min", "maximum": "max",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip


def _comparison(name: str, mirrored: str) -> Callable[[Any, Any], Any]:
    """np.less and its like: asks the Value, since a NumPy scalar on the left would ask NumPy again."""

    def compare(x: Any, y: Any) -> Any:
        value, other, method = (x, y, name) if isinstance(x, Value) else (y, x, mirrored)
        result = getattr(value, method)(other)
        if result is NotImplemented:
            _core.constant(other)  # says why it is no number
        return result

    return compare


#: NumPy's functions that give a bool, or another form of what a Value can do.
_NUMPY_OTHER: dict[str, Callable[..., Any]] = {
    "positive": operator.pos, "conjugate": operator.pos,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "clip": lambda x, low, high: FUNCTIONS["min"](FUNCTIONS["max"](x, low), high),
    "less": _comparison("__lt__", "__gt__"), "less_equal": _comparison("__le__", "__ge__"),
    "greater": _comparison("__gt__", "__lt__"), "greater_equal": _comparison("__ge__", "__le__"),
    "equal": operator.is_, "not_equal": operator.is_not,
    "isfinite": lambda x: x.data - x.data == 0.0,
    "isinf": lambda x: abs(x.data) == float("inf"),
    "isnan": lambda x: x.data != x.data,
}  # fmt: skip


def _array_ufunc(self: Value, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Value.__array_ufunc__: np.exp(v) is v.exp(); arrays of Values go element by element."""
    if method == "reduce" and len(inputs) == 1:
        return self
    function = _NUMPY_OTHER.get(ufunc.__name__)
    if function is None:
        function = FUNCTIONS.get(_NUMPY_NAMES.get(ufunc.__name__, ufunc.__name__))
    if function is None or method != "__call__" or options:
        detail = f" with {', '.join(options)}=" if options else "" if method == "__call__" else f".{method}"
        raise TypeError(f"np.{ufunc.__name__}{detail} is not in minigrad's table of operations")
    for x in inputs:
        if _has_shape(x) and x.dtype != object:
            raise _mixed(x)
    if any(map(_has_shape, inputs)):
        return _over_objects(function, list(inputs))
    return function(*inputs)


def _conjugate(x: Value, /) -> Value:
    """The Value itself, which is real: np.var and np.vdot ask for it."""
    return x


def _hang_methods() -> None:
    for name, rule in RULES.items():
        if rule.arity in (1, 2):
            _core.attach(name, FUNCTIONS[name])
    for numpys, ours in _NUMPY_NAMES.items():
        _core.attach(numpys, FUNCTIONS[ours])  # np.arcsin on an array of Values calls x.arcsin()
    _core.attach("conjugate", _conjugate)
    _core.attach("__array_ufunc__", _array_ufunc)


_hang_methods()


def grad(output: Value, wrt: Any) -> Any:
    """Derivatives of `output`, without touching any `.grad`.

    output  the Value to differentiate
    wrt     a Value (a leaf or an inner node), or a sequence of them
    return  float for one Value; list of floats, in the order of wrt, for a sequence

    Raises ValueError when a Value of wrt has no part in output (its position and label are given).

    >>> from minigrad import Value
    >>> w, b = Value(3.0), Value(1.0)
    >>> grad(w * w + b, [w, b])
    [6.0, 1.0]
    """
    if not isinstance(output, Value):
        raise NotANumberError(f"grad differentiates a Value, not {type(output).__name__}")
    if not isinstance(wrt, Value | Iterable):
        raise NotANumberError(f"wrt is a Value, or a sequence of Values, not {type(wrt).__name__}")
    nodes = [wrt] if isinstance(wrt, Value) else list(wrt)
    for position, node in enumerate(nodes):
        if not isinstance(node, Value):
            raise NotANumberError(f"wrt[{position}] is not a Value but {type(node).__name__}")
    result = _core.gradients(output, nodes)
    for position, (node, derivative) in enumerate(zip(nodes, result, strict=True)):
        if derivative is None:
            which = f'"{node.label}"' if node.label else f"wrt[{position}]"
            raise ValueError(
                f"{which} has no part in the graph of this output: its derivative is 0 everywhere, or the graph "
                "was recorded from another Value of the same name"
            )
    return result[0] if isinstance(wrt, Value) else result


__all__ = [*RULES, "ShapeError", "grad", "greater", "greater_equal"]
