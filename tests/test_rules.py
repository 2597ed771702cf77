"""minigrad.rules: every row of the table against mathematics, at ordinary points, extremes, kinks and ends."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import mpmath
import pytest
from ulp import ulps
from witnesses import SEED, WITNESSES, Point, Witness, power

import minigrad
from minigrad import RULES, Value

INF, NAN, PI = math.inf, math.nan, math.pi
#: What a row makes of a point: its value and its partials.
Row: TypeAlias = Callable[[Point], tuple[float, tuple[float, ...]]]


def record(name: str, point: Point) -> Value:
    """The operation recorded on Values; the operands of an n-ary one in groups of equal length."""
    function, operands = getattr(minigrad, name), [Value(x) for x in point]
    if RULES[name].arity is None:
        n = len(operands) // len(RULES[name].operands)
        node = function(*(operands[i : i + n] for i in range(0, len(operands), n)))
    else:
        node = function(*operands)
    assert isinstance(node, Value)
    return node


def row(name: str) -> Row:
    """The row as the library computes it."""

    def values(point: Point) -> tuple[float, tuple[float, ...]]:
        node = record(name, point)
        return node.data, node.partials

    return values


def misses(name: str, witness: Witness, computed: Row, allowed: float = 4.0) -> Iterator[str]:
    """Every number of the row that is more than `allowed` ulp from its witness."""
    for point in witness.points:
        value, partials = witness.at(point)
        out, got = computed(point)
        assert len(got) == len(partials) == len(point)
        for i, (number, exact) in enumerate(zip((out, *got), (value, *partials), strict=True)):
            if (error := ulps(number, exact)) > allowed:
                what = f"partial {i}" if i else "value"
                yield f"{name}{point} {what}: got {number!r}, exact {mpmath.nstr(exact, 20)}, {error:.3g} ulp"


def same(got: float, expected: float) -> bool:
    """Equal, nan being equal to itself."""
    return got == expected or (math.isnan(got) and math.isnan(expected))


# -- the rows against their witnesses -------------------------------------------------------------------------


def test_every_row_has_a_witness() -> None:
    """A row nobody has witnessed is a claim, not a rule."""
    assert set(WITNESSES) == set(RULES)


@pytest.mark.parametrize("name", WITNESSES)
def test_value_and_partials_are_within_4_ulp(name: str) -> None:
    """Of mathematics as derived on paper, not of the row; also where the operands are extreme."""
    print(f"seed {SEED}")
    found = list(misses(name, WITNESSES[name], row(name)))
    assert not found, "\n".join([f"{len(found)} misses:", *found[:40]])


def test_a_wrong_row_is_refused() -> None:
    """The checker can tell a textbook's formula from one that is right in floating point."""

    def tidy(point: Point) -> tuple[float, tuple[float, ...]]:
        out = record("sigmoid", point).data
        return out, (out * (1.0 - out),)

    found = list(misses("sigmoid", WITNESSES["sigmoid"], tidy))
    assert any("sigmoid(40.0,) partial 1: got 0.0" in miss for miss in found)
    assert not any("value" in miss for miss in found)

    def wrong_sign(point: Point) -> tuple[float, tuple[float, ...]]:
        return math.cos(*point), (math.sin(*point),)

    assert any("cos(1.0,) partial 1" in miss for miss in misses("cos", WITNESSES["cos"], wrong_sign))

    def missing(point: Point) -> tuple[float, tuple[float, ...]]:
        return point[0] * point[1], (point[1],)

    with pytest.raises(AssertionError):
        list(misses("mul", WITNESSES["mul"], missing))


# -- the rows as mathematics ----------------------------------------------------------------------------------

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: power,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip


