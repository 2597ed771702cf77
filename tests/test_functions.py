"""minigrad.functions: by name on numbers, Values and arrays; NumPy's own functions keep the graph."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import RULES, Graph, NotANumberError, ShapeError, Value, functions

SEED = 20261124
INF, NAN = math.inf, math.nan
SMALL = {name: rule for name, rule in RULES.items() if rule.arity in (1, 2)}


def bits(x: float) -> str:
    """All of a double, one nan for all."""
    return "nan" if x != x else x.hex()


def objects(*values: Any) -> Any:
    """A NumPy array of Values."""
    return np.array(values, dtype=object)


def points(name: str, count: int) -> list[list[float]]:
    """Operands for an operation: ordinary numbers, zeros, infinities and nan."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    special = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 5e-324, 1e308, -745.2, 0.5]

    def one() -> float:
        return draw.choice(special) if draw.random() < 0.5 else draw.uniform(-3.0, 3.0)

    arity = RULES[name].arity or 1
    result = [[one() for _ in range(arity)] for _ in range(count)]
    if name == "polygamma":
        result = [[float(draw.randrange(1, 5)), x] for _, x in result]
    return result


# -- the same arithmetic, however it is called ------------------------------------------------------------


@pytest.mark.parametrize("name", list(SMALL))
def test_number_value_and_array_agree(name: str) -> None:
    """The function on floats and on arrays, the method and NumPy objects give the bits that recording gives."""
    function = functions.FUNCTIONS[name]
    given = points(name, 60)
    recorded = [function(*map(Value, operands)) for operands in given]
    assert {node.op for node in recorded} == {name}
    expected = [bits(node.data) for node in recorded]
    plain = [function(*operands) for operands in given]
    assert {type(x) for x in plain} == {float}
    assert [bits(x) for x in plain] == expected
    columns = [np.array(column) for column in zip(*given, strict=True)]
    whole = function(*columns)
    assert (type(whole), whole.dtype, whole.shape) == (np.ndarray, np.float64, (60,))
    assert [bits(x) for x in whole.tolist()] == expected
    over_objects = function(*(objects(*map(Value, column)) for column in columns))
    assert [bits(node.data) for node in over_objects] == expected
    methods = [getattr(Value(first), name)(*rest) for first, *rest in given]
    assert [bits(node.data) for node in methods] == expected


@pytest.mark.parametrize("name", [name for name, rule in SMALL.items() if rule.arity == 2])
def test_a_value_and_a_number_record_in_either_order(name: str) -> None:
    """The number becomes a constant; the operands keep their places."""
    function = functions.FUNCTIONS[name]
    for x, y in (([Value(1.0), 2.0]), ([1.0, Value(2.0)])):
        node = function(x, y)
        assert (node.op, [operand.data for operand in node.operands]) == (name, [1.0, 2.0])
        assert {operand.op for operand in node.operands} == {"input", "const"}


def test_python_numbers_and_numpy_scalars_give_floats() -> None:
    """Any real number, rounded to the nearest double first."""
    given: Any
    for given in (2, True, Fraction(1, 3), np.float32(0.1), np.int64(3), np.longdouble(0.5), np.array(0.25)):
        result = minigrad.exp(given)
        assert (type(result), result) == (float, minigrad.exp(float(given)))


def test_arrays_of_any_real_type_and_shape() -> None:
    """Integers, bools, float32, not contiguous, two-dimensional, empty; shapes broadcast as NumPy's."""
    grid = np.arange(6.0).reshape(2, 3)
    assert minigrad.sqrt(grid.T).tolist() == np.sqrt(grid.T).tolist()
    assert minigrad.sqrt(grid[:, ::2]).tolist() == np.sqrt(grid[:, ::2]).tolist()
    for kind in (np.int8, np.uint64, np.float32, np.bool_):
        array = np.array([0, 1], dtype=kind)
        assert minigrad.sigmoid(array).tolist() == [0.5, minigrad.sigmoid(1.0)]
    assert minigrad.exp(np.array([], dtype=float)).shape == (0,)
    assert functions.FUNCTIONS["min"](grid, np.array([[1.0], [4.0]])).tolist() == [[0, 1, 1], [3, 4, 4]]
    assert functions.FUNCTIONS["pow"](2, grid[0]).tolist() == [1.0, 2.0, 4.0]
    with pytest.raises(ValueError, match="broadcast"):
        functions.FUNCTIONS["add"](grid, np.array([1.0, 2.0]))


