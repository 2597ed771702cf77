"""Are two formulas the same function? Proved equal, proved different, or undecided.

Room: asks in turn for a point at which they differ (`witness`), for one form that both have (`closed`, `field`), and
for SymPy's opinion (`algebra`). Below: all of these. Above: `recorded`.
Must hold: an answer is right, or it is "undecided" and says why. Equal means the same number wherever both are
defined; of a derivative, wherever also the function it was derived from is, and but for its kinks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from minigrad import value as _core
from minigrad.checking.algebra import opinion
from minigrad.checking.field import Field, TooLargeError, decimal
from minigrad.checking.verdict import Proof
from minigrad.checking.witness import Look, Numbers, look
from minigrad.closed import Closing
from minigrad.derivative import ClosedForm, Derivative, unconditional
from minigrad.expression import Expressions
from minigrad.normal import exact
from minigrad.notation import number_text
from minigrad.real import NotANumberError
from minigrad.text import shown
from minigrad.value import Value

__all__ = ["prove"]

#: Seconds that SymPy is given.
SECONDS = 10.0
#: Formulas with more operations are not brought to another form.
MOST_OPERATIONS = 3000
_SEED = 20261125
#: Most characters of a formula in a reason.
_SHOWN = 60
_SUMS = frozenset({"add", "sub", "neg", "sum", "dot", "mul", "mean"})


def prove(
    first: Value | ClosedForm | float, second: Value | ClosedForm | float, *, seconds: float = SECONDS
) -> Proof:
    """Prove two formulas over the same nodes equal or different.

    first    a Value, a Derivative or closed form, or a number
    second   the same
    seconds  how long SymPy may look at what is open after everything else; 0: not at all
    return   Proof: "equal", "different" with a witness, or "undecided"; `by` says how, `reason` why

    Equal means: the same number wherever both are defined; where there is a point at which only one of them is, the
    answer is "undecided" and names it. A witness is confirmed in many digits (mpmath, from the extra `check`), so
    that no rounding can make one. Nodes that stand for a formula, a = sigmoid(z), stand for it here too.

    >>> from minigrad import Value, bce, derive, sigmoid
    >>> w, x, y = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="y")
    >>> z = (w * x).named("z")
    >>> a = sigmoid(z).named("a")
    >>> L = bce(a, y).named("L")
    >>> prove(derive(L, z), a - y).verdict
    'equal'
    >>> prove(derive(L, w), x * (y - a)).reason
    'at x = 2, w = 0.5, y = 1 the first is -0.53788284274 and the second 0.53788284274'
    """
    one, other = _node(first, "first"), _node(second, "second")
    strangers = _strangers(one, other)
    if strangers:
        return Proof("undecided", reason=strangers)
    e = Expressions()
    reference = next((formula for formula in (first, second) if isinstance(formula, Derivative)), None)
    a, b, *of = e.read([one, other] if reference is None else [one, other, reference.of])
    seen = _looked(e, (a, b, *of), [one, other, *([reference.of] if reference else [])])
    if seen.witness is not None:
        return _different(e, {i: x for i, x in seen.witness.items() if i in set(e.order([a, b]))}, seen)
    form = _same_form(e, a, b, of)
    if form and (seen.lonely or seen.single):
        return Proof("undecided", reason=_but(e, "the same wherever both are defined", seen))
    if form:
        return Proof("equal", "rewriting", form)
    if of and not seen.lonely and _same_beside_kinks(e, *((a, b) if reference is first else (b, a))):
        return Proof("equal", "rewriting", "they are the same but for kinks, where a derivative is a choice")
    return _by_sympy(e, a, b, seen, seconds)


def _node(formula: object, which: str) -> Value:
    if isinstance(formula, Value):
        return formula
    if isinstance(formula, ClosedForm):
        return formula.value
    try:
        return _core.constant(formula)  # type: ignore[arg-type]
    except NotANumberError:
        raise NotANumberError(
            f"the {which} formula is a {type(formula).__name__}: prove takes Values, derivatives and numbers"
        ) from None


def _strangers(one: Value, other: Value) -> str:
    """What is wrong where the two are formulas of different nodes with the same names."""
    leaves, others = ({x for x in _core.order_of([node]) if x.op == "input"} for node in (one, other))
    names = {x.label for x in leaves - others if x.label} & {x.label for x in others - leaves if x.label}
    if not names:
        return ""
    name = shown(min(names), 40)
    return f"the two use different nodes called {name}: write both formulas with the same Values"


def _looked(e: Expressions, ids: Sequence[int], formulas: list[Value]) -> Look:
    """What points show; of formulas that compute with constants alone, without rounding these on the way."""
    opened, fixed = _opened(formulas)
    if not fixed:
        return look(e, *ids)
    unfolded = Expressions()
    read = unfolded.read(opened)
    seen = look(unfolded, *read, fixed={unfolded.input(x) for x in fixed})
    back = {i: e.input(x) for i, x in unfolded.leaf.items()}
    return seen.renamed(back)


def _opened(formulas: list[Value]) -> tuple[list[Value], list[Value]]:
    """The formulas with inputs in the place of constants that are only computed with; and these inputs."""
    order = _core.order_of(formulas)
    constant = {node for node in order if node.op == "const"}
    made: dict[Value, Value] = {node: node for node in order}
    fixed: dict[Value, Value] = {}
    for node in order:
        if node.is_leaf:
            continue
        if constant.issuperset(node.operands):
            constant.add(node)
            for x in node.operands:
                if x.op == "const":
                    made[x] = fixed.setdefault(x, Value(x.data))
        operands = [made[x] for x in node.operands]
        if operands != list(node.operands):
            made[node] = _core.record(node.op, operands)
    return [made[node] for node in formulas], list(fixed.values())


# -- one form for both ------------------------------------------------------------------------------------


def _same_form(e: Expressions, a: int, b: int, of: Sequence[int]) -> str:
    """How the two are brought to one form; "" where they are not."""
    if a == b:
        return f"both are {e.text(a, limit=_SHOWN)}"
    if len(e.order([a, b])) > MOST_OPERATIONS:
        return ""
    named = {i for i in e.label if e.operands[i]}
    for kept in (named, set()):
        closing = Closing(e, kept, unconditional(e, [a, b, *of]))
        first, second = closing.run([a, b], written_out=True)
        if first == second or closing.run([e.make("sub", (first, second))], written_out=True) == [
            e.constant(0.0)
        ]:
            conditions = [f"{e.text(i, limit=_SHOWN)} is not 0" for i in closing.conditions[:2]]
            where = f", where {' and '.join(conditions)}" if conditions else ""
            return f"both are {e.text(first, limit=_SHOWN)}{where}"
    for reading, words in ((exact, ""), (decimal, ", with constants such as 0.1 read as 1/10")):
        for kept in _keeping(e, named):
            field = Field(e, kept, reading)
            try:
                if field.same(field.of(a), field.of(b)):
                    return f"written over the same exponentials, logarithms and powers, their difference is 0{words}"
            except TooLargeError:
                continue
    return ""


def _same_beside_kinks(e: Expressions, a: int, b: int) -> bool:
    """Whether a derivative and another formula are the same but where the derivative has a kink."""
    if len(e.order([a, b])) > MOST_OPERATIONS:
        return False
    draw = random.Random(_SEED)
    numbers = {i: draw.uniform(-1.0, 1.0) for i in e.order([a, b]) if e.ops[i] == "input"}
    field = Field(e, (), decimal, numbers)
    try:
        return field.same(field.of(a), field.of(b)) and field.holds_kinks(a)
    except (TooLargeError, OverflowError, ZeroDivisionError):
        return False


def _keeping(e: Expressions, named: set[int]) -> Iterator[set[int]]:
    """Which named nodes stay symbols: all, those that are sums and products, none."""
    yield named
    sums = {i for i in named if e.ops[i] in _SUMS}
    if sums and sums != named:
        yield sums
    if named:
        yield set()


def _by_sympy(e: Expressions, a: int, b: int, seen: Look, seconds: float) -> Proof:
    if seen.single or seen.lonely or seen.hindered or not seen.agreed:
        return Proof("undecided", reason=_but(e, "no identity brings them to one form", seen))
    if seconds <= 0:
        return Proof("undecided", reason=_open(seen, "SymPy was not asked"))
    answer = opinion(e, a, b, seconds)
    if answer.same:
        return Proof("equal", "SymPy", "SymPy brings their difference to 0")
    return Proof("undecided", reason=_open(seen, answer.reason))


# -- reasons ----------------------------------------------------------------------------------------------


def _different(e: Expressions, point: Numbers, seen: Look) -> Proof:
    witness = _by_name(e, point)
    where = f"at {_listed(witness)} " if witness else ""
    digits = 12
    while digits < 17 and f"{seen.values[0]:.{digits}g}" == f"{seen.values[1]:.{digits}g}":
        digits += 1
    one, other = (f"{x:.{digits}g}" for x in seen.values)
    reason = f"{where}the first is {one} and the second {other}"
    labels = [shown(e.label[i], 40) for i in seen.labels if i in point]
    if labels:
        return Proof(
            "undecided", reason=f"they agree as long as {', '.join(labels)} is a label; but {reason}"
        )
    return Proof("different", "a point", reason, witness)


def _but(e: Expressions, what: str, seen: Look) -> str:
    if seen.lonely:
        point, which = seen.lonely
        has = ("first", "second")[which]
        return f"{what}; but at {_listed(_by_name(e, point))} only the {has} has a value"
    if seen.single:
        return f"{what}; they differ at {_listed(_by_name(e, seen.single))} itself, not beside it"
    if seen.hindered:
        return f"{what}; they seem to differ, but {seen.hindered}"
    return f"{what}, and no point was found at which both are numbers"


def _open(seen: Look, reason: str) -> str:
    points = "the only point" if seen.agreed == 1 else f"the {seen.agreed} points"
    return f"no identity brings them to one form; they agree at {points} tried, which is no proof; {reason}"


def _by_name(e: Expressions, point: Numbers) -> Mapping[str, float]:
    """The numbers of a point by the names of the inputs; two of the same name are told apart."""
    names: dict[str, float] = {}
    for k, (i, x) in enumerate(point.items(), start=1):
        name = e.label.get(i) or f"input {k}"
        names[name if name not in names else f"{name}_{k}"] = x
    return names


def _listed(witness: Mapping[str, float]) -> str:
    shown_ones = [f"{shown(name, 40)} = {number_text(x)}" for name, x in list(witness.items())[:8]]
    more = [f"… ({len(witness):,} inputs)"] if len(witness) > 8 else []
    return ", ".join([*shown_ones, *more])
