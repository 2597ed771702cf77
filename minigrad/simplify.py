"""Identities applied to expressions: the stable form for programs.

Room: matches the rows of `rewrites.py` against a store and builds what they say. Below: `expression`, `ranges`,
`rewrites`. Above: `derive`, `program`.
Must hold: a row is applied only where its condition is proved; every distinct expression is settled once, so that
the time is linear in their number; no recursion over the expression (only over the text of a row).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import NamedTuple

from minigrad.expression import Expressions
from minigrad.ranges import Fact, Ranges, facts
from minigrad.rewrites import COMMUTATIVE, REWRITES, SIMPLIFY, Rewrite
from minigrad.rules import COMPUTED, RULES
from minigrad.templates import Template, template

#: Most rewrites of one expression before it is left as it is, and most terms of a sum that a row looks through.
FUEL = 40
MOST_TERMS = 1000
#: The letter of a pattern that stands for constants only.
CONSTANT = "k"


class Applied:
    """One application of an identity.

    name           of the row in `rewrites.REWRITES`
    before, after  the expression, as text
    row            the row: its identity, its condition, its kind
    """

    __slots__ = ("_after", "_before", "_store", "row")

    def __init__(self, row: Rewrite, store: Expressions, before: int, after: int) -> None:
        self.row = row
        self._store = store
        self._before = before
        self._after = after

    @property
    def name(self) -> str:
        """The name of the identity."""
        return self.row.name

    @property
    def before(self) -> str:
        """What was there, as text."""
        return self._store.text(self._before)

    @property
    def after(self) -> str:
        """What took its place, as text."""
        return self._store.text(self._after)

    def texts(self, symbols: Mapping[int, str], limit: int) -> tuple[str, str]:
        """Before and after, with other names than the labels and no longer than `limit`."""
        before = self._store.text(self._before, symbols=symbols, limit=limit)
        return before, self._store.text(self._after, symbols=symbols, limit=limit)

    def __repr__(self) -> str:
        return f"{self.name}: {self.before} -> {self.after}"


def stabilised(
    e: Expressions, ids: Sequence[int], *, keep: Collection[int] = (), computed: bool = True
) -> tuple[list[int], list[Applied]]:
    """Expressions in the form that is right in floating point, and the identities that led there.

    keep      ids that stay what they are: nothing looks through them
    computed  allow operations of `rules.COMPUTED`, which programs have and recorded graphs have not
    return    the new ids, and what was applied, in order

    Only rows that are proved and never worse than what was written; see `rewrites.py`.

    >>> from minigrad import Value, exp, log
    >>> z = Value(40.0, label="z")
    >>> e = Expressions()
    >>> (naive,) = e.read([-log(1 / (1 + exp(-z)))])
    >>> (stable,), applied = stabilised(e, [naive])
    >>> e.text(stable), [row.name for row in applied]
    ('-logsigmoid(z)', ['definition of sigmoid', 'definition of logsigmoid'])
    """
    rewriting = Rewriting(e, Ranges(e), keep=keep, kinds=(SIMPLIFY, "stabilise"), computed=computed)
    return rewriting.run(ids), rewriting.applied


# -- the rows, ready to be matched ------------------------------------------------------------------------


class Pattern(NamedTuple):
    """A row with its templates.

    needs   bits of the operations that must lie one or two steps below the root
    repeats letters that occur more than once
    demand  how much it asks for, negative: the most demanding row is tried first
    """

    row: Rewrite
    form: Template
    replacement: Template
    where: tuple[Fact, ...]
    needs: int
    repeats: frozenset[str]
    demand: float


_BITS = {op: 1 << k for k, op in enumerate(["const", *RULES, *COMPUTED])}
_BITS_OF = {**_BITS, "input": 0}


def _letters(form: Template) -> list[str]:
    if form.op == "letter":
        return [form.name]
    return [name for part in form.parts for name in _letters(part)]


def _size(form: Template) -> float:
    """How much a pattern asks for: operations, constants, and letters that must be the same."""
    if form.op == "letter":
        return 0.0
    if form.op == "const":
        return 0.5
    return 1.0 + sum(map(_size, form.parts))


def _needs(form: Template, repeats: frozenset[str]) -> int:
    """Bits of the operations one and two steps below the root, but for those that another spelling may hide."""
    found = 0
    for part in form.parts:
        for inner in (part, *part.parts):
            hidden = inner.op == "sum" or (inner.op == "neg" and inner.parts[0].name in repeats)
            if inner.name == CONSTANT:
                found |= _BITS["const"]
            elif inner.op in _BITS and not hidden:
                found |= _BITS[inner.op]
    return found


@cache
def patterns(kinds: tuple[str, ...], computed: bool) -> dict[str, list[Pattern]]:
    """The rows of these kinds by the operation at the root of their pattern, the most demanding first."""
    found: dict[str, list[Pattern]] = {}
    for row in REWRITES.values():
        if row.kind not in kinds or (row.computed and not computed):
            continue
        form, replacement = template(row.pattern, row.letters), template(row.replacement, row.letters)
        letters = _letters(form)
        repeats = frozenset(name for name in letters if letters.count(name) > 1)
        for shape in dict.fromkeys((form, _settled(form, row, found))):
            demand = -_size(shape) - len(repeats) / 8
            needs = _needs(shape, repeats)
            pattern = Pattern(row, shape, replacement, facts(row.where), needs, repeats, demand)
            insort(found.setdefault(shape.op, []), pattern, key=attrgetter("demand"))
    return found


def _settled(form: Template, row: Rewrite, found: dict[str, list[Pattern]]) -> Template:
    """A pattern as it is met: its parts, which are settled before it, rewritten by the rows before it."""
    if row.letters or not form.parts:
        return form
    e = Expressions()
    letters = {name: e.symbol(name) for name in _letters(form)}
    rewriting = Rewriting(e, Ranges(e), rows=found)
    parts = rewriting.run([e.build(part, letters) for part in form.parts])
    return Template(form.op, tuple(_template_of(e, part) for part in parts))


def _template_of(e: Expressions, i: int) -> Template:
    if e.ops[i] == "input":
        return Template("letter", name=e.label[i])
    if e.ops[i] == "const":
        return Template("const", number=e.number[i])
    return Template(e.ops[i], tuple(_template_of(e, operand) for operand in e.operands[i]))


# -- rewriting --------------------------------------------------------------------------------------------


class Rewriting:
    """Rows applied to a store, operands before results, until none applies."""

    def __init__(
        self,
        e: Expressions,
        ranges: Ranges,
        *,
        keep: Collection[int] = (),
        kinds: tuple[str, ...] = (SIMPLIFY,),
        computed: bool = False,
        rows: dict[str, list[Pattern]] | None = None,
    ) -> None:
        self.e = e
        self.ranges = ranges
        self.keep = set(keep)
        self.rows = patterns(kinds, computed) if rows is None else rows
        self.applied: list[Applied] = []
        self._done: dict[int, int] = {}
        self._chosen: dict[tuple[str, int], tuple[Pattern, ...]] = {}
        self._fuel = FUEL

    def run(self, ids: Sequence[int]) -> list[int]:
        """The settled forms of expressions."""
        e, done = self.e, self._done
        operands_of, label = e.operands, e.label
        for i in e.order(ids):
            operands = operands_of[i]
            if not operands:
                done[i] = i
                continue
            if i in done:
                continue
            settled = tuple([done[operand] for operand in operands])
            self._fuel = FUEL
            new = self._settle(i if settled == operands else e.remade(i, settled))
            done[i] = new
            if new != i:
                if i in label and e.operands[new] and new not in label:
                    label[new], e.node[new] = label[i], e.node[i]
                if i in self.keep:
                    self.keep.add(new)
        return [done[i] for i in ids]

    def _settle(self, i: int) -> int:
        """The form of an expression whose operands are settled."""
        e, done = self.e, self._done
        chain = []
        while i not in done and e.operands[i]:
            chain.append(i)
            after = self._step(i) if self._fuel > 0 else None
            if after is None:
                break
            i = after
        result = done.get(i, i)
        for j in chain:
            done[j] = result
        return result

    def _step(self, i: int) -> int | None:
        """What the first row that applies makes of an expression; None if none does."""
        found = self.first(i)
        if found is None:
            return None
        pattern, letters = found
        self._fuel -= 1
        after = self._build(pattern.replacement, letters)
        self.applied.append(Applied(pattern.row, self.e, i, after))
        return after

    def first(self, i: int) -> tuple[Pattern, dict[str, int | list[int]]] | None:
        """The first row that applies to an expression, and what its letters stand for."""
        for pattern in self._candidates(i):
            for letters in self._match(pattern, pattern.form, i, {}, True):
                if self._holds(pattern, letters):
                    return pattern, letters
        return None

    def _build(self, form: Template, letters: dict[str, int | list[int]]) -> int:
        if form.op == "letter":
            return letters[form.name]  # type: ignore[return-value]
        if form.op == "const":
            return self.e.constant(form.number)
        operands: list[int] = []
        for part in form.parts:
            if part.name.endswith("*"):
                operands += letters[part.name]  # type: ignore[arg-type]
            else:
                operands.append(self._build(part, letters))
        return self._settle(self.e.make(form.op, tuple(operands)))

    def _holds(self, pattern: Pattern, letters: dict[str, int | list[int]]) -> bool:
        for letter, relation, limit in pattern.where:
            number = self.e.number[letters[limit]] if isinstance(limit, str) else limit  # type: ignore[index]
            if not self.ranges.proves(letters[letter], relation, number):  # type: ignore[arg-type]
                return False
        return True

    def _candidates(self, i: int) -> tuple[Pattern, ...]:
        """The rows for an operation whose needs lie one and two steps below it."""
        e = self.e
        ops, operands_of = e.ops, e.operands
        op = ops[i]
        rows = self.rows.get(op)
        if rows is None:
            return ()
        bits = 0
        for operand in operands_of[i]:
            bits |= _BITS_OF[ops[operand]]
            inside = operands_of[operand]
            for inner in inside if len(inside) < 8 else inside[:8]:
                bits |= _BITS_OF[ops[inner]]
        found = self._chosen.get((op, bits))
        if found is None:
            found = tuple(pattern for pattern in rows if not pattern.needs & ~bits)
            self._chosen[op, bits] = found
        return found

    # -- matching -------------------------------------------------------------------------------------

    def _match(
        self, pattern: Pattern, form: Template, i: int, letters: dict[str, int | list[int]], top: bool = False
    ) -> Iterator[dict[str, int | list[int]]]:
        """Every way to give the letters ids such that the form is expression `i`."""
        e = self.e
        if form.op == "letter":
            bound = letters.get(form.name)
            if bound is None:
                if form.name != CONSTANT or i in e.number:
                    yield {**letters, form.name: i}
            elif bound == i:
                yield letters
            return
        if form.op == "const":
            if e.number.get(i) == form.number:
                yield letters
            return
        if not top and i in self.keep:
            return
        if form.op == "sum":
            yield from self._match_group(pattern, form.parts[0], i, letters)
            return
        if e.ops[i] != form.op:
            if form.op == "neg" and form.parts[0].name in pattern.repeats and not top:
                yield from self._match_negated(form.parts[0].name, i, letters)
            return
        operands = e.operands[i]
        if len(operands) == 1:
            yield from self._match(pattern, form.parts[0], operands[0], letters)
            return
        if len(operands) != len(form.parts):
            return
        if len(operands) == 2:
            first, second = form.parts
            x, y = operands
            for found in self._match(pattern, first, x, letters):
                yield from self._match(pattern, second, y, found)
            if form.op in COMMUTATIVE:
                for found in self._match(pattern, first, y, letters):
                    yield from self._match(pattern, second, x, found)
            return
        ways = [letters]
        for part, operand in zip(form.parts, operands, strict=True):
            ways = [more for way in ways for more in self._match(pattern, part, operand, way)]
        yield from ways

    def _match_negated(
        self, name: str, i: int, letters: dict[str, int | list[int]]
    ) -> Iterator[dict[str, int | list[int]]]:
        """-z in the pattern where the expression has no minus: z is then the negative of what is there."""
        if i in self.e.number:
            return
        opposite = self._opposite(i)
        bound = letters.get(name)
        if bound is None:
            yield {**letters, name: opposite}
        elif bound == opposite:
            yield letters

    def _opposite(self, i: int) -> int:
        made = self.e.make("neg", (i,))
        return self._done.get(made, made) if made in self._done else self._negative(made, i)

    def _negative(self, made: int, i: int) -> int:
        """The settled negative: of a difference the difference the other way round."""
        if self.e.ops[i] == "sub" and i not in self.keep:
            return self.e.make("sub", self.e.operands[i][::-1])
        return made

    def _match_group(
        self, pattern: Pattern, form: Template, i: int, letters: dict[str, int | list[int]]
    ) -> Iterator[dict[str, int | list[int]]]:
        """A sum, by name or by plus signs, of which every term has the same form."""
        terms = self._terms(i)
        names = set(_letters(form))
        groups: dict[str, int | list[int]] = {name: [] for name in names}
        for term in terms:
            found = next(self._match(pattern, form, term, {}), None)
            if found is None:
                return
            for name in names:
                groups[name].append(found[name])  # type: ignore[union-attr, arg-type]
        if terms:
            yield {**letters, **groups}

    def _terms(self, i: int) -> list[int]:
        e = self.e
        if e.ops[i] == "sum":
            return list(e.operands[i])
        terms: list[int] = []
        waiting = [i]
        while waiting and len(terms) + len(waiting) < MOST_TERMS:
            j = waiting.pop()
            if e.ops[j] == "add" and j not in self.keep:
                waiting += reversed(e.operands[j])
            else:
                terms.append(j)
        return terms if not waiting and len(terms) > 2 else []