def test_masked_elements_are_refused() -> None:
    """What lies under a mask is no number of the table; without a mask they are arrays as any."""
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    for name, operands in (("exp", (masked,)), ("add", (1.0, masked)), ("min", (np.ma.masked, 1.0))):
        with pytest.raises(NotANumberError, match="masked element"):
            functions.FUNCTIONS[name](*operands)
    assert minigrad.sqrt(np.ma.array([1.0, 4.0])).tolist() == [1.0, 2.0]


def test_an_array_is_not_changed() -> None:
    """What is given in is read only."""
    array = np.array([1.0, 4.0])
    array.flags.writeable = False
    assert minigrad.sqrt(array).tolist() == [1.0, 2.0]
    assert array.tolist() == [1.0, 4.0]


def test_infinities_come_without_a_warning() -> None:
    """As IEEE has them, from numbers, arrays and arrays of Values; warnings are errors in these tests."""
    assert minigrad.log(np.array([0.0, 1.0])).tolist() == [-INF, 0.0]
    (node,) = minigrad.log(objects(Value(0.0)))
    assert node.data == -INF
    (tie,) = minigrad.sqrt(objects(Value(0.0)))  # finite, its partial is not
    assert (tie.data, tie.partials) == (0.0, (INF,))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("1", "text is not a number"), (None, "None is not a number"), (1j, "complex is not a real number"),
        ([1.0], "a list is not one number"), pytest.param(object(), "object is not a real number", id="object"),
        (np.array(["a"]), "does not hold real numbers"), (np.array([1j]), "does not hold real numbers"),
        (np.array(["2026-01-01"], dtype="M8[D]"), "does not hold real numbers"),
        (objects("a"), "text is not a number"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_number_is_refused(given: Any, words: str) -> None:
    """Alone, and beside a Value on either side; the message is about what was given, not about the Value."""
    for name, operands in (("exp", (given,)), ("hypot", (given, 1.0)), ("where", (1.0, given, 2.0))):
        with pytest.raises(NotANumberError, match="number"):
            functions.FUNCTIONS[name](*operands)
    with pytest.raises(NotANumberError, match=words):
        minigrad.exp(given)
    if not isinstance(given, np.ndarray):
        for pair in ((Value(1.0), given), (given, Value(1.0))):
            with pytest.raises(NotANumberError, match=words):
                minigrad.hypot(*pair)
    with pytest.raises(OverflowError, match="does not fit in a double"):
        minigrad.exp(10**400)


def test_names_and_docstrings() -> None:
    """help() shows the row: its value, each partial, the kink."""
    for name, function in functions.FUNCTIONS.items():
        assert (function.__name__, function.__module__) == (name, "minigrad.functions")
        assert function.__doc__ is not None
        assert RULES[name].text in function.__doc__
        assert all(partial in function.__doc__ for partial in RULES[name].partials)
        assert RULES[name].kink in function.__doc__
    with pytest.raises(TypeError):
        functions.FUNCTIONS["exp"](1.0, 2.0)


# -- comparisons and choice -------------------------------------------------------------------------------


def test_comparisons_by_name_are_nodes() -> None:
    """1 or 0 with partials 0, unlike < and >, which give bools."""
    x, y = Value(1.0), Value(2.0)
    for function, expected in (
        (minigrad.less, [1.0, 0.0, 0.0]), (minigrad.less_equal, [1.0, 0.0, 1.0]),
        (minigrad.greater, [0.0, 1.0, 0.0]), (minigrad.greater_equal, [0.0, 1.0, 1.0]),
    ):  # fmt: skip
        nodes = [function(x, y), function(y, x), function(x, x)]
        assert [node.data for node in nodes] == expected
        assert {node.partials for node in nodes} == {(0.0, 0.0)}
        assert [function(1, 2), function(2, 1), function(1, 1)] == expected
        assert function(np.array([1.0, 2.0, 1.0]), np.array([2.0, 1.0, 1.0])).tolist() == expected


def test_where_chooses() -> None:
    """Any number but 0 is true, nan too; by number, by Value, element by element."""
    x, y = Value(3.0), Value(4.0)
    for condition, chosen in ((1, x), (True, x), (-0.5, x), (NAN, x), (0, y), (-0.0, y), (x > y, y)):
        node = minigrad.where(condition, x, y)
        assert (node.op, node.data) == ("where", chosen.data)
        assert minigrad.where(condition, 3.0, 4.0) == chosen.data
    mask = np.array([True, False])
    assert minigrad.where(mask, np.array([1.0, 2.0]), 0).dtype == np.float64
    assert minigrad.where(mask, np.array([1.0, 2.0]), 0).tolist() == [1.0, 0.0]
    assert [node.data for node in minigrad.where(mask, x, y)] == [3.0, 4.0]
    decides = Value(1.0)
    minigrad.where(decides, x, y).backward()
    assert (decides.grad, x.grad, y.grad) == (0.0, 1.0, 0.0)


# -- any number of operands -------------------------------------------------------------------------------


def test_one_node_for_any_number_of_operands() -> None:
    """Lists, tuples, generators, dictionaries' values, arrays of Values; numbers among them are constants."""
    x, y = Value(1.0), Value(4.0)
    given: Any
    for given in (
        [x, 2.0, y],
        (x, 2, y),
        (v for v in (x, 2, y)),
        {"a": x, "b": 2, "c": y}.values(),
        objects(x, 2, y),
    ):
        node = minigrad.sum(given)
        assert (node.op, node.data, node.operands[0], node.operands[2]) == ("sum", 7.0, x, y)
        assert node.operands[1].op == "const"
    assert minigrad.mean([x, y]).data == 2.5
    assert minigrad.mean([x, y]).partials == (0.5, 0.5)
    assert minigrad.sum([x, x, x]).partials == (1.0, 1.0, 1.0)
    assert minigrad.sum([x]).op == "sum"
    assert minigrad.logsumexp([x, y]).data == pytest.approx(math.log(math.e + math.exp(4)), rel=1e-15)
    node = minigrad.dot([x, y], np.array([2.0, 3.0]))
    assert (node.op, node.data, node.partials) == ("dot", 14.0, (2.0, 3.0, 1.0, 4.0))
    assert minigrad.dot(objects(x, y), objects(x, y)).data == 17.0


def test_plain_numbers_give_floats() -> None:
    """No Value, no graph."""
    for result, expected in (
        (minigrad.sum([1, 2.5]), 3.5), (minigrad.mean(np.array([1.0, 2.0])), 1.5), (minigrad.dot([1, 2], [3, 4]), 11.0),
        (minigrad.logsumexp([1000.0, 1000.0]), 1000.0 + math.log(2)), (minigrad.sum(np.arange(5)), 10.0),
    ):  # fmt: skip
        assert (type(result), result) == (float, expected)


def test_no_operands() -> None:
    """An empty sum is 0, an empty logsumexp log(0); an empty mean is no number."""
    none: list[float] = []
    assert minigrad.sum(none) == 0.0
    assert minigrad.sum(iter(none)) == 0.0
    assert minigrad.dot(none, none) == 0.0
    assert minigrad.logsumexp(none) == -INF
    with pytest.raises(ShapeError, match="mean of no operands"):
        minigrad.mean(none)


def test_groups_of_different_length_are_refused() -> None:
    """Both lengths are given."""
    with pytest.raises(ShapeError, match="same length, got 1 and 2"):
        minigrad.dot([Value(1.0)], [1.0, 2.0])
    assert issubclass(ShapeError, ValueError)


@pytest.mark.parametrize("name", ["sum", "mean", "logsumexp", "dot"])
def test_what_is_no_flat_sequence_is_refused(name: str) -> None:
    """A Value or number alone, text, nested lists, rows of a matrix: with what the function takes."""
    function = functions.FUNCTIONS[name]
    groups = len(RULES[name].operands)
    takes = rf"{name} takes {'one sequence' if groups == 1 else '2 sequences'} of Values or numbers"
    for given in (Value(1.0), 3.0, None):
        with pytest.raises(TypeError, match=takes):
            function(*[given] * groups)
    with pytest.raises(NotANumberError, match="not text"):
        function(*["ab"] * groups)
    for nested in ([[Value(1.0)], [2.0]], [(1.0,)], np.zeros((2, 2)), [None], ["a"]):
        with pytest.raises(NotANumberError):
            function(*[nested] * groups)


# -- NumPy's functions ------------------------------------------------------------------------------------

#: A function of NumPy, and the operation it records.
UFUNCS = {
    "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10", "log1p": "log1p",
    "sqrt": "sqrt", "cbrt": "cbrt", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arctanh": "atanh",
    "absolute": "abs", "fabs": "abs", "negative": "neg",
}  # fmt: skip
UFUNCS_OF_TWO = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "power": "pow",
    "float_power": "pow", "minimum": "min", "maximum": "max", "hypot": "hypot", "arctan2": "atan2",
    "logaddexp": "logaddexp",
}  # fmt: skip


