"""The chain rule at a node as equations: with symbols, down to the closed form, and with numbers.

Room: takes every symbol from `rules`, `rewrites` and `derive`, every number from the recorded graph and the ledger.
Below: `naming`, `maths`, `explanation`. Above: `telling`.
Must hold: both sides of every equation have the same number; every one has the name of its rule or identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from minigrad.explaining import maths
from minigrad.explaining.explanation import Block, Row, Table
from minigrad.explaining.maths import Math
from minigrad.explaining.naming import MOST_SIGNS, Local, Naming, finite
from minigrad.explaining.typeset import text
from minigrad.replay import Term
from minigrad.rewrites import REWRITES
from minigrad.rules import RULES
from minigrad.steps import COLLECTED
from minigrad.value import Value

#: Most consumers of a node that are told one by one, and most identities of a closed form.
MOST_TOLD = 8
MOST_STEPS = 40

#: How lectures write an identity of `rewrites`; the tests hold it against the row.
LECTURE = {"slope of the loss": "-y / a + (1 - y) / (1 - a)"}

_ONCE = "one product for each node that uses it"


class Use(NamedTuple):
    """A node that uses another: all the places where it does together.

    consumer   who
    places     which of its operands
    partial    the derivative of the consumer by the node, as a formula
    rules      names of the rules and identities that gave it
    number     its number
    """

    consumer: Value
    places: tuple[int, ...]
    partial: Math
    rules: tuple[str, ...]
    number: float


def uses(naming: Naming, node: Value) -> list[Use]:
    """Who uses a node, in the order in which backward reaches them."""
    places: dict[Value, list[int]] = {}
    for consumer, place in naming.graph.consumers(node):
        places.setdefault(consumer, []).append(place)
    found: list[Use] = []
    for consumer, at in reversed(places.items()):
        if len(found) == MOST_TOLD:
            break
        found.append(_use(naming, node, consumer, tuple(at)))
    return found


def _use(naming: Naming, node: Value, consumer: Value, places: tuple[int, ...]) -> Use:
    rules = tuple(dict.fromkeys(f"{consumer.op} by {letter_of(consumer, place)}" for place in places))
    if len(consumer.operands) > 60:
        partial, more = maths.partial(naming.name(consumer), naming.name(node)), list[str]()
        number = sum(consumer.partials[place] for place in places)
    else:
        local = Local(naming, consumer)
        partial, more = local.partial(node)
        number = local.total(node)
    return Use(consumer, places, partial, (*rules, *dict.fromkeys(more)), number)


def letter_of(consumer: Value, place: int) -> str:
    """The letter that the table has for an operand."""
    operands = RULES[consumer.op].operands
    return operands[place * len(operands) // len(consumer.operands)].rstrip("*")


# -- symbols ----------------------------------------------------------------------------------------------


def symbols(naming: Naming, node: Value, found: list[Use]) -> list[Row]:
    """The chain rule in symbols, down to the closed form."""
    left, more = naming.gradient(node), naming.graph.consumers(node)
    rest = len({consumer for consumer, _ in more}) - len(found)
    rows: list[Row] = []
    inner = [use for use in found if use.consumer is not naming.output]
    if inner:
        terms = [
            use.partial
            if use.consumer is naming.output
            else maths.links(
                [naming.gradient(use.consumer), maths.partial(naming.name(use.consumer), naming.name(node))]
            )
            for use in found
        ]
        rows.append(Row(left, _cut(terms, rest), "chain rule" if len(found) == 1 else f"chain rule: {_ONCE}"))
    said: list[str] = []
    closed: list[str] = []
    terms = []
    for use in found:
        above, names = _above(naming, use.consumer, node)
        terms.append(maths.links([*above, use.partial]) if not _is_zero(use.partial) else use.partial)
        closed += [name for name in names if name.startswith("∂")]
        said += [*(name for name in names if not name.startswith("∂")), *use.rules]
    if closed:
        said.insert(0, closed[0] if len(closed) == 1 else "gradients in closed form")
    reason = "; ".join(name for name in dict.fromkeys(said) if name != COLLECTED)
    rows.append(Row(left, _cut(terms, rest), reason))
    return [*_first(rows), *_closed(naming, node, rows, rest)]


def _first(rows: list[Row]) -> Iterator[Row]:
    """The rows with the left side on the first only, and none that says again what stands above it."""
    before = ""
    for row in rows:
        written = text(row.right)
        if written != before:
            yield row if not before else Row(None, row.right, row.reason)
        before = written


def _closed(naming: Naming, node: Value, rows: list[Row], rest: int) -> Iterator[Row]:
    if not naming.derivable:
        return
    form = naming.closed(node)
    if form is None or _factors(form) == _factors(rows[-1].right):
        return
    identities: list[str] = []
    found = naming.derivative(node)
    for step in reversed(found.steps if found is not None else ()):
        if step.name.startswith("chain rule"):
            break
        identities.insert(0, step.name)
    new = [name for name in dict.fromkeys(identities) if name not in rows[-1].reason.split("; ")]
    yield Row(None, form, "; ".join(new[-4:]) or COLLECTED)


def _factors(x: Math) -> list[str]:
    """What is multiplied, in any order: two products with the same factors need not both be written."""
    if x.kind in ("links", "product"):
        return sorted(factor for part in x.parts for factor in _factors(part))
    return [text(x)]


def _cut(terms: list[Math], rest: int) -> Math:
    return maths.total([*terms, maths.words(f"… {rest:,} more")] if rest > 0 else terms)


def _is_zero(x: Math) -> bool:
    return x.kind == "number" and x.number == 0.0


def _above(naming: Naming, consumer: Value, node: Value) -> tuple[list[Math], list[str]]:
    """The first link, ∂L/∂consumer, as one would write it down, and the rules it takes."""
    if consumer is naming.output:
        return [], []
    found = spelled(naming, consumer)
    if found is not None:
        return [found[0]], [found[1]]
    if naming.derivable:
        form = naming.closed(consumer)
        if form is not None and len(text(form)) <= MOST_SIGNS // 2:
            own = _row_by(naming, consumer)
            return [form], [own or f"{text(naming.gradient(consumer))} in closed form"]
    return [naming.gradient(consumer)], []


def _row_by(naming: Naming, node: Value) -> str:
    """The rule that gives the derivative of the result by a node, where it is one rule only."""
    consumers = naming.graph.consumers(node)
    if len(consumers) == 1 and consumers[0][0] is naming.output:
        return f"{naming.output.op} by {letter_of(*consumers[0])}"
    return ""


def spelled(naming: Naming, node: Value) -> tuple[Math, str] | None:
    """∂L/∂node as lectures write it, where the table of identities has it, and the names of rule and identity."""
    consumers = naming.graph.consumers(node)
    output = naming.output
    if len(consumers) != 1 or consumers[0][0] is not output or RULES[output.op].arity is None:
        return None
    letter = letter_of(*consumers[0])
    rule = RULES[output.op]
    goal = f"{rule.name}_d{letter}({', '.join(rule.operands)})"
    for row in REWRITES.values():
        if row.replacement == goal and row.name in LECTURE:
            letters = {
                name: naming.name(operand)
                for name, operand in zip(rule.operands, output.operands, strict=True)
            }
            written = maths.read(LECTURE[row.name], letters, digits=naming.digits)
            return written, f"{rule.name} by {letter}: {row.name}"
    return None


def direct(naming: Naming, node: Value, rows: list[Row]) -> list[Row]:
    """For a node that the result itself uses: the lecture's spelling first."""
    found = spelled(naming, node)
    if found is None:
        return rows
    left, (written, name) = naming.gradient(node), found
    rest = [Row(None, row.right, row.reason) for row in rows]
    rest[0] = Row(None, rows[0].right, f"{naming.output.op}, as in the table of rules")
    return [Row(left, written, name), *rest]