def evaluate(node: ast.AST, names: dict[str, Any]) -> Any:
    """An expression of the table over mpmath's numbers; an operation by name is its witness."""
    match node:
        case ast.Constant(value=value):
            return mpmath.mpf(value)
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -evaluate(operand, names)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](evaluate(left, names), evaluate(right, names))
        case ast.BoolOp(op=op, values=values):
            return (all if isinstance(op, ast.And) else any)(evaluate(v, names) for v in values)
        case ast.Compare(left=first, ops=ops, comparators=others):
            numbers = [evaluate(v, names) for v in (first, *others)]
            pairs = zip(ops, numbers, numbers[1:], strict=False)
            return all(_OPERATORS[type(op)](x, y) for op, x, y in pairs)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return evaluate(body if evaluate(test, names) else orelse, names)
        case ast.Call(func=ast.Name(id=name), args=args):
            numbers = [evaluate(a, names) for a in args]
            result = mpmath.gamma(*numbers) if name == "gamma" else WITNESSES[name].value(*numbers)
            return mpmath.nan if isinstance(result, mpmath.mpc) else result
    raise AssertionError(f"the grammar of the table has no {ast.dump(node)}")


def meaning(text: str, names: dict[str, Any]) -> Any:
    """The number that a row's text stands for."""
    return evaluate(ast.parse(text, mode="eval").body, {"pi": +mpmath.pi, "nan": mpmath.nan, **names})


def agree(x: Any, y: Any) -> bool:
    """Equal up to what 60 digits lose by cancellation."""
    if mpmath.isnan(x) or mpmath.isnan(y):
        return bool(mpmath.isnan(x) and mpmath.isnan(y))
    return bool(abs(x - y) <= mpmath.mpf("1e-20") * abs(y) + mpmath.mpf("1e-30"))