@pytest.mark.parametrize("name", UFUNCS)
def test_a_function_of_numpy_records(name: str) -> None:
    """np.exp(v) is exp(v), and goes through arrays of Values; the number is NumPy's."""
    ufunc, x = getattr(np, name), Value(0.375)
    node = ufunc(x)
    assert (type(node), node.op, node.operands) == (Value, UFUNCS[name], (x,))
    assert node.data == pytest.approx(ufunc(0.375), rel=1e-15)
    array = ufunc(objects(x, Value(0.5)))
    assert [element.op for element in array] == [UFUNCS[name]] * 2
    assert array[0].data == node.data


@pytest.mark.parametrize("name", UFUNCS_OF_TWO)
def test_a_function_of_numpy_of_two_records(name: str) -> None:
    """With a number, a NumPy scalar or an array of Values on either side; operands in order."""
    ufunc, x = getattr(np, name), Value(0.375)
    for left, right in (
        (x, 2.0),
        (2.0, x),
        (x, np.float64(2.0)),
        (np.float32(2.0), x),
        (x, np.array(2)),
        (x, x),
    ):
        node = ufunc(left, right)
        expected = [v.data if isinstance(v, Value) else float(v) for v in (left, right)]
        assert (type(node), node.op) == (Value, UFUNCS_OF_TWO[name])
        assert [operand.data for operand in node.operands] == expected
        assert node.data == pytest.approx(ufunc(*expected), rel=1e-15)
    for left, right in ((objects(x, x), x), (x, objects(x, x))):
        assert [node.op for node in ufunc(left, right)] == [UFUNCS_OF_TWO[name]] * 2