# -- numbers ----------------------------------------------------------------------------------------------


def numbers(naming: Naming, node: Value, found: list[Use]) -> list[Row]:
    """The chain rule in numbers: what each consumer sends, and the sum."""
    left, total = naming.gradient(node), naming.gradients[node]
    if len(found) == 1 and found[0].consumer is naming.output and finite(total):
        return [Row(left, naming.number(total), "the partial itself: the result starts from 1")]
    pairs = [(naming.gradients[use.consumer], use.number) for use in found]
    whole = len({consumer for consumer, _ in naming.graph.consumers(node)}) == len(found)
    by_links = sum(g * p for g, p in pairs)
    if (
        not whole
        or not finite(total, *(x for pair in pairs for x in pair))
        or not _near(by_links, total, pairs)
    ):
        return _by_ledger(naming, node)
    products = [(naming.number(g), naming.number(p)) for g, p in pairs]
    rows = [
        Row(left, maths.products(products), "a gradient times a partial" + " for each use" * (len(pairs) > 1))
    ]
    if len(pairs) > 1:
        rows.append(Row(None, _sum([g * p for g, p in pairs], naming), "what each use sends"))
    return [*rows, Row(None, naming.number(total), "their sum" if len(pairs) > 1 else "")]


def _sum(terms: Iterable[float], naming: Naming) -> Math:
    return maths.total([naming.number(term) for term in terms])


def _near(x: float, y: float, pairs: list[tuple[float, float]]) -> bool:
    size = sum(abs(g * p) for g, p in pairs)
    return abs(x - y) <= 1e-9 * max(size, abs(y))


def _by_ledger(naming: Naming, node: Value) -> list[Row]:
    ledger = naming.ledger(node)
    left = naming.gradient(node)
    if not 0 < len(ledger) <= MOST_TOLD:
        said = f"the sum of {len(ledger):,} terms" if len(ledger) else "no term arrives"
        return [Row(left, naming.number(ledger.total), said)]
    products = [(naming.number(term.gradient), naming.number(term.partial)) for term in ledger]
    return [
        Row(left, maths.products(products), "what is sent: a gradient times a partial"),
        Row(None, naming.number(ledger.total), "their sum" if len(ledger) > 1 else ""),
    ]


def sent(naming: Naming, node: Value) -> list[Block]:
    """The ledger as a table: who sent what, in backward's order, and the running sum; none where nothing arrives."""
    terms = naming.ledger(node).terms
    if not terms:
        return []
    rows = [_sent_row(naming, term) for term in terms[:MOST_TOLD]]
    if len(terms) > MOST_TOLD:
        last = naming.number(terms[-1].after)
        rows.append([f"and {len(terms) - MOST_TOLD:,} more", "", "", "", last])
    return [Table(("sent by", "its gradient", "partial", "term", "in all"), rows)]


def _sent_row(naming: Naming, term: Term) -> list[str | Math]:
    if term.consumer is None:
        sender = "the seed"
    else:
        sender = naming.text(term.consumer)
        if len(term.consumer.operands) > 1:
            sender += f", operand {letter_of(term.consumer, term.position)}" if term.via is None else ""
        if term.via is not None:
            sender += f", past {naming.text(term.via)}"
    return [sender, *map(naming.number, (term.gradient, term.partial, term.term, term.after))]