def ordinary(witness: Witness) -> list[Point]:
    """Some points of the witness that are neither large nor small."""
    points = [p for p in witness.points if all(0.01 < abs(x) < 30.0 for x in p)]
    return points[:: max(1, len(points) // 40)]


@pytest.mark.parametrize("name", RULES)
def test_the_textbook_form_is_the_derivative(name: str) -> None:
    """`text` and `partials` as they stand in the row, evaluated with 60 digits, agree with the witness."""
    rule, witness = RULES[name], WITNESSES[name]
    points = ordinary(witness)
    assert points
    letters = [letter.rstrip("*") for letter in rule.operands]
    for point in points:
        with mpmath.workdps(60):
            value, exact = witness.at(point)
            n = len(point) // len(letters)
            operands = [mpmath.mpf(x) for x in point]
            groups = [operands[i : i + n] for i in range(0, len(operands), n)]
            got = []
            for text in rule.partials:
                for members in zip(*groups, strict=True):
                    names = dict(zip(letters, members, strict=True))
                    if rule.arity is None:
                        names["n"] = mpmath.mpf(n)
                    got.append(meaning(text, {**names, "out": value}))
            if rule.arity is not None:
                assert agree(meaning(rule.text, dict(zip(letters, operands, strict=True))), value), point
            for x, y in zip(got, exact, strict=True):
                assert agree(x, y), (point, x, y)


@pytest.mark.parametrize("name", RULES)
def test_a_row_names_only_operations_of_the_table(name: str) -> None:
    """So that a derivative can be derived again. gamma itself, which overflows, is only said in a definition."""
    rule = RULES[name]
    letters = {letter.rstrip("*") for letter in rule.operands}
    assert len(rule.partials) == len(rule.operands)
    texts = {text: {*letters, "out", "pi", "nan"} for text in (rule.value, *rule.partials)}
    texts[rule.text] = letters
    if rule.arity is None:
        texts = {text: names | {"n"} for text, names in texts.items()}
    for text, names in texts.items():
        tree = ast.parse(text, mode="eval")
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert called <= {*RULES, "gamma"} if text == rule.means else called <= set(RULES), text
        assert named - called <= names, text
    for text in (*rule.computed, *((rule.through.value, *rule.through.partials) if rule.through else ())):
        ast.parse(text, mode="eval")


# -- kinks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "point", "value", "partials"),
    [
        ("abs", (0.0,), 0.0, (0.0,)), ("abs", (-0.0,), 0.0, (0.0,)), ("sign", (0.0,), 0.0, (0.0,)),
        ("relu", (0.0,), 0.0, (0.0,)), ("relu", (-0.0,), 0.0, (0.0,)), ("relu", (5e-324,), 5e-324, (1.0,)),
        ("min", (2.0, 2.0), 2.0, (0.5, 0.5)), ("max", (2.0, 2.0), 2.0, (0.5, 0.5)),
        ("min", (0.0, -0.0), 0.0, (0.5, 0.5)), ("max", (-INF, -INF), -INF, (0.5, 0.5)),
        ("min", (1.0, 2.0), 1.0, (1.0, 0.0)), ("max", (1.0, 2.0), 2.0, (0.0, 1.0)),
        ("less", (1.0, 1.0), 0.0, (0.0, 0.0)), ("less_equal", (1.0, 1.0), 1.0, (0.0, 0.0)),
        ("where", (0.0, INF, 2.0), 2.0, (0.0, 0.0, 1.0)), ("where", (1.0, 3.0, NAN), 3.0, (0.0, 1.0, 0.0)),
        ("where", (NAN, 3.0, 4.0), 3.0, (0.0, 1.0, 0.0)), ("where", (-0.0, 3.0, 4.0), 4.0, (0.0, 0.0, 1.0)),
        ("sqrt", (0.0,), 0.0, (INF,)), ("sqrt", (-0.0,), 0.0, (INF,)), ("cbrt", (0.0,), 0.0, (INF,)),
        ("cbrt", (-0.0,), 0.0, (INF,)), ("sqrt", (-5e-324,), NAN, (NAN,)), ("asin", (1.0,), PI / 2, (INF,)),
        ("asin", (-1.0,), -PI / 2, (INF,)), ("acos", (1.0,), 0.0, (-INF,)), ("acos", (-1.0,), PI, (-INF,)),
        ("acosh", (1.0,), 0.0, (INF,)), ("atanh", (1.0,), INF, (INF,)), ("atanh", (-1.0,), -INF, (INF,)),
        ("log1p", (-1.0,), -INF, (INF,)), ("logit", (0.0,), -INF, (INF,)), ("logit", (1.0,), INF, (INF,)),
        ("hypot", (0.0, 0.0), 0.0, (0.0, 0.0)), ("hypot", (0.0, -3.0), 3.0, (0.0, -1.0)),
        ("atan2", (0.0, 0.0), 0.0, (NAN, NAN)), ("pow", (0.0, 0.0), 1.0, (0.0, -INF)),
        ("pow", (0.0, 1.0), 0.0, (1.0, 0.0)), ("pow", (0.0, 2.0), 0.0, (0.0, 0.0)),
        ("pow", (0.0, 0.5), 0.0, (INF, 0.0)), ("pow", (0.0, -1.0), INF, (-INF, -INF)),
        ("pow", (5.0, 0.0), 1.0, (0.0, math.log(5.0))), ("pow", (-2.0, 0.0), 1.0, (0.0, NAN)),
        ("pow", (-2.0, 3.0), -8.0, (12.0, NAN)), ("pow", (-2.0, 0.5), NAN, (NAN, NAN)),
        ("bce", (0.0, 0.0), 0.0, (1.0, INF)), ("bce", (1.0, 1.0), 0.0, (-1.0, -INF)),
        ("bce", (0.0, 1.0), INF, (-INF, INF)), ("bce", (1.0, 0.0), INF, (INF, -INF)),
        ("bce", (0.0, 0.5), INF, (-INF, INF)), ("bce", (1.0, 0.5), INF, (INF, -INF)),
        ("bce", (-0.5, 0.5), NAN, (NAN, NAN)), ("bce", (1.5, 0.5), NAN, (NAN, NAN)),
    ],
)  # fmt: skip
def test_kinks_and_edges_are_as_the_table_says(
    name: str, point: Point, value: float, partials: tuple[float, ...]
) -> None:
    """Where there is no derivative the row decides; at the edge of a domain the limit from inside it counts."""
    node = record(name, point)
    assert same(node.data, value)
    assert len(node.partials) == len(partials)
    assert all(map(same, node.partials, partials)), node.partials


def test_next_to_a_tie_one_operand_has_it_all() -> None:
    """Next to a tie the whole partial goes to one operand."""
    for x in (1.0, -3.5, 1e300, 5e-324):
        over = math.nextafter(x, INF)
        assert record("max", (x, over)).partials == record("min", (over, x)).partials == (0.0, 1.0)
        assert record("max", (over, x)).partials == record("min", (x, over)).partials == (1.0, 0.0)


# -- the ends of IEEE 754 -------------------------------------------------------------------------------------

LN_2 = 0.6931471805599453
#: Values at -inf, inf, -0.0, 0.0; partials at -inf, inf, 0.0.
UNARY_ENDS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "neg": ((INF, -INF, 0.0, -0.0), (-1.0, -1.0, -1.0)),
    "abs": ((INF, INF, 0.0, 0.0), (-1.0, 1.0, 0.0)),
    "sign": ((-1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "relu": ((0.0, INF, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "sqrt": ((NAN, INF, -0.0, 0.0), (NAN, 0.0, INF)),
    "cbrt": ((-INF, INF, -0.0, 0.0), (0.0, 0.0, INF)),
    "exp": ((0.0, INF, 1.0, 1.0), (0.0, INF, 1.0)),
    "exp2": ((0.0, INF, 1.0, 1.0), (0.0, INF, LN_2)),
    "expm1": ((-1.0, INF, -0.0, 0.0), (0.0, INF, 1.0)),
    "log": ((NAN, INF, -INF, -INF), (NAN, 0.0, INF)),
    "log2": ((NAN, INF, -INF, -INF), (NAN, 0.0, INF)),
    "log10": ((NAN, INF, -INF, -INF), (NAN, 0.0, INF)),
    "log1p": ((NAN, INF, -0.0, 0.0), (NAN, 0.0, 1.0)),
    "sin": ((NAN, NAN, -0.0, 0.0), (NAN, NAN, 1.0)),
    "cos": ((NAN, NAN, 1.0, 1.0), (NAN, NAN, 0.0)),
    "tan": ((NAN, NAN, -0.0, 0.0), (NAN, NAN, 1.0)),
    "asin": ((NAN, NAN, -0.0, 0.0), (NAN, NAN, 1.0)),
    "acos": ((NAN, NAN, PI / 2, PI / 2), (NAN, NAN, -1.0)),
    "atan": ((-PI / 2, PI / 2, -0.0, 0.0), (0.0, 0.0, 1.0)),
    "sinh": ((-INF, INF, -0.0, 0.0), (INF, INF, 1.0)),
    "cosh": ((INF, INF, 1.0, 1.0), (-INF, INF, 0.0)),
    "tanh": ((-1.0, 1.0, -0.0, 0.0), (0.0, 0.0, 1.0)),
    "asinh": ((-INF, INF, -0.0, 0.0), (0.0, 0.0, 1.0)),
    "acosh": ((NAN, INF, NAN, NAN), (NAN, 0.0, NAN)),
    "atanh": ((NAN, NAN, -0.0, 0.0), (NAN, NAN, 1.0)),
    "sigmoid": ((0.0, 1.0, 0.5, 0.5), (0.0, 0.0, 0.25)),
    "logsigmoid": ((-INF, -0.0, -LN_2, -LN_2), (1.0, 0.0, 0.5)),
    "logit": ((NAN, NAN, -INF, -INF), (NAN, NAN, INF)),
    "softplus": ((0.0, INF, LN_2, LN_2), (0.0, 1.0, 0.5)),
    "erf": ((-1.0, 1.0, -0.0, 0.0), (0.0, 0.0, 1.1283791670955126)),
    "erfc": ((2.0, 0.0, 1.0, 1.0), (0.0, 0.0, -1.1283791670955126)),
    "lgamma": ((INF, INF, INF, INF), (NAN, INF, -INF)),
    "digamma": ((NAN, INF, INF, -INF), (NAN, 0.0, INF)),
}


def test_every_unary_operation_has_ends() -> None:
    """The table of ends is whole."""
    assert set(UNARY_ENDS) == {name for name, rule in RULES.items() if rule.arity == 1}


@pytest.mark.parametrize("name", UNARY_ENDS)
def test_unary_operations_at_the_ends(name: str) -> None:
    """The limit where mathematics has one, else nan; a float always, the sign of a zero included."""
    values, partials = UNARY_ENDS[name]
    for x, expected in zip((-INF, INF, -0.0, 0.0), values, strict=True):
        assert repr(record(name, (x,)).data) == repr(expected), x
        assert repr(getattr(minigrad, name)(x)) == repr(expected), x
    for x, expected in zip((-INF, INF, 0.0), partials, strict=True):
        assert same(record(name, (x,)).partials[0], expected), (x, record(name, (x,)).partials)
    assert math.isnan(record(name, (NAN,)).data)
    for x in (NAN, -INF, INF, -0.0, 0.0, -1e308, 1e308, -5e-324, 5e-324, -1.0, 1.0, -1e22, -7.0):
        node = record(name, (x,))
        assert type(node.data) is type(node.partials[0]) is float


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("add", (INF, -INF), NAN), ("add", (1e308, 1e308), INF), ("add", (-0.0, -0.0), -0.0),
        ("sub", (INF, INF), NAN), ("sub", (INF, -INF), INF), ("mul", (0.0, INF), NAN), ("mul", (-1e200, 1e200), -INF),
        ("mul", (-0.0, 3.0), -0.0), ("div", (1.0, 0.0), INF), ("div", (-1.0, 0.0), -INF), ("div", (1.0, -0.0), -INF),
        ("div", (0.0, 0.0), NAN), ("div", (INF, INF), NAN), ("div", (1.0, -INF), -0.0), ("div", (NAN, 0.0), NAN),
        ("div", (1e308, 1e-308), INF), ("pow", (0.0, 0.0), 1.0), ("pow", (NAN, 0.0), 1.0), ("pow", (1.0, NAN), 1.0),
        ("pow", (-1.0, 0.5), NAN), ("pow", (-8.0, 1.0 / 3.0), NAN), ("pow", (0.0, -1.0), INF),
        ("pow", (-0.0, -1.0), -INF), ("pow", (-0.0, -2.0), INF), ("pow", (INF, 0.0), 1.0), ("pow", (-1.0, INF), 1.0),
        ("pow", (0.5, INF), 0.0), ("pow", (2.0, INF), INF), ("pow", (2.0, -INF), 0.0), ("pow", (-INF, 3.0), -INF),
        ("pow", (-INF, -3.0), -0.0), ("pow", (1e308, 2.0), INF), ("pow", (-1e308, 3.0), -INF),
        ("pow", (NAN, 1.0), NAN), ("pow", (0.0, INF), 0.0), ("pow", (0.0, -INF), INF), ("min", (NAN, 1.0), NAN),
        ("min", (1.0, NAN), NAN), ("max", (NAN, INF), NAN), ("max", (INF, NAN), NAN), ("min", (-INF, INF), -INF),
        ("max", (-INF, INF), INF), ("less", (NAN, 1.0), 0.0), ("less", (-INF, INF), 1.0),
        ("less_equal", (NAN, NAN), 0.0), ("less_equal", (INF, INF), 1.0), ("less", (-0.0, 0.0), 0.0),
        ("atan2", (0.0, -1.0), PI), ("atan2", (-0.0, -1.0), -PI), ("atan2", (0.0, 0.0), 0.0),
        ("atan2", (0.0, -0.0), PI), ("atan2", (INF, INF), PI / 4), ("atan2", (1.0, -INF), PI),
        ("atan2", (-1.0, INF), -0.0), ("atan2", (NAN, 1.0), NAN), ("atan2", (1.0, 0.0), PI / 2),
        ("hypot", (INF, NAN), INF), ("hypot", (NAN, -INF), INF), ("hypot", (NAN, 1.0), NAN),
        ("hypot", (1.5e308, 1.5e308), INF), ("logaddexp", (-INF, -INF), -INF), ("logaddexp", (INF, -INF), INF),
        ("logaddexp", (INF, INF), INF), ("logaddexp", (NAN, 1.0), NAN), ("logaddexp", (1.0, NAN), NAN),
        ("logaddexp", (-INF, 3.0), 3.0), ("bce", (NAN, 0.5), NAN), ("bce", (0.5, NAN), NAN),
        ("bce_with_logits", (INF, 1.0), 0.0), ("bce_with_logits", (INF, 0.0), INF),
        ("bce_with_logits", (-INF, 0.0), 0.0), ("bce_with_logits", (-INF, 1.0), INF),
        ("bce_with_logits", (INF, 0.5), INF), ("bce_with_logits", (NAN, 0.0), NAN),
        ("bce_with_logits", (1.0, NAN), NAN), ("polygamma", (1.0, INF), 0.0), ("polygamma", (1.0, 0.0), INF),
        ("polygamma", (2.0, 0.0), -INF), ("polygamma", (0.0, 1.0), NAN), ("polygamma", (1.5, 1.0), NAN),
        ("polygamma", (1.0, NAN), NAN),
    ],
)  # fmt: skip
def test_binary_operations_at_the_ends(name: str, point: Point, expected: float) -> None:
    """As IEEE 754 and C say: never an exception, never complex."""
    assert repr(record(name, point).data) == repr(expected)
    assert repr(getattr(minigrad, name)(*point)) == repr(expected)


def test_binary_operations_never_raise() -> None:
    """Every pair of special operands gives floats, partials too."""
    special = (NAN, -INF, INF, -0.0, 0.0, 1.0, -1.0, 0.5, 2.0, 1e308, -1e308, 5e-324, -5e-324)
    for name in (name for name, rule in RULES.items() if rule.arity == 2):
        for x in special:
            for y in special:
                node = record(name, (x, y))
                assert all(type(number) is float for number in (node.data, *node.partials)), (name, x, y)


def test_the_best_known_ends() -> None:
    """What a reader tries first."""
    assert minigrad.log(Value(0.0)).data == -INF
    assert math.isnan(minigrad.log(Value(-1.0)).data)
    assert math.isnan(minigrad.log(Value(-1.0)).partials[0])
    assert minigrad.exp(Value(710.0)).data == minigrad.exp(Value(710.0)).partials[0] == INF
    assert (Value(1.0) / 0.0).data == INF
    assert (Value(0.0) ** 0.0).data == 1.0
    assert math.isnan((Value(-1.0) ** 0.5).data)


# -- bce(sigmoid(z), y) ---------------------------------------------------------------------------------------

LOGITS = [s * z for z in (1e-300, 1.0, 30.0, 40.0, 700.0, 745.0, 800.0, 1e4) for s in (1.0, -1.0)] + [0.0]


@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("z", LOGITS)
@pytest.mark.parametrize("b", [0.0, 0.125])
def test_bce_of_a_sigmoid_is_computed_from_the_logit(z: float, y: float, b: float) -> None:
    """The loss and every gradient on the way, though a may round to 0 or 1."""
    x = 3.0
    weight, bias = Value(z / x), Value(b)
    logit = weight * x + bias
    a = minigrad.sigmoid(logit)
    loss = minigrad.bce(a, y)
    loss.backward()
    with mpmath.workdps(700):
        t, label = mpmath.mpf(logit.data), mpmath.mpf(y)
        exact = 1 / (1 + mpmath.exp(-t))
        rest = 1 / (1 + mpmath.exp(t))  # 1 - exact
        value = -label * mpmath.log(exact) - (1 - label) * mpmath.log(rest)
        assert ulps(a.data, exact) <= 4.0
        assert ulps(loss.data, value) <= 4.0
        assert ulps(logit.grad, exact - label if y != 1.0 else -rest) <= 4.0
        assert ulps(a.grad, (1 - label) / rest - label / exact) <= 4.0
        assert bias.grad == logit.grad
        assert ulps(weight.grad, x * (exact - label if y != 1.0 else -rest)) <= 4.5  # and one rounding
        assert weight.grad == x * logit.grad


def test_the_loss_at_minus_800_is_800() -> None:
    """Where exp(-800) is no double and the naive loss is infinite."""
    z = Value(-800.0)
    loss = minigrad.bce(minigrad.sigmoid(z), 1.0)
    loss.backward()
    assert loss.data == 800.0
    assert z.grad == -1.0


def test_a_loss_written_out_is_evaluated_as_written() -> None:
    """Nothing recognises a formula and replaces it: the same bits as Python's arithmetic, its inf and nan too."""
    for z in (-40.0, -3.0, 0.5, 2.0, 17.0):
        for y in (0.0, 0.25, 1.0):
            a = minigrad.sigmoid(Value(z))
            loss = -(y * minigrad.log(a) + (1 - y) * minigrad.log(1 - a))
            assert loss.data == -(y * math.log(a.data) + (1 - y) * math.log(1 - a.data))
    a = minigrad.sigmoid(Value(40.0))
    assert a.data == 1.0
    assert (-(0.0 * minigrad.log(a) + 1.0 * minigrad.log(1 - a))).data == INF
    assert math.isnan((-(1.0 * minigrad.log(a) + 0.0 * minigrad.log(1 - a))).data)