def test_a_numpy_scalar_on_the_left_records() -> None:
    """np.float64 has its own operators, which would turn a Value into an array."""
    x: Any = Value(4.0)
    for number in (np.float64(2), np.float32(2), np.int64(2), np.longdouble(2), np.array(2.0)):
        for do in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
            node = do(number, x)
            assert (type(node), node.data, node.operands[1]) == (Value, do(2.0, 4.0), x)
            assert (type(do(x, number)), do(x, number).data) == (Value, do(4.0, 2.0))


def test_comparing_with_a_numpy_scalar() -> None:
    """Bools, on either side; == stays identity; what is no number is refused in words."""
    x: Any = Value(0.5)
    for number in (np.float64(2), np.int64(2), np.float32(2), np.array(2.0)):
        assert (number < x, number <= x, number > x, number >= x) == (False, False, True, True)
        assert (x < number, x <= number, x > number, x >= number) == (True, True, False, False)
        assert (number == x, number != x, x == number, x != number) == (False, True, False, True)
    assert np.float64(0.5) != x
    assert np.equal(x, x)
    for given in (np.complex128(1), np.datetime64("2026-01-01")):
        with pytest.raises(NotANumberError, match="not a real number"):
            _ = x < given
        with pytest.raises(NotANumberError, match="not a real number"):
            _ = given < x


def test_arrays_of_values_do_algebra() -> None:
    """Sum, mean, product, dot, @, norm, variance of arrays of Values: one graph, and its gradient."""
    x, y = Value(3.0), Value(4.0)
    array = objects(x, y)
    matrix = np.array([[1.0, 2.0], [3.0, 5.0]])
    cases: list[tuple[Callable[[], Any], float, tuple[float, float]]] = [
        (lambda: np.sum(array), 7.0, (1.0, 1.0)),
        (lambda: np.add.reduce(array), 7.0, (1.0, 1.0)),
        (lambda: np.sum([x, y]), 7.0, (1.0, 1.0)),
        (lambda: sum([x, y]), 7.0, (1.0, 1.0)),
        (lambda: np.mean(array), 3.5, (0.5, 0.5)),
        (lambda: np.prod(array), 12.0, (4.0, 3.0)),
        (lambda: np.dot(array, array), 25.0, (6.0, 8.0)),
        (lambda: array @ np.array([2.0, 1.0]), 10.0, (2.0, 1.0)),
        (lambda: np.array([2.0, 1.0]) @ array, 10.0, (2.0, 1.0)),
        (lambda: np.sum(matrix @ array), 11.0 + 29.0, (4.0, 7.0)),
        (lambda: np.linalg.norm(array), 5.0, (0.6, 0.8)),
        (lambda: np.var(array), 0.25, (-0.5, 0.5)),
        (lambda: np.vdot(array, array), 25.0, (6.0, 8.0)),
        (lambda: np.sum(np.square(array) / y), 6.25, (1.5, 7 / 16)),
        (lambda: np.sum(2**array), 24.0, (8 * math.log(2), 16 * math.log(2))),
        (lambda: np.cumsum(array)[1], 7.0, (1.0, 1.0)),
    ]
    for make, value, gradient in cases:
        node = make()
        assert isinstance(node, Value)
        assert node.data == pytest.approx(value, rel=1e-15)
        assert minigrad.grad(node, [x, y]) == pytest.approx(gradient, rel=1e-14)


def test_what_numpy_does_to_one_value() -> None:
    """Its reductions give the Value back; its tests give bools; it holds Values as objects."""
    x: Any = Value(0.5)
    assert np.sum(x) is x
    assert np.positive(x) is x
    assert np.conjugate(x) is x
    assert np.square(x).data == 0.25
    assert np.reciprocal(x).data == 2.0
    assert (np.isnan(x), np.isinf(x), np.isfinite(x)) == (False, False, True)
    assert (np.isnan(Value(NAN)), np.isinf(Value(-INF)), np.isfinite(Value(INF))) == (True, True, False)
    assert np.array([x, x]).dtype == object
    assert len(Graph(np.exp(x))) == 2


@pytest.mark.parametrize(
    "do", [operator.add, operator.mul, operator.truediv, operator.pow, operator.lt, np.hypot]
)
@pytest.mark.parametrize(
    "array", [np.array([1.0, 2.0]), np.zeros((2, 3)), np.array([1, 2]), np.array(["a"])], ids=str
)
def test_an_array_of_numbers_with_a_value_is_refused(do: Callable[[Any, Any], Any], array: Any) -> None:
    """On either side; the message says how to go on."""
    for left, right in ((array, Value(1.0)), (Value(1.0), array)):
        with pytest.raises(NotANumberError, match=r"an array of shape .* is not one number: "):
            do(left, right)
    node = do(array.astype(object), Value(2.0)) if array.dtype.kind in "fi" else objects()
    assert all(isinstance(element, Value | bool) for element in node.ravel())


def test_what_the_table_does_not_have_is_refused() -> None:
    """By name; nothing becomes a plain number in silence."""
    x: Any = Value(0.5)
    for call, words in (
        (lambda: np.floor(x), "np.floor is not in minigrad's table"),
        (lambda: np.heaviside(x, 0.5), "np.heaviside is not in"),
        (lambda: np.exp(x, out=np.zeros(1)), "np.exp with out= is not in"),
        (lambda: np.multiply.outer(x, objects(x)), r"np.multiply.outer is not in"),
        (lambda: np.array([x]).astype(float), "float"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=words):
            call()
